/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/forkpush.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/child.h"
#include "lfs/base/mem.h"

#define BRANCHES "refs/heads/"
#define TAGS "refs/tags/"
#define REMOTES "refs/remotes/"

enum { OUTPUT_ROOM = 1 << 20 };

/* The full name of a ref, the caller's; "" if it is something else. */
static char *full_name(const char *ref, struct err *err)
{
	const char *const argv[] = { "git",
				     "rev-parse",
				     "--verify",
				     "--symbolic-full-name",
				     "--end-of-options",
				     ref,
				     NULL };
	const struct child child = { .argv = argv, .watch_fd = -1 };
	struct buf text = BUF_INIT(OUTPUT_ROOM);
	char *name = NULL;
	int status;

	if (!child_run(&child, &text, &status, err)) {
		name = xstrdup(status ? "" : buf_str(&text));
		name[strcspn(name, "\n")] = '\0';
	}
	buf_release(&text);
	return name;
}

/* refs/remotes/upstream/main is to be the branch main. */
static const char *branch_of(const char *name)
{
	const char *slash = strchr(name + strlen(REMOTES), '/');

	return slash ? slash + 1 : name + strlen(REMOTES);
}

static char *refspec(const char *ref, struct err *err)
{
	char *name = full_name(ref, err), *spec = NULL;

	if (!name)
		return NULL;
	if (!strncmp(name, BRANCHES, strlen(BRANCHES)) ||
	    !strncmp(name, TAGS, strlen(TAGS)))
		spec = xstrfmt("%s:%s", name, name);
	else if (!strncmp(name, REMOTES, strlen(REMOTES)))
		spec = xstrfmt("%s:" BRANCHES "%s", name, branch_of(name));
	else
		err_set(err, ERR_USAGE,
			"--push: '%.80s' is neither a branch nor a tag", ref);
	free(name);
	return spec;
}

int forkpush_find(struct forkpush *push, struct err *err)
{
	size_t n = 0;

	push->refspecs = xcalloc(push->nrefs + 3, sizeof(char *));
	if (push->all) {
		push->refspecs[n++] = xstrdup(BRANCHES "*:" BRANCHES "*");
		push->refspecs[n++] = xstrdup(TAGS "*:" TAGS "*");
	}
	for (size_t i = 0; i < push->nrefs; i++) {
		push->refspecs[n] = refspec(push->refs[i], err);
		if (!push->refspecs[n++])
			return -1;
	}
	return 0;
}

int forkpush_run(const struct forkpush *push, struct err *err)
{
	static const char *const command[] = { "git", "push",
					       "--force-with-lease" };
	enum { NWORDS = sizeof(command) / sizeof(command[0]) };
	struct child child = { .keep_stderr = true, .watch_fd = -1 };
	struct buf text = BUF_INIT(OUTPUT_ROOM);
	size_t nspecs = 0, n = NWORDS;
	const char **argv;
	int ret;

	while (push->refspecs[nspecs])
		nspecs++;
	argv = xcalloc(NWORDS + nspecs + 3, sizeof(*argv));
	memcpy(argv, command, sizeof(command));
	if (push->is_quiet)
		argv[n++] = "--quiet";
	argv[n++] = push->remote;
	for (size_t i = 0; i < nspecs; i++)
		argv[n++] = push->refspecs[i];
	child.argv = argv;
	ret = child_run(&child, &text, NULL, err);
	free(argv);
	buf_release(&text);
	if (!ret)
		return 0;
	return err_wrap(err,
			"the objects are there, but the push failed "
			"(where it says 'stale info', run git fetch %s "
			"and look at what others have pushed)",
			push->remote);
}

void forkpush_release(struct forkpush *push)
{
	for (size_t i = 0; push->refspecs && push->refspecs[i]; i++)
		free(push->refspecs[i]);
	free(push->refspecs);
	push->refspecs = NULL;
}
