/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_BAR_H
#define AGENT_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far a long command has come, on stderr: on a terminal one line as wide as
 * the window, which is drawn again and again; otherwise a line now and then.
 *
 *	37% [=======>            ] 15/40 objects, 3.7 GiB of 10 GiB, 251 MiB/s, 25 s left
 */

struct bar_state {
	size_t objects, objects_total;
	uint64_t bytes, bytes_total;	/* that have moved or need not move */
	uint64_t moved;	/* bytes that have gone over the wire */
};

struct bar {
	bool is_quiet;
	bool is_terminal;
	bool is_drawn;	/* the cursor is in the bar's line */
	uint64_t drawn_ms;
	uint64_t rated_ms;	/* when `rated` bytes had moved */
	uint64_t rated;
	double rate;	/* bytes a second, smoothed; 0: not known yet */
};

/* A quiet bar draws nothing. */
void bar_init(struct bar *bar, bool is_quiet);

/* Draw the bar if that is due at `now_ms`. */
void bar_draw(struct bar *bar, const struct bar_state *state, uint64_t now_ms);

/* On a terminal, say what goes on before there are numbers. */
void bar_say(struct bar *bar, const char *text);

/* Remove the line before other output. */
void bar_clear(struct bar *bar);

/*
 * The line for a window of so many columns, the caller's.  If there is no
 * room, the less important facts are left out as a whole; with 0, for no window,
 * only the picture is.
 */
char *bar_format(const struct bar *bar, const struct bar_state *state,
		 unsigned columns);

#endif
