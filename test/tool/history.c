/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The LFS objects that a history points to, for scenarios.
 *
 *	history [-I PATTERNS] [-X PATTERNS] [REF...]	by default, all refs
 *
 * Prints `OID SIZE` for each; or why it failed, and exits with 1.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lfs/git/history.h"

static int find(const struct history_request *request)
{
	struct history history;
	struct err err = ERR_INIT;
	int ret = history_find(&history, request, &err);

	if (ret)
		fprintf(stderr, "%s\n", err.msg);
	for (size_t i = 0; i < history.n; i++)
		printf("%s %" PRIu64 "\n", history.pointers[i].oid,
		       history.pointers[i].size);
	history_release(&history);
	return ret || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct history_request request = { .dir = "/tmp" };
	struct gitconfig *config;
	struct err err = ERR_INIT;
	int c, status;

	signal(SIGPIPE, SIG_IGN);
	config = gitconfig_load(NULL, &err);
	request.config = config;
	while ((c = getopt(argc, argv, "I:X:")) != -1) {
		if (c == 'I')
			request.include = optarg;
		else if (c == 'X')
			request.exclude = optarg;
		else
			return EXIT_FAILURE;
	}
	request.refs = (const char *const *)argv + optind;
	request.nrefs = (size_t)(argc - optind);
	request.all = optind == argc;
	status = find(&request);
	gitconfig_free(config);
	return status;
}
