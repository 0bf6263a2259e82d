/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credential.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"
#include "lfs/server/credhelper.h"
#include "lfs/server/credshare.h"
#include "lfs/server/netrc.h"
#include "lfs/server/gourl.h"

struct credentials {
	struct askcred ask;
	struct credshare *share; /* owned, unless it is that of others */
	bool is_of_others;
	struct credtext lent; /* owned: what the others have on trust */
	struct err askpass;	/* why it failed: git-lfs asks it no more either */
};

struct credentials *credentials_new(const struct credential_options *options)
{
	struct credentials *credentials = xcalloc(1, sizeof(*credentials));

	credentials->ask = (struct askcred){
		.config = options->config,
		.stop = options->stop,
	};
	credentials->is_of_others = options->share != NULL;
	if (credentials->is_of_others)
		credentials->share = options->share;
	else
		credentials->share = credshare_new(options->dir,
						   options->began_ms,
						   &credentials->ask);
	return credentials;
}

/*
 * The URL whose credential the request wants: git-lfs prefers that of the git
 * remote, so that the one stored for git is found.
 */
static int choose_url(const struct credential_query *query, struct gourl *parts,
		      struct err *err)
{
	const char *remote = query->remote_url;

	if (!url_is_same_origin(query->url, query->api_url))
		return gourl_parse_server(parts, query->url, err);
	if (gourl_parse_server(parts, query->api_url, err))
		return -1;
	if (parts->password || !remote ||
	    !url_is_same_origin(remote, query->api_url))
		return 0;
	gourl_release(parts);
	return gourl_parse_server(parts, remote, err);
}

/* A boolean of the credential section for the URL; bad ones do not count. */
static bool get_bool(const struct gitconfig *config, const char *url,
		     const char *key, bool value)
{
	struct err ignored = ERR_INIT;
	const struct gitconfig_entry *entry;

	entry = gitconfig_find_url(config, "credential", url, key);
	if (entry)
		gitconfig_parse_bool(entry, &value, &ignored);
	return value;
}

static int add_challenges(struct credtext *text,
			  const struct credential_query *query, struct err *err)
{
	for (size_t i = 0; i < query->nchallenges; i++)
		if (credtext_add(text, "wwwauth[]", query->challenges[i], err))
			return -1;
	return 0;
}

/* That of a URL is refused, if it is, before anybody is asked. */
static int check_password(const struct credtext *text,
			  const struct gourl *parts, struct err *err)
{
	struct credtext lines = { .takes_cr = text->takes_cr };
	int ret = parts->password ? credtext_add(&lines, "password",
						 parts->password, err) :
				    0;

	credtext_release(&lines);
	return ret;
}

/* The lines to ask with. */
static int add_query(struct credtext *text, const struct gitconfig *config,
		     const struct gourl *parts, struct err *err)
{
	char *url = xstrfmt("%s://%s%s", parts->scheme, parts->host,
			    parts->path);
	const char *path = parts->path + (*parts->path == '/');
	int ret;

	text->takes_cr = !get_bool(config, url, "protectprotocol", true);
	ret = check_password(text, parts, err);
	if (!ret)
		ret = credtext_add(text, "protocol", parts->scheme, err);
	if (!ret)
		ret = credtext_add(text, "host", parts->host, err);
	if (!ret && parts->user && *parts->user)
		ret = credtext_add(text, "username", parts->user, err);
	if (!ret && get_bool(config, url, "usehttppath", false) && *path)
		ret = credtext_add(text, "path", path, err);
	free(url);
	return ret;
}

/* The same of the URL that the query is about. */
static int find_lines(const struct credentials *credentials,
		      const struct credential_query *query,
		      struct credtext *text, struct err *err)
{
	struct gourl parts;
	int ret;

	if (choose_url(query, &parts, err))
		return -1;
	ret = add_query(text, credentials->ask.config, &parts, err);
	gourl_release(&parts);
	return ret;
}

/* Make it a credential if the lines hold one. */
static bool accept(struct credential *credential, enum credential_source source)
{
	free(credential->authorization);
	credential->authorization = credtext_authorization(&credential->text);
	credential->source = source;
	return credential->authorization != NULL;
}

static bool accept_pair(struct credential *credential, const char *user,
			const char *password)
{
	struct err ignored = ERR_INIT;

	credential->text.takes_cr = credential->query.takes_cr;
	return !credtext_add(&credential->text, "username", user, &ignored) &&
	       !credtext_add(&credential->text, "password", password, &ignored);
}

static bool from_parts(const struct gourl *parts, struct credential *credential)
{
	return parts->password &&
	       accept_pair(credential, parts->user, parts->password) &&
	       accept(credential, CREDENTIAL_URL);
}

int credential_from_urls(const struct credentials *credentials,
			 const struct credential_query *query,
			 struct credential *credential, struct err *err)
{
	struct gourl parts;
	int found;

	if (choose_url(query, &parts, err))
		return -1;
	found = add_query(&credential->query, credentials->ask.config, &parts,
			  err);
	if (!found)
		found = from_parts(&parts, credential);
	gourl_release(&parts);
	if (found <= 0)
		credential_release(credential);
	return found;
}

static bool knows(const struct credentials *credentials,
		  enum credshare_fact fact, const struct credtext *text)
{
	return credshare_knows(credentials->share, fact, text, NULL);
}

bool credential_is_wanted(struct credentials *credentials,
			  const struct credential_query *query)
{
	struct credtext text = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	bool is = !find_lines(credentials, query, &text, &ignored) &&
		  (knows(credentials, CREDSHARE_APPROVED, &text) ||
		   knows(credentials, CREDSHARE_FOR_ACTIONS, &text));

	credtext_release(&text);
	return is;
}

bool credential_has_failed(struct credentials *credentials,
			   const struct credential_query *query,
			   struct err *err)
{
	struct credtext text = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	bool has = !find_lines(credentials, query, &text, &ignored) &&
		   credshare_knows(credentials->share, CREDSHARE_FAILED, &text,
				   err);

	credtext_release(&text);
	return has;
}

void credential_give_up(struct credentials *credentials,
			const struct credential_query *query,
			const struct err *why)
{
	struct credtext text = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;

	if (!find_lines(credentials, query, &text, &ignored))
		credshare_note(credentials->share, CREDSHARE_FAILED, &text,
			       why);
	credtext_release(&text);
}

void credential_note_actions(struct credentials *credentials,
			     const struct credential *credential)
{
	credshare_note(credentials->share, CREDSHARE_FOR_ACTIONS,
		       &credential->query, NULL);
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
	    !knows(credentials, CREDSHARE_BAD_NETRC, &credential->query) &&
	    netrc_load(path, &wanted, &login)) {
		found = accept_pair(credential, login.login, login.password) &&
			accept(credential, CREDENTIAL_NETRC);
		netrc_login_release(&login);
	}
	free(path);
	free(host);
	return found;
}

/* What another agent has stored; the daemon names the user and password only. */
static bool from_share(struct credentials *credentials,
		       struct credential *credential)
{
	struct credtext answer = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	bool found = credshare_get(credentials->share, &credential->query,
				   &answer);

	if (found && !credtext_add_all(&credential->text, &answer, &ignored) &&
	    !credtext_add_all(&credential->text, &credential->query, &ignored))
		found = accept(credential, CREDENTIAL_SHARED);
	credtext_release(&answer);
	return found;
}

/*
 * Where no person is asked: it was approved a short time ago.  An agent stores
 * a credential before it notes the approval, so look at the note first: a note
 * that came between the two looks would send us to the helper for nothing.
 */
static bool from_others(struct credentials *credentials,
			struct credential *credential)
{
	struct err ignored = ERR_INIT;
	bool is_known = knows(credentials, CREDSHARE_APPROVED,
			      &credential->query);

	if (from_share(credentials, credential))
		return true;
	if (!is_known ||
	    !askcred_has_helper(&credentials->ask, &credential->query))
		return false;
	askcred_git_quietly(&credentials->ask, &credential->query,
			    &credential->text, &ignored);
	if (accept(credential, CREDENTIAL_GIT))
		return true;
	credtext_release(&credential->text);
	return false;
}

static int from_askpass(struct credentials *credentials,
			struct credential *credential)
{
	const char *program = askcred_program(&credentials->ask);
	struct err err = ERR_INIT;

	if (!program || credentials->askpass.kind ||
	    askcred_has_helper(&credentials->ask, &credential->query))
		return false;
	if (!askcred_askpass(&credentials->ask, program, &credential->query,
			     &credential->text, &err) &&
	    accept(credential, CREDENTIAL_ASKPASS))
		return true;
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
		"no credential for '%s' is to be had%s; set up a credential "
		"helper of git, or put a login for that host into ~/.netrc",
		url_display(url, shown, sizeof(shown)),
		is_off ? ", and GIT_TERMINAL_PROMPT forbids to ask" : "");
	free(url);
	if (credentials->askpass.kind)
		err_append(err, " (askpass: %s)", credentials->askpass.msg);
	return -1;
}

/* Ask a person, or a helper that may. */
static int ask(struct credentials *credentials,
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
	    !get_bool(credentials->ask.config, url, "skipwwwauth", false))
		ret = add_challenges(&lines, query, err);
	free(url);
	if (!ret)
		ret = askcred_git(&credentials->ask, "fill", &lines,
				  &credential->text, err);
	credtext_release(&lines);
	if (ret || accept(credential, CREDENTIAL_GIT))
		return ret;
	return none_found(credentials, credential, err);
}

static int look(struct credentials *credentials,
		const struct credential_query *query, const struct gourl *parts,
		struct credential *credential, struct err *err)
{
	if (add_query(&credential->query, credentials->ask.config, parts, err))
		return -1;
	if (from_parts(parts, credential))
		return credshare_knows(credentials->share, CREDSHARE_FAILED,
				       &credential->query, err) ?
			       -1 :
			       0;
	if (from_netrc(credentials, parts, credential) ||
	    from_others(credentials, credential))
		return 0;
	if (credshare_lock(credentials->share, err))
		return -1;
	/* While we waited for the lock somebody may have asked. */
	if (from_others(credentials, credential)) {
		credshare_unlock(credentials->share);
		return 0;
	}
	if (credshare_knows(credentials->share, CREDSHARE_FAILED,
			    &credential->query, err))
		return -1;
	/* The lock may be dropped before the server has taken the answer. */
	credential->is_to_share = credshare_is_locked(credentials->share);
	if (!ask(credentials, query, credential, err))
		return 0;
	credshare_note(credentials->share, CREDSHARE_FAILED, &credential->query,
		       err);
	return -1;
}

int credential_get(struct credentials *credentials,
		   const struct credential_query *query,
		   struct credential *credential, struct err *err)
{
	struct gourl parts;
	int ret;

	*credential = (struct credential)CREDENTIAL_INIT;
	if (choose_url(query, &parts, err))
		return -1;
	ret = look(credentials, query, &parts, credential, err);
	gourl_release(&parts);
	credential->is_for_actions = knows(credentials, CREDSHARE_FOR_ACTIONS,
					   &credential->query);
	if (!ret)
		return 0;
	credential_release(credential);
	credshare_unlock(credentials->share);
	return -1;
}

/* Who shared it may have it from a helper. */
static bool is_known_to_git(const struct credentials *credentials,
			    const struct credential *credential)
{
	return credential->source == CREDENTIAL_GIT ||
	       (credential->source == CREDENTIAL_SHARED &&
		askcred_has_helper(&credentials->ask, &credential->query));
}

static void tell_git(struct credentials *credentials, const char *verb,
		     const struct credential *credential)
{
	struct err err = ERR_INIT;

	if (askcred_git(&credentials->ask, verb, &credential->text, NULL, &err))
		log_warn("%s", err.msg);
}

static void take_back(struct credentials *credentials)
{
	if (credentials->lent.nlines)
		credshare_erase(credentials->share, &credentials->lent);
	credtext_release(&credentials->lent);
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
	credshare_unlock(share);
}

void credential_lend(struct credentials *credentials,
		     const struct credential *credential)
{
	struct credtext *lent = &credentials->lent;
	struct err ignored = ERR_INIT;

	if (credential->is_to_share && !lent->nlines &&
	    !credtext_add_all(lent, &credential->text, &ignored))
		credshare_store(credentials->share, lent);
	credshare_unlock(credentials->share);
}

/* Is there another one by now? */
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
 * Where others get it from.  git before 2.41 would erase a newer one, too, so
 * nobody may store one meanwhile.
 */
static void erase(struct credentials *credentials,
		  const struct credential *credential)
{
	struct credshare *share = credentials->share;
	struct err ignored = ERR_INIT;

	if (credshare_lock(share, &ignored) ||
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
		erase(credentials, credential);
	if (final)
		credshare_note(share, CREDSHARE_FAILED, &credential->query,
			       final);
	if (final)
		credshare_unlock(share);
}

void credential_drop(struct credentials *credentials)
{
	credshare_unlock(credentials->share);
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
	/* git-lfs may have hung up by now, which is a reason to stop. */
	credentials->ask.stop = stop_when(NULL, NULL);
	take_back(credentials);
	if (!credentials->is_of_others)
		credshare_free(credentials->share);
	free(credentials);
}
