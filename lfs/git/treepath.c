/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/treepath.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/mem.h"

enum {
	ID_MAX = 128,	/* bytes of a git object's name */
	PATHS_MAX = 1 << 20	/* bytes of the paths that one blob has */
};

struct search {
	const struct treepath_search *asked;
	uint64_t until_ms;
};

static bool is_over(void *ctx)
{
	const struct search *search = ctx;

	return stop_is_wanted(&search->asked->stop) ||
	       clock_ms() > search->until_ms;
}

/* What git prints up to the first NUL or newline; NULL if that is nothing. */
static char *ask_git(struct search *search, const char *const *argv,
		     const char *input, size_t most)
{
	const struct child child = { .argv = argv,
				     .input = input,
				     .stop = stop_when(is_over, search) };
	struct buf answer = BUF_INIT(most);
	struct err ignored = ERR_INIT;
	char *first = NULL;

	if (!is_over(search) && !child_run(&child, &answer, NULL, &ignored) &&
	    answer.len)
		first = xstrdup(buf_str(&answer));
	buf_release(&answer);
	return first;
}

/* The name that git has for a blob or tree of this content. */
static char *name_object(struct search *search, const char *type,
			 const char *content)
{
	const char *const argv[] = { "git", "hash-object", "-t",
				     type,  "--stdin",	   NULL };
	char *id = ask_git(search, argv, content, ID_MAX);

	if (id)
		id[strcspn(id, "\n")] = '\0';
	return id;
}

static char *name_pointer(struct search *search)
{
	char *text = xstrfmt("version https://git-lfs.github.com/spec/v1\n"
			     "oid sha256:%s\nsize %" PRIu64 "\n",
			     search->asked->oid, search->asked->size);
	char *id = name_object(search, "blob", text);

	free(text);
	return id;
}

/* A tree is compared with the empty one, so that git does the filtering. */
static char *find_in_tree(struct search *search, const char *find,
			  const char *empty, const char *ref)
{
	const char *const argv[] = { "git",	    "diff-tree",    "-r",
				     "-z",	    "--no-renames", find,
				     "--name-only", empty,	    ref,
				     NULL };

	return ask_git(search, argv, NULL, PATHS_MAX);
}

/* Renames would have git read blobs, which a partial clone would fetch. */
static char *find_in_history(struct search *search, const char *find)
{
	const char *const argv[] = {
		"git", "-c",	       "log.showSignature=false",
		"log", "--all",	       "-1",
		"-z",  "--no-renames", "--format=",
		find,  "--name-only",  NULL
	};

	return ask_git(search, argv, NULL, PATHS_MAX);
}

char *treepath_find(const struct treepath_search *asked)
{
	struct search search = { asked, clock_ms() + asked->most_ms };
	char *empty = name_object(&search, "tree", "");
	char *id = empty ? name_pointer(&search) : NULL;
	char *find = id ? xstrfmt("--find-object=%s", id) : NULL;
	char *path = NULL;

	if (find)
		path = find_in_tree(&search, find, empty, "HEAD^{tree}");
	if (find && !path)
		path = find_in_tree(&search, find, empty, "FETCH_HEAD^{tree}");
	if (find && !path)
		path = find_in_history(&search, find);
	free(empty);
	free(id);
	free(find);
	return path;
}
