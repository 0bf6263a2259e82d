/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/httpconf.h"
#include "lfs/git/urlmatch.h"
#include "lfs/net/link.h"
#include "lfs/net/url.h"
#include "lfs/server/ssh.h"

enum {
	REJECTIONS_MAX = 3
};

struct session {
	const struct gitconfig *config; /* borrowed */
	struct credentials *credentials; /* borrowed, as the next */
	struct credshare *share;
	char *api_url; /* owned, as all below */
	char *remote_url; /* or NULL */
	struct sshauth ssh;
	struct credtext lines; /* of its login, for other agents */
	struct credential credential; /* none if without authorization */
	bool is_approved;
	bool is_on_trial; /* until an action that wanted it has ended well */
	bool is_for_actions; /* an action that is not below the API wanted it */
	unsigned rejections;
};

const char *session_url(const struct session *session)
{
	const char *href = session->ssh.reply.href;

	return href ? href : session->api_url;
}

static struct credential_query query_of(const struct session *session)
{
	return (struct credential_query){
		.api_url = session_url(session),
		.remote_url = session->remote_url,
	};
}

static void find_lines(struct session *session)
{
	const struct credential_query query = query_of(session);

	credtext_release(&session->lines);
	session->lines = credential_lines(session->credentials, &query);
}

struct session *session_new(const struct session_options *options)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->config = options->config;
	session->credentials = options->credentials;
	session->share = credentials_share(options->credentials);
	session->api_url = xstrdup(options->api_url);
	if (options->remote_url)
		session->remote_url = xstrdup(options->remote_url);
	session->ssh.options.config = options->config;
	session->ssh.options.ssh = options->ssh;
	session->ssh.options.direction = options->direction;
	session->ssh.options.share = session->share;
	session->ssh.options.stop = options->stop;
	find_lines(session);
	return session;
}

static bool has_ssh_login(const struct session *session)
{
	return headers_get(&session->ssh.reply.headers, "Authorization");
}

/* The part of the user's config that says what to send, or NULL. */
static const char *own_login(const struct session *session)
{
	const char *url = session_url(session);
	struct headers headers = HEADERS_INIT;
	struct err ignored = ERR_INIT;
	const char *origin = NULL;

	httpconf_add_headers(session->config, url, &headers, &ignored);
	if (headers_get(&headers, "Authorization"))
		origin = "http.extraHeader";
	else if (strstr(url, "?token=") || strstr(url, "&token="))
		origin = "the URL";
	headers_release(&headers);
	return origin;
}

static bool wants_login(const struct session *session, const char *url)
{
	const struct gitconfig_entry *entry =
		gitconfig_find_url(session->config, "lfs", url, "access");

	return entry && (!strcasecmp(entry->value, "basic") ||
			 !strcasecmp(entry->value, "private"));
}

/* Find a credential; actions want it, too, if another agent says so. */
static int get_credential(struct session *session,
			  const struct credential_query *query, struct err *err)
{
	if (credential_get(session->credentials, query, &session->credential,
			   err))
		return -1;
	if (credshare_knows(session->share, CREDSHARE_FOR_ACTIONS,
			    &session->lines, NULL))
		session->is_for_actions = session->is_on_trial = true;
	return 0;
}

int session_run(enum session_next (*once)(void *ctx, struct err *err),
		void *ctx, struct err *err)
{
	enum session_next next;

	while ((next = once(ctx, err)) == SESSION_AGAIN) {
		if (err->kind)
			log_info("%s; trying again", err->msg);
		err_clear(err);
	}
	return next == SESSION_DONE ? 0 : -1;
}

static int find_credential(struct session *session, struct err *err)
{
	struct credshare *share = session->share;
	struct credential_query query = query_of(session), in_url = query;

	if (session->credential.authorization || has_ssh_login(session))
		return 0;
	if (credshare_knows(share, CREDSHARE_FAILED, &session->lines, err))
		return -1;
	if (own_login(session))
		return 0;
	/* git-lfs sends the login in the remote's URL only after a 401. */
	in_url.remote_url = NULL;
	in_url.in_url_only = true;
	if (credential_get(session->credentials, &in_url, &session->credential,
			   err))
		return -1;
	if (session->credential.authorization)
		return 0;
	if (wants_login(session, session_url(session)) ||
	    credshare_knows(share, CREDSHARE_APPROVED, &session->lines, NULL) ||
	    credshare_knows(share, CREDSHARE_FOR_ACTIONS, &session->lines,
			    NULL))
		return get_credential(session, &query, err);
	return 0;
}

enum session_next session_prepare(struct session *session, struct err *err)
{
	int ret = sshauth_update(&session->ssh, err);

	if (ret > 0)
		return SESSION_AGAIN;
	/* The reply may have another address. */
	find_lines(session);
	if (ret || find_credential(session, err))
		return SESSION_FAILED;
	return SESSION_DONE;
}

bool session_is_with(const struct session *session, const char *url)
{
	return url_keeps_headers(session_url(session), url);
}

int session_headers(struct session *session, const char *url,
		    struct headers *headers, struct err *err)
{
	if (!httpconf_add_headers(session->config, url, headers, err) &&
	    (!session_is_with(session, url) ||
	     !session_add_login(session, headers, err)))
		return 0;
	/* Other agents may be waiting for how an untried login turns out. */
	credential_drop(session->credentials);
	return -1;
}

int session_add_login(const struct session *session, struct headers *headers,
		      struct err *err)
{
	const char *authorization = session->credential.authorization;

	if (headers_add_all(headers, &session->ssh.reply.headers, err))
		return -1;
	if (!authorization || headers_get(headers, "Authorization"))
		return 0;
	return headers_add(headers, "Authorization", authorization, err);
}

static bool is_below(const char *api_url, const char *url)
{
	char *plain = url_join(api_url, "");
	struct urlmatch *action = urlmatch_new(url);
	struct urlmatch_rank ignored;
	bool is = urlmatch_is_match(plain, action, &ignored);

	urlmatch_free(action);
	free(plain);
	return is;
}

bool session_gives_login(const struct session *session, const char *url)
{
	if (link_is_signed(url) || !session_is_with(session, url))
		return false;
	return session->is_for_actions || is_below(session_url(session), url) ||
	       wants_login(session, url);
}

int session_extra_headers(const struct session *session, const char *url,
			  struct headers *headers, struct err *err)
{
	struct headers extra = HEADERS_INIT;
	int ret = 0;

	if (session_is_with(session, url) ||
	    httpconf_has_headers_for(session->config, url))
		ret = httpconf_add_headers(session->config, url, &extra, err) ||
		      headers_add_missing(headers, &extra, err);
	headers_release(&extra);
	return ret ? -1 : 0;
}

/* Was the request sent with the credential that we have now? */
static bool is_current(const struct session *session, const char *sent)
{
	const char *now = session->credential.authorization;

	return now && sent ? !strcmp(now, sent) : now == sent;
}

/* Forget a refused login.  False if, for `why`, no agent is to try another one. */
static bool forget_login(struct session *session, const struct err *why)
{
	bool is_last = ++session->rejections >= REJECTIONS_MAX;

	session->is_approved = false;
	credential_reject(session->credentials, &session->credential,
			  is_last ? why : NULL);
	credential_release(&session->credential);
	return !is_last;
}

/* The end of a challenge, or of a parameter of one; commas may be quoted. */
static const char *skip_element(const char *p)
{
	for (bool is_quoted = false; *p && (is_quoted || *p != ','); p++) {
		if (*p == '"')
			is_quoted = !is_quoted;
		else if (*p == '\\' && is_quoted && p[1])
			p++;
	}
	return p;
}

/* Does the server accept that kind of login? */
static bool accepts(const struct batch *batch, const char *scheme)
{
	size_t n = strlen(scheme);

	for (size_t i = 0; i < batch->nchallenges; i++)
		for (const char *p = batch->challenges[i]; *p; p += *p == ',') {
			p += strspn(p, " \t");
			if (!strncasecmp(p, scheme, n) && strchr(" ,", p[n]))
				return true;
			p = skip_element(p);
		}
	return false;
}

/* The origin of the login that a request had; NULL if it had none of ours. */
static const char *origin_of(const struct session *session, const char *sent)
{
	if (has_ssh_login(session))
		return "ssh (git-lfs-authenticate)";
	if (sent && is_current(session, sent))
		return credential_origin(&session->credential);
	return own_login(session);
}

static void blame_login(const char *origin, struct err *err)
{
	err_append(err,
		   "; the login from %s was refused: it may be wrong, or have "
		   "expired; renew it there",
		   origin);
}

/* After a 403: the server knows who asks, or does not want to know. */
static void explain_forbidden(const char *origin, struct err *err)
{
	if (origin)
		err_append(err,
			   "; the login from %s may lack the right to do this: "
			   "ask the repository's owner for it, or use another "
			   "login",
			   origin);
	else
		err_append(err, "; no login was sent, as none was asked for: "
				"check lfs.url and the proxy, or have one sent "
				"by lfs.<url>.access = basic");
}

/* Explain a final 401: whose login was refused, or why there can be none. */
static enum session_next explain_refusal(const char *origin,
					 const struct batch *batch,
					 struct err *err)
{
	if (err->kind != ERR_AUTH)
		return SESSION_FAILED;
	if (origin)
		blame_login(origin, err);
	if (batch && (accepts(batch, "NTLM") || accepts(batch, "Negotiate")) &&
	    !accepts(batch, "Basic") && !accepts(batch, "Bearer"))
		err_append(err, "; it asks for NTLM or Negotiate, which this "
				"program lacks: use a token, or ssh");
	return SESSION_FAILED;
}

static enum session_next find_login(struct session *session, const char *sent,
				    const struct batch *batch, struct err *err)
{
	struct credential_query query = query_of(session);
	const char *origin = NULL;

	/* Another answer has led to a new login since. */
	if (!is_current(session, sent)) {
		err_clear(err);
		return SESSION_AGAIN;
	}
	if (session->credential.authorization) {
		origin = credential_origin(&session->credential);
		if (!forget_login(session, err))
			return explain_refusal(origin, batch, err);
	}
	if (batch) {
		query.challenges = (const char *const *)batch->challenges;
		query.nchallenges = batch->nchallenges;
	}
	err_clear(err);
	if (!get_credential(session, &query, err))
		return SESSION_AGAIN;
	if (err->kind == ERR_AUTH)
		err_wrap(err, "the server wants a login");
	return explain_refusal(origin, batch, err);
}

static void approve_login(struct session *session)
{
	credential_approve(session->credentials, &session->credential);
	session->is_approved = true;
	session->rejections = 0;
}

/*
 * The answer does not prove the login right; a 4xx other than 401 only shows
 * that it was not rejected.
 */
static void leave_open(struct session *session, const struct err *err)
{
	if (err->code >= 400)
		credential_lend(session->credentials, &session->credential);
	else
		credential_drop(session->credentials);
}

/* Find out what follows for the login from the API's answer. */
static enum session_next judge_answer(struct session *session,
				      const char *login,
				      const struct batch *batch,
				      struct err *err)
{
	bool is_new = login && !session->is_approved &&
		      is_current(session, login);

	if (err->kind == ERR_AUTH &&
	    (has_ssh_login(session) || own_login(session))) {
		blame_login(origin_of(session, login), err);
		if (!has_ssh_login(session))
			credshare_note(session->share, CREDSHARE_FAILED,
				       &session->lines, err);
		return SESSION_FAILED;
	}
	if (err->kind == ERR_AUTH)
		return find_login(session, login, batch, err);
	if (err->kind == ERR_REFUSED && err->code == 403)
		explain_forbidden(origin_of(session, login), err);
	if (err->kind && is_new)
		leave_open(session, err);
	else if (is_new && !session->is_on_trial)
		approve_login(session);
	return err->kind ? SESSION_FAILED : SESSION_DONE;
}

enum session_next session_answered(struct session *session,
				   const struct headers *sent,
				   const struct batch *batch, struct err *err)
{
	enum session_next next = judge_answer(session,
					      headers_get(sent,
							  "Authorization"),
					      batch, err);

	if (next == SESSION_DONE)
		session->ssh.was_used = true;
	if (next != SESSION_FAILED)
		return next;
	/* A new reply of ssh may be better than the one that the server refused. */
	if (err->kind == ERR_AUTH && sshauth_refused(&session->ssh))
		return SESSION_AGAIN;
	/* Only without an address from ssh is this one asked. */
	if (err->kind != ERR_CANCELED && sshauth_is_empty(&session->ssh))
		err_append(err,
			   "; this address was tried as ssh to '%.80s' finds "
			   "no git-lfs-authenticate there",
			   session->ssh.options.ssh->host);
	return next;
}

int session_log_in(struct session *session, const char *sent, struct err *err)
{
	bool has_unsent = !sent && has_ssh_login(session);

	if (!has_unsent && (has_ssh_login(session) || own_login(session) ||
			    (sent && !is_current(session, sent))))
		return 0;
	if (has_unsent)
		err_clear(err);
	else if (find_login(session, sent, NULL, err) != SESSION_AGAIN)
		return -1;
	session->is_for_actions |= !sent;
	session->is_on_trial = !has_unsent && !session->is_approved;
	if (!sent && !has_unsent)
		credshare_note(session->share, CREDSHARE_FOR_ACTIONS,
			       &session->lines, NULL);
	return 1;
}

void session_settle(struct session *session, const char *sent,
		    const struct err *err)
{
	if (!session->is_on_trial)
		return;
	if (!sent || !is_current(session, sent)) {
		credential_drop(session->credentials);
	} else if (err->kind) {
		leave_open(session, err);
	} else {
		session->is_on_trial = false;
		approve_login(session);
	}
}

void session_free(struct session *session)
{
	if (!session)
		return;
	if (!session->is_approved)
		credential_drop(session->credentials);
	free(session->api_url);
	free(session->remote_url);
	credtext_release(&session->lines);
	sshauth_release(&session->ssh);
	credential_release(&session->credential);
	free(session);
}
