/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_HUMAN_H
#define AGENT_HUMAN_H

#include <stdint.h>

/* Numbers for people. */

struct human {
	char text[32];
};

/* Bytes: "0 B", "999 KiB", "1.5 GiB". */
struct human human_size(uint64_t size);

/* Seconds: "12 s", "5 min", "3 h", "4 days". */
struct human human_age(int64_t seconds);

/* The percentage that is done: 100 only if all is, and if there is nothing. */
unsigned human_percent(uint64_t done, uint64_t size);

#endif
