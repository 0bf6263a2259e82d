/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/cli.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/transfer/unfinished.h"

/*
 * List the unfinished transfers of the repository that the current directory is
 * in.
 */
extern const struct cli_command status_command;

/* All unfinished transfers and, in `*dir`, the caller's, the storage. */
int status_load(struct unfinished_list *list, char **dir, struct err *err);

/* A transfer as JSON; the caller's. */
json_t *status_json(const struct unfinished *unfinished, int64_t now);

/* The kind of transfer for people: "upload", "download" or another word. */
const char *status_word(const struct unfinished *unfinished);

#endif
