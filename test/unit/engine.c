/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lfs/transfer/engine.h"

#define MIB (UINT64_C(1) << 20)

static void the_rate_cuts(void **state)
{
	char path[] = "/tmp/lfsmp-engine.XXXXXX";
	struct engine engine = { .settings = { .connections = 16 } };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	engine.budget = budget_open(path, 0600, 16, 1);
	assert_int_equal(engine_part_size(&engine, 1024 * MIB), 16 * MIB);
	/* These tell nothing: too short, and too few bytes. */
	engine_note_rate(&engine, 1024 * MIB, 999);
	engine_note_rate(&engine, 127 * MIB, 5000);
	engine_note_rate(&engine, 1024 * MIB, 0);
	assert_int_equal(engine.rate, 0);
	/* 32 MiB a second for each of 16 connections. */
	engine_note_rate(&engine, 1024 * MIB, 2000);
	assert_int_equal(engine.rate, 32 * MIB);
	assert_int_equal(engine_part_size(&engine, 1024 * MIB), 32 * MIB);
	/* The user's word counts for more. */
	engine.settings.part_size = MIB;
	assert_int_equal(engine_part_size(&engine, 1024 * MIB), MIB);
	budget_free(engine.budget);
	unlink(path);
}

/* /proc: where not even root can make a folder. */
static void only_uploads_do_without_a_folder(void **state)
{
	const struct engine_options download = { .nagents = 1 };
	const struct engine_options upload = { .nagents = 1,
					       .is_upload = true };
	struct err err = ERR_INIT;
	struct engine *engine;

	(void)state;
	setenv("GIT_CONFIG_COUNT", "1", 1);
	setenv("GIT_CONFIG_KEY_0", "lfs.storage", 1);
	setenv("GIT_CONFIG_VALUE_0", "/proc/lfs", 1);
	assert_null(engine_new(&download, &err));
	assert_non_null(strstr(err.msg, "cannot make '/proc/lfs"));
	err_clear(&err);
	engine = engine_new(&upload, &err);
	assert_non_null(engine);
	assert_int_equal(err.kind, ERR_NONE);
	engine_free(engine, -1);
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
