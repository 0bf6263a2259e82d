/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CREDHELPER_H
#define LFS_SERVER_CREDHELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/httpconf.h"

/*
 * The lines that `git credential` reads and writes (git help git-credential):
 * `key=value`, one a line, `key[]=value` for one of several.  Lines of a helper
 * that we do not know are kept, and go back to it with an approval.
 */

enum {
	CREDTEXT_MAX = 64 << 10,	/* bytes of all lines */
	CREDTEXT_LINES_MAX = 256
};

struct credtext_line {
	char *key;	/* owned, as is the other */
	char *value;
};

struct credtext {
	struct credtext_line *lines;	/* owned */
	size_t nlines;
	bool takes_cr;	/* credential.protectProtocol is false */
};

#define CREDTEXT_INIT { .lines = NULL }

/*
 * Add a line.  ERR_USAGE if the value would not stay on it: if it has a line
 * feed or, unless `takes_cr` is set, a carriage return.
 */
int credtext_add(struct credtext *text, const char *key, const char *value,
		 struct err *err);

/* Add all lines of another one, and take what that one takes. */
int credtext_add_all(struct credtext *text, const struct credtext *lines,
		     struct err *err);

/*
 * Add the lines of an answer.  Lines without `=` or without a value are ignored,
 * as by git-lfs.  ERR_PROTOCOL if it has a NUL or too many lines.
 */
int credtext_parse(struct credtext *text, const char *data, size_t len,
		   struct err *err);

/* Append all lines; -1 if `out` is full. */
int credtext_format(const struct credtext *text, struct buf *out);

/* The value of the first line with that key, or NULL; borrowed. */
const char *credtext_get(const struct credtext *text, const char *key);

/* The URL that the credential is for, without a user; the caller's. */
char *credtext_url(const struct credtext *text);

/*
 * The value of an Authorization header: `authtype` and `credential` if there
 * is one, else Basic with `username` and `password`.  The caller's; NULL
 * without an error if the lines hold no credential.
 */
char *credtext_authorization(const struct credtext *text);

void credtext_release(struct credtext *text);

/*
 * The programs that know credentials, or ask a person for them: git credential
 * with its helpers, askpass, and git's cache daemon on a socket of ours.
 *
 * Main thread only.  No child gets our stderr: a helper may start a daemon
 * that outlives it, and git-lfs would wait for that.  Prompts go to the terminal itself, as
 * do the messages of a helper while git credential may ask.
 */

enum { ASKCRED_CACHE_S = 300 };	/* how long the cache daemon remembers */

struct askcred {
	const struct gitconfig *config;	/* borrowed */
	struct stop stop;	/* ends a child's run, and a wait for a lock */
};

/*
 * `git credential VERB`: fill, approve or reject, with these lines.  The
 * answer's lines are added to `answer`; none if git has no credential and got
 * none.
 */
int askcred_git(const struct askcred *ask, const char *verb,
		const struct credtext *lines, struct credtext *answer,
		struct err *err);

/* Is a helper configured for what these lines ask for? */
bool askcred_has_helper(const struct askcred *ask,
			const struct credtext *lines);

/* `git credential fill` without asking a person. */
int askcred_git_quietly(const struct askcred *ask, const struct credtext *lines,
			struct credtext *answer, struct err *err);

/*
 * Ask the askpass program (GIT_ASKPASS, otherwise core.askPass, otherwise
 * SSH_ASKPASS) for the user name, if `lines` has none, and the password.  The
 * answer has all of `lines` and these two.  Empty answers are an error.  -1
 * without an error if there is no program, or if the first of these three that is
 * set is empty.
 */
int askcred_askpass(const struct askcred *ask, const struct credtext *lines,
		    struct credtext *answer, struct err *err);

/*
 * `git credential-cache VERB` on `socket`, an absolute path: get, store, erase
 * or exit.  Only `store` starts the daemon.
 */
struct askcred_cache {
	const char *socket;
	const char *verb;
};

int askcred_cache(const struct askcred *ask, const struct askcred_cache *cache,
		  const struct credtext *lines, struct credtext *answer,
		  struct err *err);

/*
 * The passwords of client certificates, where the config says that they have
 * one (http.sslCertPasswordProtected, http.proxySSLCertPasswordProtected).
 */

/*
 * Give `conf` the passwords that git's credential helpers have for its
 * certificates, under protocol `cert` and the path of the certificate, as git
 * has it, otherwise that of its key, as git-lfs has it.  A person is not asked, as
 * several agents would do so at once.  A missing password is logged, and the
 * connection will fail.  Main thread only, before others use `conf`.
 */
void certpass_find(struct httpconf *conf, const struct askcred *ask);

#endif
