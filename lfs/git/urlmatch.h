/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_URLMATCH_H
#define LFS_GIT_URLMATCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The `section.<url>.key` of the git config that is meant for a URL, by git's
 * rules (git help config, http.<url>.*), and by one more of git-lfs: `.../repo`
 * also stands for its LFS URL `.../repo.git/info/lfs`.
 *
 * Both sides are normalised first: case, escapes, default ports, "." and "..".
 * The scheme and the port must be the same, the host label by label where `*`
 * stands for any one, the user if the config names one, and the config's path
 * must be a beginning of the URL's that ends at a slash.  Queries are ignored.
 */

struct urlmatch;

/* How good a match is, in this order; all zero for a key without a URL. */
struct urlmatch_rank {
	size_t host;
	size_t path;
	bool has_user;
};

/* The URL of a request; NULL, which nothing matches, if it is none for git. */
struct urlmatch *urlmatch_new(const char *url);

/*
 * Does the URL in a config key match?  In its host there may be wildcards.  NULL
 * stands for a key without a URL: it matches all, and least.
 */
bool urlmatch_is_match(const char *pattern, const struct urlmatch *url,
		       struct urlmatch_rank *rank);

/* Would git take the URL in a config key for one? */
bool urlmatch_is_pattern(const char *pattern);

/* Less than, equal to, or more than 0: `a` is worse, as good, or better. */
int urlmatch_compare(const struct urlmatch_rank *a,
		     const struct urlmatch_rank *b);

/* NULL is fine. */
void urlmatch_free(struct urlmatch *match);

#endif
