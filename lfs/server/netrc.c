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
	return word.s && word.len == strlen(s) && !memcmp(word.s, s, word.len);
}

static void set_word(char **field, struct word word)
{
	free(*field);
	*field = xstrndup(word.s ? word.s : "", word.len);
}

enum { HOST, DEFAULT, KINDS };

struct search {
	struct text text;
	const struct netrc_query *query;
	int kind;	/* of the entry that the text is in; KINDS: another host's */
	struct netrc_login entry;	/* of it, so far */
	bool is_found[KINDS];	/* the first entry of a kind counts */
	struct netrc_login found[KINDS];
};

static bool is_of_user(const struct search *search)
{
	const char *user = search->query->user, *login = search->entry.login;

	return !user || !*user || (login && !strcmp(login, user));
}

static void begin_entry(struct search *search, int kind)
{
	int ended = search->kind;

	if (ended != KINDS && !search->is_found[ended] && is_of_user(search)) {
		search->is_found[ended] = true;
		search->found[ended] = search->entry;
		search->entry = (struct netrc_login){ NULL, NULL };
	}
	netrc_login_release(&search->entry);
	search->kind = kind;
}

static void take_keyword(struct search *search, struct word word)
{
	struct netrc_login *entry = &search->entry;
	struct word value;

	if (*word.s == '#') {
		search->text.pos = word.s;
		skip_line(&search->text);
	} else if (is_word(word, "macdef")) {
		skip_macro(&search->text);
	} else if (is_word(word, "default")) {
		begin_entry(search, DEFAULT);
	} else if (is_word(word, "machine")) {
		value = next_word(&search->text);
		begin_entry(search,
			    is_word(value, search->query->host) ? HOST : KINDS);
	} else if (is_word(word, "login")) {
		set_word(&entry->login, next_word(&search->text));
	} else if (is_word(word, "password")) {
		set_word(&entry->password, next_word(&search->text));
	} else if (is_word(word, "account")) {
		next_word(&search->text);
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
	struct search search = { .text = { text, text + len },
				 .query = query,
				 .kind = KINDS };
	struct word word;
	bool found;

	while ((word = next_word(&search.text)).s)
		take_keyword(&search, word);
	begin_entry(&search, KINDS);
	found = take_login(&search.found[search.is_found[HOST] ? HOST :
								 DEFAULT],
			   login);
	netrc_login_release(&search.found[HOST]);
	netrc_login_release(&search.found[DEFAULT]);
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
