/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/retry.h"

/*
 * The input: four bytes of randomness, one of a state, and the value of a
 * Retry-After header.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAY_MS = 24 * 3600 * 1000, LONGEST_MS = 300000, MAX_MS = 30000 };

static int parse(const char *value, int64_t now)
{
	int ms = retry_parse_after(value, now);

	if (ms < 0 || ms > DAY_MS)
		abort();
	return ms;
}

static void check_pause(uint32_t random, uint8_t pauses, int wait_ms)
{
	const struct retry_policy policy = { .retries = 3,
					     .max_delay_ms = MAX_MS,
					     .offline_ms = 1000,
					     .longest_ms = LONGEST_MS };
	const struct retry_facts facts = { .random = random };
	struct retry retry = { .tries = pauses % 5, .pauses = pauses };
	struct err err = { .kind = ERR_BUSY, .wait_ms = wait_ms };
	unsigned least = (unsigned)wait_ms, pause = 0;
	bool may = pauses % 5 < 3 && wait_ms <= LONGEST_MS;

	if (retry_again(&retry, &policy, &err, &facts, &pause) != may)
		abort();
	if (may && (pause < least || pause > least + MAX_MS))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t random;
	char *value;
	int ms;

	if (size < 5)
		return 0;
	memcpy(&random, data, 4);
	value = xstrndup((const char *)data + 5, size - 5);
	ms = parse(value, 784111777);
	/* The later it is, the less there is to wait. */
	if (parse(value, 784111778) > ms)
		abort();
	parse(value, 0);
	parse(value, INT64_MAX);
	check_pause(random, data[4], ms);
	free(value);
	return 0;
}
