/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lfs/base/json.h"
#include "lfs/git/repo.h"
#include "lfs/server/endpoint.h"
#include "lfs/server/ssh.h"

/*
 * endpoint upload|download [REMOTE]: print the URL of the LFS server, as the
 * agent would find it in the current directory.  Runs ssh if it has to.
 */

static int show(const struct gitconfig *config, const char *remote,
		enum direction direction, struct err *err)
{
	static const struct askcred ask;
	struct endpoint endpoint;
	struct sshauth auth = { .options = { .config = config,
					     .ssh = &endpoint.ssh,
					     .direction = direction } };
	int ret;

	if (endpoint_find(&endpoint, config, remote, direction, err))
		return -1;
	auth.options.share = credshare_new(NULL, 0, &ask);
	while ((ret = sshauth_update(&auth, err)) > 0)
		err_clear(err);
	if (!ret)
		puts(auth.reply.href ? auth.reply.href : endpoint.url);
	credshare_free(auth.options.share);
	sshauth_release(&auth);
	endpoint_release(&endpoint);
	return ret;
}

int main(int argc, char **argv)
{
	struct gitconfig *git, *config = NULL;
	struct repo repo = REPO_INIT;
	struct err err = ERR_INIT;
	int ret = -1;

	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	json_setup();
	git = gitconfig_load(NULL, &err);
	if (git && !repo_find(&repo, &err))
		config = gitconfig_add_lfsconfig(git, repo.top, &err);
	if (config)
		ret = show(config, argv[2],
			   strcmp(argv[1], "upload") ? DOWNLOAD : UPLOAD, &err);
	if (ret)
		fprintf(stderr, "endpoint: %s\n", err.msg);
	gitconfig_free(config);
	gitconfig_free(git);
	repo_release(&repo);
	return ret ? 1 : 0;
}
