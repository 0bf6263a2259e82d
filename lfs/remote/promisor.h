/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_REMOTE_PROMISOR_H
#define LFS_REMOTE_PROMISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/remote/gitconfig.h"

/*
 * What a partial clone does not have, and which remotes have promised it
 * (`git clone --filter`).
 */

struct promisors {
	char **remotes;	/* owned, as are their names */
	size_t n;	/* 0: this is no partial clone */
	bool lacks_trees;	/* trees may be absent, too, not only blobs */
	uint64_t least;	/* bytes of each absent blob, or more; 0: any size */
};

#define PROMISORS_INIT { .n = 0 }

/* Find them in the config. */
void promisors_find(struct promisors *promisors,
		    const struct gitconfig *config);

void promisors_release(struct promisors *promisors);

#endif
