/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/git/httpconf.h"
#include "lfs/mode/mode.h"
#include "lfs/server/context.h"
#include "lfs/transfer/engine.h"
#include "lfs/transfer/resume.h"
#include "lfs/transfer/transfer.h"
#include "test/unit/tinyserver.h"
#include "test/unit/unit.h"

/*
 * An object of up to three parts goes through a transfer, on one connection, so
 * that its requests come one after the other.  Each row says what is done with
 * each of them, and how the transfer must end.
 */

#define MIB (UINT64_C(1) << 20)

enum { PART = 2 * MIB, SIZE = 3 * PART, RUNS = 2, ACTS = 8 };

/* The server's acts, one a request; the last one is for all others. */
enum act {
	SERVE = 1,	/* a GET: the range, or all; others: take the body */
	IGNORE_RANGE,
	CUT,	/* half of what it announces */
	SPOIL,	/* one bit is wrong */
	DROP,	/* read all, answer nothing */
	ANSWER_403,
	ANSWER_416,
	ANSWER_500,
	HANG,	/* until the client goes */
	CHANGE_FILE,	/* the last byte of the file to send; then serve */
	TRUNCATE_FILE
};

/* A try to move the object, and how it ends. */
struct run {
	enum act acts[ACTS];
	bool is_renewal;	/* of the transfer before, which has failed */
	enum err_kind kind;	/* ERR_NONE: the object is there */
	const char *why;	/* in the error */
	const char *asked;	/* the requests of this run; "...": and perhaps more */
	bool leaves;	/* something for another run */
	struct fate fate;	/* of a failure */
};

struct row {
	const char *name;
	enum direction direction;
	uint64_t size;
	bool is_multipart;
	bool is_cancelled;	/* once the server has a request */
	bool asks_again;
	bool trusts;	/* nothing is hashed */
	bool has_no_file;	/* to upload */
	struct run runs[RUNS];
};

#define KEEPS(n) { .keeps_parts = true, .kept = (n) }

static const struct row downloads[] = {
	{ "ranges", .size = SIZE,
	  .runs = { { { SERVE },
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M" } } },
	{ "a small one", .size = 1000,
	  .runs = { { { SERVE }, .asked = "GET /o" } } },
	{ "an empty one", .size = 0, .runs = { { { SERVE }, .asked = "" } } },
	{ "no ranges", .size = SIZE,
	  .runs = { { { IGNORE_RANGE }, .asked = "GET /o 0-2M" } } },
	{ "no ranges, and unhashed", .size = SIZE, .trusts = true,
	  .runs = { { { IGNORE_RANGE }, .asked = "GET /o 0-2M" } } },
	{ "ranges are refused", .size = SIZE,
	  .runs = { { { ANSWER_416, SERVE },
		      .asked = "GET /o 0-2M, GET /o" } } },
	{ "a body is cut", .size = SIZE,
	  .runs = { { { SERVE, CUT, SERVE },
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 3-4M, "
			       "GET /o 4-6M" } } },
	{ "wrong bytes, once", .size = SIZE,
	  .runs = { { { SPOIL, SERVE },
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M, "
			       "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M" } } },
	{ "wrong bytes, always", .size = 1000,
	  .runs = { { { SPOIL },
		      .kind = ERR_CORRUPT,
		      .why = "the same bytes came twice",
		      .asked = "GET /o, GET /o",
		      .fate = KEEPS(1000) } } },
	{ "unhashed", .size = 1000, .trusts = true,
	  .runs = { { { SERVE }, .asked = "GET /o" } } },
	{ "a new link helps", .size = SIZE,
	  .runs = { { { SERVE, SERVE, ANSWER_403 },
		      .kind = ERR_REFUSED,
		      .why = "403",
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M",
		      .fate = KEEPS(2 * PART) },
		    { { SERVE },
		      .is_renewal = true,
		      .asked = "GET /o 4-6M" } } },
	{ "another run resumes it", .size = SIZE,
	  .runs = { { { SERVE, SERVE, ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M, "
			       "GET /o 4-6M",
		      .leaves = true,
		      .fate = KEEPS(2 * PART) },
		    { { SERVE }, .asked = "GET /o 4-6M" } } },
	{ "another run resumes within a part", .size = SIZE,
	  .runs = { { { SERVE, SERVE, CUT, ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "GET /o 0-2M, GET /o 2-4M, GET /o 4-6M, "
			       "GET /o 5-6M",
		      .leaves = true,
		      .fate = KEEPS(5 * MIB) },
		    { { SERVE }, .asked = "GET /o 5-6M" } } },
	{ "nothing came", .size = SIZE,
	  .runs = { { { ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "GET /o 0-2M, GET /o 0-2M",
		      .fate = KEEPS(0) } } },
	{ "the caller tries again", .size = 1000, .asks_again = true,
	  .runs = { { { ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "GET /o",
		      .fate = { .was_tried_once = true,
				.keeps_parts = true } } } },
	{ "stopped", .size = SIZE, .is_cancelled = true,
	  .runs = { { { HANG },
		      .kind = ERR_CANCELED,
		      .why = "stopped",
		      .asked = "GET /o 0-2M",
		      .fate = KEEPS(0) } } },
};

static const struct row uploads[] = {
	{ "basic", .size = SIZE, .runs = { { { SERVE }, .asked = "PUT /o" } } },
	{ "an empty one", .size = 0,
	  .runs = { { { SERVE }, .asked = "PUT /o" } } },
	{ "in parts", .size = SIZE, .is_multipart = true,
	  .runs = { { { SERVE },
		      .asked = "PUT /1, PUT /2, PUT /3, POST /o",
		      .leaves = true } } },
	{ "an empty one in parts", .size = 0, .is_multipart = true,
	  .runs = { { { SERVE }, .asked = "POST /o" } } },
	{ "basic fails for the moment", .size = SIZE,
	  .runs = { { { ANSWER_500, SERVE }, .asked = "PUT /o, PUT /o" } } },
	{ "basic is refused", .size = 1000,
	  .runs = { { { ANSWER_403 },
		      .kind = ERR_REFUSED,
		      .why = "403",
		      .asked = "PUT /o" } } },
	{ "the caller tries again", .size = 1000, .asks_again = true,
	  .runs = { { { ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "PUT /o",
		      .fate = { .was_tried_once = true } } } },
	{ "a part is refused, another run resumes", .size = SIZE,
	  .is_multipart = true,
	  .runs = { { { SERVE, SERVE, ANSWER_403 },
		      .kind = ERR_REFUSED,
		      .why = "part 3 of 3",
		      .asked = "PUT /1, PUT /2, PUT /3",
		      .leaves = true,
		      .fate = { .kept = 2 * PART } },
		    { { SERVE },
		      .asked = "PUT /3, POST /o",
		      .leaves = true } } },
	{ "the finish is busy", .size = SIZE, .is_multipart = true,
	  .runs = { { { SERVE, SERVE, SERVE, ANSWER_500 },
		      .kind = ERR_BUSY,
		      .why = "500",
		      .asked = "PUT /1, PUT /2, PUT /3, POST /o, POST /o",
		      .leaves = true,
		      .fate = { .at_finish = true,
				.may_be_done = true,
				.kept = SIZE } },
		    { { ANSWER_403 },
		      .kind = ERR_REFUSED,
		      .why = "403",
		      .asked = "POST /o",
		      .leaves = true,
		      .fate = { .is_resumed = true,
				.at_finish = true,
				.kept = SIZE } } } },
	{ "the answer to the finish is lost", .size = SIZE,
	  .is_multipart = true,
	  .runs = { { { SERVE, SERVE, SERVE, DROP },
		      .kind = ERR_NETWORK,
		      .why = "Empty reply",
		      /* A connection that was kept alive has one try more. */
		      .asked = "PUT /1, PUT /2, PUT /3, POST /o, POST /o, "
			       "POST /o",
		      .leaves = true,
		      .fate = { .at_finish = true,
				.may_be_done = true,
				.kept = SIZE } } } },
	{ "the finish is refused", .size = SIZE, .is_multipart = true,
	  .runs = { { { SERVE, SERVE, SERVE, ANSWER_416 },
		      .kind = ERR_REFUSED,
		      .why = "416",
		      .asked = "PUT /1, PUT /2, PUT /3, POST /o",
		      .leaves = true,
		      .fate = { .at_finish = true, .kept = SIZE } } } },
	{ "the file changes", .size = SIZE, .is_multipart = true,
	  .runs = { { { CHANGE_FILE, SERVE },
		      .kind = ERR_CORRUPT,
		      .why = "run git lfs fsck",
		      .asked = "PUT /1, PUT /2, PUT /3",
		      .fate = { .kept = SIZE } } } },
	{ "the file changes, unhashed", .size = SIZE, .is_multipart = true,
	  .trusts = true,
	  .runs = { { { CHANGE_FILE, SERVE },
		      .kind = ERR_CORRUPT,
		      .why = "changed while it was sent",
		      .asked = "PUT /1, PUT /2, PUT /3",
		      .fate = { .kept = SIZE } } } },
	{ "the file ends early", .size = SIZE, .is_multipart = true,
	  .runs = { { { SERVE, TRUNCATE_FILE, SERVE },
		      .kind = ERR_LOCAL,
		      .why = "the file ends at byte",
		      .asked = "PUT /1, PUT /2...",
		      .leaves = true,
		      .fate = { .kept = 2 * PART } } } },
	{ "there is no file", .size = SIZE, .has_no_file = true,
	  .runs = { { { SERVE },
		      .kind = ERR_LOCAL,
		      .why = "cannot open",
		      .asked = "" } } },
	{ "stopped", .size = SIZE, .is_multipart = true, .is_cancelled = true,
	  .runs = { { { SERVE, HANG },
		      .kind = ERR_CANCELED,
		      .why = "stopped",
		      .asked = "PUT /1, PUT /2",
		      .leaves = true,
		      .fate = { .kept = PART } } } },
};

static char dir[] = "/tmp/lfsmp-transfer.XXXXXX";
static char file[sizeof(dir) + 5];
static unsigned char bytes[SIZE];
static char endpoint_url[] = "https://h/r.git/info/lfs";

/* All that a row needs; the server's threads see only the first members. */
struct bench {
	const struct row *row;
	const struct run *run;
	unsigned first;	/* request of the run */
	unsigned char received[SIZE];
	struct tinyserver *server;
	char oid[SHA256_HEX_SIZE];
	struct context context;
	struct engine *engine;
	struct transfer *transfer;
	struct resume resume;
	json_t *action;
};

static int make_dir(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 7 ^ i >> 13);
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/file", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* Remove all files; is there one of the object, for another run? */
static bool empty_dir(const char *oid, bool removes)
{
	DIR *names = opendir(dir);
	const struct dirent *entry;
	bool leaves = false;
	char path[400];

	while ((entry = readdir(names))) {
		leaves |= text_has_prefix(entry->d_name, oid);
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (removes)
			unlink(path);
	}
	closedir(names);
	return leaves;
}

static bool serve_put(struct tinyrequest *request, struct bench *bench,
		      enum act act)
{
	const char *path = strchr(request->head, '/') + 1;
	uint64_t off = *path == 'o' ? 0 : (uint64_t)(*path - '1') * PART;
	int fd;

	if (!tinyserver_read_body(request) || act == DROP)
		return false;
	if (text_has_prefix(request->head, "PUT"))
		memcpy(bench->received + off, request->body, request->size);
	if (act == CHANGE_FILE || act == TRUNCATE_FILE) {
		fd = open(file, O_WRONLY);
		if (act == CHANGE_FILE ? pwrite(fd, "?", 1, SIZE - 1) != 1 :
					 ftruncate(fd, SIZE - MIB))
			return false;
		close(fd);
	}
	return tinyserver_puts(request, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\n"
					"Content-Length: 0\r\n\r\n");
}

static bool answer(struct tinyrequest *request, void *ctx)
{
	struct bench *bench = ctx;
	const enum act *acts = bench->run->acts;
	unsigned n = request->number - bench->first;
	enum act act = SERVE;
	char text[100];
	int status;

	for (unsigned i = 0; i < ACTS && i <= n && acts[i]; i++)
		act = acts[i];
	if (act == HANG) {
		while (recv(request->fd, text, sizeof(text), 0) > 0)
			;
		return false;
	}
	status = act == ANSWER_403 ? 403 :
		 act == ANSWER_416 ? 416 :
		 act == ANSWER_500 ? 500 :
				     0;
	if (status) {
		snprintf(text, sizeof(text),
			 "HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", status);
		return tinyserver_read_body(request) &&
		       tinyserver_puts(request, text);
	}
	if (bench->row->direction == DOWNLOAD)
		return tinyserver_serve(request, bytes, bench->row->size,
					act == IGNORE_RANGE ? TINY_WHOLE :
					act == CUT	    ? TINY_CUT :
					act == SPOIL	    ? TINY_SPOILT :
							      TINY_RANGE);
	return serve_put(request, bench, act);
}

static void set_up(struct bench *bench, const struct row *row)
{
	struct gitconfig *config;
	struct sha256 sha;
	unsigned char digest[SHA256_SIZE];
	struct err err = ERR_INIT;

	memset(bench, 0, sizeof(*bench));
	bench->row = row;
	sha256_init(&sha);
	sha256_update(&sha, bytes, (size_t)row->size);
	sha256_final(&sha, digest);
	sha256_hex(digest, bench->oid);
	config = gitconfig_parse("", 0, &err);
	bench->context = (struct context){
		.direction = row->direction,
		.settings = { .connections = 1,
			      .retries = 1,
			      .max_retry_delay_ms = 1,
			      .max_retry_time_ms = 1000,
			      .stall_ms = 60000,
			      .answer_ms = 60000,
			      .finish_ms = 60000,
			      .connect_ms = 60000,
			      .verify = !row->trusts,
			      .fsync = true },
		.storage = { .dir = dir,
			     .multipart_dir = dir,
			     .user_dir = dir,
			     .object_mode = 0600,
			     .dir_mode = 0700 },
		.lfsconfig = config,
		.endpoint.url = endpoint_url,
		.httpconf = httpconf_new(config, NULL, &err),
	};
	bench->server = tinyserver_start(answer, bench);
	assert_non_null(bench->server);
}

static void tear_down(struct bench *bench)
{
	tinyserver_stop(bench->server);
	httpconf_free(bench->context.httpconf);
	gitconfig_free(bench->context.lfsconfig);
	empty_dir(bench->oid, true);
}

/* The action of the row, as a server gives it. */
static json_t *make_action(const struct bench *bench)
{
	const char *url = tinyserver_url(bench->server);
	json_t *action = json_object(), *header = json_object();
	char text[100], name[8];

	snprintf(text, sizeof(text), "%s/o", url);
	json_object_set_new(action, "href", json_string(text));
	json_object_set_new(action, "header", header);
	if (!bench->row->is_multipart)
		return action;
	snprintf(text, sizeof(text), "%u", (unsigned)PART);
	json_object_set_new(header, "chunk_size", json_string(text));
	for (unsigned i = 1; i <= bench->row->size / PART; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(text, sizeof(text), "%s/%u", url, i);
		json_object_set_new(header, name, json_string(text));
	}
	return action;
}

static struct plan *make_plan(struct bench *bench)
{
	const struct row *row = bench->row;
	struct err err = ERR_INIT;
	struct resume_request request = {
		.plan = { .direction = row->direction,
			  .oid = bench->oid,
			  .size = row->size,
			  .part_size = PART,
			  .answer_ms = 60000,
			  .finish_ms = 60000 },
		.path = file,
	};

	json_decref(bench->action);
	bench->action = make_action(bench);
	request.plan.action = bench->action;
	request.fresh = mode_plan(&request.plan, &err);
	if (!request.fresh)
		fail_msg("%s: %s", row->name, err.msg);
	if (row->is_multipart)
		return resume_choose(&bench->resume, &bench->context, &request);
	return request.fresh;
}

static void make_file(const struct row *row)
{
	struct err err = ERR_INIT;
	int fd;

	unlink(file);
	if (row->direction == DOWNLOAD || row->has_no_file)
		return;
	fd = open(file, O_RDWR | O_CREAT, 0600);
	assert_int_equal(file_write_at(fd, bytes, (size_t)row->size, 0, &err),
			 0);
	close(fd);
}

/* Start the row's transfer, or resume the one that failed. */
static void start(struct bench *bench, struct err *err)
{
	const struct row *row = bench->row;
	struct transfer_options options = {
		.path = row->direction == UPLOAD ? file : NULL,
		.resume = row->is_multipart ? &bench->resume : NULL,
		.asks_again = row->asks_again,
	};

	if (bench->run->is_renewal) {
		json_t *old = json_incref(bench->action);

		transfer_renew(bench->transfer, make_plan(bench));
		json_decref(old);
		return;
	}
	bench->engine = engine_new(&bench->context, 1, err);
	assert_non_null(bench->engine);
	options.plan = make_plan(bench);
	bench->transfer = transfer_new(bench->engine, &options, err);
}

static int step_to_end(struct bench *bench, struct err *err)
{
	if (!bench->transfer)
		return -1;
	while (transfer_step(bench->transfer, 100)) {
		unsigned n = tinyserver_count(bench->server);

		if (bench->row->is_cancelled && n > bench->first &&
		    (!bench->run->acts[1] || n > bench->first + 1))
			transfer_cancel(bench->transfer);
	}
	return transfer_result(bench->transfer, err);
}

/* The requests since the first of the run, as rows have them. */
static char *list_requests(struct bench *bench)
{
	unsigned n = tinyserver_count(bench->server);
	struct buf text = BUF_INIT(1000);
	uint64_t from, to;

	buf_puts(&text, "");
	for (unsigned i = bench->first; i < n; i++) {
		const char *head = tinyserver_head(bench->server, i);
		int len = (int)(strstr(head, " HTTP/") - head);

		buf_printf(&text, "%s%.*s", text.len ? ", " : "", len, head);
		if (tinyserver_range(head, bench->row->size, &from, &to))
			buf_printf(&text, " %g-%gM", (double)from / (double)MIB,
				   (double)to / (double)MIB);
	}
	bench->first = n;
	return buf_take(&text);
}

static bool is_asked(const char *asked, const char *want)
{
	const char *dots = strstr(want, "...");

	return dots ? !strncmp(asked, want, (size_t)(dots - want)) :
		      !strcmp(asked, want);
}

static void check_fate(const struct bench *bench)
{
	struct fate is = transfer_fate(bench->transfer);
	const struct fate *want = &bench->run->fate;

	if (is.is_resumed != want->is_resumed ||
	    is.is_last_try != want->is_last_try ||
	    is.was_tried_once != want->was_tried_once ||
	    is.at_finish != want->at_finish ||
	    is.may_be_done != want->may_be_done ||
	    is.keeps_parts != want->keeps_parts || is.kept != want->kept)
		fail_msg("%s: resumed %d, last %d, once %d, finish %d, "
			 "may be done %d, keeps %d, kept %" PRIu64,
			 bench->row->name, is.is_resumed, is.is_last_try,
			 is.was_tried_once, is.at_finish, is.may_be_done,
			 is.keeps_parts, is.kept);
}

/* All bytes are where they belong. */
static void check_bytes(struct bench *bench)
{
	size_t size = (size_t)bench->row->size;
	struct err err = ERR_INIT;
	const char *path;
	struct stat st;
	int fd;

	if (bench->row->direction == UPLOAD) {
		assert_memory_equal(bench->received, bytes, size);
		return;
	}
	path = transfer_hand_over(bench->transfer, &err);
	assert_non_null(path);
	fd = open(path, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(file_read_at(fd, bench->received, size, 0, &err), 0);
	assert_memory_equal(bench->received, bytes, size);
	close(fd);
	unlink(path);
}

static void check_end(struct bench *bench, int ret, const struct err *err)
{
	const struct run *run = bench->run;
	char *asked = list_requests(bench);

	if (ret != (run->kind ? -1 : 0) || err->kind != run->kind ||
	    (run->why && !strstr(err->msg, run->why)) ||
	    !is_asked(asked ? asked : "", run->asked))
		fail_msg("%s: %d, kind %d: %s; asked %s", bench->row->name, ret,
			 err->kind, err->msg, asked ? asked : "nothing");
	free(asked);
	if (ret && bench->transfer)
		check_fate(bench);
	else if (!ret)
		check_bytes(bench);
}

static void end_run(struct bench *bench)
{
	transfer_free(bench->transfer);
	assert_true(engine_free(bench->engine, 60000));
	resume_release(&bench->resume);
	json_decref(bench->action);
	bench->action = NULL;
	if (empty_dir(bench->oid, false) != bench->run->leaves)
		fail_msg("%s: leaves files: %d", bench->row->name,
			 !bench->run->leaves);
}

static void check_row(const struct row *row, enum direction direction)
{
	struct row own = *row;
	struct bench *bench = xmalloc(sizeof(*bench));

	own.direction = direction;
	set_up(bench, &own);
	make_file(&own);
	for (int i = 0; i < RUNS && own.runs[i].asked; i++) {
		bool goes_on = i + 1 < RUNS && own.runs[i + 1].is_renewal;
		struct err err = ERR_INIT;
		int ret;

		bench->run = &own.runs[i];
		start(bench, &err);
		ret = step_to_end(bench, &err);
		check_end(bench, ret, &err);
		if (!goes_on)
			end_run(bench);
	}
	tear_down(bench);
	free(bench);
}

static void moves_downloads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(downloads); i++)
		check_row(&downloads[i], DOWNLOAD);
}

static void moves_uploads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(uploads); i++)
		check_row(&uploads[i], UPLOAD);
}

static int begin_upload(struct plan *plan, struct http *http, struct err *err)
{
	(void)plan, (void)http, (void)err;
	return 0;
}

/* One that was never advanced has nothing in the pool, and can be freed. */
static void makes_no_request_before_it_is_advanced(void **state)
{
	static const struct run run = { .asked = "" };
	static const struct row row = { "freed at once", .direction = UPLOAD,
					.size = 1000 };
	struct bench *bench = xmalloc(sizeof(*bench));
	struct transfer_options options = { .path = file };
	struct err err = ERR_INIT;
	struct mode mode;
	struct pool *pool;

	(void)state;
	set_up(bench, &row);
	bench->run = &run;
	make_file(&row);
	bench->engine = engine_new(&bench->context, 1, &err);
	pool = engine_pool(bench->engine);
	options.plan = make_plan(bench);
	mode = *options.plan->mode;
	mode.begin = begin_upload;
	options.plan->mode = &mode;
	bench->transfer = transfer_new(bench->engine, &options, &err);
	assert_non_null(bench->transfer);
	assert_int_equal(transfer_left(bench->transfer), 1);
	transfer_free(bench->transfer);
	pool_cancel(pool);
	assert_null(pool_wait(pool, 100));
	bench->transfer = NULL;
	end_run(bench);
	tear_down(bench);
	free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_downloads),
		cmocka_unit_test(moves_uploads),
		cmocka_unit_test(makes_no_request_before_it_is_advanced),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
