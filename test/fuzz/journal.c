/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* mkdtemp(), nftw() */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/json.h"
#include "lfs/base/mem.h"
#include "lfs/git/gitconfig.h"
#include "lfs/mode/mode.h"
#include "lfs/server/context.h"
#include "lfs/transfer/object.h"
#include "lfs/transfer/partial.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/unfinished.h"

/*
 * The input: a byte of flags, and what is in a journal.  Either the bytes of
 * the file, or records to which the right CRC is given: a byte of the type,
 * two of the size, and so many bytes.
 */

enum {
	IS_UPLOAD = 1,
	IS_RAW = 2,
	BEGINS_WELL = 4,	/* after the records that a good one begins with */
	HAS_ACTION = 8,	/* and for an upload, its action */
	SIZE = 1000,
	PART_SIZE = 300
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OID "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char action_text[] =
	"{\"href\":\"https://h/c?e=1\",\"header\":{\"chunk_size\":\"300\","
	"\"1\":\"https://h/1\",\"2\":\"https://h/2\","
	"\"3\":\"https://h/3\",\"4\":\"https://h/4\"}}";

/* In memory, or where there is no such place, on the disk. */
static char memory_dir[] = "/dev/shm/fuzz-journal-XXXXXX";
static char disk_dir[] = "/tmp/fuzz-journal-XXXXXX";
static const char *dir;
static struct context context;
static char endpoint_url[] = "https://h/lfs";
static char journal_path[200];

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	return ftw->level ? remove(path) : 0;
}

static void empty_dir(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void leave(void)
{
	empty_dir();
	rmdir(dir);
}

static void must(int ok)
{
	if (!ok)
		abort();
}

/* A file of zeros of the object's size. */
static char *make_file(const char *name)
{
	char *path = xstrfmt("%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	must(fd >= 0 && !ftruncate(fd, SIZE));
	close(fd);
	return path;
}

static void write_raw(const uint8_t *data, size_t size)
{
	int fd = open(journal_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void write_records(const uint8_t *data, size_t size)
{
	struct journal_record ignored;
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(journal_path, &err);

	must(journal != NULL);
	while (journal_next(journal, &ignored))
		;
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;

		if (n > size - 3)
			n = size - 3;
		journal_add(journal, data[0], data + 3, n, NULL);
		data += 3 + n;
		size -= 3 + n;
	}
	journal_close(journal);
}

static void write_rest(const uint8_t *data, size_t size)
{
	if (data[0] & IS_RAW)
		write_raw(data + 1, size - 1);
	else
		write_records(data + 1, size - 1);
}

/* `status` and `prune` look at it, too. */
static void check_list(void)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	must(!unfinished_load(&list, &context.storage, &err));
	for (size_t i = 0; i < list.n; i++)
		must(list.items[i].done <= list.items[i].size);
	unfinished_release(&list);
}

static void check_parts(const struct plan *plan, uint64_t moved)
{
	uint64_t off = 0, sum = 0;

	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		must(part->off == off && part->done <= part->size);
		off += part->size;
		sum += part->done;
	}
	must(off == plan->size && sum == moved);
}

static void begin_download(void)
{
	struct journal_begin begin = { .size = SIZE, .part_size = PART_SIZE };
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(journal_path, &err);

	must(journal != NULL);
	record_begin(journal, &begin);
	journal_close(journal);
}

static void download(const uint8_t *data, size_t size)
{
	const struct plan_request request = { .direction = DOWNLOAD,
					      .oid = OID,
					      .size = SIZE };
	struct plan *plan = plan_new(&request);
	struct err err = ERR_INIT;
	struct object object;

	snprintf(journal_path, sizeof(journal_path), "%s/" OID ".journal", dir);
	free(make_file(OID ".partial"));
	if (data[0] & BEGINS_WELL)
		begin_download();
	write_rest(data, size);
	check_list();
	must(!plan_cut(plan, PART_SIZE, &err));
	object_init(&object, plan);
	object.storage = &context.storage;
	object.verifies = true;
	if (!partial_open(&object, &err))
		check_parts(object.plan, object.moved);
	else
		must(err.kind == ERR_PROTOCOL);
	object_release(&object);
}

/* Cut a journal off after its first records. */
static void keep_records(int n)
{
	struct journal_record record;
	off_t size = 0;
	struct err err = ERR_INIT;
	struct journal *journal = journal_open(journal_path, &err);

	must(journal != NULL);
	while (n-- && journal_next(journal, &record))
		size += 16 + (off_t)record.size;
	journal_close(journal);
	must(!truncate(journal_path, size));
}

static void check_resume(const struct resume *resume, const struct plan *plan)
{
	must(resume->journal != NULL);
	must(plan->nparts == (SIZE + PART_SIZE - 1) / PART_SIZE);
	if (!resume->is_resumed)
		return;
	for (size_t i = 0; i < plan->nparts; i++) {
		const struct part *part = &plan->parts[i];

		must(!part->finished ||
		     (part->etag && strlen(part->etag) <= PLAN_ETAG_MAX &&
		      part->done == part->size));
	}
}

static void find_upload(void)
{
	struct unfinished_list list;
	struct err err = ERR_INIT;

	must(!unfinished_load(&list, &context.storage, &err) && list.n == 1);
	snprintf(journal_path, sizeof(journal_path), "%s", list.items->path);
	unfinished_release(&list);
}

static void upload(const uint8_t *data, size_t size, json_t *action)
{
	char *path = make_file("object");
	struct err err = ERR_INIT;
	struct resume_request request = {
		.plan = { .direction = UPLOAD,
			  .oid = OID,
			  .size = SIZE,
			  .action = action },
		.path = path,
	};
	struct resume resume;
	struct plan *plan;

	/* For its name and its first records. */
	request.fresh = mode_plan(&request.plan, &err);
	must(request.fresh != NULL);
	plan = resume_choose(&resume, &context, &request);
	must(resume.journal && !resume.is_resumed);
	plan_free(plan);
	resume_release(&resume);
	find_upload();
	if (data[0] & BEGINS_WELL)
		keep_records(data[0] & HAS_ACTION ? 3 : 2);
	else
		must(!truncate(journal_path, 0));
	write_rest(data, size);
	check_list();
	request.fresh = mode_plan(&request.plan, &err);
	plan = resume_choose(&resume, &context, &request);
	check_resume(&resume, plan);
	plan_free(plan);
	resume_release(&resume);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;
	struct err err = ERR_INIT;
	json_t *action;

	if (!is_ready) {
		json_setup();
		dir = mkdtemp(memory_dir);
		if (!dir)
			dir = mkdtemp(disk_dir);
		must(dir && !atexit(leave));
		context.storage.multipart_dir = (char *)dir;
		context.storage.user_dir = (char *)dir;
		context.lfsconfig = gitconfig_parse("", 0, &err);
		context.endpoint.url = endpoint_url;
		is_ready = true;
	}
	if (!size)
		return 0;
	empty_dir();
	if (!(data[0] & IS_UPLOAD)) {
		download(data, size);
		return 0;
	}
	action = json_parse(action_text, sizeof(action_text) - 1, &err);
	must(action != NULL);
	upload(data, size, action);
	json_decref(action);
	return 0;
}
