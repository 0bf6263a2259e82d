/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* memfd_create(), memmem() */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cleanplaced.h"

/*
 * The input: what git sends to the filter `clean-placed`.  "a" and "b" are files of
 * 4 bytes that were placed, and "b" was changed.  The answers must be packets, and
 * the filter makes a pointer for "a" alone; what it gives for others was sent.
 */

#define OF_B "bbbbbbbb"

enum { ANSWERS_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-placed-XXXXXX";
static struct placed_file files[2];
static struct placed placed = { .top = dir, .files = files, .n = 2 };
static int top = -1;

static void remove_files(void)
{
	unlinkat(top, "a", 0);
	unlinkat(top, "b", 0);
	rmdir(dir);
}

static void make(struct placed_file *file, char *path)
{
	struct stat st;
	int fd = openat(top, path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, "abcd", 4) != 4 || fstat(fd, &st))
		abort();
	close(fd);
	file->path = path;
	file->id = placed_identify(&st);
	memset(file->pointer.oid, *path, POINTER_OID);
	file->pointer.size = 4;
}

static void make_files(void)
{
	static char a[] = "a", b[] = "b";

	if (!mkdtemp(dir))
		abort();
	top = open(dir, O_RDONLY | O_DIRECTORY);
	atexit(remove_files);
	make(&files[0], a);
	make(&files[1], b);
	files[1].id.ctime_ns++;
}

static int memory(const void *data, size_t size)
{
	int fd = memfd_create("fuzz-placed", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

/* The end of the packet at `p`; aborts if it is none. */
static const char *skip_packet(const char *p, const char *end)
{
	char digits[5] = "", *rest;
	size_t size;

	if (end - p < 4)
		abort();
	memcpy(digits, p, 4);
	size = strtoul(digits, &rest, 16);
	if (*rest || (size && size <= 4) || size > (size_t)(end - p))
		abort();
	return p + (size ? size : 4);
}

static void check_answers(int fd, const uint8_t *data, size_t sent)
{
	static char text[ANSWERS_MAX + 1];
	ssize_t size = pread(fd, text, ANSWERS_MAX, 0);

	if (size < 0)
		abort();
	text[size] = '\0';
	if (strstr(text, OF_B) && !memmem(data, sent, OF_B, strlen(OF_B)))
		abort();
	for (const char *p = text; p < text + size && size < ANSWERS_MAX;)
		p = skip_packet(p, text + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	int in, out;

	if (top < 0)
		make_files();
	in = memory(data, size);
	out = memory("", 0);
	cleanplaced_serve(in, out, &placed, &err);
	check_answers(out, data, size);
	close(in);
	close(out);
	return 0;
}
