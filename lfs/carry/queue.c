/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/queue.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/server/server.h"

/* People may have committed any size in a pointer; S3 takes 5 TiB. */
static const uint64_t size_max = (uint64_t)64 << 40;

void entry_init(struct entry *entry, const struct pointer *pointer)
{
	*entry = (struct entry){ .pointer = *pointer };
	if (pointer->size <= size_max)
		return;
	entry->state = ENTRY_FAILED;
	entry->why = xstrfmt("the pointer says that it has %" PRIu64
			     " bytes, which no server can store",
			     pointer->size);
}

bool entry_is_over(const struct entry *entry)
{
	return entry->state >= ENTRY_MOVED;
}

void entry_count_add(struct entry_count *count, uint64_t size)
{
	count->n++;
	count->size += size;
}

void entry_sum(const struct entry *entries, size_t n, struct entry_sum *sum)
{
	*sum = (struct entry_sum){ .resumed = 0 };
	for (size_t i = 0; i < n; i++) {
		const struct entry *entry = &entries[i];
		uint64_t size = entry->pointer.size;

		if (size > size_max)
			size = 0;
		entry_count_add(&sum->all, size);
		entry_count_add(&sum->of[entry->state], size);
		if (!entry_is_over(entry))
			entry_count_add(&sum->left, size);
		if (entry->state == ENTRY_MOVED)
			sum->resumed += entry->resumed;
	}
}

bool entry_sum_is_whole(const struct entry_sum *sum)
{
	return sum->of[ENTRY_MOVED].n + sum->of[ENTRY_THERE].n == sum->all.n;
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
