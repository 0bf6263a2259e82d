/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/forkpush.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"

#define BRANCHES "refs/heads/"
#define TAGS "refs/tags/"
#define REMOTES "refs/remotes/"

enum {
	OUTPUT_ROOM = 16 << 20,
	BEGIN_MAX = 8,	/* words before the refs of a push */
	NAME_MAX_SHOWN = 200	/* bytes of a ref in a message */
};

static struct child child_of(const struct forkpush *push,
			     const char *const *argv)
{
	return (struct child){
		.argv = argv,
		.stop = push->stop,
	};
}

/* The output of a git, the caller's; NULL if it fails, and it has said why. */
static char *read_git(const struct forkpush *push, const char *const *argv,
		      const char *input, struct err *err)
{
	struct child child = child_of(push, argv);
	struct buf text = BUF_INIT(OUTPUT_ROOM);

	child.input = input;
	child.keep_stderr = true;
	if (!child_run(&child, &text, NULL, err))
		return buf_take(&text);
	buf_release(&text);
	return NULL;
}

/*
 * The object that a ref points to, or with the option, its full name; the
 * caller's, "" if git knows no such ref.
 */
static char *rev_parse(const struct forkpush *push, const char *option,
		       const char *ref, struct err *err)
{
	const char *const argv[] = { "git",  "rev-parse",	 "--verify",
				     option, "--end-of-options", ref,
				     NULL };
	const struct child child = child_of(push, argv);
	int status;
	char *line = child_line(&child, &status, err);

	return line || err->kind ? line : xstrdup("");
}

/*
 * Match `name` with a pattern that may have one star.  Returns the length of
 * what the star stands for, and where that starts; -1 if it does not match.
 */
static long match_star(const char *pattern, size_t len, const char *name,
		       const char **star)
{
	const char *at = memchr(pattern, '*', len);
	size_t before = at ? (size_t)(at - pattern) : len;
	size_t after = at ? len - before - 1 : 0, n = strlen(name);

	if (n < before + after || (!at && n != len) ||
	    memcmp(name, pattern, before) ||
	    memcmp(name + n - after, pattern + len - after, after))
		return -1;
	*star = name + before;
	return (long)(n - before - after);
}

/*
 * Undo a refspec of git fetch, "+refs/heads/<star>:refs/remotes/up/<star>".
 * Returns the name that the ref has at that remote, the caller's, or NULL.
 */
static char *undo_refspec(const char *spec, const char *name)
{
	const char *source = spec + (*spec == '+');
	const char *colon = strchr(source, ':'), *star, *at;
	long n;

	if (!colon)
		return NULL;
	n = match_star(colon + 1, strlen(colon + 1), name, &star);
	if (n < 0)
		return NULL;
	at = memchr(source, '*', (size_t)(colon - source));
	if (!at)
		return xstrndup(source, (size_t)(colon - source));
	return xstrfmt("%.*s%.*s%.*s", (int)(at - source), source, (int)n, star,
		       (int)(colon - at - 1), at + 1);
}

/*
 * The name that a remote's branch has at that remote, the caller's.  If there
 * are remotes `up` and `up/stream`, the longer name wins.
 */
static char *name_at_remote(const char *name, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);
	const struct gitconfig_entry *entry;
	char *found = NULL;
	size_t pos = 0, longest = 0;

	while (config && (entry = gitconfig_each(config, &pos))) {
		char *other = NULL;

		if (gitconfig_is(entry, "remote", "fetch") && entry->sub &&
		    strlen(entry->sub) > longest)
			other = undo_refspec(entry->value, name);
		if (!other)
			continue;
		free(found);
		found = other;
		longest = strlen(entry->sub);
	}
	gitconfig_free(config);
	return found;
}

/* The name under which to push a ref, the caller's; NULL if it cannot be. */
static char *target_of(const char *name, struct err *err)
{
	const char *slash;
	char *target;

	if (!*name)
		return NULL;
	if (text_has_prefix(name, BRANCHES) || text_has_prefix(name, TAGS))
		return xstrdup(name);
	target = name_at_remote(name, err);
	if (target || !text_has_prefix(name, REMOTES))
		return target;
	name += strlen(REMOTES);
	slash = strchr(name, '/');
	return xstrfmt(BRANCHES "%s", slash ? slash + 1 : name);
}

/* Takes both. */
static void add_ref(struct forkpush *push, char *source, char *target)
{
	push->refs = xgrow(push->refs, push->nrefs, sizeof(*push->refs));
	push->refs[push->nrefs++] = (struct forkpush_ref){
		.source = source,
		.target = target,
	};
}

static int add_name(struct forkpush *push, const char *ref, struct err *err)
{
	char *name = rev_parse(push, "--symbolic-full-name", ref, err);
	char *target = name ? target_of(name, err) : NULL, *source;
	bool is_detached = name && !strcmp(name, "HEAD");

	free(name);
	if (is_detached)
		return err_set(err, ERR_USAGE,
			       "--push: HEAD is detached and not a branch: "
			       "name one, such as upstream/main");
	if (!target)
		return err_set(err, ERR_USAGE,
			       "--push: '%.80s' is neither a branch nor a tag",
			       ref);
	source = rev_parse(push, "--quiet", ref, err);
	if (!source) {
		free(target);
		return -1;
	}
	add_ref(push, source, target);
	return 0;
}

/* A remote's branches and tags, "OBJECT\tNAME" each; the caller's, or NULL. */
static char *ls_remote(const struct forkpush *push, const char *remote,
		       struct err *err)
{
	const char *const argv[] = { "git",    "ls-remote", "--heads", "--tags",
				     "--refs", "--",	    remote,    NULL };
	char *text = read_git(push, argv, NULL, err);

	if (!text)
		err_wrap(err, "cannot list the branches and tags of '%.80s'",
			 remote);
	return text;
}

/* Cut off the next line, in place; its first word ends at the tab. */
static char *cut_line(char **text, char **rest)
{
	char *line = *text, *end = strchr(line, '\n'), *tab;

	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	tab = strchr(line, '\t');
	*rest = tab ? tab + 1 : end;
	if (tab)
		*tab = '\0';
	return line;
}

/* Fetch the refs by name, so that git updates its remote-tracking branches. */
static int fetch_refs(const struct forkpush *push, struct err *err)
{
	const char *const argv[] = { "git",
				     "fetch",
				     "--quiet",
				     "--no-tags",
				     "--no-write-fetch-head",
				     "--recurse-submodules=no",
				     "--stdin",
				     "--",
				     push->from,
				     NULL };
	struct buf names = BUF_INIT(OUTPUT_ROOM);
	char *text;

	for (size_t i = 0; i < push->nrefs; i++)
		buf_printf(&names, "%s\n", push->refs[i].target);
	text = read_git(push, argv, buf_str(&names), err);
	if (!text)
		err_wrap(err, "cannot fetch the branches of '%.80s'",
			 push->from);
	buf_release(&names);
	free(text);
	return err->kind ? -1 : 0;
}

static int find_all(struct forkpush *push, struct err *err)
{
	char *text = ls_remote(push, push->from, err), *rest = text;
	char *object, *name;

	if (!text)
		return err_append(err, "; --from names the remote to ask");
	while ((object = cut_line(&rest, &name)))
		add_ref(push, xstrdup(object), xstrdup(name));
	free(text);
	if (!push->nrefs)
		return err_set(err, ERR_USAGE,
			       "'%.80s' has no branches and tags to be pushed",
			       push->from);
	return fetch_refs(push, err);
}

static struct forkpush_ref *find_ref(const struct forkpush *push,
				     const char *target)
{
	for (size_t i = 0; i < push->nrefs; i++)
		if (!strcmp(push->refs[i].target, target))
			return &push->refs[i];
	return NULL;
}

/*
 * git remembers what it last saw of a remote's branch, but not of a tag.  The
 * lease of a tag is what the remote has now.
 */
static int set_leases(struct forkpush *push, struct err *err)
{
	char *text = ls_remote(push, push->remote, err), *rest = text;
	char *object, *name;

	if (!text)
		return -1;
	while ((object = cut_line(&rest, &name))) {
		struct forkpush_ref *ref = find_ref(push, name);

		if (ref && text_has_prefix(name, TAGS))
			ref->lease = xstrdup(object);
	}
	free(text);
	return 0;
}

int forkpush_find(struct forkpush *push, struct err *err)
{
	for (size_t i = 0; i < push->nnames; i++)
		if (add_name(push, push->names[i], err))
			return -1;
	if (push->all && find_all(push, err))
		return -1;
	return push->is_forced ? set_leases(push, err) : 0;
}

size_t forkpush_left(const struct forkpush *push)
{
	size_t n = 0;

	for (size_t i = 0; i < push->nrefs; i++)
		n += push->refs[i].why != NULL;
	return n;
}

const char *const *forkpush_sources(struct forkpush *push, size_t *n)
{
	free(push->sources);
	push->sources = xcalloc(push->nrefs + 1, sizeof(*push->sources));
	*n = 0;
	for (size_t i = 0; i < push->nrefs; i++)
		if (!push->refs[i].why)
			push->sources[(*n)++] = push->refs[i].source;
	return push->sources;
}

/* The words of a push that begins with those, until NULL; the caller's. */
static char **make_push(const struct forkpush *push, const char *const *begin)
{
	char **words = xcalloc(BEGIN_MAX + 3 + 2 * push->nrefs, sizeof(*words));
	char **word = words;

	while (*begin)
		*word++ = xstrdup(*begin++);
	for (size_t i = 0; i < push->nrefs; i++)
		if (push->refs[i].lease && !push->refs[i].why)
			*word++ = xstrfmt("--force-with-lease=%s:%s",
					  push->refs[i].target,
					  push->refs[i].lease);
	*word++ = xstrdup("--");
	*word++ = xstrdup(push->remote);
	for (size_t i = 0; i < push->nrefs; i++)
		if (!push->refs[i].why)
			*word++ = xstrfmt("%s:%s", push->refs[i].source,
					  push->refs[i].target);
	return words;
}

/* Why a ref is refused: "[rejected] (REASON)". */
static void explain_refusal(struct forkpush_ref *ref, const char *summary)
{
	static const char *const reasons[][2] = {
		{ "fetch first", "the remote has commits that are not here" },
		{ "non-fast-forward", "the remote has other commits" },
		{ "already exists", "the remote has another one" },
		{ "stale info", "the remote has changed since the last fetch" },
	};
	const char *open = strchr(summary, '(');
	const char *reason = open ? open + 1 : summary, *meaning = NULL;
	int len = (int)strcspn(reason, ")");

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (text_has_prefix(reason, reasons[i][0]))
			meaning = reasons[i][1];
	ref->is_otherwise = meaning != NULL;
	if (text_has_prefix(summary, "[remote rejected]"))
		meaning = "the remote refuses it";
	ref->why = meaning ? xstrfmt("%s (%.*s)", meaning, len, reason) :
			     xstrfmt("%.*s", len, reason);
	text_printable(ref->why);
}

/* Is the commit to be pushed an ancestor of the one that is there? */
static bool takes_back(const struct forkpush *push,
		       const struct forkpush_ref *ref)
{
	const char *const argv[] = { "git",	  "merge-base", "--is-ancestor",
				     ref->source, ref->lease,	NULL };
	struct err ignored = ERR_INIT;
	const struct child child = child_of(push, argv);
	char *nothing = child_line(&child, NULL, &ignored);
	bool is = nothing;

	free(nothing);
	return is;
}

/*
 * The dry run says "OLD...NEW (forced update)".  The real push may overwrite
 * OLD and nothing else, whatever git learns until then.
 */
static void set_lease(const struct forkpush *push, struct forkpush_ref *ref,
		      char *summary)
{
	struct err ignored = ERR_INIT;

	summary[strcspn(summary, ".")] = '\0';
	free(ref->lease);
	ref->lease = rev_parse(push, "--quiet", summary, &ignored);
	if (!push->is_forced && ref->lease && takes_back(push, ref))
		ref->why = xstrdup("the remote is ahead, this push would take "
				   "the branch back");
	ref->is_otherwise = ref->why != NULL;
}

/*
 * Read git's report, a line "FLAG\tSOURCE:TARGET\tSUMMARY" a ref: '!' is refused,
 * '=' was there already, '+' is pushed by force, another flag is pushed.
 */
static void read_report(struct forkpush *push, char *text, bool is_dry)
{
	char *flag, *rest;

	while ((flag = cut_line(&text, &rest))) {
		char *colon = strchr(rest, ':'), *tab = strchr(rest, '\t');
		struct forkpush_ref *ref;

		if (!*flag || flag[1] || !colon || !tab || tab < colon)
			continue;
		*tab = '\0';
		ref = find_ref(push, colon + 1);
		if (!ref || ref->why)
			continue;
		if (*flag == '!')
			explain_refusal(ref, tab + 1);
		else if (*flag == '=' || !is_dry)
			ref->is_there = true;
		else if (*flag == '+')
			set_lease(push, ref, tab + 1);
	}
}

/* Run git push, and mark the refs by its report. */
static int run_push(struct forkpush *push, const char *const *begin,
		    struct child child, int *status, struct err *err)
{
	char **words = make_push(push, begin), *text;
	struct buf buf = BUF_INIT(OUTPUT_ROOM);
	int ret;

	child.argv = (const char *const *)words;
	ret = child_run(&child, &buf, status, err);
	text = buf_take(&buf);
	read_report(push, text, child.said != NULL);
	free(text);
	for (char **word = words; *word; word++)
		free(*word);
	free(words);
	return ret;
}

/* Join git's lines up to an empty one; after that comes only general advice. */
static char *join_lines(const struct child_said *said)
{
	char *text = xstrndup(said->text, said->len);
	char *line = text + strspn(text, "\n");
	struct buf joined = BUF_INIT(2 * CHILD_SAID_MAX);
	size_t len;

	while ((len = strcspn(line, "\n"))) {
		buf_printf(&joined, "%s%.*s", joined.len ? "; " : "",
			   (int)(len - (line[len - 1] == '.')), line);
		line += len + (line[len] == '\n');
	}
	free(text);
	return buf_take(&joined);
}

static int refuse_all(const struct forkpush *push,
		      const struct child_said *said, struct err *err)
{
	char *reason = join_lines(said);

	err_set(err, ERR_REFUSED, "cannot push to %.80s: %s", push->remote,
		reason);
	free(reason);
	return -1;
}

static int refuse_ref(const struct forkpush *push,
		      const struct forkpush_ref *ref, struct err *err)
{
	err_set(err, ERR_REFUSED, "'%.*s' cannot be pushed to %.80s: %s",
		NAME_MAX_SHOWN, ref->target, push->remote, ref->why);
	if (!push->is_forced && ref->lease && takes_back(push, ref))
		return err_append(err,
				  "; nothing needs to be pushed, as %.80s has "
				  "all of these commits and more (fork without "
				  "--push carries objects that it may lack, "
				  "--force takes the branch back)",
				  push->remote);
	return err_append(err,
			  "; run git fetch %.80s and look at what others have "
			  "pushed",
			  push->remote);
}

static int refuse_push(const struct forkpush *push, struct err *err)
{
	const struct forkpush_ref *ref = push->refs;

	if (push->all && !push->is_forced)
		return err_set(err, ERR_REFUSED,
			       "all these branches and tags differ at %.80s; "
			       "--force overwrites them",
			       push->remote);
	while (!ref->why)
		ref++;
	return refuse_ref(push, ref, err);
}

/*
 * Refuse to push if the remote's history would end where that of this clone is
 * cut off: no server takes that.  (Raw commits show the parents that are cut
 * off.)
 */
static int check_shallow(const struct forkpush *push, struct err *err)
{
	char *remotes = xstrfmt("--remotes=%s", push->remote), *text;
	const char *const argv[] = {
		"git",	   "rev-list", "--max-parents=0", "--pretty=raw",
		"--stdin", "--not",    remotes,		  NULL
	};
	struct buf sources = BUF_INIT(OUTPUT_ROOM);
	bool is_cut;

	for (size_t i = 0; i < push->nrefs; i++)
		if (!push->refs[i].why)
			buf_printf(&sources, "%s\n", push->refs[i].source);
	text = read_git(push, argv, buf_str(&sources), err);
	is_cut = text && strstr(text, "\nparent ");
	free(text);
	free(remotes);
	buf_release(&sources);
	if (!is_cut)
		return err->kind ? -1 : 0;
	return err_set(err, ERR_REFUSED,
		       "cannot push from this clone: it is shallow, and where "
		       "its history is cut off, %.80s has nothing; run git "
		       "fetch --unshallow",
		       push->remote);
}

int forkpush_try(struct forkpush *push, struct err *err)
{
	bool may_force = !push->all || push->is_forced;
	/* The hooks would upload, so they are left to the push itself. */
	const char *const begin[] = {
		"git",	       "push",
		"--dry-run",   "--no-verify",
		"--porcelain", may_force ? "--force-with-lease" : NULL,
		NULL
	};
	struct child child = child_of(push, NULL);
	struct child_said said;
	int status;
	size_t left;

	child.said = &said;
	if (run_push(push, begin, child, &status, err))
		return -1;
	left = forkpush_left(push);
	if (status && !left)
		return refuse_all(push, &said, err);
	if (left && (!push->all || left == push->nrefs))
		return refuse_push(push, err);
	return push->is_shallow ? check_shallow(push, err) : 0;
}

/* The push has failed, and git has said on stderr what is wrong. */
static int explain_failure(const struct forkpush *push, struct err *err)
{
	size_t i = 0;

	while (i < push->nrefs && !push->refs[i].is_otherwise)
		i++;
	if (push->all || i == push->nrefs)
		return err_set(err, ERR_REFUSED,
			       "the objects are there, but %.80s did not take "
			       "the push, or not all of it, as git says above",
			       push->remote);
	refuse_ref(push, &push->refs[i], err);
	return err_wrap(err, "the objects are there, but not all is pushed");
}

int forkpush_run(struct forkpush *push, struct err *err)
{
	const char *const begin[] = { "git", "push", "--porcelain",
				      push->is_quiet ? "--quiet" : NULL, NULL };
	struct child child = child_of(push, NULL);
	int status;

	child.keep_stderr = child.shows_output = true;
	if (run_push(push, begin, child, &status, err))
		return -1;
	return status ? explain_failure(push, err) : 0;
}

void forkpush_leave(struct forkpush *push, const char *why)
{
	for (size_t i = 0; i < push->nrefs; i++)
		if (!push->refs[i].why && !push->refs[i].is_there)
			push->refs[i].why = xstrdup(why);
}

void forkpush_release(struct forkpush *push)
{
	for (size_t i = 0; i < push->nrefs; i++) {
		free(push->refs[i].source);
		free(push->refs[i].target);
		free(push->refs[i].lease);
		free(push->refs[i].why);
	}
	free(push->refs);
	free(push->sources);
	*push = (struct forkpush){ .nrefs = 0 };
}
