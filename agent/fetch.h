/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FETCH_H
#define AGENT_FETCH_H

#include "agent/cli.h"

/* The command `fetch`: objects of some refs, into the local storage only. */
extern const struct cli_command fetch_command;

#endif
