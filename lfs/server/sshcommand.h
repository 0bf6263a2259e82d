/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_SSHCOMMAND_H
#define LFS_SERVER_SSHCOMMAND_H

#include <stdbool.h>

#include "lfs/git/gitconfig.h"
#include "lfs/server/remoteurl.h"

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
		     const struct ssh_address *ssh, bool is_upload);

void sshcommand_release(struct sshcommand *command);

#endif
