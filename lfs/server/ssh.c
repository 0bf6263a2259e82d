/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/ssh.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/json.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/net/url.h"

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

/* The first word of a shell command, without quotes; NULL if it has none. */
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

static void choose_program(struct program *program,
			   const struct gitconfig *config)
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

static enum variant variant_of(const struct gitconfig *config, const char *name)
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

/* Have a shell run the command with its arguments. */
static void wrap_in_shell(char **argv, const char *text)
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
 * The command that the server runs, perhaps through a shell.  The path comes
 * from a URL that a repository may have set, and must not be taken for a command
 * (CVE-2026-69260 of git-lfs, which quotes the same paths since 3.8.1).
 */
static char *remote_command(const char *path, enum direction direction)
{
	static const char plain[] = "@_/.-0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct buf line = BUF_INIT(SHELL_MAX);

	buf_puts(&line, "git-lfs-authenticate ");
	if (*path && !path[strspn(path, plain)])
		buf_puts(&line, path);
	else
		add_quoted(&line, path);
	buf_puts(&line, direction == UPLOAD ? " upload" : " download");
	return buf_take(&line);
}

/*
 * No host may be taken for an option.  Only OpenSSH knows an end of the options;
 * git-lfs, too, writes it only if it must.
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
		     const struct ssh_address *ssh, enum direction direction)
{
	char **argv = xcalloc(ARGS_MAX, sizeof(*argv));
	struct program program;
	enum variant variant;
	bool is_plink;
	size_t n = 0;

	choose_program(&program, config);
	variant = variant_of(config, program.name);
	is_plink = variant == VARIANT_PUTTY || variant == VARIANT_TORTOISE;
	argv[n++] = xstrdup(program.text);
	if (variant == VARIANT_TORTOISE)
		argv[n++] = xstrdup("-batch");
	if (ssh->port) {
		argv[n++] = xstrdup(is_plink ? "-P" : "-p");
		argv[n++] = xstrdup(ssh->port);
	}
	n += add_host(argv + n, ssh->host, variant);
	argv[n] = remote_command(ssh->path, direction);
	if (program.is_shell)
		wrap_in_shell(argv, program.text);
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

enum {
	DAY = 24 * 60 * 60
};

/* Longer lives are cut to this, so that no sum overflows. */
static const int64_t ttl_max = (int64_t)1000 * 366 * DAY;

/* Go writes an empty time as one in the year 1. */
static int take_expires_at(const json_t *root, int64_t *expires,
			   struct err *err)
{
	static const char nothing[] = "0001-01-01T00:00:00Z";
	const char *text;

	if (json_get_optional_string(root, "expires_at", &text, err))
		return -1;
	if (!text || !strcmp(text, nothing))
		return 0;
	if (rfc3339_parse(text, expires))
		return err_set(err, ERR_PROTOCOL,
			       "'expires_at' is not an RFC 3339 time");
	return 0;
}

static int64_t time_after(const struct sshreply_times *times, int64_t ttl)
{
	if (ttl > ttl_max)
		ttl = ttl_max;
	if (ttl < -ttl_max)
		ttl = -ttl_max;
	return times->asked + ttl;
}

/* As for git-lfs, `expires_in` has precedence: clocks may differ. */
static int take_expiry(struct sshreply *reply, const json_t *root,
		       const struct sshreply_times *times, struct err *err)
{
	const json_t *in = json_object_get(root, "expires_in");

	reply->expires = INT64_MAX;
	if (take_expires_at(root, &reply->expires, err))
		return -1;
	if (in && !json_is_integer(in) && !json_is_null(in))
		return err_set(err, ERR_PROTOCOL,
			       "'expires_in' is not an integer");
	if (json_integer_value(in))
		reply->expires = time_after(times, json_integer_value(in));
	else if (reply->expires == INT64_MAX && times->default_ttl > 0)
		reply->expires = time_after(times, times->default_ttl);
	/* If it is past, a clock is wrong: a refusal will tell when it expires. */
	if (reply->expires <= times->asked)
		reply->expires = INT64_MAX;
	return 0;
}

static int take_href(struct sshreply *reply, const json_t *root,
		     struct err *err)
{
	const char *href;

	if (json_get_optional_string(root, "href", &href, err))
		return -1;
	if (!href || !*href)
		return 0;
	if (url_check(href, err))
		return err_wrap(err, "'href'");
	reply->href = xstrdup(href);
	return 0;
}

int sshreply_parse(struct sshreply *reply, const char *text, size_t len,
		   const struct sshreply_times *times, struct err *err)
{
	json_t *root = NULL;
	int ret = -1;

	*reply = (struct sshreply)SSHREPLY_INIT;
	if (len > SSHREPLY_MAX)
		err_set(err, ERR_PROTOCOL, "it is longer than %d bytes",
			SSHREPLY_MAX);
	else
		root = json_parse(text, len, err);
	if (root && !json_is_object(root))
		err_set(err, ERR_PROTOCOL, "it is not an object");
	else if (root && !take_href(reply, root, err) &&
		 !headers_add_tree(&reply->headers,
				   json_object_get(root, "header"), err))
		ret = take_expiry(reply, root, times, err);
	json_decref(root);
	if (!ret)
		return 0;
	sshreply_release(reply);
	return err_wrap(err, "the answer of git-lfs-authenticate");
}

void sshreply_release(struct sshreply *reply)
{
	free(reply->href);
	headers_release(&reply->headers);
	*reply = (struct sshreply)SSHREPLY_INIT;
}

static void drop_reply(struct sshauth *auth)
{
	sshreply_release(&auth->reply);
	auth->has_reply = auth->was_used = false;
}

/*
 * The cache daemon knows credentials only, so a shared reply is made to look
 * like one: the command's hash is its host, and its password is the time when
 * it was asked for and the text.
 */
enum { SHARED_MAX = CREDTEXT_MAX - 1024 };

static void add_key(struct credtext *lines, const struct sshcommand *command)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct err ignored = ERR_INIT;
	struct sha256 hash;

	sha256_init(&hash);
	for (char **arg = command->argv; *arg; arg++)
		sha256_update(&hash, *arg, strlen(*arg) + 1);
	sha256_final(&hash, digest);
	sha256_hex(digest, hex);
	credtext_add(lines, "protocol", "git-lfs-authenticate", &ignored);
	credtext_add(lines, "host", hex, &ignored);
	credtext_add(lines, "username", "ssh", &ignored);
}

static bool parse_shared(struct sshauth *auth, const char *password,
			 int64_t default_ttl)
{
	struct sshreply_times times = { .default_ttl = default_ttl };
	struct err ignored = ERR_INIT;
	char *text;

	times.asked = strtoll(password, &text, 10);
	if (*text != ' ' || times.asked < 0 || times.asked > clock_unix())
		return false;
	return !sshreply_parse(&auth->reply, text, strlen(text), &times,
			       &ignored);
}

/* Take the reply that another agent got, unless it has expired. */
static bool take_shared(struct sshauth *auth, int64_t default_ttl)
{
	struct credtext answer = CREDTEXT_INIT;

	auth->has_reply = auth->was_used =
		credshare_get(auth->options.share, &auth->key, &answer) &&
		parse_shared(auth, credtext_get(&answer, "password"),
			     default_ttl);
	credtext_release(&answer);
	if (sshauth_is_fresh(auth, clock_unix()))
		return true;
	drop_reply(auth);
	return false;
}

static void share_reply(struct sshauth *auth, const char *text, int64_t asked)
{
	struct credtext lines = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	char *password;

	/* A longer text does not fit into a credential. */
	if (strlen(text) > SHARED_MAX)
		return;
	password = xstrfmt("%" PRId64 " %s", asked, text);
	/* Line breaks in JSON can only be blanks. */
	for (char *c = password; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	if (!credtext_add_all(&lines, &auth->key, &ignored) &&
	    !credtext_add(&lines, "password", password, &ignored))
		credshare_store(auth->options.share, &lines);
	credtext_release(&lines);
	free(password);
}

enum {
	RETRIES = 5,
	RETRIES_MAX = 100,
	EXIT_NOT_FOUND = 127
};

/* A number out of range counts as the nearest one in it. */
static int get_number(const struct gitconfig *config, const char *key,
		      int64_t max, int64_t *value, struct err *err)
{
	const struct gitconfig_entry *entry = gitconfig_find(config, key);

	if (entry && gitconfig_parse_int(entry, value, err))
		return -1;
	if (*value < 0)
		*value = 0;
	if (*value > max)
		*value = max;
	return 0;
}

/*
 * Is git-lfs-authenticate missing?  A shell says so by its status; Gerrit, and
 * other servers without a shell, in words, for which git-lfs looks, too.
 */
static bool is_missing(int status, const struct child_said *said)
{
	static const char *const words[] = {
		"git-lfs-authenticate: not found",
		"git-lfs-authenticate: command not found",
		"git-lfs-authenticate: no such file",
		"command not found: git-lfs-authenticate",
	};
	bool is = status == EXIT_NOT_FOUND;
	char *text = text_lower(said->text, said->len);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		is |= status && strstr(text, words[i]);
	free(text);
	return is;
}

static bool has_words(const char *line)
{
	while (*line && !isalnum((unsigned char)*line))
		line++;
	return *line;
}

/*
 * The last line with words of ssh or the git server, in a copy of what they said.
 * GitLab frames a line with others that say nothing, and prefixes each.
 */
static const char *last_words(const struct child_said *said,
			      char text[CHILD_SAID_MAX + 1])
{
	static const char prefix[] = "remote:";
	const char *found = "";
	char *rest;

	memcpy(text, said->text, said->len);
	text[said->len] = '\0';
	for (char *line = strtok_r(text, "\r\n", &rest); line;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		if (text_has_prefix(line, prefix))
			line += strlen(prefix);
		line += strspn(line, " ");
		if (has_words(line))
			found = line;
	}
	return found;
}

/* Run the command once; the answer's text, if it is good, is in `text`. */
static int run_ssh(struct sshauth *auth, struct sshreply_times *times,
		   struct buf *text, struct err *err)
{
	char said_text[CHILD_SAID_MAX + 1];
	struct child_said said;
	const char *why;
	struct child child = {
		.said = &said,
		.argv = (const char *const *)auth->command.argv,
		.stop = auth->options.stop,
	};
	int status;

	times->asked = clock_unix();
	buf_reset(text);
	if (child_run(&child, text, &status, err))
		return -1;
	if (is_missing(status, &said)) {
		log_info("the git server has no git-lfs-authenticate");
		buf_reset(text);
		buf_puts(text, "{}");
	} else if (status) {
		why = last_words(&said, said_text);
		return err_set(err, ERR_AUTH,
			       "ssh failed with exit status %d when it was to "
			       "run git-lfs-authenticate%s%s",
			       status, *why ? ": " : "", why);
	}
	return sshreply_parse(&auth->reply, buf_str(text), text->len, times,
			      err);
}

/* Run the command; tell the other agents of a reply, and of the last failure. */
static int ask_ssh(struct sshauth *auth, struct sshreply_times *times,
		   struct err *err)
{
	struct buf text = BUF_INIT(SSHREPLY_MAX);
	int64_t retries = RETRIES;
	int ret;

	if (get_number(auth->options.config, "lfs.ssh.retries", RETRIES_MAX,
		       &retries, err))
		return -1;
	ret = run_ssh(auth, times, &text, err);
	auth->has_reply = !ret;
	if (!ret)
		share_reply(auth, buf_str(&text), times->asked);
	else if (err->kind != ERR_CANCELED && auth->tries++ < retries)
		ret = 1;
	else
		credshare_note(auth->options.share, CREDSHARE_FAILED,
			       &auth->key, err);
	buf_release(&text);
	return ret;
}

/* From another agent, or by ssh: then the others wait for the outcome. */
static int get_reply(struct sshauth *auth, struct err *err)
{
	struct credshare *share = auth->options.share;
	struct sshreply_times times = { .default_ttl = 0 };
	int ret = 1;

	if (get_number(auth->options.config, "lfs.defaulttokenttl", INT64_MAX,
		       &times.default_ttl, err))
		return -1;
	if (!auth->tries) {
		if (take_shared(auth, times.default_ttl))
			return 0;
		if (credshare_lock(share, CREDSHARE_LOGIN, err))
			return -1;
		/* Another agent may have asked while we waited for the lock. */
		if (take_shared(auth, times.default_ttl))
			ret = 0;
		else if (credshare_knows(share, CREDSHARE_FAILED, &auth->key,
					 err))
			ret = -1;
	}
	if (ret > 0)
		ret = ask_ssh(auth, &times, err);
	if (ret > 0)
		return ret;
	credshare_unlock(share, CREDSHARE_LOGIN);
	auth->tries = 0;
	return ret;
}

int sshauth_update(struct sshauth *auth, struct err *err)
{
	const struct ssh_address *ssh = auth->options.ssh;

	if (!ssh || !ssh->host || sshauth_is_fresh(auth, clock_unix()))
		return 0;
	drop_reply(auth);
	if (!auth->command.argv) {
		sshcommand_init(&auth->command, auth->options.config, ssh,
				auth->options.direction);
		add_key(&auth->key, &auth->command);
	}
	return get_reply(auth, err);
}

bool sshauth_refused(struct sshauth *auth)
{
	bool was_used = auth->was_used;

	if (!auth->has_reply)
		return false;
	credshare_erase(auth->options.share, &auth->key);
	if (was_used)
		drop_reply(auth);
	return was_used;
}

bool sshauth_is_empty(const struct sshauth *auth)
{
	return auth->has_reply && !auth->reply.href && !auth->reply.headers.n;
}

bool sshauth_is_fresh(const struct sshauth *auth, int64_t now)
{
	return auth->has_reply &&
	       (auth->reply.expires == INT64_MAX ||
		now < auth->reply.expires - SSHAUTH_MARGIN_S);
}

void sshauth_release(struct sshauth *auth)
{
	drop_reply(auth);
	sshcommand_release(&auth->command);
	credtext_release(&auth->key);
}
