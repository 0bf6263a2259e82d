/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/prune.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/human.h"
#include "agent/pruneobjects.h"
#include "agent/status.h"
#include "lfs/base/clock.h"
#include "lfs/transfer/unfinished.h"

enum {
	DAYS_MAX = 36500,
	DAY_S = 24 * 60 * 60
};

struct prune {
	bool is_json;
	bool of_objects;
	bool is_dry;
	bool has_days;
	unsigned days;
	int64_t now;
	uint64_t freed;
	size_t nremoved;
	size_t nfailed;
	json_t *removed;	/* owned, as below; arrays */
	json_t *kept;
};

static int prune_set_days(void *args, const struct cli_option *option,
			  const char *text, struct err *err)
{
	struct prune *prune = args;
	unsigned long long days;
	char *end;

	errno = 0;
	days = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || days > DAYS_MAX)
		return err_set(err, ERR_USAGE,
			       "--%s takes days from 0 to %d, not '%s'",
			       option->name, DAYS_MAX, text);
	prune->days = (unsigned)days;
	prune->has_days = true;
	return 0;
}

static void print_entry(const char *what, const struct unfinished *item,
			const char *more)
{
	struct human size = human_size(item->disk);

	if (*item->oid)
		printf("%s %s of %.12s, %s%s\n", what, status_word(item),
		       item->oid, size.text, more);
	else
		printf("%s %s, %s%s\n", what, item->path, size.text, more);
}

static void note_removed(struct prune *prune, const struct unfinished *item)
{
	prune->nremoved++;
	prune->freed += item->disk;
	json_array_append_new(prune->removed, status_json(item, prune->now));
	if (!prune->is_json)
		print_entry("removed", item, "");
}

static void note_kept(struct prune *prune, const struct unfinished *item,
		      const struct err *why)
{
	bool is_busy = why->kind == ERR_BUSY;

	if (!is_busy) {
		prune->nfailed++;
		cli_fail(why);
	}
	json_array_append_new(prune->kept, status_json(item, prune->now));
	if (!prune->is_json && is_busy)
		print_entry("kept", item, ": another process is at work on it");
}

static void prune_all(struct prune *prune, const struct unfinished_list *list)
{
	/* A file from a time when the clock was wrong must not stay for ever. */
	int64_t limit = prune->days ?
				prune->now - (int64_t)prune->days * DAY_S :
				INT64_MAX;

	for (size_t i = 0; i < list->n; i++) {
		const struct unfinished *item = &list->items[i];
		struct err err = ERR_INIT;
		int64_t its = unfinished_limit(item, limit, prune->now);

		if (item->touched > its)
			continue;
		if (unfinished_remove(item, its, &err))
			note_kept(prune, item, &err);
		else
			note_removed(prune, item);
	}
}

static void print_json(struct prune *prune)
{
	cli_print_json(json_pack("{s:O, s:O, s:I}", "removed", prune->removed,
				 "kept", prune->kept, "freed",
				 (json_int_t)prune->freed));
}

static void print_sum(const struct prune *prune)
{
	if (prune->nremoved)
		printf("Freed %s.\n", human_size(prune->freed).text);
	else if (!prune->nfailed)
		printf("There was nothing to remove.\n");
}

static int prune_set_words(void *args, size_t n, char **words, struct err *err)
{
	const struct prune *prune = args;

	if (n)
		return err_set(err, ERR_USAGE, "unknown argument '%s'",
			       words[0]);
	if (prune->of_objects && prune->has_days)
		return err_set(err, ERR_USAGE,
			       "--older-than cannot be combined with "
			       "--objects: git-lfs decides by its own keys");
	if (prune->is_dry && !prune->of_objects)
		return err_set(err, ERR_USAGE, "--dry-run is for --objects");
	return 0;
}

static int prune_unfinished(struct prune *prune)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;
	char *dir;

	json_setup();
	prune->now = clock_unix();
	prune->removed = json_array();
	prune->kept = json_array();
	if (status_load(&list, &dir, &err)) {
		cli_fail(&err);
	} else {
		prune_all(prune, &list);
		if (prune->is_json)
			print_json(prune);
		else
			print_sum(prune);
	}
	unfinished_release(&list);
	free(dir);
	json_decref(prune->removed);
	json_decref(prune->kept);
	return err.kind || prune->nfailed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int prune_run(void *args)
{
	struct prune *prune = args;
	const struct pruneobjects_options of_objects = {
		.is_dry = prune->is_dry,
		.is_json = prune->is_json,
	};

	return prune->of_objects ? pruneobjects_run(&of_objects) :
				   prune_unfinished(prune);
}

static const struct cli_option options[] = {
	{ "json", .target = offsetof(struct prune, is_json) },
	{ "objects", .target = offsetof(struct prune, of_objects) },
	{ "dry-run", 'n', .target = offsetof(struct prune, is_dry) },
	{ "older-than", .argument = "<days>", .set = prune_set_days },
	{ .name = NULL },
};

const struct cli_command prune_command = {
	.name = "prune",
	.summary = "remove what unfinished transfers have left, or old objects",
	.usage = "usage: git lfs-multipart prune [--older-than <days>] "
		 "[--json]\n"
		 "       git lfs-multipart prune --objects [--dry-run] "
		 "[--json]\n",
	.options = options,
	.args_size = sizeof(struct prune),
	.set_words = prune_set_words,
	.run = prune_run,
};
