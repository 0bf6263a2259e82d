/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/json.h"

#include <stdlib.h>

#include "lfs/base/mem.h"

void json_setup(void)
{
	json_set_alloc_funcs(xmalloc, free);
	json_object_seed(0);
}

static void json_error(const json_error_t *error, struct err *err)
{
	err_set(err, ERR_PROTOCOL, "not valid JSON: %s (at byte %d)",
		error->text, error->position);
}

json_t *json_parse(const char *text, size_t len, struct err *err)
{
	json_error_t error;
	json_t *value = json_loadb(text, len, 0, &error);

	if (!value)
		json_error(&error, err);
	return value;
}

json_t *json_parse_stream(size_t (*read)(void *data, size_t n, void *ctx),
			  void *ctx, struct err *err)
{
	json_error_t error;
	json_t *value = json_load_callback(read, ctx, 0, &error);

	if (!value)
		json_error(&error, err);
	return value;
}

static int add_to_buf(const char *data, size_t len, void *ctx)
{
	return buf_add(ctx, data, len);
}

int json_format(const json_t *value, struct buf *out)
{
	return json_format_stream(value, add_to_buf, out);
}

int json_format_stream(const json_t *value,
		       int (*write)(const char *text, size_t len, void *ctx),
		       void *ctx)
{
	return json_dump_callback(value, write, ctx,
				  JSON_COMPACT | JSON_ENCODE_ANY);
}

const char *json_get_string(const json_t *object, const char *name,
			    struct err *err)
{
	const json_t *value = json_object_get(object, name);

	if (!value)
		err_set(err, ERR_PROTOCOL, "'%s' is missing", name);
	else if (!json_is_string(value))
		err_set(err, ERR_PROTOCOL, "'%s' is not a string", name);
	else
		return json_string_value(value);
	return NULL;
}

int json_get_optional_string(const json_t *object, const char *name,
			     const char **value, struct err *err)
{
	const json_t *member = json_object_get(object, name);

	*value = NULL;
	if (!member || json_is_null(member))
		return 0;
	*value = json_get_string(object, name, err);
	return *value ? 0 : -1;
}

int json_get_size(const json_t *object, const char *name, uint64_t *value,
		  struct err *err)
{
	const json_t *member = json_object_get(object, name);

	if (!member)
		return err_set(err, ERR_PROTOCOL, "'%s' is missing", name);
	if (!json_is_integer(member))
		return err_set(err, ERR_PROTOCOL, "'%s' is not an integer",
			       name);
	if (json_integer_value(member) < 0)
		return err_set(err, ERR_PROTOCOL, "'%s' is negative", name);
	*value = (uint64_t)json_integer_value(member);
	return 0;
}
