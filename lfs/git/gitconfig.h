/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_GIT_GITCONFIG_H
#define LFS_GIT_GITCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * The git config, read once and looked up as git does.
 *
 * Keys are written as for git: "section.key" or "section.sub.section.key".
 * The section and the name match in any letter case, the subsection between
 * them exactly.  If a key has several values, the last one counts.  A
 * key without a value (`[http] sslVerify`) has the value "true".
 *
 * It never changes after it is made, so all threads may read it.  All strings
 * that it gives are borrowed.
 */

struct gitconfig;

/* One line of it: `key` is section.name or section.sub.name. */
struct gitconfig_entry {
	const char *key;	/* as git prints it */
	const char *section;
	const char *sub;	/* NULL if it has none */
	const char *name;
	const char *value;
};

/*
 * All of the config that git sees in the directory `dir` (NULL: the current
 * one), with one child process.  Returns NULL on failure.
 */
struct gitconfig *gitconfig_load(const char *dir, struct err *err);

/* A config from text in the form of `git config -z --list`. */
struct gitconfig *gitconfig_parse(const char *text, size_t len,
				  struct err *err);

/*
 * All of `git`, and what the repository's .lfsconfig adds to it: that in the
 * work tree, otherwise in the index, otherwise in HEAD; without a work tree
 * (`top` is NULL), in HEAD.  Everybody who may push can write that file, so only
 * keys count that say where the objects are, and git's own config wins.  NULL if
 * .lfsconfig cannot be read.  Borrows from `git`, which has to outlive it.  One
 * child process, or two or three.
 */
struct gitconfig *gitconfig_add_lfsconfig(const struct gitconfig *git,
					  const char *top, struct err *err);

/* Add a .lfsconfig that has been read, which is taken, or NULL for none. */
struct gitconfig *gitconfig_merge(const struct gitconfig *git,
				  struct gitconfig *file);

/* The value of a key, or NULL. */
const char *gitconfig_get(const struct gitconfig *config, const char *key);

/* The entry that gitconfig_get() takes it from, or NULL. */
const struct gitconfig_entry *gitconfig_find(const struct gitconfig *config,
					     const char *key);

/*
 * The entry of `section.<url>.key` that matches the URL best (urlmatch.h),
 * otherwise of `section.key`, otherwise NULL.  `url` may be NULL.
 */
const struct gitconfig_entry *gitconfig_find_url(const struct gitconfig *config,
						 const char *section,
						 const char *url,
						 const char *key);

/*
 * All values of a key, in order: start with `pos` 0 and call until NULL.  With
 * the key of an entry from gitconfig_find_url(): those of the best match.
 */
const char *gitconfig_next(const struct gitconfig *config, const char *key,
			   size_t *pos);

/* Every entry, in order: start with `pos` 0 and call until NULL. */
const struct gitconfig_entry *gitconfig_each(const struct gitconfig *config,
					     size_t *pos);

/* Is it `section.name`, or with any subsection `section.<sub>.name`? */
bool gitconfig_is(const struct gitconfig_entry *entry, const char *section,
		  const char *name);

/* The entry of `section.<sub>.name`, or NULL. */
const struct gitconfig_entry *gitconfig_find_sub(const struct gitconfig *config,
						 const char *section,
						 const char *sub,
						 const char *name);

/* Its value, or NULL. */
const char *gitconfig_get_sub(const struct gitconfig *config,
			      const char *section, const char *sub,
			      const char *name);

/*
 * ERR_USAGE: the value is not `allowed`, which completes "it must be".  The
 * URL in the key is shown without user and password.
 */
int gitconfig_refuse(const struct gitconfig_entry *entry, const char *allowed,
		     struct err *err);

/* A value as git reads it: true, yes, on, false, no, off, "" or a number. */
int gitconfig_parse_bool(const struct gitconfig_entry *entry, bool *value,
			 struct err *err);

/* A number, with k, m or g for 1024 and its powers. */
int gitconfig_parse_int(const struct gitconfig_entry *entry, int64_t *value,
			struct err *err);

/* The boolean of an entry; `usual` without an entry, and for a bad value. */
bool gitconfig_bool(const struct gitconfig_entry *entry, bool usual);

/*
 * A path as git expands it: `~/`, `~user/` and `%(prefix)/`.  The result is
 * the caller's.  Main thread only: it looks into the user database, and for
 * `%(prefix)` asks git.
 */
char *gitconfig_expand_path(const struct gitconfig_entry *entry,
			    struct err *err);

/* NULL is fine. */
void gitconfig_free(struct gitconfig *config);

#endif
