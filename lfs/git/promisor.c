/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/promisor.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

static void add(struct promisors *promisors, const char *name)
{
	for (size_t i = 0; i < promisors->n; i++)
		if (!strcmp(promisors->remotes[i], name))
			return;
	promisors->remotes = xreallocarray(promisors->remotes, promisors->n + 1,
					   sizeof(char *));
	promisors->remotes[promisors->n++] = xstrdup(name);
}

static bool is_false(const struct gitconfig_entry *entry)
{
	struct err ignored = ERR_INIT;
	bool value = true;

	return !gitconfig_parse_bool(entry, &value, &ignored) && !value;
}

void promisors_find(struct promisors *promisors, const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	*promisors = (struct promisors)PROMISORS_INIT;
	while ((entry = gitconfig_each(config, &pos))) {
		if (!entry->sub || !*entry->sub)
			continue;
		if ((gitconfig_is(entry, "remote", "promisor") &&
		     !is_false(entry)) ||
		    gitconfig_is(entry, "remote", "partialclonefilter"))
			add(promisors, entry->sub);
	}
	entry = gitconfig_find(config, "extensions.partialclone");
	if (entry)
		add(promisors, entry->value);
}

void promisors_release(struct promisors *promisors)
{
	for (size_t i = 0; i < promisors->n; i++)
		free(promisors->remotes[i]);
	free(promisors->remotes);
	*promisors = (struct promisors)PROMISORS_INIT;
}
