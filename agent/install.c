/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/install.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/keys.h"
#include "agent/scope.h"
#include "agent/serverurl.h"
#include "agent/standalone.h"
#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/err.h"
#include "lfs/base/mem.h"
#include "lfs/net/url.h"

#define _XOPEN_SOURCE 700	/* realpath() */

enum {
	GIT_MAJOR = 2,	/* the first with `config --show-origin` */
	GIT_MINOR = 8,
	OUTPUT_MAX = 64 << 10
};

/*
 * The first line that a git command prints; NULL if it fails.  `aloud`: the
 * user gets to see what it says of that.
 */
static char *ask_git(const char *const *argv, bool aloud, struct err *err)
{
	struct child child = { .argv = argv, .keep_stderr = aloud };
	struct buf text = BUF_INIT(OUTPUT_MAX);
	char *line = NULL;
	int status;

	if (!child_run(&child, &text, &status, err) && !status)
		line = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	buf_release(&text);
	return line;
}

/* git, and not too old a one. */
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

/* The repository, if the scope is one's; `place` is what the user calls it. */
static int needs_scope(const struct scope *scope, const char *place,
		       struct err *err)
{
	const char *const argv[] = { "git",	  "-C",	       scope->dir,
				     "rev-parse", "--git-dir", NULL };
	char *line;

	if (strcmp(scope->option, "--local"))
		return 0;
	line = ask_git(argv, true, err);
	if (!line)
		return err_set(err, ERR_USAGE,
			       "'%s' is not inside a git repository; name one, "
			       "or use --global",
			       place);
	free(line);
	return 0;
}

/*
 * The absolute path of this program: that by which PATH knows it, so that it
 * outlives an update that moves what a link points to, else that of the file
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
 * What `install` and `uninstall` are asked for: which of git's config files,
 * where, for which servers.
 */

struct request {
	struct scope scope;
	const char *place;	/* what the user calls its directory */
	const char *direction;	/* NULL: not given */
	bool is_install;
	bool is_standalone;
	bool is_shared;		/* by .lfsconfig; standalone, too */
	const char *server;	/* a URL or the name of a remote; or NULL */
	struct serverurl servers;	/* owned: what that stands for */
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
			       "--standalone is for both directions");
	if (request->is_shared && !request_is_local(request))
		return err_set(err, ERR_USAGE,
			       "--shared and %s exclude each other",
			       request->scope.option);
	return 0;
}

/* Is a word on its own a server, or the path? */
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

/* There is no such directory; but perhaps a remote is meant. */
static int refuse_place(const struct request *request, struct err *err)
{
	const char *const argv[] = { "git", "rev-parse", "--git-dir", NULL };
	bool exists = !access(request->place, F_OK);
	char place[URL_DISPLAY_MAX], *line;

	url_display_any(request->place, place, sizeof(place));
	if (exists || !request->is_standalone || request->server ||
	    strchr(request->place, '/'))
		return err_set(err, ERR_USAGE,
			       exists ?
				       "cannot enter '%s': is it a directory?" :
				       "'%s' does not exist",
			       place);
	line = ask_git(argv, false, err);
	err_clear(err);
	if (line)
		err_set(err, ERR_USAGE,
			"there is neither a remote nor a directory '%s' here; "
			"name one, or a URL",
			place);
	else
		err_set(err, ERR_USAGE,
			"this is no git repository, and so '%s' is no remote; "
			"nor is it a directory or a URL",
			place);
	free(line);
	return -1;
}

/*
 * Change to the directory, see that there is a repository if one is needed,
 * and find the servers, of which there are none if all are meant.
 */
static int request_enter(struct request *request, struct err *err)
{
	struct gitconfig *config;
	int ret;

	if (request_is_local(request) && chdir(request->place))
		return refuse_place(request, err);
	/* A repository that is named is meant, and not that of a hook. */
	if (request_is_local(request) && strcmp(request->place, ".")) {
		unsetenv("GIT_DIR");
		unsetenv("GIT_WORK_TREE");
	}
	if (needs_scope(&request->scope, request->place, err))
		return -1;
	if (!request->server && !(request->is_shared && request->is_install))
		return 0;
	config = gitconfig_load(NULL, err);
	if (!config)
		return -1;
	ret = serverurl_find(&request->servers, config, request->server, err);
	gitconfig_free(config);
	return ret;
}

static void request_release(struct request *request)
{
	serverurl_release(&request->servers);
}

#define CLI_PROGRAM "git-lfs-multipart"
#define NEGOTIATED "multipart"	/* the transfer, and so the agent's name */

static const char *agent_of(const struct request *request)
{
	return request->is_standalone ? STANDALONE_AGENT : NEGOTIATED;
}

static bool is_misspelt(const struct gitconfig_entry *entry, const void *ctx)
{
	return keys_is_of_agent(entry->key, agent_of(ctx), true);
}

static int warn(const struct request *request, const struct keys *keys,
		struct err *err)
{
	static const char *const rivals[] = { "lfs.basictransfersonly",
					      "lfs.standalonetransferagent" };
	const struct scope *scope = &request->scope;
	struct gitconfig *config = gitconfig_load(NULL, err);
	const struct gitconfig_entry *entry;
	struct err ignored = ERR_INIT;
	bool basic_only = false;
	size_t pos = 0;

	if (!config)
		return -1;
	keys_warn(keys, scope, config);
	while ((entry = gitconfig_each(config, &pos)))
		if (is_misspelt(entry, request))
			keys_warn_of(scope, entry,
				     "git-lfs may take it for "
				     "another agent; remove it");
	gitconfig_get_bool(config, rivals[0], &basic_only, &ignored);
	if (request->is_standalone)
		standalone_warn(&request->servers, scope, config);
	else if (basic_only)
		keys_warn_of(scope, gitconfig_find(config, rivals[0]),
			     "git-lfs then uses no transfer agent");
	if (!request->is_standalone && gitconfig_get(config, rivals[1]))
		keys_warn_of(scope, gitconfig_find(config, rivals[1]),
			     "git-lfs then uses no other agent");
	gitconfig_free(config);
	return 0;
}

static void say_written(const struct request *request, const struct keys *keys,
			int nchanges)
{
	printf("%s in the git config of ",
	       nchanges ? "Set up" : "Already set up");
	if (!strcmp(request->scope.option, "--system"))
		printf("this machine:\n");
	else if (!strcmp(request->scope.option, "--global"))
		printf("this user:\n");
	else if (!strcmp(request->place, "."))
		printf("this repository:\n");
	else
		printf("the repository at '%s':\n", request->place);
	keys_print(keys);
}

/* Is it our program that the group starts?  Others' are not ours to remove. */
static bool is_ours(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, CLI_PROGRAM);
}

/* The path in the group of the other agent name, if the program is not there. */
static int repair(const struct request *request, const char *path,
		  struct err *err)
{
	const char *name = request->is_standalone ?
				   "lfs.customtransfer." NEGOTIATED ".path" :
				   "lfs.customtransfer." STANDALONE_AGENT
				   ".path";
	struct gitconfig *config = scope_load(&request->scope, err);
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

static int write_keys(const struct request *request, const struct keys *keys,
		      const char *path, struct err *err)
{
	int nremoved, nwritten, nrepaired;

	nremoved = keys_remove(&request->scope, is_misspelt, request, err);
	if (nremoved < 0)
		return -1;
	nwritten = keys_write(keys, &request->scope, err);
	if (nwritten < 0)
		return -1;
	nrepaired = repair(request, path, err);
	if (nrepaired < 0)
		return -1;
	say_written(request, keys, nremoved + nwritten + nrepaired);
	return 0;
}

static int install(struct request *request, struct err *err)
{
	struct keys keys = { .n = 0 };
	char *path;
	int ret;

	if (needs_git(err) || needs_git_lfs(err) || request_enter(request, err))
		return -1;
	if (request->is_shared && standalone_can_share(err))
		return -1;
	path = needs_program_path(err);
	if (!path)
		return -1;
	if (request->is_standalone)
		standalone_add_keys(&keys, &request->servers, path);
	else
		keys_add_agent(&keys, NEGOTIATED, path,
			       request->direction ? request->direction :
						    "upload");
	ret = write_keys(request, &keys, path, err);
	if (!ret && request->is_shared)
		ret = standalone_share(&request->servers, err);
	if (!ret)
		ret = warn(request, &keys, err);
	keys_release(&keys);
	free(path);
	return ret;
}

static bool is_of_group(const struct gitconfig_entry *entry, const void *agent)
{
	return keys_is_of_agent(entry->key, agent, false);
}

static bool is_standalone_key(const struct gitconfig_entry *entry,
			      const void *servers)
{
	return standalone_is_key(entry, servers);
}

/* Remove the group of an agent, unless it starts another program. */
static int remove_agent(const struct request *request, const char *agent,
			struct err *err)
{
	struct gitconfig *config = scope_load(&request->scope, err);
	char *name = NULL;
	const char *path;
	int nremoved = -1;

	if (!config)
		return -1;
	name = xstrfmt("lfs.customtransfer.%s.path", agent);
	path = gitconfig_get(config, name);
	if (path && !is_ours(path)) {
		printf("Left as it is: %s = %s\n", name, path);
		nremoved = 0;
	} else {
		nremoved = keys_remove(&request->scope, is_of_group, agent,
				       err);
	}
	free(name);
	gitconfig_free(config);
	return nremoved;
}

/* Each returns how many keys it removed or changed, or -1. */
static int uninstall_standalone(const struct request *request, struct err *err)
{
	int nkeys, ngroup = 0, nshared = 0;

	nkeys = keys_remove(&request->scope, is_standalone_key,
			    &request->servers, err);
	if (nkeys >= 0 && !request->servers.n)
		ngroup = remove_agent(request, STANDALONE_AGENT, err);
	if (nkeys >= 0 && ngroup >= 0 && request_is_local(request))
		nshared = standalone_unshare(request->is_shared, err);
	return nkeys < 0 || ngroup < 0 || nshared < 0 ?
		       -1 :
		       nkeys + ngroup + nshared;
}

/* Another config file may have it on still. */
static void say_nothing_removed(const struct request *request)
{
	static const char *const keys[] = {
		"lfs.customtransfer." NEGOTIATED ".path",
		"lfs.customtransfer." STANDALONE_AGENT ".path",
	};
	struct err ignored = ERR_INIT;
	struct gitconfig *config = gitconfig_load(NULL, &ignored);

	printf("There was nothing to remove.\n");
	for (size_t i = request->is_standalone; config && i < 2; i++) {
		const char *path = gitconfig_get(config, keys[i]);
		char *origin;

		if (!path || !is_ours(path))
			continue;
		origin = scope_origin(&request->scope, keys[i]);
		printf("But %s is set in %s\n", keys[i], origin);
		free(origin);
	}
	gitconfig_free(config);
}

static int uninstall(struct request *request, struct err *err)
{
	int nremoved = 0, nstandalone;

	if (needs_git(err) || request_enter(request, err))
		return -1;
	if (!request->is_standalone)
		nremoved = remove_agent(request, NEGOTIATED, err);
	if (nremoved < 0)
		return -1;
	nstandalone = uninstall_standalone(request, err);
	if (nstandalone < 0)
		return -1;
	if (!nremoved && !nstandalone)
		say_nothing_removed(request);
	return 0;
}

static int install_run(void *args)
{
	struct request *request = args;
	struct err err = ERR_INIT;
	int ret = request->is_install ? install(request, &err) :
					uninstall(request, &err);

	request_release(request);
	return ret ? cli_fail(&err) : EXIT_SUCCESS;
}

#define AT(member) .target = offsetof(struct request, member)
/* The first one is none of uninstall's. */
static const struct cli_option options[] = {
	{ "direction", .argument = "<direction>",
	  .set = install_set_direction },
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
		 "   or: git lfs-multipart install --standalone\n"
		 "           [--local | --global | --system] "
		 "[<url> | <remote>] [<path>]\n"
		 "   or: git lfs-multipart install --shared "
		 "[<url> | <remote>] [<path>]\n",
	.options = options,
	.args_size = sizeof(struct request),
	.set_words = install_set_words,
	.run = install_run,
};

const struct cli_command uninstall_command = {
	.name = "uninstall",
	.summary = "switch it off",
	.usage = "usage: git lfs-multipart uninstall "
		 "[--local | --global | --system]\n"
		 "           [<path>]\n"
		 "   or: git lfs-multipart uninstall --standalone\n"
		 "           [--local | --global | --system] "
		 "[<url> | <remote>] [<path>]\n"
		 "   or: git lfs-multipart uninstall --shared [<path>]\n",
	.options = options + 1,
	.args_size = sizeof(struct request),
	.set_words = uninstall_set_words,
	.run = install_run,
};
