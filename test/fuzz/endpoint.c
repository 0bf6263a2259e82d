/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/gourl.h"
#include "lfs/server/ssh.h"

/*
 * The input: a remote, and after a newline a config as `git config -z --list`
 * prints it, once as git's own and once as that of .lfsconfig.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Neither an option nor a line break may come in by way of a URL. */
static void check_ssh(const struct gitconfig *config,
		      const struct ssh_address *ssh)
{
	struct sshcommand command;

	if (!ssh->host)
		return;
	sshcommand_init(&command, config, ssh, UPLOAD);
	if (strchr(ssh->host, '\n') || strchr(ssh->path, '\n'))
		abort();
	if (ssh->port && ssh->port[strspn(ssh->port, "0123456789")])
		abort();
	sshcommand_release(&command);
}

static void check_http(const struct endpoint *endpoint)
{
	struct err err = ERR_INIT;
	char *again = gourl_normalize(endpoint->url);

	if (url_check(endpoint->url, &err))
		abort();
	if (!again || strcmp(again, endpoint->url))
		abort();
	free(again);
}

static void find(const struct gitconfig *config, const char *remote,
		 enum direction direction)
{
	struct endpoint endpoint;
	struct err err = ERR_INIT;

	if (endpoint_find(&endpoint, config, remote, direction, &err)) {
		if (err.kind != ERR_USAGE || endpoint.url)
			abort();
		return;
	}
	check_ssh(config, &endpoint.ssh);
	if (endpoint.kind == ENDPOINT_HTTP)
		check_http(&endpoint);
	endpoint_release(&endpoint);
}

/* .lfsconfig says where objects are, and not what program to run.  Takes it. */
static void check_merged(struct gitconfig *file)
{
	static const char *const unsafe[] = { "path", "args", "storage",
					      "standalonetransferagent" };
	struct err err = ERR_INIT;
	struct gitconfig *none = gitconfig_parse("", 0, &err);
	struct gitconfig *merged = gitconfig_merge(none, file);
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(merged, &pos))) {
		if (!gitconfig_is(entry, "lfs", entry->name) &&
		    !gitconfig_is(entry, "remote", "lfsurl"))
			abort();
		for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
			if (gitconfig_is(entry, "lfs", unsafe[i]))
				abort();
	}
	gitconfig_free(merged);
	gitconfig_free(none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t len = newline ? (size_t)(newline - data) : 0;
	char *remote = xstrndup((const char *)data, len);
	size_t start = newline ? len + 1 : 0;
	struct err err = ERR_INIT;
	struct gitconfig *config = gitconfig_parse((const char *)data + start,
						   size - start, &err);

	if (config) {
		const char *name = *remote ? remote : "origin";

		find(config, name, DOWNLOAD);
		find(config, name, UPLOAD);
		free(endpoint_default_remote(config, "main", UPLOAD));
		check_merged(config);
	}
	free(remote);
	free(fetchhead_parse((const char *)data, size));
	return 0;
}
