/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/sshshare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"

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
