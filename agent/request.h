/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H

#include <stdbool.h>

#include "agent/scope.h"
#include "agent/serverurl.h"
#include "lfs/base/err.h"

/*
 * What `install` and `uninstall` are asked for: which of git's config files,
 * where, for which servers.
 */

struct request {
	struct scope scope;
	const char *place;	/* what the user calls its directory */
	const char *direction;	/* NULL: not given */
	bool is_install;	/* set by the caller */
	bool is_standalone;
	bool is_shared;		/* by .lfsconfig; standalone, too */
	const char *server;	/* a URL or the name of a remote; or NULL */
	struct serverurl servers;	/* owned: what that stands for */
};

/*
 * Read the command line; argv[0] is the command's name.  Returns 0, 1 if help
 * was asked for, or -1: then the usage is to be shown.
 */
int request_parse(struct request *request, int argc, char **argv,
		  struct err *err);

/* Is it a repository's config? */
bool request_is_local(const struct request *request);

/*
 * Change to the directory, see that there is a repository if one is needed,
 * and find the servers, of which there are none if all are meant.
 */
int request_enter(struct request *request, struct err *err);

void request_release(struct request *request);

#endif
