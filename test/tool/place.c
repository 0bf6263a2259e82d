/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Places objects in the work tree of the current directory, for scenarios.
 *
 *	place [OPTION...] [PATH OBJECT]...	PATH from the top, OBJECT a file
 *
 *	-m	the object may be moved to its place
 *	-s	nothing else has the object: sync it
 *	-u	end without telling git, as after a kill
 *	-p PROGRAM	the git-lfs-multipart that git runs as its filter
 *	-e COMMAND	run by the shell before each file, after all were selected
 *
 * Prints a line for each file that was not placed; exits with 1 then, and with 2
 * if git could not be told.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/log.h"
#include "lfs/git/gitconfig.h"
#include "lfs/worktree/worktree.h"

enum { GIT_MAX = 1 << 20 };

struct job {
	struct wanted_file file;
	const char *object;
};

struct options {
	bool may_move, syncs, leaves;
	const char *program, *command;
};

/* What git prints; the caller's. */
static char *ask_git(const char *const *argv)
{
	const struct child child = { .argv = argv, .keep_stderr = true };
	struct buf text = BUF_INIT(GIT_MAX);
	struct err err = ERR_INIT;

	if (child_run(&child, &text, NULL, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		exit(3);
	}
	buf_puts(&text, "");
	return buf_take(&text);
}

static void select_file(struct job *job, char *path, const char *object)
{
	char spec[5000];
	const char *const list[] = { "git", "ls-files", "-s", "-z",
				     "--",  spec,	NULL };
	const char *const show[] = { "git", "cat-file", "blob", job->file.blob,
				     NULL };
	char *text;

	snprintf(spec, sizeof(spec), ":(top,literal)%s", path);
	text = ask_git(list);
	job->object = object;
	job->file.path = path;
	job->file.mode = (unsigned)strtoul(text, NULL, 8);
	snprintf(job->file.blob, sizeof(job->file.blob), "%.*s",
		 (int)strcspn(text + 7, " "), text + 7);
	free(text);
	text = ask_git(show);
	if (!pointer_parse(&job->file.pointer, text, strlen(text))) {
		fprintf(stderr, "'%s' is not a pointer\n", path);
		exit(3);
	}
	free(text);
}

static void run_command(const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };

	free(ask_git(argv));
}

/* Returns the exit status. */
static int place_all(struct worktree *worktree, const struct options *options,
		     const struct job *jobs, size_t n)
{
	int status = EXIT_SUCCESS;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		if (options->command)
			run_command(options->command);
		if (!worktree_place(worktree, &jobs[i].file, jobs[i].object,
				    options->may_move, &err))
			continue;
		printf("%s\n", err.msg);
		err_clear(&err);
		status = EXIT_FAILURE;
	}
	fflush(stdout);
	if (options->leaves)
		_exit(status);
	if (!worktree_tell_git(worktree, &err))
		return status;
	printf("%s\n", err.msg);
	return 2;
}

static int run(const struct worktree_options *wanted,
	       const struct options *options, char **words, size_t n)
{
	struct job *jobs = calloc(n + 1, sizeof(*jobs));
	struct worktree *worktree;
	struct err err = ERR_INIT;
	int status;

	worktree = worktree_open(wanted, &err);
	if (!worktree) {
		printf("%s\n", err.msg);
		free(jobs);
		return 3;
	}
	for (size_t i = 0; jobs && i < n; i++)
		select_file(&jobs[i], words[2 * i], words[2 * i + 1]);
	status = place_all(worktree, options, jobs, n);
	worktree_close(worktree);
	free(jobs);
	return status;
}

static int read_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "msup:e:")) != -1)
		switch (c) {
		case 'm':
			options->may_move = true;
			break;
		case 's':
			options->syncs = true;
			break;
		case 'u':
			options->leaves = true;
			break;
		case 'p':
			options->program = optarg;
			break;
		case 'e':
			options->command = optarg;
			break;
		default:
			return -1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .program = NULL };
	struct gitconfig *config;
	struct storage storage = STORAGE_INIT;
	struct repo repo = REPO_INIT;
	struct err err = ERR_INIT;
	int status = 3;

	signal(SIGPIPE, SIG_IGN);
	log_init();
	if (read_options(argc, argv, &options))
		return status;
	config = gitconfig_load(NULL, &err);
	if (config && !repo_find(&repo, &err) &&
	    !storage_load(&storage, &repo, config, &err)) {
		const struct worktree_options wanted = {
			.repo = &repo,
			.storage = &storage,
			.keeps_objects = !options.syncs,
			.program = options.program,
		};

		status = run(&wanted, &options, argv + optind,
			     (size_t)(argc - optind) / 2);
	}
	if (err.kind)
		printf("%s\n", err.msg);
	storage_release(&storage);
	repo_release(&repo);
	gitconfig_free(config);
	return status;
}
