/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/server.h"

#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"
#include "lfs/mode/mode.h"
#include "lfs/mode/plan.h"
#include "lfs/net/http.h"
#include "lfs/net/link.h"
#include "lfs/net/pool.h"
#include "lfs/net/url.h"
#include "lfs/server/context.h"
#include "lfs/server/credential.h"
#include "lfs/server/credshare.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/session.h"

enum { STEP_MS = 100 };

struct server {
	struct server_options options;
	const struct endpoint *endpoint;	/* borrowed from the context */
	struct askcred ask;
	struct credshare *share;	/* owned, unless it is options.other's */
	struct credentials *credentials;	/* owned, as all below */
	struct credtext lines;	/* by which agents tell each other of this server */
	/* The first is with the API, the others with hosts that wanted a login. */
	struct session **sessions;
	size_t nsessions;
	char *ref;	/* the branch that the objects are for, or NULL */
	bool has_ref;	/* `ref` was looked for */
	/*
	 * All tries of a request failed, and the server did not say when to
	 * come again.  The next object does not wait as long for the same.
	 */
	bool is_down;
	bool is_tried_once;	/* the request that is made now */
};

/* A request as a job of the pool: a batch, or the verification of an object. */
struct request {
	struct job job;	/* first: jobs come back as it */
	struct server *server;
	struct batch batch;
	const struct batch_object *object;
	struct verification *verification;	/* NULL: a batch */
};

static struct session *add_session(struct server *server, const char *url,
				   const struct endpoint *endpoint)
{
	const struct server_options *options = &server->options;
	const struct session_options session_options = {
		.config = options->context->lfsconfig,
		.credentials = server->credentials,
		.api_url = url,
		.remote_url = endpoint ? endpoint->remote_url : NULL,
		.ssh = endpoint ? &endpoint->ssh : NULL,
		.direction = options->context->direction,
		.stop = options->stop,
	};
	struct session *session = session_new(&session_options);

	server->sessions = xreallocarray(server->sessions,
					 server->nsessions + 1,
					 sizeof(struct session *));
	server->sessions[server->nsessions++] = session;
	return session;
}

/* The session with the URL's host, or NULL. */
static struct session *find_session(const struct server *server,
				    const char *url)
{
	for (size_t i = 0; i < server->nsessions; i++)
		if (session_is_with(server->sessions[i], url))
			return server->sessions[i];
	return NULL;
}

struct server *server_new(const struct server_options *options, struct err *err)
{
	const struct endpoint *endpoint = context_endpoint(options->context,
							   err);
	char shown[URL_DISPLAY_MAX];
	struct err ignored = ERR_INIT;
	struct server *server;

	if (!endpoint)
		return NULL;
	if (endpoint->kind != ENDPOINT_HTTP) {
		err_set(err, ERR_USAGE,
			"the remote's LFS URL '%s' is not an http or https "
			"URL",
			url_display_any(endpoint->url, shown, sizeof(shown)));
		return NULL;
	}
	server = xcalloc(1, sizeof(*server));
	server->options = *options;
	server->endpoint = endpoint;
	server->ask = (struct askcred){ .config = options->context->lfsconfig,
					.stop = options->stop };
	/* Locks know processes only, so a process has one share. */
	server->share =
		options->other ?
			options->other->share :
			credshare_new(options->context->storage.multipart_dir,
				      options->began_ms, &server->ask);
	server->credentials = credentials_new(&server->ask, server->share);
	credtext_add(&server->lines, "host", endpoint->url, &ignored);
	add_session(server, endpoint->url, endpoint);
	return server;
}

static int run_request(struct job *job, struct http *http, struct err *err)
{
	struct request *request = (struct request *)job;

	if (request->verification)
		return verification_run(request->verification, http, err);
	return batch_perform(http, &request->batch, err);
}

static bool has_answered(struct server *server)
{
	return hosts_has_answered(&pool_shared(server->options.pool)->hosts,
				  session_url(server->sessions[0]));
}

/*
 * Hear what the other agents know.  If the server has answered one of them, we
 * are only cut off for a while.  If one never got its first answer, `err`
 * says why, and we do not wait for it again.
 */
static void hear_from_others(struct server *server, struct err *err)
{
	struct credshare *share = server->share;
	struct http_shared *shared = pool_shared(server->options.pool);

	if (credshare_knows(share, CREDSHARE_ANSWERED, &server->lines, NULL)) {
		atomic_store(&shared->moved_ms, clock_ms());
		hosts_answered(&shared->hosts,
			       session_url(server->sessions[0]));
	} else {
		credshare_knows(share, CREDSHARE_UNREACHED, &server->lines,
				err);
	}
}

/* Tell the other agents how the first request of this process ended. */
static void tell_others(struct server *server, const struct err *err)
{
	struct credshare *share = server->share;

	if (has_answered(server))
		credshare_note(share, CREDSHARE_ANSWERED, &server->lines, NULL);
	else if (retry_is_unreached(err))
		credshare_note(share, CREDSHARE_UNREACHED, &server->lines, err);
}

/* Have the pool run it; the outcome is in the job's err. */
static void perform(struct request *request)
{
	struct server *server = request->server;
	const struct server_options *options = &server->options;
	struct pool *pool = options->pool;
	bool is_first = !has_answered(server);

	err_clear(&request->job.err);
	if (is_first)
		hear_from_others(server, &request->job.err);
	if (request->job.err.kind)
		return;
	request->job.run = run_request;
	request->job.is_tried_once = server->is_down || server->is_tried_once;
	pool_submit(pool, &request->job);
	while (!pool_wait(pool, STEP_MS))
		if (stop_is_wanted(&options->stop))
			pool_cancel(pool);
	if (is_first)
		tell_others(server, &request->job.err);
	if (!server->is_tried_once)
		server->is_down = err_is_transient(&request->job.err) &&
				  !request->job.err.wait_ms;
}

/* One request of the batch, and what the session makes of the answer. */
static enum session_next ask_once(void *ctx, struct err *err)
{
	struct request *request = ctx;
	struct session *api = request->server->sessions[0];
	struct batch *batch = &request->batch;
	struct headers headers = HEADERS_INIT;
	enum session_next next = session_prepare(api, err);

	if (next != SESSION_DONE)
		return next;
	next = SESSION_FAILED;
	batch->url = session_url(api);
	if (!session_headers(api, batch->url, &headers, err)) {
		batch->headers = &headers;
		perform(request);
		*err = request->job.err;
		next = session_answered(api, &headers, batch, err);
	}
	headers_release(&headers);
	return next;
}

/* git-lfs does not pass the ref on; the user mostly pushes the current branch. */
static const char *find_ref(struct server *server)
{
	const struct context *context = server->options.context;
	struct err err = ERR_INIT;
	char *branch = NULL;

	if (server->has_ref)
		return server->ref;
	server->has_ref = true;
	if (branch_current(&branch, context->repo.head, &err))
		log_info("%s: the server is told of no branch", err.msg);
	if (branch && context->direction == UPLOAD)
		server->ref = branch_push_ref(context->config, branch,
					      server->endpoint->remote);
	else if (branch)
		server->ref = branch_pull_ref(context->config, branch);
	free(branch);
	return server->ref;
}

static int ask_about(struct server *server, struct batch_object *objects,
		     size_t n, struct err *err)
{
	/*
	 * giftless takes the first name that it knows.  For a download the
	 * names of multipart transfers change nothing.
	 */
	static const char *const uploads[] = { "multipart-basic", "multipart",
					       "basic", NULL };
	static const char *const downloads[] = { "basic", NULL };
	const struct server_options *options = &server->options;
	enum direction direction = options->is_probe ?
					   DOWNLOAD :
					   options->context->direction;
	struct request request = {
		.server = server,
		.batch = {
			.direction = direction,
			.transfers = direction == UPLOAD ? uploads : downloads,
			.ref = find_ref(server),
			.objects = objects,
			.nobjects = n,
			.answer_ms = options->context->settings.answer_ms,
		},
	};
	int ret = session_run(ask_once, &request, err);

	/* The caller keeps the objects. */
	request.batch.nobjects = 0;
	batch_reset(&request.batch);
	return ret;
}

/*
 * Fill in the headers of a request by an action: the action's own, those that
 * the user has configured for its URL, and if the action leaves that to us, the
 * login of its host.
 */
static int fill_headers(const struct server *server,
			const struct batch_object *object,
			struct action *action, struct err *err)
{
	const struct session *session = find_session(server, action->href);
	struct headers *headers = &action->headers;

	if (action_headers(action, err) ||
	    session_extra_headers(server->sessions[0], action->href, headers,
				  err))
		return -1;
	if (object->authenticated || headers_get(headers, "Authorization") ||
	    !session || !session_gives_login(session, action->href))
		return 0;
	return session_add_login(session, headers, err);
}

/* git-lfs, if the user wants that, takes a link for one of the user's URLs. */
static char *rewrite_href(const struct server *server, const char *href)
{
	const struct context *context = server->options.context;
	struct endpoint endpoint = ENDPOINT_INIT;
	char *rewritten;

	if (!gitconfig_bool(gitconfig_find(context->lfsconfig,
					   "lfs.transfer.enablehrefrewrite"),
			    false))
		return NULL;
	endpoint_read_lfs(&endpoint, context->lfsconfig, href,
			  context->direction);
	rewritten = endpoint.url ? xstrdup(endpoint.url) : NULL;
	endpoint_release(&endpoint);
	return rewritten;
}

/* All headers of an action that is one request, its body's type included. */
static void complete_headers(const struct server *server,
			     struct batch_object *object, struct action *action)
{
	static const char type[] = "Content-Type";
	struct headers *headers = &action->headers;

	if (fill_headers(server, object, action, &object->err) ||
	    (server->options.context->direction == UPLOAD &&
	     !headers_get(headers, type) &&
	     headers_add(headers, type, "application/octet-stream",
			 &object->err)))
		return;
	object->headers = *headers;
	*headers = (struct headers)HEADERS_INIT;
}

void server_complete(struct server *server, struct batch_object *object)
{
	const json_t *tree = mode_action(object->actions,
					 server->options.context->direction);
	struct action action = { 0 };
	const char *href;

	if (object->err.kind || !tree || tree == object->actions)
		return;
	href = json_string_value(json_object_get(tree, "href"));
	object->href = href ? rewrite_href(server, href) : NULL;
	if (!action_parse(&action, tree, object->href, &object->err) &&
	    mode_is_plain(object->actions, server->options.context->direction))
		complete_headers(server, object, &action);
	action_release(&action);
}

int server_ask_all(struct server *server, struct batch_object *objects,
		   size_t n, struct err *err)
{
	if (ask_about(server, objects, n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		server_complete(server, &objects[i]);
	return 0;
}

int server_try_all(struct server *server, struct batch_object *objects,
		   size_t n, struct err *err)
{
	int ret;

	server->is_tried_once = true;
	ret = ask_about(server, objects, n, err);
	server->is_tried_once = false;
	return ret;
}

int server_ask(struct server *server, struct batch_object *object,
	       struct err *err)
{
	if (server_ask_all(server, object, 1, err))
		return -1;
	*err = object->err;
	return err->kind ? -1 : 0;
}

/* The URL of the object's one request; NULL if it has none, or several. */
static const char *href_of(const struct server *server,
			   const struct batch_object *object)
{
	enum direction direction = server->options.context->direction;
	const json_t *action = mode_action(object->actions, direction);

	if (!mode_is_plain(object->actions, direction))
		return NULL;
	if (object->href)
		return object->href;
	return json_string_value(json_object_get(action, "href"));
}

static const char *login_in(const struct headers *headers)
{
	return headers_get(headers, "Authorization");
}

bool server_may_want_login(const struct server *server,
			   const struct batch_object *object)
{
	const char *href = href_of(server, object);

	return href && !object->authenticated && !link_is_signed(href) &&
	       !login_in(&object->headers);
}

/*
 * A request to `href`, an action of the object's, was refused with a 401, `err`;
 * `sent` is its Authorization, or NULL.  Returns what server_log_in() does.
 */
static int log_in_to(struct server *server, const struct batch_object *object,
		     const char *href, const char *sent, struct err *err)
{
	struct session *session;
	struct err why = *err;
	int ret;

	if (!href || object->authenticated || link_is_signed(href))
		return 0;
	session = find_session(server, href);
	if (!session && sent)
		return 0;
	if (!session)
		session = add_session(server, href, NULL);
	ret = session_log_in(session, sent, &why);
	if (ret < 0)
		*err = why;
	return ret;
}

int server_log_in(struct server *server, const struct batch_object *object,
		  struct err *err)
{
	return log_in_to(server, object, href_of(server, object),
			 login_in(&object->headers), err);
}

/* No request follows at once that one to `href`, or NULL. */
static void settle_sessions(struct server *server, const char *href,
			    const char *sent, const struct err *err)
{
	const struct session *session = href ? find_session(server, href) :
					       NULL;

	for (size_t i = 0; i < server->nsessions; i++)
		session_settle(server->sessions[i],
			       session == server->sessions[i] ? sent : NULL,
			       err);
}

void server_settle(struct server *server, const struct batch_object *object,
		   const struct err *err)
{
	settle_sessions(server, href_of(server, object),
			login_in(&object->headers), err);
}

/* A `verify` action, ready to be performed. */
struct verification {
	struct action action;	/* owned */
	struct batch_verify verify;
	unsigned tries;
	unsigned most;	/* tries, if it is refused */
};

struct verification *verification_new(struct server *server,
				      const struct batch_object *object,
				      struct err *err)
{
	const json_t *tree = json_object_get(object->actions, "verify");
	struct verification *verification;

	if (!tree)
		return NULL;
	verification = xcalloc(1, sizeof(*verification));
	verification->most = server->options.context->settings.max_verifies;
	verification->verify = (struct batch_verify){
		.action = &verification->action,
		.oid = object->oid,
		.size = object->size,
		.params = json_object_get(tree, "params"),
		.answer_ms = server->options.context->settings.finish_ms,
	};
	if (!action_parse(&verification->action, tree, NULL, err) &&
	    !fill_headers(server, object, &verification->action, err))
		return verification;
	verification_free(verification);
	return NULL;
}

int verification_run(struct verification *verification, struct http *http,
		     struct err *err)
{
	int ret = batch_verify(http, &verification->verify, err);

	verification->tries++;
	if (ret)
		batch_verify_again(err, verification->tries,
				   verification->most);
	return ret;
}

int verification_log_in(struct server *server,
			const struct batch_object *object,
			const struct verification *verification,
			struct err *err)
{
	return log_in_to(server, object, verification->action.href,
			 login_in(&verification->action.headers), err);
}

void verification_free(struct verification *verification)
{
	if (!verification)
		return;
	action_release(&verification->action);
	free(verification);
}

static enum session_next verify_once(void *ctx, struct err *err)
{
	struct request *request = ctx;
	struct server *server = request->server;
	struct verification *verification = verification_new(server,
							     request->object,
							     err);
	bool has_login;

	if (!verification)
		return err->kind ? SESSION_FAILED : SESSION_DONE;
	request->verification = verification;
	perform(request);
	*err = request->job.err;
	has_login = err->kind == ERR_AUTH &&
		    verification_log_in(server, request->object, verification,
					err) > 0;
	if (!has_login)
		settle_sessions(server, verification->action.href,
				login_in(&verification->action.headers), err);
	verification_free(verification);
	if (has_login)
		return SESSION_AGAIN;
	return err->kind ? SESSION_FAILED : SESSION_DONE;
}

int server_verify(struct server *server, const struct batch_object *object,
		  struct err *err)
{
	struct request request = { .server = server, .object = object };

	return session_run(verify_once, &request, err);
}

struct credshare *server_share(const struct server *server)
{
	return server->share;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	/* Shared logins are taken back even if git-lfs has hung up by now. */
	server->ask.stop = stop_when(NULL, NULL);
	for (size_t i = 0; i < server->nsessions; i++)
		session_free(server->sessions[i]);
	free(server->sessions);
	credentials_free(server->credentials);
	if (!server->options.other)
		credshare_free(server->share);
	credtext_release(&server->lines);
	free(server->ref);
	free(server);
}
