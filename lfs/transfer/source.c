/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/source.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"
#include "lfs/net/retry.h"
#include "lfs/net/url.h"

enum {
	GUESS_MAX = 4 << 20,	/* bytes that may be wasted to save a wait */
	SKIP_MAX = 4 << 20	/* bytes of an answer before those wanted */
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

/* Read digits up to INT64_MAX and the byte after them. */
static const char *parse_number(const char *p, uint64_t *n, char after)
{
	const char *start = p;

	*n = 0;
	for (; p && *p >= '0' && *p <= '9'; p++) {
		if (*n > (INT64_MAX - 9) / 10)
			return NULL;
		*n = *n * 10 + (uint64_t)(*p - '0');
	}
	return p && p != start && *p == after ? p + 1 : NULL;
}

int source_parse_range(const char *value, struct source_range *range)
{
	const char *p;

	if (!value || strncasecmp(value, "bytes ", 6))
		return -1;
	p = parse_number(value + 6, &range->first, '-');
	p = parse_number(p, &range->last, '/');
	if (!p || range->first > range->last)
		return -1;
	range->has_total = *p != '*';
	range->total = 0;
	if (!range->has_total)
		return p[1] ? -1 : 0;
	p = parse_number(p, &range->total, '\0');
	return p ? 0 : -1;
}

bool source_is_validator(const char *etag)
{
	size_t len = etag ? strlen(etag) : 0;

	if (len < 2 || len > SOURCE_VALIDATOR_MAX || etag[0] != '"' ||
	    etag[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++) {
		unsigned char c = (unsigned char)etag[i];

		if (c <= ' ' || c == '"' || c == 0x7f)
			return false;
	}
	return true;
}

/*
 * May a server, or a proxy before it, refuse ranges with this status?  Any
 * refusal may mean that, unless its status has another meaning or ranges were
 * heeded before.
 */
static bool is_refusal_of_ranges(int status, bool were_heeded)
{
	static const int others[] = { 401, 404, 408, 410, 429 };

	if (status == 416 || status == 501)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (status == others[i])
			return false;
	return status >= 400 && status <= 499 && !were_heeded;
}

static bool has_length(const struct source_answer *answer, uint64_t size)
{
	return answer->length && strtoull(answer->length, NULL, 10) == size;
}

/*
 * Were the body's `size` bytes compressed on their way?  An object that is
 * stored with a Content-Encoding has the size that is expected.
 */
static bool is_encoded(const struct source_answer *answer, uint64_t size)
{
	return answer->encoding &&
	       strcasecmp(answer->encoding, "identity") != 0 &&
	       !has_length(answer, size);
}

/* Has the body `size` bytes?  ERR_PROTOCOL if not, as from the next two. */
static int check_whole(const struct source_answer *answer, uint64_t size,
		       struct err *err)
{
	if (is_encoded(answer, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server compressed the object "
			       "(Content-Encoding: %.40s) though asked for it "
			       "as it is",
			       answer->encoding);
	if (answer->length && !has_length(answer, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server has %.20s bytes, not %" PRIu64,
			       answer->length, size);
	return 0;
}

/* Is it a range of a whole of `size` bytes, as far as that can be read? */
static int check_total(const struct source_answer *answer, uint64_t size,
		       struct err *err)
{
	struct source_range range;

	if (source_parse_range(answer->range, &range) || !range.has_total ||
	    range.total == size || range.total + range.first == size)
		return 0;
	return err_set(err, ERR_PROTOCOL,
		       "the server has %" PRIu64 " bytes, the object has "
		       "%" PRIu64,
		       range.total, size);
}

/*
 * Does the range begin at `from`?  It may end anywhere: lfs-test-server and its
 * descendants do not heed the end.  `*size` becomes the size of the range.
 */
static int check_range(const struct source_answer *answer, uint64_t from,
		       uint64_t *size, struct err *err)
{
	struct source_range range;

	if (source_parse_range(answer->range, &range))
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range '%.60s' makes no "
			       "sense",
			       answer->range ? answer->range : "");
	if (range.first != from || range.last >= *size)
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range is %" PRIu64
			       "-%" PRIu64 " when asked for the bytes from "
			       "%" PRIu64,
			       range.first, range.last, from);
	*size = range.last - range.first + 1;
	return 0;
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

/* Change the state to `to` if it is `from`. */
static void change_state(struct source *source, enum source_state from,
			 enum source_state to)
{
	pthread_mutex_lock(&source->mutex);
	if (source->state == from)
		source->state = to;
	pthread_mutex_unlock(&source->mutex);
}

void source_expect(struct source *source)
{
	change_state(source, SOURCE_UNKNOWN, SOURCE_EXPECTED);
}

void source_restart(struct source *source)
{
	change_state(source, SOURCE_EXPECTED, SOURCE_UNKNOWN);
}

void source_took_all(struct source *source)
{
	change_state(source, SOURCE_UNKNOWN, SOURCE_IGNORED);
}

static char *copy_string(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void set_string(char **s, const char *value)
{
	if (is_same(*s, value))
		return;
	free(*s);
	*s = copy_string(value);
}

void source_ask(struct source *source, struct source_route *route,
		uint64_t from, bool is_part)
{
	*route = (struct source_route){
		.from = from,
		.is_anew = route->is_anew,
		.decodes = route->is_anew &&
			   (route->decodes || route->trouble == SOURCE_ENCODED),
	};
	pthread_mutex_lock(&source->mutex);
	route->has_range = source->state != SOURCE_WHOLE && (from || is_part);
	/* A server that ignores ranges gives the same answer to any of them. */
	if (!route->is_anew && !is_whole(source->state)) {
		route->target = copy_string(source->target);
		route->etag = route->has_range ? copy_string(source->etag) :
						 NULL;
	}
	pthread_mutex_unlock(&source->mutex);
}

static void note_target(struct source *source, const char *target)
{
	if (source->no_target)
		return;
	if (!is_same(source->target, target))
		source->is_proven = false;
	set_string(&source->target, target);
}

static void note_etag(struct source *source, const char *etag)
{
	if (!source_is_validator(etag))
		etag = NULL;
	if (etag && source->etag && strcmp(etag, source->etag))
		source->has_changed = true;
	set_string(&source->etag, source->no_etag ? NULL : etag);
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

/* Has the body `size` bytes?  If it is to be decoded, its length may be any. */
static int check_length(struct source_route *route,
			const struct source_answer *answer, uint64_t size,
			struct err *err)
{
	if (route->decodes)
		return 0;
	if (is_encoded(answer, size))
		route->trouble = SOURCE_ENCODED;
	return check_whole(answer, size, err);
}

static enum source_verdict head_of_range(struct source *source,
					 struct source_route *route,
					 const struct source_answer *answer,
					 struct err *err)
{
	uint64_t size = source->size;

	if (check_total(answer, size, err))
		return SOURCE_REFUSE;
	route->trouble = SOURCE_USELESS;
	if (check_range(answer, route->from, &size, err) ||
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

/* Is this answer to an If-Range of another version than the one it named? */
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
	verdict = answer->status == 206 ?
			  head_of_range(source, route, answer, err) :
			  head_of_whole(source, route, answer, err);
	pthread_mutex_unlock(&source->mutex);
	return verdict;
}

static void doubt(struct source *source)
{
	source->has_changed = source->no_etag = true;
	set_string(&source->etag, NULL);
}

void source_doubt(struct source *source)
{
	pthread_mutex_lock(&source->mutex);
	doubt(source);
	pthread_mutex_unlock(&source->mutex);
}

/* A 403 to the first link may mean that the link has expired. */
static bool refuses_ranges(const struct source *source,
			   const struct source_route *route, int status)
{
	if (!route->has_range || (status == 403 && !source->is_renewed))
		return false;
	return is_refusal_of_ranges(status, source->state == SOURCE_HEEDED);
}

static void drop_target(struct source *source)
{
	set_string(&source->target, NULL);
	set_string(&source->etag, NULL);
}

/* Drop the target that failed; true if `href` may give a better answer. */
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
		/* A route asked anew has no target, so this is false then. */
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
	set_string(&source->href, href);
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
		set_string(&memory->url, source->href);
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
