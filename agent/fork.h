/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_FORK_H
#define AGENT_FORK_H

/*
 * The command `fork`: all LFS objects of a history from one server to another.
 * Prints, and returns the exit status: 0 if the target has all of them, 1 if
 * some are missing or failed.
 */
int fork_main(int argc, char **argv);

#endif
