/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/log.h"
#include "test/unit/unit.h"

/*
 * The level and the file are set once in a process, so each case is a child
 * whose stderr, or log file, is looked at.
 */

struct talk {
	const char *level, *file;	/* of the environment, or NULL */
	void (*speak)(void);
};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* Run the child; what it wrote to stderr is in `out`, as a string. */
static void listen_to(const struct talk *talk, char *out, size_t size)
{
	int pipes[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		set("GIT_LFS_MULTIPART_TRACE", talk->level);
		set("GIT_LFS_MULTIPART_LOG", talk->file);
		log_init();
		talk->speak();
		_exit(0);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], out + len, size - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void speak_of_all(void)
{
	log_error("a");
	log_warn("b%d", 1);
	log_info("c");
	log_debug("d");
}

static void levels(void **state)
{
	static const struct {
		const char *value;
		unsigned lines;
	} cases[] = {
		{ NULL, 2 },	{ "", 2 },	   { "0", 1 },
		{ "1", 2 },	{ "2", 3 },	   { "3", 4 },
		{ "4", 4 },	{ "5", 4 },	   { "10", 4 },
		{ "error", 1 }, { "warn", 2 },	   { "info", 3 },
		{ "debug", 4 }, { "trace", 4 },	   { "DEBUG", 4 },
		{ "true", 4 },	{ "yes", 4 },	   { "false", 2 },
		{ "no", 2 },	{ "nonsense", 4 },
	};
	static const char all[] = "git-lfs-multipart: error: a\n"
				  "git-lfs-multipart: warn: b1\n"
				  "git-lfs-multipart: info: c\n"
				  "git-lfs-multipart: debug: d\n";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct talk talk = { cases[i].value, NULL, speak_of_all };
		char out[1000];
		unsigned lines = 0;

		listen_to(&talk, out, sizeof(out));
		for (const char *p = out; *p; p++)
			lines += *p == '\n';
		if (lines != cases[i].lines)
			fail_msg("'%s' gave %u lines", cases[i].value, lines);
		assert_memory_equal(out, all, strlen(out));
	}
}

static void speak_hostile(void)
{
	log_error("a\nb\r\t\x1b[2J\x7f\x01%s\x9b\xc2\x9b", "%s%n");
}

static void control_bytes(void **state)
{
	const struct talk talk = { NULL, NULL, speak_hostile };
	char out[200];

	(void)state;
	listen_to(&talk, out, sizeof(out));
	assert_string_equal(out,
			    "git-lfs-multipart: error: a b  ?[2J??%s%n??\n");
}

static void speak_long(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
	log_error("next");
}

static void long_lines(void **state)
{
	const struct talk talk = { NULL, NULL, speak_long };
	char out[10000], *end;

	(void)state;
	listen_to(&talk, out, sizeof(out));
	end = strchr(out, '\n');
	assert_non_null(end);
	assert_in_range(end - out, 1000, 1024);
	assert_string_equal(end + 1, "git-lfs-multipart: error: next\n");
}

static void read_file(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	fclose(file);
}

/* 2026-01-02T03:04:05.678Z [PID] error: a */
static void check_stamp(const char *line)
{
	struct tm tm;
	char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S.", &tm);

	assert_non_null(rest);
	assert_true(tm.tm_year >= 2024 - 1900);
	assert_int_equal(strspn(rest, "0123456789"), 3);
	assert_memory_equal(rest + 3, "Z [", 3);
	assert_true(strtol(rest + 6, &rest, 10) > 1);
	assert_memory_equal(rest, "] error: a\n", 11);
}

/* A file brings `info` with it, a time and the process; it is appended to. */
static void a_file(void **state)
{
	char path[] = "/tmp/lfsmp-log.XXXXXX", out[1000], text[1000];
	const struct talk talk = { NULL, path, speak_of_all };
	int fd = mkstemp(path);
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	for (int run = 1; run <= 2; run++) {
		listen_to(&talk, out, sizeof(out));
		assert_string_equal(out, "");
		read_file(path, text, sizeof(text));
		check_stamp(text);
		assert_non_null(strstr(text, "] warn: b1\n"));
		assert_non_null(strstr(text, "] info: c\n"));
		assert_null(strstr(text, "debug"));
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
}

static void a_file_that_cannot_be(void **state)
{
	const struct talk talk = { "error", "/nowhere/at/all", speak_of_all };
	char out[1000];

	(void)state;
	listen_to(&talk, out, sizeof(out));
	assert_string_equal(out,
			    "git-lfs-multipart: error: cannot open the log "
			    "file '/nowhere/at/all': No such file or "
			    "directory\ngit-lfs-multipart: error: a\n");
}

static void speak_of_trouble(void)
{
	if (!log_trouble())
		fputs("no trouble\n", stderr);
}

/* Is the file refused, with these words, and left as it is? */
static void check_refused(const char *path, const char *why)
{
	const struct talk talk = { NULL, path, speak_of_trouble };
	char out[1000];

	listen_to(&talk, out, sizeof(out));
	if (!strstr(out, why) || strstr(out, "no trouble"))
		fail_msg("'%s', not '%s'", out, why);
}

static void check_taken(const char *path)
{
	const struct talk talk = { NULL, path, speak_of_trouble };
	char out[1000];

	listen_to(&talk, out, sizeof(out));
	assert_string_equal(out, "no trouble\n");
}

/* Files that others may have put there for us to write to. */
static void planted(void **state)
{
	char dir[] = "/tmp/lfsmp-log.XXXXXX", file[100], path[100];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(path, sizeof(path), "%s/log", dir);
	for (int is_open = 0; is_open <= 1; is_open++) {
		assert_int_equal(chmod(dir, is_open ? 01777 : 0755), 0);
		check_taken(file);
		check_taken("/dev/null");
		check_taken("/dev/stderr");
		assert_int_equal(symlink(file, path), 0);
		if (is_open)
			check_refused(path, "is a link");
		else
			check_taken(path);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(link(file, path), 0);
		if (is_open)
			check_refused(path, "not yours alone");
		else
			check_taken(path);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		if (is_open)
			check_refused(path, "cannot open");
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(file) || rmdir(dir), 0);
}

/* Only root can give a file away. */
static void of_another_user(void **state)
{
	char dir[] = "/tmp/lfsmp-log.XXXXXX", path[100];

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	fclose(fopen(path, "w"));
	assert_int_equal(chown(path, 65534, 65534), 0);
	check_taken(path);
	assert_int_equal(chmod(dir, 0775), 0);
	check_refused(path, "not yours alone");
	/* The owner of a folder may put into it what he likes. */
	assert_int_equal(chmod(dir, 0755) || chown(dir, 65534, 65534), 0);
	check_refused(path, "not yours alone");
	assert_int_equal(unlink(path) || rmdir(dir), 0);
}

static void speak_of_what_is_on(void)
{
	if (log_is_on(LOG_INFO) && !log_is_on(LOG_DEBUG))
		log_error("as asked");
}

static void is_on(void **state)
{
	const struct talk talk = { "info", NULL, speak_of_what_is_on };
	char out[200];

	(void)state;
	listen_to(&talk, out, sizeof(out));
	assert_non_null(strstr(out, "as asked"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(control_bytes),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(a_file),
		cmocka_unit_test(a_file_that_cannot_be),
		cmocka_unit_test(planted),
		cmocka_unit_test(of_another_user),
		cmocka_unit_test(is_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
