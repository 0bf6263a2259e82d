/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/fork.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/forkpush.h"
#include "agent/forkreport.h"
#include "agent/report.h"
#include "lfs/base/log.h"
#include "lfs/carry/fork.h"

enum {
	SHARDS_MAX = 1000000,
	DISK_MIN = 2 << 20
};

static const uint64_t disk_default = (uint64_t)4 << 30;

/* The command while it runs. */
struct command {
	struct fork_options options;
	struct report report;
	struct fork *fork;
	struct forkpush push;
	struct forkreport result;	/* borrows from the two above */
	bool is_push;
	bool is_forced;
};

/* A number of at least 1, and what follows it. */
static int get_count(const char *text, unsigned long max, unsigned *value,
		     const char **rest)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	n = strtoull(text, &end, 10);
	*rest = end;
	*value = (unsigned)n;
	return n && n <= max ? 0 : -1;
}

/* The value must be `allowed`. */
static int refuse_value(const struct cli_option *option, const char *text,
			const char *allowed, struct err *err)
{
	return err_set(err, ERR_USAGE, "--%s is '%.40s'; it must be %s",
		       option->name, text, allowed);
}

static int fork_set_shard(void *args, const struct cli_option *option,
			  const char *text, struct err *err)
{
	struct fork_options *options = &((struct command *)args)->options;
	const char *rest;

	if (!get_count(text, SHARDS_MAX, &options->shard, &rest) &&
	    *rest == '/' &&
	    !get_count(rest + 1, SHARDS_MAX, &options->nshards, &rest) &&
	    !*rest && options->shard <= options->nshards)
		return 0;
	return refuse_value(option, text, "K/N, such as 1/4 to 4/4", err);
}

/* The bytes of a unit: K and KiB by 1024, KB by 1000; 0 if it is unknown. */
static uint64_t unit_size(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *found;
	uint64_t base = 1024, size = 1;

	if (!*unit || !strcasecmp(unit, "b"))
		return 1;
	found = strchr(letters, *unit | 0x20);
	if (!found)
		return 0;
	if (!strcasecmp(unit + 1, "b"))
		base = 1000;
	else if (unit[1] && strcasecmp(unit + 1, "ib"))
		return 0;
	for (const char *letter = letters; letter <= found; letter++)
		size *= base;
	return size;
}

static int fork_set_max_disk(void *args, const struct cli_option *option,
			     const char *text, struct err *err)
{
	struct command *command = args;
	unsigned long long n = 0;
	uint64_t unit;
	char *end = (char *)text;

	if (*text >= '0' && *text <= '9')
		n = strtoull(text, &end, 10);
	end += strspn(end, " ");
	unit = unit_size(end);
	if (unit && n <= INT64_MAX / unit && n * unit >= DISK_MIN) {
		command->options.max_disk = n * unit;
		return 0;
	}
	return refuse_value(option, text,
			    "a size of 2M or more, such as 500M or 4GiB", err);
}

/* A push needs all objects of its history at the target. */
static int check_push(const struct command *command, struct err *err)
{
	const struct fork_options *options = &command->options;

	if (!command->is_push && command->is_forced)
		return err_set(err, ERR_USAGE, "--force is for --push");
	if (!command->is_push)
		return 0;
	if (options->is_dry)
		return err_set(err, ERR_USAGE,
			       "--push cannot be combined with --dry-run");
	if (options->include || options->exclude || options->nshards > 1)
		return err_set(err, ERR_USAGE,
			       "--push cannot be combined with --include, "
			       "--exclude or --shard");
	return 0;
}

static int fork_set_words(void *args, size_t n, char **words, struct err *err)
{
	static const char *const head[] = { "HEAD" };
	struct command *command = args;
	struct fork_options *options = &command->options;

	options->refs = (const char *const *)words;
	options->nrefs = n;
	if (options->all && n)
		return err_set(err, ERR_USAGE,
			       "--all cannot be combined with refs");
	if (!options->all && !n) {
		options->refs = head;
		options->nrefs = 1;
	}
	return check_push(command, err);
}

static void fork_report(void *ctx)
{
	struct command *command = ctx;
	struct fork_sum sum;

	fork_sum(command->fork, &sum);
	report_draw(&command->report, &sum.objects, sum.sent);
}

static void tell_left(const struct forkpush *push)
{
	for (size_t i = 0; i < push->nrefs; i++) {
		char *ref = forkreport_left(&push->refs[i]);

		if (ref)
			cli_say("'%s' is not pushed: %s", ref,
				push->refs[i].why);
		free(ref);
	}
}

/*
 * Try the push before anything moves.  The history that is searched is the one
 * that will be pushed, even if its refs change meanwhile.
 */
static int prepare_push(struct command *command, struct err *err)
{
	const struct fork_options *options = &command->options;
	struct forkpush *push = &command->push;
	const char *const *sources;
	size_t nsources;
	int ret;

	if (!command->is_push)
		return 0;
	*push = (struct forkpush){
		.from = options->from ? options->from : "upstream",
		.remote = options->to ? options->to : "origin",
		.names = options->refs,
		.nnames = options->nrefs,
		.all = options->all,
		.is_forced = command->is_forced,
		.is_quiet = command->report.is_quiet,
		.is_shallow = fork_is_shallow(command->fork),
		.stop = report_stop(&command->report),
	};
	if (forkpush_find(push, err))
		return -1;
	ret = forkpush_try(push, err);
	if (push->all)
		tell_left(push);
	sources = forkpush_sources(push, &nsources);
	fork_set_refs(command->fork, sources, nsources);
	return ret;
}

/* A shard may well have no object. */
static void say_if_none(const struct command *command)
{
	const struct fork_options *options = &command->options;
	size_t n;

	fork_entries(command->fork, &n);
	if (!n && !options->nshards && (options->include || options->exclude))
		cli_say("no object is at a path that --include and --exclude "
			"choose");
}

static int carry_objects(struct command *command, struct err *err)
{
	struct fork_options *options = &command->options;
	int ret;

	if (log_trouble()) {
		*err = *log_trouble();
		return -1;
	}
	command->fork = fork_new(options, err);
	command->result.fork = command->fork;
	if (!command->fork || prepare_push(command, err))
		return -1;
	if (fork_is_shallow(command->fork))
		cli_say("this clone is shallow: objects of commits that it "
			"lacks are not carried; git fetch --unshallow brings "
			"them");
	bar_say(&command->report.bar, "searching the history...");
	ret = fork_find(command->fork, err);
	command->result.has_found = !ret;
	if (!ret)
		ret = fork_run(command->fork, err);
	bar_clear(&command->report.bar);
	if (!ret)
		say_if_none(command);
	return ret;
}

static bool has_all(const struct command *command)
{
	struct fork_sum sum;

	fork_sum(command->fork, &sum);
	if (command->options.is_dry)
		return !sum.objects.of[ENTRY_MISSING].n &&
		       !sum.objects.of[ENTRY_FAILED].n;
	return entry_sum_is_whole(&sum.objects);
}

static bool push_refs(struct command *command, struct err *err)
{
	if (!command->is_push)
		return false;
	/* git-lfs would hand every object to an agent, though all are there. */
	if (fork_target_is_standalone(command->fork))
		setenv("GIT_LFS_SKIP_PUSH", "1", 1);
	if (has_all(command))
		return !fork_fetch_absent(command->fork, command->push.remote,
					  err) &&
		       !forkpush_run(&command->push, err);
	err_set(err, ERR_REFUSED, "not pushed, as the target lacks objects");
	return false;
}

/* Do it and tell what came of it; returns the exit status. */
static int carry_and_push(struct command *command)
{
	struct err *err = &command->result.err;

	command->result.is_pushed = !carry_objects(command, err) &&
				    push_refs(command, err);
	report_end_early(&command->report, err);
	if (err->kind)
		forkpush_leave(&command->push, err->msg);
	if (command->report.is_json)
		cli_print_json(forkreport_json(&command->result));
	else if (command->result.has_found)
		forkreport_print(&command->result);
	return report_end(&command->report,
			  !err->kind && has_all(command) &&
				  !forkpush_left(&command->push));
}

/*
 * A push sends the history as it is, so search it without replace refs and
 * without a grafts file.  (git is silent about a path that cannot exist.)
 */
static void see_true_history(void)
{
	setenv("GIT_NO_REPLACE_OBJECTS", "1", 1);
	setenv("GIT_GRAFT_FILE", "/dev/null/none", 1);
}

static int fork_run_command(void *args)
{
	struct command *command = args;
	int status;

	command->options.report = fork_report;
	command->options.ctx = command;
	command->options.stop = report_stop(&command->report);
	if (!command->options.max_disk)
		command->options.max_disk = disk_default;
	see_true_history();
	command->result.push = &command->push;
	command->result.is_dry = command->options.is_dry;
	report_begin(&command->report);
	status = carry_and_push(command);
	forkpush_release(&command->push);
	if (!fork_free(command->fork))
		_exit(status);
	return status;
}

#define AT(member) .target = offsetof(struct command, member)

static const struct cli_option options[] = {
	{ "from", 0, "<remote>", AT(options.from) },
	{ "to", 0, "<remote>", AT(options.to) },
	{ "from-lfs", 0, "<url>", AT(options.from_lfs) },
	{ "to-lfs", 0, "<url>", AT(options.to_lfs) },
	{ "all", 'a', NULL, AT(options.all) },
	REPORT_OPTIONS(struct command),
	REPORT_DRY_OPTION(struct command),
	{ "max-disk", 0, "<size>", .set = fork_set_max_disk },
	{ "shard", 0, "<k>/<n>", .set = fork_set_shard },
	{ "push", 0, NULL, AT(is_push) },
	{ "force", 'f', NULL, AT(is_forced) },
	{ .name = NULL },
};

const struct cli_command fork_command = {
	.name = "fork",
	.summary = "carry all objects from one server to another",
	.usage = "usage: git lfs-multipart fork [--from <remote>] "
		 "[--to <remote>]\n"
		 "           [--from-lfs <url>] [--to-lfs <url>]\n"
		 "           [--include <patterns>] [--exclude <patterns>]\n"
		 "           [--max-disk <size>] [--jobs <n>] "
		 "[--shard <k>/<n>]\n"
		 "           [--dry-run] [--push [--force]] [--quiet] "
		 "[--json]\n"
		 "           [--all | <ref>...]\n",
	.options = options,
	.args_size = sizeof(struct command),
	.set_words = fork_set_words,
	.run = fork_run_command,
};
