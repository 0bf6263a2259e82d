/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/promisor.h"

#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"

/* The N of "blob:limit=N"; 0 for any other filter. */
static uint64_t parse_limit(const char *filter)
{
	static const char prefix[] = "blob:limit=";
	const struct gitconfig_entry entry = {
		.key = "filter",
		.value = filter + sizeof(prefix) - 1,
	};
	struct err ignored = ERR_INIT;
	int64_t limit = 0;

	if (strncmp(filter, prefix, sizeof(prefix) - 1) ||
	    gitconfig_parse_int(&entry, &limit, &ignored) || limit < 0)
		return 0;
	return (uint64_t)limit;
}

static void look_at_filter(struct promisors *promisors, const char *filter)
{
	uint64_t limit = parse_limit(filter);

	if (strncmp(filter, "blob:", 5) && strncmp(filter, "sparse:", 7))
		promisors->lacks_trees = true;
	if (promisors->n == 1 || limit < promisors->least)
		promisors->least = limit;
}

static void add(struct promisors *promisors, const struct gitconfig *config,
		const char *name, size_t len)
{
	char *key;
	const char *filter;

	for (size_t i = 0; i < promisors->n; i++)
		if (strlen(promisors->remotes[i]) == len &&
		    !memcmp(promisors->remotes[i], name, len))
			return;
	promisors->remotes = xreallocarray(promisors->remotes, promisors->n + 1,
					   sizeof(char *));
	key = xstrfmt("remote.%.*s.partialclonefilter", (int)len, name);
	filter = gitconfig_get(config, key);
	promisors->remotes[promisors->n++] = xstrfmt("%.*s", (int)len, name);
	look_at_filter(promisors, filter ? filter : "");
	free(key);
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
		const char *name = NULL;
		long len = gitconfig_subsection(entry, "remote", "promisor",
						&name);

		if (len >= 0 && is_false(entry))
			continue;
		if (len < 0)
			len = gitconfig_subsection(entry, "remote",
						   "partialclonefilter", &name);
		if (len > 0 && name)
			add(promisors, config, name, (size_t)len);
	}
	entry = gitconfig_find(config, "extensions.partialclone");
	if (entry)
		add(promisors, config, entry->value, strlen(entry->value));
}

void promisors_release(struct promisors *promisors)
{
	for (size_t i = 0; i < promisors->n; i++)
		free(promisors->remotes[i]);
	free(promisors->remotes);
	*promisors = (struct promisors)PROMISORS_INIT;
}
