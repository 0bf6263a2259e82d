/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_TRANSFER_ENGINE_H
#define LFS_TRANSFER_ENGINE_H

#include "lfs/base/err.h"
#include "lfs/net/http.h"
#include "lfs/remote/endpoint.h"
#include "lfs/remote/repo.h"
#include "lfs/remote/settings.h"
#include "lfs/remote/storage.h"
#include "lfs/transfer/budget.h"
#include "lfs/transfer/pool.h"

/*
 * What all transfers of a process share: the settings, the storage, the pool
 * of connections and the budget they are taken from.
 *
 * Making it asks git for its config, so it is made when the first object
 * comes, not before.
 */

struct gitconfig;
struct httpconf;
struct source_memory;

struct engine {
	char *remote;	/* owned, as all below; or NULL */
	char *lfs_url;	/* or NULL */
	bool is_upload;
	struct settings settings;
	struct repo repo;
	struct storage storage;
	struct gitconfig *config;
	struct gitconfig *lfsconfig;	/* that, and .lfsconfig's; see below */
	struct endpoint endpoint;	/* see below */
	struct httpconf *httpconf;
	struct http_shared shared;
	struct pool *pool;
	struct budget *budget;
	uint64_t rate;	/* of a connection, in bytes a second; 0: not known */
	struct source_memory *sources;	/* the servers of earlier objects */
	int handed_over;	/* the file that git-lfs is at, or -1 */
	uint64_t budget_ms;	/* when it was last looked at; 0: not yet */
};

struct engine_options {
	const char *remote;	/* the git remote's name or URL, or NULL */
	const char *lfs_url;	/* its LFS server, if the user says so; or NULL */
	bool is_upload;
	unsigned nagents;	/* processes like this one, by git-lfs's word */
};

/* Returns NULL if the config cannot be read or holds a bad value. */
struct engine *engine_new(const struct engine_options *options,
			  struct err *err);

/*
 * The LFS server that the remote leads to, borrowed.  Found when it is first
 * asked for, as that may take some child processes; `lfsconfig` is then there,
 * too.  For a download in a repository without remotes, the last fetch tells.
 * NULL with ERR_USAGE if there is none.
 */
const struct endpoint *engine_endpoint(struct engine *engine, struct err *err);

/*
 * Keep open, and so locked, a file that git-lfs was handed, until the next
 * one: it asks for another object only when it has taken the one before.
 * `fd` is owned from now on; -1: none.
 */
void engine_keep_file(struct engine *engine, int fd);

/*
 * `bytes` of one object came, or went, in `ms`.  What says how fast the
 * connections are is used for how the next one is cut.
 */
void engine_note_rate(struct engine *engine, uint64_t bytes, uint64_t ms);

/* plan_part_size() for an object of `size` bytes. */
uint64_t engine_part_size(const struct engine *engine, uint64_t size);

/* An object is on its way: take part in the budget, until budget_release(). */
void engine_hold_budget(struct engine *engine);

/*
 * Use as many connections as fall to us now, but not fewer than `least`; ten
 * times a second is enough.
 */
void engine_heed_budget(struct engine *engine, unsigned least);

/* A pool besides the engine's, to be freed before it: retries are the same. */
struct pool *engine_new_pool(struct engine *engine, unsigned max_workers);

/*
 * Stop all and free the engine.  False if a worker did not come back within
 * `timeout_ms`: then the process must end without running exit handlers.
 * NULL is fine.
 */
bool engine_free(struct engine *engine, int timeout_ms);

#endif
