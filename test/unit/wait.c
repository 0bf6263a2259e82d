/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>

#include "lfs/base/clock.h"
#include "lfs/base/wait.h"
#include "test/unit/unit.h"

enum { LONG_MS = 30000, NROUNDS = 20000 };

static void no_ring(void **state)
{
	struct bell *bell = bell_new();
	uint64_t begun = clock_ms();

	(void)state;
	bell_wait(bell, bell_count(bell), 0);
	assert_true(clock_ms() - begun < LONG_MS / 2);
	bell_wait(bell, bell_count(bell), 50);
	assert_true(clock_ms() - begun >= 49);
	bell_free(bell);
	bell_free(NULL);
}

/* A ring since the count was taken ends the wait before it begins. */
static void a_ring_before(void **state)
{
	struct bell *bell = bell_new();
	unsigned since = bell_count(bell);
	uint64_t begun = clock_ms();

	(void)state;
	bell_ring(bell);
	assert_int_equal(bell_count(bell), since + 1);
	bell_wait(bell, since, LONG_MS);
	bell_ring(bell);
	bell_wait(bell, since, LONG_MS);
	bell_wait(bell, since + 1, LONG_MS);
	assert_true(clock_ms() - begun < LONG_MS / 2);
	bell_free(bell);
}

/* Two threads that ring for each other, in turn. */
struct game {
	struct bell *bells[2];
	atomic_int turn;
};

static void play(struct game *game, int me)
{
	for (int round = me; round < NROUNDS; round += 2) {
		unsigned since = bell_count(game->bells[me]);

		while (atomic_load(&game->turn) < round) {
			bell_wait(game->bells[me], since, LONG_MS);
			since = bell_count(game->bells[me]);
		}
		atomic_store(&game->turn, round + 1);
		bell_ring(game->bells[!me]);
	}
}

static void *play_second(void *game)
{
	play(game, 1);
	return NULL;
}

static void no_ring_is_lost(void **state)
{
	struct game game = { .bells = { bell_new(), bell_new() } };
	uint64_t begun = clock_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, play_second, &game), 0);
	play(&game, 0);
	pthread_join(thread, NULL);
	assert_int_equal(game.turn, NROUNDS);
	assert_true(clock_ms() - begun < LONG_MS);
	bell_free(game.bells[0]);
	bell_free(game.bells[1]);
}

static void *wait_long(void *bell)
{
	bell_wait(bell, 0, LONG_MS);
	return NULL;
}

static void a_ring_wakes_all(void **state)
{
	struct bell *bell = bell_new();
	uint64_t begun = clock_ms();
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_long,
						bell),
				 0);
	bell_ring(bell);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_true(clock_ms() - begun < LONG_MS / 2);
	bell_free(bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_ring),
		cmocka_unit_test(a_ring_before),
		cmocka_unit_test(no_ring_is_lost),
		cmocka_unit_test(a_ring_wakes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
