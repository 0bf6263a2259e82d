/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitfiles.h"
#include "lfs/git/patterns.h"
#include "lfs/git/repo.h"

enum {
	NAME_ROOM = 65,	/* of an object, in hex */
	MODE_ROOM = 7,	/* "100644 " */
	ROUNDS_MAX = 10,	/* of fetching trees: one is enough, mostly */
	ID_MAX = 128,	/* bytes of a git object's name */
	PATHS_MAX = 1 << 20	/* bytes of the paths that one blob has */
};

/* Files that git writes and reads, in the order of the steps. */
enum {
	LISTED,
	ABSENT,
	COMMITS,
	CHANGES,
	OBJECTS,
	SIZES,
	BLOBS,
	TEXTS,
	NFILES
};

struct search {
	const struct history_request *request;	/* borrowed */
	char **specs;	/* owned, until NULL */
	size_t nspecs;
	const char **promisors;	/* owned, until NULL; only that: no partial clone */
	int fds[NFILES];
	size_t nfds;	/* that are open */
};

/* Names of git's objects, sorted. */
struct names {
	char (*names)[NAME_ROOM];	/* owned */
	size_t n;
};

static int run_git(const struct search *search, const char *const *argv, int in,
		   int out, struct err *err)
{
	return gitfiles_run(argv, in, out, &search->request->stop, err);
}

/* A command line of these words, with room for `more` and a NULL. */
static const char **make_argv(const char *const *words, size_t *n, size_t more)
{
	const char **argv;

	while (words[*n])
		++*n;
	argv = xcalloc(*n + more + 1, sizeof(*argv));
	memcpy(argv, words, *n * sizeof(*argv));
	return argv;
}

/* Run git rev-list for the refs. */
static int list_revisions(const struct search *search, const char *const *words,
			  int out, struct err *err)
{
	const struct history_request *request = search->request;
	size_t n = 0;
	const char **argv = make_argv(words, &n,
				      request->nrefs + search->nspecs + 8);
	char *beyond = NULL;
	int ret;

	if (request->tips_only)
		argv[n++] = "--no-walk";
	if (request->ignores_missing)
		argv[n++] = "--ignore-missing";
	if (request->all)
		argv[n++] = "--all";
	if (request->beyond) {
		beyond = xstrfmt("--remotes=%s", request->beyond);
		argv[n++] = "--not";
		argv[n++] = beyond;
		argv[n++] = "--not";
	}
	argv[n++] = "--end-of-options";
	for (size_t i = 0; i < request->nrefs; i++)
		argv[n++] = request->refs[i];
	argv[n++] = "--";
	for (size_t i = 0; i < search->nspecs; i++)
		argv[n++] = search->specs[i];
	ret = run_git(search, argv, -1, out, err);
	free(argv);
	free(beyond);
	if (!ret || err->kind == ERR_CANCELED)
		return ret;
	err->kind = ERR_USAGE;
	return err_wrap(err, "cannot list the history");
}

/* List the changes of each commit; of a merge, those that no parent has. */
static int list_changes(const struct search *search, int in, int out,
			struct err *err)
{
	static const char *const words[] = {
		"git",	  "diff-tree",	    "--stdin",	    "-r", "-c",
		"--root", "--no-commit-id", "--no-renames", "--", NULL
	};
	size_t n = 0;
	const char **argv = make_argv(words, &n, search->nspecs);
	int ret;

	for (size_t i = 0; i < search->nspecs; i++)
		argv[n++] = search->specs[i];
	ret = run_git(search, argv, in, out, err);
	free(argv);
	return ret;
}

/*
 * ":MODE MODE NAME NAME STATUS\tPATH", for a merge with another colon, mode and
 * name for each further parent.  Returns the last name if it is a file's or a
 * link's, in which git-lfs looks for pointers, too; otherwise NULL.
 */
static const char *parse_change(char *line)
{
	size_t parents = strspn(line, ":"), at = parents * (1 + MODE_ROOM);
	char *end = strchr(line, '\t'), *name = NULL;

	if (!parents || !end || (size_t)(end - line) < at + MODE_ROOM ||
	    (strncmp(line + at, "100", 3) && strncmp(line + at, "120", 3)))
		return NULL;
	for (int i = 0; i < 2; i++) {
		*end = '\0';
		name = end = strrchr(line, ' ');
		if (!name)
			return NULL;
	}
	return name + 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void sort_names(struct names *names)
{
	if (names->n)
		qsort(names->names, names->n, sizeof(*names->names),
		      compare_names);
}

/* Keep the names that were changed, those among the absent with their mark. */
static int keep_changed(char *line, FILE *to, void *absent, struct err *err)
{
	const struct names *names = absent;
	const char *name = parse_change(line);
	bool is_absent;

	(void)err;
	if (!name)
		return 0;
	is_absent = names->n && bsearch(name, names->names, names->n,
					sizeof(*names->names), compare_names);
	fprintf(to, "%s%s\n", is_absent ? "?" : "", name);
	return 0;
}

/*
 * All objects, in a partial clone with a mark before those that are absent.
 * (git takes pathspecs here, too, but looks at a tree only where it meets it
 * first: what it has at another place, too, would be left out.)
 */
static int list_all(const struct search *search, const char *filter, int out,
		    struct err *err)
{
	const char *words[] = { "git",	     "rev-list",
				"--objects", "--no-object-names",
				filter,	     NULL,
				NULL };
	struct search whole = *search;

	whole.nspecs = 0;
	if (search->promisors[0])
		words[5] = "--missing=print";
	return list_revisions(&whole, words, out, err);
}

/* From "commit NAME" and its tree in turn: the trees, each beside no files. */
static int keep_tree(char *line, FILE *to, void *ctx, struct err *err)
{
	static const char *const empty[] = {
		"4b825dc642cb6eb9a060e54bf8d69288fbee4904",
		"6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc"
		"5321",
	};
	size_t len = strcspn(line, "\n");

	(void)ctx;
	(void)err;
	if (strncmp(line, "commit ", 7) != 0)
		fprintf(to, "%s %s", empty[len != strlen(empty[0])], line);
	return 0;
}

/* For git diff-tree: the commits that may matter, or the trees of the refs. */
static int list_trees(const struct search *search, struct err *err)
{
	static const char *const commits[] = { "git", "rev-list",
					       "--full-history", NULL };
	static const char *const tips[] = { "git", "rev-list", "--format=%T",
					    NULL };
	struct search whole = *search;
	const int *fds = search->fds;

	if (!search->request->tips_only)
		return list_revisions(search, commits, fds[COMMITS], err);
	whole.nspecs = 0;
	if (list_revisions(&whole, tips, fds[CHANGES], err))
		return -1;
	return gitfiles_sift(fds[CHANGES], fds[COMMITS], keep_tree, NULL, err);
}

/*
 * The objects that commits put at one of the paths, or that the trees of the
 * refs have there, with the same marks.
 */
static int list_changed(const struct search *search, struct names *absent,
			int out, struct err *err)
{
	const int *fds = search->fds;

	if (list_trees(search, err) ||
	    list_changes(search, fds[COMMITS], fds[CHANGES], err))
		return -1;
	return gitfiles_sift(fds[CHANGES], out, keep_changed, absent, err);
}

/* Keep all objects, without the marks. */
static int keep_all(char *line, FILE *to, void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	fputs(line + (*line == '?'), to);
	return 0;
}

/* Keep the objects that are marked as absent, and count them. */
static int keep_absent(char *line, FILE *to, void *count, struct err *err)
{
	size_t *n = count;

	(void)err;
	if (*line == '?') {
		fputs(line + 1, to);
		++*n;
	}
	return 0;
}

static int list_absent(const struct search *search, size_t *n, struct err *err)
{
	*n = 0;
	return gitfiles_sift(search->fds[LISTED], search->fds[ABSENT],
			     keep_absent, n, err);
}

/* Remember the names of the objects that are marked as absent. */
static int note_absent(char *line, FILE *to, void *absent, struct err *err)
{
	struct names *names = absent;

	(void)to;
	(void)err;
	if (*line != '?')
		return 0;
	names->names = xgrow(names->names, names->n, sizeof(*names->names));
	snprintf(names->names[names->n++], NAME_ROOM, "%.*s",
		 (int)strcspn(line + 1, "\n"), line + 1);
	return 0;
}

static int fetch_from(const struct search *search, const char *remote,
		      struct err *err)
{
	/* As git itself fetches a missing object; with trees come no blobs. */
	const char *const argv[] = { "git",
				     "-c",
				     "fetch.negotiationAlgorithm=noop",
				     "fetch",
				     "--quiet",
				     "--no-tags",
				     "--no-write-fetch-head",
				     "--recurse-submodules=no",
				     "--filter=blob:none",
				     "--stdin",
				     "--",
				     remote,
				     NULL };

	/* It prints nothing. */
	return run_git(search, argv, search->fds[ABSENT], search->fds[OBJECTS],
		       err);
}

/* Fetch all that is absent at once, from the first promisor that has it. */
static int fetch_absent(const struct search *search, struct err *err)
{
	int ret = -1;

	for (size_t i = 0; ret && search->promisors[i]; i++) {
		if (err->kind == ERR_CANCELED)
			break;
		err_clear(err);
		ret = fetch_from(search, search->promisors[i], err);
	}
	if (!ret || err->kind == ERR_CANCELED)
		return ret;
	return err_wrap(err, "cannot fetch what this partial clone lacks");
}

/* Fetch the trees: without them nobody knows what else is absent. */
static int fetch_trees(const struct search *search, struct err *err)
{
	for (int i = 0; i < ROUNDS_MAX; i++) {
		size_t n;

		if (list_all(search, "--filter=blob:none", search->fds[LISTED],
			     err) ||
		    list_absent(search, &n, err))
			return -1;
		if (!n)
			return 0;
		if (fetch_absent(search, err))
			return -1;
	}
	return err_set(err, ERR_LOCAL, "this partial clone lacks trees");
}

/* Keep only the listed objects that are at one of the paths. */
static int choose_paths(const struct search *search, struct err *err)
{
	struct names absent = { .n = 0 };
	int ret = gitfiles_sift(search->fds[LISTED], search->fds[ABSENT],
				note_absent, &absent, err);

	if (!ret) {
		sort_names(&absent);
		ret = list_changed(search, &absent, search->fds[LISTED], err);
	}
	free(absent.names);
	return ret;
}

/*
 * A tree or a small blob may be absent, whatever filter the config names: that
 * is the filter of the clone, and each fetch since may have had another.
 */
static int list_partial(const struct search *search, const char *filter,
			struct err *err)
{
	const int *fds = search->fds;
	size_t n = 0;

	if (fetch_trees(search, err) ||
	    list_all(search, filter, fds[LISTED], err) ||
	    (search->nspecs && choose_paths(search, err)) ||
	    list_absent(search, &n, err))
		return -1;
	if (n && fetch_absent(search, err))
		return -1;
	return gitfiles_sift(fds[LISTED], fds[OBJECTS], keep_all, NULL, err);
}

/* List the names of all objects that matter, except large blobs. */
static int list_objects(const struct search *search, struct err *err)
{
	static const char filter[] = "--filter=blob:limit=1024";
	struct names none = { .n = 0 };

	if (search->promisors[0])
		return list_partial(search, filter, err);
	if (search->nspecs)
		return list_changed(search, &none, search->fds[OBJECTS], err);
	return list_all(search, filter, search->fds[OBJECTS], err);
}

static void add_pointer(struct history *history, const struct pointer *pointer)
{
	history->pointers = xgrow(history->pointers, history->n,
				  sizeof(*history->pointers));
	history->pointers[history->n++] = *pointer;
}

static int take_blob(const struct gitfiles_blob *blob, void *history,
		     struct err *err)
{
	struct pointer pointer;

	(void)err;
	/* git-lfs skips a pointer to no bytes, so it must not hide another. */
	if (pointer_parse(&pointer, blob->text, blob->len) && pointer.size)
		add_pointer(history, &pointer);
	return 0;
}

int history_read(struct history *history, int fd, struct err *err)
{
	return gitfiles_read_blobs(fd, take_blob, history, err);
}

static int compare_oids(const void *left, const void *right)
{
	const struct pointer *const *a = left, *const *b = right;
	int order = strcmp((*a)->oid, (*b)->oid);

	if (order)
		return order;
	return *a < *b ? -1 : 1;
}

/* Keep each oid once, where it came first. */
static void drop_doubles(struct history *history)
{
	struct pointer **sorted = xcalloc(history->n, sizeof(struct pointer *));
	const struct pointer *first = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < history->n; i++)
		sorted[i] = &history->pointers[i];
	if (history->n)
		qsort(sorted, history->n, sizeof(struct pointer *),
		      compare_oids);
	for (size_t i = 0; i < history->n; i++)
		if (first && !strcmp(sorted[i]->oid, first->oid))
			sorted[i]->oid[0] = '\0';
		else
			first = sorted[i];
	free(sorted);
	for (size_t i = 0; i < history->n; i++)
		if (*history->pointers[i].oid)
			history->pointers[kept++] = history->pointers[i];
	history->n = kept;
}

static int read_objects(const struct search *search, struct history *history,
			struct err *err)
{
	const int *fds = search->fds;
	const struct gitfiles_blobs blobs = {
		.ids = fds[OBJECTS],
		.sizes = fds[SIZES],
		.small = fds[BLOBS],
		.texts = fds[TEXTS],
		.stop = search->request->stop,
	};

	if (gitfiles_print_blobs(&blobs, err) ||
	    history_read(history, fds[TEXTS], err))
		return -1;
	drop_doubles(history);
	return 0;
}

static void close_search(struct search *search)
{
	gitfiles_close(search->fds, search->nfds);
	free(search->promisors);
	patterns_free(search->specs);
}

/* Close it also after an error. */
static int open_search(struct search *search,
		       const struct history_request *request, struct err *err)
{
	*search = (struct search){ .request = request };
	search->specs = patterns_to_pathspecs(request->include,
					      request->exclude);
	while (search->specs[search->nspecs])
		search->nspecs++;
	search->promisors = request->config ? repo_promisors(request->config) :
					      xcalloc(1, sizeof(char *));
	if (gitfiles_open(search->fds, NFILES, request->dir, err))
		return -1;
	search->nfds = NFILES;
	return 0;
}

int history_find(struct history *history, const struct history_request *request,
		 struct err *err)
{
	struct search search;
	int ret;

	*history = (struct history){ .n = 0 };
	ret = open_search(&search, request, err);
	if (!ret)
		ret = list_objects(&search, err);
	if (!ret)
		ret = read_objects(&search, history, err);
	close_search(&search);
	return ret;
}

int history_fetch(const struct history_request *request, struct err *err)
{
	struct search search;
	size_t n = 0;
	int ret;

	ret = open_search(&search, request, err);
	if (!ret && search.promisors[0] &&
	    (list_all(&search, "--no-filter", search.fds[LISTED], err) ||
	     list_absent(&search, &n, err) ||
	     (n && fetch_absent(&search, err))))
		ret = -1;
	close_search(&search);
	return ret;
}

static int keep_named(char *line, FILE *to, void *absent, struct err *err)
{
	const struct names *names = absent;

	(void)err;
	line[strcspn(line, "\n")] = '\0';
	if (names->n && bsearch(line, names->names, names->n,
				sizeof(*names->names), compare_names))
		fprintf(to, "%s\n", line);
	return 0;
}

/* All that the indexes of all work trees name, with a mark at what is absent. */
static int list_indexed(const struct search *search, struct err *err)
{
	static const char *const words[] = { "git",
					     "rev-list",
					     "--objects",
					     "--no-object-names",
					     "--indexed-objects",
					     "--missing=print",
					     NULL };

	return run_git(search, words, -1, search->fds[LISTED], err);
}

/* Write to ABSENT those of the ids that an index names and that are absent. */
static int list_absent_blobs(const struct search *search, int ids,
			     struct err *err)
{
	const int *fds = search->fds;
	struct names absent = { .n = 0 };
	int ret = list_indexed(search, err);

	if (!ret)
		ret = gitfiles_sift(fds[LISTED], fds[ABSENT], note_absent,
				    &absent, err);
	sort_names(&absent);
	if (!ret)
		ret = gitfiles_sift(ids, fds[ABSENT], keep_named, &absent, err);
	free(absent.names);
	return ret;
}

int history_fetch_blobs(const struct history_request *request, int ids,
			struct err *err)
{
	struct search search;
	struct stat stat;
	int ret = open_search(&search, request, err);

	if (!ret && search.promisors[0]) {
		ret = list_absent_blobs(&search, ids, err);
		if (!ret && !fstat(search.fds[ABSENT], &stat) && stat.st_size)
			ret = fetch_absent(&search, err);
	}
	close_search(&search);
	return ret;
}

static int search_indexes(const struct search *search, struct history *history,
			  struct err *err)
{
	size_t n = 0;

	if (list_indexed(search, err) || list_absent(search, &n, err) ||
	    (n && fetch_absent(search, err)) ||
	    gitfiles_sift(search->fds[LISTED], search->fds[OBJECTS], keep_all,
			  NULL, err))
		return -1;
	return read_objects(search, history, err);
}

int history_find_indexed(struct history *history,
			 const struct history_request *request, struct err *err)
{
	struct search search;
	int ret;

	*history = (struct history){ .n = 0 };
	ret = open_search(&search, request, err);
	if (!ret)
		ret = search_indexes(&search, history, err);
	close_search(&search);
	return ret;
}

void history_release(struct history *history)
{
	free(history->pointers);
	*history = (struct history){ .n = 0 };
}

struct path_search {
	const struct history_path *wanted;
	uint64_t until_ms;
};

static bool is_search_over(void *ctx)
{
	const struct path_search *search = ctx;

	return stop_is_wanted(&search->wanted->stop) ||
	       clock_ms() > search->until_ms;
}

/* Git's output up to the first NUL, the caller's; NULL if that is empty. */
static char *git_first_line(struct path_search *search, const char *const *argv,
			    const char *input, size_t most)
{
	const struct child child = { .argv = argv,
				     .input = input,
				     .stop = stop_when(is_search_over,
						       search) };
	struct buf answer = BUF_INIT(most);
	struct err ignored = ERR_INIT;
	char *first = NULL;

	if (!is_search_over(search) &&
	    !child_run(&child, &answer, NULL, &ignored) && answer.len)
		first = xstrdup(buf_str(&answer));
	buf_release(&answer);
	return first;
}

/* The name that git has for a blob or tree of this content; the caller's. */
static char *name_object(struct path_search *search, const char *type,
			 const char *content)
{
	const char *const argv[] = { "git", "hash-object", "-t",
				     type,  "--stdin",	   NULL };
	char *id = git_first_line(search, argv, content, ID_MAX);

	if (id)
		id[strcspn(id, "\n")] = '\0';
	return id;
}

/* Compare a tree with the empty one, so that git does the filtering. */
static char *find_in_tree(struct path_search *search, const char *find,
			  const char *empty, const char *ref)
{
	const char *const argv[] = { "git",	    "diff-tree",    "-r",
				     "-z",	    "--no-renames", find,
				     "--name-only", empty,	    ref,
				     NULL };

	return git_first_line(search, argv, NULL, PATHS_MAX);
}

/* Without renames: for them git would read blobs, and fetch those it lacks. */
static char *find_in_history(struct path_search *search, const char *find)
{
	const char *const argv[] = {
		"git", "-c",	       "log.showSignature=false",
		"log", "--all",	       "-1",
		"-z",  "--no-renames", "--format=",
		find,  "--name-only",  NULL
	};

	return git_first_line(search, argv, NULL, PATHS_MAX);
}

char *history_find_path(const struct history_path *wanted)
{
	static const char *const refs[] = { "HEAD^{tree}",
					    "FETCH_HEAD^{tree}" };
	struct path_search search = { wanted, clock_ms() + wanted->most_ms };
	char *text = pointer_format(wanted->oid, wanted->size);
	char *empty = name_object(&search, "tree", "");
	char *id = empty ? name_object(&search, "blob", text) : NULL;
	char *find = id ? xstrfmt("--find-object=%s", id) : NULL;
	char *path = NULL;

	for (size_t i = 0; find && !path && i < 2; i++)
		path = find_in_tree(&search, find, empty, refs[i]);
	if (find && !path)
		path = find_in_history(&search, find);
	free(empty);
	free(id);
	free(find);
	free(text);
	return path;
}
