/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CLEANPLACED_H
#define AGENT_CLEANPLACED_H

#include "agent/cli.h"
#include "lfs/base/err.h"
#include "lfs/worktree/placed.h"

/*
 * The command `clean-placed JOURNAL`, which `git update-index` runs as its filter
 * while it is told about placed files.  Not for people, so no list names it.
 *
 * It speaks git's protocol for long-running filters (git's Documentation,
 * gitattributes and gitprotocol-long-running-process), version 2, "clean" only.
 * For a file that the journal names and that still is what was placed, it answers
 * with the object's pointer, without a look at the bytes that git sends.  A pointer
 * or an empty file stays as it is: git also asks about files whose index entries it
 * does not trust, and a checkout may have many of them as young as its index.  Any
 * other file gets an error, so that git takes nothing that we have not placed.
 */
extern const struct cli_command cleanplaced_command;

/*
 * Serve git, which sends to `in` and reads from `out`, until it closes `in`.
 * ERR_PROTOCOL if it does not speak the protocol, ERR_LOCAL if it has gone.
 */
int cleanplaced_serve(int in, int out, const struct placed *placed,
		      struct err *err);

#endif
