/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORKREPORT_H
#define AGENT_FORKREPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/forkpush.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/carry/fork.h"

/* What a fork tells people: how far it has come, and what has become of it. */

/*
 * How far a long command has come, on stderr: one line that is drawn anew on
 * a terminal, as wide as the window is then; else a line now and then.
 *
 *	37% [=======>            ] 15/40 objects, 3.7 GiB of 10 GiB, 251 MiB/s, 25 s left
 */

struct bar_state {
	size_t objects, objects_total;
	uint64_t bytes, bytes_total;	/* that need nothing more, or have moved */
	uint64_t moved;	/* bytes that went over the wire so far */
};

struct bar {
	bool is_quiet;
	bool is_terminal;
	bool is_drawn;	/* the cursor is in its line */
	uint64_t drawn_ms;
	uint64_t rated_ms;	/* when `rated` bytes had moved */
	uint64_t rated;
	double rate;	/* bytes a second, smoothed; 0: not known yet */
};

/* Quiet bars draw nothing. */
void bar_init(struct bar *bar, bool is_quiet);

/* Draw it, if that is due at `now_ms`. */
void bar_draw(struct bar *bar, const struct bar_state *state, uint64_t now_ms);

/* Say what goes on while there is no number yet: on a terminal. */
void bar_say(struct bar *bar, const char *text);

/* Take the line away, for other output. */
void bar_clear(struct bar *bar);

/*
 * The line for a window of so many columns: what is less important is left out,
 * as a whole, where there is no room; 0 for no window, which has all but the picture.  The
 * caller's.
 */
char *bar_format(const struct bar *bar, const struct bar_state *state,
		 unsigned columns);

/* What has become of it, on stdout. */
struct forkreport {
	const struct fork *fork;	/* borrowed; NULL: it could not begin */
	const struct forkpush *push;	/* borrowed */
	struct err err;	/* why it ended early, if it did */
	bool has_found;	/* the objects are known */
	bool is_dry;	/* nothing was moved: what would be */
	bool is_pushed;
};

void forkreport_print(const struct forkreport *report);

/* The caller's. */
json_t *forkreport_json(const struct forkreport *report);

/* The name of a ref that is not pushed, for people, the caller's; or NULL. */
char *forkreport_left(const struct forkpush_ref *ref);

#endif
