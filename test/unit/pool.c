/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/net/budget.h"
#include "lfs/net/pool.h"
#include "test/unit/unit.h"

#define URL "http://cdn.example/a"

enum {
	MANY = 200,
	NJOBS = 40,
	WORKERS = 8,
	RESOLVE_MS = 5000,
	HOUR_MS = 3600 * 1000
};

static const struct retry_policy policy = {
	.retries = 5,
	.max_delay_ms = 20,
	.offline_ms = 900000,
};

/* For servers that refuse what is too much for them. */
static const struct retry_policy few_retries = {
	.retries = 2,
	.max_delay_ms = 5,
	.offline_ms = 900000,
};

/* For jobs that nobody wants any longer. */
static const struct retry_policy long_waits = {
	.retries = 3,
	.max_delay_ms = 1,
	.offline_ms = 2 * HOUR_MS,
};

/* A server takes so many at once, and refuses more. */
struct server {
	unsigned places;
	atomic_uint taken;
	atomic_uint most;	/* taken at once */
	atomic_uint refused;
	atomic_uint begun;
	unsigned wait_ms;	/* what it asks the refused for */
	int code;	/* of the refusal */
	enum err_kind kind;
};

/* A job that may fail, and takes some time. */
struct deed {
	struct job job;	/* first */
	int failures;	/* still to come */
	enum err_kind kind;	/* of them */
	int wait_ms;	/* that they ask for */
	unsigned ms;
	bool deaf;	/* does not heed the stop flag */
	struct http *https[10];	/* of each try */
	atomic_uint tries;
	uint64_t refused_ms;	/* when it was refused last, or 0 */
	uint64_t paused_ms;	/* the shortest time between that and a try */
	atomic_bool is_over;	/* for is_wanted() */
};

/* A test begins with this. */
struct setting {
	unsigned workers;
	const struct retry_policy *policy;
};

static struct http_shared shared;
static struct server server;
static struct pool *pool;
static struct budget *budget;	/* the pool's, or NULL */
static char path[sizeof("/tmp/lfsmp-pool.XXXXXX")];	/* of its lock file */

static void open_pool(unsigned workers, const struct retry_policy *retries)
{
	shared = (struct http_shared){ .connect_ms = 1 };
	server = (struct server){ .places = MANY };
	pool = pool_new(workers, &shared, retries);
}

static void use_budget(unsigned total)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/lfsmp-pool.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	budget = budget_open(path, 0600, total, 1, false);
	pool_set_budget(pool, budget);
}

static void close_pool(void)
{
	assert_true(pool_free(pool, 30000));
	pool = NULL;
	budget_free(budget);
	if (budget)
		unlink(path);
	budget = NULL;
}

static int set_up(void **state)
{
	const struct setting *setting = *state;

	open_pool(setting->workers, setting->policy);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_pool();
	return 0;
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static bool take_place(void)
{
	unsigned now = atomic_fetch_add(&server.taken, 1) + 1;
	unsigned most = atomic_load(&server.most);

	if (now > server.places) {
		atomic_fetch_sub(&server.taken, 1);
		return false;
	}
	while (most < now &&
	       !atomic_compare_exchange_weak(&server.most, &most, now))
		;
	return true;
}

static int refuse(struct deed *deed, struct err *err)
{
	atomic_fetch_add(&server.refused, 1);
	deed->refused_ms = clock_ms();
	err->wait_ms = (int)server.wait_ms;
	err->code = server.code;
	return err_set(err, server.kind, "too many");
}

static int work(struct deed *deed, struct http *http, struct err *err)
{
	for (unsigned i = 0; i < deed->ms; i += 5) {
		sleep_ms(5);
		if (!deed->deaf && http_is_stopped(http))
			return err_set(err, ERR_CANCELED, "stopped");
	}
	err->wait_ms = deed->wait_ms;
	if (deed->failures-- > 0)
		return err_set(err, deed->kind, "failure");
	return 0;
}

static int run(struct job *job, struct http *http, struct err *err)
{
	struct deed *deed = (struct deed *)job;
	unsigned try = atomic_fetch_add(&deed->tries, 1);
	uint64_t now = clock_ms();
	int ret;

	if (try < COUNT(deed->https))
		deed->https[try] = http;
	if (deed->refused_ms && now - deed->refused_ms < deed->paused_ms)
		deed->paused_ms = now - deed->refused_ms;
	atomic_fetch_add(&server.begun, 1);
	if (!take_place())
		return refuse(deed, err);
	ret = work(deed, http, err);
	atomic_fetch_sub(&server.taken, 1);
	return ret;
}

static struct deed deed_of(unsigned ms)
{
	return (struct deed){ .job.run = run, .ms = ms };
}

/* The next job that is done, within reason. */
static struct deed *next(void)
{
	return (struct deed *)pool_wait(pool, 30000);
}

static void submit_all(struct deed *deeds, unsigned n, unsigned ms)
{
	for (unsigned i = 0; i < n; i++) {
		deeds[i] = deed_of(ms);
		pool_submit(pool, &deeds[i].job);
	}
}

/* How many of them fail. */
static unsigned await(unsigned n)
{
	unsigned failed = 0;

	while (n--) {
		struct deed *deed = next();

		assert_non_null(deed);
		failed += deed->job.err.kind != ERR_NONE;
	}
	return failed;
}

static void every_job_comes_back(void **state)
{
	static struct deed deeds[MANY];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			submit_all(&deeds[i], 1, i % 3 ? 0 : 5);
		for (int i = 0; i < MANY; i++) {
			struct deed *deed = next();

			assert_non_null(deed);
			assert_int_equal(deed->tries, 1);
			assert_int_equal(deed->job.err.kind, ERR_NONE);
			deed->tries = 100;	/* not twice */
		}
		assert_null(pool_wait(pool, 0));
	}
	assert_in_range(server.most, 2, 7);
}

static void an_idle_pool(void **state)
{
	uint64_t begun = clock_ms();

	(void)state;
	assert_null(pool_wait(pool, 50));
	assert_true(clock_ms() - begun >= 50);
	pool_cancel(pool);
	assert_false(atomic_load(&shared.stop));
	assert_true(pool_free(pool, 0));
	pool = NULL;
	assert_true(pool_free(NULL, 0));
}

static void transient_failures(void **state)
{
	static const enum err_kind kinds[] = { ERR_BUSY, ERR_NETWORK,
					       ERR_OFFLINE };
	struct deed deeds[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		deeds[i] = deed_of(0);
		deeds[i].failures = 5;
		deeds[i].kind = kinds[i];
		pool_submit(pool, &deeds[i].job);
	}
	for (int i = 0; i < 3; i++) {
		struct deed *deed = next();

		assert_non_null(deed);
		assert_int_equal(deed->job.err.kind, ERR_NONE);
		assert_int_equal(deed->tries, 6);
		/* All on one connection. */
		for (int try = 1; try < 6; try++)
			assert_ptr_equal(deed->https[try], deed->https[0]);
	}
}

static void failures_for_good(void **state)
{
	struct deed final = deed_of(0), busy = deed_of(0);

	(void)state;
	final.failures = busy.failures = 100;
	final.kind = ERR_REFUSED;
	busy.kind = ERR_BUSY;
	pool_submit(pool, &final.job);
	assert_ptr_equal(next(), &final);
	assert_int_equal(final.tries, 1);
	assert_int_equal(final.job.err.kind, ERR_REFUSED);
	assert_string_equal(final.job.err.msg, "failure");
	pool_submit(pool, &busy.job);
	assert_ptr_equal(next(), &busy);
	assert_int_equal(busy.tries, 6);
	assert_int_equal(busy.job.err.kind, ERR_BUSY);
	assert_string_equal(busy.job.err.msg, "gave up after 6 tries: failure");
	/* Submitted again, it starts afresh. */
	busy.failures = 1;
	busy.tries = 0;
	pool_submit(pool, &busy.job);
	assert_ptr_equal(next(), &busy);
	assert_int_equal(busy.tries, 2);
	assert_int_equal(busy.job.err.kind, ERR_NONE);
}

/* A job that breaks its word and fails without saying why, has failed. */
static int fail_silently(struct job *job, struct http *http, struct err *err)
{
	(void)job;
	(void)http;
	(void)err;
	return -1;
}

static void a_failure_without_a_reason(void **state)
{
	struct job job = { .run = fail_silently };

	(void)state;
	pool_submit(pool, &job);
	assert_ptr_equal(pool_wait(pool, 30000), &job);
	assert_int_not_equal(job.err.kind, ERR_NONE);
}

static void limits(void **state)
{
	static const struct {
		unsigned limit, least, most;
	} cases[] = {
		{ 1, 1, 1 },
		{ 8, 4, 8 },
		{ 2, 1, 2 },
		{ 1, 1, 1 },
		/* More than there may be is as many as there may be. */
		{ 100, 4, 8 },
	};
	struct deed deeds[NJOBS];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		pool_limit(pool, cases[i].limit);
		server.most = 0;
		submit_all(deeds, NJOBS, 5);
		assert_int_equal(await(NJOBS), 0);
		assert_in_range(server.most, cases[i].least, cases[i].most);
	}
}

/* Jobs that wait for a worker get one when the limit rises. */
static void a_rising_limit(void **state)
{
	struct deed deeds[8];

	(void)state;
	pool_limit(pool, 1);
	submit_all(deeds, 8, 10000);
	sleep_ms(50);
	assert_int_equal(server.most, 1);
	pool_limit(pool, 8);
	for (int i = 0; i < 1000 && atomic_load(&server.taken) < 8; i++)
		sleep_ms(5);
	assert_int_equal(server.taken, 8);
	pool_cancel(pool);
	for (int i = 0; i < 8; i++)
		assert_non_null(next());
}

static void cancel_brings_all_back(void **state)
{
	uint64_t begun = clock_ms();
	struct deed deeds[20];

	(void)state;
	submit_all(deeds, 20, 60000);
	while (atomic_load(&server.taken) < 3)
		sleep_ms(1);
	pool_cancel(pool);
	for (int i = 0; i < 20; i++) {
		struct deed *deed = next();

		assert_non_null(deed);
		assert_int_equal(deed->job.err.kind, ERR_CANCELED);
	}
	assert_true(clock_ms() - begun < 20000);
	assert_int_equal(server.begun, 3);
	/* The pool is as good as new. */
	assert_false(atomic_load(&shared.stop));
	submit_all(deeds, 20, 0);
	assert_int_equal(await(20), 0);
}

/* A worker in its pause before a retry. */
static void cancel_ends_a_pause(void **state)
{
	struct deed deed = deed_of(0);
	uint64_t begun;

	(void)state;
	deed.failures = 100;
	deed.kind = ERR_BUSY;
	deed.wait_ms = 60000;
	pool_submit(pool, &deed.job);
	while (!atomic_load(&server.begun))
		sleep_ms(1);
	sleep_ms(50);
	begun = clock_ms();
	pool_cancel(pool);
	assert_ptr_equal(next(), &deed);
	assert_true(clock_ms() - begun < 5000);
	assert_int_equal(deed.job.err.kind, ERR_CANCELED);
}

static void *wake_soon(void *arg)
{
	sleep_ms(50);
	pool_wake(arg);
	return NULL;
}

static void wake(void **state)
{
	uint64_t begun = clock_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake_soon, pool), 0);
	assert_null(pool_wait(pool, 30000));
	assert_true(clock_ms() - begun < 20000);
	pthread_join(thread, NULL);
	/* One that came before the wait is not lost, and counts once. */
	pool_wake(pool);
	begun = clock_ms();
	assert_null(pool_wait(pool, 30000));
	assert_true(clock_ms() - begun < 20000);
	begun = clock_ms();
	assert_null(pool_wait(pool, 50));
	assert_true(clock_ms() - begun >= 50);
}

static void free_stops_what_runs(void **state)
{
	struct deed deeds[5];

	(void)state;
	submit_all(deeds, 5, 60000);
	close_pool();
	assert_int_equal(server.taken, 0);
}

/* A job that nobody can stop is abandoned, in time, and not freed. */
static void free_does_not_wait_for_ever(void **state)
{
	static struct deed deed;
	uint64_t begun;

	(void)state;
	deed = deed_of(1500);
	deed.deaf = true;
	pool_submit(pool, &deed.job);
	while (!atomic_load(&server.taken))
		sleep_ms(1);
	begun = clock_ms();
	assert_false(pool_free(pool, 100));
	assert_in_range(clock_ms() - begun, 100, 1000);
	/* When it is back after all, so is the rest. */
}

/* Deeds that a stop does not end, at a host with places. */
static void call_all(struct deed *calls, unsigned n, unsigned ms)
{
	for (unsigned i = 0; i < n; i++) {
		calls[i] = deed_of(ms);
		calls[i].job.url = URL;
		calls[i].deaf = true;
		calls[i].paused_ms = UINT64_MAX;
		pool_submit(pool, &calls[i].job);
	}
}

static void check_crowd(enum err_kind kind, int code)
{
	static struct deed calls[NJOBS];

	open_pool(WORKERS, &few_retries);
	server.places = 3;
	server.kind = kind;
	server.code = code;
	/* Longer than three tries and their pauses. */
	call_all(calls, NJOBS, 50);
	assert_int_equal(await(NJOBS), 0);
	assert_int_equal(server.most, 3);
	assert_true(server.refused > 0);
	/* Those at first, and a probe for every few that went well. */
	assert_in_range(server.refused, 1, WORKERS + NJOBS / 2);
	close_pool();
}

/* With places, all that it says is believed, and none is refused for long. */
static void check_places(enum err_kind kind, int code)
{
	static struct deed calls[NJOBS];

	open_pool(WORKERS, &few_retries);
	server.places = 3;
	server.kind = kind;
	server.code = code;
	use_budget(WORKERS);
	call_all(calls, NJOBS, 50);
	assert_int_equal(await(NJOBS), 0);
	assert_int_equal(server.most, 3);
	assert_in_range(server.refused, 1, 2 * WORKERS);
	/* A server that is down, or means it, is known for it in time. */
	server.places = 0;
	call_all(calls, WORKERS, 0);
	assert_int_equal(await(WORKERS), WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_in_range(calls[i].tries, 1, 8);
	close_pool();
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
	struct deed calls[WORKERS];

	(void)state;
	server.places = 0;
	server.kind = ERR_BUSY;
	call_all(calls, WORKERS, 0);
	assert_int_equal(await(WORKERS), WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_in_range(calls[i].tries, 2, 4);
	/* One that comes later has all of its tries. */
	call_all(calls, 1, 0);
	assert_int_equal(await(1), 1);
	assert_int_equal(calls[0].tries, 3);
	assert_string_equal(calls[0].job.err.msg,
			    "gave up after 3 tries: too many");
}

static void all_workers_when_there_is_room_again(void **state)
{
	static struct deed calls[4 * NJOBS];

	(void)state;
	server.places = 1;
	server.kind = ERR_BUSY;
	call_all(calls, NJOBS, 10);
	assert_int_equal(await(NJOBS), 0);
	assert_int_equal(server.most, 1);
	server.places = WORKERS;
	call_all(calls, 4 * NJOBS, 10);
	assert_int_equal(await(4 * NJOBS), 0);
	assert_int_equal(server.most, WORKERS);
}

static void what_the_server_asks_for(void **state)
{
	struct deed calls[WORKERS];

	(void)state;
	server.places = 2;
	server.kind = ERR_BUSY;
	server.wait_ms = 200;
	call_all(calls, WORKERS, 20);
	assert_int_equal(await(WORKERS), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(calls[i].paused_ms >= 200);
}

/* Those that wait for room come back, too. */
static void a_stop(void **state)
{
	static struct deed calls[NJOBS];

	(void)state;
	server.places = 2;
	server.kind = ERR_BUSY;
	call_all(calls, NJOBS, 2000);
	while (!atomic_load(&server.refused))
		sleep_ms(1);
	pool_cancel(pool);
	assert_int_equal(await(NJOBS), NJOBS - 2);
	/* The pool is as good as new. */
	server.places = WORKERS;
	call_all(calls, NJOBS, 0);
	assert_int_equal(await(NJOBS), 0);
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
	struct deed call = deed_of(0);

	(void)state;
	server.places = 1;
	use_budget(1);
	budget_fewer(budget, URL, 1);
	call.job.url = URL;
	call.job.is_wanted = is_wanted_once;
	pool_submit(pool, &call.job);
	assert_int_equal(await(1), 1);
	assert_int_equal(call.tries, 0);
	/* The next one gets it. */
	call.job.is_wanted = NULL;
	pool_submit(pool, &call.job);
	assert_int_equal(await(1), 0);
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

static void be_rival(int socket)
{
	struct budget *own = budget_open(path, 0600, 1, 1, false);
	int fd = open(path, O_RDWR);
	char letter;
	off_t at;

	budget_fewer(own, URL, 1);
	if (fd < 0 || !budget_enter(own, URL, &at) || write(socket, "", 1) != 1)
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

static struct rival start_rival(void)
{
	struct rival rival;
	int sockets[2];
	char c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	rival.pid = fork();
	assert_true(rival.pid >= 0);
	if (!rival.pid) {
		close(sockets[0]);
		be_rival(sockets[1]);
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

static bool is_wanted(const struct job *job)
{
	return !atomic_load(&((const struct deed *)job)->is_over);
}

/* A job that waits for a place and is over: nobody shall make room for it. */
static void a_wait_that_is_over(void **state)
{
	struct deed call = deed_of(0);
	struct rival rival;

	(void)state;
	server.places = 1;
	use_budget(1);
	rival = start_rival();
	call.job.url = URL;
	call.job.is_wanted = is_wanted;

	pool_submit(pool, &call.job);
	assert_true(ask_rival(&rival, 'w'));
	pool_cancel(pool);
	assert_int_equal(await(1), 1);
	assert_false(ask_rival(&rival, 'n'));

	pool_submit(pool, &call.job);
	assert_true(ask_rival(&rival, 'w'));
	atomic_store(&call.is_over, true);
	assert_int_equal(await(1), 1);
	assert_false(ask_rival(&rival, 'n'));
	assert_int_equal(call.tries, 0);

	close(rival.socket);
	assert_int_equal(waitpid(rival.pid, NULL, 0), rival.pid);
}

/* A wish is refused for an hour if it has failures, and runs till it is over. */
static int run_wish(struct job *job, struct http *http, struct err *err)
{
	struct deed *wish = (struct deed *)job;

	(void)http;
	atomic_fetch_add(&wish->tries, 1);
	err->wait_ms = wish->wait_ms;
	if (wish->failures)
		return err_set(err, ERR_BUSY, "later");
	while (!atomic_load(&wish->is_over))
		sleep_ms(1);
	return 0;
}

static void submit_wish(struct deed *wish)
{
	wish->job.run = run_wish;
	wish->job.is_wanted = is_wanted;
	pool_submit(pool, &wish->job);
	while (!atomic_load(&wish->tries))
		sleep_ms(1);
	sleep_ms(20);
}

static void drop_wish(struct deed *wish)
{
	atomic_store(&wish->is_over, true);
	pool_look_again(pool);
	assert_ptr_equal(next(), wish);
	assert_int_equal(wish->job.err.kind, ERR_CANCELED);
	assert_int_equal(wish->tries, 1);
}

static void unwanted_in_its_pause(void **state)
{
	struct deed one = { .failures = 1, .wait_ms = HOUR_MS };
	struct deed other = { .failures = 1, .wait_ms = HOUR_MS };

	(void)state;
	submit_wish(&one);
	submit_wish(&other);
	drop_wish(&one);
	/* That is not the other's end. */
	assert_null(pool_wait(pool, 50));
	drop_wish(&other);
}

static void unwanted_while_it_waits_for_room(void **state)
{
	struct deed served = { .failures = 0 }, refused = { .failures = 1 };

	(void)state;
	submit_wish(&served);
	submit_wish(&refused);
	drop_wish(&refused);
	atomic_store(&served.is_over, true);
	assert_ptr_equal(next(), &served);
	assert_int_equal(served.job.err.kind, ERR_NONE);
}

/* It is not even begun. */
static void unwanted_before_its_turn(void **state)
{
	struct deed wish = { .job = { .run = run_wish, .is_wanted = is_wanted },
			     .is_over = true };

	(void)state;
	pool_submit(pool, &wish.job);
	assert_ptr_equal(next(), &wish);
	assert_int_equal(wish.job.err.kind, ERR_CANCELED);
	assert_int_equal(wish.tries, 0);
}

static void count_ring(void *ctx)
{
	atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Wait for so many rings, within reason. */
static void await_rings(atomic_int *rung, int n)
{
	for (int tries = 0; atomic_load(rung) < n; tries++) {
		assert_true(tries < 5000);
		sleep_ms(1);
	}
	assert_int_equal(atomic_load(rung), n);
}

static void take_all(const struct deed *deeds, int n, enum err_kind kind)
{
	for (int i = 0; i < n; i++) {
		assert_ptr_equal(pool_wait(pool, 0), &deeds[i]);
		assert_int_equal(deeds[i].job.err.kind, kind);
	}
	assert_null(pool_wait(pool, 0));
}

/* pool_on_news() rings whenever pool_wait() has something, not before. */
static void news(void **state)
{
	struct deed deeds[3];
	atomic_int rung = 0;

	(void)state;
	pool_on_news(pool, count_ring, &rung);
	pool_limit(pool, 0);
	submit_all(deeds, 3, 0);
	await_rings(&rung, 0);
	pool_limit(pool, 1);
	await_rings(&rung, 3);
	take_all(deeds, 3, ERR_NONE);
	pool_wake(pool);
	await_rings(&rung, 4);
	assert_null(pool_wait(pool, 30000));
	/* Those that never ran are back, too. */
	pool_limit(pool, 0);
	submit_all(deeds, 3, 0);
	pool_cancel(pool);
	await_rings(&rung, 7);
	take_all(deeds, 3, ERR_CANCELED);
}

static atomic_bool asked;
static atomic_bool enough;
static atomic_bool gave_up;

/* In place of libc's, for libcurl too: it takes its time. */
int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **found)
{
	(void)name;
	(void)service;
	(void)hints;
	*found = NULL;
	atomic_store(&asked, true);
	for (int i = 0; i < RESOLVE_MS && !atomic_load(&enough); i += 5)
		sleep_ms(5);
	atomic_store(&gave_up, true);
	return EAI_AGAIN;
}

static int ask_server(struct job *job, struct http *http, struct err *err)
{
	const struct http_request request = {
		.method = "GET",
		.url = "http://server.test/",
		.answer_ms = 60000,
	};

	(void)job;
	return http_perform(http, &request, err);
}

static void stop_while_a_name_is_looked_up(void **state)
{
	struct job job = { .run = ask_server };
	uint64_t begun;

	(void)state;
	shared.connect_ms = shared.stall_ms = 60000;
	pool_submit(pool, &job);
	while (!atomic_load(&asked))
		sleep_ms(1);
	begun = clock_ms();
	assert_true(pool_free(pool, RESOLVE_MS * 2));
	assert_in_range(clock_ms() - begun, 0, 1000);
	assert_int_equal(job.err.kind, ERR_CANCELED);
	assert_false(atomic_load(&gave_up));
}

/* libcurl has abandoned its thread, which cleans up after itself. */
static int let_go(void **state)
{
	(void)state;
	atomic_store(&enough, true);
	while (atomic_load(&asked) && !atomic_load(&gave_up))
		sleep_ms(1);
	return 0;
}

#define TEST(function, workers, policy)            \
	cmocka_unit_test_prestate_setup_teardown(  \
		function, set_up, tear_down,       \
		&((struct setting){ workers, &policy }))

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_job_comes_back, 7, policy),
		TEST(an_idle_pool, 1000, policy),
		TEST(transient_failures, 4, policy),
		TEST(failures_for_good, 2, policy),
		TEST(a_failure_without_a_reason, 1, policy),
		TEST(limits, 8, policy),
		TEST(a_rising_limit, 8, policy),
		TEST(cancel_brings_all_back, 3, policy),
		TEST(cancel_ends_a_pause, 1, policy),
		TEST(wake, 1, policy),
		TEST(free_stops_what_runs, 2, policy),
		TEST(free_does_not_wait_for_ever, 2, policy),
		cmocka_unit_test(a_server_that_is_full),
		cmocka_unit_test(a_port_that_is_full),
		cmocka_unit_test(a_server_that_says_how_many),
		TEST(a_server_that_is_down, WORKERS, few_retries),
		TEST(all_workers_when_there_is_room_again, WORKERS,
		     few_retries),
		TEST(what_the_server_asks_for, WORKERS, few_retries),
		TEST(a_stop, WORKERS, few_retries),
		TEST(a_place_that_is_not_used, 1, few_retries),
		TEST(a_wait_that_is_over, 1, few_retries),
		TEST(unwanted_in_its_pause, 2, long_waits),
		TEST(unwanted_while_it_waits_for_room, 2, long_waits),
		TEST(unwanted_before_its_turn, 1, long_waits),
		TEST(news, 1, policy),
		cmocka_unit_test_prestate_setup_teardown(
			stop_while_a_name_is_looked_up, set_up, let_go,
			&((struct setting){ 1, &policy })),
	};
	struct err err = ERR_INIT;

	if (http_setup(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
