/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_INSTALL_H
#define AGENT_INSTALL_H

#include "agent/cli.h"

/* Write or remove the git config that makes git-lfs run this program. */
extern const struct cli_command install_command, uninstall_command;

#endif
