/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/fetch.h"

#include <string.h>

#include "agent/pull.h"

/* As for `git lfs fetch`, the first word is a remote, and refs follow. */
static int fetch_set_words(void *args, size_t n, char **words, struct err *err)
{
	struct pulling *pulling = args;
	struct pull_options *options = &pulling->options;

	options->is_fetch = true;
	options->remote = n ? words[0] : NULL;
	options->refs = (const char *const *)words + 1;
	options->nrefs = n ? n - 1 : 0;
	if (options->all && (options->include || options->exclude))
		return err_set(err, ERR_USAGE,
			       "--all cannot be combined with --include or "
			       "--exclude");
	return 0;
}

static int fetch_run(void *args)
{
	struct pulling *pulling = args;

	report_begin(&pulling->report);
	return pulling_end(pulling, pulling_run(pulling));
}

static const struct cli_option options[] = {
	{ "all", 'a', NULL, .target = offsetof(struct pulling, options.all) },
	REPORT_OPTIONS(struct pulling),
	REPORT_DRY_OPTION(struct pulling),
	{ .name = NULL },
};

const struct cli_command fetch_command = {
	.name = "fetch",
	.summary = "fetch the objects of some refs into the local storage",
	.usage = "usage: git lfs-multipart fetch [--include <patterns>] "
		 "[--exclude <patterns>]\n"
		 "           [--jobs <n>] [--dry-run] [--quiet] [--json]\n"
		 "           [--all] [<remote> [<ref>...]]\n",
	.options = options,
	.args_size = sizeof(struct pulling),
	.set_words = fetch_set_words,
	.run = fetch_run,
};
