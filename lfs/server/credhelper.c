/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credhelper.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/child.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

static int add_line(struct credtext *text, char *key, char *value,
		    struct err *err)
{
	if (text->nlines == CREDTEXT_LINES_MAX) {
		free(key);
		free(value);
		return err_set(err, ERR_PROTOCOL,
			       "a credential has over %d lines",
			       CREDTEXT_LINES_MAX);
	}
	text->lines = xgrow(text->lines, text->nlines, sizeof(*text->lines));
	text->lines[text->nlines++] = (struct credtext_line){ key, value };
	return 0;
}

int credtext_add(struct credtext *text, const char *key, const char *value,
		 struct err *err)
{
	if (strpbrk(value, text->takes_cr ? "\n" : "\r\n"))
		return err_set(err, ERR_USAGE,
			       "the %s for a credential has a line break", key);
	return add_line(text, xstrdup(key), xstrdup(value), err);
}

int credtext_add_all(struct credtext *text, const struct credtext *lines,
		     struct err *err)
{
	text->takes_cr |= lines->takes_cr;
	for (size_t i = 0; i < lines->nlines; i++)
		if (credtext_add(text, lines->lines[i].key,
				 lines->lines[i].value, err))
			return -1;
	return 0;
}

static int parse_line(struct credtext *text, const char *line, size_t len,
		      struct err *err)
{
	const char *eq = memchr(line, '=', len);
	size_t key_len;

	if (len && line[len - 1] == '\r')
		len--;
	if (!eq)
		return 0;
	key_len = (size_t)(eq - line);
	if (key_len + 1 >= len)
		return 0;
	return add_line(text, xstrndup(line, key_len),
			xstrndup(eq + 1, len - key_len - 1), err);
}

int credtext_parse(struct credtext *text, const char *data, size_t len,
		   struct err *err)
{
	const char *end = data + len;

	if (len && memchr(data, '\0', len))
		return err_set(err, ERR_PROTOCOL,
			       "a credential helper's answer has a NUL");
	while (data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));

		if (!stop)
			stop = end;
		if (parse_line(text, data, (size_t)(stop - data), err))
			return -1;
		data = stop + 1;
	}
	return 0;
}

int credtext_format(const struct credtext *text, struct buf *out)
{
	for (size_t i = 0; i < text->nlines; i++)
		if (buf_printf(out, "%s=%s\n", text->lines[i].key,
			       text->lines[i].value))
			return -1;
	return 0;
}

const char *credtext_get(const struct credtext *text, const char *key)
{
	for (size_t i = 0; i < text->nlines; i++)
		if (!strcmp(text->lines[i].key, key))
			return text->lines[i].value;
	return NULL;
}

static char *basic(const char *username, const char *password)
{
	char *pair = xstrfmt("%s:%s", username ? username : "",
			     password ? password : "");
	size_t len = strlen(pair);
	struct buf out = BUF_INIT(2 * len + 16);

	buf_puts(&out, "Basic ");
	text_base64(&out, pair, len);
	free(pair);
	return buf_take(&out);
}

char *credtext_url(const struct credtext *text)
{
	const char *path = credtext_get(text, "path");

	return xstrfmt("%s://%s/%s", credtext_get(text, "protocol"),
		       credtext_get(text, "host"), path ? path : "");
}

char *credtext_authorization(const struct credtext *text)
{
	const char *authtype = credtext_get(text, "authtype");
	const char *credential = credtext_get(text, "credential");
	const char *username = credtext_get(text, "username");
	const char *password = credtext_get(text, "password");

	if (authtype && credential)
		return xstrfmt("%s %s", authtype, credential);
	if (!username && !password)
		return NULL;
	return basic(username, password);
}

void credtext_release(struct credtext *text)
{
	for (size_t i = 0; i < text->nlines; i++) {
		free(text->lines[i].key);
		free(text->lines[i].value);
	}
	free(text->lines);
	*text = (struct credtext)CREDTEXT_INIT;
}

enum {
	CACHE_MS = 5000,	/* a daemon of this machine answers at once */
	QUIET_MS = 60000,	/* a helper that asks a server */
	NOT_FOUND = 128	/* git's exit status if it has no answer, or dies */
};

/* Run a program that reads and writes a credential's lines. */
static int run_helper(const struct askcred *ask, struct child *child,
		      const struct credtext *lines, struct credtext *answer,
		      struct err *err)
{
	struct buf input = BUF_INIT(CREDTEXT_MAX);
	struct buf output = BUF_INIT(CREDTEXT_MAX);
	int status = 0, ret;

	ret = credtext_format(lines, &input);
	if (ret)
		err_set(err, ERR_USAGE, "a credential is over %d bytes",
			CREDTEXT_MAX);
	child->input = buf_str(&input);
	child->stop = ask->stop;
	if (!ret)
		ret = child_run(child, &output, &status, err);
	if (!ret && status && status != NOT_FOUND)
		ret = err_set(err, ERR_LOCAL, "exit status %d", status);
	if (!ret && !status && answer)
		ret = credtext_parse(answer, buf_str(&output), output.len, err);
	buf_release(&input);
	buf_release(&output);
	return ret;
}

/* Run git credential, which before git 2.46 ignores the capabilities. */
static int run_git(const struct askcred *ask, struct child *child,
		   const struct credtext *lines, struct credtext *answer,
		   struct err *err)
{
	struct credtext all = CREDTEXT_INIT;
	int ret = credtext_add(&all, "capability[]", "authtype", err);

	if (!ret)
		ret = credtext_add(&all, "capability[]", "state", err);
	if (!ret)
		ret = credtext_add_all(&all, lines, err);
	if (!ret)
		ret = run_helper(ask, child, &all, answer, err);
	credtext_release(&all);
	return ret;
}

int askcred_git(const struct askcred *ask, const char *verb,
		const struct credtext *lines, struct credtext *answer,
		struct err *err)
{
	const char *const argv[] = { "git", "credential", verb, NULL };
	struct child child = { .argv = argv,
			       .talks_to_terminal = !strcmp(verb, "fill") };

	if (run_git(ask, &child, lines, answer, err))
		return err_wrap(err, "git credential %s", verb);
	return 0;
}

bool askcred_has_helper(const struct askcred *ask, const struct credtext *lines)
{
	char *url = credtext_url(lines);
	const struct gitconfig_entry *entry = gitconfig_find_url(ask->config,
								 "credential",
								 url, "helper");

	free(url);
	return entry && *entry->value;
}

int askcred_git_quietly(const struct askcred *ask, const struct credtext *lines,
			struct credtext *answer, struct err *err)
{
	const char *const argv[] = { "env",
				     "GIT_TERMINAL_PROMPT=0",
				     "GIT_ASKPASS=",
				     "SSH_ASKPASS=",
				     "git",
				     "-c",
				     "credential.interactive=false",
				     "credential",
				     "fill",
				     NULL };
	struct child child = { .argv = argv, .timeout_ms = QUIET_MS };

	if (run_git(ask, &child, lines, answer, err))
		return err_wrap(err, "git credential fill");
	return 0;
}

static const char *askpass_program(const struct askcred *ask)
{
	const char *program = getenv("GIT_ASKPASS");

	if (!program)
		program = gitconfig_get(ask->config, "core.askpass");
	if (!program)
		program = getenv("SSH_ASKPASS");
	return program && *program ? program : NULL;
}

/* In git-lfs's words, as askpass scripts may look at them. */
static char *make_prompt(const char *what, const struct credtext *lines,
			 const char *user)
{
	const char *protocol = credtext_get(lines, "protocol");
	const char *host = credtext_get(lines, "host");
	const char *path = credtext_get(lines, "path");
	struct buf out = BUF_INIT(4 * CREDTEXT_MAX);

	buf_printf(&out, "%s for \"%s://", what, protocol ? protocol : "");
	if (user && *user) {
		text_escape(&out, user, "-_.~$&+,;=");
		buf_puts(&out, "@");
	}
	buf_puts(&out, host ? host : "");
	if (path && *path) {
		buf_puts(&out, "/");
		text_escape(&out, path, "-_.~$&+,/:;=@");
	}
	buf_puts(&out, "\"");
	return buf_take(&out);
}

static char *run_askpass(const struct askcred *ask, const char *program,
			 char *question, struct err *err)
{
	const char *const argv[] = { program, question, NULL };
	const struct child child = { .argv = argv, .stop = ask->stop };
	struct buf output = BUF_INIT(CREDTEXT_MAX);
	char *answer = NULL;

	if (!child_run(&child, &output, NULL, err))
		answer = text_trim(buf_str(&output), strlen(buf_str(&output)));
	buf_release(&output);
	free(question);
	return answer;
}

int askcred_askpass(const struct askcred *ask, const struct credtext *lines,
		    struct credtext *answer, struct err *err)
{
	const char *program = askpass_program(ask);
	const char *given = credtext_get(lines, "username");
	char *user = NULL, *password = NULL;
	int ret = -1;

	if (!program)
		return -1;
	user = given ? xstrdup(given) :
		       run_askpass(ask, program,
				   make_prompt("Username", lines, NULL), err);
	if (user)
		password = run_askpass(ask, program,
				       make_prompt("Password", lines, user),
				       err);
	if (!password)
		goto out;
	if (!*user && !*password) {
		err_set(err, ERR_AUTH, "'%s' gave no answer", program);
		goto out;
	}
	ret = credtext_add_all(answer, lines, err);
	if (!ret && !given)
		ret = credtext_add(answer, "username", user, err);
	if (!ret)
		ret = credtext_add(answer, "password", password, err);
out:
	free(user);
	free(password);
	return ret;
}

int askcred_cache(const struct askcred *ask, const struct askcred_cache *cache,
		  const struct credtext *lines, struct credtext *answer,
		  struct err *err)
{
	char timeout[16];
	const char *const argv[] = { "git",	  "credential-cache",
				     "--timeout", timeout,
				     "--socket",  cache->socket,
				     cache->verb, NULL };
	struct child child = { .argv = argv, .timeout_ms = CACHE_MS };

	snprintf(timeout, sizeof(timeout), "%d", ASKCRED_CACHE_S);
	if (run_helper(ask, &child, lines, answer, err))
		return err_wrap(err, "git credential-cache %s", cache->verb);
	return 0;
}

/*
 * The password that helpers know under this path; the caller's, or NULL.  git
 * credential refuses lines without a host.
 */
static char *ask_passphrase(const char *path, const struct askcred *ask,
			    struct err *err)
{
	struct credtext lines = CREDTEXT_INIT, answer = CREDTEXT_INIT;
	const char *password = NULL;
	char *copy;

	if (!credtext_add(&lines, "protocol", "cert", err) &&
	    !credtext_add(&lines, "host", "", err) &&
	    !credtext_add(&lines, "path", path, err) &&
	    !credtext_add(&lines, "username", "", err) &&
	    !askcred_git_quietly(ask, &lines, &answer, err))
		password = credtext_get(&answer, "password");
	copy = password ? xstrdup(password) : NULL;
	credtext_release(&lines);
	credtext_release(&answer);
	return copy;
}

static void find_password(struct httpconf *conf,
			  const struct httpconf_cert *cert,
			  const struct askcred *ask)
{
	struct err err = ERR_INIT;
	char *password = ask_passphrase(cert->path, ask, &err);

	if (!password && cert->key)
		password = ask_passphrase(cert->key, ask, &err);
	if (password)
		httpconf_set_password(conf, cert->path, password);
	else
		log_warn("no credential helper has the password of '%s'%s%s",
			 cert->path, err.kind ? ": " : "", err.msg);
	free(password);
}

void certpass_find(struct httpconf *conf, const struct askcred *ask)
{
	struct httpconf_cert cert;
	size_t pos = 0;

	while (httpconf_next_protected(conf, &pos, &cert))
		if (!httpconf_password(conf, cert.path))
			find_password(conf, &cert, ask);
}
