/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/server/batch.h"

/* The input: the answer of an LFS server about two objects. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const transfers[] = { "basic", NULL };

/* Each object has an error or an action, or is at the server: exactly one. */
static void check(const struct batch *batch)
{
	for (size_t i = 0; i < batch->nobjects; i++) {
		const struct batch_object *object = &batch->objects[i];

		if (object->err.kind ?
			    object->actions != NULL :
			    !object->actions && batch->direction == DOWNLOAD)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batch_object objects[2] = {
		{ .oid = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ .oid = "b" },
	};
	struct batch batch = {
		.transfers = transfers,
		.objects = objects,
		.nobjects = 2,
		.direction = size % 2 ? UPLOAD : DOWNLOAD,
	};
	struct err err = ERR_INIT;

	if (!batch_parse(&batch, (const char *)data, size, &err))
		check(&batch);
	batch_reset(&batch);
	return 0;
}
