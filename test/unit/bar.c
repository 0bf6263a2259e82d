/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "agent/bar.h"
#include "test/unit/unit.h"

#define GIB ((uint64_t)1 << 30)

static const struct bar_state half = {
	.objects = 15,
	.objects_total = 40,
	.bytes = 5 * GIB,
	.bytes_total = 10 * GIB,
};

static void expect(const struct bar *bar, const struct bar_state *state,
		   unsigned columns, const char *expected)
{
	char *line = bar_format(bar, state, columns);

	assert_string_equal(line, expected);
	free(line);
}

/* The picture is left out first, then the end of the line. */
static void widths(void **state)
{
	static const char facts[] =
		"15/40 objects, 5.0 GiB of 10 GiB, 100 MiB/s, 51 s left";
	const struct bar bar = { .rate = 100 << 20 };
	size_t before = 0;

	(void)state;
	for (unsigned columns = 1; columns <= 200; columns++) {
		char *line = bar_format(&bar, &half, columns);
		size_t len = strlen(line);

		assert_in_range(len, before, columns);
		before = len;
		assert_int_equal(strncmp(line, " 50%", len < 4 ? len : 4), 0);
		if (columns >= strlen(" 50% ") + strlen(facts))
			assert_string_equal(line + len - strlen(facts), facts);
		else if (columns < 4)
			assert_string_equal(line, "");
		else if (len > 4)
			assert_int_equal(facts[len - strlen(" 50% ")], ',');
		free(line);
	}
	assert_int_equal(before, strlen(" 50% [] ") + 40 + strlen(facts));
	expect(&bar, &half, 0,
	       " 50% 15/40 objects, 5.0 GiB of 10 GiB, 100 MiB/s, 51 s left");
	expect(&bar, &half, 72,
	       " 50% [=====>    ] 15/40 objects, 5.0 GiB of 10 GiB, "
	       "100 MiB/s, 51 s left");
}

static void picture(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *line;
	} cases[] = {
		{ 0, "  0% [>         ] 0/1 objects, 0 B of 999 B" },
		{ 99, "  9% [>         ] 0/1 objects, 99 B of 999 B" },
		{ 200, " 20% [==>       ] 0/1 objects, 200 B of 999 B" },
		{ 998, " 99% [=========>] 0/1 objects, 998 B of 999 B" },
		{ 999, "100% [==========] 0/1 objects, 999 B of 999 B" },
	};
	const struct bar bar = { .rate = 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct bar_state now = { .objects_total = 1,
					       .bytes = cases[i].bytes,
					       .bytes_total = 999 };

		expect(&bar, &now, (unsigned)strlen(cases[i].line),
		       cases[i].line);
	}
}

static void extremes(void **state)
{
	const struct bar_state nothing = { .objects = 0 };
	const struct bar_state most = { .objects = SIZE_MAX,
					.objects_total = SIZE_MAX,
					.bytes = UINT64_MAX - 1,
					.bytes_total = UINT64_MAX };
	/* An object that is begun again may have been counted twice. */
	const struct bar_state over = { .bytes = 2000, .bytes_total = 1000 };
	const struct bar_state long_way = { .bytes_total = UINT64_MAX };
	const struct bar none = { .rate = 0 }, slow = { .rate = 1 };
	char *line;

	(void)state;
	expect(&none, &nothing, 0, "100% 0/0 objects, 0 B of 0 B");
	expect(&slow, &over, 0,
	       "100% 0/0 objects, 1.9 KiB of 1000 B, 1 B/s, 0 s left");
	expect(&slow, &nothing, 0,
	       "100% 0/0 objects, 0 B of 0 B, 1 B/s, 0 s left");
	for (unsigned columns = 0; columns < 200; columns++)
		free(bar_format(&slow, &most, columns));
	line = bar_format(&slow, &long_way, 0);
	assert_non_null(strstr(line, "15 EiB, 1 B/s, "));
	assert_non_null(strstr(line, " days left"));
	free(line);
}

/* A file with what bar_draw() writes to stderr. */
static void draw(struct bar *bar, const struct bar_state *now, uint64_t ms,
		 const char *expected)
{
	char path[] = "/tmp/lfsmp-bar.XXXXXX", text[300];
	int file = mkstemp(path), saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(file >= 0 && saved >= 0);
	unlink(path);
	fflush(stderr);
	dup2(file, STDERR_FILENO);
	bar_draw(bar, now, ms);
	bar_clear(bar);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	n = pread(file, text, sizeof(text) - 1, 0);
	close(saved);
	close(file);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void lines_now_and_then(void **state)
{
	struct bar_state now = { .objects_total = 1, .bytes_total = 100000 };
	struct bar bar;

	(void)state;
	bar_init(&bar, false);
	bar.is_terminal = false;
	draw(&bar, &now, 5000, "");
	now.bytes = now.moved = 5000;
	draw(&bar, &now, 10000, "");
	now.bytes = now.moved = 10000;
	draw(&bar, &now, 15000,
	     " 10% 0/1 objects, 9.7 KiB of 97 KiB, 1000 B/s, 90 s left\n");
	draw(&bar, &now, 24999, "");
	/* A rate is smoothed, and one that went back counts for nothing. */
	assert_in_range((unsigned)bar.rate, 699, 701);
	now.moved = 0;
	draw(&bar, &now, 25999,
	     " 10% 0/1 objects, 9.7 KiB of 97 KiB, 700 B/s, 2 min left\n");
	now.moved = 700;
	bar_draw(&bar, &now, 26499);
	assert_in_range((unsigned)bar.rate, 699, 701);
	bar_draw(&bar, &now, 26999);
	assert_in_range((unsigned)bar.rate, 699, 701);
}

static void quiet(void **state)
{
	struct bar bar;

	(void)state;
	bar_init(&bar, true);
	for (int i = 0; i < 2; i++) {
		bar.is_terminal = i;
		draw(&bar, &half, 1000, "");
		draw(&bar, &half, 100000, "");
	}
}

/* Drawn over itself, and gone when it is taken away. */
static void a_terminal(void **state)
{
	static const struct bar_state now = { .objects_total = 1 };
	struct bar bar;

	(void)state;
	bar_init(&bar, false);
	bar.is_terminal = true;
	draw(&bar, &now, 1000,
	     "\r100% [========================================] "
	     "0/1 objects, 0 B of 0 B\033[K\r\033[K");
	draw(&bar, &now, 1199, "");
	draw(&bar, &now, 1200,
	     "\r100% [========================================] "
	     "0/1 objects, 0 B of 0 B\033[K\r\033[K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths),
		cmocka_unit_test(picture),
		cmocka_unit_test(extremes),
		cmocka_unit_test(lines_now_and_then),
		cmocka_unit_test(quiet),
		cmocka_unit_test(a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
