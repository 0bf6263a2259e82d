/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_NOPROXY_H
#define LFS_NET_NOPROXY_H

#include <stdbool.h>

/*
 * no_proxy, the hosts that are reached without the proxy of the environment, in
 * the form of Go's library, and so git-lfs's, put into that of libcurl.
 */

/*
 * The list for a request to `url`, for CURLOPT_NOPROXY; the caller's.
 * `*.example` becomes `.example`, and `host:port` the host if that is the port
 * of the request, or else nothing.
 */
char *noproxy_for(const char *list, const char *url);

/*
 * Is the URL's host this machine: localhost, or an address that says so?  As Go
 * and git-lfs have it, it is reached without any proxy, whoever names one:
 * behind a tunnel of ssh, say, there is a server that no proxy knows.
 */
bool noproxy_is_loopback(const char *url);

#endif
