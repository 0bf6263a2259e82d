/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_PULL_H
#define AGENT_PULL_H

#include <stddef.h>

#include "agent/cli.h"
#include "agent/report.h"
#include "lfs/carry/pull.h"

/*
 * The command `pull`: fetches the objects of the current checkout and places
 * their files.  The commands `fetch` and `clone` end in it.
 */
extern const struct cli_command pull_command;

/* The arguments of the three, and the command while it runs. */
struct pulling {
	struct pull_options options;
	struct report report;
	const char *heading;	/* printed above the report; or NULL */
	struct pull *pull;
	struct err err;	/* why it ended early, if it did */
	bool has_found;	/* the objects are known */
};

/* Options of the table of a command whose arguments begin with a `pulling`. */
#define PULLING_OPTIONS                                                        \
	{ "no-store", 0, NULL,                                                 \
	  .target = offsetof(struct pulling, options.no_store) },              \
	{ "store", 0, NULL,                                                    \
	  .target = offsetof(struct pulling, options.store) },                 \
	REPORT_OPTIONS(struct pulling)

/* The options together make sense, or ERR_USAGE. */
int pulling_check(const struct pulling *pulling, struct err *err);

/*
 * Pull in the repository of the current directory, or fetch if that has no work
 * tree or the options say so, and print what came of it.  Was all done?  After
 * report_begin(); may be called again.
 */
bool pulling_run(struct pulling *pulling);

/* The exit status; ends the process if a thread does not come back. */
int pulling_end(struct pulling *pulling, bool is_whole);

#endif
