/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SSHREPLY_H
#define LFS_SERVER_SSHREPLY_H

#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/net/headers.h"

/*
 * What git-lfs-authenticate prints (git-lfs's docs/api/server-discovery.md):
 *
 *	{"href": URL, "header": {NAME: VALUE, ...},
 *	 "expires_at": RFC 3339 time, "expires_in": SECONDS}
 *
 * All of it may be missing, and what else there is, is passed over.
 */

enum {
	SSHREPLY_MAX = 256 << 10	/* bytes */
};

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

#endif
