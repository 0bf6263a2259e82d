/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/item.h"

#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/carry/relay.h"
#include "lfs/server/server.h"

bool item_is_over(const struct item *item)
{
	return item->state >= ITEM_MOVED;
}

struct attempts *item_attempts(struct item *item, enum direction direction)
{
	if (!item->attempts)
		item->attempts = xcalloc(2, sizeof(*item->attempts));
	return &item->attempts[direction];
}

static void drop(struct batch_object **answer)
{
	if (*answer)
		batch_object_release(*answer);
	free(*answer);
	*answer = NULL;
}

void item_keep(struct batch_object **answer, struct batch_object *object)
{
	drop(answer);
	*answer = xmalloc(sizeof(**answer));
	**answer = *object;
	*object = (struct batch_object){ .oid = object->oid,
					 .size = object->size };
}

void item_forget(struct item *item)
{
	verification_free(item->verification);
	item->verification = NULL;
	drop(&item->target);
	drop(&item->source);
	free(item->attempts);
	item->attempts = NULL;
}

void item_release(struct item *item)
{
	item_forget(item);
	relay_free(item->relay);
	free(item->why);
	item->relay = NULL;
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
