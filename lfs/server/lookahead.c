/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/lookahead.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/git/history.h"
#include "lfs/git/repo.h"
#include "lfs/mode/mode.h"
#include "lfs/net/link.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"

enum { TEXT_MAX = 4 << 20 };

static const char file_name[] = "answers";

static bool is_fresh(int64_t when)
{
	int64_t now = clock_unix();

	return when <= now && when > now - ANSWERS_KEPT_S;
}

static int empty(int fd)
{
	int ret = ftruncate(fd, 0);

	if (ret)
		log_warn("cannot forget what the server has said");
	return ret;
}

/* The file, with its size and time in `st`; -1 if there is none. */
static int open_answers(const struct answers *answers, int flags,
			struct stat *st)
{
	int fd = answers->is_off ?
			 -1 :
			 credshare_open(answers->share, file_name, flags);

	if (fd < 0 || !fstat(fd, st))
		return fd;
	close(fd);
	return -1;
}

struct answers answers_of(const struct credshare *share, const char *url)
{
	struct answers answers = { .share = share, .url = url };
	struct stat st;
	int fd = open_answers(&answers, O_RDWR, &st);

	/* An agent that was killed may have left it: nobody else empties it. */
	if (fd >= 0 && st.st_size && !is_fresh(st.st_mtime))
		empty(fd);
	if (fd >= 0)
		close(fd);
	return answers;
}

static json_t *read_answers(const struct answers *answers)
{
	struct err ignored = ERR_INIT;
	json_t *tree = NULL;
	struct stat st;
	int fd = open_answers(answers, O_RDONLY, &st);
	char *text;

	if (fd < 0)
		return NULL;
	if (st.st_size && st.st_size <= TEXT_MAX) {
		text = xmalloc((size_t)st.st_size);
		if (!file_read_at(fd, text, (size_t)st.st_size, 0, &ignored))
			tree = json_parse(text, (size_t)st.st_size, &ignored);
		free(text);
	}
	close(fd);
	return tree;
}

json_t *answers_load(const struct answers *answers, int64_t *asked)
{
	json_t *tree = read_answers(answers);
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

static json_t *format_object(const struct batch_object *object)
{
	return json_pack("{s:s, s:I, s:b, s:O*}", "oid", object->oid, "size",
			 (json_int_t)object->size, "authenticated",
			 object->authenticated, "actions", object->actions);
}

/* A header may be a login: Gitea copies the user's into each action. */
static bool has_header(json_t *actions)
{
	const char *name;
	json_t *action;

	json_object_foreach (actions, name, action)
		if (!json_is_object(action) ||
		    json_object_size(json_object_get(action, "header")))
			return true;
	return false;
}

json_t *answers_store(struct answers *answers,
		      const struct batch_object *objects, size_t n)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	json_t *list = json_array(), *tree;
	struct err ignored = ERR_INIT;
	struct stat st;
	int fd;

	for (size_t i = 0; i < n; i++) {
		if (has_header(objects[i].actions)) {
			credshare_unlink(answers->share, file_name);
			answers->is_off = true;
		}
		if (!objects[i].err.kind)
			json_array_append_new(list, format_object(&objects[i]));
	}
	tree = json_pack("{s:s, s:I, s:O}", "url", answers->url, "asked",
			 (json_int_t)clock_unix(), "objects", list);
	fd = open_answers(answers, O_RDWR | O_CREAT, &st);
	if (fd >= 0 && !empty(fd) && !json_format(tree, &text))
		file_write_at(fd, buf_str(&text), text.len, 0, &ignored);
	if (fd >= 0)
		close(fd);
	json_decref(tree);
	buf_release(&text);
	return list;
}

void answers_forget(const struct answers *answers)
{
	struct stat st;
	int fd = open_answers(answers, O_RDWR, &st);

	if (fd < 0)
		return;
	empty(fd);
	close(fd);
}

enum {
	SMALL = 64 << 20,	/* for a larger object a round trip is nothing */
	NSEARCHES = 2,
	FIND_MS = 1000,	/* that git may take for one search */
	REACH_MOST = BATCH_OBJECTS_MAX - 1,	/* neighbours to ask about */
	REACH_LEAST = 8,	/* fewer are not worth it */
	USED_LEAST = 32	/* one answer in so many has to be of use */
};

struct lookahead {
	struct lookahead_options options;
	bool has_begun;	/* for the first object git is not asked */
	/* Owned: the pointers that each search found, in git-lfs's order. */
	struct history found[NSEARCHES];
	unsigned nsearches;	/* so far */
	uint64_t until_ms;	/* when a search ends */
	size_t reach;	/* 0: each object alone, for the process's life */

	struct credshare *share;	/* borrowed */
	struct answers answers;
	/* The latest answer of the server about neighbours: */
	json_t *known;	/* owned: as answers_load() gives it, or NULL */
	int64_t asked;	/* when, in seconds since 1970 */
	size_t nasked, nused;
};

struct lookahead *lookahead_new(const struct lookahead_options *options)
{
	struct lookahead *ahead = xcalloc(1, sizeof(*ahead));

	ahead->options = *options;
	ahead->reach = REACH_MOST;
	ahead->share = server_share(options->server);
	ahead->answers = answers_of(ahead->share,
				    options->context->endpoint.url);
	return ahead;
}

/* In a partial clone git would fetch each missing blob that it is asked for. */
static bool is_partial_clone(const struct gitconfig *config)
{
	const char **promisors = repo_promisors(config);
	bool is = promisors[0];

	free(promisors);
	return is;
}

static bool lookahead_is_over(void *ctx)
{
	const struct lookahead *ahead = ctx;

	return stop_is_wanted(&ahead->options.stop) ||
	       clock_ms() > ahead->until_ms;
}

/*
 * Search HEAD first; in a pull it is still the old commit, and FETCH_HEAD is the
 * new one.  Then search whatever else may be fetched or checked out.
 */
static int find_trees(struct lookahead *ahead, struct err *err)
{
	static const char *const refs[] = { "HEAD^{tree}",
					    "FETCH_HEAD^{tree}" };
	const struct context *context = ahead->options.context;
	struct history_request request = {
		.refs = refs,
		.nrefs = 2,
		.ignores_missing = true,
		.all = ahead->nsearches > 0,
		.tips_only = true,
		.dir = context->storage.multipart_dir,
		.stop = stop_when(lookahead_is_over, ahead),
	};

	ahead->until_ms = clock_ms() + FIND_MS;
	/* Without a HEAD there are no trees to search. */
	if (!context->repo.head || is_partial_clone(context->config))
		return 0;
	return history_find(&ahead->found[ahead->nsearches], &request, err);
}

/*
 * Search more trees; false if another agent is searching: eight agents at a time
 * would each take eight times as long.
 */
static bool search_trees(struct lookahead *ahead)
{
	const struct storage *storage = &ahead->options.context->storage;
	struct err err = ERR_INIT;
	char *path = xstrfmt("%s/search", storage->multipart_dir);
	int fd = file_open_shared(path, storage->dir_mode & 0666, &err);
	bool is_ours = fd >= 0 && !file_lock(fd, &err);

	free(path);
	if (err.kind == ERR_BUSY) {
		log_debug("another agent searches");
	} else if (is_ours && !find_trees(ahead, &err)) {
		ahead->nsearches++;
	} else {
		log_info("%s; the look-ahead searches no further", err.msg);
		ahead->nsearches = NSEARCHES;
	}
	if (fd >= 0)
		close(fd);
	return is_ours;
}

static bool find_pointer(const struct history *found, const char *oid,
			 size_t *at)
{
	for (*at = 0; *at < found->n; ++*at)
		if (!strcmp(found->pointers[*at].oid, oid))
			return true;
	return false;
}

/* Find the search result that lists the object, and its index in it; or NULL. */
static const struct history *find_trees_with(struct lookahead *ahead,
					     const char *oid, size_t *at)
{
	for (unsigned i = 0; i < NSEARCHES; i++) {
		if (i == ahead->nsearches && !search_trees(ahead))
			return NULL;
		if (find_pointer(&ahead->found[i], oid, at))
			return &ahead->found[i];
	}
	return NULL;
}

static bool is_here(const struct lookahead *ahead, const char *oid)
{
	char *path = storage_object_path(&ahead->options.context->storage, oid);
	bool is = !access(path, F_OK);

	free(path);
	return is;
}

/* Add a neighbour to the `n` objects if it may be wanted; return the new `n`. */
static size_t add_neighbour(const struct lookahead *ahead,
			    const struct pointer *pointer,
			    struct batch_object *objects, size_t n)
{
	if (n > ahead->reach || pointer->size > SMALL ||
	    is_here(ahead, pointer->oid))
		return n;
	objects[n].oid = pointer->oid;
	objects[n].size = pointer->size;
	return n + 1;
}

/*
 * Add the neighbours of the first of `objects`, the nearest first; return how
 * many objects there are then.  git-lfs takes a hundred in a tree's order, and
 * of these the largest first, so neighbours on both sides may be wanted.
 */
static size_t add_neighbours(struct lookahead *ahead,
			     struct batch_object *objects)
{
	size_t at, n = 1;
	const struct history *trees = find_trees_with(ahead, objects[0].oid,
						      &at);

	if (!trees)
		return n;
	for (size_t far = 1; far <= BATCH_OBJECTS_MAX; far++) {
		if (far < trees->n - at)
			n = add_neighbour(ahead, &trees->pointers[at + far],
					  objects, n);
		if (far <= at)
			n = add_neighbour(ahead, &trees->pointers[at - far],
					  objects, n);
	}
	return n;
}

static void forget_known(struct lookahead *ahead)
{
	json_decref(ahead->known);
	ahead->known = NULL;
}

void lookahead_forget(struct lookahead *ahead)
{
	forget_known(ahead);
	answers_forget(&ahead->answers);
}

static bool is_about(const json_t *answer, const struct batch_object *object)
{
	const char *oid = json_string_value(json_object_get(answer, "oid"));
	const json_t *size = json_object_get(answer, "size");

	return oid && !strcmp(oid, object->oid) &&
	       json_integer_value(size) == (json_int_t)object->size;
}

bool lookahead_take(struct lookahead *ahead, struct batch_object *object)
{
	json_t *answer;
	size_t i;

	if (!is_fresh(ahead->asked))
		forget_known(ahead);
	json_array_foreach (ahead->known, i, answer) {
		if (!is_about(answer, object))
			continue;
		object->actions = json_incref(
			json_object_get(answer, "actions"));
		object->authenticated = json_is_true(
			json_object_get(answer, "authenticated"));
		json_array_remove(ahead->known, i);
		ahead->nused++;
		server_complete(ahead->options.server, object);
		return !object->err.kind;
	}
	return false;
}

/* Will the link be good for as long as the answer is kept? */
static bool link_lasts(json_t *actions)
{
	int64_t least = clock_unix() + ANSWERS_KEPT_S;
	struct err ignored = ERR_INIT;
	struct action action;
	bool lasts = !action_parse(&action, mode_action(actions, DOWNLOAD),
				   NULL, &ignored) &&
		     link_expires_at(action.href) >= least &&
		     (!action.expires || action.expires >= least);

	action_release(&action);
	return lasts;
}

/* Keep these answers about `n` objects, but for links that expire before. */
static void keep_known(struct lookahead *ahead, json_t *answers, size_t n,
		       int64_t asked)
{
	size_t i = 0;

	forget_known(ahead);
	ahead->known = answers;
	ahead->asked = asked;
	ahead->nasked = n;
	ahead->nused = 0;
	while (i < json_array_size(answers)) {
		const json_t *answer = json_array_get(answers, i);

		if (link_lasts(json_object_get(answer, "actions"))) {
			i++;
		} else {
			json_array_remove(answers, i);
			ahead->reach = 0;
		}
	}
}

static void set_reach(struct lookahead *ahead, size_t reach)
{
	if (reach > REACH_MOST)
		reach = REACH_MOST;
	ahead->reach = reach < REACH_LEAST ? 0 : reach;
}

/* Widen or narrow the look-ahead by how much of the last answer was used. */
static void adapt_reach(struct lookahead *ahead)
{
	if (!ahead->nasked)
		return;
	set_reach(ahead, ahead->nused * USED_LEAST < ahead->nasked ?
				 ahead->reach / 2 :
				 ahead->reach * 2);
	ahead->nasked = 0;
}

/* Ask about the first of `n` objects, the caller's, together with the others. */
static int ask_about_all(struct lookahead *ahead, struct batch_object *objects,
			 size_t n, struct err *err)
{
	struct server *server = ahead->options.server;

	if (!server_try_all(server, objects, n, err)) {
		keep_known(ahead,
			   answers_store(&ahead->answers, objects + 1, n - 1),
			   n - 1, clock_unix());
		for (size_t i = 1; i < n; i++)
			batch_object_release(&objects[i]);
		server_complete(server, objects);
		*err = objects[0].err;
		return err->kind ? -1 : 0;
	}
	/* Asking for one object may take long: let other agents ask. */
	credshare_unlock(ahead->share, CREDSHARE_ANSWERS);
	if (err->kind != ERR_REFUSED && err->kind != ERR_PROTOCOL &&
	    !err_is_transient(err))
		return -1;
	/* The server may be refusing the batch as such, or one of the others. */
	set_reach(ahead, err_is_transient(err) ? ahead->reach / 2 : 0);
	log_info("%s; asking about one object, then about %zu at a time",
		 err->msg, ahead->reach + 1);
	err_clear(err);
	return server_ask(server, objects, err);
}

/* Keep the answers that another agent has, or had. */
static void take_shared(struct lookahead *ahead)
{
	int64_t asked;
	json_t *answers = answers_load(&ahead->answers, &asked);

	if (answers)
		keep_known(ahead, answers, json_array_size(answers), asked);
}

static int ask_with_neighbours(struct lookahead *ahead,
			       struct batch_object *object, struct err *err)
{
	struct batch_object *objects = xcalloc(BATCH_OBJECTS_MAX,
					       sizeof(*objects));
	size_t n = 1;
	int ret;

	/* That another agent's answers were not used says nothing of our own. */
	ahead->nasked = 0;
	objects[0] = *object;
	if (ahead->reach)
		n = add_neighbours(ahead, objects);
	if (n == 1)
		credshare_unlock(ahead->share, CREDSHARE_ANSWERS);
	ret = n > 1 ? ask_about_all(ahead, objects, n, err) :
		      server_ask(ahead->options.server, objects, err);
	*object = objects[0];
	free(objects);
	return ret;
}

int lookahead_ask(struct lookahead *ahead, struct batch_object *object,
		  struct err *err)
{
	const struct lookahead_options *options = &ahead->options;
	bool is_first = !ahead->has_begun;
	int ret;

	ahead->has_begun = true;
	if (is_first || object->size > SMALL || !ahead->reach)
		return server_ask(options->server, object, err);
	if (credshare_lock(ahead->share, CREDSHARE_ANSWERS, err))
		return -1;
	adapt_reach(ahead);
	take_shared(ahead);
	ret = lookahead_take(ahead, object) ?
		      0 :
		      ask_with_neighbours(ahead, object, err);
	credshare_unlock(ahead->share, CREDSHARE_ANSWERS);
	return ret;
}

void lookahead_free(struct lookahead *ahead)
{
	if (!ahead)
		return;
	forget_known(ahead);
	for (unsigned i = 0; i < NSEARCHES; i++)
		history_release(&ahead->found[i]);
	free(ahead);
}
