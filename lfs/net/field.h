/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_NET_FIELD_H
#define LFS_NET_FIELD_H

/*
 * What may stand in a header that somebody else chose.
 */

#include <stdbool.h>

/* A token, not empty (RFC 9110, sections 5.1 and 5.6.2). */
bool field_is_name(const char *name);

/*
 * No control character but a tab (RFC 9110, section 5.5): a line break would
 * smuggle in another header.
 */
bool field_is_value(const char *value);

#endif
