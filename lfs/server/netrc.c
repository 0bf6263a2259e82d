/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/netrc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

static const char blanks[] = " \t\n\v\f\r";

struct word {
	const char *s;
	size_t len;	/* 0: the text is at its end */
};

static struct word next_word(const char **text)
{
	struct word word;

	*text += strspn(*text, blanks);
	word = (struct word){ *text, strcspn(*text, blanks) };
	*text += word.len;
	return word;
}

static void skip_line(const char **text)
{
	*text += strcspn(*text, "\n");
	*text += **text == '\n';
}

/* A macro ends at the first empty line. */
static void skip_macro(const char **text)
{
	skip_line(text);
	while (**text && **text != '\n' && **text != '\r')
		skip_line(text);
}

static bool is_word(struct word word, const char *s)
{
	return word.len == strlen(s) && !memcmp(word.s, s, word.len);
}

static void set_word(char **field, struct word word)
{
	free(*field);
	*field = xstrndup(word.s, word.len);
}

enum { HOST, DEFAULT, KINDS };

struct search {
	const char *text;	/* what is left of it */
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
		search->text = word.s;
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

bool netrc_find(const char *text, const struct netrc_query *query,
		struct netrc_login *login)
{
	struct search search = { .text = text, .query = query, .kind = KINDS };
	struct word word;
	bool found;

	while ((word = next_word(&search.text)).len)
		take_keyword(&search, word);
	begin_entry(&search, KINDS);
	found = take_login(&search.found[search.is_found[HOST] ? HOST :
								 DEFAULT],
			   login);
	netrc_login_release(&search.found[HOST]);
	netrc_login_release(&search.found[DEFAULT]);
	return found;
}

/* The text of the file, the caller's; NULL if it cannot be had. */
static char *load(const char *path, struct err *err)
{
	struct file_id id;
	int fd = file_open(path, &id, err);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (id.size > NETRC_MAX)
		err_set(err, ERR_USAGE, "'%s' is over %d bytes", path,
			NETRC_MAX);
	else
		text = xcalloc(1, (size_t)id.size + 1);
	if (text && file_read_at(fd, text, (size_t)id.size, 0, err)) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

bool netrc_load(const char *path, const struct netrc_query *query,
		struct netrc_login *login)
{
	struct err err = ERR_INIT;
	char *text = load(path, &err);
	bool found = false;

	if (text)
		found = netrc_find(text, query, login);
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
