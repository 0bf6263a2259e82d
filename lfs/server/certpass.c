/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/certpass.h"

#include <stdlib.h>

#include "lfs/base/log.h"
#include "lfs/base/mem.h"

/* git credential refuses lines without a host. */
static int describe(const char *cert, struct credtext *lines, struct err *err)
{
	if (credtext_add(lines, "protocol", "cert", err) ||
	    credtext_add(lines, "host", "", err) ||
	    credtext_add(lines, "path", cert, err))
		return -1;
	return credtext_add(lines, "username", "", err);
}

/* The password that helpers know under this path; the caller's, or NULL. */
static char *ask_for(const char *path, const struct askcred *ask,
		     struct err *err)
{
	struct credtext lines = CREDTEXT_INIT, answer = CREDTEXT_INIT;
	const char *password = NULL;
	char *copy;

	if (!describe(path, &lines, err) &&
	    !askcred_git_quietly(ask, &lines, &answer, err))
		password = credtext_get(&answer, "password");
	copy = password ? xstrdup(password) : NULL;
	credtext_release(&lines);
	credtext_release(&answer);
	return copy;
}

static void find_one(struct httpconf *conf, const char *cert,
		     const struct askcred *ask)
{
	const char *key = httpconf_key(conf, cert);
	struct err err = ERR_INIT;
	char *password = ask_for(cert, ask, &err);

	if (!password && key)
		password = ask_for(key, ask, &err);
	if (password)
		httpconf_set_password(conf, cert, password);
	else
		log_warn("no credential helper has the password of '%s'%s%s",
			 cert, err.kind ? ": " : "", err.msg);
	free(password);
}

void certpass_find(struct httpconf *conf, const struct askcred *ask)
{
	const char *cert;
	size_t pos = 0;

	while ((cert = httpconf_protected_cert(conf, &pos)))
		if (!httpconf_password(conf, cert))
			find_one(conf, cert, ask);
}
