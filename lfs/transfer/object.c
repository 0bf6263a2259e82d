/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/transfer/source.h"

enum {
	POKE_EVERY = 1 << 20,
	SAVE_EVERY = 64 << 20,	/* a local file is soon read again */
	SAVE_EVERY_IO = 4 << 20	/* bytes that must be fetched again */
};

void object_init(struct object *object, struct plan *plan)
{
	*object = (struct object){ .plan = plan, .fd = -1 };
}

void object_release(struct object *object)
{
	hasher_free(object->hasher);
	journal_close(object->journal);
	source_free(object->source);
	plan_free(object->plan);
	free(object->memory);
	free(object->path);
	if (object->fd >= 0)
		close(object->fd);
}

int object_check_stop(const struct object *object, struct err *err)
{
	if (!atomic_load(&object->stopped))
		return 0;
	return err_set(err, ERR_CANCELED, "stopped");
}

int object_read(void *ctx, void *data, size_t n, uint64_t off, struct err *err)
{
	const struct object *object = ctx;

	if (object->io)
		return object->io->read(object->io->ctx, data, n, off, err);
	if (object->memory) {
		memcpy(data, object->memory + off, n);
		return 0;
	}
	return file_read_at(object->fd, data, n, off, err);
}

int object_write(struct object *object, const void *data, size_t n,
		 uint64_t off, struct err *err)
{
	if (object->io)
		return object->io->write(object->io->ctx, data, n, off, err);
	if (object->memory) {
		memcpy(object->memory + off, data, n);
		return 0;
	}
	return file_write_at(object->fd, data, n, off, err);
}

uint64_t object_reach(void *ctx)
{
	struct object *object = ctx;
	const struct plan *plan = object->plan;

	if (plan->direction == UPLOAD)
		return object->io ? object->io->reach(object->io->ctx) :
				    atomic_load(&object->high);
	/* Until then a worker may still change the plan to one part. */
	if (!source_is_known(object->source))
		return 0;
	for (; object->frontier < plan->nparts; object->frontier++) {
		const struct part *part = &plan->parts[object->frontier];
		uint64_t done = atomic_load(&part->done);

		if (done < part->size)
			return part->off + done;
	}
	return plan->size;
}

void object_stop_hasher(struct object *object)
{
	hasher_free(object->hasher);
	object->hasher = NULL;
	object->frontier = 0;
}

int object_start_hasher(struct object *object, struct err *err)
{
	const struct hasher_source source = {
		.plan = object->plan,
		.read = object_read,
		.reach = object_reach,
		.ctx = object,
		.journal = object->journal,
		.save_every = object->io ? SAVE_EVERY_IO : SAVE_EVERY,
		.start = object->has_start ? &object->start : NULL,
	};

	object_stop_hasher(object);
	if (!object->verifies)
		return 0;
	object->hasher = hasher_new(&source, object->pool, err);
	object->has_start = false;
	return object->hasher ? 0 : -1;
}

bool object_is_ready(const struct object *object, const struct part *part)
{
	if (object->io)
		return object->io->is_ready(object->io->ctx, part);
	return !object->hasher ||
	       part->off <= hasher_position(object->hasher) + object->window;
}

void object_move(struct object *object, struct part *part, uint64_t done)
{
	uint64_t before = atomic_load(&part->done);

	atomic_store(&part->done, done);
	/* Wraps around, as it should, when a part begins again. */
	atomic_fetch_add(&object->moved, done - before);
}

void object_poke(struct object *object, uint64_t from, uint64_t to,
		 bool at_once)
{
	if (object->io)
		object->io->moved(object->io->ctx, from, to);
	if (!object->hasher)
		return;
	if (at_once || to / POKE_EVERY != from / POKE_EVERY)
		hasher_poke(object->hasher);
}

int object_check(struct object *object, struct err *err)
{
	const struct plan *plan = object->plan;

	if (!object->hasher)
		return 0;
	if (hasher_verdict(object->hasher, err))
		return -1;
	if (plan->direction == DOWNLOAD)
		return 0;
	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		if (part->is_stored || part->crc_moved == part->crc_hashed)
			continue;
		return err_set(err, ERR_CORRUPT,
			       "part %u of %zu moved other bytes than were "
			       "hashed: '%s' changed meanwhile, or this "
			       "machine's memory fails",
			       part->number, plan->nparts,
			       object->path ? object->path : "the spool");
	}
	return 0;
}
