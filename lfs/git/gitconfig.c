/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/gitconfig.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/urlmatch.h"
#include "lfs/net/url.h"

#define LFSCONFIG ".lfsconfig"

enum {
	GITCONFIG_MAX = 16 << 20,
	LINES_MAX = 4 << 10
};

struct gitconfig {
	char *text;	/* owned; the entries point into it */
	struct gitconfig_entry *entries;
	size_t nentries;
};

/*
 * Add "key\nvalue", or "key" for a key without a value.  `parts` is a copy of
 * it, which is cut at the dots of the key.
 */
static void add_entry(struct gitconfig *config, char *key, char *parts)
{
	struct gitconfig_entry *entry;
	size_t len = strcspn(key, "\n");
	char *dot;

	if (!*key)
		return;
	entry = &config->entries[config->nentries++];
	*entry = (struct gitconfig_entry){
		.key = key,
		.section = parts,
		.name = parts + len,
		.value = key[len] ? key + len + 1 : "true",
	};
	key[len] = parts[len] = '\0';
	dot = strrchr(parts, '.');
	if (!dot)
		return;
	*dot = '\0';
	entry->name = dot + 1;
	dot = strchr(parts, '.');
	if (!dot)
		return;
	*dot = '\0';
	entry->sub = dot + 1;
}

struct gitconfig *gitconfig_parse(const char *text, size_t len, struct err *err)
{
	struct gitconfig *config;
	size_t n = 1;

	if (len > GITCONFIG_MAX) {
		err_set(err, ERR_USAGE,
			"the git config has %zu bytes; at most %d are read",
			len, GITCONFIG_MAX);
		return NULL;
	}
	for (size_t i = 0; i < len; i++)
		n += !text[i];
	config = xcalloc(1, sizeof(*config));
	config->entries = xcalloc(n, sizeof(*config->entries));
	config->text = xcalloc(2, len + 1);
	if (len) {
		memcpy(config->text, text, len);
		memcpy(config->text + len + 1, text, len);
	}
	for (size_t i = 0; i < len; i += n + 1) {
		n = strlen(config->text + i);
		add_entry(config, config->text + i, config->text + len + 1 + i);
	}
	return config;
}

/* Read what `git config --list` prints; it stays NULL if git fails. */
static int run_list(struct gitconfig **config, const char *const *argv,
		    struct err *err)
{
	struct child child = { .argv = argv };
	struct buf text = BUF_INIT(GITCONFIG_MAX);
	int status, ret = child_run(&child, &text, &status, err);

	*config = NULL;
	if (!ret && !status)
		*config = gitconfig_parse(buf_str(&text), text.len, err);
	buf_release(&text);
	return ret;
}

struct gitconfig *gitconfig_load(const char *dir, struct err *err)
{
	const char *const argv[] = { "git", "-C",     dir ? dir : ".", "config",
				     "-z",  "--list", "--includes",    NULL };
	struct gitconfig *config;

	if (!run_list(&config, argv, err) && !config)
		err_set(err, ERR_USAGE,
			"cannot read the git config; 'git config --list' says "
			"why");
	return config;
}

/* May .lfsconfig set it?  By the list of git-lfs, from 3.8 on. */
static bool is_safe(const struct gitconfig_entry *entry)
{
	static const char *const keys[] = {
		"lfs.allowincompletepush",
		"lfs.fetchexclude",
		"lfs.fetchinclude",
		"lfs.gitprotocol",
		"lfs.locksverify",
		"lfs.pushurl",
		"lfs.skipdownloaderrors",
		"lfs.url",
		NULL,
	};

	return text_is_any(entry->key, keys) ||
	       (entry->sub && *entry->sub &&
		(gitconfig_is(entry, "lfs", "access") ||
		 gitconfig_is(entry, "remote", "lfsurl")));
}

struct gitconfig *gitconfig_merge(const struct gitconfig *git,
				  struct gitconfig *file)
{
	struct gitconfig *merged = file ? file : xcalloc(1, sizeof(*merged));
	size_t n = 0;

	for (size_t i = 0; i < merged->nentries; i++)
		if (is_safe(&merged->entries[i]))
			merged->entries[n++] = merged->entries[i];
	merged->entries = xreallocarray(merged->entries, n + git->nentries + 1,
					sizeof(*merged->entries));
	/* The last value counts, so git's own come last. */
	if (git->nentries)
		memcpy(merged->entries + n, git->entries,
		       git->nentries * sizeof(*git->entries));
	merged->nentries = n + git->nentries;
	return merged;
}

/*
 * Read the first of these objects that is a config; NULL if none is.  One child
 * tells which of them exist, a line for each.
 */
static int load_blob(struct gitconfig **config, const char *names,
		     struct err *err)
{
	const char *const check[] = { "git", "cat-file", "--batch-check",
				      NULL };
	const struct child child = { .argv = check, .input = names };
	struct buf lines = BUF_INIT(LINES_MAX);
	char *line, *type, *rest = NULL;
	int status, ret = child_run(&child, &lines, &status, err);

	line = !lines.len ? NULL : strtok_r(lines.data, "\n", &rest);
	for (; line && !ret && !*config; line = strtok_r(NULL, "\n", &rest)) {
		const char *const argv[] = { "git",    "config", "-z", "--list",
					     "--blob", line,	 NULL };

		type = strchr(line, ' ');
		if (!type || !text_has_prefix(type, " blob "))
			continue;
		*type = '\0';
		ret = run_list(config, argv, err);
	}
	buf_release(&lines);
	return ret;
}

static int load_file(struct gitconfig **config, const char *path,
		     struct err *err)
{
	const char *const argv[] = { "git",    "config", "-z", "--list",
				     "--file", path,	 NULL };

	if (run_list(config, argv, err))
		return -1;
	if (*config)
		return 0;
	return err_set(err, ERR_USAGE,
		       "cannot read .lfsconfig; 'git config --file .lfsconfig "
		       "--list' says why");
}

struct gitconfig *gitconfig_add_lfsconfig(const struct gitconfig *git,
					  const char *top, struct err *err)
{
	char *path = top ? xstrfmt("%s/" LFSCONFIG, top) : NULL;
	struct gitconfig *file = NULL;
	int ret;

	if (path && !access(path, F_OK))
		ret = load_file(&file, path, err);
	else if (path)
		ret = load_blob(&file, ":" LFSCONFIG "\nHEAD:" LFSCONFIG "\n",
				err);
	else
		ret = load_blob(&file, "HEAD:" LFSCONFIG "\n", err);
	free(path);
	return ret ? NULL : gitconfig_merge(git, file);
}

static bool is_key(const struct gitconfig_entry *entry, const char *key)
{
	return !strcasecmp(entry->key, key) &&
	       (!entry->sub ||
		text_has_prefix(key + (entry->sub - entry->section),
				entry->sub));
}

const struct gitconfig_entry *gitconfig_find(const struct gitconfig *config,
					     const char *key)
{
	for (size_t i = config->nentries; i > 0; i--)
		if (is_key(&config->entries[i - 1], key))
			return &config->entries[i - 1];
	return NULL;
}

const char *gitconfig_get(const struct gitconfig *config, const char *key)
{
	const struct gitconfig_entry *entry = gitconfig_find(config, key);

	return entry ? entry->value : NULL;
}

const char *gitconfig_next(const struct gitconfig *config, const char *key,
			   size_t *pos)
{
	const struct gitconfig_entry *entry;

	while ((entry = gitconfig_each(config, pos)))
		if (is_key(entry, key))
			return entry->value;
	return NULL;
}

const struct gitconfig_entry *gitconfig_each(const struct gitconfig *config,
					     size_t *pos)
{
	return *pos < config->nentries ? &config->entries[(*pos)++] : NULL;
}

bool gitconfig_is(const struct gitconfig_entry *entry, const char *section,
		  const char *name)
{
	return !strcasecmp(entry->section, section) &&
	       !strcasecmp(entry->name, name);
}

const struct gitconfig_entry *gitconfig_find_sub(const struct gitconfig *config,
						 const char *section,
						 const char *sub,
						 const char *name)
{
	for (size_t i = config->nentries; i > 0; i--) {
		const struct gitconfig_entry *entry = &config->entries[i - 1];

		if (gitconfig_is(entry, section, name) && entry->sub &&
		    !strcmp(entry->sub, sub))
			return entry;
	}
	return NULL;
}

const char *gitconfig_get_sub(const struct gitconfig *config,
			      const char *section, const char *sub,
			      const char *name)
{
	const struct gitconfig_entry *entry = gitconfig_find_sub(config,
								 section, sub,
								 name);

	return entry ? entry->value : NULL;
}

const struct gitconfig_entry *gitconfig_find_url(const struct gitconfig *config,
						 const char *section,
						 const char *url,
						 const char *key)
{
	struct urlmatch *match = NULL;
	const struct gitconfig_entry *best = NULL;
	struct urlmatch_rank best_rank = { .host = 0 };

	for (size_t i = 0; i < config->nentries; i++) {
		const struct gitconfig_entry *entry = &config->entries[i];
		struct urlmatch_rank rank;

		if (!gitconfig_is(entry, section, key))
			continue;
		if (entry->sub && url && !match)
			match = urlmatch_new(url);
		if (!urlmatch_is_match(entry->sub, match, &rank) ||
		    urlmatch_compare(&rank, &best_rank) < 0)
			continue;
		best = entry;
		best_rank = rank;
	}
	urlmatch_free(match);
	return best;
}

/* git's way: C's bases, and one unit. */
static int parse_number(const char *value, int64_t *number)
{
	static const char units[] = "kmg";
	intmax_t n, factor = 1;
	const char *unit;
	char *end;

	errno = 0;
	n = strtoimax(value, &end, 0);
	if (end == value || errno)
		return -1;
	if (*end) {
		unit = strchr(units, *end | 0x20);
		if (!unit || end[1])
			return -1;
		factor = (intmax_t)1 << (10 * (unit - units + 1));
	}
	if (n > INT64_MAX / factor || n < INT64_MIN / factor)
		return -1;
	*number = n * factor;
	return 0;
}

int gitconfig_refuse(const struct gitconfig_entry *entry, const char *allowed,
		     struct err *err)
{
	char key[URL_DISPLAY_MAX];

	return err_set(err, ERR_USAGE,
		       "%s is '%s' in the git config; it must be %s",
		       url_display_any(entry->key, key, sizeof(key)),
		       entry->value, allowed);
}

int gitconfig_parse_int(const struct gitconfig_entry *entry, int64_t *value,
			struct err *err)
{
	if (parse_number(entry->value, value))
		return gitconfig_refuse(entry,
					"a number, perhaps with k, m or g",
					err);
	return 0;
}

int gitconfig_parse_bool(const struct gitconfig_entry *entry, bool *value,
			 struct err *err)
{
	static const char *const yes[] = { "true", "yes", "on", NULL };
	static const char *const no[] = { "false", "no", "off", "", NULL };
	int64_t number;

	*value = text_is_any(entry->value, yes);
	if (*value || text_is_any(entry->value, no))
		return 0;
	if (parse_number(entry->value, &number) || number < INT_MIN ||
	    number > INT_MAX)
		return gitconfig_refuse(entry, "true or false", err);
	*value = number != 0;
	return 0;
}

bool gitconfig_bool(const struct gitconfig_entry *entry, bool usual)
{
	struct err ignored = ERR_INIT;
	bool value;

	if (!entry || gitconfig_parse_bool(entry, &value, &ignored))
		return usual;
	return value;
}

/* The folder that git was installed in, by its own answer; the caller's. */
static char *git_prefix(struct err *err)
{
	static const char *const ends[] = { "/libexec/git-core",
					    "/lib/git-core" };
	const char *const argv[] = { "git", "--exec-path", NULL };
	struct child child = { .argv = argv };
	char *path = child_line(&child, NULL, err), *prefix = NULL;

	for (size_t i = 0; i < 2 && path && !prefix; i++)
		if (text_has_suffix(path, ends[i]) && strcmp(path, ends[i]))
			prefix = xstrndup(path, strlen(path) - strlen(ends[i]));
	free(path);
	if (!prefix)
		err_set(err, ERR_USAGE, "cannot tell git's %%(prefix)");
	return prefix;
}

static char *home_of(const char *user, size_t len, struct err *err)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;
	char *name;

	if (!len) {
		if (!home)
			err_set(err, ERR_USAGE, "HOME is not set");
		return home ? xstrdup(home) : NULL;
	}
	name = xstrndup(user, len);
	pw = getpwnam(name);
	if (!pw)
		err_set(err, ERR_USAGE, "there is no user '%s'", name);
	free(name);
	return pw ? xstrdup(pw->pw_dir) : NULL;
}

char *gitconfig_expand_path(const struct gitconfig_entry *entry,
			    struct err *err)
{
	static const char prefix[] = "%(prefix)/";
	const char *path = entry->value;
	char *start = NULL, *expanded;
	char key[URL_DISPLAY_MAX];

	if (text_has_prefix(path, prefix)) {
		start = git_prefix(err);
		path += strlen(prefix) - 1;
	} else if (*path == '~') {
		size_t len = strcspn(path + 1, "/");

		start = home_of(path + 1, len, err);
		path += 1 + len;
	} else {
		return xstrdup(path);
	}
	if (!start) {
		err_wrap(err, "%s",
			 url_display_any(entry->key, key, sizeof(key)));
		return NULL;
	}
	expanded = xstrfmt("%s%s", start, path);
	free(start);
	return expanded;
}

void gitconfig_free(struct gitconfig *config)
{
	if (!config)
		return;
	free(config->text);
	free(config->entries);
	free(config);
}
