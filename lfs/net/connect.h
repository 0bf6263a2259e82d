/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_CONNECT_H
#define LFS_NET_CONNECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * no_proxy lists the hosts that are reached without a proxy, in the form of Go's
 * library and so git-lfs's.  This gives the list in libcurl's form, for a request
 * to `url`; the caller's.  `*.example` becomes `.example`, and `host:port` becomes
 * the host if the request goes to that port, and nothing otherwise.
 */
char *noproxy_for(const char *list, const char *url);

/*
 * Is the URL's host this machine: localhost or a loopback address?  As in Go and
 * git-lfs, it is reached without any proxy: a tunnel of ssh, for example, leads
 * to a server that no proxy knows.
 */
bool noproxy_is_loopback(const char *url);

/*
 * The hosts that have answered this process, and for how long it has tried those
 * that never did.  From any thread; begins as all zero.
 *
 * A host is the part of a URL before its path.
 */

enum { HOSTS_MAX = 64 };	/* any other host counts as one that has answered */

struct hosts {
	struct {
		_Atomic(uint64_t) id;	/* 0: free */
		/* When it was first tried; 0: not yet; -1: it has answered. */
		_Atomic(uint64_t) since_ms;
	} list[HOSTS_MAX];
};

/* The host of `url` has answered. */
void hosts_answered(struct hosts *hosts, const char *url);

bool hosts_has_answered(struct hosts *hosts, const char *url);

/*
 * A try that began at `begun_ms` has not reached the host of `url`.  Returns for
 * how long that host has been tried by `now_ms`, at least 1; 0 if it has ever
 * answered.
 */
uint64_t hosts_unmet(struct hosts *hosts, const char *url, uint64_t begun_ms,
		     uint64_t now_ms);

/*
 * How a server is reached: proxy, TLS, time limits; and what it means when it
 * is not.  http.c alone calls these functions.
 */

/* All strings are borrowed. */
struct http_options {
	const char *proxy;	/* NULL: as the environment says; "": none */
	const char *proxy_auth;	/* http.proxyAuthMethod, or NULL */
	const char *no_proxy;	/* see noproxy_for(); NULL: as libcurl has it */
	const char *ca_file;	/* either of these replaces the system's */
	const char *ca_path;
	const char *system_ca_file;	/* where the system's are, or NULL */
	const char *system_ca_path;	/* a list with colons, or NULL */
	const char *cert;	/* client certificate and its key, PEM files */
	const char *key;
	const char *cert_password;	/* of the key, or NULL: none */
	const char *proxy_cert;	/* the same for an https proxy */
	const char *proxy_key;
	const char *proxy_cert_password;
	const char *proxy_ca_file;
	const char *ssl_version;	/* http.sslVersion, or NULL */
	const char *cipher_list;	/* http.sslCipherList, or NULL */
	const char *cookie_file;	/* http.cookieFile, or NULL */
	bool insecure;		/* http.sslVerify=false */
};

struct http_shared {
	/*
	 * Fill in how to reach `url`; asked for every request and redirect,
	 * from any thread.  NULL: libcurl's defaults.
	 */
	void (*options_for)(const void *ctx, const char *url,
			    struct http_options *options);
	const void *ctx;

	unsigned connect_ms;	/* name, TCP and TLS together */
	unsigned stall_ms;	/* silence while a body moves */

	atomic_bool stop;	/* set: every request ends, ERR_CANCELED */
	_Atomic(uint64_t) moved_ms;	/* clock_ms() of the last byte or answer */
	struct hosts hosts;	/* not counting answers of a front without its server */
};

/*
 * The sockets that a handle opened last.  libcurl does not tell which of them a
 * request under way uses: its CURLINFO_ACTIVESOCKET is for idle connections.
 */
enum { CONNECT_SOCKETS = 8 };
struct connect_sockets {
	int fds[CONNECT_SOCKETS];
	unsigned n;	/* opened so far */
};

/*
 * Put the options for `url` on a libcurl easy handle, in place of those of the
 * last request.  The same `sockets` goes with each request of the handle.
 */
int connect_prepare(void *easy, const struct http_shared *shared,
		    struct connect_sockets *sockets, const char *url,
		    struct err *err);

/* Has the connection of the request under way been made? */
bool connect_is_up(void *easy);

/*
 * Bytes that were written and the peer has not acknowledged.  On a slow line a
 * full socket buffer drains for minutes while libcurl asks for nothing: that is
 * movement, too.
 */
long connect_unsent(void *easy, const struct connect_sockets *sockets);

/* For a 407, which to a plain request is the status of its answer. */
#define CONNECT_PROXY_LOGIN "the proxy wants another login; check http.proxy"

/* A request that came to nothing. */
struct connect_failure {
	const char *url;
	int code;	/* libcurl's */
	const char *detail;	/* its own text, or "" */
};

/*
 * Say what failed and what to do about it: the proxy, the server or a file of
 * certificates is at fault.  Returns -1; the error's code is ECONNREFUSED if
 * the connection was refused, otherwise 0.
 */
int connect_failed(void *easy, const struct http_shared *shared,
		   const struct connect_failure *failure, struct err *err);

#endif
