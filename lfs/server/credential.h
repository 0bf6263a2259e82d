/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDENTIAL_H
#define LFS_SERVER_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/server/credhelper.h"
#include "lfs/server/credshare.h"

/*
 * Logins for an LFS server, found as git-lfs finds them:
 *
 *	the user and password in the LFS URL, or in that of the git remote if
 *	it leads to the same server; ~/.netrc; askpass, if no helper is
 *	configured for the URL; git credential, which asks the helpers and then
 *	the person.
 *
 *	if (credential_get(credentials, &query, &credential, &err))
 *		... err says why there is none ...
 *	... send the header `Authorization: <credential.authorization>` ...
 *	if (the answer was 2xx)
 *		credential_approve(credentials, &credential);
 *	else if (it was 401)
 *		credential_reject(credentials, &credential, NULL);
 *	else
 *		credential_lend(credentials, &credential);
 *	credential_release(&credential);
 *
 * All agents of a repository ask once: see credshare.h.  Until a credential is
 * approved, rejected, lent or dropped the other agents may be waiting.  A
 * question that got no answer is not asked again.
 *
 * Main thread only: everything here runs children and may wait for a person.
 * Nothing here sends a credential anywhere: the caller sends it to the server
 * of the query's `api_url` alone.
 */

struct credential_query {
	const char *api_url;	/* of the server that wants the login */
	const char *remote_url;	/* of the git remote, or NULL */
	bool in_url_only;	/* without a child and a question; there may be none */
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
	struct credtext query;	/* owned: what was asked */
	struct credtext text;	/* owned: what was answered */
};

#define CREDENTIAL_INIT { .authorization = NULL }

/* The place that it came from, for messages. */
const char *credential_origin(const struct credential *credential);

struct credentials;

/* Both are borrowed; `share` may be that of several servers of the process. */
struct credentials *credentials_new(const struct askcred *ask,
				    struct credshare *share);

/*
 * Find a credential and fill `credential`.  ERR_AUTH if there is none, or if
 * the one in the URL or the netrc was rejected and there is no other;
 * ERR_CANCELED if we are to stop.  With `in_url_only` it may have no
 * authorization: then there is none, and nothing to free.
 */
int credential_get(struct credentials *credentials,
		   const struct credential_query *query,
		   struct credential *credential, struct err *err);

/*
 * The lines under which agents tell each other of the login that such a query
 * asks for (credshare_note()); the caller's, and none for a bad URL.  After
 * CREDSHARE_FAILED the server is best left alone, as it may lock an account after
 * some bad logins.
 */
struct credtext credential_lines(const struct credentials *credentials,
				 const struct credential_query *query);

/* The server took it (2xx): let the helpers store it, the others have it. */
void credential_approve(struct credentials *credentials,
			const struct credential *credential);

/*
 * The server refused something else: the others may have it, as it is not said
 * to be wrong, but only for as long as we are there, as it may be of no use.
 */
void credential_lend(struct credentials *credentials,
		     const struct credential *credential);

/*
 * The server refused it (401): let the helpers forget it, unless another one
 * has been stored since, which the next get finds.  The other agents wait until
 * the caller has called credential_get() again; if it will not, `final` is the
 * reason, and they get that error at once.
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

/* The share that it was given. */
struct credshare *credentials_share(const struct credentials *credentials);

/* Takes back what was lent; NULL is fine. */
void credentials_free(struct credentials *credentials);

#endif
