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
	VERIFIES_MAX = 100,
	ANSWER_MS = 60 * 1000,
	FINISH_MS = 10 * 60 * 1000	/* S3 puts the parts together */
};

/* A key of git-lfs that counts if ours is not set. */
struct fallback {
	const char *key;	/* `lfs.<key>` may have a URL between */
	int64_t min;		/* what is less stands for `less` */
	int64_t less;
};

static const struct fallback max_retries = { "lfs.transfer.maxretries", 1, 8 };
static const struct fallback max_delay = { "lfs.transfer.maxretrydelay", 0,
					   30 };
static const struct fallback max_retry_time = { "lfs.transfer.maxretrytime", 1,
						300 };
static const struct fallback max_verifies = { "lfs.transfer.maxverifies", 3,
					      3 };
static const struct fallback activity = { "lfs.activitytimeout", 1, DAY };

static const struct setting {
	const char *key;
	enum kind kind;
	size_t offset;
	int64_t usual;
	int64_t min, max;
	const char *allowed;
	const struct fallback *fallback;	/* or NULL */
} table[] = {
#define FIELD(name) offsetof(struct settings, name)
	{ "connections", COUNT, FIELD(connections), 16, 1, 256,
	  "a number from 1 to 256", NULL },
	{ "partSize", SIZE, FIELD(part_size), 0, 64 * KIB, 5 * GIB,
	  "auto or a size from 64k to 5g", NULL },
	{ "retries", COUNT, FIELD(retries), 8, 0, 1000,
	  "a number from 0 to 1000", &max_retries },
	{ "maxRetryDelay", SECONDS, FIELD(max_retry_delay_ms), 30, 0, 3600,
	  "seconds from 0 to 3600", &max_delay },
	{ "stallTimeout", SECONDS, FIELD(stall_ms), 30, 1, DAY,
	  "seconds from 1 to 86400", &activity },
	{ "offlineTimeout", SECONDS, FIELD(offline_ms), 900, 0, 7 * DAY,
	  "seconds from 0 to 604800", NULL },
	{ "pruneAfter", COUNT, FIELD(prune_days), 30, 0, 36500,
	  "days from 0 to 36500", NULL },
	{ "verify", FLAG, FIELD(verify), true, 0, 1, "true or false", NULL },
	{ "fsync", FLAG, FIELD(fsync), true, 0, 1, "true or false", NULL },
#undef FIELD
};

#define NSETTINGS (sizeof(table) / sizeof(table[0]))

static void store(struct settings *settings, const struct setting *setting,
		  int64_t value)
{
	char *field = (char *)settings + setting->offset;
	unsigned number;
	uint64_t size;
	bool flag;

	switch (setting->kind) {
	case COUNT:
	case SECONDS:
		number = (unsigned)value;
		if (setting->kind == SECONDS)
			number *= 1000;
		memcpy(field, &number, sizeof(number));
		break;
	case SIZE:
		size = (uint64_t)value;
		memcpy(field, &size, sizeof(size));
		break;
	case FLAG:
		flag = value != 0;
		memcpy(field, &flag, sizeof(flag));
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
			if (gitconfig_is(entry, "lfsmultipart", table[i].key))
				return true;
	}
	return false;
}

/* A value of ours: 0, or -1 if it is none that is allowed. */
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

/* A value of git-lfs's, or -1 if it has none. */
static int read_fallback(const struct fallback *fallback,
			 const struct gitconfig *config, const char *url,
			 int64_t *value)
{
	const char *key = strchr(fallback->key, '.') + 1;
	struct err ignored = ERR_INIT;
	const struct gitconfig_entry *entry;

	entry = strchr(key, '.') ? gitconfig_find(config, fallback->key) :
				   gitconfig_find_url(config, "lfs", url, key);
	if (!entry || gitconfig_parse_int(entry, value, &ignored))
		return -1;
	if (*value < fallback->min)
		*value = fallback->less;
	return 0;
}

static int load(struct settings *settings, const struct setting *setting,
		const struct gitconfig *config, const char *url,
		struct err *err)
{
	const struct gitconfig_entry *entry;
	int64_t value = setting->usual;

	entry = gitconfig_find_url(config, "lfsmultipart", url, setting->key);
	if (entry && read_value(setting, entry, &value))
		return gitconfig_refuse(entry, setting->allowed, err);
	if (!entry && setting->fallback &&
	    !read_fallback(setting->fallback, config, url, &value) &&
	    value > setting->max)
		value = setting->max;
	store(settings, setting, value);
	return 0;
}

/* git-lfs has a limit for each of dialing and TLS, we one for both. */
static unsigned connect_ms(const struct gitconfig *config)
{
	static const struct fallback limits[] = {
		{ "lfs.dialtimeout", 1, CONNECT_S },
		{ "lfs.tlstimeout", 1, CONNECT_S },
	};
	int64_t sum = 0;

	for (size_t i = 0; i < 2; i++) {
		int64_t seconds = CONNECT_S;

		read_fallback(&limits[i], config, NULL, &seconds);
		sum += seconds < DAY ? seconds : DAY;
	}
	return (unsigned)sum * 1000;
}

/* The value of a key that only git-lfs has, within bounds. */
static unsigned of_git_lfs(const struct gitconfig *config,
			   const struct fallback *key, int64_t most)
{
	int64_t value = key->less;

	read_fallback(key, config, NULL, &value);
	return (unsigned)(value < most ? value : most);
}

int settings_load(struct settings *settings, const struct gitconfig *config,
		  const char *url, struct err *err)
{
	*settings = (struct settings){
		.answer_ms = ANSWER_MS,
		.finish_ms = FINISH_MS,
		.connect_ms = connect_ms(config),
		.max_retry_time_ms = of_git_lfs(config, &max_retry_time, DAY) *
				     1000,
		.max_verifies = of_git_lfs(config, &max_verifies, VERIFIES_MAX),
	};
	for (size_t i = 0; i < NSETTINGS; i++)
		if (load(settings, &table[i], config, url, err))
			return -1;
	if (settings->answer_ms < settings->stall_ms)
		settings->answer_ms = settings->stall_ms;
	return 0;
}
