/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_PARENT_H
#define LFS_BASE_PARENT_H

#include <stdint.h>

/*
 * The process that had this one started, so that others that it has started can
 * be told from those of an earlier one, which may have had the same pid.
 *
 * It may have gone through `sh -c`, as git-lfs does; then the shell, which is
 * each child's own, is passed over.
 */

struct parent {
	int64_t pid;
	uint64_t began;	/* clock ticks since boot (proc(5)); 0: not known */
};

void parent_find(struct parent *parent);

#endif
