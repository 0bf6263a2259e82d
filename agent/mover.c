/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/mover.h"

#include <stdlib.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/net/pool.h"
#include "lfs/server/context.h"
#include "lfs/server/lookahead.h"
#include "lfs/server/server.h"
#include "lfs/transfer/engine.h"

struct mover *mover_new(const struct mover_options *options)
{
	struct mover *mover = xcalloc(1, sizeof(*mover));

	mover->input = options->input;
	mover->remote = options->remote ? xstrdup(options->remote) : NULL;
	mover->is_upload = options->is_upload;
	mover->nagents = options->nagents;
	mover->began_ms = clock_ms();
	return mover;
}

static bool is_stopped(void *ctx)
{
	const struct mover *mover = ctx;

	return !input_look(mover->input, 0);
}

int mover_need_engine(struct mover *mover, struct err *err)
{
	const struct context_options options = {
		.remote = mover->remote,
		.is_upload = mover->is_upload,
	};

	if (!mover->context)
		mover->context = context_new(&options, err);
	if (mover->context && !mover->engine)
		mover->engine = engine_new(mover->context, mover->nagents, err);
	return mover->engine ? 0 : -1;
}

static int need_server(struct mover *mover, struct err *err)
{
	const struct server_options options = {
		.context = mover->context,
		.pool = engine_pool(mover->engine),
		.began_ms = mover->began_ms,
		.stop = { is_stopped, mover, mover->input->fd },
	};
	struct lookahead_options lookahead_options = {
		.context = mover->context,
		.stop = options.stop,
	};

	if (mover->server)
		return 0;
	mover->server = server_new(&options, err);
	if (!mover->server)
		return -1;
	lookahead_options.server = mover->server;
	mover->ahead = lookahead_new(&lookahead_options);
	return 0;
}

int mover_ask(struct mover *mover, struct batch_object *object, bool anew,
	      struct err *err)
{
	if (need_server(mover, err))
		return -1;
	mover->is_kept = false;
	if (anew)
		lookahead_forget(mover->ahead);
	if (anew || mover->is_upload)
		return server_ask(mover->server, object, err);
	mover->is_kept = lookahead_take(mover->ahead, object);
	return mover->is_kept ? 0 : lookahead_ask(mover->ahead, object, err);
}

bool mover_free(struct mover *mover)
{
	if (!mover)
		return true;
	if (mover->left_behind)
		return false;
	lookahead_free(mover->ahead);
	server_free(mover->server);
	if (!engine_free(mover->engine, MOVER_STOP_MS))
		return false;
	context_free(mover->context);
	free(mover->remote);
	free(mover);
	return true;
}
