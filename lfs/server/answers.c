/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/answers.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/server/credshare.h"

enum { TEXT_MAX = 4 << 20, TICK_MS = 20 };

/* Closing any descriptor of the file would drop the lock: there is one. */
struct answers {
	char *path;	/* owned */
	char *url;	/* owned */
	int fd;		/* -1: nothing is shared */
};

static bool is_fresh(int64_t when)
{
	int64_t now = clock_unix();

	return when <= now && when > now - ANSWERS_KEPT_S;
}

/* An agent that was killed may have left it, and nobody else removes it. */
static void forget_old(struct answers *answers)
{
	struct stat st;

	if (!fstat(answers->fd, &st) && st.st_size && !is_fresh(st.st_mtime))
		answers_forget(answers);
}

struct answers *answers_new(const char *dir, const char *url)
{
	struct answers *answers = xcalloc(1, sizeof(*answers));

	answers->path = credshare_path(dir, "answers");
	answers->url = xstrdup(url);
	answers->fd = credshare_open(dir, "answers");
	if (answers->fd >= 0)
		forget_old(answers);
	return answers;
}

bool answers_lock(struct answers *answers, const struct stop *stop)
{
	struct err err = ERR_INIT;

	while (answers->fd >= 0 && file_lock(answers->fd, &err) &&
	       err.kind == ERR_BUSY) {
		err_clear(&err);
		if (stop_is_wanted(stop))
			return false;
		poll(NULL, 0, TICK_MS);
	}
	return true;
}

void answers_unlock(struct answers *answers)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (answers->fd >= 0)
		fcntl(answers->fd, F_SETLK, &lock);
}

static json_t *read_all(const struct answers *answers)
{
	struct err ignored = ERR_INIT;
	json_t *tree = NULL;
	struct stat st;
	char *text;

	if (answers->fd < 0 || fstat(answers->fd, &st) || !st.st_size ||
	    st.st_size > TEXT_MAX)
		return NULL;
	text = xmalloc((size_t)st.st_size);
	if (!file_read_at(answers->fd, text, (size_t)st.st_size, 0, &ignored))
		tree = json_parse(text, (size_t)st.st_size, &ignored);
	free(text);
	return tree;
}

json_t *answers_load(struct answers *answers, int64_t *asked)
{
	json_t *tree = read_all(answers);
	const char *url = json_string_value(json_object_get(tree, "url"));
	json_t *objects = json_object_get(tree, "objects");

	*asked = json_integer_value(json_object_get(tree, "asked"));
	if (!url || strcmp(url, answers->url) || !is_fresh(*asked) ||
	    !json_is_array(objects))
		objects = NULL;
	json_incref(objects);
	json_decref(tree);
	return objects;
}

static json_t *format(const struct batch_object *object)
{
	json_t *tree = json_object();

	json_object_set_new(tree, "oid", json_string(object->oid));
	json_object_set_new(tree, "size",
			    json_integer((json_int_t)object->size));
	json_object_set_new(tree, "authenticated",
			    json_boolean(object->authenticated));
	if (object->actions)
		json_object_set(tree, "actions", object->actions);
	return tree;
}

/* A header may be a login: Gitea copies the user's into each action. */
static bool has_header(const json_t *actions)
{
	const char *name;
	json_t *action;

	json_object_foreach ((json_t *)actions, name, action)
		if (!json_is_object(action) ||
		    json_object_size(json_object_get(action, "header")))
			return true;
	return false;
}

/* Others that wait for the lock go on with the file that they have opened. */
static void stop_sharing(struct answers *answers)
{
	if (answers->fd < 0)
		return;
	answers_forget(answers);
	unlink(answers->path);
	close(answers->fd);
	answers->fd = -1;
}

void answers_store(struct answers *answers, const struct batch_object *objects,
		   size_t n)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	json_t *list = json_array(), *tree = json_object();
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		if (has_header(objects[i].actions))
			stop_sharing(answers);
		if (!objects[i].err.kind)
			json_array_append_new(list, format(&objects[i]));
	}
	json_object_set_new(tree, "url", json_string(answers->url));
	json_object_set_new(tree, "asked", json_integer(clock_unix()));
	json_object_set_new(tree, "objects", list);
	if (answers->fd >= 0 && !json_format(tree, &text) &&
	    !ftruncate(answers->fd, 0))
		file_write_at(answers->fd, buf_str(&text), text.len, 0,
			      &ignored);
	json_decref(tree);
	buf_release(&text);
}

void answers_forget(struct answers *answers)
{
	if (answers->fd >= 0 && ftruncate(answers->fd, 0))
		log_warn("cannot forget what the server has said");
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	stop_sharing(answers);
	free(answers->path);
	free(answers->url);
	free(answers);
}
