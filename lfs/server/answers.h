/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_ANSWERS_H
#define LFS_SERVER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/base/stop.h"
#include "lfs/server/batch.h"

/*
 * What the server has said of many objects, for all agents of a repository: one
 * asks, while the others wait for the lock, and then they have its answer.
 *
 * It counts for a minute, in a file that only this user can read, as it holds
 * links.  It holds no header, as that may be the user's login: an agent that is
 * given one shares nothing from then on.  Where there can be no such file,
 * nothing is shared.  The file of an agent that was killed is emptied by the
 * next one that starts after that minute.
 */

struct answers;

enum { ANSWERS_KEPT_S = 60 };

/* In the storage's `dir`; of the server with this URL. */
struct answers *answers_new(const char *dir, const char *url);

/* Wait for the lock; false if `stop` is wanted meanwhile. */
bool answers_lock(struct answers *answers, const struct stop *stop);
void answers_unlock(struct answers *answers);

/*
 * With the lock: an array of objects, each with `oid`, `size`, `authenticated`
 * and perhaps `actions`, and when they were asked for, in seconds since 1970.
 * The caller's; NULL if there is none that counts.
 */
json_t *answers_load(struct answers *answers, int64_t *asked);

/*
 * With the lock: keep those of these objects that have no error, unless an
 * action of any has a header.
 */
void answers_store(struct answers *answers, const struct batch_object *objects,
		   size_t n);

/* Forget the answers, for all agents: they are no longer good. */
void answers_forget(struct answers *answers);

/* Removes the file; NULL is fine. */
void answers_free(struct answers *answers);

#endif
