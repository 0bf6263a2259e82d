/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/install.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/downloads.h"
#include "agent/keys.h"
#include "agent/movers.h"
#include "agent/standalone.h"
#include "lfs/base/child.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/repo.h"
#include "lfs/net/url.h"
#include "lfs/server/endpoint.h"

/* The keys by which git-lfs knows how to start an agent: GROUP<agent>.* */
#define GROUP "lfs.customtransfer."
#define NEGOTIATED "multipart"

enum {
	GIT_MAJOR = 2,	/* the first with `config --show-origin` */
	GIT_MINOR = 8
};

/* By whether it is standalone: the agent, and the path in its group. */
static const char *const agents[] = { NEGOTIATED, STANDALONE_AGENT };
static const char *const paths[] = { GROUP NEGOTIATED ".path",
				     GROUP STANDALONE_AGENT ".path" };

/*
 * The first line that a git command prints, the caller's; NULL if it fails.
 * `aloud`: its error messages go to stderr.
 */
static char *ask_git(const char *const *argv, bool aloud, struct err *err)
{
	struct child child = { .argv = argv, .keep_stderr = aloud };
	int status;

	return child_line(&child, &status, err);
}

/* A git that is not too old. */
static int needs_git(struct err *err)
{
	const char *const argv[] = { "git", "version", NULL };
	char *line = ask_git(argv, false, err), *end;
	const char *number;
	unsigned long major = 0, minor = 0;

	if (!line)
		return err_set(err, ERR_LOCAL, "'git version' fails");
	number = line + strcspn(line, "0123456789");
	major = strtoul(number, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	if (major < GIT_MAJOR || (major == GIT_MAJOR && minor < GIT_MINOR))
		err_set(err, ERR_LOCAL,
			"'%s' is too old; version %d.%d or later is needed",
			line, GIT_MAJOR, GIT_MINOR);
	free(line);
	return err->kind ? -1 : 0;
}

static int needs_git_lfs(struct err *err)
{
	const char *const argv[] = { "git", "lfs", "version", NULL };
	char *line = ask_git(argv, true, err);

	if (!line)
		return err_set(err, ERR_LOCAL,
			       "'git lfs version' fails: is git-lfs "
			       "installed?");
	free(line);
	return 0;
}

/*
 * The absolute path of this program: the one that PATH leads to, which stays
 * valid when an update changes what a link points to, otherwise that of the file
 * itself.  The caller's; NULL on failure.
 */
static char *needs_program_path(struct err *err)
{
	const char *path = getenv("PATH");
	struct stat self, st;
	bool has_self = !stat("/proc/self/exe", &self);
	char *name;

	while (path && *path) {
		size_t len = strcspn(path, ":");

		name = xstrfmt("%.*s/" CLI_PROGRAM, (int)len, path);
		if (*name == '/' && !stat(name, &st) && S_ISREG(st.st_mode) &&
		    (!has_self ||
		     (st.st_dev == self.st_dev && st.st_ino == self.st_ino)))
			return name;
		free(name);
		path += len + (path[len] == ':');
	}
	name = realpath("/proc/self/exe", NULL);
	if (!name)
		err_set(err, ERR_LOCAL,
			"cannot tell the path of this program; put it in a "
			"directory on PATH");
	return name;
}

/*
 * The command line: which of git's config files, where, and for which servers.
 */

struct request {
	struct scope scope;
	const char *place;	/* what the user calls its directory */
	const char *direction;	/* NULL: not given */
	bool is_install;
	bool is_standalone;
	bool is_shared;		/* by .lfsconfig; standalone, too */
	bool wants_uploads;	/* standalone in both directions */
	const char *server;	/* a URL or the name of a remote; or NULL */
	struct serverurl servers;	/* owned: what that stands for */
	struct downloads_list downloads;	/* owned: the remotes it means */
	struct repo repo;	/* owned: of a repository's config */
};

static int install_set_scope(void *args, const struct cli_option *option,
			     const char *value, struct err *err)
{
	static const char *const scopes[] = { "--local", "--global",
					      "--system" };
	struct request *request = args;
	const char *before = request->scope.option;

	(void)value;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (!strcmp(scopes[i] + 2, option->name))
			request->scope.option = scopes[i];
	if (!before || before == request->scope.option)
		return 0;
	return err_set(err, ERR_USAGE, "%s and %s exclude each other", before,
		       request->scope.option);
}

static int install_set_direction(void *args, const struct cli_option *option,
				 const char *direction, struct err *err)
{
	static const char *const known[] = { "upload", "download", "both" };
	struct request *request = args;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(direction, known[i])) {
			request->direction = direction;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		       "the %s is upload, download or both, not '%s'",
		       option->name, direction);
}

/* Is it a repository's config? */
static bool request_is_local(const struct request *request)
{
	return !strcmp(request->scope.option, "--local");
}

static int check_options(struct request *request, struct err *err)
{
	if (!request->scope.option)
		request->scope.option = "--local";
	if (request->is_shared)
		request->is_standalone = true;
	if (request->is_standalone && request->direction)
		return err_set(err, ERR_USAGE,
			       "--standalone takes no --direction: it is for "
			       "downloads, and with --uploads for both");
	if (request->wants_uploads && !request->is_standalone)
		return err_set(err, ERR_USAGE,
			       "--uploads needs --standalone or --shared");
	if (request->is_shared && !request_is_local(request))
		return err_set(err, ERR_USAGE,
			       "--shared and %s exclude each other",
			       request->scope.option);
	return 0;
}

/* Is a word on its own a server?  Otherwise it is the path. */
static int is_server(const char *word, bool *is_one, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);

	if (!config)
		return -1;
	*is_one = serverurl_is_one(config, word);
	gitconfig_free(config);
	return 0;
}

static int set_words(struct request *request, size_t n, char **words,
		     struct err *err)
{
	bool takes_server, has_server;

	if (check_options(request, err))
		return -1;
	takes_server = request->is_standalone &&
		       (request->is_install || !request->is_shared);
	has_server = takes_server && n > 1;
	if (n > 1u + takes_server)
		return err_set(err, ERR_USAGE, "more than one path");
	if (takes_server && n == 1 && is_server(words[0], &has_server, err))
		return -1;
	if (has_server) {
		request->server = words[0];
		words++;
		n--;
	}
	if (n && !request_is_local(request))
		return err_set(err, ERR_USAGE, "%s takes no path",
			       request->scope.option);
	request->place = n ? words[0] : ".";
	request->scope.dir = ".";
	return 0;
}

static int install_set_words(void *args, size_t n, char **words,
			     struct err *err)
{
	struct request *request = args;

	request->is_install = true;
	return set_words(request, n, words, err);
}

static int uninstall_set_words(void *args, size_t n, char **words,
			       struct err *err)
{
	return set_words(args, n, words, err);
}

/* The directory cannot be entered; perhaps the name of a remote was meant. */
static int refuse_place(const struct request *request, struct err *err)
{
	bool exists = !access(request->place, F_OK);
	char place[URL_DISPLAY_MAX];
	struct repo repo;

	url_display_any(request->place, place, sizeof(place));
	if (exists)
		return err_set(err, ERR_USAGE,
			       "cannot enter '%s': is it a directory?", place);
	if (!request->is_standalone || request->server ||
	    strchr(request->place, '/'))
		return err_set(err, ERR_USAGE, "'%s' does not exist", place);
	if (!repo_find(&repo, err) && repo.common)
		err_set(err, ERR_USAGE,
			"there is neither a remote nor a directory '%s' here; "
			"name one, or a URL",
			place);
	else
		err_set(err, ERR_USAGE,
			"'%s' is neither a directory nor a URL, and no remote, "
			"as this is not a git repository",
			place);
	repo_release(&repo);
	return -1;
}

/* Change to the repository whose config is meant. */
static int enter_repository(struct request *request, struct err *err)
{
	if (chdir(request->place))
		return refuse_place(request, err);
	/* A repository that is named is meant, and not that of a hook. */
	if (strcmp(request->place, ".")) {
		unsetenv("GIT_DIR");
		unsetenv("GIT_WORK_TREE");
	}
	if (repo_find(&request->repo, err))
		return -1;
	if (!request->repo.common)
		return err_set(err, ERR_USAGE,
			       "'%s' is not inside a git repository (git "
			       "status says why); name one, or use --global",
			       request->place);
	if (request->is_shared && !request->repo.top)
		return err_set(err, ERR_USAGE,
			       "there is no work tree here, and so no place "
			       "for .lfsconfig");
	return 0;
}

/* Are only URLs with lfs-multipart:: in front meant? */
static bool is_for_shared(const struct request *request)
{
	return request->servers.n &&
	       !strcmp(request->servers.urls[0], ENDPOINT_SHARED);
}

/* Does it switch on the downloads of remotes, and leave uploads to git-lfs? */
static bool is_for_downloads(const struct request *request)
{
	return request->is_install && request->is_standalone &&
	       !request->is_shared && !request->wants_uploads &&
	       request_is_local(request) && !is_for_shared(request);
}

/*
 * Find the servers that are meant (none: all) before anything is written: as an
 * earlier set-up has them, so that their rules are found.
 */
static int find_in(struct request *request, const struct gitconfig *before,
		   struct err *err)
{
	bool is_sharing = request->is_shared && request->is_install;
	struct gitconfig *merged;

	if ((request->server || is_sharing) &&
	    serverurl_find(&request->servers, before, request->server, err))
		return -1;
	if (is_sharing) {
		merged = gitconfig_add_lfsconfig(before, request->repo.top,
						 err);
		gitconfig_free(merged);
		return merged ? 0 : -1;
	}
	if (is_for_downloads(request))
		return downloads_find(&request->downloads, before,
				      &request->repo, request->server, err);
	return 0;
}

static int find_servers(struct request *request, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err), *before = NULL;
	int ret = -1;

	if (config)
		before = downloads_before(config, err);
	if (before)
		ret = find_in(request, before, err);
	gitconfig_free(before);
	gitconfig_free(config);
	return ret;
}

static int enter_place(struct request *request, struct err *err)
{
	if (request_is_local(request) && enter_repository(request, err))
		return -1;
	return find_servers(request, err);
}

/*
 * Is the entry of the agent's group?  If `misspelt`: was it meant to be?
 * git-lfs reads the group only in lower case, and git keeps the case of what
 * stands between the first and the last dot.
 */
static bool is_of_group(const struct gitconfig_entry *entry, const char *agent,
			bool misspelt)
{
	const size_t section = strlen("lfs."), n = strlen(GROUP) - section;

	return entry->sub && !strncmp(entry->key, GROUP, section) &&
	       !strncasecmp(entry->sub, GROUP + section, n) &&
	       !strcmp(entry->sub + n, agent) &&
	       misspelt == !!strncmp(entry->sub, GROUP + section, n);
}

static bool install_is_misspelt(const struct gitconfig_entry *entry,
				const void *agent)
{
	return is_of_group(entry, agent, true);
}

static bool install_is_of_group(const struct gitconfig_entry *entry,
				const void *agent)
{
	return is_of_group(entry, agent, false);
}

static void add_group(struct keys *keys, const char *agent,
		      const char *direction, const char *path)
{
	const struct {
		const char *name, *value;
	} group[] = {
		{ "concurrent", "true" },
		{ "direction", direction },
		{ "args", "agent" },
		{ "path", path },
	};

	for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
		char *name = xstrfmt(GROUP "%s.%s", agent, group[i].name);

		keys_add(keys, name, group[i].value);
		free(name);
	}
}

/* Does the group start this program?  Otherwise it is not ours to change. */
static bool is_ours(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, CLI_PROGRAM);
}

/* Set the path in the group of the other agent, if no program is there. */
static int repair_other(const struct request *request, const char *path,
			struct err *err)
{
	const char *name = paths[!request->is_standalone];
	struct gitconfig *config = keys_load(&request->scope, err);
	const char *old = config ? gitconfig_get(config, name) : NULL;
	struct keys keys = { .n = 0 };
	int ret = config ? 0 : -1;

	if (old && is_ours(old) && access(old, X_OK)) {
		keys_add(&keys, name, path);
		ret = keys_write(&keys, &request->scope, err);
		keys_release(&keys);
	}
	gitconfig_free(config);
	return ret;
}

static void warn_of_key(const struct request *request,
			const struct gitconfig *config, const char *key,
			const char *effect)
{
	const struct gitconfig_entry *entry = gitconfig_find(config, key);

	if (entry)
		keys_warn_of(&request->scope, entry, effect);
}

/* Warn of what keeps git-lfs from using the agent. */
static int warn_of_rivals(const struct request *request,
			  const struct keys *keys, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	if (!config)
		return -1;
	keys_warn(keys, &request->scope, config);
	while ((entry = gitconfig_each(config, &pos))) {
		if (install_is_misspelt(entry, agents[request->is_standalone]))
			keys_warn_of(&request->scope, entry,
				     "git-lfs may take it for another agent; "
				     "remove it");
		if (request->is_standalone && !is_for_downloads(request) &&
		    standalone_is_rival(entry, &request->servers))
			keys_warn_of(&request->scope, entry,
				     "git-lfs uses that agent there");
	}
	if (request->is_install && !request->wants_uploads)
		warn_of_key(request, config, GROUP "xet.path",
			    "Hugging Face prefers that agent for uploads");
	if (!request->is_standalone &&
	    gitconfig_bool(gitconfig_find(config, "lfs.basictransfersonly"),
			   false))
		warn_of_key(request, config, "lfs.basictransfersonly",
			    "git-lfs then uses no transfer agent");
	if (!request->is_standalone)
		warn_of_key(request, config, "lfs." STANDALONE_RULE,
			    "git-lfs then uses no other agent");
	gitconfig_free(config);
	return 0;
}

/* The config file for people; the caller's. */
static char *name_config(const struct request *request)
{
	static const char config[] = "the git config of";

	if (!strcmp(request->scope.option, "--system"))
		return xstrfmt("%s this machine", config);
	if (!strcmp(request->scope.option, "--global"))
		return xstrfmt("%s this user", config);
	if (!strcmp(request->place, "."))
		return xstrfmt("%s this repository", config);
	return xstrfmt("%s the repository at '%s'", config, request->place);
}

static int write_keys(const struct request *request, const struct keys *keys,
		      const char *path, struct err *err)
{
	char *name = name_config(request);
	int nchanges = keys_remove(&request->scope, install_is_misspelt,
				   agents[request->is_standalone], err);

	if (!err->kind)
		nchanges += keys_write(keys, &request->scope, err);
	if (!err->kind)
		nchanges += repair_other(request, path, err);
	if (!err->kind)
		keys_print(keys, name, nchanges);
	free(name);
	return err->kind ? -1 : 0;
}

/* Would git-lfs offer `multipart` for its uploads without any more keys? */
static int has_negotiated(bool *has, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);

	*has = config && gitconfig_get(config, paths[false]);
	gitconfig_free(config);
	return config ? 0 : -1;
}

/* All that is written, but for .lfsconfig. */
static int collect_keys(const struct request *request, const char *path,
			struct keys *keys, struct err *err)
{
	const struct serverurl shared = {
		.urls = { (char[]){ ENDPOINT_SHARED } }, .n = 1
	};
	bool is_both = request->wants_uploads, has = true;
	struct gitconfig *file;

	if (!request->is_standalone) {
		add_group(keys, NEGOTIATED,
			  request->direction ? request->direction : "upload",
			  path);
		return 0;
	}
	add_group(keys, STANDALONE_AGENT, "both", path);
	if (is_for_downloads(request) || request->is_shared ||
	    is_for_shared(request)) {
		if (!is_both && has_negotiated(&has, err))
			return -1;
		if (!has)
			add_group(keys, NEGOTIATED, "upload", path);
	} else {
		is_both = true;
	}
	standalone_add_rules(keys, is_both ? &request->servers : &shared);
	file = keys_load(&request->scope, err);
	for (size_t i = 0; file && i < request->downloads.n; i++)
		if (!request->downloads.items[i].is_shared)
			downloads_add_keys(keys, &request->downloads.items[i],
					   file);
	gitconfig_free(file);
	return file ? 0 : -1;
}

/*
 * Remove what another kind of set-up left for these servers: keys for downloads
 * alone, or rules that leave uploads to us, too, as earlier versions wrote them.
 */
static int remove_other_kind(const struct request *request, struct err *err)
{
	int ret = 0;

	if (!request->is_standalone || !request_is_local(request) ||
	    is_for_shared(request))
		return 0;
	if (request->wants_uploads)
		return downloads_remove(&request->scope, request->server,
					&request->servers, err) < 0 ?
			       -1 :
			       0;
	if (request->servers.n)
		ret = keys_remove(&request->scope, standalone_is_rule,
				  &request->servers, err);
	for (size_t i = 0; ret >= 0 && i < request->downloads.n; i++)
		ret = keys_remove(&request->scope, standalone_is_rule,
				  &request->downloads.items[i].servers, err);
	return ret < 0 ? -1 : 0;
}

/* What to know about the remotes that were set up. */
static void say_remotes(const struct request *request)
{
	struct movers_list list;

	movers_load(&list);
	for (size_t i = 0; i < request->downloads.n; i++) {
		const struct movers *movers =
			movers_of(&list, request->downloads.items[i].remote);

		if (movers)
			movers_print(movers, false);
		if (movers && movers->upload)
			movers_warn(movers, &request->scope);
	}
	movers_free(&list);
}

static void say_standalone(const struct request *request)
{
	bool is_both = !is_for_downloads(request) && !request->is_shared &&
		       !is_for_shared(request);

	say_remotes(request);
	if (is_both)
		printf("Uploads go through this program, too: a push " STANDALONE_UPLOADS_COST
		       ".\n");
	if (is_both && !request->wants_uploads)
		printf("Downloads alone can be had in a clone: "
		       "git lfs-multipart install --standalone <remote>\n");
	printf("`git lfs prune --verify-remote` verifies nothing in this mode; "
	       "use `git lfs-multipart prune --objects`.\n");
}

/* In an older set-up, uploads never come to the transfer `multipart`. */
static void say_older(const struct request *request)
{
	struct movers_list list;

	if (!request_is_local(request))
		return;
	movers_load(&list);
	for (size_t i = 0; i < list.n; i++)
		if (list.items[i].is_ours[UPLOAD])
			movers_print(&list.items[i], true);
	movers_free(&list);
}

static int install(struct request *request, struct err *err)
{
	struct keys keys = { .n = 0 };
	char *path;
	int ret;

	if (needs_git(err) || needs_git_lfs(err) || enter_place(request, err))
		return -1;
	path = needs_program_path(err);
	if (!path)
		return -1;
	ret = collect_keys(request, path, &keys, err);
	if (!ret)
		ret = write_keys(request, &keys, path, err);
	if (!ret)
		ret = remove_other_kind(request, err);
	if (!ret && request->is_shared)
		ret = standalone_share(&request->repo, &request->servers,
				       request->wants_uploads, err);
	if (!ret && request->is_standalone)
		say_standalone(request);
	if (!ret)
		ret = warn_of_rivals(request, &keys, err);
	if (!ret && !request->is_standalone)
		say_older(request);
	keys_release(&keys);
	free(path);
	return ret;
}

/* Remove the group of an agent; returns as keys_remove(). */
static int remove_group(const struct request *request, bool is_standalone,
			struct err *err)
{
	struct gitconfig *config = keys_load(&request->scope, err);
	const char *path;
	int nremoved = 0;

	if (!config)
		return -1;
	path = gitconfig_get(config, paths[is_standalone]);
	if (path && !is_ours(path))
		printf("Left as it is: %s = %s\n", paths[is_standalone], path);
	else
		nremoved = keys_remove(&request->scope, install_is_of_group,
				       agents[is_standalone], err);
	gitconfig_free(config);
	return nremoved;
}

/* Another config file may still switch it on. */
static void say_nothing_removed(const struct request *request)
{
	struct err ignored = ERR_INIT;
	struct gitconfig *config = gitconfig_load(NULL, &ignored);

	printf("There was nothing to remove.\n");
	for (size_t i = request->is_standalone; config && i < 2; i++) {
		const char *path = gitconfig_get(config, paths[i]);
		char *origin;

		if (!path || !is_ours(path))
			continue;
		origin = keys_origin(&request->scope, paths[i]);
		printf("But %s is set in %s\n", paths[i], origin);
		free(origin);
	}
	gitconfig_free(config);
}

static int uninstall(struct request *request, struct err *err)
{
	int nremoved = 0;

	if (needs_git(err) || enter_place(request, err))
		return -1;
	if (!request->is_standalone)
		nremoved += remove_group(request, false, err);
	if (!err->kind)
		nremoved += downloads_remove(&request->scope, request->server,
					     &request->servers, err);
	if (!err->kind)
		nremoved += keys_remove(&request->scope, standalone_is_rule,
					&request->servers, err);
	if (!err->kind && !request->servers.n)
		nremoved += remove_group(request, true, err);
	if (!err->kind && request->repo.top)
		nremoved += standalone_unshare(&request->repo,
					       request->is_shared, err);
	if (err->kind)
		return -1;
	if (!nremoved)
		say_nothing_removed(request);
	return 0;
}

static int install_run(void *args)
{
	struct request *request = args;
	struct err err = ERR_INIT;
	int ret = request->is_install ? install(request, &err) :
					uninstall(request, &err);

	serverurl_release(&request->servers);
	downloads_release(&request->downloads);
	repo_release(&request->repo);
	return ret ? cli_fail(&err) : EXIT_SUCCESS;
}

#define AT(member) .target = offsetof(struct request, member)

/* The first two are not options of uninstall. */
static const struct cli_option options[] = {
	{ "direction", .argument = "upload | download | both",
	  .set = install_set_direction },
	{ "uploads", AT(wants_uploads) },
	{ "local", .set = install_set_scope },
	{ "global", .set = install_set_scope },
	{ "system", .set = install_set_scope },
	{ "standalone", AT(is_standalone) },
	{ "shared", AT(is_shared) },
	{ .name = NULL },
};

const struct cli_command install_command = {
	.name = "install",
	.summary = "switch the agent on",
	.usage = "usage: git lfs-multipart install "
		 "[--local | --global | --system]\n"
		 "           [--direction upload | download | both] [<path>]\n"
		 "   or: git lfs-multipart install --standalone [--uploads]\n"
		 "           [--local | --global | --system] "
		 "[<url> | <remote>] [<path>]\n"
		 "   or: git lfs-multipart install --shared [--uploads] "
		 "[<url> | <remote>] [<path>]\n",
	.options = options,
	.args_size = sizeof(struct request),
	.set_words = install_set_words,
	.run = install_run,
};

const struct cli_command uninstall_command = {
	.name = "uninstall",
	.summary = "switch the agent off",
	.usage = "usage: git lfs-multipart uninstall "
		 "[--local | --global | --system]\n"
		 "           [<path>]\n"
		 "   or: git lfs-multipart uninstall --standalone\n"
		 "           [--local | --global | --system] "
		 "[<url> | <remote>] [<path>]\n"
		 "   or: git lfs-multipart uninstall --shared [<path>]\n",
	.options = options + 2,
	.args_size = sizeof(struct request),
	.set_words = uninstall_set_words,
	.run = install_run,
};
