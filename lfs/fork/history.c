/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/fork/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"

enum {
	LINE_ROOM = 128,	/* "blob SIZE NAME" and "NAME blob SIZE" */
	MODE_ROOM = 7	/* "100644 " */
};

/* What git prints, in the order of the steps. */
enum { COMMITS, CHANGES, OBJECTS, SIZES, BLOBS, TEXTS, NFILES };

struct search {
	const struct history_request *request;	/* borrowed */
	char **specs;	/* owned, until NULL */
	size_t nspecs;
	int fds[NFILES];
};

static void add_spec(char ***specs, size_t *n, const char *magic,
		     const char *pattern, size_t len)
{
	const char *depth;
	int width;

	while (len && pattern[len - 1] == '/')
		len--;
	/* Without a slash it is a name at any depth, as in .gitignore. */
	depth = memchr(pattern, '/', len) ? "" : "**/";
	while (len && *pattern == '/') {
		pattern++;
		len--;
	}
	if (!len)
		return;
	width = (int)len;
	*specs = xreallocarray(*specs, *n + 3, sizeof(**specs));
	(*specs)[(*n)++] = xstrfmt(":(top,glob%s)%s%.*s", magic, depth, width,
				   pattern);
	(*specs)[(*n)++] = xstrfmt(":(top,glob%s)%s%.*s/**", magic, depth,
				   width, pattern);
	(*specs)[*n] = NULL;
}

static void add_specs(char ***specs, size_t *n, const char *magic,
		      const char *list)
{
	while (list && *list) {
		size_t len;

		list += strspn(list, ", ");
		len = strcspn(list, ",");
		while (len && list[len - 1] == ' ')
			len--;
		add_spec(specs, n, magic, list, len);
		list += strcspn(list, ",");
	}
}

char **history_pathspecs(const char *include, const char *exclude)
{
	char **specs = xcalloc(1, sizeof(*specs));
	size_t n = 0;

	add_specs(&specs, &n, "", include);
	add_specs(&specs, &n, ",exclude", exclude);
	return specs;
}

void history_free_pathspecs(char **specs)
{
	for (size_t i = 0; specs && specs[i]; i++)
		free(specs[i]);
	free(specs);
}

/* Run git from file to file; -1 for `in`: nothing to read. */
static int run_git(const struct search *search, const char *const *argv, int in,
		   int out, struct err *err)
{
	const struct child child = {
		.argv = argv,
		.keep_stderr = true,
		.is_stopped = search->request->is_stopped,
		.ctx = search->request->ctx,
		.watch_fd = -1,
	};

	if (in >= 0 && lseek(in, 0, SEEK_SET))
		return err_set(err, ERR_LOCAL, "cannot read a file again");
	return child_run_files(&child, in, out, err);
}

/* A command line: these words, and room for `more` and a NULL. */
static const char **make_argv(const char *const *words, size_t *n, size_t more)
{
	const char **argv;

	while (words[*n])
		++*n;
	argv = xcalloc(*n + more + 1, sizeof(*argv));
	memcpy(argv, words, *n * sizeof(*argv));
	return argv;
}

/* git rev-list of the refs. */
static int list(const struct search *search, const char *const *words, int out,
		struct err *err)
{
	const struct history_request *request = search->request;
	size_t n = 0;
	const char **argv = make_argv(words, &n,
				      request->nrefs + search->nspecs + 4);
	int ret;

	if (request->tips_only)
		argv[n++] = "--no-walk";
	if (request->all)
		argv[n++] = "--all";
	argv[n++] = "--end-of-options";
	for (size_t i = 0; i < request->nrefs; i++)
		argv[n++] = request->refs[i];
	argv[n++] = "--";
	for (size_t i = 0; i < search->nspecs; i++)
		argv[n++] = search->specs[i];
	ret = run_git(search, argv, -1, out, err);
	free(argv);
	if (!ret || err->kind == ERR_CANCELED)
		return ret;
	err->kind = ERR_USAGE;
	return err_wrap(err, "cannot list the history");
}

/* What each commit changed: of a merge, what no parent of it has. */
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

static FILE *open_again(int fd, const char *mode)
{
	FILE *file = fdopen(dup(fd), mode);

	if (file)
		rewind(file);
	return file;
}

/* Go through what git printed, and write what it is to read next. */
static int sift(int in, int out,
		int (*copy)(FILE *from, FILE *to, size_t *n, struct err *err),
		size_t *n, struct err *err)
{
	FILE *from = open_again(in, "r"), *to = open_again(out, "w");
	int ret = from && to ? copy(from, to, n, err) : -1;

	if (from && ferror(from))
		ret = -1;
	if (from)
		fclose(from);
	if (to && fclose(to))
		ret = -1;
	if (!ret || err->kind)
		return ret;
	return err_sys(err, errno, "cannot sort out the history's blobs");
}

/*
 * ":MODE MODE NAME NAME STATUS\tPATH", of a merge with another colon, mode and
 * name for each further parent: the last name, if it is that of a file.
 */
static const char *parse_change(char *line)
{
	size_t parents = strspn(line, ":");
	char *end = strchr(line, '\t'), *name = NULL;

	if (!parents || !end ||
	    (size_t)(end - line) < parents * (1 + MODE_ROOM) + MODE_ROOM ||
	    strncmp(line + parents * (1 + MODE_ROOM), "100", 3))
		return NULL;
	for (int i = 0; i < 2; i++) {
		*end = '\0';
		name = end = strrchr(line, ' ');
		if (!name)
			return NULL;
	}
	return name + 1;
}

static int copy_changed(FILE *from, FILE *to, size_t *n, struct err *err)
{
	char *line = NULL;
	size_t room = 0;

	(void)err;
	while (getline(&line, &room, from) >= 0) {
		const char *name = parse_change(line);

		if (!name)
			continue;
		fprintf(to, "%s\n", name);
		++*n;
	}
	free(line);
	return 0;
}

/*
 * The names of all objects that matter, but large blobs.
 *
 * With patterns, they are those that some commit put at a path.  (git rev-list
 * --objects takes pathspecs, too, but looks at a tree only where it meets it
 * first: whose other place is left out is not found at all.)
 */
static int list_objects(const struct search *search, struct err *err)
{
	static const char *const objects[] = { "git",
					       "rev-list",
					       "--objects",
					       "--no-object-names",
					       "--filter=blob:limit=1024",
					       NULL };
	static const char *const commits[] = { "git", "rev-list",
					       "--full-history", NULL };
	const int *fds = search->fds;
	size_t nchanges = 0;

	if (!search->nspecs)
		return list(search, objects, fds[OBJECTS], err);
	if (list(search, commits, fds[COMMITS], err) ||
	    list_changes(search, fds[COMMITS], fds[CHANGES], err))
		return -1;
	return sift(fds[CHANGES], fds[OBJECTS], copy_changed, &nchanges, err);
}

/* "blob SIZE NAME", with NAME and a newline behind; NULL: another kind. */
static const char *parse_size(const char *line, uint64_t *size)
{
	static const char word[] = "blob ";
	const char *digits = line + sizeof(word) - 1;
	char *end;

	if (strncmp(line, word, sizeof(word) - 1) || *digits < '0' ||
	    *digits > '9')
		return NULL;
	errno = 0;
	*size = strtoull(digits, &end, 10);
	return errno ? NULL : end;
}

/* Of all objects, the blobs of a pointer's size. */
static int copy_blobs(FILE *from, FILE *to, size_t *n, struct err *err)
{
	static const char missing[] = " missing\n";
	char line[LINE_ROOM];
	uint64_t size;

	while (fgets(line, sizeof(line), from)) {
		const char *rest = parse_size(line, &size);
		const char *end = strchr(line, ' ');

		if (end && !strcmp(end, missing))
			return err_set(err, ERR_LOCAL,
				       "the repository lacks the object %.*s: "
				       "run git fsck",
				       (int)(end - line), line);
		if (!rest || *rest != ' ' || size < POINTER_MIN ||
		    size > POINTER_MAX)
			continue;
		fputs(rest + 1, to);
		++*n;
	}
	return 0;
}

static void add(struct history *history, const struct pointer *pointer)
{
	/* Grows at powers of two. */
	if (!(history->n & (history->n - 1)))
		history->pointers = xreallocarray(history->pointers,
						  history->n ? 2 * history->n :
							       1,
						  sizeof(*history->pointers));
	history->pointers[history->n++] = *pointer;
}

/* One record: its head, "NAME blob SIZE", the blob and a newline. */
static int read_blob(struct history *history, FILE *from, const char *head,
		     struct err *err)
{
	uint64_t size = 0;
	const char *blank = strchr(head, ' '),
		   *rest = blank ? parse_size(blank + 1, &size) : NULL;
	char text[POINTER_MAX + 1];
	struct pointer pointer;

	if (!rest || *rest != '\n' || size > POINTER_MAX ||
	    fread(text, 1, (size_t)size + 1, from) != size + 1 ||
	    text[size] != '\n')
		return err_set(err, ERR_LOCAL,
			       "'git cat-file' printed what makes no sense: "
			       "run git fsck");
	if (pointer_parse(&pointer, text, (size_t)size))
		add(history, &pointer);
	return 0;
}

int history_read(struct history *history, int fd, struct err *err)
{
	FILE *from = open_again(fd, "r");
	char line[LINE_ROOM];
	int ret = 0;

	if (!from)
		return err_sys(err, errno, "cannot read the blobs");
	while (!ret && fgets(line, sizeof(line), from))
		ret = read_blob(history, from, line, err);
	fclose(from);
	return ret;
}

static int compare_oids(const void *left, const void *right)
{
	const struct pointer *const *a = left, *const *b = right;
	int order = strcmp((*a)->oid, (*b)->oid);

	if (order)
		return order;
	return *a < *b ? -1 : 1;
}

/* Each oid once, where it came first. */
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

static int search_all(const struct search *search, struct history *history,
		      struct err *err)
{
	static const char *const check[] = {
		"git", "cat-file", "--buffer",
		"--batch-check=%(objecttype) %(objectsize) %(objectname)", NULL
	};
	static const char *const print[] = { "git", "cat-file", "--buffer",
					     "--batch", NULL };
	const int *fds = search->fds;

	if (list_objects(search, err) ||
	    run_git(search, check, fds[OBJECTS], fds[SIZES], err) ||
	    sift(fds[SIZES], fds[BLOBS], copy_blobs, &history->nblobs, err) ||
	    run_git(search, print, fds[BLOBS], fds[TEXTS], err) ||
	    history_read(history, fds[TEXTS], err))
		return -1;
	drop_doubles(history);
	return 0;
}

int history_find(struct history *history, const struct history_request *request,
		 struct err *err)
{
	struct search search = { .request = request };
	int n = 0, ret = -1;

	*history = (struct history){ .n = 0 };
	search.specs = history_pathspecs(request->include, request->exclude);
	while (search.specs[search.nspecs])
		search.nspecs++;
	while (n < NFILES) {
		search.fds[n] = file_open_unlinked(request->dir, err);
		if (search.fds[n] < 0)
			goto out;
		n++;
	}
	ret = search_all(&search, history, err);
out:
	while (n)
		close(search.fds[--n]);
	history_free_pathspecs(search.specs);
	return ret;
}

void history_release(struct history *history)
{
	free(history->pointers);
	*history = (struct history){ .n = 0 };
}
