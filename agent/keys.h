/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * Keys in one of git's config files: written, replaced, removed, overridden.
 * git itself does all reading and writing; its complaints go to stderr.
 * Changes are said on stdout, warnings on stderr; passwords in URLs are not
 * shown.
 */

/* The file: a repository's, the user's, the machine's, or another. */
struct scope {
	const char *option;	/* "--local", "--global", "--system" or "--file=" */
	const char *dir;	/* in the repository; "." for the others */
};

enum { KEYS_MAX = 64 };

struct key {
	char *name;	/* owned, as is the value */
	char *value;
};

/* Keys that the file is to have, each with one value. */
struct keys {
	struct key list[KEYS_MAX];
	size_t n;
};

/* Add a key, unless it is there; both are copied. */
void keys_add(struct keys *keys, const char *name, const char *value);

/* The settings of this file alone, without its includes. */
struct gitconfig *keys_load(const struct scope *scope, struct err *err);

/*
 * Make each key's value the only one in the file.  Returns how many keys were
 * changed, or -1.
 */
int keys_write(const struct keys *keys, const struct scope *scope,
	       struct err *err);

/*
 * Remove the entries that `is_wanted` picks from the file.  Returns how many,
 * or -1.
 */
int keys_remove(const struct scope *scope,
		bool (*is_wanted)(const struct gitconfig_entry *entry,
				  const void *ctx),
		const void *ctx, struct err *err);

/* Print the keys, with where they are and whether that is new. */
void keys_print(const struct keys *keys, const char *where, int nchanges);

/* Warn of the keys for which `config` has another value. */
void keys_warn(const struct keys *keys, const struct scope *scope,
	       const struct gitconfig *config);

/* Warn of an entry: its value, the file it is in, its effect. */
void keys_warn_of(const struct scope *scope,
		  const struct gitconfig_entry *entry, const char *effect);

/*
 * The file from which git takes the key's value, for people:
 * "file:.git/config"; the caller's.
 */
char *keys_origin(const struct scope *scope, const char *key);

void keys_release(struct keys *keys);

#endif
