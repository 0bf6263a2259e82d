/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PRUNE_H
#define AGENT_PRUNE_H

#include "agent/cli.h"

/*
 * Remove what interrupted transfers have left, except where another process is
 * at work on it.
 */
extern const struct cli_command prune_command;

#endif
