/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Log in to a server that is not there, for scenarios.
 *
 *	credential [-r REMOTE] [-d DIR] [-g USER:PASSWORD] [-c CHALLENGE]
 *		   [-w] [-l] [-e] API-URL
 *
 * Gets a credential up to four times, and each time prints where it is from
 * and what would be sent.  -g says which one the server takes: others are
 * rejected, and it is approved; without -g the first one is taken.  -w: stop
 * at the end of stdin.  -l: the server takes it late, after an answer that
 * says nothing of it.  -e: ends as an agent does; else as one that is killed,
 * which leaves what it has shared.  Exit status 1 with a message if there is none.
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/server/credential.h"

enum { TRIES = 4 };

static const char *const sources[] = {
	[CREDENTIAL_URL] = "url",	[CREDENTIAL_NETRC] = "netrc",
	[CREDENTIAL_SHARED] = "shared", [CREDENTIAL_ASKPASS] = "askpass",
	[CREDENTIAL_GIT] = "git",
};

struct options {
	const char *dir;	/* of the share, or NULL */
	struct askcred ask;
	struct credential_query query;
	char *good;	/* the Authorization that the server takes, or NULL */
	const char *challenge;
	bool is_late;
	bool ends;
};

static bool is_at_end(void *ctx)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	(void)ctx;
	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &c, 1) <= 0;
}

static char *authorization_of(const char *pair)
{
	size_t len = strcspn(pair, ":");
	char *user = xstrndup(pair, len);
	struct credtext text = CREDTEXT_INIT;
	struct err err = ERR_INIT;
	char *value;

	credtext_add(&text, "username", user, &err);
	credtext_add(&text, "password", pair + len + 1, &err);
	value = credtext_authorization(&text);
	credtext_release(&text);
	free(user);
	return value;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "r:d:g:c:wle")) != -1) {
		switch (c) {
		case 'r':
			options->query.remote_url = optarg;
			break;
		case 'd':
			options->dir = optarg;
			break;
		case 'g':
			free(options->good);
			options->good = authorization_of(optarg);
			break;
		case 'c':
			options->challenge = optarg;
			options->query.challenges = &options->challenge;
			options->query.nchallenges = 1;
			break;
		case 'w':
			options->ask.stop = (struct stop){ is_at_end, NULL,
							   STDIN_FILENO };
			break;
		case 'l':
			options->is_late = true;
			break;
		case 'e':
			options->ends = true;
			break;
		default:
			return -1;
		}
	}
	if (optind + 1 != argc)
		return -1;
	options->query.api_url = argv[optind];
	return 0;
}

/* One try: 1 if the server takes it. */
static int try_one(struct credentials *credentials,
		   const struct options *options, struct err *err)
{
	struct credential credential;
	bool is_good;

	if (credential_get(credentials, &options->query, &credential, err))
		return -1;
	printf("%s %s\n", sources[credential.source], credential.authorization);
	fflush(stdout);
	is_good = !options->good ||
		  !strcmp(options->good, credential.authorization);
	if (options->is_late)
		credential_drop(credentials);
	if (is_good)
		credential_approve(credentials, &credential);
	else
		credential_reject(credentials, &credential, NULL);
	credential_release(&credential);
	return is_good;
}

int main(int argc, char **argv)
{
	struct options options = { .dir = NULL };
	struct credshare *share = NULL;
	struct credentials *credentials = NULL;
	struct gitconfig *config = NULL;
	struct err err = ERR_INIT;
	int ret = 0;

	if (parse_options(&options, argc, argv)) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	log_init();
	config = gitconfig_load(NULL, &err);
	if (config) {
		options.ask.config = config;
		share = credshare_new(options.dir, 0, &options.ask);
		credentials = credentials_new(&options.ask, share);
		for (int i = 0; i < TRIES && !ret; i++)
			ret = try_one(credentials, &options, &err);
	}
	if (ret < 1)
		fprintf(stderr, "%s\n", err.kind ? err.msg : "none is good");
	if (!options.ends)
		_exit(ret < 1);
	options.ask.stop = stop_when(NULL, NULL);
	credentials_free(credentials);
	credshare_free(share);
	gitconfig_free(config);
	free(options.good);
	return ret < 1;
}
