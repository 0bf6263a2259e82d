/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SSHSHARE_H
#define LFS_SERVER_SSHSHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/server/credshare.h"
#include "lfs/server/sshcommand.h"
#include "lfs/server/sshreply.h"

/*
 * What git-lfs-authenticate answered, for all agents of a repository: kept for
 * some minutes where credshare.h keeps credentials, under the command that got
 * it.  Who asks holds credshare's lock.
 *
 * Nothing here fails: what cannot be shared is asked for.  Main thread only.
 */

/*
 * The answer that another agent got by that command, parsed as
 * sshreply_parse() does with that `default_ttl`; false if there is none.  It
 * may have run out.
 */
bool sshshare_get(const struct credshare *share,
		  const struct sshcommand *command, int64_t default_ttl,
		  struct sshreply *reply);

/* Keep `text`, which sshreply_parse() has taken; asked for at that time. */
void sshshare_put(const struct credshare *share,
		  const struct sshcommand *command, const char *text,
		  int64_t asked);

/* The command has failed, or had it failed before: CREDSHARE_FAILED. */
void sshshare_note_failure(struct credshare *share,
			   const struct sshcommand *command,
			   const struct err *why);
bool sshshare_has_failed(struct credshare *share,
			 const struct sshcommand *command, struct err *err);

/* Nobody shall use it any more. */
void sshshare_erase(const struct credshare *share,
		    const struct sshcommand *command);

#endif
