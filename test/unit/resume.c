/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/git/gitconfig.h"
#include "lfs/mode/mode.h"
#include "lfs/server/context.h"
#include "lfs/transfer/resume.h"
#include "test/unit/unit.h"

static const char oid[] =
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/* A repository's storage with one file of 25 bytes to upload. */
struct place {
	char dir[64];
	char path[96];
	struct context context;
};

/* An action of three parts, as the server gives it the `n`-th time. */
struct given {
	json_t *tree;
	struct resume_request request;
	struct plan *plan;	/* the one that was chosen */
};

static char endpoint_url[] = "https://h/r.git/info/lfs";

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct err err = ERR_INIT;
	FILE *file;

	if (!place)
		return -1;
	snprintf(place->dir, sizeof(place->dir), "/tmp/lfsmp-resume.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/file", place->dir);
	file = fopen(place->path, "w");
	if (!file || fputs("1234567890123456789012345", file) < 0 ||
	    fclose(file))
		return -1;
	place->context.storage = (struct storage){
		.dir = place->dir,
		.multipart_dir = place->dir,
		.user_dir = place->dir,
	};
	place->context.lfsconfig = gitconfig_parse("", 0, &err);
	place->context.endpoint.url = endpoint_url;
	*state = place;
	return file_make_dir(place->dir, 0700, &err);
}

/* Remove the files whose names have `text` in them. */
static void remove_files(const struct place *place, const char *text)
{
	DIR *dir = opendir(place->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, text))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static int remove_place(void **state)
{
	struct place *place = *state;

	gitconfig_free(place->context.lfsconfig);
	remove_files(place, "");
	rmdir(place->dir);
	free(place);
	return 0;
}

/* The links live for `life` seconds from now. */
static struct given give(const struct place *place, int n, int life)
{
	struct given given = { .tree = json_object() };
	json_t *header = json_object();
	char url[200], name[8];

	json_object_set_new(given.tree, "header", header);
	json_object_set_new(header, "chunk_size", json_string("10"));
	for (int i = 0; i <= 3; i++) {
		snprintf(url, sizeof(url),
			 "https://h/%s?upload=%d&Expires=%lld",
			 i ? "part" : "complete", n,
			 (long long)clock_unix() + life);
		snprintf(name, sizeof(name), "%d", i);
		json_object_set_new(i ? header : given.tree, i ? name : "href",
				    json_string(url));
	}
	given.request.plan = (struct plan_request){ .direction = UPLOAD,
						    .oid = oid,
						    .size = 25,
						    .action = given.tree };
	given.request.path = place->path;
	given.request.may_be_repeated = true;
	return given;
}

static void give_back(struct given *given)
{
	plan_free(given->plan);
	json_decref(given->tree);
}

static void choose(struct resume *resume, struct place *place,
		   struct given *given)
{
	struct err err = ERR_INIT;

	plan_free(given->plan);
	given->request.fresh = mode_plan(&given->request.plan, &err);
	assert_non_null(given->request.fresh);
	given->plan = resume_choose(resume, &place->context, &given->request);
	assert_non_null(resume->journal);
}

/* The fresh plan is the one to carry out. */
static void choose_fresh(struct resume *resume, struct place *place,
			 struct given *given)
{
	choose(resume, place, given);
	assert_false(resume->is_resumed);
	assert_ptr_equal(given->plan, given->request.fresh);
}

/* A run that sends parts 1 and 3 with these links, and then dies. */
static void begin_upload(struct place *place, int n, int life)
{
	struct given given = give(place, n, life);
	struct resume resume;

	choose_fresh(&resume, place, &given);
	for (int i = 0; i < 3; i += 2) {
		given.plan->parts[i].etag = strdup(i ? "\"three\"" : "\"one\"");
		given.plan->parts[i].crc_moved = (uint32_t)i + 5;
		resume_note_part(resume.journal, &given.plan->parts[i]);
	}
	resume_release(&resume);
	give_back(&given);
}

static void going_on(void **state)
{
	struct place *place = *state;
	struct given given = give(place, 2, 1000);
	struct resume resume;
	struct part *parts;

	begin_upload(place, 1, 1000);
	choose(&resume, place, &given);
	assert_true(resume.is_resumed);
	assert_non_null(strstr(given.plan->action.href, "upload=1&"));
	assert_int_equal(given.plan->nparts, 3);
	parts = given.plan->parts;
	assert_true(parts[0].finished);
	assert_false(parts[1].finished);
	assert_true(parts[2].finished);
	assert_string_equal(parts[0].etag, "\"one\"");
	assert_string_equal(parts[2].etag, "\"three\"");
	assert_int_equal(parts[2].crc_moved, 7);
	assert_int_equal(parts[2].done, 5);
	resume_release(&resume);
	give_back(&given);
}

static void going_on_with_a_rewritten_link(void **state)
{
	struct place *place = *state;
	struct given first = give(place, 1, 1000);
	struct given second = give(place, 2, 1000);
	struct resume resume;

	first.request.plan.href = "https://near/complete?upload=1";
	choose(&resume, place, &first);
	first.plan->parts[0].etag = strdup("\"one\"");
	resume_note_part(resume.journal, &first.plan->parts[0]);
	resume_release(&resume);
	second.request.plan.href = "https://near/complete?upload=2";
	choose(&resume, place, &second);
	assert_string_equal(second.plan->action.href,
			    "https://near/complete?upload=1");
	resume_release(&resume);
	give_back(&first);
	give_back(&second);
}

/* Whatever is not as it was, the upload begins anew. */
static void starting_afresh(void **state)
{
	struct place *place = *state;
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	char fork_url[] = "https://h/fork.git/info/lfs";

	for (int i = 0; i < 4; i++) {
		struct given given = give(place, 2, 1000);
		struct resume resume;

		remove_files(place, ".upload");
		begin_upload(place, 1, i == 0 ? 30 : 1000);
		if (i == 1)
			place->context.endpoint.url = fork_url;
		if (i == 2)
			assert_int_equal(utimensat(AT_FDCWD, place->path, times,
						   0),
					 0);
		if (i == 3)
			json_object_set_new(json_object_get(given.tree,
							    "header"),
					    "chunk_size", json_string("9"));
		choose_fresh(&resume, place, &given);
		place->context.endpoint.url = endpoint_url;
		resume_release(&resume);
		give_back(&given);
	}
}

static bool is_in_a_file(const struct place *place, const char *text)
{
	char command[200];

	snprintf(command, sizeof(command), "grep -q -a -r '%s' '%s'", text,
		 place->dir);
	return !system(command);
}

/* Note a completion of another time, or by another git-lfs. */
static void note_completion(struct resume *resume,
			    const struct journal_complete *complete)
{
	journal_keep(resume->journal, 2);
	journal_add(resume->journal, JOURNAL_COMPLETE, complete,
		    sizeof(*complete), NULL);
}

static void completed_just_now(void **state)
{
	struct place *place = *state;

	begin_upload(place, 1, 1000);
	/* It answers once. */
	for (int i = 0; i < 2; i++) {
		struct given given = give(place, 2, 1000);
		struct resume resume;

		choose(&resume, place, &given);
		assert_int_equal(resume.is_resumed, !i);
		if (!i)
			resume_note_completion(resume.journal);
		resume_release(&resume);
		assert_int_equal(is_in_a_file(place, "Expires="), i);
		if (!i) {
			choose(&resume, place, &given);
			assert_null(given.plan);
			resume_release(&resume);
		}
		give_back(&given);
	}
}

/* It has asked the server since, which had lost the object. */
static void completed_for_another_git_lfs(void **state)
{
	struct place *place = *state;

	for (int i = 0; i < 3; i++) {
		struct journal_complete complete = { .at = clock_unix() };
		struct given given = give(place, 2, 1000);
		struct resume resume;

		remove_files(place, ".upload");
		begin_upload(place, 1, 1000);
		choose(&resume, place, &given);
		parent_find(&complete.by);
		complete.by.pid += i == 1;
		complete.by.began -= i == 2;
		note_completion(&resume, &complete);
		resume_release(&resume);
		choose(&resume, place, &given);
		assert_int_equal(!given.plan, i == 0);
		assert_false(resume.is_resumed);
		resume_release(&resume);
		give_back(&given);
	}
}

/* An answer that the server gave just now is newer. */
static void completed_but_asked_for(void **state)
{
	struct place *place = *state;
	struct given given = give(place, 2, 1000);
	struct resume resume;

	begin_upload(place, 1, 1000);
	choose(&resume, place, &given);
	resume_note_completion(resume.journal);
	resume_release(&resume);
	given.request.may_be_repeated = false;
	choose_fresh(&resume, place, &given);
	resume_release(&resume);
	give_back(&given);
}

/* The name of the server is kept, but not how to log in there. */
static void no_secrets(void **state)
{
	char endpoints[][48] = {
		"https://me:secret@h/r.git/info/lfs",
		"https://h/r.git/info/lfs?token=secret",
		"https://h/r.git/info/lfs?token=another",
	};
	struct place *place = *state;

	for (size_t i = 0; i < 3; i++) {
		struct given given = give(place, 2, 1000);
		struct resume resume;

		place->context.endpoint.url = endpoints[i];
		/* A query that differs may mean another repository. */
		choose_fresh(&resume, place, &given);
		resume_release(&resume);
		give_back(&given);
	}
	assert_true(is_in_a_file(place, "https://h/r.git/info/lfs"));
	assert_false(is_in_a_file(place, "secret"));
	assert_false(is_in_a_file(place, "me:"));
}

/* By now the object may be gone from there: it is sent again. */
static void completed_long_ago(void **state)
{
	struct place *place = *state;
	struct given given = give(place, 2, 1000);
	struct journal_complete complete = { .at = clock_unix() - 7200 };
	struct resume resume;

	parent_find(&complete.by);
	begin_upload(place, 1, 100000);
	choose(&resume, place, &given);
	note_completion(&resume, &complete);
	resume_release(&resume);
	choose_fresh(&resume, place, &given);
	resume_release(&resume);
	give_back(&given);
}

/* Is a run that begins after these the last one to resume it? */
static bool is_last_try(struct place *place, int tries, int64_t age)
{
	struct given given = give(place, 2, 1000);
	int64_t then = clock_unix() - age;
	struct resume resume;
	bool is_last;

	remove_files(place, ".upload");
	begin_upload(place, 1, 1000);
	choose(&resume, place, &given);
	free(given.plan->parts[2].etag);
	given.plan->parts[2].etag = strdup("\"three\"");
	resume_note_part(resume.journal, &given.plan->parts[2]);
	for (int i = 0; i < tries; i++)
		journal_add(resume.journal, JOURNAL_RUN, &then, sizeof(then),
			    NULL);
	resume_release(&resume);
	choose(&resume, place, &given);
	assert_true(resume.is_resumed);
	is_last = resume.is_last_try;
	resume_release(&resume);
	give_back(&given);
	return is_last;
}

static void tried_in_vain(void **state)
{
	struct place *place = *state;
	struct given given;
	struct resume resume;

	assert_false(is_last_try(place, 0, 0));
	assert_false(is_last_try(place, RESUME_TRIES - 1, 10));
	assert_false(is_last_try(place, 100, 10));
	assert_false(is_last_try(place, RESUME_TRIES - 2, RESUME_TRIES_S + 10));
	assert_true(is_last_try(place, RESUME_TRIES - 1, RESUME_TRIES_S + 10));
	/* Each run counts itself. */
	is_last_try(place, RESUME_TRIES - 3, RESUME_TRIES_S + 10);
	given = give(place, 2, 1000);
	for (int i = 0; i < 2; i++) {
		choose(&resume, place, &given);
		assert_int_equal(resume.is_last_try, i);
		resume_release(&resume);
	}
	/* One that sends a part was of use. */
	choose(&resume, place, &given);
	given.plan->parts[1].etag = strdup("\"two\"");
	resume_note_part(resume.journal, &given.plan->parts[1]);
	resume_release(&resume);
	choose(&resume, place, &given);
	assert_false(resume.is_last_try);
	resume_release(&resume);
	give_back(&given);
}

#define WITH_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(going_on),
		WITH_PLACE(going_on_with_a_rewritten_link),
		WITH_PLACE(starting_afresh),
		WITH_PLACE(completed_just_now),
		WITH_PLACE(completed_for_another_git_lfs),
		WITH_PLACE(completed_but_asked_for),
		WITH_PLACE(completed_long_ago),
		WITH_PLACE(tried_in_vain),
		WITH_PLACE(no_secrets),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
