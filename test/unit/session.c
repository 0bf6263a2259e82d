/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* setenv() */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/json.h"
#include "lfs/server/session.h"
#include "test/unit/unit.h"

/* test/t-login.sh compares whole logins with git-lfs's. */

#define API "https://h/r.git/info/lfs"

static const char config_text[] = "http.extraheader\nX-All: 0\0"
				  "http.https://h/.extraheader\nX-Own: 1\0"
				  "http.https://s3/.extraheader\nX-S3: 2\0"
				  "http.https://s3/.extraheader\nX-S3: 3\0"
				  "lfs.https://h/media.access\nbasic\0"
				  "lfs.https://s3/media.access\nbasic\0";

struct fixture {
	struct gitconfig *config;
	struct askcred ask;
	struct credshare *share;
	struct credentials *credentials;
	struct session *session;
	struct err err;
};

static const struct ssh_address *ssh;	/* for set_up(); NULL: none */

static void set_up(struct fixture *f, const char *api_url)
{
	struct session_options options = { .api_url = api_url,
					   .ssh = ssh,
					   .direction = DOWNLOAD };

	f->err = (struct err)ERR_INIT;
	f->config = gitconfig_parse(config_text, sizeof(config_text) - 1,
				    &f->err);
	assert_non_null(f->config);
	options.config = f->config;
	f->ask = (struct askcred){ .config = f->config };
	f->share = credshare_new(NULL, 0, &f->ask);
	f->credentials = credentials_new(&f->ask, f->share);
	options.credentials = f->credentials;
	f->session = session_new(&options);
	assert_int_equal(session_prepare(f->session, &f->err), 0);
}

static void tear_down(struct fixture *f)
{
	session_free(f->session);
	credentials_free(f->credentials);
	credshare_free(f->share);
	gitconfig_free(f->config);
}

static void assert_headers(struct fixture *f, const char *url,
			   const char *expected)
{
	struct headers headers = HEADERS_INIT;
	struct buf got = BUF_INIT(1000);

	assert_int_equal(session_headers(f->session, url, &headers, &f->err),
			 0);
	for (size_t i = 0; i < headers.n; i++)
		buf_printf(&got, "%s: %s|", headers.list[i].name,
			   headers.list[i].value);
	assert_string_equal(buf_str(&got), expected);
	buf_release(&got);
	headers_release(&headers);
}

/* Another server gets only the headers that the user has configured for it. */
static void who_gets_what(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "https://u:p@h/r.git/info/lfs");
	assert_headers(&f, API, "X-Own: 1|Authorization: Basic dTpw|");
	assert_headers(&f, "https://H:443/x",
		       "X-Own: 1|Authorization: Basic dTpw|");
	assert_headers(&f, "https://s3/x", "X-S3: 2|X-S3: 3|");
	assert_headers(&f, "http://h/x", "X-All: 0|");
	assert_headers(&f, "https://h:444/x", "X-All: 0|");
	assert_headers(&f, "https://h.evil/x", "X-All: 0|");
	tear_down(&f);
	set_up(&f, "http://u:p@h/r.git/info/lfs");
	assert_headers(&f, "https://h/x",
		       "X-Own: 1|Authorization: Basic dTpw|");
	assert_headers(&f, "https://h:444/x", "X-All: 0|");
	assert_headers(&f, "https://s3/x", "X-S3: 2|X-S3: 3|");
	tear_down(&f);
}

/* Headers of the user for the URL of an action that has an X-Own. */
static void assert_extra(struct fixture *f, const char *name, const char *url,
			 const char *expected)
{
	struct headers headers = HEADERS_INIT;
	struct buf got = BUF_INIT(1000);

	assert_int_equal(headers_add(&headers, name, "own", &f->err), 0);
	assert_int_equal(session_extra_headers(f->session, url, &headers,
					       &f->err),
			 0);
	for (size_t i = 1; i < headers.n; i++)
		buf_printf(&got, "%s: %s|", headers.list[i].name,
			   headers.list[i].value);
	assert_string_equal(buf_str(&got), expected);
	buf_release(&got);
	headers_release(&headers);
}

static void headers_of_actions(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "https://u:p@h/r.git/info/lfs");
	assert_extra(&f, "A", "https://h/x", "X-Own: 1|");
	assert_extra(&f, "x-own", "https://h/x", "");
	assert_extra(&f, "A", "https://s3/x", "X-S3: 2|X-S3: 3|");
	assert_extra(&f, "A", "https://s4/x", "");
	tear_down(&f);
	/* A header for all URLs may be a login. */
	set_up(&f, "https://plain/r.git/info/lfs");
	assert_extra(&f, "A", "https://plain/x", "X-All: 0|");
	assert_extra(&f, "A", "https://s4/x", "");
	tear_down(&f);
}

static void assert_given(struct fixture *f, const char *url, bool expected)
{
	if (session_gives_login(f->session, url) != expected)
		fail_msg("%s: %s", url, expected ? "is not" : "is");
}

/* Set up with a program in the place of ssh that prints this reply. */
static void set_up_ssh(struct fixture *f, const char *reply)
{
	static const struct ssh_address address = { .host = "g", .path = "a" };
	char script[] = "/tmp/session-XXXXXX";
	int fd = mkstemp(script);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	assert_true(fprintf(file, "#!/bin/sh\necho '%s'\n", reply) > 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(setenv("GIT_SSH", script, 1), 0);
	ssh = &address;
	set_up(f, "https://guess/");
	ssh = NULL;
	assert_int_equal(unlink(script), 0);
}

/* Which actions get the login without asking for it? */
static void actions_with_login(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "https://u:p@h/r.git/info/lfs");
	assert_given(&f, API "/objects/1", true);
	assert_given(&f, API "?a=b", true);
	assert_given(&f, "https://H:443/r%2Egit/info/lfs/x", true);
	assert_given(&f, "https://h/r.git/info/lfsx", false);
	assert_given(&f, "https://h/r.git/x", false);
	assert_given(&f, "https://h/r.git/info/lfs/../x", false);
	assert_given(&f, "https://s3/r.git/info/lfs/x", false);
	assert_given(&f, "http://h/r.git/info/lfs/x", false);
	assert_given(&f, API "/x?X-Amz-Signature=0f", false);
	/* The user's config may say so, too, but not of others. */
	assert_given(&f, "https://h/media/x", true);
	assert_given(&f, "https://h/media/x?sig=0f", false);
	assert_given(&f, "https://s3/media/x", false);
	/* The 401 of one speaks for all. */
	assert_int_equal(session_log_in(f.session, NULL, &f.err), 1);
	assert_given(&f, "https://h/x", true);
	assert_given(&f, "https://h/x?Signature=0f", false);
	assert_given(&f, "https://s3/x", false);
	tear_down(&f);
	/* A login from ssh is not to be replaced, but can be sent. */
	set_up_ssh(&f, "{\"href\": \"" API "\", "
		       "\"header\": {\"Authorization\": \"x\"}}");
	assert_given(&f, "https://h/x", false);
	assert_int_equal(session_log_in(f.session, NULL, &f.err), 1);
	assert_given(&f, "https://h/x", true);
	assert_int_equal(session_log_in(f.session, "x", &f.err), 0);
	tear_down(&f);
}

static void headers_of_ssh(void **state)
{
	struct headers sent = HEADERS_INIT;
	struct fixture f;

	(void)state;
	set_up_ssh(&f, "{\"href\": \"" API "\", \"header\": "
		       "{\"Authorization\": \"RemoteAuth x\"}}");
	assert_string_equal(session_url(f.session), API);
	assert_headers(&f, API, "X-Own: 1|Authorization: RemoteAuth x|");
	assert_headers(&f, "https://s3/x", "X-S3: 2|X-S3: 3|");
	/* If they are refused there is nobody to ask. */
	session_headers(f.session, API, &sent, &f.err);
	err_set(&f.err, ERR_AUTH, "no");
	assert_int_equal(session_answered(f.session, &sent, NULL, &f.err),
			 SESSION_FAILED);
	assert_non_null(strstr(f.err.msg,
			       "no; the login from ssh (git-lfs-authenticate) "
			       "was refused: "));
	err_clear(&f.err);
	err_set(&f.err, ERR_REFUSED, "no");
	f.err.code = 403;
	assert_int_equal(session_answered(f.session, &sent, NULL, &f.err),
			 SESSION_FAILED);
	assert_non_null(strstr(f.err.msg,
			       "no; the login from ssh (git-lfs-authenticate) "
			       "may lack the right "));
	headers_release(&sent);
	tear_down(&f);
}

/* A reply that was good before is asked for anew when it is refused. */
static void ssh_again(void **state)
{
	struct headers sent = HEADERS_INIT;
	struct fixture f;

	(void)state;
	set_up_ssh(&f, "{}");
	assert_string_equal(session_url(f.session), "https://guess/");
	err_set(&f.err, ERR_REFUSED, "no");
	assert_int_equal(session_answered(f.session, &sent, NULL, &f.err),
			 SESSION_FAILED);
	assert_string_equal(f.err.msg,
			    "no; this address was tried as ssh to 'g' finds no "
			    "git-lfs-authenticate there");
	tear_down(&f);
	set_up_ssh(&f, "{\"header\": {\"Authorization\": \"x\"}}");
	session_headers(f.session, session_url(f.session), &sent, &f.err);
	err_clear(&f.err);
	assert_int_equal(session_answered(f.session, &sent, NULL, &f.err),
			 SESSION_DONE);
	err_set(&f.err, ERR_AUTH, "no");
	assert_int_equal(session_answered(f.session, &sent, NULL, &f.err),
			 SESSION_AGAIN);
	assert_non_null(strstr(f.err.msg, "no; the login from ssh "));
	headers_release(&sent);
	tear_down(&f);
}

/* What the requests of one run lead to. */
struct course {
	const enum session_next *next;
	unsigned n;
};

static enum session_next take_next(void *ctx, struct err *err)
{
	struct course *course = ctx;
	enum session_next next = course->next[course->n++];

	assert_int_equal(err->kind, ERR_NONE);
	if (next != SESSION_DONE)
		err_set(err, ERR_AUTH, "no");
	return next;
}

static void one_login_after_the_other(void **state)
{
	static const enum session_next good[] = { SESSION_AGAIN, SESSION_AGAIN,
						  SESSION_DONE },
				       bad[] = { SESSION_AGAIN,
						 SESSION_FAILED };
	struct course course = { .next = good };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(session_run(take_next, &course, &err), 0);
	assert_int_equal(course.n, 3);
	assert_int_equal(err.kind, ERR_NONE);
	course = (struct course){ .next = bad };
	assert_int_equal(session_run(take_next, &course, &err), -1);
	assert_int_equal(course.n, 2);
	assert_int_equal(err.kind, ERR_AUTH);
}

/* A 401 to a request that was sent before we had the login. */
static void late_refusal(void **state)
{
	struct headers none = HEADERS_INIT;
	struct fixture f;

	(void)state;
	set_up(&f, "https://u:p@h/r.git/info/lfs");
	err_set(&f.err, ERR_AUTH, "no");
	assert_int_equal(session_answered(f.session, &none, NULL, &f.err),
			 SESSION_AGAIN);
	assert_int_equal(f.err.kind, ERR_NONE);
	assert_headers(&f, API, "X-Own: 1|Authorization: Basic dTpw|");
	tear_down(&f);
}

static void other_errors(void **state)
{
	struct headers none = HEADERS_INIT;
	struct fixture f;

	(void)state;
	set_up(&f, API);
	assert_int_equal(session_answered(f.session, &none, NULL, &f.err),
			 SESSION_DONE);
	err_set(&f.err, ERR_REFUSED, "no");
	assert_int_equal(session_answered(f.session, &none, NULL, &f.err),
			 SESSION_FAILED);
	assert_string_equal(f.err.msg, "no");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gets_what),
		cmocka_unit_test(headers_of_actions),
		cmocka_unit_test(actions_with_login),
		cmocka_unit_test(headers_of_ssh),
		cmocka_unit_test(ssh_again),
		cmocka_unit_test(one_login_after_the_other),
		cmocka_unit_test(late_refusal),
		cmocka_unit_test(other_errors),
	};

	signal(SIGPIPE, SIG_IGN);
	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
