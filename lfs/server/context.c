/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/context.h"

#include <stdlib.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/httpconf.h"
#include "lfs/git/repo.h"
#include "lfs/server/credhelper.h"

static int find_endpoint(struct context *context, struct err *err)
{
	char *fetched = NULL;
	int ret;

	if (context->lfs_url)
		return endpoint_from_lfs(&context->endpoint, context->lfsconfig,
					 context->lfs_url, context->direction,
					 err);
	ret = endpoint_find(&context->endpoint, context->lfsconfig,
			    context->remote, context->direction, err);
	if (ret && context->direction == DOWNLOAD &&
	    !endpoint_has_remote(context->lfsconfig, NULL))
		fetched = fetchhead_url();
	if (fetched) {
		err_clear(err);
		ret = endpoint_find(&context->endpoint, context->lfsconfig,
				    fetched, DOWNLOAD, err);
	}
	free(fetched);
	return ret;
}

const struct endpoint *context_endpoint(struct context *context,
					struct err *err)
{
	if (!context->lfsconfig)
		context->lfsconfig = gitconfig_add_lfsconfig(context->config,
							     context->repo.top,
							     err);
	if (!context->lfsconfig)
		return NULL;
	if (!context->endpoint.url && find_endpoint(context, err))
		return NULL;
	return &context->endpoint;
}

/* Find the server, which takes child processes, only if settings depend on it. */
static int load_settings(struct context *context, struct err *err)
{
	const struct endpoint *endpoint = NULL;
	struct err why = ERR_INIT;

	if (settings_depend_on_url(context->config)) {
		endpoint = context_endpoint(context, &why);
		if (!endpoint)
			log_info("%s: settings for one server are ignored",
				 why.msg);
	}
	return settings_load(&context->settings, context->config,
			     endpoint ? endpoint->url : NULL, err);
}

static int load_httpconf(struct context *context, struct err *err)
{
	const struct askcred ask = { .config = context->config };

	context->httpconf = httpconf_new(context->config, context->remote, err);
	if (!context->httpconf)
		return -1;
	certpass_find(context->httpconf, &ask);
	return 0;
}

/* A push needs no folder of its own, so it works in a repository of others. */
static int make_storage_dir(const struct context *context, struct err *err)
{
	if (!storage_make_dir(&context->storage, err))
		return 0;
	if (context->direction == DOWNLOAD)
		return -1;
	log_info("%s: uploads cannot be resumed", err->msg);
	err_clear(err);
	return 0;
}

static int load_context(struct context *context, struct err *err)
{
	context->config = gitconfig_load(NULL, err);
	if (!context->config || repo_find(&context->repo, err) ||
	    load_settings(context, err) ||
	    storage_load(&context->storage, &context->repo, context->config,
			 err) ||
	    make_storage_dir(context, err))
		return -1;
	return load_httpconf(context, err);
}

struct context *context_new(const struct context_options *options,
			    struct err *err)
{
	struct context *context = xcalloc(1, sizeof(*context));

	context->remote = options->remote ? xstrdup(options->remote) : NULL;
	context->lfs_url = options->lfs_url ? xstrdup(options->lfs_url) : NULL;
	context->direction = options->direction;
	if (!load_context(context, err))
		return context;
	context_free(context);
	return NULL;
}

void context_free(struct context *context)
{
	if (!context)
		return;
	httpconf_free(context->httpconf);
	gitconfig_free(context->lfsconfig);
	gitconfig_free(context->config);
	endpoint_release(&context->endpoint);
	repo_release(&context->repo);
	storage_release(&context->storage);
	free(context->remote);
	free(context->lfs_url);
	free(context);
}
