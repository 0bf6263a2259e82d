/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/gitfiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/file.h"

enum { LINE_ROOM = 128 /* "blob SIZE NAME" and "NAME blob SIZE" */ };

int gitfiles_open(int *fds, size_t n, const char *dir, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = file_open_unlinked(dir, err);
		if (fds[i] < 0) {
			gitfiles_close(fds, i);
			return -1;
		}
	}
	return 0;
}

void gitfiles_close(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* The files are written again by each round of fetching. */
static int empty_file(int fd, struct err *err)
{
	if (!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET))
		return 0;
	return err_sys(err, errno, "cannot empty a file");
}

int gitfiles_run(const char *const *argv, int in, int out,
		 const struct stop *stop, struct err *err)
{
	const struct child child = {
		.argv = argv,
		.keep_stderr = true,
		.stop = *stop,
	};

	if (in >= 0 && lseek(in, 0, SEEK_SET))
		return err_set(err, ERR_LOCAL, "cannot read a file again");
	if (empty_file(out, err))
		return -1;
	return child_run_files(&child, in, out, err);
}

FILE *gitfiles_stream(int fd, const char *mode)
{
	FILE *file = fdopen(dup(fd), mode);

	if (file)
		rewind(file);
	return file;
}

int gitfiles_sift(int in, int out,
		  int (*keep)(char *line, FILE *to, void *ctx, struct err *err),
		  void *ctx, struct err *err)
{
	FILE *from = gitfiles_stream(in, "r"), *to = NULL;
	int ret = empty_file(out, err);
	char *line = NULL;
	size_t room = 0;

	if (!ret)
		to = gitfiles_stream(out, "w");
	if (!from || !to)
		ret = -1;
	while (!ret && getline(&line, &room, from) >= 0)
		ret = keep(line, to, ctx, err);
	free(line);
	if (from && ferror(from))
		ret = -1;
	if (from)
		fclose(from);
	if (to && fclose(to))
		ret = -1;
	if (!ret || err->kind)
		return ret;
	return err_sys(err, errno, "cannot sort out what git has printed");
}

/* "blob SIZE" and what follows it, which is returned; NULL: another kind. */
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

/* Keep the blobs of a pointer's size. */
static int keep_blobs(char *line, FILE *to, void *ctx, struct err *err)
{
	uint64_t size;
	const char *rest = parse_size(line, &size);
	const char *end = strchr(line, ' ');

	(void)ctx;
	if (end && !strcmp(end, " missing\n"))
		return err_set(err, ERR_LOCAL,
			       "the repository lacks the object %.*s: run git "
			       "fsck",
			       (int)(end - line), line);
	if (!rest || *rest != ' ' || size < POINTER_MIN || size > POINTER_MAX)
		return 0;
	fputs(rest + 1, to);
	return 0;
}

int gitfiles_print_blobs(const struct gitfiles_blobs *blobs, struct err *err)
{
	static const char *const check[] = {
		"git", "cat-file", "--buffer",
		"--batch-check=%(objecttype) %(objectsize) %(objectname)", NULL
	};
	static const char *const print[] = { "git", "cat-file", "--buffer",
					     "--batch", NULL };

	if (gitfiles_run(check, blobs->ids, blobs->sizes, &blobs->stop, err) ||
	    gitfiles_sift(blobs->sizes, blobs->small, keep_blobs, NULL, err))
		return -1;
	return gitfiles_run(print, blobs->small, blobs->texts, &blobs->stop,
			    err);
}

/* Read one record: after its head, "NAME blob SIZE", the blob and a newline. */
static int read_blob(FILE *from, char *head, char *text,
		     struct gitfiles_blob *blob, struct err *err)
{
	uint64_t size = 0;
	char *blank = strchr(head, ' ');
	const char *rest = blank ? parse_size(blank + 1, &size) : NULL;

	if (!rest || *rest != '\n' || size > POINTER_MAX ||
	    fread(text, 1, (size_t)size + 1, from) != size + 1 ||
	    text[size] != '\n')
		return err_set(err, ERR_LOCAL,
			       "'git cat-file' printed an unexpected line: "
			       "run git fsck");
	*blank = '\0';
	*blob = (struct gitfiles_blob){ head, text, (size_t)size };
	return 0;
}

int gitfiles_read_blobs(int fd,
			int (*take)(const struct gitfiles_blob *blob, void *ctx,
				    struct err *err),
			void *ctx, struct err *err)
{
	FILE *from = gitfiles_stream(fd, "r");
	char line[LINE_ROOM], text[POINTER_MAX + 1];
	int ret = 0;

	if (!from)
		return err_sys(err, errno, "cannot read the blobs");
	while (!ret && fgets(line, sizeof(line), from)) {
		struct gitfiles_blob blob;

		ret = read_blob(from, line, text, &blob, err);
		if (!ret)
			ret = take(&blob, ctx, err);
	}
	fclose(from);
	return ret;
}
