/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORK_H
#define AGENT_FORK_H

#include "agent/cli.h"

/*
 * Carry all LFS objects of a history from one server to another.  The exit
 * status is 0 if the target has all of them.
 */
extern const struct cli_command fork_command;

#endif
