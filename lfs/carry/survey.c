/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/survey.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/storage.h"
#include "lfs/mode/mode.h"
#include "lfs/net/pool.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "lfs/transfer/engine.h"

enum { STOP_MS = 500 };

struct side {
	struct server *server;	/* owned, as all of these */
	struct pool *pool;
	char *name;	/* "the source at HOST" */
	enum direction direction;
};

struct survey {
	struct survey_options options;
	struct side source;
	struct side target;
	size_t chunk;	/* how many objects the servers take at once */
};

static char *name_side(const struct context *context)
{
	char host[URL_DISPLAY_MAX];

	url_display_host(context->endpoint.url, host, sizeof(host));
	return xstrfmt("the %s at %s", context->is_upload ? "target" : "source",
		       host);
}

static int open_side(struct side *side, const struct survey_options *options,
		     struct engine *engine, const struct server *other,
		     struct err *err)
{
	struct server_options server_options = {
		.context = engine_context(engine),
		.is_probe = options->is_dry,
		.other = other,
		.stop = options->stop,
	};

	side->name = name_side(server_options.context);
	side->direction = server_options.context->is_upload ? UPLOAD : DOWNLOAD;
	side->pool = engine_new_pool(engine, 1);
	server_options.pool = side->pool;
	side->server = server_new(&server_options, err);
	return side->server ? 0 : err_wrap(err, "%s", side->name);
}

struct survey *survey_new(const struct survey_options *options, struct err *err)
{
	struct survey *survey = xcalloc(1, sizeof(*survey));

	survey->options = *options;
	survey->chunk = BATCH_OBJECTS_MAX;
	if (!open_side(&survey->source, options, options->source, NULL, err) &&
	    !open_side(&survey->target, options, options->target,
		       survey->source.server, err))
		return survey;
	survey_free(survey);
	return NULL;
}

/* It stays as it is if it is to be asked about once more. */
static void fail(struct entry *entry, enum entry_state state,
		 const struct side *side, struct err *err)
{
	const struct attempts_facts facts = {
		.oid = entry->pointer.oid,
		.can_ask = true,
		.is_one_of_many = true,
	};

	err_wrap(err, "%s", side->name);
	if (err_is_transient(err) &&
	    attempts_next(entry_attempts(entry, side->direction), &facts,
			  err) == ATTEMPTS_LATER)
		return;
	entry->state = state;
	free(entry->why);
	entry->why = xstrdup(err->msg);
	log_info("%s: %s: %s", entry->pointer.oid,
		 state == ENTRY_MISSING ? "missing" : "failed", entry->why);
}

/* Ask one server about entries; the answers are the caller's. */
static int ask(struct side *side, struct entry *const *entries, size_t n,
	       struct batch_object *objects, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		objects[i] = (struct batch_object){
			.oid = entries[i]->pointer.oid,
			.size = entries[i]->pointer.size,
		};
	if (!n || !server_ask_all(side->server, objects, n, err))
		return 0;
	return err_wrap(err, "%s", side->name);
}

/* It has not got what may have been sent, or does not say. */
static void ask_later_or_fail(struct entry *entry)
{
	if (attempts_ask_again(entry_attempts(entry, UPLOAD)))
		return;
	entry->state = ENTRY_FAILED;
	log_info("%s: failed: %s", entry->pointer.oid, entry->why);
}

/* The target does not have it: then what it answered is how to send it. */
static bool take_target(struct survey *survey, struct entry *entry,
			struct batch_object *object)
{
	bool is_dry = survey->options.is_dry;
	struct err err = object->err;

	entry_keep(&entry->target, object);
	if (is_dry && err.kind && err.code == 404)
		return true;
	if (!err.kind &&
	    (is_dry || !mode_action(entry->target->actions, UPLOAD))) {
		entry_forget(entry);
		entry->state = entry->may_be_there ? ENTRY_MOVED : ENTRY_THERE;
		log_info("%s: %s", entry->pointer.oid,
			 entry->may_be_there ? "moved, the target has it" :
					       "already there");
		return false;
	}
	if (entry->may_be_there) {
		ask_later_or_fail(entry);
		return false;
	}
	if (!err.kind) {
		verification_free(entry->verification);
		entry->verification = verification_new(survey->target.server,
						       entry->target, &err);
	}
	if (err.kind)
		fail(entry, ENTRY_FAILED, &survey->target, &err);
	return !err.kind;
}

static void take_source(struct survey *survey, struct entry *entry,
			struct batch_object *object)
{
	struct err err = object->err;

	entry_keep(&entry->source, object);
	if (!err.kind && !mode_action(entry->source->actions, DOWNLOAD))
		err_set(&err, ERR_PROTOCOL, "it has no download for it");
	if (!err.kind)
		entry->state = ENTRY_READY;
	else
		fail(entry,
		     err.code == 404 || err.code == 410 ? ENTRY_MISSING :
							  ENTRY_FAILED,
		     &survey->source, &err);
}

/* Does git-lfs keep it here, to all appearance? */
static bool is_local(const struct survey *survey, const struct entry *entry)
{
	char *path = storage_object_path(&engine_context(survey->options.source)
						  ->storage,
					 entry->pointer.oid);
	struct stat st;
	bool is_here = !entry->is_bad_here && !stat(path, &st) &&
		       S_ISREG(st.st_mode) &&
		       (uint64_t)st.st_size == entry->pointer.size;

	free(path);
	return is_here;
}

/* Those that the target lacks and that are not here. */
static size_t pick(struct survey *survey, struct entry *const *entries,
		   size_t n, struct batch_object *objects,
		   struct entry **lacking)
{
	size_t nleft = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry *entry = entries[i];

		entry->asked_ms = clock_ms();
		if (!take_target(survey, entry, &objects[i]))
			continue;
		entry->is_local = is_local(survey, entry);
		if (entry->is_local)
			entry->state = ENTRY_READY;
		else
			lacking[nleft++] = entry;
	}
	return nleft;
}

/* An answer for so many is too much for one of the two. */
static bool can_ask_less(struct survey *survey, size_t n, const struct err *err)
{
	if (n < 2 || (err->kind != ERR_PROTOCOL && err->code != 413))
		return false;
	survey->chunk = n / 2;
	log_info("%s; asking about %zu objects at a time", err->msg,
		 survey->chunk);
	return true;
}

int survey_ask(struct survey *survey, struct entry *const *entries, size_t n,
	       struct err *err)
{
	struct batch_object objects[BATCH_OBJECTS_MAX];
	struct entry *lacking[BATCH_OBJECTS_MAX] = { NULL };
	size_t nasked = n < survey->chunk ? n : survey->chunk, nleft;

	if (ask(&survey->target, entries, nasked, objects, err))
		goto failed;
	nleft = pick(survey, entries, nasked, objects, lacking);
	if (ask(&survey->source, lacking, nleft, objects, err))
		goto failed;
	for (size_t i = 0; i < nleft; i++)
		take_source(survey, lacking[i], &objects[i]);
	return 0;
failed:
	if (!can_ask_less(survey, nasked, err))
		return -1;
	err_clear(err);
	return 0;
}

int survey_renew(struct survey *survey, struct entry *entry, struct err *err)
{
	struct batch_object object;

	if (ask(&survey->source, &entry, 1, &object, err))
		return -1;
	*err = object.err;
	if (err->kind) {
		batch_object_release(&object);
		return err_wrap(err, "%s", survey->source.name);
	}
	entry_keep(&entry->source, &object);
	return 0;
}

int survey_log_in(struct survey *survey, const struct entry *entry,
		  enum direction direction, struct err *err)
{
	struct server *server = survey->target.server;
	int ret;

	if (direction == DOWNLOAD)
		return server_log_in(survey->source.server, entry->source, err);
	ret = server_log_in(server, entry->target, err);
	if (!ret && entry->verification)
		ret = verification_log_in(server, entry->target,
					  entry->verification, err);
	return ret;
}

static bool close_side(struct side *side)
{
	server_free(side->server);
	free(side->name);
	return pool_free(side->pool, STOP_MS);
}

bool survey_free(struct survey *survey)
{
	bool is_over;

	if (!survey)
		return true;
	/* In that order: one uses what is the other's. */
	is_over = close_side(&survey->target);
	is_over = close_side(&survey->source) && is_over;
	free(survey);
	return is_over;
}
