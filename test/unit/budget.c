/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lfs/net/budget.h"
#include "test/unit/unit.h"

enum { AGENTS_MAX = 40 };

/*
 * Record locks are a process's, so every agent is a child.  It does what the
 * letter that it gets says, and answers with its share: 'h' hold, 'r'
 * release, 's' nothing more.  Or it takes a place, 'e', at HOST; it leaves the
 * first that it has, 'l'; it was one too many, 'f', beside as many as have one
 * then; its links were renewed, 'n'; what was learned is forgotten, 'o'.  To
 * these it answers with 1 or 0, as it has a place, or with the number of
 * others.  It opens a second budget beside its own, 'b', and frees it, 'c'.
 */
#define HOST "https://cdn.example/object?secret"

struct agent {
	pid_t pid;
	int to, from;
};

struct place {
	char dir[64];
	char path[96];
	struct agent agents[AGENTS_MAX];
	unsigned nagents;
};

struct mine {
	off_t places[AGENTS_MAX];
	unsigned n;
	struct budget *beside;
};

/* The answer to a letter about places. */
static unsigned at_place(struct budget *budget, struct mine *mine, char letter)
{
	off_t place;
	unsigned others;

	switch (letter) {
	case 'e':
		if (!budget_enter(budget, HOST, &place))
			return 0;
		mine->places[mine->n++] = place;
		return 1;
	case 'l':
	case 'f':
		others = budget_leave(budget, mine->places[0]);
		mine->places[0] = mine->places[--mine->n];
		if (letter == 'f')
			budget_fewer(budget, HOST, others);
		return others;
	case 'n':
		budget_renewed(budget, HOST);
		return 0;
	default:
		budget_forget(budget, HOST);
		return 0;
	}
}

/* The same process sends, too. */
static void open_beside(const struct budget *budget, struct mine *mine,
			const char *path)
{
	mine->beside = budget_open(path, 0600, 16, 8, true);
	budget_join(mine->beside, budget);
	budget_hold(mine->beside);
}

static void be_an_agent(const char *path, unsigned total, int in, int out)
{
	struct budget *budget = budget_open(path, 0600, total, 8, false);
	struct mine mine = { .n = 0 };
	unsigned share;
	char letter;

	while (read(in, &letter, 1) == 1) {
		if (letter == 'h')
			budget_hold(budget);
		else if (letter == 'r')
			budget_release(budget);
		else if (letter == 'b')
			open_beside(budget, &mine, path);
		else if (letter == 'c')
			budget_free(mine.beside);
		if (strchr("elfno", letter))
			share = at_place(budget, &mine, letter);
		else
			share = budget_share(budget);
		if (write(out, &share, sizeof(share)) != sizeof(share))
			break;
	}
	budget_free(budget);
	_exit(0);
}

static void add_agent(struct place *place, unsigned total)
{
	struct agent *agent = &place->agents[place->nagents];
	int to[2], from[2];

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	agent->pid = fork();
	assert_true(agent->pid >= 0);
	if (!agent->pid) {
		for (unsigned i = 0; i < place->nagents; i++)
			close(place->agents[i].to);
		close(to[1]);
		close(from[0]);
		be_an_agent(place->path, total, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	agent->to = to[1];
	agent->from = from[0];
	place->nagents++;
}

/* Its share, after it did so. */
static unsigned tell(struct agent *agent, char letter)
{
	unsigned share = 0;

	assert_int_equal(write(agent->to, &letter, 1), 1);
	assert_int_equal(read(agent->from, &share, sizeof(share)),
			 sizeof(share));
	return share;
}

static void end_agent(struct agent *agent, int signum)
{
	int status;

	if (signum)
		kill(agent->pid, signum);
	close(agent->to);
	assert_int_equal(waitpid(agent->pid, &status, 0), agent->pid);
	close(agent->from);
	agent->pid = 0;
}

/* The shares of all agents that are there; each is `low` or one more. */
static unsigned sum_of_shares(struct place *place, unsigned low)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < place->nagents; i++) {
		unsigned share;

		if (!place->agents[i].pid)
			continue;
		share = tell(&place->agents[i], 's');
		assert_in_range(share, low, low + 1);
		sum += share;
	}
	return sum;
}

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	snprintf(place->dir, sizeof(place->dir), "/tmp/lfsmp-budget.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/connections",
		 place->dir);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < place->nagents; i++)
		if (place->agents[i].pid)
			end_agent(&place->agents[i], 0);
	unlink(place->path);
	rmdir(place->dir);
	free(place);
	return 0;
}

static void alone(void **state)
{
	struct place *place = *state;
	struct budget *budget = budget_open(place->path, 0600, 16, 8, false);
	struct stat st;

	/* A process that moves nothing may ask, and gets a careful answer. */
	assert_in_range(budget_share(budget), 1, 16);
	budget_hold(budget);
	assert_int_equal(budget_share(budget), 16);
	budget_release(budget);
	budget_release(budget);
	budget_hold(budget);
	assert_int_equal(budget_share(budget), 16);
	budget_free(budget);
	budget_free(NULL);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void shares_add_up(void **state)
{
	static const struct {
		unsigned total, nagents;
	} cases[] = { { 16, 1 },  { 16, 2 },  { 16, 3 }, { 16, 8 },
		      { 16, 15 }, { 16, 16 }, { 7, 4 },	 { 100, 33 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct place *place = *state;
		unsigned total = cases[i].total, n = cases[i].nagents;

		for (unsigned k = 0; k < n; k++) {
			add_agent(place, total);
			tell(&place->agents[k], 'h');
		}
		assert_int_equal(sum_of_shares(place, total / n), total);
		for (unsigned k = 0; k < n; k++)
			end_agent(&place->agents[k], 0);
		place->nagents = 0;
	}
}

static void more_agents_than_connections(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < 5; i++) {
		add_agent(place, 3);
		tell(&place->agents[i], 'h');
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(tell(&place->agents[i], 's'), 1);
}

/*
 * Closing a file drops the locks that its process has on it: a second budget
 * that is freed must not take those of the first.
 */
static void two_of_a_process(void **state)
{
	struct place *place = *state;
	struct agent *both, *other;

	add_agent(place, 16);
	add_agent(place, 16);
	both = &place->agents[0];
	other = &place->agents[1];
	tell(both, 'b');
	tell(both, 'h');
	tell(other, 'h');
	assert_int_equal(tell(both, 'e'), 1);
	assert_int_equal(tell(other, 'e'), 1);
	assert_int_equal(sum_of_shares(place, 8), 16);
	tell(both, 'c');
	assert_int_equal(sum_of_shares(place, 8), 16);
	assert_int_equal(tell(other, 'l'), 1);
	tell(both, 'r');
	assert_int_equal(tell(other, 's'), 16);
}

/* An agent whose object is done makes room for the others at once. */
static void release_and_kill(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < 4; i++) {
		add_agent(place, 16);
		tell(&place->agents[i], 'h');
	}
	assert_int_equal(sum_of_shares(place, 4), 16);
	tell(&place->agents[1], 'r');
	assert_int_equal(tell(&place->agents[0], 's') +
				 tell(&place->agents[2], 's') +
				 tell(&place->agents[3], 's'),
			 16);
	tell(&place->agents[1], 'h');
	assert_int_equal(sum_of_shares(place, 4), 16);
	end_agent(&place->agents[2], SIGKILL);
	assert_int_equal(sum_of_shares(place, 5), 16);
	end_agent(&place->agents[0], SIGKILL);
	end_agent(&place->agents[3], SIGKILL);
	assert_int_equal(tell(&place->agents[1], 's'), 16);
}

/* A child process that an agent starts holds nothing of it. */
static void locks_are_not_inherited(void **state)
{
	struct place *place = *state;
	struct budget *budget = budget_open(place->path, 0600, 16, 8, false);
	pid_t child;
	int status;

	budget_hold(budget);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	add_agent(place, 16);
	assert_int_equal(tell(&place->agents[0], 'h') + budget_share(budget),
			 16);
	budget_free(budget);
	assert_int_equal(tell(&place->agents[0], 's'), 16);
}

/* Three agents with two connections each, and a server that takes four. */
static void as_many_as_the_server_takes(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < 3; i++) {
		add_agent(place, 16);
		assert_int_equal(tell(&place->agents[i], 'e'), 1);
		assert_int_equal(tell(&place->agents[i], 'e'), 1);
	}
	assert_int_equal(tell(&place->agents[0], 'f'), 5);
	assert_int_equal(tell(&place->agents[1], 'f'), 4);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(tell(&place->agents[i], 'e'), 0);
	/* A place is free for another when its agent leaves it, or is killed. */
	assert_int_equal(tell(&place->agents[2], 'l'), 3);
	assert_int_equal(tell(&place->agents[0], 'e'), 1);
	assert_int_equal(tell(&place->agents[1], 'e'), 0);
	end_agent(&place->agents[0], SIGKILL);
	assert_int_equal(tell(&place->agents[1], 'e'), 1);
	assert_int_equal(tell(&place->agents[1], 'e'), 1);
	assert_int_equal(tell(&place->agents[1], 'e'), 0);
	/* It is kept for whoever comes later. */
	end_agent(&place->agents[1], 0);
	end_agent(&place->agents[2], 0);
	place->nagents = 0;
	add_agent(place, 16);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(tell(&place->agents[0], 'e'), 1);
	assert_int_equal(tell(&place->agents[0], 'e'), 0);
}

/* One by one, and then twice as many at a time. */
static void a_lesson_is_forgotten(void **state)
{
	static const unsigned most[] = { 1, 2, 4, 8 };
	struct place *place = *state;
	struct agent *agent = &place->agents[0];
	unsigned n = 0;

	add_agent(place, 16);
	assert_int_equal(tell(agent, 'e'), 1);
	assert_int_equal(tell(agent, 'e'), 1);
	assert_int_equal(tell(agent, 'f'), 1);
	for (size_t i = 0; i < COUNT(most); i++) {
		for (n = 1; n < most[i]; n++)
			assert_int_equal(tell(agent, 'e'), 1);
		assert_int_equal(tell(agent, 'e'), 0);
		for (; n > 1; n--)
			tell(agent, 'l');
		/* As good as a minute. */
		tell(agent, 'n');
	}
	/* A refusal that is no lesson, as nobody else is there. */
	tell(agent, 'f');
	assert_int_equal(tell(agent, 'e'), 1);
	tell(agent, 'o');
	for (n = 1; n < AGENTS_MAX; n++)
		assert_int_equal(tell(agent, 'e'), 1);
}

/* A connection that had a place lets one that waits have the next turn. */
static void places_go_round(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < 2; i++) {
		add_agent(place, 16);
		assert_int_equal(tell(&place->agents[i], 'e'), 1);
	}
	assert_int_equal(tell(&place->agents[1], 'f'), 1);
	assert_int_equal(tell(&place->agents[1], 'e'), 0);
	for (unsigned i = 0; i < 6; i++) {
		struct agent *has = &place->agents[i % 2];
		struct agent *waits = &place->agents[(i + 1) % 2];

		assert_int_equal(tell(has, 'l'), 0);
		assert_int_equal(tell(has, 'e'), 0);
		assert_int_equal(tell(waits, 'e'), 1);
		assert_int_equal(tell(has, 'e'), 0);
	}
}

/* Whatever is in the file, it is no more than advice. */
static void a_file_of_nonsense(void **state)
{
	struct place *place = *state;
	FILE *file = fopen(place->path, "w");

	assert_non_null(file);
	for (unsigned i = 0; i < 100000; i++)
		fputc((int)(i * i >> 3), file);
	fclose(file);
	add_agent(place, 16);
	for (unsigned i = 0; i < AGENTS_MAX; i++)
		assert_int_equal(tell(&place->agents[0], 'e'), 1);
	assert_int_equal(tell(&place->agents[0], 'f'), AGENTS_MAX - 1);
	assert_int_equal(tell(&place->agents[0], 'e'), 0);
}

/* There and back are two things, and so are two hosts. */
static void places_are_of_a_host(void **state)
{
	struct place *place = *state;
	struct budget *budget = budget_open(place->path, 0600, 16, 8, false);
	off_t a, b;

	add_agent(place, 16);
	assert_int_equal(tell(&place->agents[0], 'e'), 1);
	assert_true(budget_enter(budget, HOST, &a));
	assert_int_equal(budget_leave(budget, a), 1);
	budget_fewer(budget, HOST, 1);
	assert_false(budget_enter(budget, "https://cdn.example", &a));
	assert_true(budget_enter(budget, "https://cdn.example:444/object", &a));
	assert_true(budget_enter(budget, "http://cdn.example/object", &b));
	assert_int_equal(budget_leave(budget, a), 0);
	assert_int_equal(budget_leave(budget, b), 0);
	budget_free(budget);
	budget = budget_open(place->path, 0600, 16, 8, true);
	assert_true(budget_enter(budget, HOST, &a));
	assert_int_equal(budget_leave(budget, a), 0);
	budget_free(budget);
}

static void no_locks(void **state)
{
	static const struct {
		unsigned total, nagents, share;
	} cases[] = { { 16, 8, 2 },
		      { 16, 1, 16 },
		      { 16, 0, 16 },
		      { 4, 8, 1 },
		      { 10, 8, 1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct budget *budget = budget_open("/nowhere/at/all", 0600,
						    cases[i].total,
						    cases[i].nagents, false);
		off_t at;

		assert_non_null(budget);
		budget_hold(budget);
		assert_int_equal(budget_share(budget), cases[i].share);
		for (unsigned n = 0; n < 40; n++) {
			assert_true(budget_enter(budget, HOST, &at));
			assert_int_equal(budget_leave(budget, at), 0);
			budget_fewer(budget, HOST, 1);
		}
		budget_renewed(budget, HOST);
		budget_forget(budget, HOST);
		budget_release(budget);
		budget_free(budget);
	}
}

static void is_for_the_group(void **state)
{
	struct place *place = *state;
	mode_t mask = umask(077);
	struct budget *budget = budget_open(place->path, 0660, 16, 8, false);
	struct stat st;

	umask(mask);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	budget_free(budget);
}

#define WITH_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(alone),
		WITH_PLACE(shares_add_up),
		WITH_PLACE(more_agents_than_connections),
		WITH_PLACE(two_of_a_process),
		WITH_PLACE(release_and_kill),
		WITH_PLACE(locks_are_not_inherited),
		WITH_PLACE(is_for_the_group),
		WITH_PLACE(as_many_as_the_server_takes),
		WITH_PLACE(a_lesson_is_forgotten),
		WITH_PLACE(places_go_round),
		WITH_PLACE(a_file_of_nonsense),
		WITH_PLACE(places_are_of_a_host),
		cmocka_unit_test(no_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
