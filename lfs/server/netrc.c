/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/netrc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

struct word {
	const char *s;	/* NULL: the text is at its end */
	size_t len;
};

struct text {
	const char *pos;
	const char *end;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct word next_word(struct text *text)
{
	struct word word = { NULL, 0 };

	while (text->pos < text->end && is_blank(*text->pos))
		text->pos++;
	if (text->pos == text->end)
		return word;
	word.s = text->pos;
	while (text->pos < text->end && !is_blank(*text->pos))
		text->pos++;
	word.len = (size_t)(text->pos - word.s);
	return word;
}

static void skip_line(struct text *text)
{
	while (text->pos < text->end && *text->pos++ != '\n')
		;
}

/* A macro ends at the first empty line. */
static void skip_macro(struct text *text)
{
	skip_line(text);
	while (text->pos < text->end && *text->pos != '\n' &&
	       *text->pos != '\r')
		skip_line(text);
}

static bool is_word(struct word word, const char *s)
{
	return word.len == strlen(s) && !memcmp(word.s, s, word.len);
}

static void set_word(char **field, struct word word)
{
	free(*field);
	*field = xstrndup(word.s ? word.s : "", word.len);
}

/* Whose entry the text is in. */
enum owner { NOBODY, HOST, DEFAULT };

struct search {
	struct text text;
	const struct netrc_query *query;
	enum owner owner;
	struct netrc_login entry;	/* of HOST or DEFAULT, so far */
	bool has_host;	/* its entry was found: no other one counts */
	bool has_default;
	struct netrc_login host, fallback;
};

static bool is_of_user(const struct search *search)
{
	const char *user = search->query->user, *login = search->entry.login;

	return !user || !*user || (login && !strcmp(login, user));
}

static void end_entry(struct search *search)
{
	bool is_host = search->owner == HOST;
	bool *has = is_host ? &search->has_host : &search->has_default;

	if (search->owner != NOBODY && !*has && is_of_user(search)) {
		*(is_host ? &search->host : &search->fallback) = search->entry;
		search->entry = (struct netrc_login){ NULL, NULL };
		*has = true;
	}
	netrc_login_release(&search->entry);
	search->owner = NOBODY;
}

static void begin_machine(struct search *search)
{
	struct word name = next_word(&search->text);

	end_entry(search);
	if (name.s && is_word(name, search->query->host))
		search->owner = HOST;
}

static void begin_default(struct search *search)
{
	end_entry(search);
	search->owner = DEFAULT;
}

static void take_value(struct search *search, bool is_password)
{
	struct word value = next_word(&search->text);

	if (search->owner != NOBODY)
		set_word(is_password ? &search->entry.password :
				       &search->entry.login,
			 value);
}

static void take_keyword(struct search *search, struct word word)
{
	if (*word.s == '#') {
		search->text.pos = word.s;
		skip_line(&search->text);
	} else if (is_word(word, "machine")) {
		begin_machine(search);
	} else if (is_word(word, "default")) {
		begin_default(search);
	} else if (is_word(word, "login") || is_word(word, "password")) {
		take_value(search, *word.s == 'p');
	} else if (is_word(word, "account")) {
		next_word(&search->text);
	} else if (is_word(word, "macdef")) {
		skip_macro(&search->text);
	}
}

/* An entry without either value says nothing. */
static bool take_login(struct netrc_login *from, struct netrc_login *login)
{
	if (!from->login && !from->password)
		return false;
	login->login = from->login ? from->login : xstrdup("");
	login->password = from->password ? from->password : xstrdup("");
	*from = (struct netrc_login){ NULL, NULL };
	return true;
}

bool netrc_find(const char *text, size_t len, const struct netrc_query *query,
		struct netrc_login *login)
{
	struct search search = { .text = { text, text + len }, .query = query };
	struct word word;
	bool found;

	while ((word = next_word(&search.text)).s)
		take_keyword(&search, word);
	end_entry(&search);
	found = take_login(search.has_host ? &search.host : &search.fallback,
			   login);
	netrc_login_release(&search.host);
	netrc_login_release(&search.fallback);
	return found;
}

static int load(const char *path, char **text, size_t *len, struct err *err)
{
	struct file_id id;
	int fd = file_open(path, &id, err);
	int ret = -1;

	if (fd < 0)
		return -1;
	if (id.size > NETRC_MAX) {
		err_set(err, ERR_USAGE, "'%s' is over %d bytes", path,
			NETRC_MAX);
		goto out;
	}
	*len = (size_t)id.size;
	*text = xmalloc(*len + 1);
	ret = file_read_at(fd, *text, *len, 0, err);
out:
	close(fd);
	return ret;
}

bool netrc_load(const char *path, const struct netrc_query *query,
		struct netrc_login *login)
{
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t len = 0;
	bool found = false;

	if (!load(path, &text, &len, &err))
		found = netrc_find(text, len, query, login);
	else if (err.code != ENOENT)
		log_warn("%s", err.msg);
	free(text);
	return found;
}

void netrc_login_release(struct netrc_login *login)
{
	free(login->login);
	free(login->password);
	*login = (struct netrc_login){ NULL, NULL };
}
