/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/human.h"
#include "agent/movers.h"
#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/storage.h"

struct status {
	bool is_json;
};

enum { OBJECT, DIRECTION, DONE, PERCENT, AGE, STATE, WHERE, NCOLUMNS };

struct row {
	char *cells[NCOLUMNS];	/* owned */
};

static const struct {
	const char *title;
	bool is_number;
} columns[NCOLUMNS] = {
	{ "OBJECT", false }, { "DIRECTION", false }, { "DONE", true },
	{ "%", true },	     { "AGE", true },	     { "STATE", false },
	{ "WHERE", false },
};

int status_load(struct unfinished_list *list, char **dir, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);
	struct storage storage = STORAGE_INIT;
	struct repo repo = REPO_INIT;
	int ret = -1;

	*list = (struct unfinished_list){ .n = 0 };
	*dir = NULL;
	if (config && !repo_find(&repo, err) &&
	    !storage_load(&storage, &repo, config, err)) {
		ret = unfinished_load(list, &storage, err);
		*dir = xstrdup(storage.multipart_dir);
	}
	storage_release(&storage);
	repo_release(&repo);
	gitconfig_free(config);
	return ret;
}

const char *status_word(const struct unfinished *unfinished)
{
	static const char *const words[] = {
		[UNFINISHED_DOWNLOAD] = "download",
		[UNFINISHED_UPLOAD] = "upload",
		[UNFINISHED_HANDOVER] = "download",
		[UNFINISHED_ALONE] = "download",
		[UNFINISHED_COMPLETED] = "completed upload",
		[UNFINISHED_STRAY] = "stray file",
		[UNFINISHED_LOGIN] = "login",
		[UNFINISHED_PLACED] = "placed files",
	};

	return words[unfinished->kind];
}

static const char *state_of(const struct unfinished *unfinished)
{
	if (unfinished->in_use)
		return "moving";
	if (unfinished->is_there)
		return "unneeded";
	if (unfinished->kind == UNFINISHED_HANDOVER)
		return "finished";
	return unfinished->is_readable ? "stopped" : "damaged";
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

json_t *status_json(const struct unfinished *unfinished, int64_t now)
{
	/* A text that is not UTF-8 has no JSON string, and is left out. */
	json_t *oid = *unfinished->oid ? json_string(unfinished->oid) : NULL;
	json_t *path = json_string(unfinished->path);
	json_t *server = json_string(unfinished->server);
	json_t *size = NULL, *done = NULL, *percent = NULL;
	int64_t age = now - unfinished->touched;

	if (unfinished->is_readable) {
		size = number(unfinished->size);
		done = number(unfinished->done);
		percent = number(
			human_percent(unfinished->done, unfinished->size));
	}
	return json_pack("{s:o*, s:s, s:o*, s:o*, s:o*, s:I, s:o, s:b, s:s, "
			 "s:o, s:o*, s:o*}",
			 "oid", oid, "direction", status_word(unfinished),
			 "size", size, "done", done, "percent", percent,
			 "touched", (json_int_t)unfinished->touched, "age",
			 number(age > 0 ? (uint64_t)age : 0), "in_use",
			 unfinished->in_use, "state", state_of(unfinished),
			 "disk", number(unfinished->disk), "path", path,
			 "server", server);
}

static void print_json(const struct unfinished_list *list,
		       const struct movers_list *movers, const char *dir)
{
	json_t *items = json_array(), *remotes = json_array();
	int64_t now = clock_unix();

	for (size_t i = 0; i < list->n; i++)
		if (unfinished_is_transfer(&list->items[i]))
			json_array_append_new(items,
					      status_json(&list->items[i],
							  now));
	for (size_t i = 0; i < movers->n; i++)
		json_array_append_new(remotes, movers_json(&movers->items[i]));
	cli_print_json(json_pack("{s:o*, s:o, s:o}", "storage",
				 json_string(dir), "unfinished", items,
				 "remotes", remotes));
}

static void fill_row(struct row *row, const struct unfinished *unfinished,
		     int64_t now)
{
	struct human done = human_size(unfinished->done);
	struct human size = human_size(unfinished->size);
	bool is_known = unfinished->is_readable;

	row->cells[OBJECT] = xstrndup(unfinished->oid, 12);
	row->cells[DIRECTION] = xstrdup(status_word(unfinished));
	row->cells[DONE] = is_known ?
				   xstrfmt("%s of %s", done.text, size.text) :
				   xstrdup("-");
	row->cells[PERCENT] = is_known ?
				      xstrfmt("%u",
					      human_percent(unfinished->done,
							    unfinished->size)) :
				      xstrdup("-");
	row->cells[AGE] = xstrdup(human_age(now - unfinished->touched).text);
	row->cells[STATE] = xstrdup(state_of(unfinished));
	row->cells[WHERE] = xstrdup(unfinished->path);
}

static void print_cell(const char *text, int column, size_t width)
{
	if (column == WHERE)
		printf("%s\n", text);
	else if (columns[column].is_number)
		printf("%*s  ", (int)width, text);
	else
		printf("%-*s  ", (int)width, text);
}

static void print_rows(const struct row *rows, size_t nrows)
{
	size_t widths[NCOLUMNS];

	for (int i = 0; i < NCOLUMNS; i++) {
		widths[i] = strlen(columns[i].title);
		for (size_t j = 0; j < nrows; j++)
			if (strlen(rows[j].cells[i]) > widths[i])
				widths[i] = strlen(rows[j].cells[i]);
		print_cell(columns[i].title, i, widths[i]);
	}
	for (size_t j = 0; j < nrows; j++)
		for (int i = 0; i < NCOLUMNS; i++)
			print_cell(rows[j].cells[i], i, widths[i]);
}

static void say_unneeded(const struct unfinished_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->items[i].is_there && !list->items[i].in_use;
	if (n)
		printf("\nUnneeded files belong to objects that are here, whole; "
		       "`git lfs-multipart prune` removes them.\n");
}

/* Other work trees of the repository may have some, too. */
static void say_placed(const struct unfinished_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->items[i].in_use ? 0 : list->items[i].nplaced;
	if (n)
		printf("\nGit has not been told of up to %zu files that are in "
		       "their place; the next `git lfs-multipart pull` there "
		       "tells it.\n",
		       n);
}

static void print_text(const struct unfinished_list *list,
		       const struct movers_list *movers)
{
	struct row *rows = xcalloc(list->n + 1, sizeof(*rows));
	int64_t now = clock_unix();
	size_t nrows = 0;

	for (size_t i = 0; i < list->n; i++)
		if (unfinished_is_transfer(&list->items[i]))
			fill_row(&rows[nrows++], &list->items[i], now);
	if (nrows)
		print_rows(rows, nrows);
	else
		printf("There is no unfinished transfer.\n");
	say_unneeded(list);
	say_placed(list);
	for (size_t i = 0; i < movers->n; i++)
		movers_print(&movers->items[i], true);
	for (size_t i = 0; i < nrows; i++)
		for (int j = 0; j < NCOLUMNS; j++)
			free(rows[i].cells[j]);
	free(rows);
}

static int status_run(void *args)
{
	const struct status *status = args;
	struct movers_list movers;
	struct unfinished_list list;
	struct err err = ERR_INIT;
	char *dir;

	json_setup();
	movers_load(&movers);
	if (status_load(&list, &dir, &err))
		cli_fail(&err);
	else if (status->is_json)
		print_json(&list, &movers, dir);
	else
		print_text(&list, &movers);
	unfinished_release(&list);
	movers_free(&movers);
	free(dir);
	return err.kind ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const struct cli_option options[] = {
	{ "json", .target = offsetof(struct status, is_json) },
	{ .name = NULL },
};

const struct cli_command status_command = {
	.name = "status",
	.summary = "list unfinished transfers, and remotes in standalone mode",
	.usage = "usage: git lfs-multipart status [--json]\n",
	.options = options,
	.args_size = sizeof(struct status),
	.run = status_run,
};
