/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/httpconf.h"
#include "test/unit/unit.h"

static const char *const variables[] = {
	"GIT_SSL_CAINFO",
	"GIT_SSL_CAPATH",
	"GIT_SSL_CERT",
	"GIT_SSL_KEY",
	"GIT_SSL_VERSION",
	"GIT_SSL_CIPHER_LIST",
	"GIT_SSL_NO_VERIFY",
	"GIT_HTTP_PROXY_AUTHMETHOD",
	"https_proxy",
	"HTTPS_PROXY",
	"http_proxy",
	"HTTP_PROXY",
	"all_proxy",
	"ALL_PROXY",
	"no_proxy",
	"NO_PROXY",
	"GIT_PROXY_SSL_CERT",
	"GIT_PROXY_SSL_KEY",
	"GIT_PROXY_SSL_CAINFO",
	"GIT_SSL_CERT_PASSWORD_PROTECTED",
	"GIT_PROXY_SSL_CERT_PASSWORD_PROTECTED",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
};

static int clear_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(variables); i++)
		unsetenv(variables[i]);
	setenv("HOME", "/home/me", 1);
	return 0;
}

static struct httpconf *conf_of(const char *text, size_t len,
				const char *remote)
{
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);
	struct httpconf *conf = httpconf_new(config, remote, &err);

	assert_string_equal(err.msg, "");
	assert_non_null(conf);
	gitconfig_free(config);
	return conf;
}

#define CONF(text, remote) conf_of(text, sizeof(text) - 1, remote)

static void nothing_said(void **state)
{
	struct httpconf *conf = CONF("", NULL);
	struct http_options options;

	(void)state;
	memset(&options, 'x', sizeof(options));
	httpconf_options_for(conf, "https://h/a", &options);
	assert_string_equal(options.proxy, "");
	assert_null(options.proxy_auth);
	assert_null(options.no_proxy);
	assert_null(options.ca_file);
	assert_null(options.ca_path);
	assert_null(options.cert);
	assert_null(options.key);
	assert_null(options.cert_password);
	assert_null(options.proxy_cert);
	assert_null(options.proxy_key);
	assert_null(options.proxy_cert_password);
	assert_null(options.proxy_ca_file);
	assert_null(options.ssl_version);
	assert_null(options.cipher_list);
	assert_null(options.cookie_file);
	assert_false(options.insecure);
	httpconf_free(conf);
	httpconf_free(NULL);
}

static const char everything[] = "http.proxy\nhttp://p:1\0"
				 "http.proxyauthmethod\nbasic\0"
				 "http.sslcainfo\n~/ca.pem\0"
				 "http.sslcapath\n/ca\0"
				 "http.sslcert\n~/cert.pem\0"
				 "http.sslkey\nkey.pem\0"
				 "http.proxysslcert\n~/proxy.pem\0"
				 "http.proxysslkey\n/proxy.key\0"
				 "http.proxysslcainfo\n~/proxy-ca.pem\0"
				 "http.sslversion\ntlsv1.2\0"
				 "http.sslcipherlist\nABC\0"
				 "http.cookiefile\n~/.gitcookies\0"
				 "http.sslverify\nfalse";

static void from_the_config(void **state)
{
	struct httpconf *conf = CONF(everything, NULL);
	struct http_options options;

	(void)state;
	httpconf_options_for(conf, "https://h/a", &options);
	assert_string_equal(options.proxy, "http://p:1");
	assert_string_equal(options.proxy_auth, "basic");
	assert_string_equal(options.ca_file, "/home/me/ca.pem");
	assert_string_equal(options.ca_path, "/ca");
	assert_string_equal(options.cert, "/home/me/cert.pem");
	assert_string_equal(options.key, "key.pem");
	assert_string_equal(options.proxy_cert, "/home/me/proxy.pem");
	assert_string_equal(options.proxy_key, "/proxy.key");
	assert_string_equal(options.proxy_ca_file, "/home/me/proxy-ca.pem");
	assert_string_equal(options.ssl_version, "tlsv1.2");
	assert_string_equal(options.cipher_list, "ABC");
	assert_string_equal(options.cookie_file, "/home/me/.gitcookies");
	assert_true(options.insecure);
	httpconf_free(conf);
}

static void from_the_environment(void **state)
{
	struct httpconf *conf;
	struct http_options options;

	(void)state;
	setenv("GIT_SSL_CAINFO", "~/not-expanded", 1);
	setenv("GIT_SSL_CAPATH", "", 1);
	setenv("GIT_SSL_CERT", "c", 1);
	setenv("GIT_SSL_KEY", "k", 1);
	setenv("GIT_PROXY_SSL_CERT", "pc", 1);
	setenv("GIT_PROXY_SSL_KEY", "pk", 1);
	setenv("GIT_PROXY_SSL_CAINFO", "pa", 1);
	setenv("GIT_SSL_VERSION", "v", 1);
	setenv("GIT_SSL_CIPHER_LIST", "l", 1);
	setenv("GIT_HTTP_PROXY_AUTHMETHOD", "digest", 1);
	setenv("https_proxy", "unused", 1);
	setenv("no_proxy", "h", 1);
	setenv("NO_PROXY", "unused", 1);
	conf = CONF(everything, NULL);
	httpconf_options_for(conf, "https://h/a", &options);
	assert_string_equal(options.proxy, "http://p:1");
	assert_string_equal(options.no_proxy, "h");
	httpconf_free(conf);
	setenv("no_proxy", "", 1);
	conf = CONF(everything, NULL);
	httpconf_options_for(conf, "https://h/a", &options);
	assert_string_equal(options.no_proxy, "unused");
	assert_string_equal(options.proxy_auth, "digest");
	assert_string_equal(options.ca_file, "~/not-expanded");
	assert_null(options.ca_path);
	assert_string_equal(options.cert, "c");
	assert_string_equal(options.key, "k");
	assert_string_equal(options.proxy_cert, "pc");
	assert_string_equal(options.proxy_key, "pk");
	assert_string_equal(options.proxy_ca_file, "pa");
	assert_string_equal(options.ssl_version, "v");
	assert_string_equal(options.cipher_list, "l");
	assert_true(options.insecure);
	httpconf_free(conf);
}

/* They do not replace each other's place, as those of git do. */
static void system_cas(void **state)
{
	struct httpconf *conf;
	struct http_options options;

	(void)state;
	conf = CONF("", NULL);
	httpconf_options_for(conf, "https://h/a", &options);
	assert_null(options.system_ca_file);
	assert_null(options.system_ca_path);
	httpconf_free(conf);
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	setenv("SSL_CERT_DIR", "/a:/b", 1);
	conf = CONF("", NULL);
	httpconf_options_for(conf, "https://h/a", &options);
	assert_null(options.ca_file);
	assert_string_equal(options.system_ca_file, "/dev/null");
	assert_string_equal(options.system_ca_path, "/a:/b");
	httpconf_free(conf);
	/* Go passes over what it cannot read; libcurl would not. */
	setenv("SSL_CERT_FILE", "/none/such", 1);
	setenv("SSL_CERT_DIR", "", 1);
	conf = CONF("", NULL);
	httpconf_options_for(conf, "https://h/a", &options);
	assert_null(options.system_ca_file);
	assert_null(options.system_ca_path);
	httpconf_free(conf);
}

static void by_url(void **state)
{
	static const char text[] = "http.https://h/a.sslcainfo\n/a.pem\0"
				   "http.https://h.sslcainfo\n/h.pem\0"
				   "http.sslcainfo\n/all.pem\0"
				   "http.https://h.sslverify\nno\0"
				   "http.https://h/a.sslverify\0"
				   "http.nonsense.sslcainfo\n/nonsense.pem\0"
				   "http.nonsense.sslverify\nmaybe\0"
				   "http.proxy\nhttp://p:1\0"
				   "http.https://*.near.example.proxy\n";
	static const struct {
		const char *url, *ca_file, *proxy;
		bool insecure;
	} cases[] = {
		{ "https://h/a/b?c", "/a.pem", "http://p:1", false },
		{ "https://h/b", "/h.pem", "http://p:1", true },
		{ "https://i/", "/all.pem", "http://p:1", false },
		{ "http://h/a", "/all.pem", "http://p:1", false },
		{ "https://x.near.example/", "/all.pem", "", false },
		{ "nonsense", "/all.pem", "http://p:1", false },
	};
	struct httpconf *conf = CONF(text, NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_options options;

		httpconf_options_for(conf, cases[i].url, &options);
		assert_string_equal(options.ca_file, cases[i].ca_file);
		assert_string_equal(options.proxy, cases[i].proxy);
		assert_int_equal(options.insecure, cases[i].insecure);
	}
	httpconf_free(conf);
}

static void proxies_of_the_environment(void **state)
{
	static const struct {
		const char *variable;	/* set beside those of the rows before */
		const char *value;
		const char *https, *http;
	} rows[] = {
		{ "HTTP_PROXY", "H", "H", "H" },
		{ "ALL_PROXY", "A", "A", "A" },
		{ "all_proxy", "a", "a", "a" },
		{ "http_proxy", "h", "a", "h" },
		{ "HTTPS_PROXY", "S", "S", "h" },
		{ "https_proxy", "s", "s", "h" },
		{ "https_proxy", "", "", "h" },
		{ "http_proxy", "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_options options;
		struct httpconf *conf;

		setenv(rows[i].variable, rows[i].value, 1);
		conf = CONF("", NULL);
		httpconf_options_for(conf, "https://h/", &options);
		assert_string_equal(options.proxy, rows[i].https);
		httpconf_options_for(conf, "http://h/", &options);
		assert_string_equal(options.proxy, rows[i].http);
		httpconf_free(conf);
	}
}

static void of_a_remote(void **state)
{
	static const char text[] = "remote.origin.proxy\nhttp://r:1\0"
				   "remote.origin.proxyauthmethod\nntlm\0"
				   "remote.direct.proxy\n\0"
				   "http.proxy\nhttp://p:1\0"
				   "http.https://h.proxy\nhttp://h:1";
	static const struct {
		const char *remote, *proxy, *proxy_auth;
	} cases[] = {
		{ "origin", "http://r:1", "ntlm" },
		{ "direct", "", NULL },
		{ "other", "http://h:1", NULL },
		{ "https://h/a.git", "http://h:1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct httpconf *conf = CONF(text, cases[i].remote);
		struct http_options options;

		httpconf_options_for(conf, "https://h/a", &options);
		assert_string_equal(options.proxy, cases[i].proxy);
		if (cases[i].proxy_auth)
			assert_string_equal(options.proxy_auth,
					    cases[i].proxy_auth);
		else
			assert_null(options.proxy_auth);
		httpconf_free(conf);
	}
}

static void no_verify(void **state)
{
	static const struct {
		const char *value;
		bool insecure;
	} cases[] = {
		{ "1", true },	      { "true", true }, { "yes", true },
		{ "anything", true }, { "", false },	{ "0", false },
		{ "False", false },   { "no", false },	{ "off", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_options options;
		struct httpconf *conf;

		setenv("GIT_SSL_NO_VERIFY", cases[i].value, 1);
		conf = CONF("http.sslverify\ntrue\0"
			    "http.https://h.sslverify\ntrue",
			    NULL);
		httpconf_options_for(conf, "https://h/", &options);
		assert_int_equal(options.insecure, cases[i].insecure);
		httpconf_free(conf);
	}
}

/* The certificate with a password at that place, and its key. */
static struct httpconf_cert protected_cert(const struct httpconf *conf,
					   size_t n)
{
	struct httpconf_cert cert;
	size_t pos = 0;

	do
		if (!httpconf_next_protected(conf, &pos, &cert))
			return (struct httpconf_cert){ .path = NULL };
	while (n--);
	return cert;
}

static void passwords(void **state)
{
	static const char text[] = "http.sslcert\na.pem\0"
				   "http.proxysslcert\np.pem\0"
				   "http.https://h.sslcert\nb.pem\0"
				   "http.sslcertpasswordprotected\nfalse\0"
				   "http.https://h.sslcertpasswordprotected";
	struct httpconf *conf = CONF(text, NULL);
	struct http_options options;

	(void)state;
	assert_string_equal(protected_cert(conf, 0).path, "a.pem");
	assert_string_equal(protected_cert(conf, 1).path, "b.pem");
	assert_null(protected_cert(conf, 2).path);
	httpconf_set_password(conf, "b.pem", "secret");
	httpconf_options_for(conf, "https://h/", &options);
	assert_string_equal(options.cert, "b.pem");
	assert_string_equal(options.cert_password, "secret");
	assert_null(options.proxy_cert_password);
	httpconf_options_for(conf, "https://i/", &options);
	assert_string_equal(options.cert, "a.pem");
	assert_null(options.cert_password);
	httpconf_free(conf);
}

/* Keys beside a certificate, and the environment's settings for all URLs. */
static void keys_of_certs(void **state)
{
	static const char text[] = "http.sslcert\na.pem\0"
				   "http.https://h/.sslcert\nb.pem\0"
				   "http.https://h/.sslkey\nb.key\0"
				   "http.sslkey\na.key\0"
				   "http.https://i/.sslcert\nc.pem\0"
				   "http.proxysslcert\np.pem\0"
				   "http.proxysslcertpasswordprotected\n1\0"
				   "http.sslcertpasswordprotected\n1";
	static const char *const certs[][2] = {
		{ "a.pem", "a.key" },
		{ "b.pem", "b.key" },
		{ "c.pem", "a.key" },
		{ "p.pem", NULL },
	};
	struct httpconf *conf = CONF(text, NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(certs); i++) {
		struct httpconf_cert cert = protected_cert(conf, i);

		assert_string_equal(cert.path, certs[i][0]);
		if (certs[i][1])
			assert_string_equal(cert.key, certs[i][1]);
		else
			assert_null(cert.key);
	}
	assert_null(protected_cert(conf, COUNT(certs)).path);
	httpconf_free(conf);
	setenv("GIT_SSL_KEY", "e.key", 1);
	setenv("GIT_PROXY_SSL_KEY", "p.key", 1);
	conf = CONF(text, NULL);
	assert_string_equal(protected_cert(conf, 1).key, "e.key");
	assert_string_equal(protected_cert(conf, 3).key, "p.key");
	httpconf_free(conf);
}

static void passwords_by_the_environment(void **state)
{
	static const char text[] = "http.sslcert\na.pem\0"
				   "http.proxysslcert\np.pem";
	struct httpconf *conf = CONF(text, NULL);
	struct http_options options;

	(void)state;
	assert_null(protected_cert(conf, 0).path);
	httpconf_free(conf);
	setenv("GIT_PROXY_SSL_CERT_PASSWORD_PROTECTED", "", 1);
	conf = CONF(text, NULL);
	assert_string_equal(protected_cert(conf, 0).path, "p.pem");
	assert_null(protected_cert(conf, 1).path);
	httpconf_set_password(conf, "p.pem", "secret");
	httpconf_options_for(conf, "https://h/", &options);
	assert_string_equal(options.proxy_cert_password, "secret");
	assert_null(options.cert_password);
	httpconf_free(conf);
	setenv("GIT_SSL_CERT_PASSWORD_PROTECTED", "false", 1);
	conf = CONF(text, NULL);
	assert_string_equal(protected_cert(conf, 0).path, "a.pem");
	assert_string_equal(protected_cert(conf, 1).path, "p.pem");
	httpconf_free(conf);
}

static void bad_values(void **state)
{
	static const char *const texts[] = {
		"http.sslverify\nmaybe",
		"http.https://h.sslverify\nmaybe",
		"http.sslcainfo\n~nobody-at-all/ca.pem",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config = gitconfig_parse(texts[i],
							   strlen(texts[i]),
							   &err);

		assert_null(httpconf_new(config, NULL, &err));
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, "http."));
		gitconfig_free(config);
	}
}

/* The options of a URL, from a config in the form of `git config -z --list`. */
static void assert_headers(const char *text, size_t len, const char *want)
{
	struct headers headers = HEADERS_INIT;
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse(text, len, &err);
	struct buf got = BUF_INIT(1000);

	assert_non_null(config);
	assert_int_equal(httpconf_add_headers(config, "https://h/x.git",
					      &headers, &err),
			 0);
	for (size_t i = 0; i < headers.n; i++)
		buf_printf(&got, "%s=%s|", headers.list[i].name,
			   headers.list[i].value);
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
	headers_release(&headers);
	gitconfig_free(config);
}

#define CONFIG(text) text, sizeof(text) - 1

static void headers_to_send(void **state)
{
	(void)state;
	assert_headers(CONFIG("a.b\nc\0"), "");
	assert_headers(CONFIG("http.extraheader\nA: 1\0"
			      "http.extraheader\n B :  2 \0"),
		       "A=1|B=2|");
	assert_headers(CONFIG("http.extraheader\nA: 1\0"
			      "http.https://h/.extraheader\nB: 2:3\0"
			      "http.https://i/.extraheader\nC: 4\0"),
		       "B=2:3|");
	assert_headers(CONFIG("http.extraheader\nA: 1\0"
			      "http.extraheader\n\0"
			      "http.extraheader\nno colon\0"
			      "http.extraheader\nB:\0"),
		       "B=|");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clear_environment)
	const struct CMUnitTest tests[] = {
		TEST(nothing_said),
		TEST(from_the_config),
		TEST(from_the_environment),
		TEST(system_cas),
		TEST(by_url),
		TEST(proxies_of_the_environment),
		TEST(of_a_remote),
		TEST(no_verify),
		TEST(passwords),
		TEST(keys_of_certs),
		TEST(passwords_by_the_environment),
		TEST(bad_values),
		TEST(headers_to_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
