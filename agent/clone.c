/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/clone.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pull.h"
#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"
#include "lfs/worktree/selection.h"

enum { SAID_MAX = 4 << 20 };	/* bytes of a list of submodules */

struct clone {
	struct pulling pulling;	/* first */
	const char *url;
	char *dir;	/* owned; the folder of the clone */
	char *top;	/* owned; its absolute path */
	const char *const *words;	/* options of git clone, borrowed */
	size_t n;
	bool recurses;
	bool was_there;	/* an earlier run has made the clone */
};

/* The end of a URL without slashes, blanks and "/.git". */
static const char *trim_end(const char *start, const char *end)
{
	while (end > start && strchr("/ \t\r\n", end[-1]))
		end--;
	if (end - start > 5 && !strncmp(end - 5, "/.git", 5))
		return trim_end(start, end - 5);
	return end;
}

static bool is_fit(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)name[i]))
			return false;
	return len && strncmp(name, "..", len) != 0;
}

char *clone_dir_of(const char *url, bool is_bare)
{
	const char *scheme = strstr(url, "://");
	const char *start = scheme ? scheme + strlen("://") : url;
	const char *end = trim_end(start, url + strlen(url)), *name = end;

	while (name > start && name[-1] != '/' && name[-1] != ':')
		name--;
	if (end - name >= 4 && !strncmp(end - 4, ".git", 4))
		end -= 4;
	/* A host alone is no name. */
	if ((scheme && !memchr(start, '/', (size_t)(name - start))) ||
	    !is_fit(name, (size_t)(end - name)))
		return NULL;
	return xstrfmt("%.*s%s", (int)(end - name), name,
		       is_bare ? ".git" : "");
}

static bool has_word(const struct clone *clone, const char *word)
{
	for (size_t i = 0; i < clone->n; i++)
		if (!strcmp(clone->words[i], word))
			return true;
	return false;
}

static int clone_set_words(void *args, size_t n, char **words, struct err *err)
{
	struct clone *clone = args;
	const char *dir = NULL;
	size_t i = 1;

	if (!n || !strcmp(words[0], "--"))
		return err_set(err, ERR_USAGE, "which repository?");
	clone->url = words[0];
	if (i < n && strcmp(words[i], "--") != 0)
		dir = words[i++];
	if (i < n && strcmp(words[i], "--") != 0)
		return err_set(err, ERR_USAGE,
			       "unknown argument '%s'; options of git clone "
			       "stand after '--'",
			       words[i]);
	clone->words = (const char *const *)words + i + 1;
	clone->n = i < n ? n - i - 1 : 0;
	if (pulling_check(&clone->pulling, err))
		return -1;
	clone->dir = dir ? xstrdup(dir) :
			   clone_dir_of(clone->url,
					has_word(clone, "--bare") ||
						has_word(clone, "--mirror"));
	if (!clone->dir)
		return err_set(err, ERR_USAGE,
			       "'%s' does not say how to name the clone; name "
			       "the directory",
			       clone->url);
	return 0;
}

/* Run git, whose words end with NULL; returns its exit status, or -1. */
static int run_git(struct clone *clone, const char *const *argv,
		   struct err *err)
{
	const struct child child = { .argv = argv,
				     .keep_stderr = true,
				     .shows_output = true,
				     .stop = report_stop(
					     &clone->pulling.report) };
	struct buf ignored = BUF_INIT(SAID_MAX);
	int status = -1;

	if (child_run(&child, &ignored, &status, err))
		status = -1;
	buf_release(&ignored);
	return status;
}

static int run_git_clone(struct clone *clone, struct err *err)
{
	const char **argv = xcalloc(clone->n + 8, sizeof(char *));
	size_t n = 0;
	int status;

	argv[n++] = "git";
	argv[n++] = "clone";
	if (clone->pulling.report.is_quiet)
		argv[n++] = "--quiet";
	if (clone->recurses)
		argv[n++] = "--recurse-submodules";
	for (size_t i = 0; i < clone->n; i++)
		argv[n++] = clone->words[i];
	argv[n++] = "--";
	argv[n++] = clone->url;
	argv[n] = clone->dir;
	status = run_git(clone, argv, err);
	free(argv);
	return status;
}

/* The first line that git says about the repository in `dir`; or NULL. */
static char *ask_git(const char *dir, const char *option, const char *word)
{
	const char *const argv[] = { "git", "-C",   dir,  "rev-parse",
				     "-q",  option, word, NULL };
	const struct child child = { .argv = argv };
	struct err ignored = ERR_INIT;
	int status;

	return child_line(&child, &status, &ignored);
}

static bool has_commit(const char *dir)
{
	char *commit = ask_git(dir, "--verify", "HEAD");
	bool has = commit != NULL;

	free(commit);
	return has;
}

/* Git writes the index when the files are checked out. */
static bool has_index(const char *dir)
{
	char *index = ask_git(dir, "--git-path", "index"), *path;
	bool has = false;

	if (index) {
		path = *index == '/' ? xstrdup(index) :
				       xstrfmt("%s/%s", dir, index);
		has = !access(path, F_OK);
		free(path);
	}
	free(index);
	return has;
}

/* Git keeps the URL as it was given, but the path of a folder as an absolute one. */
static bool is_same_url(const char *url, const char *other)
{
	char *one, *two;
	bool is_same = !strcmp(url, other);

	if (is_same || *other != '/')
		return is_same;
	one = realpath(url, NULL);
	two = realpath(other, NULL);
	is_same = one && two && !strcmp(one, two);
	free(one);
	free(two);
	return is_same;
}

/* The name of the remote with that URL (NULL: any); the caller's, or NULL. */
static char *find_remote(const char *dir, const char *url)
{
	struct err ignored = ERR_INIT;
	struct gitconfig *config = gitconfig_load(dir, &ignored);
	const struct gitconfig_entry *entry;
	char *name = NULL;
	size_t pos = 0;

	while (config && !name && (entry = gitconfig_each(config, &pos)))
		if (entry->sub && gitconfig_is(entry, "remote", "url") &&
		    (!url || is_same_url(url, entry->value)))
			name = xstrdup(entry->sub);
	gitconfig_free(config);
	return name;
}

/* Is it the top of a clone of that URL? */
static bool is_clone(const struct clone *clone)
{
	struct stat st;
	char *prefix, *remote;
	bool is;

	if (stat(clone->dir, &st) || !S_ISDIR(st.st_mode))
		return false;
	prefix = ask_git(clone->dir, "--show-prefix", NULL);
	remote = find_remote(clone->dir, clone->url);
	is = prefix && !*prefix && remote;
	free(prefix);
	free(remote);
	return is;
}

/* What earlier environments say of a repository is not about the clone. */
static void forget_repository(void)
{
	static const char *const names[] = {
		"GIT_DIR",
		"GIT_WORK_TREE",
		"GIT_INDEX_FILE",
		"GIT_COMMON_DIR",
		"GIT_PREFIX",
		"GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

/* Otherwise git would take the objects' bytes for changes, once they are here. */
static int check_filter(struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);
	bool has_filter = config && selection_has_filter(config);

	gitconfig_free(config);
	if (has_filter || err->kind)
		return err->kind ? -1 : 0;
	return err_set(err, ERR_USAGE,
		       "git is not set up to use git-lfs: run 'git lfs "
		       "install', then try again");
}

/* An earlier run has made the clone: is git's part of it whole? */
static int check_earlier(struct clone *clone, struct err *err)
{
	char *bare = ask_git(clone->dir, "--is-bare-repository", NULL);
	bool is_bare = bare && !strcmp(bare, "true");

	free(bare);
	if (has_commit(clone->dir) &&
	    (is_bare || has_index(clone->dir) || has_word(clone, "-n") ||
	     has_word(clone, "--no-checkout")))
		return 0;
	return err_set(err, ERR_LOCAL,
		       "in '%s' an earlier 'git clone' has not come to its "
		       "end; remove that directory, then try again",
		       clone->dir);
}

static int update_submodules(struct clone *clone, struct err *err)
{
	static const char *const argv[] = { "git",    "submodule",   "update",
					    "--init", "--recursive", NULL };

	if (!clone->was_there || !clone->recurses)
		return 0;
	return run_git(clone, argv, err) ? -1 : 0;
}

/* Have git make the clone with pointers, and go there.  Returns a status. */
static int make_clone(struct clone *clone, struct err *err)
{
	int status = 0;

	clone->was_there = is_clone(clone);
	if (clone->was_there && check_earlier(clone, err))
		return -1;
	setenv("GIT_LFS_SKIP_SMUDGE", "1", 1);
	if (!clone->was_there)
		status = run_git_clone(clone, err);
	forget_repository();
	if (status)
		return status;
	clone->top = realpath(clone->dir, NULL);
	if (!clone->top || chdir(clone->top))
		return err_sys(err, errno, "cannot enter '%s'", clone->dir);
	return update_submodules(clone, err);
}

/* In the current directory, whose name for people is `name`. */
static bool pull_here(struct clone *clone, const char *name)
{
	struct pulling *pulling = &clone->pulling;
	const bool no_store = pulling->options.no_store;
	bool is_whole;

	/* A repository without files or without a commit. */
	if (!has_commit("."))
		return true;
	pulling->heading = name;
	pulling->options.is_fetch = !has_index(".");
	if (pulling->options.is_fetch)
		pulling->options.no_store = false;
	is_whole = pulling_run(pulling);
	pulling->options.no_store = no_store;
	return is_whole;
}

/* The absolute paths of the submodules that are checked out, each with its NUL. */
static int list_submodules(struct clone *clone, struct buf *paths,
			   struct err *err)
{
	static const char *const argv[] = {
		"git",	   "submodule",	  "foreach",
		"--quiet", "--recursive", "printf '%s\\0' \"$PWD\"",
		NULL
	};
	const struct child child = { .argv = argv,
				     .keep_stderr = true,
				     .stop = report_stop(
					     &clone->pulling.report) };

	if (access(".gitmodules", F_OK))
		return 0;
	return child_run(&child, paths, NULL, err);
}

static bool pull_submodules(struct clone *clone, struct err *err)
{
	struct buf paths = BUF_INIT(SAID_MAX);
	bool is_whole = !list_submodules(clone, &paths, err);
	size_t pos = 0, len = strlen(clone->top);

	while (is_whole && pos < paths.len && !input_signal()) {
		const char *path = paths.data + pos;
		char *name = xstrfmt("%s%s", clone->dir,
				     text_has_prefix(path, clone->top) ?
					     path + len :
					     path);

		pos += strlen(path) + 1;
		if (chdir(path))
			err_sys(err, errno, "cannot enter '%s'", path);
		else if (!pull_here(clone, name))
			is_whole = false;
		free(name);
	}
	buf_release(&paths);
	return is_whole && !err->kind;
}

/* Once, for those who do not know it. */
static void say_how_to_go_on(const struct clone *clone)
{
	struct err ignored = ERR_INIT;
	struct gitconfig *config = gitconfig_load(clone->top, &ignored);
	char *remote = find_remote(clone->top, NULL);

	if (config && remote &&
	    !gitconfig_get(config, "lfs.customtransfer.lfs-multipart.path"))
		cli_say("to have a plain 'git pull' in '%s' download through "
			"this program, too, run there: git lfs-multipart "
			"install --standalone %s",
			clone->dir, remote);
	free(remote);
	gitconfig_free(config);
}

static int clone_and_pull(struct clone *clone)
{
	struct report *report = &clone->pulling.report;
	struct err err = ERR_INIT;
	bool is_whole;
	int status = check_filter(&err);

	if (!status)
		status = make_clone(clone, &err);
	if (err.kind)
		report_end_early(report, &err);
	/* Git has said why. */
	if (status)
		return status == CLI_EXIT_USAGE && !input_signal() ?
			       status :
			       report_end(report, false);
	unsetenv("GIT_LFS_SKIP_SMUDGE");
	is_whole = pull_here(clone, clone->dir);
	if (!input_signal())
		is_whole &= pull_submodules(clone, &err);
	report_end_early(report, &err);
	if (is_whole && !report->is_quiet && !report->is_json)
		say_how_to_go_on(clone);
	return report_end(report, is_whole);
}

static int clone_run(void *args)
{
	struct clone *clone = args;
	int status;

	report_begin(&clone->pulling.report);
	status = clone_and_pull(clone);
	free(clone->dir);
	free(clone->top);
	return status;
}

static const struct cli_option options[] = {
	PULLING_OPTIONS,
	{ "recurse-submodules", 0, NULL,
	  .target = offsetof(struct clone, recurses) },
	{ .name = NULL },
};

const struct cli_command clone_command = {
	.name = "clone",
	.summary = "clone a repository and fetch the objects of its files",
	.usage = "usage: git lfs-multipart clone [--include <patterns>] "
		 "[--exclude <patterns>]\n"
		 "           [--store | --no-store] [--jobs <n>] "
		 "[--recurse-submodules]\n"
		 "           [--quiet] [--json]\n"
		 "           <url> [<directory>] [-- <option of git clone>...]"
		 "\n",
	.options = options,
	.args_size = sizeof(struct clone),
	.keeps_separator = true,
	.set_words = clone_set_words,
	.run = clone_run,
};
