/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/httpconf.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/urlmatch.h"
#include "lfs/net/url.h"

enum {
	CONFIG_MAX = 16 << 20
};

enum form {
	TEXT,
	PATH,
	FLAG
};

enum option {
	CA_FILE,
	CA_PATH,
	CERT,
	KEY,
	PROXY_CERT,
	PROXY_KEY,
	PROXY_CA_FILE,
	SSL_VERSION,
	CIPHER_LIST,
	COOKIE_FILE,
	PROXY_AUTH,
	NSTRINGS,	/* those above go into a string of struct http_options */
	PROXY = NSTRINGS,
	VERIFY,
	PROTECTED,
	PROXY_PROTECTED,
	NOPTIONS
};

/* Names of http.*, and what git lets the environment say instead. */
static const struct {
	const char *key;
	const char *variable;
	enum form form;
	size_t offset;	/* of a string in struct http_options */
} options_table[] = {
#define FIELD(name) offsetof(struct http_options, name)
	[CA_FILE] = { "sslCAInfo", "GIT_SSL_CAINFO", PATH, FIELD(ca_file) },
	[CA_PATH] = { "sslCAPath", "GIT_SSL_CAPATH", PATH, FIELD(ca_path) },
	[CERT] = { "sslCert", "GIT_SSL_CERT", PATH, FIELD(cert) },
	[KEY] = { "sslKey", "GIT_SSL_KEY", PATH, FIELD(key) },
	[PROXY_CERT] = { "proxySSLCert", "GIT_PROXY_SSL_CERT", PATH,
			 FIELD(proxy_cert) },
	[PROXY_KEY] = { "proxySSLKey", "GIT_PROXY_SSL_KEY", PATH,
			FIELD(proxy_key) },
	[PROXY_CA_FILE] = { "proxySSLCAInfo", "GIT_PROXY_SSL_CAINFO", PATH,
			    FIELD(proxy_ca_file) },
	[SSL_VERSION] = { "sslVersion", "GIT_SSL_VERSION", TEXT,
			  FIELD(ssl_version) },
	[CIPHER_LIST] = { "sslCipherList", "GIT_SSL_CIPHER_LIST", TEXT,
			  FIELD(cipher_list) },
	[COOKIE_FILE] = { "cookieFile", NULL, PATH, FIELD(cookie_file) },
	[PROXY_AUTH] = { "proxyAuthMethod", "GIT_HTTP_PROXY_AUTHMETHOD", TEXT,
			 FIELD(proxy_auth) },
#undef FIELD
	[PROXY] = { "proxy", NULL, TEXT, 0 },
	[VERIFY] = { "sslVerify", NULL, FLAG, 0 },
	[PROTECTED] = { "sslCertPasswordProtected",
			"GIT_SSL_CERT_PASSWORD_PROTECTED", FLAG, 0 },
	[PROXY_PROTECTED] = { "proxySSLCertPasswordProtected",
			      "GIT_PROXY_SSL_CERT_PASSWORD_PROTECTED", FLAG,
			      0 },
};

/*
 * The first variable that is set counts, and if it is empty there is no proxy.
 * git's order; only git-lfs reads those at the end of each list.
 */
static const char *const https_proxies[] = { "https_proxy", "HTTPS_PROXY",
					     "all_proxy",   "ALL_PROXY",
					     "http_proxy",  "HTTP_PROXY",
					     NULL };
static const char *const http_proxies[] = { "http_proxy", "all_proxy",
					    "ALL_PROXY", "HTTP_PROXY", NULL };

struct password {
	char *cert;
	char *value;
};

struct httpconf {
	/*
	 * http.* with paths expanded and flags as "true" or "false".  A value of
	 * the environment or the remote stands here instead of those of its key.
	 */
	struct gitconfig *config;
	/* These are borrowed from the environment. */
	const char *https_proxy;	/* "": none */
	const char *http_proxy;
	const char *no_proxy;	/* or NULL */
	const char *ca_file;	/* for Go and OpenSSL the system's, or NULL */
	const char *ca_path;
	struct password *passwords;
	size_t npasswords;
};

/* The value of the first that is set, or "". */
static const char *read_proxy(const char *const *names)
{
	const char *value = NULL;

	while (!value && *names)
		value = getenv(*names++);
	return value ? value : "";
}

/* NULL if it is empty. */
static const char *read_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/*
 * For git any value at all switches verification off.  git-lfs reads it as a
 * boolean, and we stand in its place: never less strict than it was.
 */
static bool is_verify_off(void)
{
	static const char *const refusals[] = { "",   "0",   "false",
						"no", "off", NULL };
	const char *value = getenv("GIT_SSL_NO_VERIFY");

	return value && !text_is_any(value, refusals);
}

/* The value that counts instead of the config's http.*, or NULL. */
static const char *find_override(const struct gitconfig *config,
				 const char *remote, enum option option)
{
	const char *variable = options_table[option].variable;
	const char *value = variable ? getenv(variable) : NULL;

	if (option == VERIFY)
		return is_verify_off() ? "false" : NULL;
	/* As in git, any value of the variable will do. */
	if (value && options_table[option].form == FLAG)
		return "true";
	if (!value && remote && (option == PROXY || option == PROXY_AUTH))
		value = gitconfig_get_sub(config, "remote", remote,
					  options_table[option].key);
	return value;
}

static int add_value(struct buf *text, const char *key, const char *value,
		     struct err *err)
{
	if (!buf_printf(text, "%s\n%s", key, value) && !buf_add(text, "", 1))
		return 0;
	return err_set(err, ERR_USAGE,
		       "the http part of the git config is too "
		       "long");
}

/* The value with its path expanded or its flag read, the caller's; or NULL. */
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

static int add_entry(struct buf *text, const struct gitconfig_entry *entry,
		     enum form form, struct err *err)
{
	char *value;
	int ret;

	if (entry->sub && !urlmatch_is_pattern(entry->sub))
		return 0;
	value = read_value(entry, form, err);
	ret = value ? add_value(text, entry->key, value, err) : -1;
	free(value);
	return ret;
}

static int add_option(struct buf *text, const struct gitconfig *config,
		      const char *remote, enum option option, struct err *err)
{
	const char *override = find_override(config, remote, option);
	const struct gitconfig_entry *entry;
	size_t pos = 0;
	char *key;
	int ret = 0;

	if (override) {
		key = xstrfmt("http.%s", options_table[option].key);
		ret = add_value(text, key, override, err);
		free(key);
		return ret;
	}
	while (!ret && (entry = gitconfig_each(config, &pos)))
		if (gitconfig_is(entry, "http", options_table[option].key))
			ret = add_entry(text, entry, options_table[option].form,
					err);
	return ret;
}

static int load_config(struct httpconf *conf, const struct gitconfig *config,
		       const char *remote, struct err *err)
{
	struct buf text = BUF_INIT(CONFIG_MAX);
	int ret = 0;

	for (enum option i = 0; !ret && i < NOPTIONS; i++)
		ret = add_option(&text, config, remote, i, err);
	if (!ret)
		conf->config = gitconfig_parse(buf_str(&text), text.len, err);
	buf_release(&text);
	return conf->config ? 0 : -1;
}

static void load_environment(struct httpconf *conf)
{
	conf->https_proxy = read_proxy(https_proxies);
	conf->http_proxy = read_proxy(http_proxies);
	/* Unlike the proxy variables, an empty no_proxy does not mask NO_PROXY. */
	conf->no_proxy = read_variable("no_proxy");
	if (!conf->no_proxy)
		conf->no_proxy = read_variable("NO_PROXY");
	/* Go, and so git-lfs, ignores a file of CAs that is not there. */
	conf->ca_file = read_variable("SSL_CERT_FILE");
	conf->ca_path = read_variable("SSL_CERT_DIR");
	if (conf->ca_file && access(conf->ca_file, R_OK))
		conf->ca_file = NULL;
}

struct httpconf *httpconf_new(const struct gitconfig *config,
			      const char *remote, struct err *err)
{
	struct httpconf *conf = xcalloc(1, sizeof(*conf));

	load_environment(conf);
	if (!load_config(conf, config, remote, err))
		return conf;
	httpconf_free(conf);
	return NULL;
}

static const char *find_value(const struct httpconf *conf, enum option option,
			      const char *url)
{
	const struct gitconfig_entry *entry =
		gitconfig_find_url(conf->config, "http", url,
				   options_table[option].key);

	return entry ? entry->value : NULL;
}

void httpconf_options_for(const void *httpconf, const char *url,
			  struct http_options *options)
{
	const struct httpconf *conf = httpconf;
	const char *verify = find_value(conf, VERIFY, url);

	*options = (struct http_options){
		.no_proxy = conf->no_proxy,
		.system_ca_file = conf->ca_file,
		.system_ca_path = conf->ca_path,
	};
	for (enum option i = 0; i < NSTRINGS; i++) {
		const char *value = find_value(conf, i, url);
		char *field = (char *)options + options_table[i].offset;

		if (value && *value)
			memcpy(field, &value, sizeof(value));
	}
	options->cert_password = httpconf_password(conf, options->cert);
	options->proxy_cert_password = httpconf_password(conf,
							 options->proxy_cert);
	options->insecure = verify && !strcmp(verify, "false");
	options->proxy = find_value(conf, PROXY, url);
	if (!options->proxy)
		options->proxy = url_is_https(url) ? conf->https_proxy :
						     conf->http_proxy;
}

/* Is this option true for any URL at all? */
static bool is_on_anywhere(const struct httpconf *conf, enum option option)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(conf->config, &pos)))
		if (gitconfig_is(entry, "http", options_table[option].key) &&
		    !strcmp(entry->value, "true"))
			return true;
	return false;
}

bool httpconf_next_protected(const struct httpconf *conf, size_t *pos,
			     struct httpconf_cert *cert)
{
	const struct gitconfig_entry *entry;

	while ((entry = gitconfig_each(conf->config, pos))) {
		bool is_proxy = gitconfig_is(entry, "http",
					     options_table[PROXY_CERT].key);
		enum option key = is_proxy ? PROXY_KEY : KEY;

		if ((!is_proxy &&
		     !gitconfig_is(entry, "http", options_table[CERT].key)) ||
		    !*entry->value ||
		    !is_on_anywhere(conf,
				    is_proxy ? PROXY_PROTECTED : PROTECTED))
			continue;
		cert->path = entry->value;
		cert->key = NULL;
		if (entry->sub)
			cert->key = gitconfig_get_sub(conf->config, "http",
						      entry->sub,
						      options_table[key].key);
		if (!cert->key)
			cert->key = find_value(conf, key, NULL);
		return true;
	}
	return false;
}

void httpconf_set_password(struct httpconf *conf, const char *cert,
			   const char *password)
{
	conf->passwords = xgrow(conf->passwords, conf->npasswords,
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
	for (size_t i = 0; i < conf->npasswords; i++) {
		free(conf->passwords[i].cert);
		free(conf->passwords[i].value);
	}
	free(conf->passwords);
	gitconfig_free(conf->config);
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

static const struct gitconfig_entry *find_headers(
	const struct gitconfig *config, const char *url)
{
	return gitconfig_find_url(config, "http", url, "extraheader");
}

int httpconf_add_headers(const struct gitconfig *config, const char *url,
			 struct headers *headers, struct err *err)
{
	const struct gitconfig_entry *entry = find_headers(config, url);
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
	const struct gitconfig_entry *entry = find_headers(config, url);

	return entry && entry->sub;
}
