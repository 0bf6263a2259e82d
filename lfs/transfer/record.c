/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/record.h"

#include "lfs/base/clock.h"

bool record_read_begin(struct journal *journal, bool is_upload,
		       struct journal_begin *begin)
{
	struct journal_record record;

	return journal_next(journal, &record) &&
	       journal_get(&record, JOURNAL_BEGIN, begin, sizeof(*begin)) &&
	       begin->magic == JOURNAL_MAGIC &&
	       !!begin->is_upload == is_upload && begin->part_size;
}

void record_begin(struct journal *journal, struct journal_begin *begin)
{
	journal_keep(journal, 0);
	begin->magic = JOURNAL_MAGIC;
	clock_boot(begin->boot);
	journal_add(journal, JOURNAL_BEGIN, begin, sizeof(*begin), NULL);
}
