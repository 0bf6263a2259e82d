/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/httpconf.h"
#include "lfs/git/settings.h"

/*
 * The input: a URL that ends with a newline, then a config as git prints it
 * with -z.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos))) {
		struct err err = ERR_INIT;
		bool flag;
		int64_t number;

		gitconfig_parse_bool(entry, &flag, &err);
		gitconfig_parse_int(entry, &number, &err);
		if (strchr(entry->key, '.') &&
		    !gitconfig_find(config, entry->key))
			abort();
	}
}

/* These expand paths; the user database and git are not to be asked. */
static void check_httpconf(const struct gitconfig *config, const char *url)
{
	const struct gitconfig_entry *entry;
	struct http_options options;
	struct err err = ERR_INIT;
	struct httpconf *conf;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		if (entry->value[0] == '~' || entry->value[0] == '%')
			return;
	conf = httpconf_new(config, "origin", &err);
	if (!conf != !!err.kind)
		abort();
	if (conf)
		httpconf_options_for(conf, url, &options);
	httpconf_free(conf);
}

static void check_settings(const struct gitconfig *config, const char *url)
{
	struct err err = ERR_INIT;
	struct settings settings;

	if (settings_load(&settings, config, url, &err))
		return;
	if (settings.connections < 1 || settings.connections > 256 ||
	    settings.stall_ms < 1000 || settings.connect_ms < 2000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : 0;
	size_t skip = end ? len + 1 : 0;
	char *url = xmalloc(len + 1);
	struct err err = ERR_INIT;
	struct gitconfig *config;

	if (len)
		memcpy(url, data, len);
	url[len] = '\0';
	config = gitconfig_parse((const char *)data + skip, size - skip, &err);
	check_entries(config);
	check_httpconf(config, url);
	check_settings(config, url);
	gitconfig_free(config);
	free(url);
	return 0;
}
