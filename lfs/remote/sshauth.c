/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/sshauth.h"

#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/log.h"
#include "lfs/remote/sshcommand.h"

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

static int run_once(struct sshreply *reply, const struct sshcommand *command,
		    const struct sshauth_options *options,
		    struct sshreply_times *times, struct err *err)
{
	struct child child = {
		.argv = (const char *const *)command->argv,
		.is_stopped = options->is_stopped,
		.ctx = options->ctx,
		.watch_fd = options->watch_fd,
	};
	struct buf text = BUF_INIT(SSHREPLY_MAX);
	int status, ret = -1;

	times->asked = clock_unix();
	if (child_run(&child, &text, &status, err))
		goto out;
	if (status == EXIT_NOT_FOUND) {
		log_info("the git server has no git-lfs-authenticate");
		*reply = (struct sshreply)SSHREPLY_INIT;
		reply->expires = INT64_MAX;
		ret = 0;
	} else if (status) {
		err_set(err, ERR_AUTH,
			"ssh failed with exit status %d when it was to run "
			"git-lfs-authenticate",
			status);
	} else {
		ret = sshreply_parse(reply, buf_str(&text), text.len, times,
				     err);
	}
out:
	buf_release(&text);
	return ret;
}

static int run(struct sshreply *reply, const struct endpoint *endpoint,
	       const struct sshauth_options *options, struct err *err)
{
	struct sshreply_times times = { .default_ttl = 0 };
	struct sshcommand command;
	int64_t retries = RETRIES;
	int ret;

	if (get_number(options->config, "lfs.ssh.retries", RETRIES_MAX,
		       &retries, err) ||
	    get_number(options->config, "lfs.defaulttokenttl", INT64_MAX,
		       &times.default_ttl, err))
		return -1;
	sshcommand_init(&command, options->config, &endpoint->ssh,
			options->is_upload);
	for (;;) {
		ret = run_once(reply, &command, options, &times, err);
		if (!ret || err->kind == ERR_CANCELED || !retries--)
			break;
		log_info("%s; once more", err->msg);
		err_clear(err);
	}
	sshcommand_release(&command);
	return ret;
}

int sshauth_update(struct sshauth *auth, const struct endpoint *endpoint,
		   const struct sshauth_options *options, struct err *err)
{
	struct sshreply reply;

	if (!endpoint->ssh.host || sshauth_is_fresh(auth, clock_unix()))
		return 0;
	if (run(&reply, endpoint, options, err))
		return -1;
	sshauth_release(auth);
	auth->reply = reply;
	auth->has_reply = true;
	return 0;
}

const char *sshauth_url(const struct sshauth *auth,
			const struct endpoint *endpoint)
{
	return auth->reply.href ? auth->reply.href : endpoint->url;
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
	auth->has_reply = false;
}
