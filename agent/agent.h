/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

/*
 * The `agent` command: the conversation with git-lfs on stdin and stdout,
 * until it says `terminate` or is gone.  Returns the exit status.
 */
int agent_main(int argc, char **argv);

#endif
