/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_LOG_H
#define LFS_BASE_LOG_H

#include <stdbool.h>

/*
 * Lines for people, never on stdout: git-lfs reads that.
 *
 * A line is composed on the stack, made printable (text.h) and written
 * once, so lines of several threads and processes do not mix.  URLs go through
 * url_display() first; headers never come here.
 */

struct err;

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG
};

/*
 * Take the level from GIT_LFS_MULTIPART_TRACE (a level's name or 0 to 3; any
 * other true value means debug) and, if GIT_LFS_MULTIPART_LOG names a file,
 * append there instead of stderr (made with mode 0600).  Called once, before
 * the first thread.  Without a level it is `info` in a file, `warn` on stderr.
 *
 * In a folder that other users may write to, the file must be this user's own
 * and not a link.  A terminal or a pipe will do.
 */
void log_init(void);

/* Why the log file cannot be used; NULL if nothing is wrong. */
const struct err *log_trouble(void);

/* True if a line of this level would be written. */
bool log_is_on(enum log_level level);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
