/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_PROMISOR_H
#define LFS_GIT_PROMISOR_H

#include <stddef.h>

#include "lfs/git/gitconfig.h"

/*
 * The remotes that have promised what a partial clone does not have
 * (`git clone --filter`).  What that is, their filters do not say: each fetch
 * may have another.
 */

struct promisors {
	char **remotes;	/* owned, as are their names */
	size_t n;	/* 0: this is no partial clone */
};

#define PROMISORS_INIT { .n = 0 }

/* Find them in the config. */
void promisors_find(struct promisors *promisors,
		    const struct gitconfig *config);

void promisors_release(struct promisors *promisors);

#endif
