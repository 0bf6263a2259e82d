/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/retry.h"
#include "lfs/net/url.h"

enum {
	GUESS_MAX = 4 << 20,	/* bytes that may come in vain, to save a wait */
	SKIP_MAX = 4 << 20	/* bytes of an answer before those wanted */
};

struct source_memory {
	char *url;	/* owned: of the server; or NULL */
	bool heeds_ranges;
};

struct source {
	struct source_memory *memory;	/* borrowed, or NULL */
	uint64_t size;
	pthread_mutex_t mutex;	/* guards all below */
	enum source_state state;
	bool has_failed;	/* an answer to a range was useless */
	bool has_skipped;	/* the whole came for a range, and was used */
	char *href;	/* owned, as the next two */
	char *target;	/* or NULL */
	char *etag;
	unsigned served;	/* requests whose answer is on its way */
	bool is_proven;	/* the target has answered without a redirect */
	bool no_target;
	bool no_etag;
	bool has_changed;
	bool is_renewed;	/* the link is not the first one */
};

struct source_memory *source_memory_new(void)
{
	return xcalloc(1, sizeof(struct source_memory));
}

void source_memory_free(struct source_memory *memory)
{
	if (memory)
		free(memory->url);
	free(memory);
}

static bool is_expected(const struct source_memory *memory, const char *href,
			uint64_t size)
{
	if (!memory)
		return false;
	if (memory->url && url_is_same_origin(memory->url, href))
		return memory->heeds_ranges;
	return size <= GUESS_MAX;
}

struct source *source_new(struct source_memory *memory, const char *href,
			  uint64_t size)
{
	struct source *source = xcalloc(1, sizeof(*source));

	source->memory = memory;
	source->href = xstrdup(href);
	source->size = size;
	if (is_expected(memory, href, size))
		source->state = SOURCE_EXPECTED;
	pthread_mutex_init(&source->mutex, NULL);
	return source;
}

enum source_state source_state(struct source *source)
{
	enum source_state state;

	pthread_mutex_lock(&source->mutex);
	state = source->state;
	pthread_mutex_unlock(&source->mutex);
	return state;
}

bool source_is_known(struct source *source)
{
	return source_state(source) != SOURCE_UNKNOWN;
}

static bool is_whole(enum source_state state)
{
	return state == SOURCE_IGNORED || state == SOURCE_WHOLE;
}

bool source_sends_whole(struct source *source)
{
	return is_whole(source_state(source));
}

/* From one state to another, if it is in the first. */
static void change(struct source *source, enum source_state from,
		   enum source_state to)
{
	pthread_mutex_lock(&source->mutex);
	if (source->state == from)
		source->state = to;
	pthread_mutex_unlock(&source->mutex);
}

void source_expect(struct source *source)
{
	change(source, SOURCE_UNKNOWN, SOURCE_EXPECTED);
}

void source_restart(struct source *source)
{
	change(source, SOURCE_EXPECTED, SOURCE_UNKNOWN);
}

void source_took_all(struct source *source)
{
	change(source, SOURCE_UNKNOWN, SOURCE_IGNORED);
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void set(char **s, const char *value)
{
	if (is_same(*s, value))
		return;
	free(*s);
	*s = copy(value);
}

void source_ask(struct source *source, struct source_route *route,
		uint64_t from, bool is_part)
{
	*route = (struct source_route){
		.from = from,
		.is_anew = route->is_anew,
		.decodes = route->decodes || route->trouble == SOURCE_ENCODED,
	};
	pthread_mutex_lock(&source->mutex);
	route->has_range = source->state != SOURCE_WHOLE && (from || is_part);
	/* A server that ignores ranges gives the same answer to any of them. */
	if (!route->is_anew && !is_whole(source->state)) {
		route->target = copy(source->target);
		route->etag = route->has_range ? copy(source->etag) : NULL;
	}
	pthread_mutex_unlock(&source->mutex);
}

static void note_target(struct source *source, const char *target)
{
	if (source->no_target)
		return;
	if (!is_same(source->target, target))
		source->is_proven = false;
	set(&source->target, target);
}

static void note_etag(struct source *source, const char *etag)
{
	if (!range_is_validator(etag))
		etag = NULL;
	if (etag && source->etag && strcmp(etag, source->etag))
		source->has_changed = true;
	set(&source->etag, source->no_etag ? NULL : etag);
}

static void note_answer(struct source *source, struct source_route *route,
			const struct source_answer *answer)
{
	source->served += !route->is_served;
	route->is_served = true;
	if (!route->target)
		note_target(source, strcmp(answer->url, source->href) ?
					    answer->url :
					    NULL);
	else if (is_same(route->target, source->target))
		source->is_proven = true;
	note_etag(source, answer->etag);
}

/* Is its length that of `size` bytes, unless they are to be decoded? */
static int check_length(struct source_route *route,
			const struct source_answer *answer, uint64_t size,
			struct err *err)
{
	if (route->decodes)
		return 0;
	if (range_is_encoded(&answer->head, size))
		route->trouble = SOURCE_ENCODED;
	return range_check_whole(&answer->head, size, err);
}

static enum source_verdict head_of_range(struct source *source,
					 struct source_route *route,
					 const struct source_answer *answer,
					 struct err *err)
{
	uint64_t size = source->size;

	if (range_check_total(&answer->head, size, err))
		return SOURCE_REFUSE;
	route->trouble = SOURCE_USELESS;
	if (range_check(&answer->head, route->from, &size, err) ||
	    check_length(route, answer, size, err))
		return SOURCE_REFUSE;
	/* A range of what was compressed as a whole cannot be decoded. */
	if (!route->decodes)
		route->trouble = SOURCE_FINE;
	note_answer(source, route, answer);
	if (source->state <= SOURCE_EXPECTED)
		source->state = SOURCE_HEEDED;
	return SOURCE_TAKE;
}

static enum source_verdict refuse(struct source_route *route,
				  enum source_trouble trouble, struct err *err,
				  const char *why)
{
	route->trouble = trouble;
	err_set(err, ERR_PROTOCOL, "%s", why);
	return SOURCE_REFUSE;
}

/* An answer to If-Range by a server that has an ETag: not the same as before. */
static bool is_other(const struct source_route *route,
		     const struct source_answer *answer)
{
	return route->etag &&
	       (!answer->etag || strcmp(answer->etag, route->etag) != 0);
}

static enum source_verdict head_of_whole(struct source *source,
					 struct source_route *route,
					 const struct source_answer *answer,
					 struct err *err)
{
	if (is_other(route, answer))
		return refuse(route, SOURCE_CHANGED, err,
			      "the server has another version now");
	if (check_length(route, answer, source->size, err))
		return SOURCE_REFUSE;
	note_answer(source, route, answer);
	route->skip = route->from;
	if (source->state == SOURCE_UNKNOWN)
		return SOURCE_TAKE_ALL;
	if (!is_whole(source->state) && route->skip > SKIP_MAX)
		return refuse(route, SOURCE_USELESS, err,
			      "the server sends the whole object for a range");
	source->has_skipped |= route->has_range;
	return SOURCE_TAKE;
}

enum source_verdict source_head(struct source *source,
				struct source_route *route,
				const struct source_answer *answer,
				struct err *err)
{
	enum source_verdict verdict;

	pthread_mutex_lock(&source->mutex);
	verdict = answer->head.status == 206 ?
			  head_of_range(source, route, answer, err) :
			  head_of_whole(source, route, answer, err);
	pthread_mutex_unlock(&source->mutex);
	return verdict;
}

static void doubt(struct source *source)
{
	source->has_changed = source->no_etag = true;
	set(&source->etag, NULL);
}

void source_doubt(struct source *source)
{
	pthread_mutex_lock(&source->mutex);
	doubt(source);
	pthread_mutex_unlock(&source->mutex);
}

/* At first a 403 may say that the link has expired. */
static bool refuses_ranges(const struct source *source,
			   const struct source_route *route, int status)
{
	if (!route->has_range || (status == 403 && !source->is_renewed))
		return false;
	return range_is_refused(status, source->state == SOURCE_HEEDED);
}

static void drop_target(struct source *source)
{
	set(&source->target, NULL);
	set(&source->etag, NULL);
}

/* Does `href` answer better than its target did?  The target is dropped. */
static bool target_failed(struct source *source,
			  const struct source_route *route,
			  const struct err *err)
{
	bool is_answer = err->kind == ERR_PROTOCOL || err->kind == ERR_AUTH ||
			 err->kind == ERR_REFUSED || err->kind == ERR_EXPIRED;

	if (!route->target || (!is_answer && !err_is_transient(err)))
		return false;
	if (retry_wants_fewer(err) && source->served > route->is_served)
		return false;
	if (is_same(route->target, source->target)) {
		source->no_target |= is_answer && !source->is_proven;
		drop_target(source);
	}
	return is_answer;
}

/*
 * Once for each reason, however often the pool tries the part: what is decoded
 * is never SOURCE_ENCODED, and without a condition nothing is SOURCE_CHANGED.
 */
static bool asks_anew(struct source *source, const struct source_route *route,
		      const struct err *err)
{
	switch (route->trouble) {
	case SOURCE_ENCODED:
		return true;
	case SOURCE_CHANGED:
		doubt(source);
		return true;
	default:
		/* Without a target, false: asked anew, it has none. */
		return target_failed(source, route, err);
	}
}

bool source_failed(struct source *source, struct source_route *route,
		   int status, const struct err *err)
{
	pthread_mutex_lock(&source->mutex);
	if (refuses_ranges(source, route, status))
		route->trouble = SOURCE_USELESS;
	route->is_anew = asks_anew(source, route, err);
	if (!route->is_anew && route->trouble == SOURCE_USELESS)
		source->has_failed = true;
	pthread_mutex_unlock(&source->mutex);
	if (route->is_anew)
		source_done(source, route);
	return route->is_anew;
}

void source_done(struct source *source, struct source_route *route)
{
	pthread_mutex_lock(&source->mutex);
	source->served -= route->is_served;
	pthread_mutex_unlock(&source->mutex);
	free(route->target);
	free(route->etag);
	route->target = route->etag = NULL;
	route->is_served = false;
}

bool source_ask_whole(struct source *source, const struct err *err)
{
	bool is_wanted;

	pthread_mutex_lock(&source->mutex);
	is_wanted = source->has_failed && source->state != SOURCE_WHOLE &&
		    (err->kind == ERR_PROTOCOL || err->kind == ERR_REFUSED);
	if (is_wanted)
		source->state = SOURCE_WHOLE;
	pthread_mutex_unlock(&source->mutex);
	return is_wanted;
}

bool source_has_changed(struct source *source)
{
	bool has;

	pthread_mutex_lock(&source->mutex);
	has = source->has_changed;
	pthread_mutex_unlock(&source->mutex);
	return has;
}

void source_renew(struct source *source, const char *href)
{
	pthread_mutex_lock(&source->mutex);
	set(&source->href, href);
	source->is_renewed = true;
	drop_target(source);
	pthread_mutex_unlock(&source->mutex);
}

void source_remember(struct source *source)
{
	struct source_memory *memory = source->memory;
	bool is_ignored;

	pthread_mutex_lock(&source->mutex);
	is_ignored = source->has_skipped || is_whole(source->state);
	if (memory && (is_ignored || source->state == SOURCE_HEEDED)) {
		set(&memory->url, source->href);
		memory->heeds_ranges = !is_ignored;
	}
	pthread_mutex_unlock(&source->mutex);
}

void source_free(struct source *source)
{
	if (!source)
		return;
	pthread_mutex_destroy(&source->mutex);
	free(source->href);
	free(source->target);
	free(source->etag);
	free(source);
}
