/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bar.h"
#include "agent/cli.h"
#include "agent/input.h"
#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/base/wait.h"
#include "lfs/carry/queue.h"

/*
 * What the commands that move many objects share: how they are told what to do
 * and to stop, how they show how far they are, and the parts of what they say at
 * the end.
 *
 *	report_begin(&report);
 *	...	report_stop() stops it, report_draw() is called now and then
 *	report_end_early(&report, &err);	if it failed as a whole
 *	report_print_count("moved", ...);	or report_count_json()
 *	return report_end(&report, is_whole);
 */

struct report {
	bool is_quiet;
	bool is_json;
	struct input input;
	struct bar bar;
};

enum { REPORT_JOBS_MAX = 1024 };

/*
 * The options of these commands: `type` is the command's arguments, with members
 * `options` (include, exclude, jobs, is_dry) and `report`.
 */
#define REPORT_OPTIONS(type)                                                   \
	{ "include", 'I', "<patterns>",                                        \
	  .target = offsetof(type, options.include) },                         \
	{ "exclude", 'X', "<patterns>",                                        \
	  .target = offsetof(type, options.exclude) },                         \
	{ "jobs", 'j', "<n>", .target = offsetof(type, options.jobs),          \
	  .max = REPORT_JOBS_MAX },                                            \
	{ "quiet", 'q', NULL, .target = offsetof(type, report.is_quiet) },     \
	{ "json", 0, NULL, .target = offsetof(type, report.is_json) }

#define REPORT_DRY_OPTION(type)                                                \
	{ "dry-run", 'n', NULL, .target = offsetof(type, options.is_dry) }

/* From here on signals stop the command.  Before the first thread. */
void report_begin(struct report *report);

/* Asked on any thread, it stops once a signal came. */
struct stop report_stop(struct report *report);

/* `moved`: bytes that have gone over the wire. */
void report_draw(struct report *report, const struct entry_sum *sum,
		 uint64_t moved);

/* Say why the command ended early, unless a signal or log_init() did. */
void report_end_early(struct report *report, const struct err *err);

/* Write the report out.  Returns the exit status: was all that was wanted done? */
int report_end(struct report *report, bool is_whole);

/* Did it end early for a reason that passes, so that it can be run again? */
bool report_can_resume(const struct err *err);

/* On stdout: "moved   6 objects, 13 MiB"; `noun` is "object" or such. */
void report_print_count(const char *what, const char *noun,
			struct entry_count count, const char *more);

/* {"objects": 6, "bytes": 13631488}, for the noun "objects". */
json_t *report_count_json(const char *nouns, struct entry_count count);

/* Entries, and how to name them for people. */
struct report_entries {
	const struct entry *entries;	/* borrowed */
	size_t n;
	/*
	 * A path of the object, the caller's, or NULL.  Without this, git's
	 * history is searched for objects that are missing or failed.
	 */
	char *(*find_path)(void *ctx, const struct entry *entry);
	void *ctx;
};

/* Print each entry of one state on stdout, with its path and why. */
void report_print_entries(const struct report_entries *entries,
			  enum entry_state state);

/* An array of objects with "path", "oid", "size" and "error". */
json_t *report_entries_json(const struct report_entries *entries,
			    enum entry_state state);

/* One of its objects; each of the texts may be NULL. */
json_t *report_item_json(const char *path, const struct pointer *pointer,
			 const char *why);

#endif
