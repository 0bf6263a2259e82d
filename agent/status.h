/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/transfer/unfinished.h"

/*
 * The command `status`: the unfinished transfers of the repository that the
 * current directory is in.  Prints, and returns the exit status.
 */
int status_main(int argc, char **argv);

/* What there is, with where it is: `*dir`, the caller's. */
int status_load(struct unfinished_list *list, char **dir, struct err *err);

/* One of it, as JSON; the caller's. */
json_t *status_json(const struct unfinished *unfinished, int64_t now);

/* What it is, for people: "upload", "download" or another word. */
const char *status_word(const struct unfinished *unfinished);

/* Print a tree as a line, and free it.  Returns the exit status. */
int status_print_json(json_t *tree);

#endif
