/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credential.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"
#include "lfs/server/gourl.h"
#include "lfs/server/netrc.h"

struct credentials {
	const struct askcred *ask; /* borrowed, as the next */
	struct credshare *share;
	struct credtext lent; /* owned: the login that others have on trust */
	struct err askpass;	/* why it failed: as git-lfs, ask it only once */
};

struct credentials *credentials_new(const struct askcred *ask,
				    struct credshare *share)
{
	struct credentials *credentials = xcalloc(1, sizeof(*credentials));

	credentials->ask = ask;
	credentials->share = share;
	return credentials;
}

/*
 * Choose the URL whose login is asked for: git-lfs prefers that of the git
 * remote, so that the login stored for git is found.
 */
static int choose_url(const struct credential_query *query, struct gourl *url,
		      struct err *err)
{
	const char *remote = query->remote_url;

	if (gourl_parse_server(url, query->api_url, err))
		return -1;
	if (url->password || !remote ||
	    !url_is_same_origin(remote, query->api_url))
		return 0;
	gourl_release(url);
	return gourl_parse_server(url, remote, err);
}

/* A boolean of the credential section for the URL; a bad one is ignored. */
static bool get_bool(const struct gitconfig *config, const char *url,
		     const char *key, bool value)
{
	return gitconfig_bool(gitconfig_find_url(config, "credential", url,
						 key),
			      value);
}

static int add_challenges(struct credtext *lines,
			  const struct credential_query *query, struct err *err)
{
	for (size_t i = 0; i < query->nchallenges; i++)
		if (credtext_add(lines, "wwwauth[]", query->challenges[i], err))
			return -1;
	return 0;
}

/* Refuse a bad password of a URL before anybody is asked. */
static int check_password(const char *password, bool takes_cr, struct err *err)
{
	struct credtext lines = { .takes_cr = takes_cr };
	int ret = password ? credtext_add(&lines, "password", password, err) :
			     0;

	credtext_release(&lines);
	return ret;
}

/* Add the lines that ask for a login for the URL. */
static int add_query(struct credtext *lines, const struct gitconfig *config,
		     const struct gourl *url, struct err *err)
{
	char *plain = xstrfmt("%s://%s%s", url->scheme, url->host, url->path);
	const char *path = url->path + (*url->path == '/');
	int ret;

	lines->takes_cr = !get_bool(config, plain, "protectprotocol", true);
	ret = check_password(url->password, lines->takes_cr, err);
	if (!ret)
		ret = credtext_add(lines, "protocol", url->scheme, err);
	if (!ret)
		ret = credtext_add(lines, "host", url->host, err);
	if (!ret && url->user && *url->user)
		ret = credtext_add(lines, "username", url->user, err);
	if (!ret && *path && get_bool(config, plain, "usehttppath", false))
		ret = credtext_add(lines, "path", path, err);
	free(plain);
	return ret;
}

struct credtext credential_lines(const struct credentials *credentials,
				 const struct credential_query *query)
{
	struct credtext lines = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	struct gourl url;

	if (choose_url(query, &url, &ignored))
		return lines;
	if (add_query(&lines, credentials->ask->config, &url, &ignored))
		credtext_release(&lines);
	gourl_release(&url);
	return lines;
}

/* Make a credential of the lines if they hold one. */
static bool set_authorization(struct credential *credential,
			      enum credential_source source)
{
	credential->authorization = credtext_authorization(&credential->text);
	credential->source = source;
	return credential->authorization != NULL;
}

static bool set_pair(struct credential *credential, const char *user,
		     const char *password, enum credential_source source)
{
	struct err ignored = ERR_INIT;

	credential->text.takes_cr = credential->query.takes_cr;
	return !credtext_add(&credential->text, "username", user, &ignored) &&
	       !credtext_add(&credential->text, "password", password,
			     &ignored) &&
	       set_authorization(credential, source);
}

static bool from_netrc(const struct credentials *credentials,
		       const struct gourl *parts, struct credential *credential)
{
	const char *home = getenv("HOME");
	char *host = gourl_host_name(parts);
	char *path = xstrfmt("%s/.netrc", home ? home : "");
	const struct netrc_query wanted = { host, parts->user };
	struct netrc_login login = { NULL, NULL };
	bool found = false;

	if (home && *home &&
	    !credshare_knows(credentials->share, CREDSHARE_BAD_NETRC,
			     &credential->query, NULL) &&
	    netrc_load(path, &wanted, &login)) {
		found = set_pair(credential, login.login, login.password,
				 CREDENTIAL_NETRC);
		netrc_login_release(&login);
	}
	free(path);
	free(host);
	return found;
}

/* Another agent has stored it; the daemon names user and password only. */
static bool from_share(struct credentials *credentials,
		       struct credential *credential)
{
	struct credtext answer = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	bool found = credshare_get(credentials->share, &credential->query,
				   &answer);

	if (found && !credtext_add_all(&credential->text, &answer, &ignored) &&
	    !credtext_add_all(&credential->text, &credential->query, &ignored))
		found = set_authorization(credential, CREDENTIAL_SHARED);
	credtext_release(&answer);
	return found;
}

/*
 * Another agent's login was approved a short time ago: no person is asked.  An
 * agent stores a credential before it notes the approval, so look at the note
 * first: a note that came between the two looks would send us to the helper for
 * nothing.
 */
static bool from_others(struct credentials *credentials,
			struct credential *credential)
{
	struct err ignored = ERR_INIT;
	bool is_known = credshare_knows(credentials->share, CREDSHARE_APPROVED,
					&credential->query, NULL);

	if (from_share(credentials, credential))
		return true;
	if (!is_known ||
	    !askcred_has_helper(credentials->ask, &credential->query))
		return false;
	askcred_git_quietly(credentials->ask, &credential->query,
			    &credential->text, &ignored);
	if (set_authorization(credential, CREDENTIAL_GIT))
		return true;
	credtext_release(&credential->text);
	return false;
}

static bool from_askpass(struct credentials *credentials,
			 struct credential *credential)
{
	struct err err = ERR_INIT;

	if (credentials->askpass.kind ||
	    askcred_has_helper(credentials->ask, &credential->query))
		return false;
	if (!askcred_askpass(credentials->ask, &credential->query,
			     &credential->text, &err) &&
	    set_authorization(credential, CREDENTIAL_ASKPASS))
		return true;
	if (!err.kind)
		return false;
	log_warn("askpass: %s", err.msg);
	if (err.kind != ERR_CANCELED)
		credentials->askpass = err;
	credtext_release(&credential->text);
	return false;
}

const char *credential_origin(const struct credential *credential)
{
	static const char *const names[] = {
		[CREDENTIAL_URL] = "the URL",
		[CREDENTIAL_NETRC] = "~/.netrc",
		[CREDENTIAL_SHARED] = "another agent",
		[CREDENTIAL_ASKPASS] = "the askpass program",
		[CREDENTIAL_GIT] = "git credential",
	};

	return names[credential->source];
}

static int none_found(const struct credentials *credentials,
		      const struct credential *credential, struct err *err)
{
	const char *prompt = getenv("GIT_TERMINAL_PROMPT");
	bool is_off = prompt && (!*prompt || !strcmp(prompt, "0") ||
				 !strcmp(prompt, "false"));
	char shown[URL_DISPLAY_MAX];
	char *url = credtext_url(&credential->query);

	err_set(err, ERR_AUTH,
		"no credential found for '%s'%s; set up a credential "
		"helper of git, or put a login for that host into ~/.netrc",
		url_display(url, shown, sizeof(shown)),
		is_off ? ", and GIT_TERMINAL_PROMPT forbids asking" : "");
	free(url);
	if (credentials->askpass.kind)
		err_append(err, " (askpass: %s)", credentials->askpass.msg);
	return -1;
}

/* Ask a person, or a helper that may. */
static int ask_person(struct credentials *credentials,
		      const struct credential_query *query,
		      struct credential *credential, struct err *err)
{
	struct credtext lines = CREDTEXT_INIT;
	char *url;
	int ret;

	if (from_askpass(credentials, credential))
		return 0;
	url = credtext_url(&credential->query);
	ret = credtext_add_all(&lines, &credential->query, err);
	if (!ret &&
	    !get_bool(credentials->ask->config, url, "skipwwwauth", false))
		ret = add_challenges(&lines, query, err);
	free(url);
	if (!ret)
		ret = askcred_git(credentials->ask, "fill", &lines,
				  &credential->text, err);
	credtext_release(&lines);
	if (ret || set_authorization(credential, CREDENTIAL_GIT))
		return ret;
	return none_found(credentials, credential, err);
}

/* Take a login from the first place that has one. */
static int find_credential(struct credentials *credentials,
			   const struct credential_query *query,
			   const struct gourl *url,
			   struct credential *credential, struct err *err)
{
	struct credshare *share = credentials->share;
	const struct credtext *lines = &credential->query;

	if (url->password &&
	    set_pair(credential, url->user, url->password, CREDENTIAL_URL))
		return credshare_knows(share, CREDSHARE_FAILED, lines, err) ?
			       -1 :
			       0;
	if (query->in_url_only || from_netrc(credentials, url, credential) ||
	    from_others(credentials, credential))
		return 0;
	if (credshare_lock(share, CREDSHARE_LOGIN, err))
		return -1;
	/* Another agent may have asked while we waited for the lock. */
	if (from_others(credentials, credential)) {
		credshare_unlock(share, CREDSHARE_LOGIN);
		return 0;
	}
	if (credshare_knows(share, CREDSHARE_FAILED, lines, err))
		return -1;
	/* Keep this, as the lock may be dropped before the server has answered. */
	credential->is_to_share = credshare_is_locked(share, CREDSHARE_LOGIN);
	if (!ask_person(credentials, query, credential, err))
		return 0;
	credshare_note(share, CREDSHARE_FAILED, lines, err);
	return -1;
}

int credential_get(struct credentials *credentials,
		   const struct credential_query *query,
		   struct credential *credential, struct err *err)
{
	struct gourl url;
	int ret;

	*credential = (struct credential)CREDENTIAL_INIT;
	if (choose_url(query, &url, err))
		return -1;
	ret = add_query(&credential->query, credentials->ask->config, &url,
			err);
	if (!ret)
		ret = find_credential(credentials, query, &url, credential,
				      err);
	gourl_release(&url);
	if (ret)
		credshare_unlock(credentials->share, CREDSHARE_LOGIN);
	if (ret || !credential->authorization)
		credential_release(credential);
	return ret;
}

/* The agent that shared it may have got it from a helper. */
static bool is_known_to_git(const struct credentials *credentials,
			    const struct credential *credential)
{
	return credential->source == CREDENTIAL_GIT ||
	       (credential->source == CREDENTIAL_SHARED &&
		askcred_has_helper(credentials->ask, &credential->query));
}

static void tell_git(struct credentials *credentials, const char *verb,
		     const struct credential *credential)
{
	struct err err = ERR_INIT;

	if (askcred_git(credentials->ask, verb, &credential->text, NULL, &err))
		log_warn("%s", err.msg);
}

void credential_approve(struct credentials *credentials,
			const struct credential *credential)
{
	struct credshare *share = credentials->share;

	credtext_release(&credentials->lent);
	if (credential->source == CREDENTIAL_GIT)
		tell_git(credentials, "approve", credential);
	if (credential->is_to_share)
		credshare_store(share, &credential->text);
	credshare_note(share, CREDSHARE_APPROVED, &credential->query, NULL);
	credshare_unlock(share, CREDSHARE_LOGIN);
}

void credential_lend(struct credentials *credentials,
		     const struct credential *credential)
{
	struct credtext *lent = &credentials->lent;
	struct err ignored = ERR_INIT;

	if (credential->is_to_share && !lent->nlines &&
	    !credtext_add_all(lent, &credential->text, &ignored))
		credshare_store(credentials->share, lent);
	credshare_unlock(credentials->share, CREDSHARE_LOGIN);
}

/* Has another one been stored since? */
static bool is_outdated(struct credentials *credentials,
			const struct credential *credential)
{
	struct credential now = { .query = credential->query };
	bool is;

	is = from_others(credentials, &now) &&
	     strcmp(now.authorization, credential->authorization) != 0;
	free(now.authorization);
	credtext_release(&now.text);
	return is;
}

/*
 * Erase it where others get it from.  git before 2.41 would erase a newer one,
 * too, so nobody may store one meanwhile.
 */
static void erase_everywhere(struct credentials *credentials,
			     const struct credential *credential)
{
	struct credshare *share = credentials->share;
	struct err ignored = ERR_INIT;

	if (credshare_lock(share, CREDSHARE_LOGIN, &ignored) ||
	    is_outdated(credentials, credential))
		return;
	credshare_erase(share, &credential->text);
	if (is_known_to_git(credentials, credential))
		tell_git(credentials, "reject", credential);
}

void credential_reject(struct credentials *credentials,
		       const struct credential *credential,
		       const struct err *final)
{
	static const struct err bad_url = {
		.kind = ERR_AUTH,
		.msg = "the server refuses the user and password in its URL",
	};
	struct credshare *share = credentials->share;

	credtext_release(&credentials->lent);
	credshare_forget(share, CREDSHARE_APPROVED, &credential->query);
	if (credential->source == CREDENTIAL_URL)
		final = &bad_url;
	else if (credential->source == CREDENTIAL_NETRC)
		credshare_note(share, CREDSHARE_BAD_NETRC, &credential->query,
			       NULL);
	else
		erase_everywhere(credentials, credential);
	if (!final)
		return;
	credshare_note(share, CREDSHARE_FAILED, &credential->query, final);
	credshare_unlock(share, CREDSHARE_LOGIN);
}

void credential_drop(struct credentials *credentials)
{
	credshare_unlock(credentials->share, CREDSHARE_LOGIN);
}

void credential_release(struct credential *credential)
{
	free(credential->authorization);
	credtext_release(&credential->query);
	credtext_release(&credential->text);
	*credential = (struct credential)CREDENTIAL_INIT;
}

struct credshare *credentials_share(const struct credentials *credentials)
{
	return credentials->share;
}

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	if (credentials->lent.nlines)
		credshare_erase(credentials->share, &credentials->lent);
	credtext_release(&credentials->lent);
	free(credentials);
}
