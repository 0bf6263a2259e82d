/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* setenv() */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/server/credential.h"
#include "test/unit/unit.h"

/*
 * test/t-credential.sh and t-login.sh compare with git-lfs.  Here a helper and
 * an askpass program, scripts that the test writes, count how often they are
 * asked; the password that they give stands in the file `password`.
 */

#define API "https://h.example/r.git/info/lfs"

static char dir[] = "/tmp/credential-XXXXXX";
static struct gitconfig *config;

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(name, 0700), 0);
}

static int enter(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	setenv("HOME", dir, 1);
	setenv("GIT_CONFIG_GLOBAL", "config", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	unsetenv("SSH_ASKPASS");
	write_file("helper", "#!/bin/sh\necho $1 >>record\n"
			     "test $1 = get && echo username=u && "
			     "echo password=$(cat password)\n"
			     "test $1 != erase || echo good >password\n");
	write_file("askpass",
		   "#!/bin/sh\necho ask >>record\n"
		   "case $1 in User*) echo u;; *) cat password;; esac\n");
	return 0;
}

static int leave(void **state)
{
	static const char *const files[] = { "helper",	 "askpass", "config",
					     "password", "record",  ".netrc" };

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(files[i]);
	return chdir("/") || rmdir(dir);
}

enum { HELPER = 1, ASKPASS = 2, NETRC = 4 };

/* Provide these places, in any combination; the password is `wrong`. */
static void set_up(unsigned what)
{
	struct err err = ERR_INIT;
	char text[200] = "";

	if (what & HELPER)
		snprintf(text, sizeof(text),
			 "[credential]\n\thelper = %s/helper\n", dir);
	write_file("config", text);
	write_file("password", "wrong\n");
	write_file("record", "");
	if (what & ASKPASS)
		snprintf(text, sizeof(text), "%s/askpass", dir);
	setenv("GIT_ASKPASS", what & ASKPASS ? text : "", 1);
	unlink(".netrc");
	if (what & NETRC)
		write_file(".netrc", "machine h.example login n password n\n");
	config = gitconfig_load(NULL, &err);
	assert_non_null(config);
}

static int tear_down(void **state)
{
	char command[80];

	(void)state;
	gitconfig_free(config);
	config = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s/credential-%lu'", dir,
		 (unsigned long)geteuid());
	return system(command);
}

static struct credentials *open_credentials(const char *where)
{
	static struct askcred ask;

	ask.config = config;
	return credentials_new(&ask, credshare_new(where, 1, &ask));
}

static void close_credentials(struct credentials *credentials)
{
	struct credshare *share = credentials_share(credentials);

	credentials_free(credentials);
	credshare_free(share);
}

static const struct credential_query api = { .api_url = API };

/* How often a line stands in the record of the scripts. */
static unsigned count(const char *line)
{
	FILE *file = fopen("record", "r");
	char text[80];
	unsigned n = 0;

	assert_non_null(file);
	while (fgets(text, sizeof(text), file))
		n += !strncmp(text, line, strlen(line));
	fclose(file);
	return n;
}

static void places_in_order(void **state)
{
	static const struct {
		const char *api_url, *remote_url;
		unsigned what;
		enum credential_source source;
		const char *authorization;
	} cases[] = {
		{ "https://u:p@h.example/x", NULL, NETRC | HELPER | ASKPASS,
		  CREDENTIAL_URL, "Basic dTpw" },
		{ API, "https://u:p@h.example/y", NETRC | HELPER | ASKPASS,
		  CREDENTIAL_URL, "Basic dTpw" },
		/* A password for another server is not sent. */
		{ API, "https://u:p@other.example/y", NETRC | HELPER | ASKPASS,
		  CREDENTIAL_NETRC, "Basic bjpu" },
		{ API, "http://u:p@h.example/y", NETRC, CREDENTIAL_NETRC,
		  "Basic bjpu" },
		/* The netrc has nothing for that user. */
		{ "https://u@h.example/x", NULL, NETRC | HELPER | ASKPASS,
		  CREDENTIAL_GIT, "Basic dTp3cm9uZw==" },
		{ API, NULL, HELPER | ASKPASS, CREDENTIAL_GIT,
		  "Basic dTp3cm9uZw==" },
		{ API, NULL, ASKPASS, CREDENTIAL_ASKPASS,
		  "Basic dTp3cm9uZw==" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct credential_query query = {
			.api_url = cases[i].api_url,
			.remote_url = cases[i].remote_url,
		};
		struct credentials *credentials;
		struct credential credential;
		struct err err = ERR_INIT;

		set_up(cases[i].what);
		credentials = open_credentials(NULL);
		assert_int_equal(credential_get(credentials, &query,
						&credential, &err),
				 0);
		assert_int_equal(credential.source, cases[i].source);
		assert_string_equal(credential.authorization,
				    cases[i].authorization);
		credential_release(&credential);
		close_credentials(credentials);
		tear_down(NULL);
	}
}

/* A failure is said without asking again, and quotes no password. */
static void nowhere(void **state)
{
	struct credentials *credentials;
	struct credential credential;
	struct err err = ERR_INIT, again = ERR_INIT;
	struct credtext lines;

	(void)state;
	set_up(0);
	credentials = open_credentials(NULL);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.msg, "no credential found for "
					"'https://h.example/'"));
	lines = credential_lines(credentials, &api);
	assert_true(credshare_knows(credentials_share(credentials),
				    CREDSHARE_FAILED, &lines, &again));
	credtext_release(&lines);
	assert_string_equal(again.msg, err.msg);
	/* Then no helper is asked, even if there is one now. */
	setenv("GIT_ASKPASS", "./askpass", 1);
	err_clear(&err);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 -1);
	assert_int_equal(count("ask"), 0);
	close_credentials(credentials);
}

static void in_url_only(void **state)
{
	struct credential_query query = { .api_url = API, .in_url_only = true };
	struct credentials *credentials;
	struct credential credential;
	struct err err = ERR_INIT;

	(void)state;
	set_up(NETRC | HELPER);
	credentials = open_credentials(dir);
	assert_int_equal(credential_get(credentials, &query, &credential, &err),
			 0);
	assert_null(credential.authorization);
	query.api_url = "https://u:p@h.example/x";
	assert_int_equal(credential_get(credentials, &query, &credential, &err),
			 0);
	assert_string_equal(credential.authorization, "Basic dTpw");
	credential_release(&credential);
	query.api_url = "https://u:p%0Ax@h.example/x";
	assert_int_equal(credential_get(credentials, &query, &credential, &err),
			 -1);
	assert_null(strstr(err.msg, "p%0Ax"));
	close_credentials(credentials);
	assert_int_equal(count(""), 0);
}

/* The helper forgets what the server refuses, and has another one. */
static void rejected(void **state)
{
	static const struct err final = { .kind = ERR_AUTH, .msg = "enough" };
	struct credentials *credentials;
	struct credential credential;
	struct err err = ERR_INIT;

	(void)state;
	set_up(HELPER);
	credentials = open_credentials(dir);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_string_equal(credential.authorization, "Basic dTp3cm9uZw==");
	credential_reject(credentials, &credential, NULL);
	credential_release(&credential);
	assert_int_equal(count("erase"), 1);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_string_equal(credential.authorization, "Basic dTpnb29k");
	assert_int_equal(count("store"), 0);
	credential_approve(credentials, &credential);
	assert_int_equal(count("store"), 1);
	/* That was the last one: nobody is asked from now on. */
	credential_reject(credentials, &credential, &final);
	credential_release(&credential);
	write_file("record", "");
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 -1);
	assert_string_equal(err.msg, "enough");
	assert_int_equal(count("get"), 0);
	close_credentials(credentials);
}

static void rejected_in_netrc(void **state)
{
	struct credentials *credentials;
	struct credential credential;
	struct err err = ERR_INIT;

	(void)state;
	set_up(NETRC | HELPER);
	credentials = open_credentials(dir);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_int_equal(credential.source, CREDENTIAL_NETRC);
	credential_reject(credentials, &credential, NULL);
	credential_release(&credential);
	assert_int_equal(count("erase"), 0);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_int_equal(credential.source, CREDENTIAL_GIT);
	credential_approve(credentials, &credential);
	credential_release(&credential);
	close_credentials(credentials);
}

static char step(int fd)
{
	char c = 0;

	return read(fd, &c, 1) == 1 ? c : 0;
}

/* The second process: what it gets, and then it rejects that. */
static void second(int in, int out)
{
	struct credentials *credentials = open_credentials(dir);
	struct credential credential;
	struct err err = ERR_INIT;

	if (write(out, "w", 1) != 1 ||
	    credential_get(credentials, &api, &credential, &err) ||
	    credential.source != CREDENTIAL_SHARED ||
	    strcmp(credential.authorization, "Basic dTp3cm9uZw==") != 0)
		_exit(1);
	if (write(out, "g", 1) != 1 || step(in) != 'r')
		_exit(2);
	credential_reject(credentials, &credential, NULL);
	credential_release(&credential);
	close_credentials(credentials);
	_exit(0);
}

/* One question for two processes, and another one after it was refused. */
static void two_processes(void **state)
{
	struct credentials *credentials;
	struct credential credential;
	struct err err = ERR_INIT;
	int to[2], from[2], status;
	pid_t pid;

	(void)state;
	set_up(ASKPASS);
	credentials = open_credentials(dir);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_int_equal(credential.source, CREDENTIAL_ASKPASS);
	assert_int_equal(pipe(to) || pipe(from), 0);
	pid = fork();
	if (!pid) {
		close(to[1]);
		second(to[0], from[1]);
	}
	close(from[1]);
	assert_int_equal(step(from[0]), 'w');
	credential_approve(credentials, &credential);
	credential_release(&credential);
	assert_int_equal(step(from[0]), 'g');
	/* Both times it was asked for a name and a password. */
	assert_int_equal(count("ask"), 2);
	assert_int_equal(write(to[1], "r", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(credential_get(credentials, &api, &credential, &err),
			 0);
	assert_int_equal(credential.source, CREDENTIAL_ASKPASS);
	assert_int_equal(count("ask"), 4);
	credential_release(&credential);
	close_credentials(credentials);
	close(to[0]);
	close(to[1]);
	close(from[0]);
}

/* A login that is lent is there for others, as long as the lender is. */
static void lent(void **state)
{
	struct credentials *one, *two;
	struct credential credential;
	struct err err = ERR_INIT;
	int ready[2];
	pid_t pid;

	(void)state;
	set_up(ASKPASS);
	/* With another agent there, the end of `one` is not that of all. */
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		open_credentials(dir);
		if (write(ready[1], "o", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(step(ready[0]), 'o');
	one = open_credentials(dir);
	two = open_credentials(dir);
	assert_int_equal(credential_get(one, &api, &credential, &err), 0);
	credential_lend(one, &credential);
	credential_release(&credential);
	assert_int_equal(credential_get(two, &api, &credential, &err), 0);
	assert_int_equal(credential.source, CREDENTIAL_SHARED);
	credential_release(&credential);
	assert_int_equal(count("ask"), 2);
	close_credentials(one);
	assert_int_equal(credential_get(two, &api, &credential, &err), 0);
	assert_int_equal(credential.source, CREDENTIAL_ASKPASS);
	credential_release(&credential);
	close_credentials(two);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_in_order),
		TEST(nowhere),
		TEST(in_url_only),
		TEST(rejected),
		TEST(rejected_in_netrc),
		TEST(two_processes),
		TEST(lent),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
