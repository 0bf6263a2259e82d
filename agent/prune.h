/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PRUNE_H
#define AGENT_PRUNE_H

/*
 * The command `prune`: remove what interrupted transfers have left, but for
 * what another process is at work on.  Prints, and returns the exit status.
 */
int prune_main(int argc, char **argv);

#endif
