/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/request.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/needs.h"
#include "agent/option.h"
#include "lfs/net/url.h"

static const struct option options[] = {
	{ "local", no_argument, NULL, 'l' },
	{ "global", no_argument, NULL, 'g' },
	{ "system", no_argument, NULL, 's' },
	{ "standalone", no_argument, NULL, 'a' },
	{ "shared", no_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "direction", required_argument, NULL, 'd' },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	int letter;
	const char *option;
} scopes[] = {
	{ 'l', "--local" },
	{ 'g', "--global" },
	{ 's', "--system" },
};

static int set_scope(struct request *request, int letter, struct err *err)
{
	const char *option = NULL;

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (scopes[i].letter == letter)
			option = scopes[i].option;
	if (request->scope.option && strcmp(request->scope.option, option))
		return err_set(err, ERR_USAGE, "%s and %s exclude each other",
			       request->scope.option, option);
	request->scope.option = option;
	return 0;
}

static int set_direction(struct request *request, const char *direction,
			 struct err *err)
{
	static const char *const known[] = { "upload", "download", "both" };

	if (!request->is_install)
		return err_set(err, ERR_USAGE, "unknown option '--direction'");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(direction, known[i])) {
			request->direction = direction;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		       "the direction is upload, download or both, not '%s'",
		       direction);
}

static int set_option(struct request *request, int letter, struct err *err)
{
	switch (letter) {
	case 'r':
		request->is_shared = true;
		request->is_standalone = true;
		return 0;
	case 'a':
		request->is_standalone = true;
		return 0;
	case 'd':
		return set_direction(request, optarg, err);
	default:
		return set_scope(request, letter, err);
	}
}

bool request_is_local(const struct request *request)
{
	return !strcmp(request->scope.option, "--local");
}

static int check_options(struct request *request, struct err *err)
{
	if (!request->scope.option)
		request->scope.option = "--local";
	if (request->is_standalone && request->direction)
		return err_set(err, ERR_USAGE,
			       "--standalone is for both directions");
	if (request->is_shared && !request_is_local(request))
		return err_set(err, ERR_USAGE,
			       "--shared and %s exclude each other",
			       request->scope.option);
	return 0;
}

/* Is a word on its own a server, or the path? */
static int is_server(const char *word, bool *is_one, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);

	if (!config)
		return -1;
	*is_one = serverurl_is_one(config, word);
	gitconfig_free(config);
	return 0;
}

static int set_words(struct request *request, int n, char **words,
		     struct err *err)
{
	bool takes_server = request->is_standalone &&
			    (request->is_install || !request->is_shared);
	bool has_server = takes_server && n > 1;

	if (n > 1 + takes_server)
		return err_set(err, ERR_USAGE, "more than one path");
	if (takes_server && n == 1 && is_server(words[0], &has_server, err))
		return -1;
	if (has_server) {
		request->server = words[0];
		words++;
		n--;
	}
	if (n && !request_is_local(request))
		return err_set(err, ERR_USAGE, "%s takes no path",
			       request->scope.option);
	request->place = n ? words[0] : ".";
	request->scope.dir = ".";
	return 0;
}

int request_parse(struct request *request, int argc, char **argv,
		  struct err *err)
{
	int letter, ret = 0;

	opterr = 0;
	while (!ret &&
	       (letter = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		if (letter == 'h')
			return 1;
		if (letter == '?' || letter == ':')
			return option_refuse(letter, argv, err);
		ret = set_option(request, letter, err);
	}
	if (!ret)
		ret = check_options(request, err);
	return ret ? ret :
		     set_words(request, argc - optind, argv + optind, err);
}

int request_enter(struct request *request, struct err *err)
{
	char place[URL_DISPLAY_MAX];
	struct gitconfig *config;
	int ret;

	if (request_is_local(request) && chdir(request->place))
		return err_set(err, ERR_USAGE,
			       request->is_standalone && !request->server ?
				       "'%s' is neither a URL, nor a remote, "
				       "nor a directory" :
				       "there is no directory '%s'",
			       url_display_any(request->place, place,
					       sizeof(place)));
	/* A repository that is named is meant, and not that of a hook. */
	if (request_is_local(request) && strcmp(request->place, ".")) {
		unsetenv("GIT_DIR");
		unsetenv("GIT_WORK_TREE");
	}
	if (needs_scope(&request->scope, request->place, err))
		return -1;
	if (!request->server && !(request->is_shared && request->is_install))
		return 0;
	config = gitconfig_load(NULL, err);
	if (!config)
		return -1;
	ret = serverurl_find(&request->servers, config, request->server, err);
	gitconfig_free(config);
	return ret;
}

void request_release(struct request *request)
{
	serverurl_release(&request->servers);
}
