/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/buf.h"
#include "lfs/mode/mode.h"
#include "lfs/mode/parts.h"
#include "test/unit/httpbench.h"
#include "test/unit/unit.h"

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#define H "\"href\":\"http://h/p\""
#define COMMIT ",\"commit\":{\"href\":\"http://h/c\"}"

/* An action, and the plan that was made of it. */
struct given {
	json_t *tree;
	struct plan *plan;
	struct err err;
};

static struct given make(uint64_t size, const char *actions)
{
	struct given given = { .err = ERR_INIT };
	struct plan_request request = {
		.direction = UPLOAD,
		.oid = oid,
		.size = size,
		.part_size = 10,
		.answer_ms = 5000,
		.finish_ms = 5000,
	};

	given.tree = json_parse(actions, strlen(actions), &given.err);
	assert_non_null(given.tree);
	request.action = given.tree;
	given.plan = mode_plan(&request, &given.err);
	return given;
}

static void release(struct given *given)
{
	plan_free(given->plan);
	json_decref(given->tree);
}

/* "0-9 s10-19 ...": first and last byte, `s` if stored. */
static void check_parts(const struct plan *plan, const char *expected)
{
	struct buf out = BUF_INIT(4096);
	uint64_t end = 0;

	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->off, end);
		assert_int_equal(part->finished, part->is_stored);
		assert_int_equal(part->href == NULL, part->is_stored);
		end += part->size;
		buf_printf(&out, "%s%s%d-%d", i ? " " : "",
			   part->is_stored ? "s" : "", (int)part->off,
			   (int)end);
	}
	assert_string_equal(buf_str(&out), expected);
	assert_int_equal(end, plan->size);
	buf_release(&out);
}

static void expect(uint64_t size, const char *actions, const char *parts,
		   const char *mode)
{
	struct given given = make(size, actions);

	if (!given.plan)
		fail_msg("%s", given.err.msg);
	check_parts(given.plan, parts);
	assert_string_equal(given.plan->mode->name, mode);
	release(&given);
}

static void in_parts(uint64_t size, const char *actions, const char *parts)
{
	expect(size, actions, parts, "upload in parts");
}

static void ranges(void **state)
{
	(void)state;
	in_parts(100,
		 "{\"parts\":[{" H ",\"pos\":0,\"size\":40},{" H
		 ",\"pos\":40,\"size\":40},{" H ",\"pos\":80}]}",
		 "0-40 40-80 80-100");
	in_parts(100,
		 "{\"parts\":[{" H ",\"pos\":80},{" H ",\"pos\":40,"
		 "\"size\":40},{" H ",\"size\":40}]}",
		 "0-40 40-80 80-100");
	in_parts(100,
		 "{\"parts\":[{" H ",\"pos\":80,\"size\":null},{" H
		 ",\"pos\":null,\"size\":80}]}",
		 "0-80 80-100");
}

static void what_is_left_out_is_stored(void **state)
{
	(void)state;
	in_parts(100,
		 "{\"parts\":[{" H ",\"pos\":10,\"size\":20},{" H
		 ",\"pos\":50,\"size\":10}]}",
		 "s0-10 10-30 s30-50 50-60 s60-100");
	in_parts(100, "{\"parts\":[]}", "s0-100");
	in_parts(100, "{\"parts\":null" COMMIT "}", "s0-100");
	in_parts(100, "{\"commit\":{\"href\":\"http://h/c\"}}", "s0-100");
	in_parts(0, "{\"commit\":{\"href\":\"http://h/c\"}}", "");
	in_parts(0, "{\"parts\":[{" H "}]" COMMIT "}", "0-0");
}

/* Without a commit, the only part makes the object. */
static void one_part(void **state)
{
	static const char one[] = "upload of one part";
	struct given given = make(7, "{\"parts\":[{" H "}]}");

	(void)state;
	assert_non_null(given.plan);
	assert_true(given.plan->mode->part_is_final);
	assert_null(given.plan->mode->finish);
	release(&given);
	expect(7, "{\"parts\":[{" H "}]}", "0-7", one);
	expect(7, "{\"parts\":[{" H ",\"pos\":5}]}", "s0-5 5-7", one);
	in_parts(7, "{\"parts\":[{" H "}]" COMMIT "}", "0-7");
}

static void heads(void **state)
{
	struct given given = make(30, "{\"parts\":[{" H
				      ",\"pos\":20,\"method\":\"POST\",\"header"
				      "\":{\"A\":\"b\",\"C\":\"d\"}},{" H
				      ",\"size\":20,"
				      "\"want_digest\":\"contentMD5\"}]}");
	const struct part *first, *second;

	(void)state;
	assert_non_null(given.plan);
	first = &given.plan->parts[0];
	second = &given.plan->parts[1];
	assert_null(first->method);
	assert_int_equal(first->headers.n, 0);
	assert_int_equal(first->digests, PLAN_CONTENT_MD5);
	assert_string_equal(first->href, "http://h/p");
	assert_string_equal(second->method, "POST");
	assert_int_equal(second->headers.n, 2);
	assert_int_equal(second->digests, 0);
	release(&given);
}

static void refuse(const char *actions, const char *why)
{
	struct given given = make(100, actions);

	if (given.plan)
		fail_msg("taken: %s", actions);
	assert_int_equal(given.err.kind, ERR_PROTOCOL);
	if (!strstr(given.err.msg, why))
		fail_msg("'%s' is not in '%s'", why, given.err.msg);
	release(&given);
}

static void hostile_ranges(void **state)
{
	(void)state;
	refuse("{\"parts\":[{" H "},{" H ",\"pos\":99}]}",
	       "'parts' 0 and 1 overlap");
	refuse("{\"parts\":[{" H ",\"pos\":50,\"size\":10},{" H ",\"size\":51}"
	       "]}",
	       "'parts' 1 and 0 overlap");
	refuse("{\"parts\":[{" H ",\"size\":1},{" H ",\"size\":1}]}",
	       "overlap");
	refuse("{\"parts\":[{" H ",\"pos\":101}]}", "'parts' 0: 'pos' is 101");
	refuse("{\"parts\":[{" H ",\"pos\":100}]}", "'size' is 0");
	refuse("{\"parts\":[{" H ",\"size\":0}]}", "'size' is 0");
	refuse("{\"parts\":[{" H ",\"size\":101}]}", "'size' is 101 from 0");
	refuse("{\"parts\":[{" H ",\"pos\":1,\"size\":9223372036854775807}]}",
	       "'size' is");
	refuse("{\"parts\":[{" H ",\"pos\":9223372036854775807}]}", "'pos' is");
	refuse("{\"parts\":[{" H ",\"pos\":-1}]}", "'pos' is negative");
	refuse("{\"parts\":[{" H ",\"pos\":1.0}]}", "'pos' is not an integer");
	refuse("{\"parts\":[{" H ",\"size\":\"9\"}]}",
	       "'size' is not an integer");
}

static void hostile_shapes(void **state)
{
	(void)state;
	refuse("{\"parts\":{}}", "actions: 'parts' is not an array");
	refuse("{\"parts\":7}", "'parts' is not an array");
	refuse("{\"parts\":[7]}", "'parts' 0: ");
	refuse("{\"parts\":[null]}", "'parts' 0: ");
	refuse("{\"parts\":[{}]}", "'parts' 0: action: 'href' is missing");
	refuse("{\"parts\":[{\"href\":\"file:///etc\"}]}", "'parts' 0: action");
	refuse("{\"parts\":[{" H ",\"header\":[]}]}", "'header'");
	refuse("{\"parts\":[{" H ",\"header\":{\"A\":7}}]}", "'A'");
	refuse("{\"parts\":[{" H ",\"header\":{\"A\":\"b\\r\\nC: d\"}}]}",
	       "'A'");
	refuse("{\"parts\":[{" H ",\"size\":50},{" H ",\"pos\":50,\"header\":"
	       "{\"B\":1}}]}",
	       "'parts' 1: ");
	refuse("{\"parts\":[{" H ",\"want_digest\":7}]}", "'want_digest'");
	refuse("{\"parts\":[{" H ",\"method\":7}]}", "'method'");
}

static void hostile_methods(void **state)
{
	static const char *const bad[] = {
		"",   " ",	  "GET",  "put",    "PU",
		"UT", "PUT POST", "PUT ", "DELETE", "PUT / HTTP/1.1\\r\\nX: y"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char actions[128];

		snprintf(actions, sizeof(actions),
			 "{\"parts\":[{" H ",\"method\":\"%s\"}]}", bad[i]);
		refuse(actions, "'parts' 0: 'method' is");
	}
	refuse("{\"commit\":{" H ",\"method\":\"HEAD\"}}",
	       "'commit': 'method' is");
	refuse("{\"commit\":{" H ",\"method\":\"CONNECT\"}}",
	       "'commit': 'method' is");
}

static void hostile_steps(void **state)
{
	(void)state;
	refuse("{\"commit\":7}", "'commit': 'action' is not an object");
	refuse("{\"commit\":{}}", "'commit': action: 'href'");
	refuse("{\"parts\":[],\"init\":{}}", "'init': action: 'href'");
	refuse("{\"parts\":[],\"abort\":{\"href\":\"x\"}}", "'abort': action:");
	refuse("{\"commit\":{" H ",\"body\":{}}}",
	       "'commit': 'body' is not a string");
	refuse("{\"commit\":{" H ",\"header\":{\"\":\"x\"}}}", "'commit': ");
}

/* `n` parts of a byte each, from the first one on. */
static char *many_parts(size_t n)
{
	struct buf out = BUF_INIT(16 << 20);

	buf_puts(&out, "{\"parts\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s{" H ",\"pos\":%zu,\"size\":1}",
			   i ? "," : "", i);
	buf_puts(&out, "]}");
	return buf_take(&out);
}

static void too_many(void **state)
{
	char *most = many_parts(PLAN_PARTS_MAX);
	char *over = many_parts(PLAN_PARTS_MAX + 1);
	struct given given = make(PLAN_PARTS_MAX + 7, most);

	(void)state;
	assert_non_null(given.plan);
	assert_int_equal(given.plan->nparts, PLAN_PARTS_MAX + 1);
	release(&given);
	given = make(PLAN_PARTS_MAX + 7, over);
	assert_null(given.plan);
	assert_string_equal(given.err.msg, "actions: 'parts' are 50001, over "
					   "the limit of 50000");
	release(&given);
	free(most);
	free(over);
}

static bool is(const char *actions)
{
	struct err err = ERR_INIT;
	json_t *tree = json_parse(actions, strlen(actions), &err);
	bool yes = parts_is(tree);

	assert_non_null(tree);
	assert_ptr_equal(mode_action(tree, UPLOAD),
			 yes ? tree : json_object_get(tree, "upload"));
	assert_ptr_equal(mode_action(tree, DOWNLOAD),
			 json_object_get(tree, "download"));
	json_decref(tree);
	return yes;
}

static void shape(void **state)
{
	(void)state;
	assert_true(is("{\"parts\":[]}"));
	assert_true(is("{\"commit\":{},\"abort\":{},\"verify\":{}}"));
	assert_false(is("{\"upload\":{" H "},\"verify\":{" H "}}"));
	assert_false(is("{\"verify\":{" H "}}"));
	assert_false(is("{" H ",\"parts\":[]}"));
	assert_false(is("{\"download\":{" H "}}"));
	assert_false(is("[]"));
	assert_false(parts_is(NULL));
	assert_null(mode_action(NULL, UPLOAD));
}

/* A plan whose steps go to `server`. */
static struct given make_steps(const struct tinyserver *server)
{
	char actions[1024];

	snprintf(actions, sizeof(actions),
		 "{\"init\":{\"href\":\"%s/i\"},\"parts\":[],\"commit\":"
		 "{\"href\":\"%s/c\",\"method\":\"PUT\",\"header\":{"
		 "\"Content-type\":\"text/xml\",\"X\":\"y\"},\"body\":"
		 "\"<a b=\\\"\\u00e9\\\">\\n\"},\"abort\":{\"href\":"
		 "\"%s/a\",\"method\":\"DELETE\"}}",
		 tinyserver_url(server), tinyserver_url(server),
		 tinyserver_url(server));
	return make(5, actions);
}

/* Init, commit and abort, as they arrive. */
static void steps_as_given(void **state)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text, EMPTY);
	struct given given = make_steps(server);
	const struct mode *mode = given.plan->mode;
	struct bench bench;
	const char *head;

	(void)state;
	set_up(&bench, "GET", "http://unused/");
	assert_int_equal(mode->begin(given.plan, bench.http, &given.err), 0);
	assert_int_equal(mode->finish(given.plan, bench.http, &given.err), 0);
	assert_int_equal(mode->abandon(given.plan, bench.http, &given.err), 0);
	assert_int_equal(tinyserver_count(server), 3);
	head = tinyserver_head(server, 0);
	assert_memory_equal(head, "POST /i HTTP/1.1\r\n", 18);
	assert_non_null(strstr(head, "\r\nContent-Length: 0\r\n"));
	assert_null(tinyserver_header(head, "content-type"));
	head = tinyserver_head(server, 1);
	assert_memory_equal(head, "PUT /c HTTP/1.1\r\n", 17);
	assert_non_null(strstr(head, "\r\nContent-type: text/xml\r\n"));
	assert_non_null(strstr(head, "\r\nX: y\r\n"));
	assert_string_equal(tinyserver_body(server, 1), "<a b=\"\xc3\xa9\">\n");
	head = tinyserver_head(server, 2);
	assert_memory_equal(head, "DELETE /a HTTP/1.1\r\n", 20);
	assert_non_null(strstr(head, "\r\nContent-Length: 0\r\n"));
	tear_down(&bench);
	release(&given);
	tinyserver_stop(server);
}

/* Those that are not given are no requests. */
static void steps_not_given(void **state)
{
	struct given given = make(5, "{\"parts\":[],\"init\":null}");
	const struct mode *mode = given.plan->mode;
	struct bench bench;

	(void)state;
	set_up(&bench, "GET", "http://unused/");
	assert_int_equal(mode->begin(given.plan, bench.http, &given.err), 0);
	assert_int_equal(mode->finish(given.plan, bench.http, &given.err), 0);
	assert_int_equal(mode->abandon(given.plan, bench.http, &given.err), 0);
	tear_down(&bench);
	release(&given);
}

/* One commit, or two, at a server that answers so; what is said of it. */
static void check_commit(const char *answer, int tries, const char *cause,
			 const char *advice)
{
	struct tinyserver *server = tinyserver_start(tinyserver_text,
						     (void *)answer);
	struct given given = make_steps(server);
	struct bench bench;

	set_up(&bench, "GET", "http://unused/");
	while (tries--) {
		err_clear(&given.err);
		assert_int_equal(given.plan->mode->finish(given.plan,
							  bench.http,
							  &given.err),
				 -1);
	}
	if (strncmp(given.err.msg, cause, strlen(cause)) != 0 ||
	    strcmp(strrchr(given.err.msg, ')'), advice) != 0)
		fail_msg("%s", given.err.msg);
	tear_down(&bench);
	release(&given);
	tinyserver_stop(server);
}

static void commits_refused(void **state)
{
	static const char gone[] =
		"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n";
	static const char part[] =
		"HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	check_commit(gone, 1, "completing the upload: the server answered 400",
		     ")");
	check_commit(gone, 2, "completing the upload: the server answered 400",
		     "); an earlier try may have completed it: push again to "
		     "see");
	check_commit(part, 1, "completing the upload: the server answered 409",
		     "); the server misses a part: push again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(what_is_left_out_is_stored),
		cmocka_unit_test(one_part),
		cmocka_unit_test(heads),
		cmocka_unit_test(hostile_ranges),
		cmocka_unit_test(hostile_shapes),
		cmocka_unit_test(hostile_methods),
		cmocka_unit_test(hostile_steps),
		cmocka_unit_test(too_many),
		cmocka_unit_test(shape),
		cmocka_unit_test(steps_as_given),
		cmocka_unit_test(steps_not_given),
		cmocka_unit_test(commits_refused),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
