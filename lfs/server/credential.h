/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDENTIAL_H
#define LFS_SERVER_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/server/credhelper.h"

/*
 * Credentials for an LFS server, found as git-lfs finds them:
 *
 *	the user and password in the LFS URL, or in that of the git remote if
 *	it leads to the same server; ~/.netrc; askpass, if no helper is
 *	configured for the URL; git credential, which asks the helpers and then
 *	the person.
 *
 * All agents of a repository ask once: see credshare.h.  A question that got
 * no answer is not asked again.  After a get the credential is tried, and then
 * approved, rejected, lent or dropped; until then the other agents may be waiting.
 *
 * Main thread only: everything here runs children and may wait for a person.
 * Nothing here sends a credential anywhere: the caller sends it to the server
 * of the query's `url` alone.
 */

struct credshare;

struct credential_options {
	const struct gitconfig *config;	/* borrowed */
	const char *dir;	/* storage's multipart_dir, made; or NULL */
	uint64_t began_ms;	/* as for credshare_new() */
	/*
	 * That of others of this process, borrowed, or NULL: its locks know
	 * processes only.  Then `dir` and `began_ms` are not used.
	 */
	struct credshare *share;
	struct stop stop;
};

struct credential_query {
	const char *url;	/* of the request that was refused */
	const char *api_url;	/* of the LFS server */
	const char *remote_url;	/* of the git remote, or NULL */
	/* WWW-Authenticate values of the answer, for the helpers. */
	const char *const *challenges;
	size_t nchallenges;
};

enum credential_source {
	CREDENTIAL_URL,
	CREDENTIAL_NETRC,
	CREDENTIAL_SHARED,	/* another agent has got it */
	CREDENTIAL_ASKPASS,
	CREDENTIAL_GIT
};

struct credential {
	char *authorization;	/* owned: the value of the header */
	enum credential_source source;
	bool is_to_share;	/* asked for on behalf of all agents */
	bool is_for_actions;	/* the server's actions want it, too */
	struct credtext query;	/* owned: what was asked */
	struct credtext text;	/* owned: what was answered */
};

/* Where it came from, for messages. */
const char *credential_origin(const struct credential *credential);

#define CREDENTIAL_INIT { .authorization = NULL }

struct credentials;

/* What knows where to ask; the caller frees it. */
struct credentials *credentials_new(const struct credential_options *options);

/*
 * Find a credential and fill `credential`.  ERR_AUTH if none is to be had, or
 * if the one in the URL or the netrc was rejected and no other is to be had;
 * ERR_CANCELED if we are to stop.
 */
int credential_get(struct credentials *credentials,
		   const struct credential_query *query,
		   struct credential *credential, struct err *err);

/*
 * The credential in the URLs alone, which needs neither a child nor a
 * question: 1 if there is one, 0 if not, -1 if a URL is malformed.
 */
int credential_from_urls(const struct credentials *credentials,
			 const struct credential_query *query,
			 struct credential *credential, struct err *err);

/*
 * Has an agent found out, within minutes, that this server wants a login?
 * Then it may be sent without waiting for a 401.
 */
bool credential_is_wanted(struct credentials *credentials,
			  const struct credential_query *query);

/*
 * Has an agent of this command found out, within the last minute, that none is
 * to be had or that the server refuses it?  Then `err` is why, and the server
 * is best left alone: it may lock an account after some bad logins.
 */
bool credential_has_failed(struct credentials *credentials,
			   const struct credential_query *query,
			   struct err *err);

/* Say so; for a login that did not come from here. */
void credential_give_up(struct credentials *credentials,
			const struct credential_query *query,
			const struct err *why);

/* Say that the server's actions want this one, too. */
void credential_note_actions(struct credentials *credentials,
			     const struct credential *credential);

/* The server took it (2xx): let the helpers store it, the others have it. */
void credential_approve(struct credentials *credentials,
			const struct credential *credential);

/*
 * The server refused something else: the others may have it, as it is not said
 * to be wrong, but not for longer than we are there, as it may be of no use.
 */
void credential_lend(struct credentials *credentials,
		     const struct credential *credential);

/*
 * The server refused it (401): let the helpers forget it, unless another one
 * has been stored since, which the next get finds.  The other agents wait for
 * that get; unless there is none, as `final`, or NULL, says: then they get that
 * error from theirs.
 */
void credential_reject(struct credentials *credentials,
		       const struct credential *credential,
		       const struct err *final);

/*
 * Nothing is known: let the others ask.  After this and credential_lend() it
 * may be approved or rejected later.
 */
void credential_drop(struct credentials *credentials);

void credential_release(struct credential *credential);

/* Where all agents meet, for what else they may share; borrowed. */
struct credshare *credentials_share(const struct credentials *credentials);

/* Drops, takes back what was lent, and leaves the others; NULL is fine. */
void credentials_free(struct credentials *credentials);

#endif
