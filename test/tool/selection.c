/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The files of a checkout that want their object, for scenarios.
 *
 *	selection [-z] [-I PATTERNS] [-X PATTERNS] [PATH...]
 *
 * Prints `STATE OID SIZE PATH` for each, where STATE is absent or pointer, with a
 * `*` if only git-lfs can write it; with -z, the paths alone, each with a NUL.  Or
 * it says why it failed, and exits with 1.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfs/worktree/selection.h"

static int find(const struct selection_request *request, bool has_paths_only)
{
	static const char *const states[] = { "absent", "pointer", "placed" };
	struct selection selection;
	struct err err = ERR_INIT;
	int ret = selection_find(&selection, request, &err);

	if (ret)
		fprintf(stderr, "%s\n", err.msg);
	for (size_t i = 0; i < selection.n; i++) {
		const struct wanted_file *file = &selection.files[i];

		if (!has_paths_only)
			printf("%s%s %s %" PRIu64 " ", states[file->state],
			       file->is_git_lfss ? "*" : "", file->pointer.oid,
			       file->pointer.size);
		printf("%s%c", file->path, has_paths_only ? '\0' : '\n');
	}
	selection_release(&selection);
	return ret || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct selection_request request = { .dir = "/tmp" };
	struct gitconfig *config;
	struct repo repo;
	struct err err = ERR_INIT;
	bool has_paths_only = false;
	int c, status = EXIT_FAILURE;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "zI:X:")) != -1) {
		if (c == 'z')
			has_paths_only = true;
		else if (c == 'I')
			request.include = optarg;
		else if (c == 'X')
			request.exclude = optarg;
		else
			return EXIT_FAILURE;
	}
	request.paths = (const char *const *)argv + optind;
	request.npaths = (size_t)(argc - optind);
	config = gitconfig_load(NULL, &err);
	if (config && !repo_find(&repo, &err)) {
		request.config = config;
		request.repo = &repo;
		status = find(&request, has_paths_only);
		repo_release(&repo);
	}
	gitconfig_free(config);
	return status;
}
