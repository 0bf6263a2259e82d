/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/ahead.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/rfc3339.h"
#include "lfs/fork/history.h"
#include "lfs/fork/pointer.h"
#include "lfs/mode/mode.h"
#include "lfs/net/link.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/server.h"

enum {
	SMALL = 64 << 20,	/* of a larger object a round trip is nothing */
	KEPT = 60,	/* seconds that what was said counts */
	FIND_MS = 2000,	/* git may take for the tree: more is not worth it */
	REACH = BATCH_OBJECTS_MAX	/* pointers to each side that are looked at */
};

struct ahead {
	struct ahead_options options;
	struct history tree;	/* owned: its pointers, in git-lfs's order */
	bool has_tree;
	uint64_t until_ms;	/* for git to find it */
	bool is_first;	/* for one object alone, git is not asked */
	bool is_off;

	/* What the server said: */
	struct batch_object known[BATCH_OBJECTS_MAX];	/* owned actions */
	size_t nknown;
	uint64_t asked_ms;
};

struct ahead *ahead_new(const struct ahead_options *options)
{
	struct ahead *ahead = xcalloc(1, sizeof(*ahead));

	ahead->options = *options;
	ahead->is_first = true;
	return ahead;
}

/* Where blobs may be missing, git would fetch each that it is asked for. */
static bool is_partial_clone(const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	const char *sub;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		if (gitconfig_subsection(entry, "remote", "promisor", &sub) >=
		    0)
			return true;
	return gitconfig_find(config, "extensions.partialclone") != NULL;
}

static bool is_over(void *ctx)
{
	const struct ahead *ahead = ctx;

	return ahead->options.is_stopped(ahead->options.ctx) ||
	       clock_ms() > ahead->until_ms;
}

static int find_tree(struct ahead *ahead, struct err *err)
{
	static const char *const refs[] = { "HEAD^{tree}" };
	const struct engine *engine = ahead->options.engine;
	const struct history_request request = {
		.refs = refs,
		.nrefs = 1,
		.dir = engine->storage.multipart_dir,
		.is_stopped = is_over,
		.ctx = ahead,
	};

	if (ahead->has_tree)
		return 0;
	ahead->has_tree = true;
	ahead->until_ms = clock_ms() + FIND_MS;
	/* It is empty then: no object is in it. */
	if (!engine->repo.head || is_partial_clone(engine->config))
		return 0;
	return history_find(&ahead->tree, &request, err);
}

static const struct pointer *find(const struct ahead *ahead, const char *oid)
{
	for (size_t i = 0; i < ahead->tree.n; i++)
		if (!strcmp(ahead->tree.pointers[i].oid, oid))
			return &ahead->tree.pointers[i];
	return NULL;
}

static bool is_here(const struct ahead *ahead, const char *oid)
{
	char *path = storage_object_path(&ahead->options.engine->storage, oid);
	bool is = !access(path, F_OK);

	free(path);
	return is;
}

/*
 * Add the object's neighbours to `objects`, whose first it is; returns how many
 * there are then.  git-lfs takes a hundred in the tree's order, and of these
 * the largest first: others may be wanted before and behind it.
 */
static size_t add_neighbours(const struct ahead *ahead,
			     struct batch_object *objects)
{
	const struct history *tree = &ahead->tree;
	const struct pointer *own = find(ahead, objects[0].oid);
	size_t at, end, n = 1;

	if (!own)
		return n;
	at = (size_t)(own - tree->pointers);
	end = tree->n - at > REACH ? at + REACH : tree->n;
	at = at > REACH ? at - REACH : 0;
	for (; at < end && n < BATCH_OBJECTS_MAX; at++) {
		const struct pointer *pointer = &tree->pointers[at];

		if (pointer == own || !pointer->size || pointer->size > SMALL ||
		    is_here(ahead, pointer->oid))
			continue;
		objects[n].oid = pointer->oid;
		objects[n++].size = pointer->size;
	}
	return n;
}

void ahead_forget(struct ahead *ahead)
{
	for (size_t i = 0; i < ahead->nknown; i++)
		json_decref(ahead->known[i].actions);
	ahead->nknown = 0;
}

/* Give what is known of the object, which is then known no more. */
static bool take(struct ahead *ahead, struct batch_object *object)
{
	if (clock_ms() - ahead->asked_ms > KEPT * 1000)
		ahead_forget(ahead);
	for (size_t i = 0; i < ahead->nknown; i++) {
		struct batch_object *known = &ahead->known[i];

		if (strcmp(known->oid, object->oid) ||
		    known->size != object->size)
			continue;
		object->actions = known->actions;
		object->authenticated = known->authenticated;
		*known = ahead->known[--ahead->nknown];
		return true;
	}
	return false;
}

/* Will the link not run out before it is forgotten? */
static bool lasts(const json_t *actions)
{
	const json_t *action = mode_action(actions, DOWNLOAD);
	const char *href = json_string_value(json_object_get(action, "href"));
	const char *at = json_string_value(
		json_object_get(action, "expires_at"));
	json_int_t in = json_integer_value(
		json_object_get(action, "expires_in"));
	int64_t least = clock_unix() + KEPT, until;

	if (!href || link_expires_at(href) < least || (in && in < KEPT))
		return false;
	/* Go's zero, in the year 1, is no time. */
	return !at || rfc3339_parse(at, &until) || until < 0 || until >= least;
}

/* Keep what was said of all but the first; errors it shall tell once more. */
static void keep(struct ahead *ahead, const struct batch_object *objects,
		 size_t n)
{
	ahead_forget(ahead);
	ahead->asked_ms = clock_ms();
	for (size_t i = 1; i < n; i++)
		if (!objects[i].err.kind && lasts(objects[i].actions))
			ahead->known[ahead->nknown++] = objects[i];
		else
			json_decref(objects[i].actions);
	ahead->is_off = n > 1 && !ahead->nknown;
}

static int ask_all(struct ahead *ahead, struct batch_object *object,
		   struct err *err)
{
	struct batch_object *objects = xcalloc(BATCH_OBJECTS_MAX,
					       sizeof(*objects));
	struct server *server = ahead->options.server;
	size_t n;
	int ret;

	objects[0] = *object;
	n = add_neighbours(ahead, objects);
	ret = server_ask_all(server, objects, n, err);
	if (!ret) {
		*object = objects[0];
		*err = object->err;
		keep(ahead, objects, n);
		ret = err->kind ? -1 : 0;
	} else if (n > 1 &&
		   (err->kind == ERR_REFUSED || err->kind == ERR_PROTOCOL)) {
		/* The matter may be that there are others. */
		log_info("%s; asking about one object at a time", err->msg);
		err_clear(err);
		ahead->is_off = true;
		ret = server_ask(server, object, err);
	}
	free(objects);
	return ret;
}

int ahead_ask(struct ahead *ahead, struct batch_object *object, struct err *err)
{
	const struct ahead_options *options = &ahead->options;
	bool is_alone = ahead->is_first || ahead->is_off ||
			object->size > SMALL;

	ahead->is_first = false;
	if (take(ahead, object))
		return 0;
	if (!is_alone && find_tree(ahead, err)) {
		if (options->is_stopped(options->ctx))
			return -1;
		log_info("%s; asking about one object at a time", err->msg);
		err_clear(err);
		ahead->is_off = is_alone = true;
	}
	return is_alone ? server_ask(options->server, object, err) :
			  ask_all(ahead, object, err);
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	ahead_forget(ahead);
	history_release(&ahead->tree);
	free(ahead);
}
