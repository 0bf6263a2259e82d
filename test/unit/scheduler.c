/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/json.h"
#include "lfs/base/sha256.h"
#include "lfs/carry/scheduler.h"
#include "lfs/carry/pipeline.h"
#include "lfs/carry/survey.h"
#include "lfs/server/context.h"
#include "lfs/transfer/transfer.h"
#include "test/unit/tinyserver.h"
#include "test/unit/unit.h"

/*
 * Small objects between two servers, or from one to files.  A letter says what
 * happens to each:
 *
 *	.	nothing: it is moved
 *	t	the target has it
 *	m	the source does not have it
 *	r	its upload is refused with a 422
 *	b	its upload is answered with a 503, the first time
 *	a	as b, and so is the question to the target after that
 *	x	the first link of the source is refused with a 403
 *	w	its upload ends when `jobs` uploads are under way
 *	h	its upload never ends, and the run is stopped
 */

enum {
	OBJECTS_MAX = 8,
	SIZE = 1000,
	WAIT_S = 60	/* only a test that fails waits so long */
};

struct scene {
	const char *name;
	const char *faults;
	unsigned jobs;
	bool is_dry;
	bool is_here;	/* there is no target: what arrives is taken here */
	bool is_full;	/* then: there is room for one file */
	bool is_down;	/* no server answers a question */
	unsigned most;	/* objects of a question that it answers; 0: all */
	int ret;
	const char *uploads;	/* or files, in this order; NULL: in any */
	const char *states;	/* at the end: those of `letters` */
};

/* By enum entry_state. */
static const char letters[] = "WR.MT-F";

struct bench {
	const struct scene *scene;
	size_t n;
	char data[OBJECTS_MAX][SIZE + 1];
	struct entry entries[OBJECTS_MAX];
	struct tinyserver *servers[2];	/* by direction, as the next two */
	struct context *contexts[2];
	struct engine *engines[2];
	struct survey *survey;
	struct spool *spool;
	struct scheduler *scheduler;
	unsigned nreports;
	unsigned nkept;	/* files that were taken, since the last report */
	atomic_bool is_stopped;

	pthread_mutex_t mutex;	/* guards all below */
	pthread_cond_t has_come;	/* another upload */
	unsigned asked[2][OBJECTS_MAX];	/* how often about each object */
	char uploads[64];	/* the objects that were sent, from 'a' */
	unsigned nunder_way, most_under_way;
	bool has_waited_in_vain;
};

static bool answer_status(struct tinyrequest *request, unsigned status)
{
	char text[80];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %u Status\r\nContent-Length: 0\r\n\r\n", status);
	return tinyserver_puts(request, text);
}

/* A link with the number of the object, and of the answer that it is in. */
static int add_object(char *text, size_t size, const struct bench *bench,
		      enum direction direction, size_t i)
{
	/* The target is only asked what could be fetched from it. */
	bool is_probe = direction == UPLOAD && bench->scene->is_dry;
	char fault = bench->scene->faults[i], actions[200] = "";

	if (is_probe ? fault != 't' : direction == DOWNLOAD && fault == 'm')
		snprintf(actions, sizeof(actions),
			 "\"error\":{\"code\":404,\"message\":\"none\"}");
	else if (direction == UPLOAD && fault == 't' && !is_probe)
		snprintf(actions, sizeof(actions), "\"authenticated\":true");
	else
		snprintf(actions, sizeof(actions),
			 "\"actions\":{\"%s\":{\"href\":\"%s/%zu/%u\"}}",
			 direction == UPLOAD && !is_probe ? "upload" :
							    "download",
			 tinyserver_url(bench->servers[direction]), i,
			 bench->asked[direction][i]);
	return snprintf(text, size, "%s{\"oid\":\"%s\",\"size\":%d,%s}",
			*text ? "," : "", bench->entries[i].pointer.oid, SIZE,
			actions);
}

static bool answer_batch(struct bench *bench, enum direction direction,
			 struct tinyrequest *request)
{
	char objects[4000] = "", text[4400];
	const struct scene *scene = bench->scene;
	unsigned status = scene->is_down ? 503 : 200, n = 0;
	size_t len = 0;

	pthread_mutex_lock(&bench->mutex);
	for (size_t i = 0; i < bench->n; i++) {
		if (!strstr(request->body, bench->entries[i].pointer.oid))
			continue;
		bench->asked[direction][i]++;
		if (direction == UPLOAD && scene->faults[i] == 'a' &&
		    bench->asked[UPLOAD][i] == 2)
			status = 503;
		if (direction == UPLOAD && ++n > scene->most && scene->most)
			status = 413;
		objects[len] = len ? ',' : '\0';
		len += (size_t)add_object(objects + len, sizeof(objects) - len,
					  bench, direction, i);
	}
	pthread_mutex_unlock(&bench->mutex);
	if (status != 200)
		return answer_status(request, status);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\n"
		 "Content-Type: application/vnd.git-lfs+json\r\n"
		 "Content-Length: %zu\r\n\r\n"
		 "{\"transfer\":\"basic\",\"objects\":[%s]}",
		 len + strlen("{\"transfer\":\"basic\",\"objects\":[]}"),
		 objects);
	return tinyserver_puts(request, text);
}

/* Until all that may be sent at a time are, in groups of `jobs`. */
static void wait_for_others(struct bench *bench)
{
	size_t jobs = bench->scene->jobs;
	size_t wanted = (strlen(bench->uploads) + jobs - 1) / jobs * jobs;
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_cond_broadcast(&bench->has_come);
	while (strlen(bench->uploads) < wanted && !ret)
		ret = pthread_cond_timedwait(&bench->has_come, &bench->mutex,
					     &until);
	bench->has_waited_in_vain |= ret != 0;
}

/* The status of an upload's answer. */
static unsigned receive_upload(struct bench *bench, size_t i,
			       const struct tinyrequest *request)
{
	char fault = bench->scene->faults[i];
	bool is_first = !strchr(bench->uploads, (int)('a' + i));

	bench->uploads[strlen(bench->uploads)] = (char)('a' + i);
	if (++bench->nunder_way > bench->most_under_way)
		bench->most_under_way = bench->nunder_way;
	if (fault == 'w')
		wait_for_others(bench);
	bench->nunder_way--;
	if (fault == 'r' || request->size != SIZE ||
	    memcmp(request->body, bench->data[i], SIZE))
		return 422;
	return is_first && (fault == 'a' || fault == 'b') ? 503 : 200;
}

static bool answer_upload(struct bench *bench, size_t i,
			  struct tinyrequest *request)
{
	unsigned status;

	pthread_mutex_lock(&bench->mutex);
	status = receive_upload(bench, i, request);
	pthread_mutex_unlock(&bench->mutex);
	if (bench->scene->faults[i] != 'h')
		return answer_status(request, status);
	atomic_store(&bench->is_stopped, true);
	return tinyserver_pause(request, WAIT_S * 1000);
}

static bool answer_download(struct bench *bench, size_t i, bool is_first,
			    struct tinyrequest *request)
{
	char head[80];

	if (bench->scene->faults[i] == 'x' && is_first)
		return answer_status(request, 403);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
	return tinyserver_puts(request, head) &&
	       tinyserver_send(request, bench->data[i], SIZE);
}

static bool answer(struct tinyrequest *request, void *ctx)
{
	struct bench *bench = ctx;
	/* "GET /3/1 HTTP/1.1": object 3, by the link of the first answer. */
	size_t i = (size_t)(request->head[5] - '0');

	if (!tinyserver_read_body(request))
		return false;
	if (!strncmp(request->head, "GET ", 4))
		return answer_download(bench, i, request->head[7] == '1',
				       request);
	if (!strncmp(request->head, "PUT ", 4))
		return answer_upload(bench, i, request);
	return answer_batch(bench,
			    request->server == bench->servers[UPLOAD] ?
				    UPLOAD :
				    DOWNLOAD,
			    request);
}

static void note_report(void *ctx)
{
	struct bench *bench = ctx;

	bench->nreports++;
	bench->nkept = 0;
}

static bool has_room(void *ctx)
{
	const struct bench *bench = ctx;

	return !bench->scene->is_full || !bench->nkept;
}

/* The file is there, has a name of its own, and is locked. */
static void take_file(void *ctx, struct entry *entry, struct finished *finished)
{
	struct bench *bench = ctx;
	size_t i = (size_t)(entry - bench->entries);
	char data[SIZE + 1];
	struct err err = ERR_INIT;

	assert_true(has_room(bench));
	bench->nkept++;
	assert_false(finished->is_synced);
	assert_true(file_is_at(finished->fd, finished->path));
	assert_int_equal(pread(finished->fd, data, sizeof(data), 0), SIZE);
	assert_memory_equal(data, bench->data[i], SIZE);
	assert_int_equal(file_sync_all(".", &err), 0);
	assert_int_equal(unlink(finished->path), 0);
	close(finished->fd);
	free(finished->path);
	bench->uploads[strlen(bench->uploads)] = (char)('a' + i);
	bench->most_under_way = bench->scene->jobs;
}

static bool is_stopped(void *ctx)
{
	struct bench *bench = ctx;

	return atomic_load(&bench->is_stopped);
}

static bool look(void *ctx)
{
	struct bench *bench = ctx;

	return scheduler_look(bench->scheduler);
}

static void make_entry(struct bench *bench, size_t i)
{
	struct pointer *pointer = &bench->entries[i].pointer;
	unsigned char digest[SHA256_SIZE];
	struct sha256 sha;

	for (size_t k = 0; k < SIZE; k++)
		bench->data[i][k] = (char)('0' + (k * 7 + i) % 64);
	sha256_init(&sha);
	sha256_update(&sha, bench->data[i], SIZE);
	sha256_final(&sha, digest);
	sha256_hex(digest, pointer->oid);
	pointer->size = SIZE;
}

static void open_end(struct bench *bench, enum direction direction)
{
	struct context_options options = { .direction = direction };
	struct err err = ERR_INIT;

	bench->servers[direction] = tinyserver_start(answer, bench);
	assert_non_null(bench->servers[direction]);
	options.lfs_url = tinyserver_url(bench->servers[direction]);
	bench->contexts[direction] = context_new(&options, &err);
	assert_non_null(bench->contexts[direction]);
	assert_non_null(context_endpoint(bench->contexts[direction], &err));
	bench->engines[direction] = engine_new(bench->contexts[direction], 1,
					       &err);
	assert_non_null(bench->engines[direction]);
}

static void set_up(struct bench *bench, const struct scene *scene)
{
	struct survey_options survey_options = { .is_dry = scene->is_dry };
	struct scheduler_options options = { .jobs = scene->jobs };
	struct err err = ERR_INIT;

	memset(bench, 0, sizeof(*bench));
	bench->scene = scene;
	bench->n = strlen(scene->faults);
	pthread_mutex_init(&bench->mutex, NULL);
	pthread_cond_init(&bench->has_come, NULL);
	for (size_t i = 0; i < bench->n; i++)
		make_entry(bench, i);
	open_end(bench, DOWNLOAD);
	if (!scene->is_here) {
		open_end(bench, UPLOAD);
		engine_join(bench->engines[UPLOAD], bench->engines[DOWNLOAD]);
		options.spool = bench->spool = spool_new(".", 16 << 20, &err);
	}
	memcpy(options.engines, bench->engines, sizeof(options.engines));
	memcpy(survey_options.engines, bench->engines, sizeof(options.engines));
	survey_options.stop = stop_when(look, bench);
	options.survey = bench->survey = survey_new(&survey_options, &err);
	assert_non_null(bench->survey);
	options.take = take_file;
	options.has_room = scene->is_here ? has_room : NULL;
	options.stop = stop_when(is_stopped, bench);
	options.report = note_report;
	options.ctx = bench;
	bench->scheduler = scheduler_new(&options);
	for (size_t i = 0; i < bench->n; i++)
		scheduler_put(bench->scheduler, &bench->entries[i]);
}

static void tear_down(struct bench *bench)
{
	assert_true(scheduler_free(bench->scheduler));
	for (size_t i = 0; i < bench->n; i++)
		entry_release(&bench->entries[i]);
	assert_true(survey_free(bench->survey));
	for (int i = UPLOAD; i <= DOWNLOAD; i++) {
		assert_true(engine_free(bench->engines[i], WAIT_S * 1000));
		context_free(bench->contexts[i]);
		if (bench->servers[i])
			tinyserver_stop(bench->servers[i]);
	}
	/* All blocks must be free again. */
	if (bench->spool)
		assert_int_equal(spool_room(bench->spool),
				 spool_blocks(bench->spool));
	spool_free(bench->spool);
	pthread_mutex_destroy(&bench->mutex);
	pthread_cond_destroy(&bench->has_come);
}

static void check_entries(const struct bench *bench)
{
	const struct scene *scene = bench->scene;
	char states[OBJECTS_MAX + 1] = "";

	for (size_t i = 0; i < bench->n; i++) {
		const struct entry *entry = &bench->entries[i];

		states[i] = letters[entry->state];
		if (entry->state == ENTRY_MISSING ||
		    entry->state == ENTRY_FAILED)
			assert_non_null(entry->why);
	}
	if (strcmp(states, scene->states))
		fail_msg("%s: %s, not %s", scene->name, states, scene->states);
}

static void check_scene(const struct scene *scene)
{
	struct bench bench;
	struct err err = ERR_INIT;
	int ret;

	set_up(&bench, scene);
	ret = scene->is_dry ? scheduler_ask(bench.scheduler, &err) :
			      scheduler_run(bench.scheduler, &err);
	if (ret != scene->ret)
		fail_msg("%s: %d, %s", scene->name, ret, err.msg);
	if (bench.is_stopped)
		assert_int_equal(err.kind, ERR_CANCELED);
	check_entries(&bench);
	if (scene->uploads && strcmp(bench.uploads, scene->uploads))
		fail_msg("%s: sent %s, not %s", scene->name, bench.uploads,
			 scene->uploads);
	assert_int_equal(bench.most_under_way,
			 *bench.uploads ? scene->jobs : 0);
	assert_false(bench.has_waited_in_vain);
	if (!ret)
		assert_int_equal(scheduler_moved(bench.scheduler),
				 strlen(bench.uploads) * SIZE);
	assert_true(bench.nreports || !*bench.uploads);
	tear_down(&bench);
}

static const struct scene scenes[] = {
	{ "in order", ".....", .jobs = 1, .uploads = "abcde",
	  .states = "MMMMM" },
	{ "several at once, not more", "wwwwww", .jobs = 3,
	  .states = "MMMMMM" },
	{ "a failure comes after all others", ".b..", .jobs = 1,
	  .uploads = "abcdb", .states = "MMMM" },
	{ "also after those not yet asked about", ".b.....", .jobs = 1,
	  .most = 4, .uploads = "abcdefgb", .states = "MMMMMMM" },
	{ "a server that was there is waited for", "a.", .jobs = 1,
	  .uploads = "aba", .states = "MM" },
	{ "a server that never was is not", "..", .jobs = 1, .is_down = true,
	  .ret = -1, .uploads = "", .states = "WW" },
	{ "what is final is not tried again", "tmr", .jobs = 1, .uploads = "c",
	  .states = "T-F" },
	{ "nor does it hinder others", "trm.", .jobs = 1, .uploads = "bd",
	  .states = "TF-M" },
	{ "a link that has expired", ".x.", .jobs = 1, .uploads = "abc",
	  .states = "MMM" },
	{ "a stop", "..h.", .jobs = 1, .ret = -1, .uploads = "abc",
	  .states = "MMWR" },
	{ "to files", ".....", .jobs = 1, .is_here = true, .uploads = "abcde",
	  .states = "MMMMM" },
	{ "to files, with room for one", "...", .jobs = 1, .is_here = true,
	  .is_full = true, .uploads = "abc", .states = "MMM" },
	{ "to files, without one of them", ".m.", .jobs = 1, .is_here = true,
	  .uploads = "ac", .states = "M-M" },
	{ "to files, by a link that has expired", ".x.", .jobs = 1,
	  .is_here = true, .states = "MMM" },
	{ "to files, from a server that never was there", "..", .jobs = 1,
	  .is_here = true, .is_down = true, .ret = -1, .uploads = "",
	  .states = "WW" },
	{ "only ask", ".tm.", .jobs = 1, .is_dry = true, .uploads = "",
	  .states = "RT-R" },
};

static void all_scenes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scenes); i++)
		check_scene(&scenes[i]);
}

static int make_repository(void **state)
{
	static char dir[] = "/tmp/lfsmp-scheduler.XXXXXX";

	*state = dir;
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CONFIG_COUNT", "2", 1);
	setenv("GIT_CONFIG_KEY_0", "lfsmultipart.connections", 1);
	setenv("GIT_CONFIG_VALUE_0", "4", 1);
	setenv("GIT_CONFIG_KEY_1", "lfsmultipart.retries", 1);
	setenv("GIT_CONFIG_VALUE_1", "0", 1);
	return !mkdtemp(dir) || chdir(dir) || system("git init -q .");
}

static int remove_repository(void **state)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	return chdir("/") || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_scenes),
	};

	json_setup();
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_repository,
				      remove_repository);
}
