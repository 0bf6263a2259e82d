/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_HTTPCONF_H
#define LFS_GIT_HTTPCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"
#include "lfs/net/http.h"

/*
 * How to reach a URL, as git would: proxy, certificates, client certificate.
 *
 * Everything is read when it is made: the environment (GIT_SSL_*, *_PROXY),
 * whose variables may not change while it lives, and `http.*` with its
 * `http.<url>.*` forms.  The environment wins over the
 * config, except for the proxy: remote.<name>.proxy, then http.proxy, then the
 * environment.  An empty value stands for libcurl's default, an empty proxy
 * for none.
 *
 * Three times git-lfs is followed and not git, since git-lfs has reached the
 * server before us: HTTP_PROXY is for https, too, if nothing else is set,
 * GIT_SSL_NO_VERIFY=false does not switch verification off, and SSL_CERT_FILE
 * and SSL_CERT_DIR are where the system's CAs are.
 */

struct httpconf;

/*
 * `config` is borrowed for the call.  `remote` is the name of the git remote,
 * or NULL.  Main thread only.
 */
struct httpconf *httpconf_new(const struct gitconfig *config,
			      const char *remote, struct err *err);

/*
 * For `options_for` in struct http_shared, with the httpconf as its `ctx`.
 * From any thread; the strings live as long as the httpconf.
 */
void httpconf_options_for(const void *httpconf, const char *url,
			  struct http_options *options);

/* A client certificate, and the key that is used with it; borrowed. */
struct httpconf_cert {
	const char *path;
	const char *key;	/* or NULL: in the certificate's file */
};

/*
 * The certificates that have a password, by the config: start with `pos` 0 and
 * call until false.  One may come more than once.
 */
bool httpconf_next_protected(const struct httpconf *conf, size_t *pos,
			     struct httpconf_cert *cert);

/* Give httpconf_options_for() the password of a certificate's key; copied. */
void httpconf_set_password(struct httpconf *conf, const char *cert,
			   const char *password);

/* The password, borrowed; NULL if it was not set or `cert` is NULL. */
const char *httpconf_password(const struct httpconf *conf, const char *cert);

/* NULL is fine. */
void httpconf_free(struct httpconf *conf);

/*
 * Add the values of `http.<url>.extraHeader` that match `url` best.  As with
 * git an empty value drops those before it, and as with git-lfs a value without
 * a colon is skipped.
 */
int httpconf_add_headers(const struct gitconfig *config, const char *url,
			 struct headers *headers, struct err *err);

/* Are there such headers for this URL, and not only for any URL? */
bool httpconf_has_headers_for(const struct gitconfig *config, const char *url);

#endif
