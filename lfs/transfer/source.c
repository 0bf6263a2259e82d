/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/range.h"
#include "lfs/net/retry.h"

struct source {
	pthread_mutex_t mutex;	/* guards all below */
	char *target;	/* owned, as `etag`; or NULL */
	char *etag;
	unsigned served;	/* requests whose answer is on its way */
	bool is_proven;	/* the target has answered without a redirect */
	bool no_target;
	bool no_etag;
	bool has_changed;
};

struct source *source_new(void)
{
	struct source *source = xcalloc(1, sizeof(*source));

	pthread_mutex_init(&source->mutex, NULL);
	return source;
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

void source_take(struct source *source, struct source_route *route)
{
	pthread_mutex_lock(&source->mutex);
	route->is_served = false;
	route->target = copy(source->target);
	route->etag = copy(source->etag);
	pthread_mutex_unlock(&source->mutex);
}

static void hear_target(struct source *source, const char *target)
{
	if (source->no_target)
		return;
	if (!is_same(source->target, target))
		source->is_proven = false;
	set(&source->target, target);
}

static void hear_etag(struct source *source, const char *etag)
{
	if (!range_is_validator(etag))
		etag = NULL;
	if (etag && source->etag && strcmp(etag, source->etag))
		source->has_changed = true;
	set(&source->etag, source->no_etag ? NULL : etag);
}

void source_heard(struct source *source, struct source_route *route,
		  const char *href, const char *url, const char *etag)
{
	pthread_mutex_lock(&source->mutex);
	source->served += !route->is_served;
	route->is_served = true;
	if (!route->target)
		hear_target(source, strcmp(url, href) ? url : NULL);
	else if (is_same(route->target, source->target))
		source->is_proven = true;
	hear_etag(source, etag);
	pthread_mutex_unlock(&source->mutex);
}

void source_changed(struct source *source)
{
	pthread_mutex_lock(&source->mutex);
	source->has_changed = source->no_etag = true;
	set(&source->etag, NULL);
	pthread_mutex_unlock(&source->mutex);
}

bool source_failed(struct source *source, const struct source_route *route,
		   const struct err *err)
{
	bool is_answer = err->kind == ERR_PROTOCOL || err->kind == ERR_AUTH ||
			 err->kind == ERR_REFUSED || err->kind == ERR_EXPIRED;

	if (!route->target || (!is_answer && !err_is_transient(err)))
		return false;
	pthread_mutex_lock(&source->mutex);
	if (retry_wants_fewer(err) && source->served > route->is_served) {
		is_answer = false;
	} else if (is_same(route->target, source->target)) {
		source->no_target |= is_answer && !source->is_proven;
		set(&source->target, NULL);
		set(&source->etag, NULL);
	}
	pthread_mutex_unlock(&source->mutex);
	return is_answer;
}

void source_renew(struct source *source)
{
	pthread_mutex_lock(&source->mutex);
	set(&source->target, NULL);
	set(&source->etag, NULL);
	pthread_mutex_unlock(&source->mutex);
}

bool source_has_changed(struct source *source)
{
	bool has;

	pthread_mutex_lock(&source->mutex);
	has = source->has_changed;
	pthread_mutex_unlock(&source->mutex);
	return has;
}

void source_done(struct source *source, struct source_route *route)
{
	pthread_mutex_lock(&source->mutex);
	source->served -= route->is_served;
	pthread_mutex_unlock(&source->mutex);
	free(route->target);
	free(route->etag);
	*route = (struct source_route){ .target = NULL };
}

void source_free(struct source *source)
{
	if (!source)
		return;
	pthread_mutex_destroy(&source->mutex);
	free(source->target);
	free(source->etag);
	free(source);
}
