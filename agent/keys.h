/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/scope.h"
#include "lfs/base/err.h"
#include "lfs/git/gitconfig.h"

/*
 * Keys of the git config that shall have one value each, and what is said
 * when they are written, replaced, removed or outdone.  Says it on stdout,
 * warnings on stderr.
 */

enum { KEYS_MAX = 12 };

struct key {
	char *name;	/* owned, as is the value */
	char *value;
};

struct keys {
	struct key list[KEYS_MAX];
	size_t n;
};

/* One more, unless it is there; both are copied. */
void keys_add(struct keys *keys, const char *name, const char *value);

/*
 * The group lfs.customtransfer.<agent>.*, by which git-lfs knows how to start
 * this program at `path`.
 */
void keys_add_agent(struct keys *keys, const char *agent, const char *path,
		    const char *direction);

/*
 * Is `key` one of that group?  If `misspelt`: one that was meant to be, but
 * git-lfs reads it only in lower case, and git keeps the case of what stands
 * between the first and the last dot.
 */
bool keys_is_of_agent(const char *key, const char *agent, bool misspelt);

/*
 * Make each key's value the only one in the scope.  Says what that replaces;
 * returns how many keys were changed, or -1.
 */
int keys_write(const struct keys *keys, const struct scope *scope,
	       struct err *err);

/*
 * Remove from the scope the entries that `is_wanted` picks.  Says so; returns
 * how many, or -1.
 */
int keys_remove(const struct scope *scope,
		bool (*is_wanted)(const struct gitconfig_entry *entry,
				  const void *ctx),
		const void *ctx, struct err *err);

/* Print them, one a line. */
void keys_print(const struct keys *keys);

/* Warn of those that have another value where the scope is, by `config`. */
void keys_warn(const struct keys *keys, const struct scope *scope,
	       const struct gitconfig *config);

/* Warn of an entry that counts in the scope: its value, its place, why. */
void keys_warn_of(const struct scope *scope,
		  const struct gitconfig_entry *entry, const char *effect);

void keys_release(struct keys *keys);

#endif
