/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/piece.h"

#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/carry/spool.h"

enum {
	PIECE_MIN = 4 << 20,
	PIECE_MAX = 32 << 20
};

uint64_t piece_size(uint64_t size, unsigned connections, uint64_t max)
{
	uint64_t piece = size / (2 * (uint64_t)connections);

	if (piece < PIECE_MIN)
		piece = PIECE_MIN;
	if (piece > PIECE_MAX)
		piece = PIECE_MAX;
	if (piece > max / 2)
		piece = max / 2;
	/* Whole blocks: no two pieces share one. */
	piece -= piece % SPOOL_BLOCK;
	return piece ? piece : SPOOL_BLOCK;
}

static size_t count(uint64_t size, uint64_t piece)
{
	return (size_t)(size / piece + (size % piece != 0));
}

static void add(struct plan *fetch, const struct part *part, uint64_t piece)
{
	size_t n = count(part->size, piece);
	uint64_t each = n ? part->size / n + (part->size % n != 0) : 0;

	for (uint64_t off = 0; off < part->size; off += each) {
		struct part *next = &fetch->parts[fetch->nparts++];

		next->number = (unsigned)fetch->nparts;
		next->off = part->off + off;
		next->size = part->size - off < each ? part->size - off : each;
	}
}

void piece_cut(struct plan *fetch, const struct plan *send, uint64_t piece)
{
	size_t n = 0;

	for (size_t i = 0; i < send->nparts; i++)
		n += count(send->parts[i].size, piece);
	free(fetch->parts);
	fetch->parts = xcalloc(n, sizeof(*fetch->parts));
	fetch->nparts = 0;
	for (size_t i = 0; i < send->nparts; i++)
		add(fetch, &send->parts[i], piece);
}

void piece_skip(struct plan *fetch, const struct plan *send, uint64_t hashed)
{
	for (size_t i = 0; i < fetch->nparts; i++) {
		struct part *part = &fetch->parts[i];
		size_t at = piece_part_at(send, part->off);

		if (!send->parts[at].finished || hashed <= part->off)
			continue;
		part->done = hashed - part->off;
		if (part->done > part->size)
			part->done = part->size;
		part->finished = part->done == part->size;
	}
}

uint64_t piece_least(const struct plan *send, uint64_t piece)
{
	uint64_t most = 0;

	if (send->mode->part_is_final)
		return 2 * piece;
	for (size_t i = 0; i < send->nparts; i++)
		if (!send->parts[i].is_stored && send->parts[i].size > most)
			most = send->parts[i].size;
	return 2 * (most > piece ? most : piece);
}

size_t piece_part_at(const struct plan *plan, uint64_t off)
{
	size_t low = 0, high = plan->nparts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct part *part = &plan->parts[middle];

		if (part->off + part->size <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
