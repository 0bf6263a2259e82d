/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/human.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/history.h"

enum { NAMING_MS = 5000 };	/* that git may take for the paths in a list */

static bool report_is_stopped(void *ctx)
{
	struct report *report = ctx;

	return !input_look(&report->input, 0);
}

void report_begin(struct report *report)
{
	json_setup();
	input_setup(&report->input, -1);
	bar_init(&report->bar, report->is_quiet);
}

struct stop report_stop(struct report *report)
{
	return stop_when(report_is_stopped, report);
}

void report_draw(struct report *report, const struct entry_sum *sum,
		 uint64_t moved)
{
	const struct bar_state state = {
		.objects = sum->all.n - sum->left.n,
		.objects_total = sum->all.n,
		.bytes = sum->all.size - sum->left.size + sum->size_moving,
		.bytes_total = sum->all.size,
		.moved = moved,
	};

	bar_draw(&report->bar, &state, clock_ms());
}

void report_end_early(struct report *report, const struct err *err)
{
	bar_clear(&report->bar);
	/* log_init() has reported a log that cannot be opened. */
	if (err->kind && err->kind != ERR_CANCELED && !log_trouble())
		cli_fail(err);
}

int report_end(struct report *report, bool is_whole)
{
	bar_clear(&report->bar);
	/* If a thread hangs after a signal, _exit() would drop the report. */
	if (fflush(stdout))
		is_whole = false;
	if (input_signal())
		return 128 + input_signal();
	return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool report_can_resume(const struct err *err)
{
	return err->kind == ERR_CANCELED || err_is_transient(err);
}

void report_print_count(const char *what, const char *noun,
			struct entry_count count, const char *more)
{
	char *nouns = xstrfmt("%s%s,", noun, count.n == 1 ? "" : "s");

	printf("%-14s %6zu %-8s %s%s\n", what, count.n, nouns,
	       human_size(count.size).text, more);
	free(nouns);
}

json_t *report_count_json(const char *nouns, struct entry_count count)
{
	return json_pack("{s:I, s:I}", nouns, (json_int_t)count.n, "bytes",
			 (json_int_t)count.size);
}

/* If git finds it before `until_ms`. */
static char *find_path(const struct report_entries *entries,
		       const struct entry *entry, uint64_t until_ms)
{
	const struct history_path search = {
		.oid = entry->pointer.oid,
		.size = entry->pointer.size,
		.most_ms = (unsigned)(until_ms - clock_ms()),
	};

	if (entries->find_path)
		return entries->find_path(entries->ctx, entry);
	if (!entry->why || clock_ms() >= until_ms)
		return NULL;
	return history_find_path(&search);
}

void report_print_entries(const struct report_entries *entries,
			  enum entry_state state)
{
	uint64_t until_ms = clock_ms() + NAMING_MS;

	for (size_t i = 0; i < entries->n; i++) {
		const struct entry *entry = &entries->entries[i];
		char *path;

		if (entry->state != state)
			continue;
		path = find_path(entries, entry, until_ms);
		if (path)
			text_printable(path);
		printf("  %s  %s%s%s%s%s\n", entry->pointer.oid,
		       human_size(entry->pointer.size).text, path ? "  " : "",
		       path ? path : "", entry->why ? "  " : "",
		       entry->why ? entry->why : "");
		free(path);
	}
}

/* JSON has no text that is not UTF-8. */
static json_t *path_json(const char *path)
{
	json_t *json = json_string(path);
	char *text;

	if (json || !path)
		return json;
	text = xstrdup(path);
	text_printable(text);
	json = json_string(text);
	free(text);
	return json;
}

json_t *report_item_json(const char *path, const struct pointer *pointer,
			 const char *why)
{
	return json_pack("{s:o*, s:s, s:I, s:o*}", "path", path_json(path),
			 "oid", pointer->oid, "size", (json_int_t)pointer->size,
			 "error", json_string(why));
}

json_t *report_entries_json(const struct report_entries *entries,
			    enum entry_state state)
{
	json_t *list = json_array();
	uint64_t until_ms = clock_ms() + NAMING_MS;

	for (size_t i = 0; i < entries->n; i++) {
		const struct entry *entry = &entries->entries[i];
		char *path;

		if (entry->state != state)
			continue;
		path = find_path(entries, entry, until_ms);
		json_array_append_new(list,
				      report_item_json(path, &entry->pointer,
						       entry->why));
		free(path);
	}
	return list;
}
