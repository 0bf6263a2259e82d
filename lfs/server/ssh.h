/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SSH_H
#define LFS_SERVER_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/wait.h"
#include "lfs/git/gitconfig.h"
#include "lfs/net/http.h"
#include "lfs/server/credshare.h"
#include "lfs/server/endpoint.h"

/*
 * Access to an LFS server by way of ssh: git-lfs-authenticate on the git
 * server says where the LFS server is, and gives headers that open it for a
 * while.
 *
 *	struct sshauth auth = { .options = { .config = config, .ssh = &address,
 *					     .share = share } };
 *
 *	while ((ret = sshauth_update(&auth, &err)) > 0)
 *		err_clear(&err);
 *	if (ret)
 *		... nobody can log in ...
 *	... ask auth.reply.href with auth.reply.headers ...
 *	if (the answer was a 401 && sshauth_refused(&auth))
 *		... sshauth_update() gets a new reply ...
 *	sshauth_release(&auth);
 *
 * All agents of a repository ask once: a reply is kept for some minutes where
 * credshare.h keeps logins, under the command that got it.
 *
 * Main thread only: ssh may ask for a passphrase on the terminal.
 */

enum {
	SSHREPLY_MAX = 256 << 10,	/* bytes */
	SSHAUTH_MARGIN_S = 5	/* a reply that lives no longer is not used */
};

/*
 * The command line that asks a git server over ssh for access to its LFS
 * server:
 *
 *	ssh [-p PORT] USER@HOST "git-lfs-authenticate PATH OPERATION"
 *
 * The server may hand the last argument to a shell, so PATH is quoted for one.
 *
 * The program is GIT_SSH_COMMAND (a shell command), else GIT_SSH (a program),
 * else core.sshCommand (a shell command), else ssh.  GIT_SSH_VARIANT, else
 * ssh.variant, else its name says which options it takes.
 */
struct sshcommand {
	char **argv;	/* owned, with its strings; until NULL */
};

void sshcommand_init(struct sshcommand *command, const struct gitconfig *config,
		     const struct ssh_address *ssh, enum direction direction);

void sshcommand_release(struct sshcommand *command);

/*
 * The output of git-lfs-authenticate (git-lfs's docs/api/server-discovery.md):
 *
 *	{"href": URL, "header": {NAME: VALUE, ...},
 *	 "expires_at": RFC 3339 time, "expires_in": SECONDS}
 *
 * All of it may be missing, and other members are ignored.
 */
struct sshreply {
	char *href;	/* owned: the LFS server, or NULL: the one guessed */
	struct headers headers;	/* owned: for each request to it */
	int64_t expires;	/* in seconds since 1970; INT64_MAX: never */
};

#define SSHREPLY_INIT { .href = NULL }

/* When the reply was asked for, and how long one counts that does not say. */
struct sshreply_times {
	int64_t asked;
	int64_t default_ttl;	/* seconds; 0: for ever */
};

/* Fill in a reply.  ERR_PROTOCOL, quoting nothing secret, if it is none. */
int sshreply_parse(struct sshreply *reply, const char *text, size_t len,
		   const struct sshreply_times *times, struct err *err);

void sshreply_release(struct sshreply *reply);

struct sshauth {
	struct {
		const struct gitconfig *config;	/* borrowed, as all of these */
		const struct ssh_address *ssh;	/* NULL, or without host: no ssh */
		enum direction direction;
		struct credshare *share;
		struct stop stop;
	} options;	/* the caller's; the other members are empty at first */

	struct sshreply reply;	/* owned; empty until there is one */
	bool has_reply;
	bool was_used;	/* by another agent, or by us with success */
	unsigned tries;	/* of ssh that failed; while there are any, we hold the lock */
	struct sshcommand command;	/* owned, as is its name for `share` */
	struct credtext key;
};

/*
 * Make sure that the reply is good for SSHAUTH_MARGIN_S seconds more: at once
 * if it is, or if ssh is not wanted; else another agent may have one, or ssh is
 * run.  A git server that does not know git-lfs-authenticate gives an empty
 * reply.
 *
 * 1 if ssh failed and is to be run again, `lfs.ssh.retries` times in all: other
 * agents wait until this is called again.  After the last time the same command
 * fails at once (CREDSHARE_FAILED).
 */
int sshauth_update(struct sshauth *auth, struct err *err);

/*
 * The LFS server answered 401: no agent shall get this reply from now on.  True
 * if it was used before, by us or by another agent: then it is dropped, and
 * sshauth_update() gets a new one.
 */
bool sshauth_refused(struct sshauth *auth);

/* Is there a reply without an address and a login: no git-lfs-authenticate? */
bool sshauth_is_empty(const struct sshauth *auth);

/* Is there a reply that is good at this time, in seconds since 1970? */
bool sshauth_is_fresh(const struct sshauth *auth, int64_t now);

/* Free what it owns; the options stay. */
void sshauth_release(struct sshauth *auth);

#endif
