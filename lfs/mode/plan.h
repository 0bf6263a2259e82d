/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_MODE_PLAN_H
#define LFS_MODE_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/err.h"
#include "lfs/base/json.h"
#include "lfs/net/http.h"

/*
 * An action as the Batch API gives it and git-lfs hands it on: where to send
 * one object, and with which headers (git-lfs's docs/api/batch.md, lfs/wire.md,
 * The lines).
 */

struct action {
	const char *href;	/* borrowed from the tree, or `own_href` */
	json_t *header;	/* borrowed; NULL if there is none */
	struct headers headers;	/* owned */
	char *own_href;	/* owned: what replaces the tree's; or NULL */
	int64_t expires;	/* seconds since 1970; 0: it does not say */
};

/*
 * Check `tree`, which must outlive the action, and take `href` and `header`
 * from it.  If `href` is not NULL, a copy of it replaces that of the tree, which
 * may then be any string.  Header members are not looked at: action_headers()
 * does that.  `expires_in` counts from now, which may be some minutes late:
 * git-lfs does not tell when the server answered.
 */
int action_parse(struct action *action, const json_t *tree, const char *href,
		 struct err *err);

/*
 * Add the members of a `header`, which may be NULL: names and values that HTTP
 * allows.
 */
int headers_add_tree(struct headers *headers, json_t *tree, struct err *err);

/* Fill `headers` with all of `header`. */
int action_headers(struct action *action, struct err *err);

void action_release(struct action *action);

/*
 * Every way to move an object is a plan: an array of parts, and a finish.
 *
 * A mode makes the plan from an action and knows what a part's answer and the
 * end of it all mean at that kind of server.  The engine, which runs a plan,
 * knows no mode.
 */

enum {
	PLAN_PARTS_MAX = 50000,	/* Azure's most; S3 stops at 10000 */
	PLAN_ETAG_MAX = 1024
};

/* Digests of a part that a server may want to get, as headers. */
enum {
	PLAN_CONTENT_MD5 = 1,	/* Content-MD5 (RFC 1864) */
	PLAN_DIGEST_MD5 = 2,	/* Digest: MD5=... (RFC 3230) */
	PLAN_DIGEST_SHA256 = 4	/* Digest: SHA-256=... (RFC 5843) */
};

enum direction { UPLOAD, DOWNLOAD };

struct http;
struct plan;

struct part {
	uint64_t off;	/* of the object, in bytes */
	uint64_t size;
	unsigned number;	/* 1 is the first */
	bool finished;	/* set by the engine, and for what is stored */
	bool is_stored;	/* the server has it from before: it is not moved */
	const char *href;	/* borrowed; NULL: the plan's action's */
	int64_t expires;	/* when `href` does, as struct action has it */
	const char *method;	/* borrowed; NULL: PUT */
	struct headers headers;	/* owned; go with `href` */
	unsigned digests;	/* PLAN_CONTENT_MD5, ... */
	char *etag;	/* owned; verbatim, or NULL */
	uint32_t crc_moved;	/* CRC-32 of the bytes as sent or received */
	uint32_t crc_hashed;	/* and of the same bytes as they were hashed */
	_Atomic(uint64_t) done;	/* bytes moved, of this try */
	uint64_t recorded;	/* download: bytes that are in the journal */
	uint32_t crc_piece;	/* and the CRC-32 of those that are not yet */
	bool has_changed;	/* download: other bytes came the last time */
};

struct mode {
	const char *name;	/* for the log */
	/*
	 * The answer to an uploaded part was a 2xx: keep what `finish`
	 * needs of it.  NULL: nothing.
	 */
	int (*answer)(struct plan *plan, struct part *part, struct http *http,
		      struct err *err);
	/*
	 * All parts are there and the bytes are right: make them an object.
	 * May be called again after a transient error.  NULL: nothing to do.
	 */
	int (*finish)(struct plan *plan, struct http *http, struct err *err);
	/*
	 * Run before the first part, perhaps again after a transient error.
	 * NULL: nothing to do.
	 */
	int (*begin)(struct plan *plan, struct http *http, struct err *err);
	/*
	 * The upload has failed, and the parts that are there are of no use to
	 * another run: have the server forget them.  Never after `finish` was
	 * tried, as the object may be there.  NULL: nothing to do.
	 */
	int (*abandon)(struct plan *plan, struct http *http, struct err *err);
	bool part_is_final;	/* the part makes the object, for good */
	bool is_resumable;	/* parts sent by another process still count */
	bool keeps_parts;	/* the server leaves out those that it has */
};

struct plan {
	const struct mode *mode;
	enum direction direction;
	const char *oid;	/* borrowed; 64 hex digits */
	uint64_t size;
	json_t *tree;	/* owned: the action or actions, for strings to borrow */
	struct action action;	/* owned */
	struct part *parts;	/* owned; contiguous, in file order */
	size_t nparts;
	uint64_t part_size;	/* of all parts but the last */
	unsigned answer_ms;	/* how long the answer to a part may take */
	unsigned finish_ms;	/* how long the answer to the finish may take */
	bool finish_outcome_unknown;	/* an answer was lost, or does not tell */
};

/* For mode_plan().  The plan borrows `oid`, and keeps a reference to `action`. */
struct plan_request {
	enum direction direction;
	const char *oid;
	uint64_t size;
	json_t *action;	/* or actions: see mode_action() */
	const char *href;	/* in place of the action's; or NULL */
	const struct headers *headers;	/* the same, if mode_is_plain() */
	uint64_t part_size;	/* in bytes, where the server leaves it to us */
	unsigned answer_ms;
	unsigned finish_ms;
};

/*
 * The size of parts where the server leaves it to us, so that `connections`
 * end at about the same time: 8 to 64 MiB, and within that one to eight seconds
 * at the `rate` of a connection, in bytes a second, if it is not 0.
 *
 * An object that is too small for that is cut into parts of at least 1 MiB, for
 * `each` connections, as many as it has if all agents are at work; 0: it is not.
 * `wanted` bytes instead, if that is not 0.  Never over PLAN_PARTS_MAX parts.
 */
uint64_t plan_part_size(uint64_t size, unsigned connections, unsigned each,
			uint64_t rate, uint64_t wanted);

/* An empty plan for the request.  The caller frees it. */
struct plan *plan_new(const struct plan_request *request);

/*
 * Cut the object into parts of `part_size` bytes, the last one shorter; an
 * empty object has no parts.  Replaces the parts of an earlier cut.
 * ERR_PROTOCOL if that makes over PLAN_PARTS_MAX.
 */
int plan_cut(struct plan *plan, uint64_t part_size, struct err *err);

/* Make the object one part, even if it is empty. */
void plan_cut_one(struct plan *plan);

/* Bytes of the parts that are finished. */
uint64_t plan_finished(const struct plan *plan);

/* The index of the first part that ends after `off`; they are in file order. */
size_t plan_part_at(const struct plan *plan, uint64_t off);

/*
 * Take the action of `fresh`, a plan of the same object, which is freed.  The
 * parts must have no links of their own: those of `plan` would go with its tree.
 */
void plan_renew(struct plan *plan, struct plan *fresh);

/*
 * When the links of an upload expire, in seconds since 1970; INT64_MAX if they
 * do not say.  All links of a server live about as long, so the first part's, the
 * last part's and the finish's are enough to look at.
 */
int64_t plan_expires_at(const struct plan *plan);

/*
 * For a mode: add to `err` which server failed to finish an upload, and what to
 * do.  If the outcome of an earlier try is unknown, the server may have completed
 * the upload then, and no longer know it.  Returns -1.
 */
int plan_explain_finish(struct http *http, bool is_unknown, struct err *err);

void plan_free(struct plan *plan);

#endif
