/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "agent/forkpush.h"
#include "lfs/base/child.h"
#include "test/unit/unit.h"

static char dir[] = "/tmp/lfsmp-forkpush.XXXXXX";

static int make_repository(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return system("git init -q -b main . && git -c user.name=A "
		      "-c user.email=a@b commit -q --allow-empty -m one && "
		      "git tag v1 && git tag both && git branch both && "
		      "git update-ref refs/heads/-q HEAD && "
		      "git -c user.name=A -c user.email=a@b tag -a -m n noted && "
		      "git remote add upstream /nowhere && "
		      "git config remote.up.url /nowhere && "
		      "git config remote.up.fetch "
		      "'+refs/heads/*:refs/remotes/up/*' && "
		      "git config --add remote.up.fetch "
		      "'refs/heads/*:refs/odd/*-of-odd' && "
		      "git config --add remote.up.fetch "
		      "refs/heads/one:refs/odd/single && "
		      "git config --add remote.up.fetch "
		      "'+refs/heads/in/*:refs/hidden/*' && "
		      "git config remote.up/stream.url /nowhere && "
		      "git config remote.up/stream.fetch "
		      "'+refs/heads/*:refs/remotes/up/stream/*' && "
		      "for ref in remotes/upstream/a/b remotes/up/stream/dev "
		      "remotes/up/stream/a/b remotes/up/other "
		      "odd/x-of-odd odd/single hidden/x "
		      "remotes/nobody/a/b remotes/alone; "
		      "do git update-ref refs/$ref HEAD || exit; done && "
		      "git update-ref refs/notes/n HEAD") ?
		       -1 :
		       0;
}

/* The first line that a command prints, the caller's. */
static char *line_of(const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	const struct child child = { .argv = argv };
	struct buf text = BUF_INIT(1000);
	struct err err = ERR_INIT;
	char *line;

	assert_int_equal(child_run(&child, &text, NULL, &err), 0);
	line = buf_take(&text);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static int remove_repository(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

/* Whatever it is called here; `up/stream` is the name of a remote, too. */
static void targets(void **state)
{
	static const struct {
		const char *name, *target;
	} cases[] = {
		{ "main", "refs/heads/main" },
		{ "HEAD", "refs/heads/main" },
		{ "v1", "refs/tags/v1" },
		{ "upstream/a/b", "refs/heads/a/b" },
		{ "up/stream/dev", "refs/heads/dev" },
		{ "up/stream/a/b", "refs/heads/a/b" },
		{ "up/other", "refs/heads/other" },
		{ "refs/odd/x-of-odd", "refs/heads/x" },
		{ "refs/odd/single", "refs/heads/one" },
		{ "refs/hidden/x", "refs/heads/in/x" },
		{ "nobody/a/b", "refs/heads/a/b" },
		{ "refs/remotes/alone", "refs/heads/alone" },
		{ "refs/heads/both", "refs/heads/both" },
		{ "-q", "refs/heads/-q" },
	};
	char *head = line_of("git rev-parse main");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct forkpush push = { .names = &cases[i].name, .nnames = 1 };
		struct err err = ERR_INIT;

		if (forkpush_find(&push, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		assert_int_equal(push.nrefs, 1);
		assert_string_equal(push.refs[0].target, cases[i].target);
		assert_string_equal(push.refs[0].source, head);
		forkpush_release(&push);
		assert_null(push.refs);
	}
	free(head);
}

/* A tag is pushed with its message. */
static void annotated(void **state)
{
	static const char *const names[] = { "noted" };
	struct forkpush push = { .names = names, .nnames = 1 };
	struct err err = ERR_INIT;
	char *tag = line_of("git rev-parse refs/tags/noted");

	(void)state;
	assert_int_equal(forkpush_find(&push, &err), 0);
	assert_string_equal(push.refs[0].source, tag);
	forkpush_release(&push);
	free(tag);
}

/* Objects may take days: what was looked through is what is pushed. */
static void as_it_was(void **state)
{
	static const char *const names[] = { "moving" };
	struct forkpush push = { .remote = "bare.git",
				 .names = names,
				 .nnames = 1,
				 .is_quiet = true };
	struct err err = ERR_INIT;
	char *before, *after;

	(void)state;
	before = line_of("git init -q --bare bare.git && git branch moving && "
			 "git rev-parse moving");
	assert_int_equal(forkpush_find(&push, &err), 0);
	assert_int_equal(forkpush_try(&push, &err), 0);
	assert_int_equal(system("git update-ref refs/heads/moving $(git -c "
				"user.name=A -c user.email=a@b commit-tree -m "
				"two main^{tree})"),
			 0);
	assert_int_equal(forkpush_run(&push, &err), 0);
	after = line_of("git -C bare.git rev-parse moving");
	assert_string_equal(after, before);
	free(before);
	free(after);
	forkpush_release(&push);
}

/* The state of the remote may have changed since the trial. */
static void others_came_first(void **state)
{
	static const char *const names[] = { "late" };
	struct forkpush push = { .remote = "late.git",
				 .names = names,
				 .nnames = 1,
				 .is_quiet = true };
	struct err err = ERR_INIT;
	char *theirs, *there;

	(void)state;
	free(line_of("git init -q --bare late.git && git branch late && echo"));
	assert_int_equal(forkpush_find(&push, &err), 0);
	assert_int_equal(forkpush_try(&push, &err), 0);
	theirs = line_of(
		"tree=$(git -C late.git mktree </dev/null) && "
		"commit=$(git -C late.git -c user.name=A "
		"-c user.email=a@b commit-tree -m other $tree) && "
		"git -C late.git update-ref refs/heads/late $commit && "
		"echo $commit");
	assert_int_equal(forkpush_run(&push, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "the objects are there, but not all"));
	assert_non_null(strstr(err.msg, "(fetch first)"));
	there = line_of("git -C late.git rev-parse late");
	assert_string_equal(there, theirs);
	free(theirs);
	free(there);
	forkpush_release(&push);
}

/* With --all, too: the others are pushed. */
static void others_came_between(void **state)
{
	struct forkpush push = { .remote = "between.git",
				 .from = "from.git",
				 .all = true,
				 .is_quiet = true };
	struct err err = ERR_INIT;
	char *refs;

	(void)state;
	free(line_of("git init -q --bare from.git && git push -q from.git "
		     "main main:late && git init -q --bare between.git && "
		     "echo"));
	assert_int_equal(forkpush_find(&push, &err), 0);
	assert_int_equal(forkpush_try(&push, &err), 0);
	assert_int_equal(push.nrefs, 2);
	assert_int_equal(forkpush_left(&push), 0);
	free(line_of("git push -q between.git "
		     "$(git -c user.name=A -c user.email=a@b commit-tree -m "
		     "other main^{tree}):refs/heads/late && echo"));
	assert_int_equal(forkpush_run(&push, &err), -1);
	assert_non_null(strstr(err.msg, "or not all of it"));
	assert_int_equal(forkpush_left(&push), 1);
	refs = line_of("echo $(git -C between.git for-each-ref "
		       "--format='%(refname) %(subject)')");
	assert_string_equal(refs, "refs/heads/late other refs/heads/main one");
	free(refs);
	forkpush_release(&push);
}

static void refused(void **state)
{
	static const char *const refs[] = { "nobody",	    "HEAD^0", "HEAD~1",
					    "refs/notes/n", "--all",  "" };

	(void)state;
	for (size_t i = 0; i < COUNT(refs); i++) {
		const char *const both[] = { "main", refs[i] };
		struct forkpush push = { .names = both, .nnames = 2 };
		struct err err = ERR_INIT;

		if (!forkpush_find(&push, &err))
			fail_msg("%s", refs[i]);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, refs[i]));
		forkpush_release(&push);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(annotated),
		cmocka_unit_test(as_it_was),
		cmocka_unit_test(others_came_first),
		cmocka_unit_test(others_came_between),
		cmocka_unit_test(refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
