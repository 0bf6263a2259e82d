/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/fork/item.h"

#include <stdlib.h>

#include "lfs/fork/relay.h"
#include "lfs/transfer/server.h"

bool item_is_over(const struct item *item)
{
	return item->state >= ITEM_MOVED;
}

bool item_has_another_round(struct item *item, const struct err *err)
{
	if (item->is_second_round || !err_is_transient(err))
		return false;
	item->is_second_round = true;
	return true;
}

void item_release(struct item *item)
{
	relay_free(item->relay);
	verification_free(item->verification);
	json_decref(item->target);
	json_decref(item->source);
	free(item->why);
	item->relay = NULL;
	item->verification = NULL;
	item->target = item->source = NULL;
	item->why = NULL;
}

void line_init(struct line *line)
{
	*line = (struct line){ .end = &line->first };
}

void line_put_first(struct line *line, struct item *item)
{
	item->next = line->first;
	if (!line->first)
		line->end = &item->next;
	line->first = item;
	line->n++;
}

void line_put_last(struct line *line, struct item *item)
{
	item->next = NULL;
	*line->end = item;
	line->end = &item->next;
	line->n++;
}

struct item *line_take(struct line *line)
{
	struct item *item = line->first;

	if (!item)
		return NULL;
	line->first = item->next;
	if (!line->first)
		line->end = &line->first;
	line->n--;
	return item;
}
