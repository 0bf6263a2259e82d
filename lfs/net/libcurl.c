/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/libcurl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

#ifdef __APPLE__
#define SONAME "libcurl.4.dylib"
#else
#define SONAME "libcurl.so.4"
#endif

struct symbol {
	const char *name;
	size_t off;	/* of its pointer in struct libcurl */
};

static const struct symbol symbols[] = {
#define X(name) { "curl_" #name, offsetof(struct libcurl, name) },
	LIBCURL_FUNCTIONS(X)
#undef X
};

#define NSYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

struct libcurl curl;

static int find_symbol(void *library, const struct symbol *symbol,
		       struct libcurl *found, struct err *err)
{
	void *address = dlsym(library, symbol->name);

	if (!address)
		return err_set(err, ERR_LOCAL,
			       "cannot use libcurl: %s is too old, it has no "
			       "%s; install version 7.88 or later",
			       SONAME, symbol->name);
	memcpy((char *)found + symbol->off, &address, sizeof(address));
	return 0;
}

int libcurl_load(struct err *err)
{
	struct libcurl found;
	void *library;

	if (curl.easy_init)
		return 0;
	library = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return err_set(err, ERR_LOCAL,
			       "cannot load libcurl: %s; install it (Debian's "
			       "package is libcurl4)",
			       dlerror());
	for (size_t i = 0; i < NSYMBOLS; i++)
		if (find_symbol(library, &symbols[i], &found, err)) {
			dlclose(library);
			return -1;
		}
	/* xmalloc() for its buffers, which the kernel fills and empties. */
	if (found.global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, realloc,
				  strdup, calloc)) {
		dlclose(library);
		return err_set(err, ERR_LOCAL, "cannot start libcurl");
	}
	curl = found;
	return 0;
}

int64_t libcurl_getdate(const char *text)
{
	struct err ignored = ERR_INIT;

	if (libcurl_load(&ignored))
		return -1;
	return (int64_t)curl.getdate(text, NULL);
}
