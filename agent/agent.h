/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/cli.h"

/*
 * The conversation with git-lfs, from `init` to `terminate` or the end of
 * stdin.  The exit status is 128 plus the signal that ended it, if one did.
 */
extern const struct cli_command agent_command;

#endif
