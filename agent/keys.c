/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"

enum {
	OUTPUT_MAX = 1 << 20,
	NOTHING_TO_UNSET = 5,	/* git config's exit status */
	SHOWN = 4096
};

void keys_add(struct keys *keys, const char *name, const char *value)
{
	for (size_t i = 0; i < keys->n; i++)
		if (!strcmp(keys->list[i].name, name))
			return;
	assert(keys->n < KEYS_MAX);
	keys->list[keys->n].name = xstrdup(name);
	keys->list[keys->n].value = xstrdup(value);
	keys->n++;
}

struct gitconfig *keys_load(const struct scope *scope, struct err *err)
{
	const char *const argv[] = { "git",	    "-C", scope->dir, "config",
				     scope->option, "-z", "--list",   NULL };
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct gitconfig *config = NULL;
	int status;

	/* git fails if there is no such file, which is as good as empty. */
	if (!child_run(&child, &text, &status, err))
		config = gitconfig_parse(buf_str(&text), status ? 0 : text.len,
					 err);
	buf_release(&text);
	return config;
}

/* Make `value` the only value of the key; NULL: remove all values. */
static int change_key(const struct scope *scope, const char *key,
		      const char *value, struct err *err)
{
	const char *const argv[] = {
		"git",	       "-C",
		scope->dir,    "config",
		scope->option, value ? "--replace-all" : "--unset-all",
		key,	       value,
		NULL
	};
	struct child child = { .argv = argv, .keep_stderr = true };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	char shown[URL_DISPLAY_MAX];
	int status, ret = child_run(&child, &text, &status, err);

	buf_release(&text);
	if (ret || !status || (!value && status == NOTHING_TO_UNSET))
		return ret;
	url_display_any(key, shown, sizeof(shown));
	if (text_has_prefix(scope->option, "--file="))
		return err_set(err, ERR_LOCAL, "cannot %s '%s' %s %s",
			       value ? "write" : "remove", shown,
			       value ? "to" : "from",
			       scope->option + strlen("--file="));
	return err_set(err, ERR_LOCAL, "cannot %s '%s' %s the git config (%s)",
		       value ? "write" : "remove", shown, value ? "to" : "from",
		       scope->option);
}

/* A user with a colon before it would look like one with a password. */
static size_t shared_prefix(const char *value)
{
	return text_has_prefix(value, ENDPOINT_SHARED) ?
		       strlen(ENDPOINT_SHARED) :
		       0;
}

static void print_key(const char *before, const char *name, const char *value)
{
	char shown_name[SHOWN], shown_value[SHOWN];
	size_t n = shared_prefix(value);

	printf("%s %s = %.*s%s\n", before,
	       url_display_any(name, shown_name, sizeof(shown_name)), (int)n,
	       value,
	       url_display_any(value + n, shown_value, sizeof(shown_value)));
}

static bool is_set(const struct gitconfig *config, const struct key *key)
{
	size_t pos = 0;
	const char *first = gitconfig_next(config, key->name, &pos);

	return first && !strcmp(first, key->value) &&
	       !gitconfig_next(config, key->name, &pos);
}

static void print_replaced(const struct gitconfig *config,
			   const struct key *key)
{
	const char *value;
	size_t pos = 0;

	while ((value = gitconfig_next(config, key->name, &pos)))
		if (strcmp(value, key->value))
			print_key("replaced", key->name, value);
}

int keys_write(const struct keys *keys, const struct scope *scope,
	       struct err *err)
{
	struct gitconfig *config = keys_load(scope, err);
	int nchanges = 0;

	for (size_t i = 0; config && !err->kind && i < keys->n; i++) {
		const struct key *key = &keys->list[i];

		if (is_set(config, key) ||
		    change_key(scope, key->name, key->value, err))
			continue;
		print_replaced(config, key);
		nchanges++;
	}
	gitconfig_free(config);
	return err->kind ? -1 : nchanges;
}

int keys_remove(const struct scope *scope,
		bool (*is_wanted)(const struct gitconfig_entry *entry,
				  const void *ctx),
		const void *ctx, struct err *err)
{
	struct gitconfig *config = keys_load(scope, err);
	const struct gitconfig_entry *entry;
	int nchanges = 0;
	size_t pos = 0;

	while (config && !err->kind && (entry = gitconfig_each(config, &pos))) {
		if (!is_wanted(entry, ctx) ||
		    change_key(scope, entry->key, NULL, err))
			continue;
		print_key("removed", entry->key, entry->value);
		nchanges++;
	}
	gitconfig_free(config);
	return err->kind ? -1 : nchanges;
}

void keys_print(const struct keys *keys, const char *where, int nchanges)
{
	printf("%s in %s:\n", nchanges ? "Set up" : "Already set up", where);
	for (size_t i = 0; i < keys->n; i++)
		print_key("  ", keys->list[i].name, keys->list[i].value);
}

char *keys_origin(const struct scope *scope, const char *key)
{
	const char *const argv[] = {
		"git",		 "-C",	  scope->dir, "config",
		"--show-origin", "--get", key,	      NULL
	};
	const struct child child = { .argv = argv };
	struct err ignored = ERR_INIT;
	char *origin = child_line(&child, NULL, &ignored);

	if (!origin)
		return xstrdup("another file");
	origin[strcspn(origin, "\t")] = '\0';
	return origin;
}

void keys_warn_of(const struct scope *scope,
		  const struct gitconfig_entry *entry, const char *effect)
{
	char *origin = keys_origin(scope, entry->key);
	char key[SHOWN], value[SHOWN];

	cli_say("warning: %s is '%s' in %s; %s",
		url_display_any(entry->key, key, sizeof(key)),
		url_display_any(entry->value, value, sizeof(value)), origin,
		effect);
	free(origin);
}

void keys_warn(const struct keys *keys, const struct scope *scope,
	       const struct gitconfig *config)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct gitconfig_entry *entry =
			gitconfig_find(config, keys->list[i].name);

		if (entry && strcmp(entry->value, keys->list[i].value))
			keys_warn_of(scope, entry,
				     "that value applies here, not the one "
				     "that was written");
	}
}

void keys_release(struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		free(keys->list[i].name);
		free(keys->list[i].value);
	}
	keys->n = 0;
}
