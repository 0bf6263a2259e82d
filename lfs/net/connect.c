/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/net/libcurl.h"
#include "lfs/net/url.h"

#define SEPARATORS ", \t"

/* The length without the port; a bare IPv6 address has none. */
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

static void noproxy_add(struct buf *out, const char *entry, size_t n,
			const char *port)
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

		noproxy_add(&out, list, n, port);
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

#define FAILED "Failed to connect to "

enum { PORT_MAX = 10, OWN_MAX = URL_DISPLAY_MAX + PORT_MAX + 40 };

struct word {
	const char *name;
	long value;
};

static const struct word proxy_auths[] = {
	{ "anyauth", (long)CURLAUTH_ANY },
	{ "basic", (long)CURLAUTH_BASIC },
	{ "digest", (long)CURLAUTH_DIGEST },
	{ "negotiate", (long)CURLAUTH_NEGOTIATE },
	{ "ntlm", (long)CURLAUTH_NTLM },
	{ NULL, 0 },
};

static const struct word ssl_versions[] = {
	{ "tlsv1", CURL_SSLVERSION_TLSv1 },
	{ "tlsv1.0", CURL_SSLVERSION_TLSv1_0 },
	{ "tlsv1.1", CURL_SSLVERSION_TLSv1_1 },
	{ "tlsv1.2", CURL_SSLVERSION_TLSv1_2 },
	{ "tlsv1.3", CURL_SSLVERSION_TLSv1_3 },
	{ NULL, 0 },
};

static void set_option_word(CURL *easy, CURLoption option,
			    const struct word *words, const char *name)
{
	for (; name && words->name; words++)
		if (!strcasecmp(words->name, name))
			curl.easy_setopt(easy, option, words->value);
}

/* As in git, a CA of the configuration replaces the system's. */
static void set_ca(CURL *easy, const struct http_options *options)
{
	bool is_own = options->ca_file || options->ca_path;
	const char *file = is_own ? options->ca_file : options->system_ca_file;
	const char *path = is_own ? options->ca_path : options->system_ca_path;

	if (is_own || file)
		curl.easy_setopt(easy, CURLOPT_CAINFO, file);
	if (is_own || path)
		curl.easy_setopt(easy, CURLOPT_CAPATH, path);
}

static const struct {
	CURLoption option;
	size_t off;	/* of its string in struct http_options */
} strings[] = {
	{ CURLOPT_PROXY, offsetof(struct http_options, proxy) },
	{ CURLOPT_PROXY_CAINFO, offsetof(struct http_options, proxy_ca_file) },
	{ CURLOPT_PROXY_SSLCERT, offsetof(struct http_options, proxy_cert) },
	{ CURLOPT_PROXY_SSLKEY, offsetof(struct http_options, proxy_key) },
	{ CURLOPT_SSLCERT, offsetof(struct http_options, cert) },
	{ CURLOPT_SSLKEY, offsetof(struct http_options, key) },
	{ CURLOPT_SSL_CIPHER_LIST, offsetof(struct http_options, cipher_list) },
	{ CURLOPT_COOKIEFILE, offsetof(struct http_options, cookie_file) },
};

static void set_strings(CURL *easy, const struct http_options *options)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		const char *value;

		memcpy(&value, (const char *)options + strings[i].off,
		       sizeof(value));
		if (value)
			curl.easy_setopt(easy, strings[i].option, value);
	}
}

/*
 * A password is always set: without one OpenSSL would ask for it on the
 * terminal, once for each connection.
 */
static void set_password(CURL *easy, CURLoption option, const char *password)
{
	curl.easy_setopt(easy, option, password ? password : "");
}

static void set_tls(CURL *easy, const struct http_options *options)
{
	set_ca(easy, options);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
			 options->insecure ? 0L : 1L);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
			 options->insecure ? 0L : 2L);
	set_option_word(easy, CURLOPT_SSLVERSION, ssl_versions,
			options->ssl_version);
	set_password(easy, CURLOPT_KEYPASSWD, options->cert_password);
	set_password(easy, CURLOPT_PROXY_KEYPASSWD,
		     options->proxy_cert_password);
}

static void set_no_proxy(CURL *easy, const char *list, const char *url)
{
	char *hosts;

	if (noproxy_is_loopback(url))
		list = "*";
	if (!list)
		return;
	hosts = noproxy_for(list, url);
	curl.easy_setopt(easy, CURLOPT_NOPROXY, hosts);
	free(hosts);
}

static int connect_note_socket(void *ctx, curl_socket_t fd,
			       curlsocktype purpose)
{
	struct connect_sockets *sockets = ctx;

	(void)purpose;
	sockets->fds[sockets->n++ % CONNECT_SOCKETS] = fd;
	return CURL_SOCKOPT_OK;
}

int connect_prepare(void *easy, const struct http_shared *shared,
		    struct connect_sockets *sockets, const char *url,
		    struct err *err)
{
	struct http_options options = { 0 };

	/* libcurl 7.88 would leak the list of these files. */
	curl.easy_setopt(easy, CURLOPT_COOKIEFILE, NULL);
	curl.easy_reset(easy);
	if (url_check(url, err))
		return -1;
	curl.easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, connect_note_socket);
	curl.easy_setopt(easy, CURLOPT_SOCKOPTDATA, sockets);
	if (shared->options_for)
		shared->options_for(shared->ctx, url, &options);
	curl.easy_setopt(easy, CURLOPT_URL, url);
	curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A slow lookup of a name must not delay a stop. */
	curl.easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)shared->connect_ms);
	curl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	set_strings(easy, &options);
	set_no_proxy(easy, options.no_proxy, url);
	set_option_word(easy, CURLOPT_PROXYAUTH, proxy_auths,
			options.proxy_auth);
	set_tls(easy, &options);
	return 0;
}

bool connect_is_up(void *easy)
{
	curl_off_t us = 0;

	curl.easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us);
	return us > 0;
}

/* 0 if it is not a socket, as after it was closed. */
static long local_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name;
	socklen_t len = sizeof(name);

	if (getsockname(fd, &name.any, &len))
		return 0;
	return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port :
						      name.v4.sin_port);
}

static long unsent_of(int fd)
{
	int n = 0;

#ifdef SIOCOUTQ
	if (ioctl(fd, SIOCOUTQ, &n))
		return 0;
#else
	(void)fd;
#endif
	return n;
}

long connect_unsent(void *easy, const struct connect_sockets *sockets)
{
	long port = 0;

	curl.easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
	for (unsigned i = 0; port && i < CONNECT_SOCKETS && i < sockets->n; i++)
		if (local_port(sockets->fds[i]) == port)
			return unsent_of(sockets->fds[i]);
	return 0;
}

/* A refusal is an answer; silence and a missing route or name are not. */
static bool is_refused(CURL *easy, CURLcode code)
{
	long errnum = 0;

	curl.easy_getinfo(easy, CURLINFO_OS_ERRNO, &errnum);
	return code == CURLE_COULDNT_CONNECT && errnum == ECONNREFUSED;
}

static enum err_kind kind_of_failure(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_OFFLINE;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:	/* the answer is not HTTP/1 */
		return ERR_NETWORK;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		return ERR_USAGE;
	default:
		return ERR_PROTOCOL;
	}
}

#define TALK "cannot talk to %s: "
#define CHECK_PROXY                                                 \
	"check http.proxy, or http_proxy and https_proxy in the "   \
	"environment"

/* All that is known of a request that failed. */
struct failure {
	CURLcode code;
	enum err_kind kind;
	const char *url;
	const char *detail;
	char shown[URL_DISPLAY_MAX];	/* of the URL */
	struct http_options options;
};

/*
 * Is the answer not HTTP, or does the server not speak TLS, or none that works
 * with ours?  A connection that ends during the handshake does not count.
 */
static bool is_strange(const struct failure *failure)
{
	static const char *const words[] = { "wrong version number",
					     "unexpected TLS packet",
					     "packet length too long",
					     "alert" };

	if (failure->code == CURLE_WEIRD_SERVER_REPLY ||
	    failure->code == CURLE_UNSUPPORTED_PROTOCOL)
		return true;
	if (failure->code != CURLE_SSL_CONNECT_ERROR)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(failure->detail, words[i]))
			return true;
	return false;
}

/* libcurl names the peer that it could not connect to: is it the proxy? */
static bool is_of_proxy(const struct failure *failure)
{
	const char *proxy = failure->options.proxy;
	char host[URL_DISPLAY_MAX], port[PORT_MAX], own[OWN_MAX];

	if (!proxy || !*proxy)
		return false;
	url_display_host(failure->url, host, sizeof(host));
	url_port(failure->url, port, sizeof(port));
	snprintf(own, sizeof(own), FAILED "%.*s port %s ",
		 (int)strcspn(host, ":"), host, port);
	return text_has_prefix(failure->detail, FAILED) &&
	       !text_has_prefix(failure->detail, own);
}

/* An expired certificate, or that of another host, has nothing to do with CAs. */
static bool is_of_ca(const char *detail)
{
	return strstr(detail, "issuer") || strstr(detail, "self-signed") ||
	       strstr(detail, "self signed") || strstr(detail, "CA");
}

static int distrust(const struct failure *failure, const char *ca,
		    struct err *err)
{
	err_set(err, ERR_USAGE, "cannot trust %s: %s", failure->shown,
		failure->detail);
	if (is_of_ca(failure->detail) && ca)
		err_append(err,
			   "; its certificate authority is not in '%s' "
			   "(http.sslCAInfo or GIT_SSL_CAINFO)",
			   ca);
	else if (is_of_ca(failure->detail))
		err_append(err, "; set http.sslCAInfo to the file of "
				"its certificate authority");
	return -1;
}

/*
 * The proxy has refused CONNECT: it cannot reach the server, which may pass, or
 * it does not let us.
 */
static int tunnel_failed(const char *shown, long status, struct err *err)
{
	bool is_away = status == 408 || status == 429 ||
		       (status >= 500 && status != 501 && status != 511);

	if (status == 407)
		return err_set(err, ERR_USAGE, TALK CONNECT_PROXY_LOGIN, shown);
	return err_set(
		err, is_away ? ERR_OFFLINE : ERR_REFUSED,
		TALK
		"the proxy answered %ld and opens no tunnel to it; " CHECK_PROXY,
		shown, status);
}

static int connect_explain(const struct failure *failure, struct err *err)
{
	const struct http_options *options = &failure->options;
	const char *ca = options->ca_file ? options->ca_file : options->ca_path;
	const char *shown = failure->shown, *detail = failure->detail;

	if (failure->code == CURLE_PEER_FAILED_VERIFICATION)
		return distrust(failure, ca, err);
	if (!ca)
		ca = options->system_ca_file;
	if (failure->code == CURLE_SSL_CACERT_BADFILE)
		return err_set(err, ERR_USAGE,
			       TALK "the certificate authorities in '%s' "
				    "cannot be read; check http.sslCAInfo "
				    "and GIT_SSL_CAINFO",
			       shown, ca ? ca : "the system's file");
	if (failure->code == CURLE_SSL_CERTPROBLEM)
		return err_set(err, ERR_USAGE,
			       TALK "%s; check http.sslCert and http.sslKey, "
				    "and if the key has a password, "
				    "http.sslCertPasswordProtected",
			       shown, detail);
	if (is_strange(failure)) {
		err_set(err, failure->kind,
			TALK
			"the answer is not HTTP%s (%s); check the address, "
			"the port and the proxy",
			shown, url_is_https(failure->url) ? "S" : "", detail);
		err->is_strange = true;
		return -1;
	}
	if (failure->code == CURLE_COULDNT_RESOLVE_PROXY)
		return err_set(err, failure->kind,
			       TALK "the name of the proxy cannot be found "
				    "(%s); " CHECK_PROXY,
			       shown, detail);
	if (failure->code == CURLE_COULDNT_CONNECT && is_of_proxy(failure))
		return err_set(err, failure->kind,
			       TALK
			       "the proxy cannot be reached (%s); " CHECK_PROXY,
			       shown, detail);
	return err_set(err, failure->kind, TALK "%s", shown, detail);
}

int connect_failed(void *easy, const struct http_shared *shared,
		   const struct connect_failure *known, struct err *err)
{
	static const char unusable[] = "Unsupported proxy";
	struct failure failure = { .code = (CURLcode)known->code,
				   .url = known->url,
				   .detail = known->detail };
	long proxy_status = 0;
	bool refused = is_refused(easy, failure.code);

	failure.kind = refused ? ERR_NETWORK : kind_of_failure(failure.code);
	url_display(failure.url, failure.shown, sizeof(failure.shown));
	if (shared->options_for)
		shared->options_for(shared->ctx, failure.url, &failure.options);
	curl.easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status >= 400)
		return tunnel_failed(failure.shown, proxy_status, err);
	if (!*failure.detail)
		failure.detail = curl.easy_strerror(failure.code);
	/* The rest of this text is the proxy's URL, password and all. */
	if (text_has_prefix(failure.detail, unusable))
		failure.detail = "the URL of the proxy cannot be used";
	connect_explain(&failure, err);
	if (refused)
		err->code = ECONNREFUSED;
	return -1;
}

#define ANSWERED UINT64_MAX

/* The entry of the host; NULL if there is no room for it. */
static _Atomic(uint64_t) *hosts_entry(struct hosts *hosts, const char *url)
{
	uint64_t id = url_host_id(url);

	for (unsigned i = 0; i < HOSTS_MAX; i++) {
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&hosts->list[i].id, &there,
						   id) ||
		    there == id)
			return &hosts->list[i].since_ms;
	}
	return NULL;
}

void hosts_answered(struct hosts *hosts, const char *url)
{
	_Atomic(uint64_t) *since_ms = hosts_entry(hosts, url);

	if (since_ms)
		atomic_store(since_ms, ANSWERED);
}

bool hosts_has_answered(struct hosts *hosts, const char *url)
{
	_Atomic(uint64_t) *since_ms = hosts_entry(hosts, url);

	return !since_ms || atomic_load(since_ms) == ANSWERED;
}

uint64_t hosts_unmet(struct hosts *hosts, const char *url, uint64_t begun_ms,
		     uint64_t now_ms)
{
	_Atomic(uint64_t) *since_ms = hosts_entry(hosts, url);
	uint64_t since = 0;

	if (!since_ms)
		return 0;
	if (atomic_compare_exchange_strong(since_ms, &since, begun_ms))
		since = begun_ms;
	if (since == ANSWERED)
		return 0;
	return now_ms > since ? now_ms - since : 1;
}
