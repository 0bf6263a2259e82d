/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_UNIT_UNIT_H
#define TEST_UNIT_UNIT_H

/* Every unit test begins with cmocka, and what its header needs first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
