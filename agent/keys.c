/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/cli.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

#define GROUP "lfs.customtransfer."

enum { SHOWN = 4096 };

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

void keys_add_agent(struct keys *keys, const char *agent, const char *path,
		    const char *direction)
{
	const struct {
		const char *name, *value;
	} group[] = {
		{ "concurrent", "true" },
		{ "direction", direction },
		{ "args", "agent" },
		{ "path", path },
	};

	for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
		char *name = xstrfmt(GROUP "%s.%s", agent, group[i].name);

		keys_add(keys, name, group[i].value);
		free(name);
	}
}

bool keys_is_of_agent(const char *key, const char *agent, bool misspelt)
{
	const size_t n = strlen(GROUP);
	const char *last = strrchr(key, '.');

	if (strncasecmp(key, GROUP, n) || !last || last < key + n ||
	    (size_t)(last - key) - n != strlen(agent) ||
	    strncmp(key + n, agent, strlen(agent)))
		return false;
	return misspelt == !!strncmp(key, GROUP, n);
}

static bool is_set(const struct gitconfig *config, const struct key *key)
{
	size_t pos = 0;
	const char *first = gitconfig_next(config, key->name, &pos);

	return first && !strcmp(first, key->value) &&
	       !gitconfig_next(config, key->name, &pos);
}

/* Either may hold a URL with a password in it. */
static void say(const char *done, const char *name, const char *value)
{
	char shown_name[SHOWN], shown_value[SHOWN];

	printf("%s %s = %s\n", done,
	       url_display_any(name, shown_name, sizeof(shown_name)),
	       url_display_any(value, shown_value, sizeof(shown_value)));
}

static void say_replaced(const struct gitconfig *config, const struct key *key)
{
	const char *value;
	size_t pos = 0;

	while ((value = gitconfig_next(config, key->name, &pos)))
		if (strcmp(value, key->value))
			say("replaced", key->name, value);
}

int keys_write(const struct keys *keys, const struct scope *scope,
	       struct err *err)
{
	struct gitconfig *config = scope_load(scope, err);
	int nchanges = config ? 0 : -1;

	for (size_t i = 0; config && i < keys->n; i++) {
		const struct key *key = &keys->list[i];

		if (is_set(config, key))
			continue;
		if (scope_set(scope, key->name, key->value, err)) {
			nchanges = -1;
			break;
		}
		say_replaced(config, key);
		nchanges++;
	}
	gitconfig_free(config);
	return nchanges;
}

int keys_remove(const struct scope *scope,
		bool (*is_wanted)(const struct gitconfig_entry *entry,
				  const void *ctx),
		const void *ctx, struct err *err)
{
	struct gitconfig *config = scope_load(scope, err);
	const struct gitconfig_entry *entry;
	int nchanges = config ? 0 : -1;
	size_t pos = 0;

	while (config && (entry = gitconfig_each(config, &pos))) {
		if (!is_wanted(entry, ctx))
			continue;
		if (scope_unset(scope, entry->key, err)) {
			nchanges = -1;
			break;
		}
		say("removed", entry->key, entry->value);
		nchanges++;
	}
	gitconfig_free(config);
	return nchanges;
}

void keys_print(const struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		printf("   %s = %s\n", keys->list[i].name, keys->list[i].value);
}

void keys_warn_of(const struct scope *scope,
		  const struct gitconfig_entry *entry, const char *effect)
{
	char *origin = scope_origin(scope, entry->key);
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
	const struct gitconfig_entry *entry;

	for (size_t i = 0; i < keys->n; i++) {
		entry = gitconfig_find(config, keys->list[i].name);
		if (entry && strcmp(entry->value, keys->list[i].value))
			keys_warn_of(scope, entry,
				     "that counts here, and not what "
				     "was written");
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
