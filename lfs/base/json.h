/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_JSON_H
#define LFS_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfs/base/buf.h"
#include "lfs/base/err.h"

/*
 * Reading and writing JSON text, and getting typed members with errors that
 * name the member.  Trees are jansson's: json_decref() frees them, and all
 * strings got from a tree are borrowed from it.
 */

/* Give jansson xmalloc() and its hash seed; before the first thread. */
void json_setup(void);

/* Parse one JSON value from text.  Returns a new tree, or NULL. */
json_t *json_parse(const char *text, size_t len, struct err *err);

/*
 * Parse one JSON value as it is read: `read` copies at most `n` bytes and
 * returns how many, 0 at the end, (size_t)-1 on error.
 */
json_t *json_parse_stream(size_t (*read)(void *data, size_t n, void *ctx),
			  void *ctx, struct err *err);

/* Append the value as one line without spaces.  -1 if `out` is full. */
int json_format(const json_t *value, struct buf *out);

/* Write the value in pieces.  -1 if `write` returns -1. */
int json_format_stream(const json_t *value,
		       int (*write)(const char *text, size_t len, void *ctx),
		       void *ctx);

/* The string member `name`; NULL with ERR_PROTOCOL if missing or another type. */
const char *json_get_string(const json_t *object, const char *name,
			    struct err *err);

/* The string member `name`, or NULL if it is missing or null. */
int json_get_optional_string(const json_t *object, const char *name,
			     const char **value, struct err *err);

/* The member `name`, an integer from 0 to INT64_MAX. */
int json_get_size(const json_t *object, const char *name, uint64_t *value,
		  struct err *err);

#endif
