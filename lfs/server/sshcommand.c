/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/sshcommand.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/mem.h"

enum {
	ARGS_MAX = 8,	/* with the NULL */
	SHELL_MAX = 1 << 20
};

enum variant {
	VARIANT_SSH,
	VARIANT_SIMPLE,
	VARIANT_PUTTY,
	VARIANT_TORTOISE
};

struct program {
	const char *text;	/* borrowed: a program or a shell command */
	char *name;		/* owned: of the program, without its folder */
	bool is_shell;
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* The first word of a shell command, quotes taken off; NULL if it has none. */
static char *first_word(const char *command)
{
	size_t n;

	command += strspn(command, " \t\r\n");
	if (*command == '\'' || *command == '"') {
		const char *end = strchr(command + 1, *command);

		if (end)
			return xstrndup(command + 1,
					(size_t)(end - command - 1));
	}
	n = strcspn(command, " \t\r\n");
	return n ? xstrndup(command, n) : NULL;
}

static char *base_name(char *path)
{
	const char *slash = strrchr(path, '/');
	char *base = xstrdup(slash ? slash + 1 : path);

	free(path);
	return base;
}

static bool use_shell(struct program *program, const char *command)
{
	char *word = command ? first_word(command) : NULL;

	if (!word)
		return false;
	*program = (struct program){ .text = command,
				     .name = base_name(word),
				     .is_shell = true };
	return true;
}

static void choose(struct program *program, const struct gitconfig *config)
{
	const char *name;

	if (use_shell(program, env("GIT_SSH_COMMAND")))
		return;
	name = env("GIT_SSH");
	if (!name &&
	    use_shell(program, gitconfig_get(config, "core.sshCommand")))
		return;
	if (!name)
		name = "ssh";
	*program = (struct program){ .text = name,
				     .name = base_name(xstrdup(name)) };
}

static enum variant variant_of_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);

	if (len == 5 && !strncasecmp(name, "plink", len))
		return VARIANT_PUTTY;
	if (len == 13 && !strncasecmp(name, "tortoiseplink", len))
		return VARIANT_TORTOISE;
	return VARIANT_SSH;
}

static enum variant find_variant(const struct gitconfig *config,
				 const char *name)
{
	const char *variant = env("GIT_SSH_VARIANT");

	if (!variant)
		variant = gitconfig_get(config, "ssh.variant");
	if (!variant || !strcmp(variant, "auto"))
		return variant_of_name(name);
	if (!strcmp(variant, "plink") || !strcmp(variant, "putty"))
		return VARIANT_PUTTY;
	if (!strcmp(variant, "tortoiseplink"))
		return VARIANT_TORTOISE;
	return strcmp(variant, "simple") ? VARIANT_SSH : VARIANT_SIMPLE;
}

static void add_quoted(struct buf *out, const char *arg)
{
	buf_puts(out, "'");
	for (; *arg; arg++) {
		if (*arg == '\'')
			buf_puts(out, "'\\''");
		else
			buf_add(out, arg, 1);
	}
	buf_puts(out, "'");
}

/* Turn the arguments of a shell command into those of a shell. */
static void wrap(char **argv, const char *text)
{
	struct buf line = BUF_INIT(SHELL_MAX);

	buf_puts(&line, text);
	for (char **arg = argv + 1; *arg; arg++) {
		buf_puts(&line, " ");
		add_quoted(&line, *arg);
		free(*arg);
		*arg = NULL;
	}
	free(argv[0]);
	argv[0] = xstrdup("sh");
	argv[1] = xstrdup("-c");
	argv[2] = buf_take(&line);
}

/*
 * What runs at the server.  It may be a shell that does: the path comes from
 * a URL that may be a repository's word, and must not be taken for a command
 * (CVE-2026-69260 of git-lfs, which quotes the same paths since 3.8.1).
 */
static char *remote_command(const char *path, bool is_upload)
{
	static const char plain[] = "@_/.-0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct buf line = BUF_INIT(SHELL_MAX);

	buf_puts(&line, "git-lfs-authenticate ");
	if (*path && !path[strspn(path, plain)])
		buf_puts(&line, path);
	else
		add_quoted(&line, path);
	buf_puts(&line, is_upload ? " upload" : " download");
	return buf_take(&line);
}

/*
 * No host may pass for an option.  Only OpenSSH knows an end of the options;
 * git-lfs, too, asks it for one only if it must.
 */
static size_t add_host(char **argv, const char *host, enum variant variant)
{
	size_t n = 0;

	if (*host == '-' && variant == VARIANT_SSH)
		argv[n++] = xstrdup("--");
	else
		host += strspn(host, "-");
	argv[n++] = xstrdup(host);
	return n;
}

void sshcommand_init(struct sshcommand *command, const struct gitconfig *config,
		     const struct ssh_address *ssh, bool is_upload)
{
	char **argv = xcalloc(ARGS_MAX, sizeof(*argv));
	struct program program;
	enum variant variant;
	bool is_plink;
	size_t n = 0;

	choose(&program, config);
	variant = find_variant(config, program.name);
	is_plink = variant == VARIANT_PUTTY || variant == VARIANT_TORTOISE;
	argv[n++] = xstrdup(program.text);
	if (variant == VARIANT_TORTOISE)
		argv[n++] = xstrdup("-batch");
	if (ssh->port) {
		argv[n++] = xstrdup(is_plink ? "-P" : "-p");
		argv[n++] = xstrdup(ssh->port);
	}
	n += add_host(argv + n, ssh->host, variant);
	argv[n] = remote_command(ssh->path, is_upload);
	if (program.is_shell)
		wrap(argv, program.text);
	free(program.name);
	command->argv = argv;
}

void sshcommand_release(struct sshcommand *command)
{
	for (char **arg = command->argv; arg && *arg; arg++)
		free(*arg);
	free(command->argv);
	command->argv = NULL;
}
