/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/install.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/keys.h"
#include "agent/needs.h"
#include "agent/request.h"
#include "agent/standalone.h"
#include "lfs/base/mem.h"

#define PROGRAM "git-lfs-multipart"
#define NEGOTIATED "multipart"	/* the transfer, and so the agent's name */

enum { EXIT_USAGE = 129 };	/* as in git */

static const char install_usage[] =
	"usage: git lfs-multipart install [--local | --global | --system]\n"
	"           [--direction upload | download | both] [<path>]\n"
	"   or: git lfs-multipart install --standalone\n"
	"           [--local | --global | --system] [<url> | <remote>] "
	"[<path>]\n"
	"   or: git lfs-multipart install --shared [<url> | <remote>] "
	"[<path>]\n";
static const char uninstall_usage[] =
	"usage: git lfs-multipart uninstall [--local | --global | --system]\n"
	"           [<path>]\n"
	"   or: git lfs-multipart uninstall --standalone\n"
	"           [--local | --global | --system] [<url> | <remote>] "
	"[<path>]\n"
	"   or: git lfs-multipart uninstall --shared [<path>]\n";

static int complain(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, PROGRAM ": %s\n", err->msg);
	return EXIT_FAILURE;
}

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

	return !strcmp(slash ? slash + 1 : path, PROGRAM);
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

static int run(struct request *request, int argc, char **argv)
{
	const char *usage = request->is_install ? install_usage :
						  uninstall_usage;
	struct err err = ERR_INIT;
	int ret = request_parse(request, argc, argv, &err);

	if (ret > 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (ret < 0) {
		complain(&err);
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	ret = request->is_install ? install(request, &err) :
				    uninstall(request, &err);
	request_release(request);
	return ret ? complain(&err) : EXIT_SUCCESS;
}

int install_main(int argc, char **argv)
{
	struct request request = { .is_install = true };

	return run(&request, argc, argv);
}

int uninstall_main(int argc, char **argv)
{
	struct request request = { .is_install = false };

	return run(&request, argc, argv);
}
