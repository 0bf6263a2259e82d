/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* setenv() */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/json.h"
#include "lfs/server/credshare.h"
#include "lfs/server/ssh.h"
#include "test/unit/unit.h"

/* A program in the place of ssh counts how often it is run. */
static char dir[] = "/tmp/sshauth-XXXXXX";
static char script[64], runs[64];

static int make_place(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(script, sizeof(script), "%s/ssh", dir);
	snprintf(runs, sizeof(runs), "%s/runs", dir);
	return setenv("GIT_SSH", script, 1);
}

static int remove_place(void **state)
{
	(void)state;
	remove(script);
	remove(runs);
	return rmdir(dir);
}

static void write_script(const char *body)
{
	FILE *file = fopen(script, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho >>%s\n%s\n", runs, body);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(script, 0700), 0);
	unlink(runs);
}

static long count_runs(void)
{
	struct stat st;

	return stat(runs, &st) ? 0 : (long)st.st_size;
}

static struct ssh_address address = { .host = "h", .path = "a" };
static const struct askcred asking;

/* The share of two agents; NULL: each update has one of its own. */
static struct credshare *share;

static int update(struct sshauth *auth, const char *config_text,
		  struct err *err)
{
	struct gitconfig *config = gitconfig_parse(config_text,
						   strlen(config_text), err);
	struct credshare *own = share ? NULL : credshare_new(NULL, 0, &asking);
	int ret;

	auth->options.config = config;
	auth->options.ssh = &address;
	auth->options.direction = DOWNLOAD;
	auth->options.share = share ? share : own;
	while ((ret = sshauth_update(auth, err)) > 0)
		err_clear(err);
	credshare_free(own);
	gitconfig_free(config);
	return ret;
}

static void asked_once(void **state)
{
	struct sshauth auth = { .has_reply = false };
	struct err err = ERR_INIT;

	(void)state;
	write_script("echo '{\"href\": \"https://l.example/x\","
		     "\"header\": {\"A\": \"b\"}, \"expires_in\": 600}'");
	assert_null(auth.reply.href);
	for (int i = 0; i < 3; i++)
		assert_int_equal(update(&auth, "", &err), 0);
	assert_int_equal(count_runs(), 1);
	assert_string_equal(auth.reply.href, "https://l.example/x");
	assert_string_equal(headers_get(&auth.reply.headers, "a"), "b");
	sshauth_release(&auth);
	assert_null(auth.reply.href);
}

static void asked_again_when_it_runs_out(void **state)
{
	struct sshauth auth = { .has_reply = false };
	struct err err = ERR_INIT;

	(void)state;
	write_script("echo '{\"expires_in\": 5}'");
	for (int i = 0; i < 3; i++)
		assert_int_equal(update(&auth, "", &err), 0);
	assert_int_equal(count_runs(), 3);
	auth.reply.expires = 100;
	assert_true(sshauth_is_fresh(&auth, 94));
	assert_false(sshauth_is_fresh(&auth, 95));
	sshauth_release(&auth);
	assert_false(sshauth_is_fresh(&auth, 94));

	write_script("echo '{}'");
	for (int i = 0; i < 3; i++)
		assert_int_equal(update(&auth, "lfs.defaulttokenttl\n3", &err),
				 0);
	assert_int_equal(count_runs(), 3);
	sshauth_release(&auth);
	for (int i = 0; i < 3; i++)
		assert_int_equal(update(&auth, "lfs.defaulttokenttl\n-3", &err),
				 0);
	assert_int_equal(count_runs(), 4);
	sshauth_release(&auth);
}

static void asked_again_when_it_fails(void **state)
{
	struct sshauth auth = { .has_reply = false };
	struct err err = ERR_INIT;

	(void)state;
	write_script("exit 255");
	assert_int_equal(update(&auth, "", &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.msg, "255"));
	assert_int_equal(count_runs(), 6);

	err_clear(&err);
	write_script("exit 1");
	assert_int_equal(update(&auth, "lfs.ssh.retries\n0", &err), -1);
	assert_int_equal(count_runs(), 1);

	err_clear(&err);
	write_script("echo nonsense");
	assert_int_equal(update(&auth, "lfs.ssh.retries\n1", &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_int_equal(count_runs(), 2);

	err_clear(&err);
	assert_int_equal(update(&auth, "lfs.ssh.retries\nmany", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);

	err_clear(&err);
	write_script("test -s \"$0.again\" || { echo >$0.again; exit 1; };"
		     "rm $0.again; echo '{}'");
	assert_int_equal(update(&auth, "", &err), 0);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(count_runs(), 2);
	sshauth_release(&auth);
}

/* With what the git server, or ssh, said of it. */
static void why_it_failed(void **state)
{
	static const char *const cases[][2] = {
		{ "", "git-lfs-authenticate" },
		{ "echo 'ERROR: no.' >&2", "git-lfs-authenticate: ERROR: no." },
		{ "printf 'Hello\\r\\n\\033[1mbye\\r\\n\\r\\n' >&2",
		  "git-lfs-authenticate: ?[1mbye" },
		{ "printf 'remote: \\nremote: ===\\nremote: \\nremote: ERROR: no\\n"
		  "remote: \\nremote: ===\\nremote:\\n' >&2",
		  "git-lfs-authenticate: ERROR: no" },
		{ "seq 20000 >&2; echo https://u:p@h/?q >&2",
		  "git-lfs-authenticate: https://...@h/?..." },
		/* One that stays, as of a ControlMaster, is not waited for. */
		{ "sleep 30 >&2 & echo last >&2",
		  "git-lfs-authenticate: last" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sshauth auth = { .has_reply = false };
		struct err err = ERR_INIT;
		char body[256];

		snprintf(body, sizeof(body), "%s\nexit 1", cases[i][0]);
		write_script(body);
		assert_int_equal(update(&auth, "lfs.ssh.retries\n0", &err), -1);
		assert_non_null(strstr(err.msg, "status 1 when"));
		assert_string_equal(strstr(err.msg, "git-lfs-auth"),
				    cases[i][1]);
		sshauth_release(&auth);
	}
}

static void a_server_without_it(void **state)
{
	static const char *const answers[] = {
		"exit 127",
		"echo 'fatal: Gerrit Code Review: git-lfs-authenticate: "
		"not found' >&2; exit 1",
		"echo 'bash: git-lfs-authenticate: command not found' >&2; "
		"echo 'Bye.' >&2; exit 2",
		"echo '/x/git-lfs-authenticate: No such file or directory' "
		">&2; exit 126",
		"echo 'zsh:1: command not found: GIT-LFS-AUTHENTICATE' >&2; "
		"exit 1",
	};
	static const char *const others[] = {
		"echo 'repository: not found' >&2; exit 1",
		"echo 'git-lfs-authenticate: not founded' >&2; exit 0",
	};
	struct sshauth auth = { .has_reply = false };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t n = 0; n < COUNT(answers); n++) {
		write_script(answers[n]);
		for (int i = 0; i < 2; i++)
			assert_int_equal(update(&auth, "", &err), 0);
		assert_int_equal(count_runs(), 1);
		assert_true(sshauth_is_empty(&auth));
		sshauth_release(&auth);
	}
	for (size_t n = 0; n < COUNT(others); n++) {
		write_script(others[n]);
		assert_int_equal(update(&auth, "lfs.ssh.retries\n0", &err), -1);
		assert_int_equal(count_runs(), 1);
		err_clear(&err);
	}
	sshauth_release(&auth);
}

static bool stop(void *ctx)
{
	(void)ctx;
	return true;
}

static void stopped(void **state)
{
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse("", 0, &err);
	struct sshauth auth = { .options = { .config = config,
					     .ssh = &address,
					     .direction = DOWNLOAD,
					     .stop = stop_when(stop, NULL) } };

	(void)state;
	write_script("exec sleep 20");
	auth.options.share = credshare_new(NULL, 0, &asking);
	assert_int_equal(sshauth_update(&auth, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_true(count_runs() <= 1);
	credshare_free(auth.options.share);
	sshauth_release(&auth);
	gitconfig_free(config);
}

static void no_ssh(void **state)
{
	const struct ssh_address none = { .host = NULL };
	struct sshauth auth = { .has_reply = false };
	struct err err = ERR_INIT;

	(void)state;
	write_script("exit 1");
	assert_int_equal(sshauth_update(&auth, &err), 0);
	auth.options.ssh = &none;
	assert_int_equal(sshauth_update(&auth, &err), 0);
	assert_int_equal(count_runs(), 0);
	assert_false(auth.has_reply);
}

static void end_daemon(void)
{
	char command[200];

	snprintf(command, sizeof(command),
		 "git credential-cache --socket %s/credential-*/socket exit "
		 "2>/dev/null; rm -rf %s/credential-*",
		 dir, dir);
	assert_int_equal(system(command), 0);
}

static void shared(void **state)
{
	struct sshauth one = { .has_reply = false }, two = one;
	struct err err = ERR_INIT;

	(void)state;
	share = credshare_new(dir, 1, &asking);
	write_script("printf '{\"href\":\\n \"https://l.example/x\",\\r\\n"
		     "\"header\": {\"A\": \"b\"}}\\n'");
	assert_int_equal(update(&one, "", &err), 0);
	assert_int_equal(update(&two, "", &err), 0);
	assert_int_equal(count_runs(), 1);
	assert_false(one.was_used);
	assert_true(two.was_used);
	assert_string_equal(two.reply.href, "https://l.example/x");
	assert_string_equal(headers_get(&two.reply.headers, "a"), "b");
	assert_false(credshare_is_locked(share, CREDSHARE_LOGIN));
	/* Refused: who had it from another asks again, and nobody gets it. */
	assert_true(sshauth_refused(&two));
	assert_int_equal(update(&two, "", &err), 0);
	assert_int_equal(count_runs(), 2);
	assert_false(sshauth_refused(&two));
	sshauth_release(&one);
	assert_int_equal(update(&one, "", &err), 0);
	assert_int_equal(count_runs(), 3);
	/* The reply has expired. */
	write_script("echo '{\"expires_in\": 5}'");
	sshauth_refused(&two);
	for (int i = 0; i < 2; i++) {
		sshauth_release(&one);
		assert_int_equal(update(&one, "", &err), 0);
	}
	assert_int_equal(count_runs(), 2);
	sshauth_release(&one);
	sshauth_release(&two);
	end_daemon();
	credshare_free(share);
	share = NULL;
}

/* Once for all objects of this agent, and for others that wait for it. */
static void shared_failure(void **state)
{
	struct sshauth one = { .has_reply = false }, two = one;
	struct credshare *first = credshare_new(dir, 1, &asking);
	struct credshare *second = credshare_new(dir, 1, &asking);
	struct credshare *third = credshare_new(dir, UINT64_MAX, &asking);
	struct err err = ERR_INIT, same = ERR_INIT;

	(void)state;
	write_script("exit 1");
	share = first;
	assert_int_equal(update(&one, "lfs.ssh.retries\n1", &err), -1);
	assert_int_equal(update(&one, "lfs.ssh.retries\n1", &same), -1);
	assert_string_equal(same.msg, err.msg);
	assert_int_equal(same.kind, ERR_AUTH);
	err_clear(&same);
	share = second;
	assert_int_equal(update(&two, "", &same), -1);
	assert_string_equal(same.msg, err.msg);
	assert_int_equal(count_runs(), 2);
	/* An agent that started later asks again. */
	share = third;
	err_clear(&same);
	assert_int_equal(update(&two, "lfs.ssh.retries\n0", &same), -1);
	assert_int_equal(count_runs(), 3);
	/* Another command is another question. */
	address.path = "b";
	sshauth_release(&two);
	write_script("echo '{}'");
	err_clear(&same);
	assert_int_equal(update(&two, "", &same), 0);
	assert_int_equal(count_runs(), 1);
	address.path = "a";
	sshauth_release(&one);
	sshauth_release(&two);
	end_daemon();
	credshare_free(first);
	credshare_free(second);
	credshare_free(third);
	share = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_once),
		cmocka_unit_test(asked_again_when_it_runs_out),
		cmocka_unit_test(asked_again_when_it_fails),
		cmocka_unit_test(why_it_failed),
		cmocka_unit_test(a_server_without_it),
		cmocka_unit_test(stopped),
		cmocka_unit_test(no_ssh),
		cmocka_unit_test(shared),
		cmocka_unit_test(shared_failure),
	};

	signal(SIGPIPE, SIG_IGN);
	json_setup();
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
