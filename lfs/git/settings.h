/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_SETTINGS_H
#define LFS_GIT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * The user's choices: `lfsmultipart.<key>` of the git config, or
 * `lfsmultipart.<url>.<key>` for some servers only.  For a key that is not set
 * the one of git-lfs counts, then the default in the table of the .c file.
 */

struct settings {
	unsigned connections;		/* of all agents of the repository */
	uint64_t part_size;		/* bytes; 0: chosen by size and rate */
	unsigned retries;		/* of one part */
	unsigned max_retry_delay_ms;
	unsigned max_retry_time_ms;	/* that a server may ask us to wait */
	unsigned max_verifies;		/* of one upload, if they are refused */
	unsigned stall_ms;		/* silence while a body moves */
	unsigned answer_ms;		/* silence before a part's answer */
	unsigned finish_ms;		/* silence before a finish's answer */
	unsigned offline_ms;		/* nothing moves on any connection */
	unsigned connect_ms;		/* name, TCP and TLS together */
	unsigned prune_days;		/* age of unfinished files; 0: never */
	bool verify;			/* hash what is moved */
	bool fsync;			/* downloads go to the disk, then to git-lfs */
	bool keep_objects;		/* of a pull, in the storage, too */
};

/* Is there any key for some servers only?  If not, no URL matters. */
bool settings_depend_on_url(const struct gitconfig *config);

/*
 * Read them for transfers with the server of `url` (NULL: any).  A bad value
 * is ERR_USAGE, naming the key and what is allowed.
 */
int settings_load(struct settings *settings, const struct gitconfig *config,
		  const char *url, struct err *err);

#endif
