/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/settings.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum kind {
	COUNT,
	SECONDS,	/* kept as milliseconds */
	SIZE,
	FLAG
};

#define KIB ((int64_t)1 << 10)
#define GIB ((int64_t)1 << 30)
#define DAY (24 * 60 * 60)

enum {
	CONNECT_S = 30,	/* git-lfs's, for each of dialing and TLS */
	ANSWER_MS = 60 * 1000,
	FINISH_MS = 10 * 60 * 1000	/* S3 puts the parts together */
};

static const struct setting {
	const char *key;	/* NULL: only git-lfs has one */
	enum kind kind;
	size_t offset;
	int64_t usual;
	int64_t min, max;
	const char *allowed;
	/*
	 * A key of git-lfs that counts if ours is not set, or NULL.  In
	 * `lfs.<key>` there may be a URL.
	 */
	const char *lfs_key;
	int64_t lfs_min, lfs_less;	/* a smaller value stands for lfs_less */
} table[] = {
#define FIELD(name) offsetof(struct settings, name)
	{ "connections", COUNT, FIELD(connections), 16, 1, 256,
	  "a number from 1 to 256", NULL, 0, 0 },
	{ "partSize", SIZE, FIELD(part_size), 0, 64 * KIB, 5 * GIB,
	  "auto or a size from 64k to 5g", NULL, 0, 0 },
	{ "retries", COUNT, FIELD(retries), 8, 0, 1000,
	  "a number from 0 to 1000", "lfs.transfer.maxretries", 1, 8 },
	{ "maxRetryDelay", SECONDS, FIELD(max_retry_delay_ms), 30, 0, 3600,
	  "seconds from 0 to 3600", "lfs.transfer.maxretrydelay", 0, 30 },
	{ NULL, SECONDS, FIELD(max_retry_time_ms), 300, 0, DAY, NULL,
	  "lfs.transfer.maxretrytime", 1, 300 },
	{ NULL, COUNT, FIELD(max_verifies), 3, 0, 100, NULL,
	  "lfs.transfer.maxverifies", 3, 3 },
	{ "stallTimeout", SECONDS, FIELD(stall_ms), 30, 1, DAY,
	  "seconds from 1 to 86400", "lfs.activitytimeout", 1, DAY },
	{ "offlineTimeout", SECONDS, FIELD(offline_ms), 900, 0, 7 * DAY,
	  "seconds from 0 to 604800", NULL, 0, 0 },
	{ "pruneAfter", COUNT, FIELD(prune_days), 30, 0, 36500,
	  "days from 0 to 36500", NULL, 0, 0 },
	{ "verify", FLAG, FIELD(verify), true, 0, 1, "true or false", NULL, 0,
	  0 },
	{ "fsync", FLAG, FIELD(fsync), true, 0, 1, "true or false", NULL, 0,
	  0 },
	{ "keepObjects", FLAG, FIELD(keep_objects), true, 0, 1, "true or false",
	  NULL, 0, 0 },
#undef FIELD
};

#define NSETTINGS (sizeof(table) / sizeof(table[0]))

static void store_value(struct settings *settings,
			const struct setting *setting, int64_t value)
{
	void *field = (char *)settings + setting->offset;

	switch (setting->kind) {
	case COUNT:
		*(unsigned *)field = (unsigned)value;
		break;
	case SECONDS:
		*(unsigned *)field = (unsigned)value * 1000;
		break;
	case SIZE:
		*(uint64_t *)field = (uint64_t)value;
		break;
	case FLAG:
		*(bool *)field = value;
		break;
	}
}

bool settings_depend_on_url(const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos))) {
		if (!entry->sub)
			continue;
		if (gitconfig_is(entry, "lfs", "activitytimeout"))
			return true;
		for (size_t i = 0; i < NSETTINGS; i++)
			if (table[i].key &&
			    gitconfig_is(entry, "lfsmultipart", table[i].key))
				return true;
	}
	return false;
}

/* The value of a key of ours; -1 if it is not allowed. */
static int read_value(const struct setting *setting,
		      const struct gitconfig_entry *entry, int64_t *value)
{
	struct err ignored = ERR_INIT;
	bool flag;

	if (setting->kind == FLAG) {
		if (gitconfig_parse_bool(entry, &flag, &ignored))
			return -1;
		*value = flag;
		return 0;
	}
	if (setting->kind == SIZE && !strcasecmp(entry->value, "auto")) {
		*value = 0;
		return 0;
	}
	if (gitconfig_parse_int(entry, value, &ignored))
		return -1;
	if (setting->kind == SIZE && !*value)
		return 0;
	return *value < setting->min || *value > setting->max ? -1 : 0;
}

/* The value of a key of git-lfs; -1 if it is not set or not a number. */
static int read_lfs_value(const struct setting *setting,
			  const struct gitconfig *config, const char *url,
			  int64_t *value)
{
	const char *key = strchr(setting->lfs_key, '.') + 1;
	struct err ignored = ERR_INIT;
	const struct gitconfig_entry *entry;

	entry = strchr(key, '.') ? gitconfig_find(config, setting->lfs_key) :
				   gitconfig_find_url(config, "lfs", url, key);
	if (!entry || gitconfig_parse_int(entry, value, &ignored))
		return -1;
	if (*value < setting->lfs_min)
		*value = setting->lfs_less;
	return 0;
}

static int load_setting(struct settings *settings,
			const struct setting *setting,
			const struct gitconfig *config, const char *url,
			struct err *err)
{
	const struct gitconfig_entry *entry = NULL;
	int64_t value = setting->usual;

	if (setting->key)
		entry = gitconfig_find_url(config, "lfsmultipart", url,
					   setting->key);
	if (entry && read_value(setting, entry, &value))
		return gitconfig_refuse(entry, setting->allowed, err);
	if (!entry && setting->lfs_key &&
	    !read_lfs_value(setting, config, url, &value) &&
	    value > setting->max)
		value = setting->max;
	store_value(settings, setting, value);
	return 0;
}

/* git-lfs has a limit for each of dialing and TLS, we one for both. */
static unsigned read_connect_ms(const struct gitconfig *config)
{
	static const char *const keys[] = { "lfs.dialtimeout",
					    "lfs.tlstimeout" };
	int64_t sum = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct setting limit = { .lfs_key = keys[i],
					       .lfs_min = 1,
					       .lfs_less = CONNECT_S };
		int64_t seconds = CONNECT_S;

		read_lfs_value(&limit, config, NULL, &seconds);
		sum += seconds < DAY ? seconds : DAY;
	}
	return (unsigned)sum * 1000;
}

int settings_load(struct settings *settings, const struct gitconfig *config,
		  const char *url, struct err *err)
{
	*settings = (struct settings){
		.answer_ms = ANSWER_MS,
		.finish_ms = FINISH_MS,
		.connect_ms = read_connect_ms(config),
	};
	for (size_t i = 0; i < NSETTINGS; i++)
		if (load_setting(settings, &table[i], config, url, err))
			return -1;
	if (settings->answer_ms < settings->stall_ms)
		settings->answer_ms = settings->stall_ms;
	return 0;
}
