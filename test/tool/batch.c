/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Ask an LFS server about objects, for scenarios.
 *
 *	batch [-r REMOTE] [-d DIR] [-b REF] [-s] API-URL
 *		upload|download OID:SIZE...
 *
 * -s: a git server says by ssh, which is $GIT_SSH, what opens the LFS server.
 *
 * Prints for each object `OID there`, `OID ACTION...` or
 * `OID error: why`; or why the whole failed, and exits with 1.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/httpconf.h"
#include "lfs/server/session.h"

enum { ANSWER_MS = 10000 };

struct tool {
	struct gitconfig *config;
	struct httpconf *httpconf;
	struct http_shared shared;
	struct http *http;
	const char *dir;	/* of the share, or NULL */
	struct askcred ask;
	struct session_options session_options;
	struct session *session;	/* of talk() */
	struct batch batch;
};

static int parse_options(struct tool *tool, int argc, char **argv)
{
	static const struct ssh_address ssh = { .host = "git.example",
						.path = "r.git" };
	int c;

	while ((c = getopt(argc, argv, "r:d:b:s")) != -1) {
		if (c == 'r')
			tool->session_options.remote_url = optarg;
		else if (c == 'd')
			tool->dir = optarg;
		else if (c == 'b')
			tool->batch.ref = optarg;
		else if (c == 's')
			tool->session_options.ssh = &ssh;
		else
			return -1;
	}
	return optind + 3 <= argc ? 0 : -1;
}

/* The rest of the arguments. */
static void take_arguments(struct tool *tool, char **argv)
{
	static const char *const transfers[] = { "multipart-basic", "multipart",
						 "basic", NULL };
	struct batch *batch = &tool->batch;

	tool->session_options.api_url = argv[0];
	batch->direction = strcmp(argv[1], "upload") ? DOWNLOAD : UPLOAD;
	batch->transfers = transfers;
	batch->answer_ms = ANSWER_MS;
	for (argv += 2; *argv; argv++)
		batch->nobjects++;
	argv -= batch->nobjects;
	batch->objects = xcalloc(batch->nobjects, sizeof(*batch->objects));
	for (size_t i = 0; i < batch->nobjects; i++) {
		char *size = argv[i] + strcspn(argv[i], ":");

		*size++ = '\0';
		batch->objects[i].oid = argv[i];
		batch->objects[i].size = strtoull(size, NULL, 10);
	}
}

static int start(struct tool *tool, struct err *err)
{
	tool->config = gitconfig_load(NULL, err);
	if (!tool->config || http_setup(err))
		return -1;
	tool->httpconf = httpconf_new(tool->config, NULL, err);
	if (!tool->httpconf)
		return -1;
	tool->shared.options_for = httpconf_options_for;
	tool->shared.ctx = tool->httpconf;
	tool->shared.connect_ms = tool->shared.stall_ms = ANSWER_MS;
	tool->http = http_new(&tool->shared, err);
	tool->ask.config = tool->config;
	tool->session_options.config = tool->config;
	return tool->http ? 0 : -1;
}

static void show(const struct batch *batch)
{
	for (size_t i = 0; i < batch->nobjects; i++) {
		const struct batch_object *object = &batch->objects[i];
		const char *name;
		json_t *action;

		printf("%.8s", object->oid);
		json_object_foreach (object->actions, name, action)
			printf(" %s", name);
		if (object->err.kind)
			printf(" error: %s", object->err.msg);
		else if (!object->actions)
			printf(" there");
		printf("\n");
	}
}

/* One request and what the session says of it. */
static enum session_next ask_once(void *ctx, struct err *err)
{
	struct tool *tool = ctx;
	struct session *session = tool->session;
	struct headers headers = HEADERS_INIT;
	enum session_next next = session_prepare(session, err);

	if (next != SESSION_DONE)
		return next;
	tool->batch.url = session_url(session);
	session_headers(session, tool->batch.url, &headers, err);
	tool->batch.headers = &headers;
	if (!err->kind)
		batch_perform(tool->http, &tool->batch, err);
	next = session_answered(session, &headers, &tool->batch, err);
	headers_release(&headers);
	return next;
}

static int talk(struct tool *tool, struct err *err)
{
	struct credshare *share = credshare_new(tool->dir, 0, &tool->ask);
	struct credentials *credentials = credentials_new(&tool->ask, share);
	int ret;

	tool->session_options.credentials = credentials;
	tool->session = session_new(&tool->session_options);
	ret = session_run(ask_once, tool, err);
	session_free(tool->session);
	credentials_free(credentials);
	credshare_free(share);
	return ret;
}

int main(int argc, char **argv)
{
	struct tool tool = { .dir = NULL };
	struct err err = ERR_INIT;
	int ret = parse_options(&tool, argc, argv);

	if (ret) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	json_setup();
	log_init();
	take_arguments(&tool, argv + optind);
	ret = start(&tool, &err);
	if (!ret)
		ret = talk(&tool, &err);
	if (ret && err.wait_ms)
		printf("%s (wait %d ms)\n", err.msg, err.wait_ms);
	else if (ret)
		printf("%s\n", err.msg);
	else
		show(&tool.batch);
	batch_reset(&tool.batch);
	free(tool.batch.objects);
	http_free(tool.http);
	httpconf_free(tool.httpconf);
	gitconfig_free(tool.config);
	return ret ? 1 : 0;
}
