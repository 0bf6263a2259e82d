/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/hosts.h"

#include "lfs/net/url.h"

#define ANSWERED UINT64_MAX

/* The entry of the host; NULL if there is no room for one. */
static _Atomic(uint64_t) *find(struct hosts *hosts, const char *url)
{
	uint64_t id = url_host_id(url);

	for (unsigned i = 0; i < HOSTS_MAX; i++) {
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&hosts->list[i].id, &there,
						   id) ||
		    there == id)
			return &hosts->list[i].since_ms;
	}
	return NULL;
}

void hosts_answered(struct hosts *hosts, const char *url)
{
	_Atomic(uint64_t) *since_ms = find(hosts, url);

	if (since_ms)
		atomic_store(since_ms, ANSWERED);
}

bool hosts_has_answered(struct hosts *hosts, const char *url)
{
	_Atomic(uint64_t) *since_ms = find(hosts, url);

	return !since_ms || atomic_load(since_ms) == ANSWERED;
}

uint64_t hosts_unmet(struct hosts *hosts, const char *url, uint64_t begun_ms,
		     uint64_t now_ms)
{
	_Atomic(uint64_t) *since_ms = find(hosts, url);
	uint64_t since = 0;

	if (!since_ms)
		return 0;
	if (atomic_compare_exchange_strong(since_ms, &since, begun_ms))
		since = begun_ms;
	if (since == ANSWERED)
		return 0;
	return now_ms > since ? now_ms - since : 1;
}
