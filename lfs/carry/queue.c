/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/queue.h"

#include <stdlib.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/server/server.h"

bool entry_is_over(const struct entry *entry)
{
	return entry->state >= ENTRY_MOVED;
}

struct attempts *entry_attempts(struct entry *entry, enum direction direction)
{
	if (!entry->attempts)
		entry->attempts = xcalloc(2, sizeof(*entry->attempts));
	return &entry->attempts[direction];
}

static void drop_answer(struct entry *entry, enum direction direction)
{
	struct batch_object *answer = entry->answers[direction];

	if (answer)
		batch_object_release(answer);
	free(answer);
	entry->answers[direction] = NULL;
}

void entry_keep(struct entry *entry, enum direction direction,
		struct batch_object *object)
{
	struct batch_object *answer = xmalloc(sizeof(*answer));

	drop_answer(entry, direction);
	*answer = *object;
	*object = (struct batch_object){ .oid = object->oid,
					 .size = object->size };
	entry->answers[direction] = answer;
}

void entry_explain(struct entry *entry, const char *why)
{
	char *copy = xstrdup(why);

	free(entry->why);
	entry->why = copy;
}

void entry_fail(struct entry *entry, enum entry_state state, const char *why)
{
	entry_explain(entry, why);
	entry->state = state;
	log_info("%s: %s: %s", entry->pointer.oid,
		 state == ENTRY_MISSING ? "missing" : "failed", entry->why);
}

void entry_forget(struct entry *entry)
{
	verification_free(entry->verification);
	entry->verification = NULL;
	drop_answer(entry, UPLOAD);
	drop_answer(entry, DOWNLOAD);
	free(entry->attempts);
	entry->attempts = NULL;
}

void entry_release(struct entry *entry)
{
	entry_forget(entry);
	free(entry->why);
	entry->why = NULL;
}

void queue_put_first(struct queue *queue, struct entry *entry)
{
	entry->next = queue->first;
	if (!queue->first)
		queue->last = entry;
	queue->first = entry;
	queue->n++;
}

void queue_put_last(struct queue *queue, struct entry *entry)
{
	if (!queue->first) {
		queue_put_first(queue, entry);
		return;
	}
	entry->next = NULL;
	queue->last->next = entry;
	queue->last = entry;
	queue->n++;
}

struct entry *queue_take(struct queue *queue)
{
	struct entry *entry = queue->first;

	if (!entry)
		return NULL;
	queue->first = entry->next;
	queue->n--;
	return entry;
}
