/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* mkdtemp() */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cleanplaced.h"
#include "test/unit/unit.h"

#define OID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HELLO "0016git-filter-client\n000eversion=2\n0000" \
	      "0015capability=clean\n0016capability=smudge\n0000"
#define HELLO_BACK "0016git-filter-server\n000eversion=2\n0000" \
		   "0015capability=clean\n0000"
#define CLEAN "0012command=clean\n"
#define PATH_A "000fpathname=a\n"
#define PATH_B "000fpathname=b\n"
#define ABCD "0008abcd0000"
#define POINTER "0082version https://git-lfs.github.com/spec/v1\n" \
		"oid sha256:" OID "\nsize 4\n"
#define GIVEN "0013status=success\n0000" POINTER "00000000"
#define FAILED "0011status=error\n0000"

enum { ANSWER_MAX = 8192 };

static char dir[] = "/tmp/lfsmp-cleanplaced.XXXXXX";
static struct placed placed;

/* What it answers if git sends this; a string. */
static int serve(const char *sent, char answer[ANSWER_MAX], struct err *err)
{
	char name[] = "/tmp/lfsmp-cleanplaced-io.XXXXXX";
	char other[] = "/tmp/lfsmp-cleanplaced-io.XXXXXX";
	int in = mkstemp(name), out = mkstemp(other), ret;
	size_t len = strlen(sent);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(write(in, sent, len), len);
	lseek(in, 0, SEEK_SET);
	ret = cleanplaced_serve(in, out, &placed, err);
	n = pread(out, answer, ANSWER_MAX - 1, 0);
	assert_true(n >= 0);
	answer[n] = '\0';
	close(in);
	close(out);
	unlink(name);
	unlink(other);
	return ret;
}

static void make(const char *path, const char *text)
{
	struct placed_file file = { .path = strdup(path),
				    .pointer = { .oid = OID, .size = 4 } };
	char full[100];
	struct stat st;
	int fd;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	fd = open(full, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	file.id = placed_identify(&st);
	placed_add(&placed, &file);
	placed_sort(&placed);
}

static int make_files(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	placed.top = strdup(dir);
	make("a", "abcd");
	make("b", "abcd");
	make("x\ny", "abcd");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	placed_release(&placed);
	return chdir(dir) || unlink("a") || unlink("b") || unlink("x\ny") ||
	       rmdir(dir);
}

static void answers(void **state)
{
	static const struct {
		const char *sent, *answer;
	} cases[] = {
		{ HELLO, "" },
		{ HELLO CLEAN PATH_A "0000" ABCD, GIVEN },
		{ HELLO CLEAN PATH_A "0000"
				     "0006ab0006cd0000",
		  GIVEN },
		{ HELLO CLEAN "000epathname=a"
			      "0000" ABCD,
		  GIVEN },
		{ HELLO CLEAN "0011pathname=x\ny\n"
			      "0000" ABCD,
		  GIVEN },
		/* Two files, one after the other. */
		{ HELLO CLEAN PATH_A "0000" ABCD CLEAN PATH_B "0000" ABCD,
		  GIVEN GIVEN },
		/* Another number of bytes than was placed. */
		{ HELLO CLEAN PATH_A "0000"
				     "0007abc0000",
		  FAILED },
		{ HELLO CLEAN PATH_A "0000"
				     "0000",
		  FAILED },
		/* Files that were not placed, and no file. */
		{ HELLO CLEAN "000fpathname=c\n"
			      "0000" ABCD,
		  FAILED },
		{ HELLO CLEAN "0012pathname=../a\n"
			      "0000" ABCD,
		  FAILED },
		{ HELLO CLEAN "0000" ABCD, FAILED },
		/* A pointer, of a file that was not placed or that was changed. */
		{ HELLO CLEAN "000fpathname=c\n"
			      "0000" POINTER "0000",
		  GIVEN },
		{ HELLO CLEAN PATH_A "0000" POINTER "0000", GIVEN },
		/* What is not asked for here. */
		{ HELLO "0013command=smudge\n" PATH_A "0000" ABCD, FAILED },
		{ HELLO PATH_A "0000" ABCD, FAILED },
		/* One failure does not end it. */
		{ HELLO CLEAN "0000" ABCD CLEAN PATH_A "0000" ABCD,
		  FAILED GIVEN },
	};
	char answer[ANSWER_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(serve(cases[i].sent, answer, &err), 0);
		assert_true(!strncmp(answer, HELLO_BACK, strlen(HELLO_BACK)));
		assert_string_equal(answer + strlen(HELLO_BACK),
				    cases[i].answer);
	}
}

/* An empty file that was not placed is its own object. */
static void an_empty_file(void **state)
{
	char answer[ANSWER_MAX];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(serve(HELLO CLEAN "000fpathname=c\n"
					   "0000"
					   "0000",
			       answer, &err),
			 0);
	assert_string_equal(answer + strlen(HELLO_BACK), "0013status=success\n"
							 "0000"
							 "0000"
							 "0000");
}

/* What cannot be git gets no answer; a file that is cut off is not answered. */
static void not_the_protocol(void **state)
{
	static const char *const cases[] = {
		"zzzz",
		"0003",
		"0004",
		"fff1",
		"0016git-filter-client\n000eversion=3\n0000",
		HELLO CLEAN PATH_A "0000"
				   "0008ab",
		HELLO CLEAN PATH_A "0000"
				   "0008abcd",
		HELLO CLEAN PATH_A "0000"
				   "0008abcd00",
		HELLO CLEAN "000",
	};
	char answer[ANSWER_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(serve(cases[i], answer, &err), -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_null(strstr(answer, "status="));
	}
}

static void a_list_without_an_end(void **state)
{
	char sent[4096] = HELLO, answer[ANSWER_MAX];
	struct err err = ERR_INIT;

	(void)state;
	while (strlen(sent) + 20 < sizeof(sent))
		snprintf(sent + strlen(sent), sizeof(sent) - strlen(sent),
			 CLEAN);
	assert_int_equal(serve(sent, answer, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
}

/* Each part of what was noted counts. */
static void files_that_have_changed(void **state)
{
	struct placed_file *file = &placed.files[0];
	const struct placed_id was = file->id;
	char answer[ANSWER_MAX];

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct err err = ERR_INIT;

		file->id = was;
		file->id.dev += i == 0;
		file->id.inode += i == 1;
		file->id.mtime_ns += i == 2;
		file->id.ctime_ns += i == 3;
		file->id.ctime_ns = i == 4 ? 0 : file->id.ctime_ns;
		assert_int_equal(serve(HELLO CLEAN PATH_A "0000" ABCD, answer,
				       &err),
				 0);
		assert_string_equal(answer + strlen(HELLO_BACK),
				    i == 5 ? GIVEN : FAILED);
	}
	file->id = was;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(an_empty_file),
		cmocka_unit_test(not_the_protocol),
		cmocka_unit_test(a_list_without_an_end),
		cmocka_unit_test(files_that_have_changed),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
