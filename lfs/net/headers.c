/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/mem.h"

bool field_is_name(const char *name)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && !name[strspn(name, token)];
}

bool field_is_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') ||
		    *value == 0x7f)
			return false;
	return true;
}

int headers_add(struct headers *headers, const char *name, const char *value,
		struct err *err)
{
	if (!field_is_name(name))
		return err_set(err, ERR_PROTOCOL,
			       "'%.40s' cannot be the name of a header", name);
	if (!field_is_value(value))
		return err_set(err, ERR_PROTOCOL,
			       "the value of the header '%.40s' has a control "
			       "character",
			       name);
	if (headers->n == HEADERS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "there are over %d headers to send",
			       HEADERS_MAX);
	headers->list = xreallocarray(headers->list, headers->n + 1,
				      sizeof(*headers->list));
	headers->list[headers->n++] = (struct http_header){
		.name = xstrdup(name),
		.value = xstrdup(value),
	};
	return 0;
}

/* The value of the first of that name among the first `n`, or NULL. */
static const char *find(const struct headers *headers, size_t n,
			const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(headers->list[i].name, name))
			return headers->list[i].value;
	return NULL;
}

int headers_add_missing(struct headers *headers, const struct headers *others,
			struct err *err)
{
	size_t nbefore = headers->n;

	for (size_t i = 0; i < others->n; i++)
		if (!find(headers, nbefore, others->list[i].name) &&
		    headers_add(headers, others->list[i].name,
				others->list[i].value, err))
			return -1;
	return 0;
}

int headers_add_all(struct headers *headers, const struct headers *others,
		    struct err *err)
{
	for (size_t i = 0; i < others->n; i++)
		if (headers_add(headers, others->list[i].name,
				others->list[i].value, err))
			return -1;
	return 0;
}

const char *headers_get(const struct headers *headers, const char *name)
{
	return find(headers, headers->n, name);
}

void headers_release(struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		free((char *)headers->list[i].name);
		free((char *)headers->list[i].value);
	}
	free(headers->list);
	*headers = (struct headers)HEADERS_INIT;
}
