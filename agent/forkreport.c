/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/forkreport.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/human.h"
#include "agent/report.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/net/url.h"

char *forkreport_left(const struct forkpush_ref *ref)
{
	char *name = ref->why ? xstrdup(ref->target) : NULL;

	if (name)
		text_printable(name);
	return name;
}

static void print_count(const char *what, struct entry_count count,
			const char *more)
{
	report_print_count(what, "object", count, more);
}

static struct report_entries entries_of(const struct fork *fork)
{
	struct report_entries entries = { .n = 0 };

	if (fork)
		entries.entries = fork_entries(fork, &entries.n);
	return entries;
}

/* Print the objects of one state, with why, if there are any. */
static void print_state(const struct fork *fork, const struct fork_sum *sum,
			const char *what, enum entry_state state)
{
	const struct report_entries entries = entries_of(fork);

	if (!sum->objects.of[state].n)
		return;
	print_count(what, sum->objects.of[state], ":");
	report_print_entries(&entries, state);
}

static void print_moved(const struct fork_sum *sum)
{
	char more[80] = "";

	if (sum->objects.resumed)
		snprintf(more, sizeof(more), " (%s by an earlier run)",
			 human_size(sum->objects.resumed).text);
	print_count("moved", sum->objects.of[ENTRY_MOVED], more);
}

/* The objects that would be moved, or that an interruption has left. */
static void print_left(const struct forkreport *report,
		       const struct fork_sum *sum)
{
	const struct report_entries entries = entries_of(report->fork);
	size_t n = sum->objects.left.n;

	if (report->is_dry) {
		print_count("would move", sum->objects.left, n ? ":" : "");
		report_print_entries(&entries, ENTRY_READY);
	} else if (n) {
		print_count("left", sum->objects.left,
			    report_can_resume(&report->err) ?
				    " (run it again to resume)" :
				    "");
	}
}

static void print_refs(const char *what, size_t n, const char *more)
{
	printf("%-14s %6zu %s%s\n", what, n,
	       n == 1 ? "branch or tag" : "branches and tags", more);
}

static void print_left_refs(const struct forkpush *push)
{
	size_t left = forkpush_left(push);
	bool is_otherwise = false;

	if (!left)
		return;
	for (size_t i = 0; i < push->nrefs; i++)
		is_otherwise |= push->refs[i].is_otherwise;
	print_refs("not pushed", left,
		   is_otherwise && !push->is_forced ?
			   " (--force overwrites what is there):" :
			   ":");
	for (size_t i = 0; i < push->nrefs; i++) {
		char *ref = forkreport_left(&push->refs[i]);

		if (ref)
			printf("  %s  %s\n", ref, push->refs[i].why);
		free(ref);
	}
}

void forkreport_print(const struct forkreport *report)
{
	const struct fork *fork = report->fork;
	char from[URL_DISPLAY_MAX], to[URL_DISPLAY_MAX];
	struct fork_sum sum;

	fork_sum(fork, &sum);
	printf("from %s\nto   %s\n",
	       url_display_any(fork_url(fork, DOWNLOAD), from, sizeof(from)),
	       url_display_any(fork_url(fork, UPLOAD), to, sizeof(to)));
	if (!report->is_dry)
		print_moved(&sum);
	print_left(report, &sum);
	print_count("already there", sum.objects.of[ENTRY_THERE], "");
	print_state(fork, &sum, "missing", ENTRY_MISSING);
	print_state(fork, &sum, "failed", ENTRY_FAILED);
	if (report->is_pushed)
		print_refs("pushed",
			   report->push->nrefs - forkpush_left(report->push),
			   "");
	print_left_refs(report->push);
}

static json_t *count_json(struct entry_count count)
{
	return report_count_json("objects", count);
}

static json_t *left_refs_json(const struct forkpush *push)
{
	json_t *list = json_array();

	for (size_t i = 0; i < push->nrefs; i++)
		if (push->refs[i].why)
			json_array_append_new(
				list,
				json_pack("{s:o*, s:o*}", "ref",
					  json_string(push->refs[i].target),
					  "error",
					  json_string(push->refs[i].why)));
	return list;
}

json_t *forkreport_json(const struct forkreport *report)
{
	const struct fork *fork = report->fork;
	const struct report_entries entries = entries_of(fork);
	char from[URL_DISPLAY_MAX], to[URL_DISPLAY_MAX];
	struct fork_sum sum = { .sent = 0 };
	json_t *error = NULL, *source = NULL, *target = NULL, *left;
	bool is_complete;

	if (report->err.kind)
		error = json_string(report->err.msg);
	if (fork) {
		fork_sum(fork, &sum);
		url_display_any(fork_url(fork, DOWNLOAD), from, sizeof(from));
		url_display_any(fork_url(fork, UPLOAD), to, sizeof(to));
		source = json_string(from);
		target = json_string(to);
	}
	left = report->is_dry ? report_entries_json(&entries, ENTRY_READY) :
				count_json(sum.objects.left);
	is_complete = report->has_found && entry_sum_is_whole(&sum.objects);
	return json_pack("{s:o*, s:o*, s:o*, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:I, s:I, s:I, s:b, s:b, s:o}",
			 "error", error, "source", source, "target", target,
			 "total", count_json(sum.objects.all), "moved",
			 count_json(sum.objects.of[ENTRY_MOVED]),
			 "already_there",
			 count_json(sum.objects.of[ENTRY_THERE]),
			 report->is_dry ? "would_move" : "left", left,
			 "missing",
			 report_entries_json(&entries, ENTRY_MISSING), "failed",
			 report_entries_json(&entries, ENTRY_FAILED),
			 "sent_bytes", (json_int_t)sum.sent, "resumed_bytes",
			 (json_int_t)sum.objects.resumed, "spool_peak_bytes",
			 (json_int_t)sum.disk, "complete", is_complete,
			 "pushed", report->is_pushed, "not_pushed",
			 left_refs_json(report->push));
}
