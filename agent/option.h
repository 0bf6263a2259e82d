/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_OPTION_H
#define AGENT_OPTION_H

#include "lfs/base/err.h"

/*
 * What getopt_long() has just answered with '?' or ':', `option`, as an error
 * of ERR_USAGE that names it.  Returns -1.  For options that begin with ':'
 * and an `opterr` of 0.
 */
int option_refuse(int option, char *const argv[], struct err *err);

#endif
