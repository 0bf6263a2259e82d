/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/sshauth.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/server/sshcommand.h"
#include "lfs/server/sshshare.h"

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
