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

enum {
	DAY = 24 * 60 * 60
};

/* Longer lives are cut to this, so that no sum can overflow. */
static const int64_t ttl_max = (int64_t)1000 * 366 * DAY;

/* The year 1 is Go's way to say nothing. */
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
		return err_set(err, ERR_PROTOCOL, "'expires_at' is no time");
	return 0;
}

static int64_t after(const struct sshreply_times *times, int64_t ttl)
{
	if (ttl > ttl_max)
		ttl = ttl_max;
	if (ttl < -ttl_max)
		ttl = -ttl_max;
	return times->asked + ttl;
}

/* What is said in seconds wins, as with git-lfs: clocks may differ. */
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
		reply->expires = after(times, json_integer_value(in));
	else if (reply->expires == INT64_MAX && times->default_ttl > 0)
		reply->expires = after(times, times->default_ttl);
	/* One of the clocks is wrong: then a refusal will tell. */
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

static int take_headers(struct sshreply *reply, json_t *root, struct err *err)
{
	json_t *header = json_object_get(root, "header"), *value;
	const char *name;

	if (!header || json_is_null(header))
		return 0;
	if (!json_is_object(header))
		return err_set(err, ERR_PROTOCOL, "'header' is not an object");
	json_object_foreach (header, name, value) {
		const char *text = json_string_value(value);

		if (!text && !json_is_null(value))
			return err_set(err, ERR_PROTOCOL,
				       "the header '%.40s' is not a string",
				       name);
		if (headers_add(&reply->headers, name, text ? text : "", err))
			return -1;
	}
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
		 !take_headers(reply, root, err))
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

enum { SSHSHARE_MAX = CREDTEXT_MAX - 1024 };

/*
 * The cache daemon knows credentials only, so this is made to look like one:
 * the command's hash is its host, and the password is the time and the text.
 */
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

static bool parse(const char *password, int64_t default_ttl,
		  struct sshreply *reply)
{
	struct sshreply_times times = { .default_ttl = default_ttl };
	struct err ignored = ERR_INIT;
	char *text;

	times.asked = strtoll(password, &text, 10);
	if (*text != ' ' || times.asked < 0 || times.asked > clock_unix())
		return false;
	return !sshreply_parse(reply, text, strlen(text), &times, &ignored);
}

bool sshshare_get(const struct credshare *share,
		  const struct sshcommand *command, int64_t default_ttl,
		  struct sshreply *reply)
{
	struct credtext query = CREDTEXT_INIT, answer = CREDTEXT_INIT;
	bool found;

	add_key(&query, command);
	found = credshare_get(share, &query, &answer) &&
		parse(credtext_get(&answer, "password"), default_ttl, reply);
	credtext_release(&query);
	credtext_release(&answer);
	return found;
}

void sshshare_put(const struct credshare *share,
		  const struct sshcommand *command, const char *text,
		  int64_t asked)
{
	struct credtext lines = CREDTEXT_INIT;
	struct err ignored = ERR_INIT;
	char *password;

	/* Longer ones do not fit among a credential's lines. */
	if (strlen(text) > SSHSHARE_MAX)
		return;
	password = xstrfmt("%" PRId64 " %s", asked, text);
	/* In JSON they can only be blanks. */
	for (char *c = password; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	add_key(&lines, command);
	if (!credtext_add(&lines, "password", password, &ignored))
		credshare_store(share, &lines);
	credtext_release(&lines);
	free(password);
}

void sshshare_note_failure(struct credshare *share,
			   const struct sshcommand *command,
			   const struct err *why)
{
	struct credtext query = CREDTEXT_INIT;

	add_key(&query, command);
	credshare_note(share, CREDSHARE_FAILED, &query, why);
	credtext_release(&query);
}

bool sshshare_has_failed(struct credshare *share,
			 const struct sshcommand *command, struct err *err)
{
	struct credtext query = CREDTEXT_INIT;
	bool has;

	add_key(&query, command);
	has = credshare_knows(share, CREDSHARE_FAILED, &query, err);
	credtext_release(&query);
	return has;
}

void sshshare_erase(const struct credshare *share,
		    const struct sshcommand *command)
{
	struct credtext lines = CREDTEXT_INIT;

	add_key(&lines, command);
	credshare_erase(share, &lines);
	credtext_release(&lines);
}

enum {
	RETRIES = 5,
	RETRIES_MAX = 100,
	EXIT_NOT_FOUND = 127
};

/* A number that is out of range counts as the nearest that is not. */
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

/* A question to ask by ssh. */
struct question {
	const struct sshauth_options *options;
	struct sshcommand command;	/* owned */
	int64_t retries;
	struct sshreply_times times;
};

static int begin(struct question *question, const struct endpoint *endpoint,
		 const struct sshauth_options *options, struct err *err)
{
	*question = (struct question){ .options = options, .retries = RETRIES };
	if (get_number(options->config, "lfs.ssh.retries", RETRIES_MAX,
		       &question->retries, err) ||
	    get_number(options->config, "lfs.defaulttokenttl", INT64_MAX,
		       &question->times.default_ttl, err))
		return -1;
	sshcommand_init(&question->command, options->config, &endpoint->ssh,
			options->is_upload);
	return 0;
}

/*
 * Is git-lfs-authenticate not there?  A shell says so by its status; Gerrit, and
 * other servers without a shell, in words, in which git-lfs looks for the same.
 */
static bool is_missing(int status, const struct child_said *said)
{
	static const char *const words[] = {
		"git-lfs-authenticate: not found",
		"git-lfs-authenticate: command not found",
		"git-lfs-authenticate: no such file",
		"command not found: git-lfs-authenticate",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		for (size_t at = 0; status && at + n <= said->len; at++)
			if (!strncasecmp(said->text + at, words[i], n))
				return true;
	}
	return status == EXIT_NOT_FOUND;
}

static bool has_words(const char *line)
{
	while (*line && !isalnum((unsigned char)*line))
		line++;
	return *line;
}

/*
 * What ssh or the git server said last, in a copy of its end.  GitLab frames a
 * line with others that say nothing, and has this prefix before each.
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
		if (!strncmp(line, prefix, strlen(prefix)))
			line += strlen(prefix);
		line += strspn(line, " ");
		if (has_words(line))
			found = line;
	}
	return found;
}

/* Ask; the answer's text, if it is good, is in `text`. */
static int run(struct question *question, struct buf *text,
	       struct sshreply *reply, struct err *err)
{
	char said_text[CHILD_SAID_MAX + 1];
	struct child_said said;
	const char *why;
	struct child child = {
		.said = &said,
		.argv = (const char *const *)question->command.argv,
		.stop = question->options->stop,
	};
	int status;

	question->times.asked = clock_unix();
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
	return sshreply_parse(reply, buf_str(text), text->len, &question->times,
			      err);
}

static int ask(struct sshauth *auth, struct question *question, struct err *err)
{
	struct buf text = BUF_INIT(SSHREPLY_MAX);
	int ret;

	while ((ret = run(question, &text, &auth->reply, err)) &&
	       err->kind != ERR_CANCELED && question->retries--) {
		log_info("%s; once more", err->msg);
		err_clear(err);
		buf_reset(&text);
	}
	auth->has_reply = !ret;
	if (!ret && question->options->share)
		sshshare_put(question->options->share, &question->command,
			     buf_str(&text), question->times.asked);
	buf_release(&text);
	return ret;
}

static bool from_others(struct sshauth *auth, const struct question *question)
{
	auth->has_reply = auth->was_used =
		sshshare_get(question->options->share, &question->command,
			     question->times.default_ttl, &auth->reply);
	if (sshauth_is_fresh(auth, clock_unix()))
		return true;
	sshauth_release(auth);
	return false;
}

/* Unless it has failed already: all agents and objects end in the same. */
static int ask_once(struct sshauth *auth, struct question *question,
		    struct err *err)
{
	struct credshare *share = question->options->share;

	if (sshshare_has_failed(share, &question->command, err))
		return -1;
	if (!ask(auth, question, err))
		return 0;
	sshshare_note_failure(share, &question->command, err);
	return -1;
}

static int find(struct sshauth *auth, struct question *question,
		struct err *err)
{
	struct credshare *share = question->options->share;
	int ret = 0;

	if (!share)
		return ask(auth, question, err);
	if (from_others(auth, question))
		return 0;
	if (credshare_lock(share, err))
		return -1;
	/* While we waited for the lock somebody may have asked. */
	if (!from_others(auth, question))
		ret = ask_once(auth, question, err);
	credshare_unlock(share);
	return ret;
}

int sshauth_update(struct sshauth *auth, const struct endpoint *endpoint,
		   const struct sshauth_options *options, struct err *err)
{
	struct question question;
	int ret;

	if (!endpoint->ssh.host || sshauth_is_fresh(auth, clock_unix()))
		return 0;
	if (begin(&question, endpoint, options, err))
		return -1;
	sshauth_release(auth);
	ret = find(auth, &question, err);
	sshcommand_release(&question.command);
	return ret;
}

bool sshauth_refused(struct sshauth *auth, const struct endpoint *endpoint,
		     const struct sshauth_options *options)
{
	bool was_used = auth->was_used;
	struct sshcommand command;

	if (!auth->has_reply || !options->share)
		return false;
	sshcommand_init(&command, options->config, &endpoint->ssh,
			options->is_upload);
	sshshare_erase(options->share, &command);
	sshcommand_release(&command);
	if (was_used)
		sshauth_release(auth);
	return was_used;
}

const char *sshauth_url(const struct sshauth *auth,
			const struct endpoint *endpoint)
{
	return auth->reply.href ? auth->reply.href : endpoint->url;
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
	sshreply_release(&auth->reply);
	auth->has_reply = auth->was_used = false;
}
