/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/mem.h"
#include "lfs/server/netrc.h"
#include "test/unit/unit.h"

/*
 * The logins that git-lfs 3.3.0 sent for these files (seen at a server), except
 * for the places that netrc.h names.
 */
static const struct {
	const char *text;
	const char *login;	/* NULL: none */
	const char *password;
} cases[] = {
	{ "machine h login u password p\n", "u", "p" },
	{ "machine h\nlogin u\npassword p", "u", "p" },
	{ "machine h login u password #p\n", "u", "#p" },
	{ "machine h login u password \"p q\"\n", "u", "\"p" },
	{ "machine h login \"u\" password \"pq\"\n", "\"u\"", "\"pq\"" },
	{ "# c machine\nmachine h login u password p # login x\n", "u", "p" },
	{ "default login d password e\n", "d", "e" },
	{ "machine h login u\n", "u", "" },
	{ "machine h password p\n", "", "p" },
	{ "machine h account a login u password p\n", "u", "p" },
	{ "machine h login u password p\nmachine h login v password w\n", "u",
	  "p" },
	{ "junk\nmachine h login u password p\n", "u", "p" },
	{ "machine h login u password p junk\n", "u", "p" },
	{ "machine h login u password\n", "u", "" },
	{ "machine h login machine password login\n", "machine", "login" },
	{ "machine\nh login a#b password c#d\n", "a#b", "c#d" },
	{ "machine h:443 login u password p\n", NULL, NULL },
	{ "machine H login u password p\n", NULL, NULL },
	{ "machine hh login u password p\n", NULL, NULL },
	{ "machine x login h password h\n", NULL, NULL },
	{ "machine h\n", NULL, NULL },
	{ "machine h\ndefault login d password e\n", NULL, NULL },
	{ "machine", NULL, NULL },
	{ "", NULL, NULL },
	{ "machine\r\nh\r\nlogin\r\nu\r\npassword\tp\r\n", "u", "p" },
	/* A macro is no entry, and `default` may come first. */
	{ "machine x login y password z\nmacdef init\n"
	  "machine h login m password n\n\nmachine h login u password p\n",
	  "u", "p" },
	{ "macdef init\nmachine h login m password n\n", NULL, NULL },
	{ "default login d password e\nmachine h login u password p\n", "u",
	  "p" },
	{ "default login d password e\ndefault login f password g\n", "d",
	  "e" },
};

/* The same where the URL names the user u. */
static const struct {
	const char *text;
	const char *password;	/* NULL: none */
} of_user[] = {
	{ "machine h login v password w\nmachine h login u password p\n", "p" },
	{ "machine h login u password p\nmachine h login v password w\n", "p" },
	{ "machine h password w\nmachine h login u password p\n", "p" },
	{ "machine h\nmachine h login u password p\n", "p" },
	{ "machine h login u password p\nmachine h login u password w\n", "p" },
	{ "machine h login u\nmachine h login u password p\n", "" },
	{ "machine h password p login u\n", "p" },
	{ "machine h login v password w\ndefault login u password p\n", "p" },
	{ "default login u password w\nmachine h login u password p\n", "p" },
	{ "machine x login u password w\ndefault login u password p\n", "p" },
	{ "machine x login u password w\n", NULL },
	{ "machine h login v password w\n", NULL },
	{ "machine h login U password w\n", NULL },
	{ "machine h login uu password w\n", NULL },
	{ "machine h password w\n", NULL },
	/* git-lfs sends these, as d and as nobody. */
	{ "default login d password e\n", NULL },
	{ "default password e\n", NULL },
	{ "default login d password e\ndefault login u password p\n", "p" },
};

static bool find(const char *text, const char *user, struct netrc_login *login)
{
	const struct netrc_query query = { .host = "h", .user = user };

	return netrc_find(text, &query, login);
}

static void finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct netrc_login login = { NULL, NULL };
		bool found = find(cases[i].text, i % 2 ? "" : NULL, &login);

		if (found != (cases[i].login != NULL))
			fail_msg("'%s'", cases[i].text);
		if (!found)
			continue;
		assert_string_equal(login.login, cases[i].login);
		assert_string_equal(login.password, cases[i].password);
		netrc_login_release(&login);
	}
}

static void finds_the_named_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(of_user); i++) {
		struct netrc_login login = { NULL, NULL };
		bool found = find(of_user[i].text, "u", &login);

		if (found != (of_user[i].password != NULL))
			fail_msg("'%s'", of_user[i].text);
		if (!found)
			continue;
		assert_string_equal(login.login, "u");
		assert_string_equal(login.password, of_user[i].password);
		netrc_login_release(&login);
	}
}

static void no_file(void **state)
{
	const struct netrc_query query = { .host = "h" };
	struct netrc_login login;

	(void)state;
	assert_false(netrc_load("/nowhere/at/all", &query, &login));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(finds_the_named_user),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
