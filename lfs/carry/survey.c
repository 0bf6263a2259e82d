/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/carry/survey.h"

#include <stdlib.h>
#include <string.h>
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

enum { STOP_MS = 500 };

struct side {
	struct server *server;	/* owned, as all of these */
	struct pool *pool;
	char *name;	/* "the source at HOST" */
};

struct survey {
	struct survey_options options;
	struct side sides[2];	/* by direction */
	size_t most;	/* objects that the servers take at once */
};

static int open_side(struct survey *survey, enum direction direction,
		     struct err *err)
{
	struct engine *engine = survey->options.engines[direction];
	struct side *side = &survey->sides[direction];
	const struct server_options options = {
		.context = engine_context(engine),
		.pool = side->pool = engine_new_pool(engine, 1),
		.is_probe = survey->options.is_dry,
		.other = survey->sides[!direction].server,
		.stop = survey->options.stop,
	};
	const char *name = direction == UPLOAD ? "target" : "source";
	char host[URL_DISPLAY_MAX];

	if (!survey->options.engines[UPLOAD])
		name = "server";
	url_display_host(options.context->endpoint.url, host, sizeof(host));
	side->name = xstrfmt("the %s at %s", name, host);
	side->server = server_new(&options, err);
	return side->server ? 0 : err_wrap(err, "%s", side->name);
}

struct survey *survey_new(const struct survey_options *options, struct err *err)
{
	struct survey *survey = xcalloc(1, sizeof(*survey));

	survey->options = *options;
	survey->most = BATCH_OBJECTS_MAX;
	if (!open_side(survey, DOWNLOAD, err) &&
	    (!options->engines[UPLOAD] || !open_side(survey, UPLOAD, err)))
		return survey;
	survey_free(survey);
	return NULL;
}

/* Ask one server about entries; the answers are the caller's. */
static int ask_side(struct side *side, struct entry *const *entries, size_t n,
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

/* A server said no: the entry is over, unless it is to be asked about again. */
static void note_refusal(struct survey *survey, struct entry *entry,
			 enum direction direction, struct err *err)
{
	const struct attempts_facts facts = {
		.oid = entry->pointer.oid,
		.can_ask = true,
		.is_one_of_many = true,
	};
	bool is_missing = direction == DOWNLOAD &&
			  (err->code == 404 || err->code == 410);

	err_wrap(err, "%s", survey->sides[direction].name);
	if (err_is_transient(err) &&
	    attempts_next(entry_attempts(entry, direction), &facts, err) ==
		    ATTEMPTS_LATER)
		return;
	entry_fail(entry, is_missing ? ENTRY_MISSING : ENTRY_FAILED, err->msg);
}

/* The target has it: by an upload of ours, if that is not known to have failed. */
static void note_there(struct entry *entry)
{
	entry_forget(entry);
	entry->state = entry->may_be_there ? ENTRY_MOVED : ENTRY_THERE;
	log_info("%s: %s", entry->pointer.oid,
		 entry->may_be_there ? "moved, the target has it" :
				       "already there");
}

/* Does the target lack it?  Then its answer is how to send it. */
static bool take_target(struct survey *survey, struct entry *entry,
			struct batch_object *object)
{
	bool is_dry = survey->options.is_dry;
	struct err err = object->err;

	entry_keep(entry, UPLOAD, object);
	object = entry->answers[UPLOAD];
	if (is_dry && err.kind && err.code == 404)
		return true;
	if (!err.kind && (is_dry || !mode_action(object->actions, UPLOAD))) {
		note_there(entry);
		return false;
	}
	if (entry->may_be_there) {
		/* The target lacks what may have been sent, or does not say. */
		if (!attempts_ask_again(entry_attempts(entry, UPLOAD)))
			entry_fail(entry, ENTRY_FAILED, entry->why);
		return false;
	}
	if (!err.kind) {
		verification_free(entry->verification);
		entry->verification =
			verification_new(survey->sides[UPLOAD].server, object,
					 &err);
	}
	if (err.kind)
		note_refusal(survey, entry, UPLOAD, &err);
	return !err.kind;
}

static void take_source(struct survey *survey, struct entry *entry,
			struct batch_object *object)
{
	struct err err = object->err;

	if (!err.kind && !mode_action(object->actions, DOWNLOAD))
		err_set(&err, ERR_PROTOCOL,
			"the server offers no download of this object");
	entry_keep(entry, DOWNLOAD, object);
	if (err.kind)
		note_refusal(survey, entry, DOWNLOAD, &err);
	else
		entry->state = ENTRY_READY;
}

/* Does git-lfs keep it here, to all appearance? */
static bool is_local(const struct survey *survey, const struct entry *entry)
{
	const struct context *source = engine_context(
		survey->options.engines[DOWNLOAD]);
	char *path = storage_object_path(&source->storage, entry->pointer.oid);
	struct stat st;
	bool is_here = !entry->is_bad_here && !stat(path, &st) &&
		       S_ISREG(st.st_mode) &&
		       (uint64_t)st.st_size == entry->pointer.size;

	free(path);
	return is_here;
}

/* Take the target's answers; `lacking` are those that the source must send. */
static size_t take_targets(struct survey *survey, struct entry *const *entries,
			   size_t n, struct batch_object *objects,
			   struct entry **lacking)
{
	size_t nlacking = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry *entry = entries[i];

		if (!take_target(survey, entry, &objects[i]))
			continue;
		entry->is_local = is_local(survey, entry);
		if (entry->is_local)
			entry->state = ENTRY_READY;
		else
			lacking[nlacking++] = entry;
	}
	return nlacking;
}

/* One of the two cannot answer for so many: ask about fewer from now on. */
static bool can_ask_less(struct survey *survey, size_t n, const struct err *err)
{
	if (n < 2 || (err->kind != ERR_PROTOCOL && err->code != 413))
		return false;
	survey->most = n / 2;
	log_info("%s; asking about %zu objects at a time", err->msg,
		 survey->most);
	return true;
}

int survey_ask(struct survey *survey, struct entry *const *entries, size_t n,
	       struct err *err)
{
	struct batch_object objects[BATCH_OBJECTS_MAX];
	struct entry *lacking[BATCH_OBJECTS_MAX] = { NULL };
	struct side *source = &survey->sides[DOWNLOAD];
	struct side *target = &survey->sides[UPLOAD];
	size_t nlacking;

	if (n > survey->most)
		n = survey->most;
	if (target->server && ask_side(target, entries, n, objects, err))
		goto failed;
	for (size_t i = 0; i < n; i++)
		entries[i]->asked_ms = clock_ms();
	if (target->server)
		nlacking = take_targets(survey, entries, n, objects, lacking);
	else
		memcpy(lacking, entries, (nlacking = n) * sizeof(*lacking));
	if (ask_side(source, lacking, nlacking, objects, err))
		goto failed;
	for (size_t i = 0; i < nlacking; i++)
		take_source(survey, lacking[i], &objects[i]);
	return 0;
failed:
	if (!can_ask_less(survey, n, err))
		return -1;
	err_clear(err);
	return 0;
}

void survey_wake(struct survey *survey)
{
	for (int i = UPLOAD; i <= DOWNLOAD; i++)
		if (survey->sides[i].pool)
			pool_wake(survey->sides[i].pool);
}

int survey_renew(struct survey *survey, struct entry *entry, struct err *err)
{
	struct side *source = &survey->sides[DOWNLOAD];
	struct batch_object object;

	if (ask_side(source, &entry, 1, &object, err))
		return -1;
	*err = object.err;
	if (!err->kind)
		entry_keep(entry, DOWNLOAD, &object);
	batch_object_release(&object);
	return err->kind ? err_wrap(err, "%s", source->name) : 0;
}

int survey_log_in(struct survey *survey, const struct entry *entry,
		  enum direction direction, struct err *err)
{
	struct server *server = survey->sides[direction].server;
	const struct batch_object *answer = entry->answers[direction];
	int ret = server_log_in(server, answer, err);

	if (!ret && direction == UPLOAD && entry->verification)
		ret = verification_log_in(server, answer, entry->verification,
					  err);
	return ret;
}

bool survey_free(struct survey *survey)
{
	bool is_over = true;

	if (!survey)
		return true;
	/* The target's first: it uses the other's server. */
	for (int i = UPLOAD; i <= DOWNLOAD; i++) {
		struct side *side = &survey->sides[i];

		server_free(side->server);
		free(side->name);
		is_over = pool_free(side->pool, STOP_MS) && is_over;
	}
	free(survey);
	return is_over;
}
