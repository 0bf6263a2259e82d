/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/httpconf.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/urlmatch.h"
#include "lfs/net/url.h"

enum form {
	TEXT,
	PATH,
	FLAG
};

/* Names of http.*, and what git lets the environment say instead. */
static const struct option {
	const char *key;
	const char *variable;
	enum form form;
	size_t offset;	/* of a string in struct http_options */
} options_table[] = {
#define FIELD(name) offsetof(struct http_options, name)
	{ "sslCAInfo", "GIT_SSL_CAINFO", PATH, FIELD(ca_file) },
	{ "sslCAPath", "GIT_SSL_CAPATH", PATH, FIELD(ca_path) },
	{ "sslCert", "GIT_SSL_CERT", PATH, FIELD(cert) },
	{ "sslKey", "GIT_SSL_KEY", PATH, FIELD(key) },
	{ "proxySSLCert", "GIT_PROXY_SSL_CERT", PATH, FIELD(proxy_cert) },
	{ "proxySSLKey", "GIT_PROXY_SSL_KEY", PATH, FIELD(proxy_key) },
	{ "proxySSLCAInfo", "GIT_PROXY_SSL_CAINFO", PATH,
	  FIELD(proxy_ca_file) },
	{ "sslVersion", "GIT_SSL_VERSION", TEXT, FIELD(ssl_version) },
	{ "sslCipherList", "GIT_SSL_CIPHER_LIST", TEXT, FIELD(cipher_list) },
	{ "cookieFile", NULL, PATH, FIELD(cookie_file) },
	{ "proxyAuthMethod", "GIT_HTTP_PROXY_AUTHMETHOD", TEXT,
	  FIELD(proxy_auth) },
#undef FIELD
	/* These have rules of their own. */
	{ "proxy", NULL, TEXT, 0 },
	{ "sslVerify", NULL, FLAG, 0 },
	{ "sslCertPasswordProtected", NULL, FLAG, 0 },
	{ "proxySSLCertPasswordProtected", NULL, FLAG, 0 },
};

enum {
	NOPTIONS = sizeof(options_table) / sizeof(options_table[0]),
	PROXY_PROTECTED = NOPTIONS - 1,
	PROTECTED = NOPTIONS - 2,
	SSL_VERIFY = NOPTIONS - 3,
	PROXY = NOPTIONS - 4,
	PROXY_AUTH = NOPTIONS - 5,
	NSTRINGS = PROXY	/* the options before */
};

/*
 * The first that is set counts, and if it is empty there is no proxy.  git's
 * order, but for the variables at the end of each line, which only git-lfs
 * knows.
 */
static const char *const https_proxies[] = { "https_proxy", "HTTPS_PROXY",
					     "all_proxy",   "ALL_PROXY",
					     "http_proxy",  "HTTP_PROXY",
					     NULL };
static const char *const http_proxies[] = { "http_proxy", "all_proxy",
					    "ALL_PROXY", "HTTP_PROXY", NULL };

/* One value from the config. */
struct rule {
	size_t option;
	char *url;	/* as it is written; NULL: any */
	char *value;
};

struct password {
	char *cert;
	char *value;
};

struct httpconf {
	struct rule *rules;
	size_t nrules;
	char *fixed[NOPTIONS];	/* what the config cannot change, or NULL */
	char *https_proxy;	/* from the environment; "": none */
	char *http_proxy;
	char *no_proxy;	/* or NULL */
	char *ca_file;	/* for Go and OpenSSL the system's, or NULL */
	char *ca_path;
	struct password *passwords;
	size_t npasswords;
};

static char *first_set(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value)
			return xstrdup(value);
	}
	return NULL;
}

static char *or_empty(char *value)
{
	return value ? value : xstrdup("");
}

/* The value as options_for() needs it; NULL with an error. */
static char *read_value(const struct gitconfig_entry *entry, enum form form,
			struct err *err)
{
	bool flag;

	if (form == PATH)
		return gitconfig_expand_path(entry, err);
	if (form == TEXT)
		return xstrdup(entry->value);
	if (gitconfig_parse_bool(entry, &flag, err))
		return NULL;
	return xstrdup(flag ? "true" : "false");
}

/* Add a rule, if the entry makes one. */
static int add_rule(struct httpconf *conf, const struct gitconfig_entry *entry,
		    size_t option, struct err *err)
{
	const struct option *opt = &options_table[option];
	struct rule rule = { .option = option };

	if (!gitconfig_is(entry, "http", opt->key))
		return 0;
	rule.value = read_value(entry, opt->form, err);
	if (!rule.value)
		return -1;
	rule.url = entry->sub ? xstrdup(entry->sub) : NULL;
	conf->rules = xreallocarray(conf->rules, conf->nrules + 1,
				    sizeof(*conf->rules));
	conf->rules[conf->nrules++] = rule;
	return 0;
}

static int add_rules(struct httpconf *conf, const struct gitconfig *config,
		     struct err *err)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		for (size_t i = 0; i < NOPTIONS; i++)
			if (add_rule(conf, entry, i, err))
				return -1;
	return 0;
}

/*
 * For git any value at all switches verification off.  git-lfs reads it as a
 * boolean, and we stand in its place: never less strict than it was.
 */
static bool is_verify_off(void)
{
	static const char *const refusals[] = { "", "0", "false", "no", "off" };
	const char *value = getenv("GIT_SSL_NO_VERIFY");

	if (!value)
		return false;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (!strcasecmp(value, refusals[i]))
			return false;
	return true;
}

static void fix_by_remote(struct httpconf *conf, size_t option,
			  const struct gitconfig *config, const char *remote)
{
	const char *value = gitconfig_get_sub(config, "remote", remote,
					      options_table[option].key);

	if (value && !conf->fixed[option])
		conf->fixed[option] = xstrdup(value);
}

/* NULL if it is empty. */
static char *non_empty(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? xstrdup(value) : NULL;
}

/* As Go, and so git-lfs, finds them; it passes over a file that is not there. */
static void find_system_cas(struct httpconf *conf)
{
	conf->ca_file = non_empty("SSL_CERT_FILE");
	conf->ca_path = non_empty("SSL_CERT_DIR");
	if (conf->ca_file && access(conf->ca_file, R_OK)) {
		free(conf->ca_file);
		conf->ca_file = NULL;
	}
}

static void fix_by_environment(struct httpconf *conf)
{
	for (size_t i = 0; i < NSTRINGS; i++) {
		const char *const names[] = { options_table[i].variable, NULL };

		conf->fixed[i] = first_set(names);
	}
	if (is_verify_off())
		conf->fixed[SSL_VERIFY] = xstrdup("false");
	/* As in git, any value will do. */
	if (getenv("GIT_SSL_CERT_PASSWORD_PROTECTED"))
		conf->fixed[PROTECTED] = xstrdup("true");
	if (getenv("GIT_PROXY_SSL_CERT_PASSWORD_PROTECTED"))
		conf->fixed[PROXY_PROTECTED] = xstrdup("true");
	conf->https_proxy = or_empty(first_set(https_proxies));
	conf->http_proxy = or_empty(first_set(http_proxies));
	/* An empty one does not stand in the other's way, unlike a proxy. */
	conf->no_proxy = non_empty("no_proxy");
	if (!conf->no_proxy)
		conf->no_proxy = non_empty("NO_PROXY");
	find_system_cas(conf);
}

struct httpconf *httpconf_new(const struct gitconfig *config,
			      const char *remote, struct err *err)
{
	struct httpconf *conf = xcalloc(1, sizeof(*conf));

	fix_by_environment(conf);
	if (remote) {
		fix_by_remote(conf, PROXY, config, remote);
		fix_by_remote(conf, PROXY_AUTH, config, remote);
	}
	if (add_rules(conf, config, err)) {
		httpconf_free(conf);
		return NULL;
	}
	return conf;
}

static const char *find(const struct httpconf *conf, size_t option,
			const struct urlmatch *url)
{
	struct urlmatch_rank best = { .host = 0 };
	const char *value = conf->fixed[option];

	if (value)
		return value;
	for (size_t i = 0; i < conf->nrules; i++) {
		const struct rule *rule = &conf->rules[i];
		struct urlmatch_rank rank = { .host = 0 };

		if (rule->option != option ||
		    !urlmatch_is_match(rule->url, url, &rank) ||
		    urlmatch_compare(&rank, &best) < 0)
			continue;
		value = rule->value;
		best = rank;
	}
	return value;
}

void httpconf_options_for(const void *httpconf, const char *url,
			  struct http_options *options)
{
	const struct httpconf *conf = httpconf;
	struct urlmatch *match = urlmatch_new(url);
	const char *verify = find(conf, SSL_VERIFY, match);

	*options = (struct http_options){
		.no_proxy = conf->no_proxy,
		.system_ca_file = conf->ca_file,
		.system_ca_path = conf->ca_path,
	};
	for (size_t i = 0; i < NSTRINGS; i++) {
		const char *value = find(conf, i, match);
		char *field = (char *)options + options_table[i].offset;

		if (value && *value)
			memcpy(field, &value, sizeof(value));
	}
	options->cert_password = httpconf_password(conf, options->cert);
	options->proxy_cert_password = httpconf_password(conf,
							 options->proxy_cert);
	options->insecure = verify && !strcmp(verify, "false");
	options->proxy = find(conf, PROXY, match);
	if (!options->proxy)
		options->proxy = url_is_https(url) ? conf->https_proxy :
						     conf->http_proxy;
	urlmatch_free(match);
}

/* The values of the environment, then those of the config. */
static const char *value_at(const struct httpconf *conf, size_t i,
			    size_t *option)
{
	*option = i < NOPTIONS ? i : conf->rules[i - NOPTIONS].option;
	return i < NOPTIONS ? conf->fixed[i] : conf->rules[i - NOPTIONS].value;
}

/* For any URL at all? */
static bool is_on(const struct httpconf *conf, size_t wanted)
{
	for (size_t i = 0; i < NOPTIONS + conf->nrules; i++) {
		size_t option;
		const char *value = value_at(conf, i, &option);

		if (option == wanted && value && !strcmp(value, "true"))
			return true;
	}
	return false;
}

const char *httpconf_protected_cert(const struct httpconf *conf, size_t *pos)
{
	const bool is_protected = is_on(conf, PROTECTED);
	const bool is_proxy_protected = is_on(conf, PROXY_PROTECTED);

	while (*pos < NOPTIONS + conf->nrules) {
		size_t option, offset;
		const char *value = value_at(conf, (*pos)++, &option);

		if (!value || !*value || option >= NSTRINGS)
			continue;
		offset = options_table[option].offset;
		if ((is_protected &&
		     offset == offsetof(struct http_options, cert)) ||
		    (is_proxy_protected &&
		     offset == offsetof(struct http_options, proxy_cert)))
			return value;
	}
	return NULL;
}

static bool is_same_place(const struct rule *a, const struct rule *b)
{
	return a->url && b->url ? !strcmp(a->url, b->url) : a->url == b->url;
}

/* The option of a certificate's key follows its own. */
static const char *key_beside(const struct httpconf *conf,
			      const struct rule *cert)
{
	const char *key = conf->fixed[cert->option + 1];

	for (size_t i = 0; !key && i < conf->nrules; i++)
		if (conf->rules[i].option == cert->option + 1 &&
		    is_same_place(&conf->rules[i], cert))
			key = conf->rules[i].value;
	return key;
}

const char *httpconf_key(const struct httpconf *conf, const char *cert)
{
	const size_t ends[] = { offsetof(struct http_options, cert),
				offsetof(struct http_options, proxy_cert) };

	for (size_t i = 0; i < NOPTIONS + conf->nrules; i++) {
		struct rule rule = { .url = NULL };
		const char *value = value_at(conf, i, &rule.option);
		size_t offset = options_table[rule.option].offset;

		if (!value || strcmp(value, cert) ||
		    (offset != ends[0] && offset != ends[1]))
			continue;
		if (i >= NOPTIONS)
			rule = conf->rules[i - NOPTIONS];
		return key_beside(conf, &rule);
	}
	return NULL;
}

void httpconf_set_password(struct httpconf *conf, const char *cert,
			   const char *password)
{
	conf->passwords = xreallocarray(conf->passwords, conf->npasswords + 1,
					sizeof(*conf->passwords));
	conf->passwords[conf->npasswords++] = (struct password){
		.cert = xstrdup(cert), .value = xstrdup(password)
	};
}

const char *httpconf_password(const struct httpconf *conf, const char *cert)
{
	for (size_t i = 0; cert && i < conf->npasswords; i++)
		if (!strcmp(conf->passwords[i].cert, cert))
			return conf->passwords[i].value;
	return NULL;
}

void httpconf_free(struct httpconf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->nrules; i++) {
		free(conf->rules[i].url);
		free(conf->rules[i].value);
	}
	free(conf->rules);
	for (size_t i = 0; i < NOPTIONS; i++)
		free(conf->fixed[i]);
	for (size_t i = 0; i < conf->npasswords; i++) {
		free(conf->passwords[i].cert);
		free(conf->passwords[i].value);
	}
	free(conf->passwords);
	free(conf->https_proxy);
	free(conf->http_proxy);
	free(conf->no_proxy);
	free(conf->ca_file);
	free(conf->ca_path);
	free(conf);
}

static int add_header(struct headers *headers, const char *line,
		      struct err *err)
{
	size_t len = strcspn(line, ":");
	char *name, *value;
	int ret;

	if (!*line)
		headers_release(headers);
	if (!line[len])
		return 0;
	name = text_trim(line, len);
	value = text_trim(line + len + 1, strlen(line + len + 1));
	ret = headers_add(headers, name, value, err);
	free(name);
	free(value);
	return ret;
}

int httpconf_add_headers(const struct gitconfig *config, const char *url,
			 struct headers *headers, struct err *err)
{
	const struct gitconfig_entry *entry = gitconfig_find_url(config, "http",
								 url,
								 "extraheader");
	struct headers extra = HEADERS_INIT;
	size_t pos = 0;
	const char *line;
	int ret = 0;

	if (!entry)
		return 0;
	while (!ret && (line = gitconfig_next(config, entry->key, &pos)))
		ret = add_header(&extra, line, err);
	if (ret)
		err_wrap(err, "http.extraHeader");
	else
		ret = headers_add_all(headers, &extra, err);
	headers_release(&extra);
	return ret;
}

bool httpconf_has_headers_for(const struct gitconfig *config, const char *url)
{
	const struct gitconfig_entry *entry = gitconfig_find_url(config, "http",
								 url,
								 "extraheader");

	return entry && entry->sub;
}
