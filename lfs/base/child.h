/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CHILD_H
#define LFS_BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"
#include "lfs/base/wait.h"

/*
 * Running another program and reading what it prints.
 *
 * The child gets our environment, an empty signal mask, SIGPIPE as by default,
 * the text given on its stdin, and /dev/null or a pipe as stderr: whatever it
 * leaves running then holds no descriptor of ours, for which git-lfs would
 * wait.  It stays in our process group, so that it may ask on the terminal.
 *
 * It is never found relative to the current folder, which may be a work tree
 * that a stranger has filled: empty and relative elements of PATH are left out,
 * for us and for the child.
 *
 * The child has been waited for when the function returns.  Output of the
 * child's own children after its exit is not read.
 *
 * The process must ignore SIGPIPE.  Any thread may run one.
 */

enum { CHILD_SAID_MAX = 512, CHILD_LINE_MAX = 64 << 10 };

/* The end of what a child wrote to its stderr. */
struct child_said {
	char text[CHILD_SAID_MAX];	/* no string */
	size_t len;
};

struct child {
	const char *const *argv;	/* ends with NULL; [0] is sought on PATH unless it has a '/' */
	const char *input;	/* what its stdin reads, or NULL: nothing */
	unsigned timeout_ms;	/* then it is ended; 0: no limit */
	bool keep_stderr;	/* its stderr is ours */
	bool talks_to_terminal;	/* its stderr is /dev/tty, if there is one */
	bool shows_output;	/* its stdout is copied to our stderr */
	struct child_said *said;	/* gets the end of its stderr; or NULL */

	struct stop stop;	/* ends it early */
};

/*
 * Run the child to its end and add its stdout to `output`, up to that buffer's
 * maximum.  With `status` its exit status is stored there, whatever it is;
 * without, any but 0 is an error.
 *
 * Errors name the program: ERR_LOCAL (it did not start, was killed, failed,
 * printed too much or took too long) or ERR_CANCELED (`stop`).
 */
int child_run(const struct child *child, struct buf *output, int *status,
	      struct err *err);

/*
 * Run the child to its end.  Returns the first line that it prints, the
 * caller's: "" if it prints nothing; NULL after an error as of child_run(), and
 * if its exit status is not 0, which is no error if `status` gets it.
 */
char *child_line(const struct child *child, int *status, struct err *err);

/*
 * Run the child to its end with these descriptors as its stdin and stdout, stdin
 * /dev/null if `in` is -1.  `input`, `said`, `talks_to_terminal` and
 * `shows_output` are not used; any exit status but 0 is an error.
 */
int child_run_files(const struct child *child, int in, int out,
		    struct err *err);

/*
 * The process that started this one.  Its time tells it from an earlier process
 * with the same pid.
 *
 * A shell between the two, as git-lfs starts its agents with `sh -c`, is passed
 * over, since each child has its own.
 */

struct parent {
	int64_t pid;
	uint64_t began;	/* clock ticks since boot (proc(5)); 0: not known */
};

void parent_find(struct parent *parent);

#endif
