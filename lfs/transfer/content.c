/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/transfer/content.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "lfs/net/http.h"
#include "lfs/net/range.h"

static bool is_of(struct http *http, uint64_t size)
{
	const char *length = http_header(http, "Content-Length");

	return length && strtoull(length, NULL, 10) == size;
}

bool content_is_encoded(struct http *http, uint64_t size)
{
	const char *encoding = http_header(http, "Content-Encoding");

	return encoding && strcasecmp(encoding, "identity") != 0 &&
	       !is_of(http, size);
}

int content_check_length(struct http *http, uint64_t size, struct err *err)
{
	const char *length = http_header(http, "Content-Length");

	if (content_is_encoded(http, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server compressed the object "
			       "(Content-Encoding: %.40s) though asked for it "
			       "as it is",
			       http_header(http, "Content-Encoding"));
	if (length && !is_of(http, size))
		return err_set(err, ERR_PROTOCOL,
			       "the server has %.20s bytes, not %" PRIu64,
			       length, size);
	return 0;
}

int content_check_total(struct http *http, uint64_t size, struct err *err)
{
	struct range range;

	if (range_parse(http_header(http, "Content-Range"), &range) ||
	    !range.has_total || range.total == size ||
	    range.total + range.first == size)
		return 0;
	return err_set(err, ERR_PROTOCOL,
		       "the server has %" PRIu64 " bytes, the object has "
		       "%" PRIu64,
		       range.total, size);
}

int content_check_range(struct http *http, uint64_t from, uint64_t size,
			struct err *err)
{
	const char *value = http_header(http, "Content-Range");
	struct range range;

	if (range_parse(value, &range))
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range '%.60s' makes no "
			       "sense",
			       value ? value : "");
	if (range.first != from || range.last >= size)
		return err_set(err, ERR_PROTOCOL,
			       "the server's Content-Range is %" PRIu64
			       "-%" PRIu64 " when asked for the bytes from "
			       "%" PRIu64,
			       range.first, range.last, from);
	return content_check_length(http, range.last - range.first + 1, err);
}
