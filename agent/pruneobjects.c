/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/pruneobjects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli.h"
#include "agent/human.h"
#include "agent/report.h"
#include "lfs/base/buf.h"
#include "lfs/base/child.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitconfig.h"
#include "lfs/git/history.h"
#include "lfs/git/storage.h"
#include "lfs/mode/mode.h"
#include "lfs/server/batch.h"
#include "lfs/server/context.h"
#include "lfs/server/server.h"
#include "lfs/transfer/engine.h"

enum {
	LIST_MAX = 256 << 20,	/* bytes of git-lfs's list */
	STOP_MS = 500
};

/* An object of the storage that git-lfs would remove. */
struct local_object {
	const char *oid;	/* borrowed from the list */
	struct stat stat;
	bool is_kept;
	bool is_removed;
	char *why;	/* owned: it is kept */
};

struct pruning {
	const struct pruneobjects_options *options;
	struct report report;
	struct context *context;	/* owned, as are all below; or NULL */
	struct engine *engine;
	struct pool *pool;
	struct server *server;
	struct pruneobjects_list list;
	struct local_object *objects;	/* in order of the oid */
	size_t n;
	size_t nfailed;
	uint64_t freed;
};

static void add_oid(struct pruneobjects_list *list, const char *oid)
{
	/* Grows at powers of two. */
	if (!(list->n & (list->n - 1)))
		list->oids = xreallocarray(list->oids,
					   list->n ? 2 * list->n : 1,
					   sizeof(*list->oids));
	memcpy(list->oids[list->n], oid, POINTER_OID);
	list->oids[list->n++][POINTER_OID] = '\0';
}

/* "* OID (SIZE)"; the last one is printed again, with ", done." */
static void read_entry(struct pruneobjects_list *list, const char *line)
{
	const char *oid = line + 2,
		   *rest = oid + strspn(oid, "0123456789abcdef");

	if (rest == oid + POINTER_OID && !strncmp(rest, " (", 2) &&
	    strchr(rest, ')')) {
		add_oid(list, oid);
	} else {
		list->nunread++;
		if (!list->unread)
			list->unread = xstrdup(line);
	}
}

/* "N files would be pruned (SIZE)"; before 3.8 with "prune: " before it. */
static bool read_count(const char *line, size_t *count)
{
	static const char prefix[] = "prune: ";
	unsigned long long n;
	char *end;

	if (text_has_prefix(line, prefix))
		line += sizeof(prefix) - 1;
	if (*line < '0' || *line > '9')
		return false;
	n = strtoull(line, &end, 10);
	if (!text_has_prefix(end, " file would be pruned") &&
	    !text_has_prefix(end, " files would be pruned"))
		return false;
	*count = (size_t)n;
	return true;
}

static int compare_oids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void drop_doubles(struct pruneobjects_list *list)
{
	size_t kept = 0;

	if (list->n)
		qsort(list->oids, list->n, sizeof(*list->oids), compare_oids);
	for (size_t i = 0; i < list->n; i++)
		if (!i || strcmp(list->oids[i], list->oids[kept - 1]))
			memmove(list->oids[kept++], list->oids[i],
				sizeof(*list->oids));
	list->n = kept;
}

int pruneobjects_parse(struct pruneobjects_list *list, const char *text,
		       struct err *err)
{
	size_t count = 0;

	*list = (struct pruneobjects_list){ .n = 0 };
	while (*text) {
		size_t len = strcspn(text, "\r\n");
		char *line = text_trim(text, len);

		if (text_has_prefix(line, "* "))
			read_entry(list, line);
		else
			read_count(line, &count);
		free(line);
		text += len + (text[len] != '\0');
	}
	drop_doubles(list);
	if (list->n == count || (list->nunread && list->n < count))
		return 0;
	return err_set(err, ERR_LOCAL,
		       "'git lfs prune' says that it would remove %zu objects, "
		       "and names %zu: nothing is removed",
		       count, list->n);
}

void pruneobjects_release(struct pruneobjects_list *list)
{
	free(list->oids);
	free(list->unread);
	*list = (struct pruneobjects_list){ .n = 0 };
}

/* It never prunes here: we look at the server ourselves. */
static int list_objects(struct pruning *pruning, struct err *err)
{
	static const char *const argv[] = { "git",	 "lfs",
					    "prune",	 "--dry-run",
					    "--verbose", "--no-verify-remote",
					    NULL };
	const struct child child = {
		.argv = argv,
		.keep_stderr = true,
		.stop = report_stop(&pruning->report),
	};
	struct buf text = BUF_INIT(LIST_MAX);
	int ret;

	/* Otherwise it prints nothing but the last of them into a pipe. */
	setenv("GIT_LFS_FORCE_PROGRESS", "1", 1);
	setenv("LC_ALL", "C", 1);
	ret = child_run(&child, &text, NULL, err);
	if (!ret)
		ret = pruneobjects_parse(&pruning->list, buf_str(&text), err);
	else
		err_wrap(err, "cannot list what git-lfs would remove");
	buf_release(&text);
	return ret;
}

/* Open the folder of an object's file, through no link. */
static int open_folder(const struct pruning *pruning, const char *oid,
		       struct err *err)
{
	const char *dir = pruning->context->storage.dir, *name;
	char *path = xstrfmt("objects/%.2s/%.2s/%s", oid, oid + 2, oid);
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (top < 0)
		err_sys(err, errno, "cannot open '%s'", dir);
	else
		fd = file_open_below(top, path, false, &name, err);
	if (top >= 0)
		close(top);
	free(path);
	return fd;
}

static void keep_object(struct local_object *object, const char *why)
{
	if (object->is_kept)
		return;
	object->is_kept = true;
	object->why = xstrdup(why);
}

static void keep_after_error(struct pruning *pruning,
			     struct local_object *object, const struct err *why)
{
	if (object->is_kept)
		return;
	keep_object(object, why->msg);
	pruning->nfailed++;
}

/* False: it is gone already. */
static bool look_at_object(struct pruning *pruning, struct local_object *object)
{
	struct err err = ERR_INIT;
	int dir = open_folder(pruning, object->oid, &err), ret = -1;

	if (dir >= 0) {
		ret = fstatat(dir, object->oid, &object->stat,
			      AT_SYMLINK_NOFOLLOW);
		if (ret)
			err_sys(&err, errno, "cannot look at it");
		close(dir);
	}
	if (ret && err.code == ENOENT)
		return false;
	if (ret)
		keep_after_error(pruning, object, &err);
	else if (!S_ISREG(object->stat.st_mode))
		keep_object(object, "it is no regular file");
	else if (object->stat.st_uid != geteuid())
		keep_object(object, "its file is another user's");
	return true;
}

static void look_at_all(struct pruning *pruning)
{
	const struct pruneobjects_list *list = &pruning->list;

	pruning->objects = xcalloc(list->n, sizeof(*pruning->objects));
	for (size_t i = 0; i < list->n; i++) {
		struct local_object *object = &pruning->objects[pruning->n];

		*object = (struct local_object){ .oid = list->oids[i] };
		if (look_at_object(pruning, object))
			pruning->n++;
	}
}

/* Keep the object unless the server offers it. */
static void note_answer(struct pruning *pruning, struct local_object *object,
			struct batch_object *answer)
{
	struct err *err = &answer->err;

	if (err->code == 404 || err->code == 410)
		keep_object(object, "the server does not have it");
	else if (err->kind)
		keep_after_error(pruning, object, err);
	else if (answer->is_other_size)
		keep_object(object, "the server has it with another size");
	else if (!mode_action(answer->actions, DOWNLOAD))
		keep_object(object, "the server does not offer it");
}

static int ask_about(struct pruning *pruning, struct local_object **objects,
		     size_t n, struct err *err)
{
	struct batch_object answers[BATCH_OBJECTS_MAX];
	int ret;

	for (size_t i = 0; i < n; i++)
		answers[i] = (struct batch_object){
			.oid = objects[i]->oid,
			.size = (uint64_t)objects[i]->stat.st_size,
		};
	ret = n ? server_ask_all(pruning->server, answers, n, err) : 0;
	for (size_t i = 0; i < n; i++) {
		if (!ret)
			note_answer(pruning, objects[i], &answers[i]);
		batch_object_release(&answers[i]);
	}
	return ret;
}

static int ask_all(struct pruning *pruning, struct err *err)
{
	struct local_object *objects[BATCH_OBJECTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < pruning->n; i++) {
		if (!pruning->objects[i].is_kept)
			objects[n++] = &pruning->objects[i];
		if (n < BATCH_OBJECTS_MAX)
			continue;
		if (ask_about(pruning, objects, n, err))
			return -1;
		n = 0;
	}
	return ask_about(pruning, objects, n, err);
}

static int compare_objects(const void *left, const void *right)
{
	const struct local_object *a = left, *b = right;

	return strcmp(a->oid, b->oid);
}

/* After the server was asked, so that as little as can be is staged meanwhile. */
static int keep_indexed(struct pruning *pruning, struct err *err)
{
	const struct history_request request = {
		.dir = pruning->context->storage.multipart_dir,
		.config = pruning->context->config,
		.stop = report_stop(&pruning->report),
	};
	struct history history;
	int ret = storage_make_dir(&pruning->context->storage, err);

	if (ret)
		return -1;
	ret = history_find_indexed(&history, &request, err);
	for (size_t i = 0; !ret && pruning->n && i < history.n; i++) {
		const struct local_object key = {
			.oid = history.pointers[i].oid
		};
		struct local_object *object = bsearch(&key, pruning->objects,
						      pruning->n, sizeof(key),
						      compare_objects);

		if (object)
			keep_object(object, "git's index names it");
	}
	history_release(&history);
	return ret;
}

static int remove_object(struct pruning *pruning, struct local_object *object,
			 struct err *err)
{
	int dir = open_folder(pruning, object->oid, err), ret = -1;
	struct stat now;

	if (dir < 0)
		return -1;
	if (fstatat(dir, object->oid, &now, AT_SYMLINK_NOFOLLOW))
		err_sys(err, errno, "cannot look at it");
	else if (now.st_ino != object->stat.st_ino ||
		 now.st_size != object->stat.st_size)
		err_set(err, ERR_BUSY, "its file was replaced meanwhile");
	else if (!pruning->options->is_dry && unlinkat(dir, object->oid, 0))
		err_sys(err, errno, "cannot remove it");
	else
		ret = 0;
	close(dir);
	return ret;
}

static void remove_all(struct pruning *pruning)
{
	for (size_t i = 0; i < pruning->n; i++) {
		struct local_object *object = &pruning->objects[i];
		struct err err = ERR_INIT;

		if (object->is_kept)
			continue;
		if (remove_object(pruning, object, &err)) {
			keep_after_error(pruning, object, &err);
			continue;
		}
		object->is_removed = true;
		pruning->freed += (uint64_t)object->stat.st_size;
	}
}

/* The remote that git-lfs, too, would ask. */
static int open_server(struct pruning *pruning, struct err *err)
{
	struct gitconfig *config = gitconfig_load(NULL, err);
	const char *remote = config ? gitconfig_get(config,
						    "lfs.pruneremotetocheck") :
				      NULL;
	const struct context_options options = {
		.remote = remote && *remote ? remote : "origin",
		.direction = DOWNLOAD,
	};
	struct server_options server = { .stop = report_stop(
						 &pruning->report) };

	if (config)
		pruning->context = context_new(&options, err);
	gitconfig_free(config);
	if (pruning->context)
		pruning->engine = engine_new(pruning->context, 1, err);
	if (!pruning->engine)
		return -1;
	pruning->pool = engine_new_pool(pruning->engine, 1);
	server.context = pruning->context;
	server.pool = pruning->pool;
	pruning->server = server_new(&server, err);
	return pruning->server ? 0 : -1;
}

static int prune_objects(struct pruning *pruning, struct err *err)
{
	if (list_objects(pruning, err))
		return -1;
	if (!pruning->list.n)
		return 0;
	if (open_server(pruning, err))
		return -1;
	look_at_all(pruning);
	if (ask_all(pruning, err) || keep_indexed(pruning, err))
		return -1;
	remove_all(pruning);
	return 0;
}

static json_t *object_json(const struct local_object *object)
{
	return json_pack("{s:s, s:I, s:s*}", "oid", object->oid, "size",
			 (json_int_t)object->stat.st_size, "error",
			 object->why);
}

static void print_json(const struct pruning *pruning)
{
	json_t *removed = json_array(), *kept = json_array();

	for (size_t i = 0; i < pruning->n; i++) {
		const struct local_object *object = &pruning->objects[i];

		json_array_append_new(object->is_removed ? removed : kept,
				      object_json(object));
	}
	cli_print_json(json_pack("{s:o, s:o, s:I}", "removed", removed, "kept",
				 kept, "freed", (json_int_t)pruning->freed));
}

static void print_text(const struct pruning *pruning)
{
	bool is_dry = pruning->options->is_dry;

	for (size_t i = 0; i < pruning->n; i++) {
		const struct local_object *object = &pruning->objects[i];
		struct human size = human_size((uint64_t)object->stat.st_size);

		if (object->is_removed)
			printf("%s object %s, %s\n",
			       is_dry ? "would remove" : "removed", object->oid,
			       size.text);
		else
			printf("kept object %s, %s: %s\n", object->oid,
			       size.text, object->why);
	}
	if (pruning->freed)
		printf("%s %s.\n", is_dry ? "Would free" : "Freed",
		       human_size(pruning->freed).text);
	else if (!pruning->nfailed)
		printf("There was nothing to remove.\n");
}

/* Objects that nothing was said about: the server, or we, could not go on. */
static void keep_rest(struct pruning *pruning, const struct err *err)
{
	for (size_t i = 0; i < pruning->n; i++)
		if (!pruning->objects[i].is_removed)
			keep_after_error(pruning, &pruning->objects[i], err);
}

/* False if the process must end without exit handlers. */
static bool close_pruning(struct pruning *pruning)
{
	for (size_t i = 0; i < pruning->n; i++)
		free(pruning->objects[i].why);
	free(pruning->objects);
	pruneobjects_release(&pruning->list);
	server_free(pruning->server);
	if (pruning->pool && !pool_free(pruning->pool, STOP_MS))
		return false;
	if (!engine_free(pruning->engine, STOP_MS))
		return false;
	context_free(pruning->context);
	return true;
}

static void tell_unread(struct pruning *pruning)
{
	if (!pruning->list.nunread)
		return;
	text_printable(pruning->list.unread);
	cli_say("%zu of the objects that git-lfs would remove are kept, as "
		"this cannot be read: %s",
		pruning->list.nunread, pruning->list.unread);
	pruning->nfailed += pruning->list.nunread;
}

int pruneobjects_run(const struct pruneobjects_options *options)
{
	struct pruning pruning = { .options = options };
	struct err err = ERR_INIT;
	int status;

	pruning.report.is_quiet = true;
	report_begin(&pruning.report);
	if (prune_objects(&pruning, &err)) {
		report_end_early(&pruning.report, &err);
		keep_rest(&pruning, &err);
	}
	tell_unread(&pruning);
	if (options->is_json)
		print_json(&pruning);
	else if (pruning.n || !err.kind)
		print_text(&pruning);
	status = report_end(&pruning.report, !err.kind && !pruning.nfailed);
	if (!close_pruning(&pruning))
		_exit(status);
	return status;
}
