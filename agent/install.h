/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_INSTALL_H
#define AGENT_INSTALL_H

/*
 * The commands `install` and `uninstall`: the git config that makes git-lfs
 * run this program.  argv[0] is the command's name.  They print, and return
 * the exit status: 0, 1 for failure, 129 for a wrong command line.
 */

int install_main(int argc, char **argv);
int uninstall_main(int argc, char **argv);

#endif
