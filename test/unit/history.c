/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/file.h"
#include "lfs/git/history.h"
#include "test/unit/unit.h"

/*
 * Objects are told apart by their sizes.  The history, in which a merge has
 * the tree of its first parent, and so has the tip of `main`:
 *
 *	one ---- 3 dropped ---- merge ---- tag "old" points to `one`
 *	   \                   /
 *	    `-- 4 added ------'		branch "-q" adds 5; `other` is 6 alone
 *
 * At `one`, 1 is copy/same.bin and keep/same.bin, 2 is sp ace/x,y.bin, and 3
 * is top.dat.
 */
static const char script[] =
	"ptr () { printf 'version https://git-lfs.github.com/spec/v1\\n"
	"oid sha256:%064d\\nsize %d\\n' $1 $1; }\n"
	"git () { command git -c user.name=A -c user.email=a@b \"$@\"; }\n"
	"git init -q -b main . && mkdir copy keep 'sp ace' &&\n"
	"ptr 1 >copy/same.bin && ptr 1 >keep/same.bin &&\n"
	"ptr 2 >'sp ace/x,y.bin' && ptr 3 >top.dat && echo text >text &&\n"
	"head -c 5000 /dev/zero >large.bin && git add . &&\n"
	"git commit -q -m one && git tag -a -m old old &&\n"
	"git checkout -q -b side && ptr 4 >side.bin && git add . &&\n"
	"git commit -q -m side && git checkout -q main &&\n"
	"git rm -q top.dat && git commit -q -m drop &&\n"
	"git merge -q -s ours -m merge side && git branch -D -q side &&\n"
	"git checkout -q -b q && ptr 5 >five.bin && git add . &&\n"
	"git commit -q -m five && git update-ref refs/heads/-q HEAD &&\n"
	"git checkout -q --orphan other && git rm -rfq . &&\n"
	"ptr 6 >six.bin && git add . && git commit -q -m six &&\n"
	"git branch -D -q q && git checkout -q main";

static char dir[] = "/tmp/lfsmp-history.XXXXXX";

static int make_repository(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return system(script) ? -1 : 0;
}

static int remove_repository(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

/* Their sizes, as "1 2 3 ". */
static void format_sizes(char *text, const struct history *history)
{
	int seen[10] = { 0 };

	for (size_t i = 0; i < history->n; i++) {
		assert_in_range(history->pointers[i].size, 1, 9);
		seen[history->pointers[i].size]++;
	}
	for (int i = 1; i < 10; i++) {
		assert_in_range(seen[i], 0, 1);
		if (seen[i])
			text += snprintf(text, 3, "%d ", i);
	}
	*text = '\0';
}

static int find(struct history *history, const char *ref, const char *include,
		const char *exclude, struct err *err)
{
	const char *const refs[] = { ref };
	const struct history_request request = {
		.refs = refs,
		.nrefs = ref != NULL,
		.all = !ref,
		.include = include,
		.exclude = exclude,
		.dir = dir,
	};

	return history_find(history, &request, err);
}

static void expect(const char *ref, const char *include, const char *exclude,
		   const char *expected)
{
	struct history history;
	struct err err = ERR_INIT;
	char sizes[30];

	if (find(&history, ref, include, exclude, &err))
		fail_msg("%s: %s", ref ? ref : "--all", err.msg);
	format_sizes(sizes, &history);
	if (strcmp(sizes, expected))
		fail_msg("%s, -I %s, -X %s: found %s", ref ? ref : "--all",
			 include ? include : "", exclude ? exclude : "", sizes);
	history_release(&history);
}

static void refs(void **state)
{
	(void)state;
	expect("main", NULL, NULL, "1 2 3 4 ");
	expect("old", NULL, NULL, "1 2 3 ");
	expect("old..main", NULL, NULL, "4 ");
	expect("-q", NULL, NULL, "1 2 3 4 5 ");
	expect(NULL, NULL, NULL, "1 2 3 4 5 6 ");
}

static void no_such_ref(void **state)
{
	static const char *const names[] = { "nobody", "--all",
					     "--output=stolen", "" };
	struct history history;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(find(&history, names[i], NULL, NULL, &err),
				 -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, "cannot list the history"));
		history_release(&history);
	}
	assert_int_equal(access("stolen", F_OK), -1);
}

/* Pointers of an old commit, or of one side of a merge, are found, too. */
static void patterns(void **state)
{
	(void)state;
	expect("main", "*.bin", NULL, "1 2 4 ");
	expect("main", "/side.bin", NULL, "4 ");
	expect("main", "/sp ace/, top.dat", NULL, "2 3 ");
	expect("main", NULL, "*.bin", "3 ");
	expect("main", "*.bin", "side*,sp ace", "1 ");
	expect(NULL, "s*.bin", NULL, "1 4 6 ");
	expect("old..main", "*.bin", NULL, "4 ");
}

/* In the trees of the refs, whichever commit has put it there. */
static void trees_only(void **state)
{
	static const struct {
		const char *refs[3];
		const char *include, *exclude, *expected;
	} cases[] = {
		{ { "main" }, NULL, NULL, "1 2 " },
		{ { "main" }, "*.bin", NULL, "1 2 " },
		{ { "main" }, "copy", "none", "1 " },
		{ { "main" }, NULL, "*.bin", "" },
		{ { "old" }, "*.dat,sp ace", NULL, "2 3 " },
		{ { "old", "other" }, "top.dat,six.bin", NULL, "3 6 " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct history_request request = {
			.refs = cases[i].refs,
			.nrefs = cases[i].refs[1] ? 2 : 1,
			.tips_only = true,
			.include = cases[i].include,
			.exclude = cases[i].exclude,
			.dir = dir,
		};
		struct history history;
		struct err err = ERR_INIT;
		char sizes[30];

		if (history_find(&history, &request, &err))
			fail_msg("case %zu: %s", i, err.msg);
		format_sizes(sizes, &history);
		assert_string_equal(sizes, cases[i].expected);
		history_release(&history);
	}
}

/* The same directory at two places: one of them does not hide the other. */
static void the_same_at_two_places(void **state)
{
	(void)state;
	expect("main", "keep", NULL, "1 ");
	expect("main", "*.bin", "copy,side.bin", "1 2 ");
}

static bool is_true(void *ctx)
{
	(void)ctx;
	return true;
}

static void stopped(void **state)
{
	static const char *const head[] = { "HEAD" };
	const struct history_request request = { .refs = head,
						 .nrefs = 1,
						 .dir = dir,
						 .stop = stop_when(is_true,
								   NULL) };
	struct history history;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(history_find(&history, &request, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	history_release(&history);
}

static void no_room_for_files(void **state)
{
	static const char *const head[] = { "HEAD" };
	const struct history_request request = { .refs = head,
						 .nrefs = 1,
						 .dir = "/nowhere/at/all" };
	struct history history;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(history_find(&history, &request, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
	history_release(&history);
}

/* A blob that is nowhere must not pass for one that is no pointer. */
static void a_missing_blob(void **state)
{
	struct history history;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(system("git clone -q --bare . gone && cd gone && "
				"rm -f \"objects/$(git rev-parse "
				"main:keep/same.bin | sed 's,..,&/,')\""),
			 0);
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(find(&history, "main", "*.bin", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LOCAL);
	assert_non_null(strstr(err.msg, "the repository lacks the object"));
	history_release(&history);
	err_clear(&err);
	assert_int_equal(find(&history, "main", NULL, NULL, &err), -1);
	history_release(&history);
	assert_int_equal(chdir(".."), 0);
}

#define NAME "83baae61804e65cc73a7201a7252750c76066a30"
#define OID "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define POINTER(size) \
	"version https://git-lfs.github.com/spec/v1\noid sha256:" OID \
	"\nsize " size "\n"

/* How many pointers are in the text, or -1. */
static int read_text(const char *text, size_t len)
{
	struct history history = { .n = 0 };
	struct err err = ERR_INIT;
	int fd = file_open_unlinked(dir, &err), ret;

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, text, len, 0, &err), 0);
	ret = history_read(&history, fd, &err);
	close(fd);
	assert_int_equal(err.kind, ret ? ERR_LOCAL : ERR_NONE);
	for (size_t i = 0; i < history.n; i++)
		assert_string_equal(history.pointers[i].oid, OID);
	ret = ret ? ret : (int)history.n;
	history_release(&history);
	return ret;
}

/* Only between two records may the text end. */
static void cut_anywhere(void **state)
{
	static const char one[] = NAME " blob 126\n" POINTER("1") "\n";
	static const char all[] = NAME
		" blob 126\n" POINTER("1") "\n" NAME " blob 3\nabc\n" NAME
					   " blob 0\n\n";
	static const size_t ends[] = { 0, sizeof(one) - 1, sizeof(one) - 1 + 52,
				       sizeof(all) - 1 };

	(void)state;
	for (size_t len = 0; len < sizeof(all); len++) {
		int expected = -1;

		for (size_t i = 0; i < COUNT(ends); i++)
			if (len == ends[i])
				expected = len ? 1 : 0;
		if (read_text(all, len) != expected)
			fail_msg("%zu bytes", len);
	}
}

static void hostile_records(void **state)
{
#define RECORD(text) { text, sizeof(text) - 1 }
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		RECORD(NAME " missing\n"),
		RECORD(NAME " ambiguous\n"),
		RECORD("\n"),
		RECORD("\0\n"),
		RECORD("blob 3\nabc\n"),
		RECORD(NAME " tree 3\nabc\n"),
		RECORD(NAME " blob\n\n"),
		RECORD(NAME " blob \n\n"),
		RECORD(NAME " blob -1\n\n"),
		RECORD(NAME " blob +3\nabc\n"),
		RECORD(NAME " blob 3 \nabc\n"),
		RECORD(NAME " blob 3\nabcd\n"),
		RECORD(NAME " blob 4\nabc\n"),
		RECORD(NAME " blob 1024\nabc\n"),
		RECORD(NAME " blob 18446744073709551615\n\n"),
		RECORD(NAME " blob 18446744073709551619\nabc\n"),
		RECORD(NAME "\0 blob 3\nabc\n"),
		RECORD(NAME NAME NAME NAME NAME " blob 3\nabc\n"),
	};
#undef RECORD

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (read_text(cases[i].text, cases[i].len) != -1)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refs),
		cmocka_unit_test(no_such_ref),
		cmocka_unit_test(patterns),
		cmocka_unit_test(trees_only),
		cmocka_unit_test(the_same_at_two_places),
		cmocka_unit_test(stopped),
		cmocka_unit_test(no_room_for_files),
		cmocka_unit_test(a_missing_blob),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(hostile_records),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
