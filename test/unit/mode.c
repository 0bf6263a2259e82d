/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/mode/mode.h"
#include "test/unit/unit.h"

static const char oid[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct input {
	json_t *tree;
	struct plan_request request;
};

static struct input make(enum direction direction, uint64_t size,
			 const char *action)
{
	struct err err = ERR_INIT;
	struct input input = {
		.tree = json_parse(action, strlen(action), &err),
		.request = {
			.direction = direction,
			.oid = oid,
			.size = size,
			.part_size = 10,
			.answer_ms = 1,
			.finish_ms = 2,
		},
	};

	assert_non_null(input.tree);
	input.request.action = input.tree;
	return input;
}

static struct plan *plan_of(struct input *input, struct err *err)
{
	return mode_plan(&input->request, err);
}

static void basic_upload(void **state)
{
	struct input input = make(UPLOAD, 100,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"X-A\":\"b\",\"X-1\":\"c\"}}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	assert_non_null(plan);
	assert_string_equal(plan->mode->name, "basic upload");
	assert_true(plan->mode->part_is_final);
	assert_null(plan->mode->answer);
	assert_null(plan->mode->finish);
	assert_int_equal(plan->nparts, 1);
	assert_int_equal(plan->parts[0].size, 100);
	assert_int_equal(plan->parts[0].number, 1);
	assert_null(plan->parts[0].href);
	assert_int_equal(plan->action.headers.n, 2);
	plan_free(plan);
	json_decref(input.tree);
}

static void basic_upload_of_nothing(void **state)
{
	struct input input = make(UPLOAD, 0, "{\"href\":\"http://h/o\"}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	assert_non_null(plan);
	assert_int_equal(plan->nparts, 1);
	assert_int_equal(plan->parts[0].size, 0);
	plan_free(plan);
	json_decref(input.tree);
}

static void download(void **state)
{
	struct input input = make(DOWNLOAD, 95,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"X-A\":\"b\"}}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	assert_non_null(plan);
	assert_string_equal(plan->mode->name, "basic download");
	assert_false(plan->mode->part_is_final);
	assert_null(plan->mode->finish);
	assert_int_equal(plan->nparts, 10);
	assert_int_equal(plan->parts[9].off, 90);
	assert_int_equal(plan->parts[9].size, 5);
	assert_int_equal(plan->action.headers.n, 1);
	plan_free(plan);
	input.request.size = 0;
	plan = plan_of(&input, &err);
	assert_non_null(plan);
	assert_int_equal(plan->nparts, 0);
	plan_free(plan);
	json_decref(input.tree);
}

/* A replaced link or header lives as long as the plan, renewed or not. */
static void other_headers(void **state)
{
	struct input input = make(DOWNLOAD, 5,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"X-A\":\"b\"}}");
	struct headers headers = HEADERS_INIT, fresh = HEADERS_INIT;
	struct err err = ERR_INIT;
	struct plan *plan;

	(void)state;
	headers_add(&headers, "X-A", "c", &err);
	headers_add(&headers, "Authorization", "Basic eA==", &err);
	headers_add(&fresh, "Authorization", "Basic eQ==", &err);
	input.request.headers = &headers;
	plan = plan_of(&input, &err);
	assert_non_null(plan);
	headers_release(&headers);
	assert_string_equal(plan->action.href, "http://h/o");
	assert_int_equal(plan->action.headers.n, 2);
	assert_string_equal(plan->action.headers.list[0].value, "c");
	assert_string_equal(plan->action.headers.list[1].value, "Basic eA==");
	input.request.headers = &fresh;
	input.request.href = "http://other/o";
	plan_renew(plan, plan_of(&input, &err));
	headers_release(&fresh);
	assert_string_equal(plan->action.href, "http://other/o");
	assert_int_equal(plan->action.headers.n, 1);
	assert_string_equal(plan->action.headers.list[0].value, "Basic eQ==");
	plan_free(plan);
	/* A link that the user rewrites need not have been a URL. */
	json_object_set_new(input.tree, "href", json_string("cache:o"));
	plan = plan_of(&input, &err);
	assert_non_null(plan);
	assert_string_equal(plan->action.href, "http://other/o");
	plan_free(plan);
	input.request.href = "other:o";
	assert_null(plan_of(&input, &err));
	assert_non_null(strstr(err.msg, "action: 'href'"));
	json_decref(input.tree);
}

static void plain(void **state)
{
	static const struct {
		const char *actions;
		bool upload, download;	/* are they plain? */
	} cases[] = {
		{ "{}", false, false },
		{ "{\"upload\":{\"href\":\"h\"}}", true, false },
		{ "{\"download\":{\"href\":\"h\"}}", false, true },
		{ "{\"upload\":{\"href\":\"h\",\"header\":{"
		  "\"chunk_size\":\"5\"}}}",
		  false, false },
		{ "{\"upload\":{\"href\":\"h\",\"header\":{"
		  "\"1\":\"u\"}}}",
		  false, false },
		{ "{\"download\":{\"href\":\"h\",\"header\":{"
		  "\"chunk_size\":\"5\"}}}",
		  false, true },
		{ "{\"parts\":[],\"commit\":{}}", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		json_t *actions = json_parse(cases[i].actions,
					     strlen(cases[i].actions), &err);

		assert_int_equal(mode_is_plain(actions, UPLOAD),
				 cases[i].upload);
		assert_int_equal(mode_is_plain(actions, DOWNLOAD),
				 cases[i].download);
		json_decref(actions);
	}
	assert_false(mode_is_plain(NULL, UPLOAD));
}

/* A header of that name is nothing special in a download. */
static void chunk_size_is_for_uploads(void **state)
{
	struct input input = make(DOWNLOAD, 95,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"chunk_size\":\"5\"}}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	assert_non_null(plan);
	assert_string_equal(plan->mode->name, "basic download");
	assert_int_equal(plan->action.headers.n, 1);
	plan_free(plan);
	json_decref(input.tree);
}

static void multipart(void **state)
{
	struct input input = make(UPLOAD, 95,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"chunk_size\":\"50\",\"1\":\"http://h/1\","
				  "\"2\":\"http://h/2\"}}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	assert_non_null(plan);
	assert_string_equal(plan->mode->name, "multipart");
	assert_false(plan->mode->part_is_final);
	assert_int_equal(plan->nparts, 2);
	assert_int_equal(plan->finish_ms, 2);
	plan_free(plan);
	json_decref(input.tree);
}

/* The caller may free the tree as soon as the plan is made. */
static void plan_keeps_its_tree(void **state)
{
	struct input input = make(UPLOAD, 95,
				  "{\"href\":\"http://h/o\",\"header\":{"
				  "\"chunk_size\":\"50\",\"1\":\"http://h/1\","
				  "\"2\":\"http://h/2\"}}");
	struct input old = make(DOWNLOAD, 95, "{\"href\":\"http://h/p\"}");
	struct input fresh = make(DOWNLOAD, 95, "{\"href\":\"http://h/q\"}");
	struct err err = ERR_INIT;
	struct plan *plan = plan_of(&input, &err);

	(void)state;
	json_decref(input.tree);
	assert_string_equal(plan->action.href, "http://h/o");
	assert_string_equal(plan->parts[1].href, "http://h/2");
	plan_free(plan);
	plan = plan_of(&old, &err);
	json_decref(old.tree);
	plan_renew(plan, plan_of(&fresh, &err));
	json_decref(fresh.tree);
	assert_string_equal(plan->action.href, "http://h/q");
	plan_free(plan);
}

static void refused(void **state)
{
	static const char *const actions[] = {
		"[]",
		"{}",
		"{\"href\":\"ftp://h/o\"}",
		"{\"href\":\"http://h/o\",\"header\":7}",
		"{\"href\":\"http://h/o\",\"header\":{\"a b\":\"c\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(actions); i++) {
		struct input input = make(i % 2 ? UPLOAD : DOWNLOAD, 10,
					  actions[i]);
		struct err err = ERR_INIT;

		assert_null(plan_of(&input, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		json_decref(input.tree);
	}
}

static void no_action(void **state)
{
	const struct plan_request request = { .oid = oid, .size = 10 };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(mode_plan(&request, &err));
	assert_string_equal(err.msg, "'action' is missing");
}

static void a_download_of_too_many_parts(void **state)
{
	struct input input = make(DOWNLOAD, 500001, "{\"href\":\"http://h\"}");
	struct err err = ERR_INIT;

	(void)state;
	assert_null(plan_of(&input, &err));
	assert_int_equal(err.kind, ERR_PROTOCOL);
	json_decref(input.tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_upload),
		cmocka_unit_test(basic_upload_of_nothing),
		cmocka_unit_test(download),
		cmocka_unit_test(other_headers),
		cmocka_unit_test(plain),
		cmocka_unit_test(chunk_size_is_for_uploads),
		cmocka_unit_test(multipart),
		cmocka_unit_test(plan_keeps_its_tree),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_action),
		cmocka_unit_test(a_download_of_too_many_parts),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
