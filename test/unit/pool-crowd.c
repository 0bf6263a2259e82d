/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/net/budget.h"
#include "lfs/net/pool.h"
#include "test/unit/unit.h"

/* A pool that runs more jobs at once than the server wants. */

#define URL "http://cdn.example/a"

enum {
	NJOBS = 40,
	WORKERS = 8
};

static const struct retry_policy policy = {
	.retries = 2,
	.max_delay_ms = 5,
	.offline_ms = 900000,
};

/* The server takes so many at once, and says ERR_BUSY to more. */
struct server {
	unsigned places;
	atomic_uint taken;
	atomic_uint most; /* taken at once */
	atomic_uint refused;
	unsigned wait_ms; /* what it asks the refused for */
	int code; /* of the refusal */
	enum err_kind kind;
};

struct call {
	struct job job; /* first */
	struct server *server;
	unsigned ms; /* that it takes */
	unsigned tries;
	uint64_t refused_ms; /* when it was refused last, or 0 */
	uint64_t paused_ms; /* the shortest time between that and a try */
};

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static bool take_place(struct server *server)
{
	unsigned now = atomic_fetch_add(&server->taken, 1) + 1;
	unsigned most = atomic_load(&server->most);

	if (now > server->places) {
		atomic_fetch_sub(&server->taken, 1);
		return false;
	}
	while (most < now &&
	       !atomic_compare_exchange_weak(&server->most, &most, now))
		;
	return true;
}

static int run(struct job *job, struct http *http, struct err *err)
{
	struct call *call = (struct call *)job;
	struct server *server = call->server;
	uint64_t now = clock_ms();

	(void)http;
	call->tries++;
	if (call->refused_ms && now - call->refused_ms < call->paused_ms)
		call->paused_ms = now - call->refused_ms;
	if (!take_place(server)) {
		atomic_fetch_add(&server->refused, 1);
		call->refused_ms = clock_ms();
		err->wait_ms = (int)server->wait_ms;
		err->code = server->code;
		return err_set(err, server->kind, "too many");
	}
	sleep_ms(call->ms);
	atomic_fetch_sub(&server->taken, 1);
	return 0;
}

static void call_all(struct pool *pool, struct server *server,
		     struct call *calls, unsigned n, unsigned ms)
{
	for (unsigned i = 0; i < n; i++) {
		calls[i] = (struct call){ .job.run = run,
					  .job.url = URL,
					  .server = server,
					  .ms = ms,
					  .paused_ms = UINT64_MAX };
		pool_submit(pool, &calls[i].job);
	}
}

/* How many of them fail. */
static unsigned await(struct pool *pool, unsigned n)
{
	unsigned failed = 0;

	while (n--) {
		struct job *job = pool_wait(pool, 30000);

		assert_non_null(job);
		failed += job->err.kind != ERR_NONE;
	}
	return failed;
}

static void check_crowd(enum err_kind kind, int code)
{
	static struct call calls[NJOBS];
	struct server server = { .places = 3, .kind = kind, .code = code };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);

	/* Longer than three tries and their pauses. */
	call_all(pool, &server, calls, NJOBS, 50);
	assert_int_equal(await(pool, NJOBS), 0);
	assert_int_equal(server.most, 3);
	assert_true(server.refused > 0);
	/* Those at first, and a probe for every few that went well. */
	assert_in_range(server.refused, 1, WORKERS + NJOBS / 2);
	assert_true(pool_free(pool, 30000));
}

/* With places, all that it says is believed, and none is refused for long. */
static void check_places(enum err_kind kind, int code)
{
	static struct call calls[NJOBS];
	struct server server = { .places = 3, .kind = kind, .code = code };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);
	char path[] = "/tmp/lfsmp-crowd.XXXXXX";
	struct budget *budget;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	budget = budget_open(path, 0600, WORKERS, 1, false);
	pool_set_budget(pool, budget);
	call_all(pool, &server, calls, NJOBS, 50);
	assert_int_equal(await(pool, NJOBS), 0);
	assert_int_equal(server.most, 3);
	assert_in_range(server.refused, 1, 2 * WORKERS);
	/* A server that is down, or means it, is known for it in time. */
	server.places = 0;
	call_all(pool, &server, calls, WORKERS, 0);
	assert_int_equal(await(pool, WORKERS), WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_in_range(calls[i].tries, 1, 8);
	assert_true(pool_free(pool, 30000));
	budget_free(budget);
	unlink(path);
}

static void a_server_that_says_how_many(void **state)
{
	(void)state;
	check_places(ERR_BUSY, 503);
	check_places(ERR_BUSY, 429);
	check_places(ERR_REFUSED, 403);
}

static void a_server_that_is_full(void **state)
{
	(void)state;
	check_crowd(ERR_BUSY, 503);
}

static void a_port_that_is_full(void **state)
{
	(void)state;
	check_crowd(ERR_NETWORK, ECONNREFUSED);
}

/* All come back, and in far fewer tries than each has. */
static void a_server_that_is_down(void **state)
{
	static struct call calls[NJOBS];
	struct server server = { .places = 0, .kind = ERR_BUSY };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);

	(void)state;
	call_all(pool, &server, calls, WORKERS, 0);
	assert_int_equal(await(pool, WORKERS), WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_in_range(calls[i].tries, 2, 4);
	/* One that comes later has all of its tries. */
	call_all(pool, &server, calls, 1, 0);
	assert_int_equal(await(pool, 1), 1);
	assert_int_equal(calls[0].tries, 3);
	assert_string_equal(calls[0].job.err.msg,
			    "gave up after 3 tries: too many");
	assert_true(pool_free(pool, 30000));
}

static void all_workers_when_there_is_room_again(void **state)
{
	static struct call calls[4 * NJOBS];
	struct server server = { .places = 1, .kind = ERR_BUSY };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);

	(void)state;
	call_all(pool, &server, calls, NJOBS, 10);
	assert_int_equal(await(pool, NJOBS), 0);
	assert_int_equal(server.most, 1);
	server.places = WORKERS;
	call_all(pool, &server, calls, 4 * NJOBS, 10);
	assert_int_equal(await(pool, 4 * NJOBS), 0);
	assert_int_equal(server.most, WORKERS);
	assert_true(pool_free(pool, 30000));
}

static void what_the_server_asks_for(void **state)
{
	static struct call calls[WORKERS];
	struct server server = { .places = 2,
				 .kind = ERR_BUSY,
				 .wait_ms = 200 };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);

	(void)state;
	call_all(pool, &server, calls, WORKERS, 20);
	assert_int_equal(await(pool, WORKERS), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(calls[i].paused_ms >= 200);
	assert_true(pool_free(pool, 30000));
}

/* Those that wait for room come back, too. */
static void a_stop(void **state)
{
	static struct call calls[NJOBS];
	struct server server = { .places = 2, .kind = ERR_BUSY };
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(WORKERS, &shared, &policy);

	(void)state;
	call_all(pool, &server, calls, NJOBS, 2000);
	while (!atomic_load(&server.refused))
		sleep_ms(1);
	pool_cancel(pool);
	assert_int_equal(await(pool, NJOBS), NJOBS - 2);
	/* The pool is as good as new. */
	server.places = WORKERS;
	call_all(pool, &server, calls, NJOBS, 0);
	assert_int_equal(await(pool, NJOBS), 0);
	assert_true(pool_free(pool, 30000));
}

/* It is wanted when it gets its place, and no longer when it is to run. */
static bool is_wanted_once(const struct job *job)
{
	static atomic_uint asked;

	(void)job;
	return !atomic_fetch_add(&asked, 1);
}

static void a_place_that_is_not_used(void **state)
{
	struct server server = { .places = 1 };
	struct call call = {
		.server = &server,
		.job = { .run = run, .is_wanted = is_wanted_once, .url = URL }
	};
	struct http_shared shared = { .connect_ms = 1 };
	struct pool *pool = pool_new(1, &shared, &policy);
	char path[] = "/tmp/lfsmp-crowd.XXXXXX";
	struct budget *budget;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	budget = budget_open(path, 0600, 1, 1, false);
	pool_set_budget(pool, budget);
	budget_fewer(budget, call.job.url, 1);
	pool_submit(pool, &call.job);
	assert_int_equal(await(pool, 1), 1);
	assert_int_equal(call.tries, 0);
	/* The next one gets it. */
	call.job.is_wanted = NULL;
	pool_submit(pool, &call.job);
	assert_int_equal(await(pool, 1), 0);
	assert_true(pool_free(pool, 30000));
	budget_free(budget);
	unlink(path);
}

/*
 * Another process, which has the only place at the host.  For each letter it
 * says if anybody else has a lock, as a process that waits does: 'w' waits for
 * one at first.
 */
struct rival {
	pid_t pid;
	int socket;
};

static char has_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
}

static void be_rival(const char *path, int socket)
{
	struct budget *budget = budget_open(path, 0600, 1, 1, false);
	int fd = open(path, O_RDWR);
	char letter;
	off_t at;

	budget_fewer(budget, URL, 1);
	if (fd < 0 || !budget_enter(budget, URL, &at) ||
	    write(socket, "", 1) != 1)
		_exit(1);
	while (read(socket, &letter, 1) == 1) {
		/* A place is locked for an instant to see whether it is free. */
		for (int n = 0; letter == 'w' && n < 3;
		     n = has_lock(fd) * (n + 1))
			sleep_ms(1);
		letter = letter == 'w' || has_lock(fd);
		if (write(socket, &letter, 1) != 1)
			break;
	}
	_exit(0);
}

static struct rival start_rival(const char *path)
{
	struct rival rival;
	int sockets[2];
	char c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	rival.pid = fork();
	assert_true(rival.pid >= 0);
	if (!rival.pid) {
		close(sockets[0]);
		be_rival(path, sockets[1]);
	}
	close(sockets[1]);
	rival.socket = sockets[0];
	assert_int_equal(read(rival.socket, &c, 1), 1);
	return rival;
}

static bool ask_rival(const struct rival *rival, char letter)
{
	assert_int_equal(write(rival->socket, &letter, 1), 1);
	assert_int_equal(read(rival->socket, &letter, 1), 1);
	return letter;
}

static atomic_bool is_unwanted;

static bool is_wanted_still(const struct job *job)
{
	(void)job;
	return !atomic_load(&is_unwanted);
}

/* A job that waits for a place and is over: nobody shall make room for it. */
static void a_wait_that_is_over(void **state)
{
	struct server server = { .places = 1 };
	struct call call = {
		.server = &server,
		.job = { .run = run, .is_wanted = is_wanted_still, .url = URL }
	};
	struct http_shared shared = { .connect_ms = 1 };
	char path[] = "/tmp/lfsmp-crowd.XXXXXX";
	struct budget *budget;
	struct rival rival;
	struct pool *pool;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	rival = start_rival(path);
	pool = pool_new(1, &shared, &policy);
	budget = budget_open(path, 0600, 1, 1, false);
	pool_set_budget(pool, budget);

	pool_submit(pool, &call.job);
	assert_true(ask_rival(&rival, 'w'));
	pool_cancel(pool);
	assert_int_equal(await(pool, 1), 1);
	assert_false(ask_rival(&rival, 'n'));

	pool_submit(pool, &call.job);
	assert_true(ask_rival(&rival, 'w'));
	atomic_store(&is_unwanted, true);
	assert_int_equal(await(pool, 1), 1);
	assert_false(ask_rival(&rival, 'n'));
	assert_int_equal(call.tries, 0);

	close(rival.socket);
	assert_int_equal(waitpid(rival.pid, NULL, 0), rival.pid);
	assert_true(pool_free(pool, 30000));
	budget_free(budget);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_is_full),
		cmocka_unit_test(a_port_that_is_full),
		cmocka_unit_test(a_server_that_says_how_many),
		cmocka_unit_test(a_server_that_is_down),
		cmocka_unit_test(all_workers_when_there_is_room_again),
		cmocka_unit_test(what_the_server_asks_for),
		cmocka_unit_test(a_stop),
		cmocka_unit_test(a_place_that_is_not_used),
		cmocka_unit_test(a_wait_that_is_over),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
