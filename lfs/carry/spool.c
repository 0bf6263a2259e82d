/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/spool.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"

/* One block in so many is not used, so that its disk is left to journals. */
enum { ROOM_SHARE = 16 };

struct spool {
	int fd;
	size_t nblocks;
	size_t nfree;
	size_t nkept;	/* of the free ones: for lanes that need them */
	size_t peak;
	bool *is_used;	/* owned */
	size_t lowest;	/* no block below it is free */
};

struct lane {
	struct spool *spool;	/* borrowed */
	uint64_t size;
	size_t least;	/* blocks that it gets in any case */
	size_t held;
	size_t left;	/* blocks that it has not had yet */
	size_t nblocks;
	_Atomic(uint32_t) *blocks;	/* owned; 0: none, otherwise number + 1 */
};

struct spool *spool_new(const char *dir, uint64_t max, struct err *err)
{
	uint64_t nblocks = max / SPOOL_BLOCK;
	struct spool *spool;
	int fd = file_open_unlinked(dir, err);

	if (fd < 0)
		return NULL;
	spool = xcalloc(1, sizeof(*spool));
	spool->fd = fd;
	nblocks -= nblocks / ROOM_SHARE;
	if (nblocks > SPOOL_BLOCKS_MAX)
		nblocks = SPOOL_BLOCKS_MAX;
	spool->nblocks = nblocks ? (size_t)nblocks : 1;
	spool->nfree = spool->nblocks;
	spool->is_used = xcalloc(spool->nblocks, sizeof(*spool->is_used));
	return spool;
}

uint64_t spool_max(size_t nblocks)
{
	size_t unused = nblocks ? (nblocks - 1) / (ROOM_SHARE - 1) : 0;

	return (uint64_t)(nblocks + unused) * SPOOL_BLOCK;
}

size_t spool_blocks(const struct spool *spool)
{
	return spool->nblocks;
}

size_t spool_room(const struct spool *spool)
{
	return spool->nfree - spool->nkept;
}

uint64_t spool_peak(const struct spool *spool)
{
	return (uint64_t)spool->peak * SPOOL_BLOCK;
}

void spool_free(struct spool *spool)
{
	if (!spool)
		return;
	close(spool->fd);
	free(spool->is_used);
	free(spool);
}

size_t spool_count(uint64_t bytes)
{
	size_t n = (size_t)(bytes / SPOOL_BLOCK);

	return bytes % SPOOL_BLOCK ? n + 2 : n;
}

size_t spool_whole(uint64_t size)
{
	return (size_t)((size + SPOOL_BLOCK - 1) / SPOOL_BLOCK);
}

/* The free blocks that are kept for this lane alone. */
static size_t count_kept(const struct lane *lane)
{
	size_t n = lane->held < lane->least ? lane->least - lane->held : 0;

	return n < lane->left ? n : lane->left;
}

struct lane *lane_open(struct spool *spool, uint64_t size, size_t least)
{
	size_t nblocks = spool_whole(size);
	struct lane *lane;

	if (least > nblocks)
		least = nblocks;
	if (spool_room(spool) < least)
		return NULL;
	lane = xcalloc(1, sizeof(*lane));
	lane->spool = spool;
	lane->size = size;
	lane->least = least;
	lane->left = lane->nblocks = nblocks;
	lane->blocks = xcalloc(nblocks, sizeof(*lane->blocks));
	spool->nkept += least;
	return lane;
}

static void take_block(struct lane *lane, size_t i)
{
	struct spool *spool = lane->spool;
	size_t before = count_kept(lane);

	while (spool->is_used[spool->lowest])
		spool->lowest++;
	spool->is_used[spool->lowest] = true;
	spool->nfree--;
	if (spool->nblocks - spool->nfree > spool->peak)
		spool->peak = spool->nblocks - spool->nfree;
	lane->held++;
	lane->left--;
	lane->blocks[i] = (uint32_t)spool->lowest + 1;
	spool->nkept -= before - count_kept(lane);
}

bool lane_grant(struct lane *lane, uint64_t from, uint64_t to)
{
	size_t first = (size_t)(from / SPOOL_BLOCK), n = 0;
	size_t end = (size_t)((to + SPOOL_BLOCK - 1) / SPOOL_BLOCK);

	for (size_t i = first; i < end; i++)
		n += !lane->blocks[i];
	if (n > lane->spool->nfree - lane->spool->nkept + count_kept(lane))
		return false;
	for (size_t i = first; i < end; i++)
		if (!lane->blocks[i])
			take_block(lane, i);
	return true;
}

void lane_drop(struct lane *lane, size_t i)
{
	struct spool *spool = lane->spool;
	size_t block = lane->blocks[i], before = count_kept(lane);

	if (!block--)
		return;
	lane->blocks[i] = 0;
	lane->held--;
	spool->is_used[block] = false;
	spool->nfree++;
	spool->nkept += count_kept(lane) - before;
	if (block < spool->lowest)
		spool->lowest = block;
}

/* Bytes from `off` to the end of its block, and where they are in the file. */
static size_t locate(const struct lane *lane, uint64_t off, size_t n,
		     uint64_t *at)
{
	uint64_t within = off % SPOOL_BLOCK;
	uint64_t block = lane->blocks[off / SPOOL_BLOCK];

	*at = (block - 1) * SPOOL_BLOCK + within;
	return n < SPOOL_BLOCK - within ? n : (size_t)(SPOOL_BLOCK - within);
}

int lane_write(struct lane *lane, const void *data, size_t n, uint64_t off,
	       struct err *err)
{
	size_t here;
	uint64_t at;

	for (const char *p = data; n; p += here, off += here, n -= here) {
		here = locate(lane, off, n, &at);
		if (file_write_at(lane->spool->fd, p, here, at, err))
			return err_wrap(err, "the spool");
	}
	return 0;
}

int lane_read(struct lane *lane, void *data, size_t n, uint64_t off,
	      struct err *err)
{
	size_t here;
	uint64_t at;

	for (char *p = data; n; p += here, off += here, n -= here) {
		here = locate(lane, off, n, &at);
		if (file_read_at(lane->spool->fd, p, here, at, err))
			return err_wrap(err, "the spool");
	}
	return 0;
}

void lane_close(struct lane *lane)
{
	if (!lane)
		return;
	for (size_t i = 0; i < lane->nblocks; i++)
		lane_drop(lane, i);
	lane->spool->nkept -= count_kept(lane);
	free(lane->blocks);
	free(lane);
}
