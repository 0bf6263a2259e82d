/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CLONE_H
#define AGENT_CLONE_H

#include "agent/cli.h"

/* The command `clone`: `git clone` with pointers, and then `pull`. */
extern const struct cli_command clone_command;

/*
 * The folder that `git clone` makes for this URL if none is named, the caller's:
 * "model" for https://host/me/model.git, with ".git" if it is bare.  NULL if the
 * URL gives no name that is fit for a folder.
 */
char *clone_dir_of(const char *url, bool is_bare);

#endif
