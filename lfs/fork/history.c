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

enum { LINE_ROOM = 128 };	/* "blob SIZE NAME" and "NAME blob SIZE" */

static void add_spec(char ***specs, size_t *n, const char *magic,
		     const char *pattern, size_t len)
{
	/* Without a slash it is a name at any depth, as in .gitignore. */
	const char *depth = memchr(pattern, '/', len) ? "" : "**/";
	int width;

	while (len && *pattern == '/') {
		pattern++;
		len--;
	}
	while (len && pattern[len - 1] == '/')
		len--;
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
static int run_git(const char *const *argv, int in, int out,
		   const struct history_request *request, struct err *err)
{
	const struct child child = {
		.argv = argv,
		.keep_stderr = true,
		.is_stopped = request->is_stopped,
		.ctx = request->ctx,
		.watch_fd = -1,
	};

	if (in >= 0 && lseek(in, 0, SEEK_SET))
		return err_set(err, ERR_LOCAL, "cannot read a file again");
	return child_run_files(&child, in, out, err);
}

/* The names of all objects but large blobs. */
static int list_objects(int out, const struct history_request *request,
			struct err *err)
{
	static const char *const options[] = {
		"git",
		"rev-list",
		"--objects",
		"--no-object-names",
		"--full-history",
		"--filter=blob:limit=1024",
	};
	enum { NOPTIONS = sizeof(options) / sizeof(options[0]) };
	char **specs = history_pathspecs(request->include, request->exclude);
	size_t nspecs = 0, n = NOPTIONS;
	const char **argv;
	int ret;

	while (specs[nspecs])
		nspecs++;
	argv = xcalloc(NOPTIONS + request->nrefs + nspecs + 4, sizeof(*argv));
	memcpy(argv, options, sizeof(options));
	if (request->all)
		argv[n++] = "--all";
	argv[n++] = "--end-of-options";
	for (size_t i = 0; i < request->nrefs; i++)
		argv[n++] = request->refs[i];
	argv[n++] = "--";
	for (size_t i = 0; i < nspecs; i++)
		argv[n++] = specs[i];
	ret = run_git(argv, -1, out, request, err);
	free(argv);
	history_free_pathspecs(specs);
	if (!ret || err->kind == ERR_CANCELED)
		return ret;
	err->kind = ERR_USAGE;
	return err_wrap(err, "cannot list the history");
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

static size_t copy_names(FILE *from, FILE *to)
{
	char line[LINE_ROOM];
	uint64_t size;
	size_t n = 0;

	while (fgets(line, sizeof(line), from)) {
		const char *rest = parse_size(line, &size);

		if (!rest || *rest != ' ' || size < POINTER_MIN ||
		    size > POINTER_MAX)
			continue;
		fputs(rest + 1, to);
		n++;
	}
	return n;
}

static FILE *open_again(int fd, const char *mode)
{
	FILE *file = fdopen(dup(fd), mode);

	if (file)
		rewind(file);
	return file;
}

/* Of all objects, the blobs of a pointer's size. */
static int pick_blobs(int in, int out, struct history *history, struct err *err)
{
	FILE *from = open_again(in, "r"), *to = open_again(out, "w");
	bool is_good = from && to;

	if (is_good)
		history->nblobs = copy_names(from, to);
	is_good = is_good && !ferror(from);
	if (from)
		fclose(from);
	if (to && fclose(to))
		is_good = false;
	if (is_good)
		return 0;
	return err_sys(err, errno, "cannot sort out the history's blobs");
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

int history_find(struct history *history, const struct history_request *request,
		 struct err *err)
{
	static const char *const check[] = {
		"git", "cat-file", "--buffer",
		"--batch-check=%(objecttype) %(objectsize) %(objectname)", NULL
	};
	static const char *const print[] = { "git", "cat-file", "--buffer",
					     "--batch", NULL };
	enum { OBJECTS, SIZES, BLOBS, TEXTS, NFILES };
	int fds[NFILES], n = 0, ret = -1;

	*history = (struct history){ .n = 0 };
	while (n < NFILES) {
		fds[n] = file_open_unlinked(request->dir, err);
		if (fds[n] < 0)
			goto out;
		n++;
	}
	ret = list_objects(fds[OBJECTS], request, err) ||
	      run_git(check, fds[OBJECTS], fds[SIZES], request, err) ||
	      pick_blobs(fds[SIZES], fds[BLOBS], history, err) ||
	      run_git(print, fds[BLOBS], fds[TEXTS], request, err) ||
	      history_read(history, fds[TEXTS], err);
	drop_doubles(history);
out:
	while (n)
		close(fds[--n]);
	return ret ? -1 : 0;
}

void history_release(struct history *history)
{
	free(history->pointers);
	*history = (struct history){ .n = 0 };
}
