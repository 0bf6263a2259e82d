/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/net/libcurl.h"
#include "lfs/net/url.h"

#ifdef __linux__
#endif

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

static int set_word(CURL *easy, CURLoption option, const struct word *words,
		    const char *name)
{
	for (; words->name; words++)
		if (!strcasecmp(words->name, name))
			return curl.easy_setopt(easy, option, words->value);
	return 0;
}

/* A CA that is given replaces the system's, as in git. */
static void set_ca(CURL *easy, const struct http_options *options)
{
	if (!options->ca_file && !options->ca_path) {
		if (options->system_ca_file)
			curl.easy_setopt(easy, CURLOPT_CAINFO,
					 options->system_ca_file);
		if (options->system_ca_path)
			curl.easy_setopt(easy, CURLOPT_CAPATH,
					 options->system_ca_path);
		return;
	}
	curl.easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	curl.easy_setopt(easy, CURLOPT_CAPATH, options->ca_path);
}

static void set_tls(CURL *easy, const struct http_options *options)
{
	set_ca(easy, options);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
			 options->insecure ? 0L : 1L);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
			 options->insecure ? 0L : 2L);
	if (options->ssl_version)
		set_word(easy, CURLOPT_SSLVERSION, ssl_versions,
			 options->ssl_version);
	if (options->cipher_list)
		curl.easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST,
				 options->cipher_list);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/*
 * A password is always set: without one OpenSSL would ask for it on the
 * terminal, once for each connection.
 */
static void set_client_cert(CURL *easy, const struct http_options *options)
{
	if (options->cert)
		curl.easy_setopt(easy, CURLOPT_SSLCERT, options->cert);
	if (options->key)
		curl.easy_setopt(easy, CURLOPT_SSLKEY, options->key);
	curl.easy_setopt(easy, CURLOPT_KEYPASSWD,
			 or_empty(options->cert_password));
	if (options->proxy_cert)
		curl.easy_setopt(easy, CURLOPT_PROXY_SSLCERT,
				 options->proxy_cert);
	if (options->proxy_key)
		curl.easy_setopt(easy, CURLOPT_PROXY_SSLKEY,
				 options->proxy_key);
	curl.easy_setopt(easy, CURLOPT_PROXY_KEYPASSWD,
			 or_empty(options->proxy_cert_password));
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

static void set_proxy(CURL *easy, const struct http_options *options,
		      const char *url)
{
	if (options->proxy)
		curl.easy_setopt(easy, CURLOPT_PROXY, options->proxy);
	if (options->proxy_ca_file)
		curl.easy_setopt(easy, CURLOPT_PROXY_CAINFO,
				 options->proxy_ca_file);
	set_no_proxy(easy, options->no_proxy, url);
	if (options->proxy_auth)
		set_word(easy, CURLOPT_PROXYAUTH, proxy_auths,
			 options->proxy_auth);
}

int connect_apply(void *easy, const struct http_shared *shared, const char *url,
		  struct err *err)
{
	struct http_options options = { 0 };

	if (url_check(url, err))
		return -1;
	if (shared->options_for)
		shared->options_for(shared->ctx, url, &options);
	curl.easy_setopt(easy, CURLOPT_URL, url);
	curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name that takes its time to resolve must not hold up a stop. */
	curl.easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)shared->connect_ms);
	curl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	set_proxy(easy, &options, url);
	set_tls(easy, &options);
	set_client_cert(easy, &options);
	if (options.cookie_file)
		curl.easy_setopt(easy, CURLOPT_COOKIEFILE, options.cookie_file);
	return 0;
}

static int note_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	struct connect_sockets *sockets = ctx;

	(void)purpose;
	sockets->fds[sockets->n++ % CONNECT_SOCKETS] = fd;
	return CURL_SOCKOPT_OK;
}

void connect_reset(void *easy, struct connect_sockets *sockets)
{
	/* libcurl 7.88 would lose the list of these. */
	curl.easy_setopt(easy, CURLOPT_COOKIEFILE, NULL);
	curl.easy_reset(easy);
	curl.easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
	curl.easy_setopt(easy, CURLOPT_SOCKOPTDATA, sockets);
}

bool connect_is_up(void *easy)
{
	curl_off_t us = 0;

	curl.easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us);
	return us > 0;
}

/* 0 if it is no socket, as after it was closed. */
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

/* Refused is an answer; silence and a missing route or name are not. */
static enum err_kind kind_of_no_connection(CURL *easy)
{
	long errnum = 0;

	curl.easy_getinfo(easy, CURLINFO_OS_ERRNO, &errnum);
	return errnum == ECONNREFUSED ? ERR_NETWORK : ERR_OFFLINE;
}

static enum err_kind kind_of(CURL *easy, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return kind_of_no_connection(easy);
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
	case CURLE_UNSUPPORTED_PROTOCOL:	/* the answer is no HTTP/1 */
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

/*
 * Is the answer not HTTP, or does a server that should speak TLS speak none that
 * works with ours?  A connection that ends in the middle of it does not count.
 */
static bool is_strange(const struct connect_failure *failure)
{
	static const char *const words[] = { "wrong version number",
					     "unexpected TLS packet",
					     "packet length too long",
					     "alert" };

	if (failure->code == CURLE_WEIRD_SERVER_REPLY ||
	    failure->code == CURLE_UNSUPPORTED_PROTOCOL)
		return true;
	for (size_t i = 0; failure->code == CURLE_SSL_CONNECT_ERROR &&
			   i < sizeof(words) / sizeof(words[0]);
	     i++)
		if (strstr(failure->detail, words[i]))
			return true;
	return false;
}

static int strange_failed(const struct connect_failure *failure,
			  enum err_kind kind, struct err *err)
{
	char shown[URL_DISPLAY_MAX];

	if (!is_strange(failure))
		return 0;
	err_set(err, kind,
		"cannot talk to %s: the answer is no HTTP%s (%s); check the "
		"address, the port and the proxy",
		url_display(failure->url, shown, sizeof(shown)),
		url_is_https(failure->url) ? "S" : "", failure->detail);
	err->is_strange = true;
	return -1;
}

/* libcurl names whom it could not connect to: is that not the server? */
static bool is_of_proxy(const struct connect_failure *failure,
			const struct http_options *options)
{
	char host[URL_DISPLAY_MAX], port[PORT_MAX], own[OWN_MAX];

	if (!options->proxy || !*options->proxy)
		return false;
	url_display_host(failure->url, host, sizeof(host));
	url_port(failure->url, port, sizeof(port));
	snprintf(own, sizeof(own), FAILED "%.*s port %s ",
		 (int)strcspn(host, ":"), host, port);
	return !strncmp(failure->detail, own, strlen(FAILED)) &&
	       strncmp(failure->detail, own, strlen(own)) != 0;
}

static int proxy_failed(const struct connect_failure *failure,
			const struct http_options *options, enum err_kind kind,
			struct err *err)
{
	char shown[URL_DISPLAY_MAX];

	url_display(failure->url, shown, sizeof(shown));
	if (failure->code == CURLE_COULDNT_RESOLVE_PROXY)
		return err_set(err, kind,
			       "cannot talk to %s: the name of the proxy cannot "
			       "be found (%s); check http.proxy, or http_proxy "
			       "and https_proxy in the environment",
			       shown, failure->detail);
	if (failure->code != CURLE_COULDNT_CONNECT ||
	    !is_of_proxy(failure, options))
		return 0;
	return err_set(err, kind,
		       "cannot talk to %s: the proxy cannot be reached (%s); "
		       "check http.proxy, or http_proxy and https_proxy in the "
		       "environment",
		       shown, failure->detail);
}

static const char *ca_of(const struct http_options *options)
{
	return options->ca_file ? options->ca_file : options->ca_path;
}

/* A certificate that is out of date, or of another host, is no matter of CAs. */
static bool is_of_ca(const char *detail)
{
	return strstr(detail, "issuer") || strstr(detail, "self-signed") ||
	       strstr(detail, "self signed") || strstr(detail, "CA");
}

static int tls_failed(const struct connect_failure *failure,
		      const struct http_options *options, struct err *err)
{
	const char *detail = failure->detail, *ca = ca_of(options);
	char shown[URL_DISPLAY_MAX];

	url_display(failure->url, shown, sizeof(shown));
	switch (failure->code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(err, ERR_USAGE, "cannot trust %s: %s", shown, detail);
		if (is_of_ca(detail) && ca)
			err_append(err,
				   "; its certificate authority is not in '%s' "
				   "(http.sslCAInfo or GIT_SSL_CAINFO)",
				   ca);
		else if (is_of_ca(detail))
			err_append(err, "; set http.sslCAInfo to the file of "
					"its certificate authority");
		return -1;
	case CURLE_SSL_CACERT_BADFILE:
		if (!ca)
			ca = options->system_ca_file;
		return err_set(err, ERR_USAGE,
			       "cannot talk to %s: the certificate authorities "
			       "in '%s' cannot be read; check http.sslCAInfo "
			       "and GIT_SSL_CAINFO",
			       shown, ca ? ca : "the system's file");
	case CURLE_SSL_CERTPROBLEM:
		return err_set(err, ERR_USAGE,
			       "cannot talk to %s: %s; check http.sslCert and "
			       "http.sslKey, and if the key has a password, "
			       "http.sslCertPasswordProtected",
			       shown, detail);
	default:
		return 0;
	}
}

/*
 * The proxy has answered CONNECT: it cannot reach the server, which may pass, or
 * does not let us.
 */
static int tunnel_failed(const char *shown, long status, struct err *err)
{
	bool is_away = status == 408 || status == 429 ||
		       (status >= 500 && status != 501 && status != 511);

	if (status == 407)
		return err_set(err, ERR_USAGE,
			       "cannot talk to %s: " CONNECT_PROXY_LOGIN,
			       shown);
	return err_set(err, is_away ? ERR_OFFLINE : ERR_REFUSED,
		       "cannot talk to %s: the proxy answered %ld and opens no "
		       "tunnel to it; check http.proxy, or http_proxy and "
		       "https_proxy in the environment",
		       shown, status);
}

int connect_failed(void *easy, const struct http_shared *shared,
		   const struct connect_failure *failure, struct err *err)
{
	static const char unusable[] = "Unsupported proxy";
	enum err_kind kind = kind_of(easy, (CURLcode)failure->code);
	struct connect_failure known = *failure;
	struct http_options options = { 0 };
	char shown[URL_DISPLAY_MAX];
	long proxy_status = 0;

	url_display(failure->url, shown, sizeof(shown));
	if (shared->options_for)
		shared->options_for(shared->ctx, failure->url, &options);
	curl.easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status >= 400)
		return tunnel_failed(shown, proxy_status, err);
	if (!*known.detail)
		known.detail = curl.easy_strerror((CURLcode)failure->code);
	/* It goes on with the proxy's URL, password and all. */
	if (!strncmp(known.detail, unusable, strlen(unusable)))
		known.detail = "the URL of the proxy cannot be used";
	if (!tls_failed(&known, &options, err) &&
	    !strange_failed(&known, kind, err) &&
	    !proxy_failed(&known, &options, kind, err))
		err_set(err, kind, "cannot talk to %s: %s", shown,
			known.detail);
	if (kind == ERR_NETWORK && failure->code == CURLE_COULDNT_CONNECT)
		err->code = ECONNREFUSED;
	return -1;
}

#define ANSWERED UINT64_MAX

/* The entry of the host; NULL if there is no room for one. */
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
