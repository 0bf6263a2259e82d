/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SSHAUTH_H
#define LFS_SERVER_SSHAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/stop.h"
#include "lfs/git/gitconfig.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/sshreply.h"

/*
 * Access to an LFS server by way of ssh: git-lfs-authenticate on the git
 * server says where the LFS server is, and gives headers that open it for a
 * while.  All agents of a repository ask once: see sshshare.h.
 *
 * Main thread only: ssh may ask for a passphrase on the terminal.
 */

enum {
	SSHAUTH_MARGIN_S = 5	/* a reply that lives no longer is not used */
};

struct sshauth {
	struct sshreply reply;	/* owned; empty until there is one */
	bool has_reply;
	bool was_used;	/* by another agent, or by us with success */
};

#define SSHAUTH_INIT { .has_reply = false }

struct sshauth_options {
	const struct gitconfig *config;	/* borrowed */
	bool is_upload;
	struct credshare *share;	/* borrowed; NULL: nothing is shared */
	struct stop stop;
};

/*
 * Make sure that the reply is good for SSHAUTH_MARGIN_S seconds more: at once
 * if it is, or if the endpoint has nothing to do with ssh; else another agent
 * may have one, or ssh is run, `lfs.ssh.retries` times again if it fails,
 * while other agents wait for the outcome.  After that, with `share`, the same
 * command fails at once.  A git server that does not know
 * git-lfs-authenticate gives an empty reply: go to the endpoint's own URL.
 */
int sshauth_update(struct sshauth *auth, const struct endpoint *endpoint,
		   const struct sshauth_options *options, struct err *err);

/*
 * The LFS server answered 401: no agent shall get this reply any more.  True
 * if it was used before, by us or by another agent: then it is dropped, and
 * sshauth_update() gets one that is new.
 */
bool sshauth_refused(struct sshauth *auth, const struct endpoint *endpoint,
		     const struct sshauth_options *options);

/* Where the LFS server is, by the reply, else by the endpoint; borrowed. */
const char *sshauth_url(const struct sshauth *auth,
			const struct endpoint *endpoint);

/* Is there a reply without an address and a login: no git-lfs-authenticate? */
bool sshauth_is_empty(const struct sshauth *auth);

/* Is there a reply that is good at this time, in seconds since 1970? */
bool sshauth_is_fresh(const struct sshauth *auth, int64_t now);

void sshauth_release(struct sshauth *auth);

#endif
