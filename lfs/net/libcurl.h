/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_LIBCURL_H
#define LFS_NET_LIBCURL_H

#include <stdint.h>

/* Its macros would call the functions themselves, which are not linked. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "lfs/base/err.h"

/*
 * The one door to libcurl.
 *
 * libcurl needs some thirty other libraries, which take longer to load than
 * everything else before the agent's first answer to git-lfs.  So it is not
 * linked but loaded when it is first needed, and curl_easy_init() is called as
 * curl.easy_init().
 */

/* Every function that we call, without the "curl_" before its name. */
#define LIBCURL_FUNCTIONS(X)   \
	X(easy_cleanup)        \
	X(easy_getinfo)        \
	X(easy_header)         \
	X(easy_init)           \
	X(easy_reset)          \
	X(easy_setopt)         \
	X(easy_strerror)       \
	X(free)                \
	X(getdate)             \
	X(global_init_mem)     \
	X(multi_add_handle)    \
	X(multi_cleanup)       \
	X(multi_info_read)     \
	X(multi_init)          \
	X(multi_perform)       \
	X(multi_poll)          \
	X(multi_remove_handle) \
	X(multi_wakeup)        \
	X(slist_append)        \
	X(slist_free_all)      \
	X(url)                 \
	X(url_cleanup)         \
	X(url_get)             \
	X(url_set)             \
	X(url_strerror)

struct libcurl {
#define X(name) __typeof__(curl_##name) *name;
	LIBCURL_FUNCTIONS(X)
#undef X
};

/* NULLs until libcurl_load() has succeeded. */
extern struct libcurl curl;

/*
 * Load libcurl and start it, unless that is done.  http_setup() does this before
 * there is a second thread.  -1, ERR_LOCAL, if it is
 * missing or too old; the next call tries again.
 */
int libcurl_load(struct err *err);

/*
 * A date in any of HTTP's forms, in seconds since 1970.  -1 if it is not a date,
 * or without libcurl, which this loads.
 */
int64_t libcurl_getdate(const char *text);

#endif
