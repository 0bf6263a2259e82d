/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LARGE = 32 << 10,
	PAGE = 4096
};

static _Noreturn void die_of_memory(void)
{
	static const char msg[] = "git-lfs-multipart: out of memory\n";

	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

void *xmalloc(size_t n)
{
	void *p = NULL;

	if (n < LARGE)
		p = malloc(n ? n : 1);
	else if (posix_memalign(&p, PAGE, n))
		p = NULL;
	if (!p)
		die_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die_of_memory();
	return p;
}

void *xreallocarray(void *ptr, size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		die_of_memory();
	p = realloc(ptr, n && size ? n * size : 1);
	if (!p)
		die_of_memory();
	return p;
}

void *xgrow(void *ptr, size_t n, size_t size)
{
	return n & (n - 1) ? ptr : xreallocarray(ptr, n ? 2 * n : 1, size);
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *xstrfmt(const char *fmt, ...)
{
	va_list ap, again;
	int len;
	char *p;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		die_of_memory();
	p = xmalloc((size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, fmt, again);
	va_end(again);
	return p;
}
