/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* setenv() */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/git/httpconf.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "test/unit/tinyserver.h"
#include "test/unit/unit.h"

/* The helper gives `wrong` until that is refused, then `good`. */
#define WRONG "Basic dTp3cm9uZw=="
#define GOOD "Basic dTpnb29k"
#define OID "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char dir[] = "/tmp/server-XXXXXX";

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
	struct err err = ERR_INIT;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	json_setup();
	if (!mkdtemp(dir) || chdir(dir) || http_setup(&err))
		return -1;
	setenv("HOME", dir, 1);
	setenv("GIT_CONFIG_GLOBAL", "config", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	setenv("GIT_ASKPASS", "", 1);
	write_file("config", "[credential]\n\thelper = \"!./helper\"\n");
	write_file("helper", "#!/bin/sh\necho $1 >>record\n"
			     "test $1 = get && echo username=u && "
			     "echo password=$(cat password)\n"
			     "test $1 != erase || echo good >password\n");
	return system("git init -q .");
}

static int leave(void **state)
{
	char command[60];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

/* How the server answers; each test has another one. */
struct scene {
	const char *good;	/* the Authorization that the API wants; NULL: none */
	const char *action;	/* of the object; @ is the server's URL */
	const char *busy;	/* the answer to the first request, or NULL */
	const char *refusal;	/* to what does not go to the API, or NULL: 200 */
};

static bool refuses(const struct tinyrequest *request, const char *good)
{
	const char *sent = tinyserver_header(request->head, "Authorization");

	return good && (!sent || strncmp(sent, good, strlen(good)) != 0);
}

static bool answer(struct tinyrequest *request, void *ctx)
{
	const struct scene *scene = ctx;
	char action[400], body[600], text[900];
	size_t at;

	if (!tinyserver_read_body(request))
		return false;
	if (scene->busy && !request->number)
		return tinyserver_puts(request, scene->busy);
	if (scene->refusal && !strstr(request->head, "/objects/batch"))
		return tinyserver_puts(request, scene->refusal);
	if (refuses(request, scene->good))
		return tinyserver_puts(request,
				       "HTTP/1.1 401 No\r\n"
				       "WWW-Authenticate: Basic realm=x\r\n"
				       "Content-Length: 0\r\n\r\n");
	at = strcspn(scene->action, "@");
	snprintf(action, sizeof(action), "%.*s%s%s", (int)at, scene->action,
		 scene->action[at] ? tinyserver_url(request->server) : "",
		 scene->action + at + !!scene->action[at]);
	snprintf(body, sizeof(body),
		 "{\"objects\":[{\"oid\":\"" OID "\",\"size\":5,"
		 "\"actions\":{%s}}]}",
		 action);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	return tinyserver_puts(request, text);
}

struct fixture {
	struct tinyserver *tiny;
	struct context *context;
	struct http_shared shared;
	struct pool *pool;
	struct server *server;
	struct batch_object object;
	struct err err;
};

static void set_up(struct fixture *f, struct scene *scene,
		   enum direction direction)
{
	static const struct retry_policy policy = { .retries = 5,
						    .max_delay_ms = 20,
						    .longest_ms = 60000 };
	struct context_options options = { .direction = direction };
	struct server_options server_options = { .began_ms = 1 };
	char url[100];

	*f = (struct fixture){ .object = { .oid = OID, .size = 5 } };
	write_file("record", "");
	write_file("password", "wrong\n");
	f->tiny = tinyserver_start(answer, scene);
	assert_non_null(f->tiny);
	snprintf(url, sizeof(url), "%s/lfs", tinyserver_url(f->tiny));
	options.lfs_url = url;
	f->context = context_new(&options, &f->err);
	assert_non_null(f->context);
	f->shared.options_for = httpconf_options_for;
	f->shared.ctx = f->context->httpconf;
	f->shared.connect_ms = f->shared.stall_ms = 30000;
	f->pool = pool_new(1, &f->shared, &policy);
	server_options.context = f->context;
	server_options.pool = f->pool;
	f->server = server_new(&server_options, &f->err);
	assert_non_null(f->server);
}

static void tear_down(struct fixture *f)
{
	batch_object_release(&f->object);
	server_free(f->server);
	assert_true(pool_free(f->pool, 30000));
	context_free(f->context);
	tinyserver_stop(f->tiny);
}

/* Was the request sent with that Authorization, or, NULL, with none? */
static void assert_sent(struct fixture *f, unsigned number,
			const char *authorization)
{
	const char *got = tinyserver_header(tinyserver_head(f->tiny, number),
					    "Authorization");

	if (!authorization)
		assert_null(got);
	else
		assert_memory_equal(got, authorization, strlen(authorization));
}

static void assert_record(const char *expected)
{
	FILE *file = fopen("record", "r");
	char text[200];
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	assert_string_equal(text, expected);
}

static void anonymous(void **state)
{
	struct scene scene = {
		.action = "\"download\":{\"href\":\"@/o\"}",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_non_null(f.object.actions);
	assert_int_equal(tinyserver_count(f.tiny), 1);
	assert_sent(&f, 0, NULL);
	assert_null(headers_get(&f.object.headers, "Authorization"));
	assert_record("");
	tear_down(&f);
}

/* 401, a login that is refused, and one that is good. */
static void a_login(void **state)
{
	struct scene scene = {
		.good = GOOD,
		.action = "\"download\":{\"href\":\"@/lfs/o\"}",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(tinyserver_count(f.tiny), 3);
	assert_sent(&f, 0, NULL);
	assert_sent(&f, 1, WRONG);
	assert_sent(&f, 2, GOOD);
	assert_record("get\nerase\nget\nstore\n");
	/* An action below the API gets the same login. */
	assert_string_equal(headers_get(&f.object.headers, "Authorization"),
			    GOOD);
	/* It is kept for the next object. */
	batch_object_release(&f.object);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(tinyserver_count(f.tiny), 4);
	assert_sent(&f, 3, GOOD);
	assert_record("get\nerase\nget\nstore\n");
	tear_down(&f);
}

/* After three of them no login is tried: an account may be locked. */
static void no_login_is_good(void **state)
{
	struct scene scene = { .good = "Basic other", .action = "" };
	struct fixture f;

	(void)state;
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_AUTH);
	assert_non_null(strstr(f.err.msg, "from git credential was refused"));
	assert_null(strstr(f.err.msg, "good"));
	assert_int_equal(tinyserver_count(f.tiny), 4);
	err_clear(&f.err);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_AUTH);
	assert_int_equal(tinyserver_count(f.tiny), 4);
	tear_down(&f);
}

/* An action at another host gets no login of the API's. */
static void other_hosts(void **state)
{
	struct scene scene = {
		.good = GOOD,
		.action = "\"download\":{\"href\":\"https://s3.example/o\"}",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_null(headers_get(&f.object.headers, "Authorization"));
	assert_true(server_may_want_login(f.server, &f.object));
	tear_down(&f);
}

/* 429: wait as long as it asks, but not for hours, and once not at all. */
static void busy(void **state)
{
	struct scene scene = {
		.action = "\"download\":{\"href\":\"@/o\"}",
		.busy = "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\n"
			"Content-Length: 0\r\n\r\n",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(tinyserver_count(f.tiny), 2);
	tear_down(&f);

	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_try_all(f.server, &f.object, 1, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_BUSY);
	assert_int_equal(f.err.wait_ms, 1000);
	assert_int_equal(tinyserver_count(f.tiny), 1);
	tear_down(&f);

	scene.busy = "HTTP/1.1 429 Slow\r\nRetry-After: 7200\r\n"
		     "Content-Length: 0\r\n\r\n";
	set_up(&f, &scene, DOWNLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_BUSY);
	assert_int_equal(f.err.wait_ms, 7200000);
	assert_int_equal(tinyserver_count(f.tiny), 1);
	tear_down(&f);
}

/* A link that has expired wants a new link; a login is not tried. */
static void expired_link(void **state)
{
	struct scene scene = {
		.action = "\"verify\":{\"href\":\"@/verify?Signature=x\","
			  "\"expires_at\":\"2020-01-01T00:00:00Z\"}",
		.refusal = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, UPLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(server_verify(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_EXPIRED);
	assert_int_equal(tinyserver_count(f.tiny), 2);
	assert_int_equal(server_log_in(f.server, &f.object, &f.err), 0);
	assert_record("");
	tear_down(&f);
}

/* The `verify` action wants a login that the API did not. */
static void verify_with_login(void **state)
{
	struct scene scene = {
		.action = "\"verify\":{\"href\":\"@/verify\"}",
		.refusal = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
	};
	struct fixture f;

	(void)state;
	set_up(&f, &scene, UPLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(server_verify(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_AUTH);
	assert_sent(&f, 1, NULL);
	assert_sent(&f, 2, WRONG);
	assert_sent(&f, 3, GOOD);
	tear_down(&f);

	/* A signed link wants another link, not a login. */
	scene.action = "\"verify\":{\"href\":\"@/verify?Signature=x\"}";
	set_up(&f, &scene, UPLOAD);
	assert_int_equal(server_ask(f.server, &f.object, &f.err), 0);
	assert_int_equal(server_verify(f.server, &f.object, &f.err), -1);
	assert_int_equal(f.err.kind, ERR_AUTH);
	assert_int_equal(tinyserver_count(f.tiny), 2);
	assert_record("");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous),
		cmocka_unit_test(a_login),
		cmocka_unit_test(no_login_is_good),
		cmocka_unit_test(other_hosts),
		cmocka_unit_test(busy),
		cmocka_unit_test(expired_link),
		cmocka_unit_test(verify_with_login),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
