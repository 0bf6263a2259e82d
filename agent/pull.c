/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/human.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"

/* The words are divided when git's configuration can be read. */
struct pull_args {
	struct pulling pulling;	/* first */
	char **words;	/* borrowed */
	size_t n;
	bool is_separated;	/* "--" is one of them */
};

static void pulling_report(void *ctx)
{
	struct pulling *pulling = ctx;
	struct pull_sum sum;
	char *text;

	pull_sum(pulling->pull, &sum);
	if (sum.objects.left.n || sum.placed.n >= sum.files.n) {
		report_draw(&pulling->report, &sum.objects, sum.fetched);
		return;
	}
	text = xstrfmt("placing %zu of %zu files...", sum.placed.n + 1,
		       sum.files.n);
	bar_say(&pulling->report.bar, text);
	free(text);
}

/* The first file that wants the object. */
static char *pull_find_path(void *ctx, const struct entry *entry)
{
	const struct pulling *pulling = ctx;
	size_t n;
	const struct checkout_file *files = pull_files(pulling->pull, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(files[i].wanted->pointer.oid, entry->pointer.oid))
			return xstrdup(files[i].wanted->path);
	return NULL;
}

/* A fetch knows no files: git is asked for the path of an object. */
static bool is_fetch(const struct pulling *pulling)
{
	return pulling->options.is_fetch ||
	       (pulling->pull && pull_is_bare(pulling->pull));
}

static struct report_entries entries_of(struct pulling *pulling)
{
	struct report_entries entries = { .ctx = pulling };

	if (!is_fetch(pulling))
		entries.find_path = pull_find_path;
	if (pulling->pull)
		entries.entries = pull_entries(pulling->pull, &entries.n);
	return entries;
}

static bool is_whole(const struct pulling *pulling)
{
	struct pull_sum sum;

	if (pulling->err.kind)
		return false;
	pull_sum(pulling->pull, &sum);
	if (pulling->options.is_dry)
		return !sum.objects.of[ENTRY_MISSING].n &&
		       !sum.objects.of[ENTRY_FAILED].n;
	return entry_sum_is_whole(&sum.objects) && sum.placed.n == sum.files.n;
}

/* The URL of the server or the path of the storage, for people; or NULL. */
static const char *source_of(const struct pulling *pulling,
			     char shown[URL_DISPLAY_MAX])
{
	const char *url = pulling->pull ? pull_url(pulling->pull) : NULL;

	return url ? url_display_any(url, shown, URL_DISPLAY_MAX) : NULL;
}

static void print_fetched(const struct pull_sum *sum)
{
	char more[80] = "";

	if (sum->objects.resumed)
		snprintf(more, sizeof(more), " (%s by an earlier run)",
			 human_size(sum->objects.resumed).text);
	report_print_count("fetched", "object", sum->objects.of[ENTRY_MOVED],
			   more);
}

/* Print the objects of a state, if there are any. */
static void print_state(struct pulling *pulling, const struct pull_sum *sum,
			const char *what, enum entry_state state)
{
	const struct report_entries entries = entries_of(pulling);

	if (!sum->objects.of[state].n)
		return;
	report_print_count(what, "object", sum->objects.of[state], ":");
	report_print_entries(&entries, state);
}

/* The files that were not placed though their objects are here. */
static void print_not_placed(const struct pulling *pulling)
{
	struct entry_count count = { .n = 0 };
	size_t n;
	const struct checkout_file *files = pull_files(pulling->pull, &n);

	for (size_t i = 0; i < n; i++)
		if (files[i].why)
			entry_count_add(&count, files[i].wanted->pointer.size);
	if (count.n)
		report_print_count("not placed", "file", count, ":");
	for (size_t i = 0; i < n; i++) {
		const char *path = files[i].wanted->path, *why = files[i].why;
		char *line;

		if (!why)
			continue;
		/* Most reasons name the path. */
		line = strstr(why, path) ? xstrdup(why) :
					   xstrfmt("%s: %s", path, why);
		text_printable(line);
		printf("  %s\n", line);
		free(line);
	}
}

static void print_plan(struct pulling *pulling, const struct pull_sum *sum)
{
	const struct report_entries entries = entries_of(pulling);

	report_print_count("would fetch", "object", sum->objects.left,
			   sum->objects.left.n ? ":" : "");
	report_print_entries(&entries, ENTRY_WAITING);
	if (!is_fetch(pulling))
		report_print_count("would place", "file", sum->files, "");
	printf("%-14s %s of the disk at most\n", "would need",
	       human_size(sum->disk).text);
}

static void print_report(struct pulling *pulling)
{
	char shown[URL_DISPLAY_MAX];
	const char *source = source_of(pulling, shown);
	struct pull_sum sum;

	pull_sum(pulling->pull, &sum);
	if (source)
		printf("from %s\n", source);
	if (pulling->options.is_dry)
		print_plan(pulling, &sum);
	else
		print_fetched(&sum);
	if (sum.objects.of[ENTRY_THERE].n)
		report_print_count("already there", "object",
				   sum.objects.of[ENTRY_THERE], "");
	if (!pulling->options.is_dry && !is_fetch(pulling))
		report_print_count("placed", "file", sum.placed, "");
	print_state(pulling, &sum, "missing", ENTRY_MISSING);
	print_state(pulling, &sum, "failed", ENTRY_FAILED);
	print_not_placed(pulling);
	if (!pulling->options.is_dry && sum.objects.left.n)
		report_print_count("left", "object", sum.objects.left,
				   report_can_resume(&pulling->err) ?
					   " (run it again to resume)" :
					   "");
}

static json_t *not_placed_json(const struct pulling *pulling)
{
	json_t *list = json_array();
	size_t n = 0;
	const struct checkout_file *files = pulling->pull ?
						    pull_files(pulling->pull,
							       &n) :
						    NULL;

	for (size_t i = 0; i < n; i++)
		if (files[i].why)
			json_array_append_new(
				list,
				report_item_json(files[i].wanted->path,
						 &files[i].wanted->pointer,
						 files[i].why));
	return list;
}

static json_t *counts_json(struct entry_count count)
{
	return report_count_json("objects", count);
}

static json_t *report_json(struct pulling *pulling)
{
	const struct report_entries entries = entries_of(pulling);
	struct pull_sum sum = { .fetched = 0 };
	char shown[URL_DISPLAY_MAX];
	json_t *rest;

	if (pulling->pull)
		pull_sum(pulling->pull, &sum);
	rest = pulling->options.is_dry ?
		       report_entries_json(&entries, ENTRY_WAITING) :
		       counts_json(sum.objects.left);
	return json_pack(
		"{s:o*, s:o*, s:o*, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:I, s:I, s:I, s:b}",
		"directory", json_string(pulling->heading), "error",
		pulling->err.kind ? json_string(pulling->err.msg) : NULL,
		"source", json_string(source_of(pulling, shown)), "total",
		counts_json(sum.objects.all), "fetched",
		counts_json(sum.objects.of[ENTRY_MOVED]), "already_there",
		counts_json(sum.objects.of[ENTRY_THERE]),
		pulling->options.is_dry ? "would_fetch" : "left", rest,
		"missing", report_entries_json(&entries, ENTRY_MISSING),
		"failed", report_entries_json(&entries, ENTRY_FAILED), "files",
		report_count_json("files", sum.files), "placed",
		report_count_json("files", sum.placed), "not_placed",
		not_placed_json(pulling), "fetched_bytes",
		(json_int_t)sum.fetched, "resumed_bytes",
		(json_int_t)sum.objects.resumed, "disk_bytes",
		(json_int_t)sum.disk, "complete",
		pulling->has_found && is_whole(pulling) &&
			!pulling->options.is_dry);
}

/* The patterns or paths may be wrong. */
static void say_if_none(const struct pulling *pulling)
{
	const struct pull_options *options = &pulling->options;
	struct pull_sum sum;

	pull_sum(pulling->pull, &sum);
	if (sum.objects.all.n || sum.files.n)
		return;
	if (options->include || options->exclude)
		cli_say("no object is wanted at a path that --include and "
			"--exclude choose");
}

static int carry(struct pulling *pulling, struct err *err)
{
	int ret;

	if (log_trouble()) {
		*err = *log_trouble();
		return -1;
	}
	pulling->pull = pull_new(&pulling->options, err);
	if (!pulling->pull)
		return -1;
	bar_say(&pulling->report.bar, is_fetch(pulling) ?
					      "searching the trees of git..." :
					      "looking at the files...");
	ret = pull_find(pulling->pull, err);
	pulling->has_found = !ret;
	if (!ret)
		ret = pull_run(pulling->pull, err);
	bar_clear(&pulling->report.bar);
	if (!ret)
		say_if_none(pulling);
	return ret;
}

/* A thread that does not come back makes it impossible to go on. */
static void free_pull(struct pulling *pulling)
{
	if (!pull_free(pulling->pull))
		_exit(report_end(&pulling->report, false));
	pulling->pull = NULL;
}

bool pulling_run(struct pulling *pulling)
{
	bool whole;

	pulling->options.stop = report_stop(&pulling->report);
	pulling->options.report = pulling_report;
	pulling->options.ctx = pulling;
	err_clear(&pulling->err);
	pulling->has_found = false;
	carry(pulling, &pulling->err);
	report_end_early(&pulling->report, &pulling->err);
	if (pulling->report.is_json) {
		cli_print_json(report_json(pulling));
	} else if (pulling->has_found) {
		if (pulling->heading)
			printf("%s:\n", pulling->heading);
		print_report(pulling);
	}
	whole = is_whole(pulling);
	free_pull(pulling);
	return whole;
}

int pulling_check(const struct pulling *pulling, struct err *err)
{
	if (pulling->options.no_store && pulling->options.store)
		return err_set(err, ERR_USAGE,
			       "--store and --no-store cannot be combined");
	return 0;
}

int pulling_end(struct pulling *pulling, bool whole)
{
	return report_end(&pulling->report, whole);
}

/* The paths begin at word `first`, and a remote is before them. */
static void divide_words(struct pull_args *pull, size_t first)
{
	struct pull_options *options = &pull->pulling.options;

	options->remote = first ? pull->words[0] : NULL;
	if (first < pull->n && !strcmp(pull->words[first], "--"))
		first++;
	options->paths = (const char *const *)pull->words + first;
	options->npaths = pull->n - first;
}

static int pull_set_words(void *args, size_t n, char **words, struct err *err)
{
	struct pull_args *pull = args;
	size_t before = 0;

	pull->words = words;
	pull->n = n;
	while (before < n && strcmp(words[before], "--") != 0)
		before++;
	pull->is_separated = before < n;
	if (pull->is_separated && before > 1)
		return err_set(err, ERR_USAGE,
			       "only a remote stands before '--', not '%s'",
			       words[1]);
	divide_words(pull, pull->is_separated ? before : 0);
	return pulling_check(&pull->pulling, err);
}

/* As for `git lfs pull`, a remote or a URL may come first. */
static int find_remote(struct pull_args *pull, struct err *err)
{
	struct gitconfig *config;

	if (pull->is_separated || !pull->n)
		return 0;
	config = gitconfig_load(NULL, err);
	if (!config)
		return -1;
	if (endpoint_has_remote(config, pull->words[0]) ||
	    endpoint_is_url(pull->words[0]))
		divide_words(pull, 1);
	gitconfig_free(config);
	return 0;
}

static int pull_run_command(void *args)
{
	struct pull_args *pull = args;
	struct err err = ERR_INIT;

	report_begin(&pull->pulling.report);
	if (find_remote(pull, &err))
		return cli_fail(&err);
	return pulling_end(&pull->pulling, pulling_run(&pull->pulling));
}

static const struct cli_option options[] = {
	PULLING_OPTIONS,
	REPORT_DRY_OPTION(struct pulling),
	{ .name = NULL },
};

const struct cli_command pull_command = {
	.name = "pull",
	.summary = "fetch the objects of this checkout and place their files",
	.usage = "usage: git lfs-multipart pull [--include <patterns>] "
		 "[--exclude <patterns>]\n"
		 "           [--store | --no-store] [--jobs <n>] "
		 "[--dry-run] [--quiet] [--json]\n"
		 "           [<remote>] [[--] <path>...]\n",
	.options = options,
	.args_size = sizeof(struct pull_args),
	.keeps_separator = true,
	.set_words = pull_set_words,
	.run = pull_run_command,
};
