/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "lfs/server/context.h"
#include "lfs/transfer/engine.h"
#include "test/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

/* A context of one setting, without git. */
static struct engine *engine_with(struct context *context, const char *dir)
{
	struct err err = ERR_INIT;

	context->storage.multipart_dir = (char *)dir;
	context->storage.dir_mode = 0700;
	context->settings.connections = 16;
	return engine_new(context, 1, &err);
}

static void the_rate_cuts(void **state)
{
	char dir[] = "/tmp/lfsmp-engine.XXXXXX", lock[64];
	struct context context = { .direction = DOWNLOAD };
	struct engine *engine;

	(void)state;
	assert_non_null(mkdtemp(dir));
	engine = engine_with(&context, dir);
	assert_non_null(engine);
	engine_hold_budget(engine);
	assert_int_equal(engine_part_size(engine, 1024 * MIB), 16 * MIB);
	/* These tell nothing: too short, and too few bytes. */
	engine_note_rate(engine, 1024 * MIB, 999);
	engine_note_rate(engine, 127 * MIB, 5000);
	engine_note_rate(engine, 1024 * MIB, 0);
	assert_int_equal(engine_part_size(engine, 1024 * MIB), 16 * MIB);
	/* 32 MiB a second for each of 16 connections. */
	engine_note_rate(engine, 1024 * MIB, 2000);
	assert_int_equal(engine_part_size(engine, 1024 * MIB), 32 * MIB);
	/* The user's word counts for more. */
	context.settings.part_size = MIB;
	assert_int_equal(engine_part_size(engine, 1024 * MIB), MIB);
	assert_true(engine_free(engine, 1000));
	snprintf(lock, sizeof(lock), "%s/connections", dir);
	unlink(lock);
	assert_int_equal(rmdir(dir), 0);
}

/* /proc: where not even root can make a folder. */
static void only_uploads_do_without_a_folder(void **state)
{
	const struct context_options download = { .direction = DOWNLOAD };
	const struct context_options upload = { .direction = UPLOAD };
	struct err err = ERR_INIT;
	struct context *context;
	struct engine *engine;

	(void)state;
	setenv("GIT_CONFIG_COUNT", "1", 1);
	setenv("GIT_CONFIG_KEY_0", "lfs.storage", 1);
	setenv("GIT_CONFIG_VALUE_0", "/proc/lfs", 1);
	assert_null(context_new(&download, &err));
	assert_non_null(strstr(err.msg, "cannot make '/proc/lfs"));
	err_clear(&err);
	context = context_new(&upload, &err);
	assert_non_null(context);
	engine = engine_new(context, 1, &err);
	assert_non_null(engine);
	assert_int_equal(err.kind, ERR_NONE);
	assert_true(engine_free(engine, -1));
	context_free(context);
	unsetenv("GIT_CONFIG_COUNT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_cuts),
		cmocka_unit_test(only_uploads_do_without_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
