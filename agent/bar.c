/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/bar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/human.h"
#include "lfs/base/mem.h"

enum {
	DRAW_EVERY_MS = 200,
	PRINT_EVERY_MS = 10000,	/* where there is no terminal */
	RATE_EVERY_MS = 1000,
	COLUMNS = 80,	/* if the terminal does not say */
	GRAPH_MIN = 10,
	GRAPH_MAX = 40
};

/* A dumb terminal shows the escape sequences instead of obeying them. */
static bool is_dumb(const char *term)
{
	return !term || !*term || !strcmp(term, "dumb");
}

void bar_init(struct bar *bar, bool is_quiet)
{
	*bar = (struct bar){ .is_quiet = is_quiet };
	bar->is_terminal = isatty(STDERR_FILENO) && !is_dumb(getenv("TERM"));
}

static unsigned columns_now(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return COLUMNS;
	return size.ws_col;
}

static void update_rate(struct bar *bar, uint64_t moved, uint64_t now_ms)
{
	uint64_t ms = now_ms - bar->rated_ms;
	double rate;

	if (bar->rated_ms && ms < RATE_EVERY_MS)
		return;
	/* A part that begins again takes its bytes back. */
	if (bar->rated_ms && moved >= bar->rated) {
		rate = (double)(moved - bar->rated) * 1000 / (double)ms;
		bar->rate = bar->rate > 0 ? 0.7 * bar->rate + 0.3 * rate : rate;
	}
	bar->rated_ms = now_ms;
	bar->rated = moved;
}

static int64_t seconds_left(const struct bar *bar,
			    const struct bar_state *state)
{
	static const int64_t ages = INT64_MAX / 2;
	double seconds;

	if (state->bytes >= state->bytes_total)
		return 0;
	seconds = (double)(state->bytes_total - state->bytes) / bar->rate;
	return seconds < (double)ages ? (int64_t)seconds : ages;
}

/* The facts, the most important first. */
static char *format_facts(const struct bar *bar, const struct bar_state *state)
{
	struct human done = human_size(state->bytes);
	struct human total = human_size(state->bytes_total);
	struct human rate = human_size((uint64_t)bar->rate), age;

	if (bar->rate < 1)
		return xstrfmt("%zu/%zu objects, %s of %s", state->objects,
			       state->objects_total, done.text, total.text);
	age = human_age(seconds_left(bar, state));
	return xstrfmt("%zu/%zu objects, %s of %s, %s/s, %s left",
		       state->objects, state->objects_total, done.text,
		       total.text, rate.text, age.text);
}

/* Add " [====>    ]" if there is room. */
static void add_graph(char *line, size_t size, unsigned percent, unsigned room)
{
	unsigned width = room > GRAPH_MAX ? GRAPH_MAX : room;
	unsigned filled = width * percent / 100;
	size_t len = strlen(line);

	if (room < GRAPH_MIN)
		return;
	len += (size_t)snprintf(line + len, size - len, " [");
	for (unsigned i = 0; i < width; i++)
		line[len++] = i < filled ? '=' : i == filled ? '>' : ' ';
	snprintf(line + len, size - len, "]");
}

/* Drop facts that have no room as a whole: half a number would mislead. */
static void drop_end(char *line, unsigned columns)
{
	char *end = line + columns;

	while (end > line && *end != ',')
		end--;
	if (end == line)
		end = line + strcspn(line, "%") + 1;
	if (end > line + columns)
		end = line;
	*end = '\0';
}

char *bar_format(const struct bar *bar, const struct bar_state *state,
		 unsigned columns)
{
	enum { GRAPH_ROOM = GRAPH_MAX + 16 };
	unsigned percent = human_percent(state->bytes, state->bytes_total);
	char *facts = format_facts(bar, state);
	char head[GRAPH_ROOM], *line;
	size_t len;

	snprintf(head, sizeof(head), "%3u%%", percent);
	len = strlen(head) + 1 + strlen(facts) + 3;
	if (columns > len)
		add_graph(head, sizeof(head), percent, columns - (unsigned)len);
	line = xstrfmt("%s %s", head, facts);
	if (columns && strlen(line) > columns)
		drop_end(line, columns);
	free(facts);
	return line;
}

void bar_draw(struct bar *bar, const struct bar_state *state, uint64_t now_ms)
{
	unsigned every = bar->is_terminal ? DRAW_EVERY_MS : PRINT_EVERY_MS;
	char *line;

	update_rate(bar, state->moved, now_ms);
	if (!bar->drawn_ms && !bar->is_terminal)
		bar->drawn_ms = now_ms;
	if (bar->is_quiet || now_ms - bar->drawn_ms < every)
		return;
	bar->drawn_ms = now_ms;
	/* On some terminals a line as wide as the window wraps. */
	line = bar_format(bar, state, bar->is_terminal ? columns_now() - 1 : 0);
	if (bar->is_terminal)
		fprintf(stderr, "\r%s\033[K", line);
	else
		fprintf(stderr, "%s\n", line);
	bar->is_drawn = bar->is_terminal;
	free(line);
}

void bar_say(struct bar *bar, const char *text)
{
	if (bar->is_quiet || !bar->is_terminal)
		return;
	fprintf(stderr, "\r%s\033[K", text);
	bar->is_drawn = true;
}

void bar_clear(struct bar *bar)
{
	if (bar->is_drawn)
		fputs("\r\033[K", stderr);
	bar->is_drawn = false;
}
