/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_STATUS_H
#define LFS_NET_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "lfs/base/err.h"

/*
 * The meaning of an answer's status:
 *
 *	ERR_BUSY	408, 429, S3's 400 RequestTimeout, and all 5xx but 501,
 *			505, 507 (a quota), 509 (a bandwidth limit) and 511 (a
 *			captive portal); with the pause that Retry-After asks for
 *	ERR_AUTH	401
 *	ERR_EXPIRED	a 400 or 403 that speaks of expiry, and any 400, 401 or
 *			403 to a link that has expired (Ceph: AccessDenied)
 *	ERR_USAGE	407
 *	ERR_REFUSED	all others that are not 2xx
 *
 * The message holds the status and the server's own words in an LFS error
 * ("message"), a Hugging Face one ("error"), one of FastAPI ("detail") or an
 * S3 one (<Code>, <Message>), or the title of its web page.
 */

struct http;
struct http_request;

struct status {
	int status;
	const char *content_type;	/* header's value, or NULL */
	const char *body;		/* NUL-terminated; "" if none */
	const char *url;	/* that gave the answer; NULL: not known */
	/* Only where the status is not 2xx: */
	const char *retry_after;	/* header's value, or NULL */
	int64_t now;		/* by the server's clock, seconds since 1970 */
	int64_t expires;	/* of the link, by that clock; 0: not known */
};

/* The meaning that a 2xx must have. */
enum status_proof {
	STATUS_ANY,	/* whatever it means */
	/*
	 * The server has taken what was sent: the body does not say otherwise.
	 *
	 * <Error>, or JSON with an `error`, with `errors`, or whose `success`
	 * or `ok` is false: ERR_REFUSED, or ERR_BUSY for S3's InternalError,
	 * SlowDown, ServiceUnavailable and RequestTimeout.  (S3 begins to answer
	 * with 200 while it still works on a CompleteMultipartUpload.)  A web
	 * page is an error of status_say_page().
	 */
	STATUS_TAKEN,
	/*
	 * The server has made the object of its parts.  ERR_PROTOCOL if the
	 * answer does not tell: 202, JSON that is cut.  Only the server knows
	 * then, and may be asked.
	 */
	STATUS_DONE
};

/* Returns 0 for a 2xx that means `proof`, otherwise -1 with the error set. */
int status_check(const struct status *status, enum status_proof proof,
		 struct err *err);

/*
 * Check the latest answer, that to `request`; the error tells what to do about
 * it.  A 401 of another server, to which a redirect led and the login was not
 * sent, does not prove the login wrong: ERR_REFUSED.
 */
int status_of_answer(struct http *http, const struct http_request *request,
		     enum status_proof proof, struct err *err);

/* Is the body of an answer a web page?  `content_type` may be NULL. */
bool status_is_page(const char *body, const char *content_type);

/* Does the header call the body a web page, whatever it is? */
bool status_is_html(const char *content_type);

/*
 * The error for a web page, `body`, or "" if that is not known, that came from
 * `url` in place of `what`: ERR_NETWORK, and strange, as an intermediary has
 * answered.
 */
int status_say_page(const char *url, const char *body, const char *what,
		    struct err *err);

/*
 * May a new link or login help?  After a 404 or a plain 403, it is possible but
 * not sure.
 */
bool status_is_stale(const struct err *err);

#endif
