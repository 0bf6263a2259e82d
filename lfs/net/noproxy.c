/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/noproxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

#define SEPARATORS ", \t"

/* The length without a port; `n` if there is none, as in a bare IPv6 address. */
static size_t host_length(const char *entry, size_t n)
{
	const char *colon = memchr(entry, ':', n);
	const char *bracket = memchr(entry, ']', n);

	if (*entry == '[' && bracket)
		return (size_t)(bracket + 1 - entry);
	if (!colon || memchr(colon + 1, ':', n - (size_t)(colon + 1 - entry)))
		return n;
	return (size_t)(colon - entry);
}

static void add(struct buf *out, const char *entry, size_t n, const char *port)
{
	size_t host = host_length(entry, n), rest = n - host;

	if (rest && (rest - 1 != strlen(port) ||
		     memcmp(entry + host + 1, port, rest - 1) != 0))
		return;
	if (host > 1 && !memcmp(entry, "*.", 2)) {
		entry++;
		host--;
	}
	if (out->len)
		buf_puts(out, ",");
	buf_add(out, entry, host);
}

char *noproxy_for(const char *list, const char *url)
{
	struct buf out = BUF_INIT(strlen(list) + 1);
	char port[URL_PORT_MAX];

	url_port(url, port, sizeof(port));
	while (*(list += strspn(list, SEPARATORS))) {
		size_t n = strcspn(list, SEPARATORS);

		add(&out, list, n, port);
		list += n;
	}
	return out.data ? buf_take(&out) : xstrdup("");
}

bool noproxy_is_loopback(const char *url)
{
	char host[URL_DISPLAY_MAX];
	struct in6_addr six;
	struct in_addr four;
	size_t n;

	n = host_length(host,
			strlen(url_display_host(url, host, sizeof(host))));
	host[n] = '\0';
	if (*host == '[') {
		host[n - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, &six) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&six) ||
			(IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127));
	}
	return !strcmp(host, "localhost") ||
	       (inet_pton(AF_INET, host, &four) == 1 &&
		ntohl(four.s_addr) >> 24 == 127);
}
