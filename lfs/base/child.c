/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* posix_spawn_file_actions_addclosefrom_np() */
#include "lfs/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/mem.h"

enum {
	TICK_MS = 100,
	EXIT_TICK_MS = 2,	/* after it has closed its stdout, it exits soon */
	TERM_MS = 200,	/* between SIGTERM and SIGKILL */
	PATH_LENGTH_MAX = 1 << 20,	/* more than exec() takes */
	PIPE_SIZE = 64 << 10,	/* what a pipe holds: one read gets all */
	FIRST_OURS = STDERR_FILENO + 1	/* the first descriptor that no child gets */
};

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"	/* without PATH */

extern char **environ;

struct run {
	const struct child *child;
	const char *name;	/* argv[0] */
	pid_t pid;
	int fds[3];	/* our ends of its stdin, stdout and stderr; -1: closed */
	size_t written;
	uint64_t deadline_ms;	/* 0: none */
	int watch_fd;	/* of its `stop`, until it was readable; or -1 */
	int status;		/* from waitpid(), once it has exited */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(int fds[3])
{
	for (int i = 0; i < 3; i++)
		close_fd(&fds[i]);
}

/* No child of another thread inherits a pipe that is not close-on-exec yet. */
static pthread_mutex_t pipe_mutex = PTHREAD_MUTEX_INITIALIZER;

/* A pipe for the child's descriptor `which`, its end in `theirs`. */
static int make_pipe(struct run *run, int which, int theirs[3], struct err *err)
{
	int ours = which == STDIN_FILENO, fds[2], ret;

	pthread_mutex_lock(&pipe_mutex);
	ret = pipe(fds) ? errno : 0;
	if (!ret) {
		fcntl(fds[0], F_SETFD, FD_CLOEXEC);
		fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	}
	pthread_mutex_unlock(&pipe_mutex);
	if (ret)
		return err_sys(err, ret, "cannot make a pipe");
	fcntl(fds[ours], F_SETFL, O_NONBLOCK);
	run->fds[which] = fds[ours];
	theirs[which] = fds[!ours];
	return 0;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, pipe_only;
	int ret;

	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	ret = posix_spawnattr_setsigmask(attr, &none);
	if (!ret)
		ret = posix_spawnattr_setsigdefault(attr, &pipe_only);
	if (!ret)
		ret = posix_spawnattr_setflags(attr,
					       POSIX_SPAWN_SETSIGMASK |
						       POSIX_SPAWN_SETSIGDEF);
	return ret;
}

static int set_files(posix_spawn_file_actions_t *files,
		     const struct child *child, const int fds[3])
{
	int ret = 0;

	for (int fd = STDIN_FILENO; !ret && fd < FIRST_OURS; fd++)
		if (fds[fd] >= 0)
			ret = posix_spawn_file_actions_adddup2(files, fds[fd],
							       fd);
		else if (fd != STDERR_FILENO || !child->keep_stderr)
			ret = posix_spawn_file_actions_addopen(
				files, fd, "/dev/null",
				fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
#ifdef __GLIBC__
	/* libcurl's sockets are not close-on-exec, and a helper may outlive us. */
	if (!ret)
		ret = posix_spawn_file_actions_addclosefrom_np(files,
							       FIRST_OURS);
#endif
	return ret;
}

/* PATH without its empty and relative elements; "" if nothing is left. */
static char *safe_path(void)
{
	const char *path = getenv("PATH");
	struct buf safe = BUF_INIT(PATH_LENGTH_MAX);

	for (path = path ? path : DEFAULT_PATH; *path;) {
		size_t len = strcspn(path, ":");

		if (*path == '/' && safe.len)
			buf_puts(&safe, ":");
		if (*path == '/')
			buf_add(&safe, path, len);
		path += len + (path[len] == ':');
	}
	return buf_take(&safe);
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The path of a program; the caller's, or NULL. */
static char *find_program(const char *name, const char *path)
{
	char *file;

	if (strchr(name, '/'))
		return xstrdup(name);
	while (*path) {
		size_t len = strcspn(path, ":");

		file = xstrfmt("%.*s/%s", (int)len, path, name);
		if (is_program(file))
			return file;
		free(file);
		path += len + (path[len] == ':');
	}
	return NULL;
}

/* Our environment with this PATH; the array is the caller's. */
static char **environment(char *path_entry)
{
	size_t n = 0, nkept = 0;
	char **env;

	while (environ[n])
		n++;
	env = xcalloc(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "PATH=", 5) != 0)
			env[nkept++] = environ[i];
	env[nkept] = path_entry;
	return env;
}

static int spawn_at(struct run *run, const char *file, char **env,
		    const int fds[3])
{
	/* exec() does not change the strings, though its type allows it. */
	char *const *argv = (char *const *)run->child->argv;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int ret;

	ret = posix_spawn_file_actions_init(&files);
	if (ret)
		return ret;
	ret = posix_spawnattr_init(&attr);
	if (ret)
		goto out;
	ret = set_attributes(&attr);
	if (!ret)
		ret = set_files(&files, run->child, fds);
	pthread_mutex_lock(&pipe_mutex);
	if (!ret)
		ret = posix_spawn(&run->pid, file, &files, &attr, argv, env);
	pthread_mutex_unlock(&pipe_mutex);
	posix_spawnattr_destroy(&attr);
out:
	posix_spawn_file_actions_destroy(&files);
	return ret;
}

/* `fds` are its stdin, stdout and stderr; -1: /dev/null. */
static int spawn(struct run *run, const int fds[3], struct err *err)
{
	char *path = safe_path();
	char *file = find_program(run->name, path);
	char *entry = xstrfmt("PATH=%s", path);
	char **env = environment(entry);
	int ret = 0, errnum;

	if (!*path) {
		ret = err_set(err, ERR_LOCAL,
			      "cannot run '%s': PATH names no absolute folder",
			      run->name);
	} else {
		errnum = file ? spawn_at(run, file, env, fds) : ENOENT;
		if (errnum)
			ret = err_sys(err, errnum, "cannot run '%s'",
				      run->name);
	}
	free(env);
	free(entry);
	free(file);
	free(path);
	return ret;
}

static int start_child(struct run *run, struct err *err)
{
	const struct child *child = run->child;
	int theirs[3] = { -1, -1, -1 };
	int ret = 0;

	if (child->input)
		ret = make_pipe(run, STDIN_FILENO, theirs, err);
	if (!ret)
		ret = make_pipe(run, STDOUT_FILENO, theirs, err);
	if (!ret && child->said)
		ret = make_pipe(run, STDERR_FILENO, theirs, err);
	if (child->talks_to_terminal)
		theirs[STDERR_FILENO] = open("/dev/tty",
					     O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (!ret)
		ret = spawn(run, theirs, err);
	close_fds(theirs);
	return ret;
}

static bool is_retry(int errnum)
{
	return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR;
}

/* A child may close its input before it has read all of it. */
static void write_input(struct run *run)
{
	const char *rest = run->child->input + run->written;
	size_t len = strlen(rest);
	ssize_t put = 0;

	if (len)
		put = write(run->fds[STDIN_FILENO], rest, len);
	if (put > 0)
		run->written += (size_t)put;
	if ((put < 0 && !is_retry(errno)) || put == (ssize_t)len)
		close_fd(&run->fds[STDIN_FILENO]);
}

static int read_output(struct run *run, struct buf *output, struct err *err)
{
	char data[4096];
	ssize_t got;

	while ((got = read(run->fds[STDOUT_FILENO], data, sizeof(data))) > 0) {
		if (run->child->shows_output)
			fwrite(data, 1, (size_t)got, stderr);
		if (buf_add(output, data, (size_t)got))
			return err_set(err, ERR_LOCAL,
				       "'%s' printed more than %zu bytes",
				       run->name, output->max);
	}
	if (!got || !is_retry(errno))
		close_fd(&run->fds[STDOUT_FILENO]);
	return 0;
}

/* Keep the end of all that it wrote. */
static void remember(struct child_said *said, const char *data, size_t n)
{
	size_t size = sizeof(said->text), kept = said->len;

	if (n > size) {
		data += n - size;
		n = size;
	}
	if (kept > size - n)
		kept = size - n;
	memmove(said->text, said->text + said->len - kept, kept);
	memcpy(said->text + kept, data, n);
	said->len = kept + n;
}

static void read_talk(struct run *run)
{
	char data[PIPE_SIZE];
	ssize_t got = read(run->fds[STDERR_FILENO], data, sizeof(data));

	if (got > 0)
		remember(run->child->said, data, (size_t)got);
	else if (!got || !is_retry(errno))
		close_fd(&run->fds[STDERR_FILENO]);
}

static bool has_exited(struct run *run)
{
	pid_t pid;

	do
		pid = waitpid(run->pid, &run->status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (!pid)
		return false;
	/* Somebody else has waited for it: the status is unknown. */
	if (pid < 0)
		run->status = 0;
	return true;
}

/* Is there a reason to end it? */
static int check_child(const struct run *run, struct err *err)
{
	const struct child *child = run->child;

	if (stop_is_wanted(&child->stop))
		return err_set(err, ERR_CANCELED, "'%s' was stopped",
			       run->name);
	if (run->deadline_ms && clock_ms() >= run->deadline_ms)
		return err_set(err, ERR_LOCAL,
			       "'%s' did not finish within %u s", run->name,
			       child->timeout_ms / 1000);
	return 0;
}

static int wait_event(struct run *run, struct buf *output, struct err *err)
{
	const int *ours = run->fds;
	struct pollfd fds[] = {
		{ .fd = ours[STDIN_FILENO], .events = POLLOUT },
		{ .fd = ours[STDOUT_FILENO], .events = POLLIN },
		{ .fd = ours[STDERR_FILENO], .events = POLLIN },
		{ .fd = run->watch_fd, .events = POLLIN },
	};
	int tick = ours[STDOUT_FILENO] < 0 ? EXIT_TICK_MS : TICK_MS;

	if (poll(fds, 4, tick) < 0 && errno != EINTR)
		return err_sys(err, errno, "cannot poll");
	if (fds[STDIN_FILENO].revents)
		write_input(run);
	if (fds[STDOUT_FILENO].revents && read_output(run, output, err))
		return -1;
	if (fds[STDERR_FILENO].revents)
		read_talk(run);
	/* The descriptor stays readable; from now on the tick must do. */
	if (fds[3].revents)
		run->watch_fd = -1;
	return check_child(run, err);
}

static int communicate(struct run *run, struct buf *output, struct err *err)
{
	/* After a stop nobody wants a result, even if it comes at once. */
	if (check_child(run, err))
		return -1;
	while (!has_exited(run))
		if (wait_event(run, output, err))
			return -1;
	run->pid = 0;
	if (run->fds[STDERR_FILENO] >= 0)
		read_talk(run);
	if (run->fds[STDOUT_FILENO] >= 0 && read_output(run, output, err))
		return -1;
	return 0;
}

static void end_child(struct run *run)
{
	const struct timespec pause = { .tv_nsec = EXIT_TICK_MS * 1000000 };

	kill(run->pid, SIGTERM);
	for (int ms = 0; ms < TERM_MS; ms += EXIT_TICK_MS) {
		if (has_exited(run))
			return;
		nanosleep(&pause, NULL);
	}
	kill(run->pid, SIGKILL);
	while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR)
		;
}

static int child_exit_status(const struct run *run, int *status,
			     struct err *err)
{
	int code = WEXITSTATUS(run->status);

	if (WIFSIGNALED(run->status))
		return err_set(err, ERR_LOCAL, "'%s' was killed by signal %d",
			       run->name, WTERMSIG(run->status));
	if (status)
		*status = code;
	else if (code)
		return err_set(err, ERR_LOCAL,
			       "'%s' failed with exit status %d", run->name,
			       code);
	return 0;
}

static struct run run_of(const struct child *child)
{
	struct run run = { .child = child,
			   .name = child->argv[0],
			   .fds = { -1, -1, -1 },
			   .watch_fd = stop_watched(&child->stop) };

	if (child->timeout_ms)
		run.deadline_ms = clock_ms() + child->timeout_ms;
	if (child->said)
		child->said->len = 0;
	return run;
}

/* Wait for a child that has started, or end it. */
static int finish_child(struct run *run, struct buf *output, int *status,
			struct err *err)
{
	int ret = communicate(run, output, err);

	close_fds(run->fds);
	if (run->pid)
		end_child(run);
	return ret ? ret : child_exit_status(run, status, err);
}

int child_run_files(const struct child *child, int in, int out, struct err *err)
{
	struct run run = run_of(child);

	if (spawn(&run, (int[]){ in, out, -1 }, err))
		return -1;
	return finish_child(&run, NULL, NULL, err);
}

int child_run(const struct child *child, struct buf *output, int *status,
	      struct err *err)
{
	struct run run = run_of(child);

	if (start_child(&run, err)) {
		close_fds(run.fds);
		return -1;
	}
	return finish_child(&run, output, status, err);
}

char *child_line(const struct child *child, int *status, struct err *err)
{
	struct buf text = BUF_INIT(CHILD_LINE_MAX);
	char *line = NULL;

	if (!child_run(child, &text, status, err) && !(status && *status))
		line = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	buf_release(&text);
	return line;
}

/* /proc/PID/stat, whose second field is a name in parentheses. */
enum { STAT_SIZE = 1024, PARENT_FIELD = 4, BEGAN_FIELD = 22 };

static bool read_stat(char stat[STAT_SIZE], int64_t pid)
{
	char path[40];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, stat, STAT_SIZE - 1);
		close(fd);
	}
	stat[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The name may hold anything, so fields are counted from its end. */
static uint64_t stat_field(const char *stat, int number)
{
	const char *p = strrchr(stat, ')');

	for (int i = 2; p && i < number; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

void parent_find(struct parent *parent)
{
	char stat[STAT_SIZE];

	*parent = (struct parent){ .pid = getppid() };
	if (!read_stat(stat, parent->pid))
		return;
	if (strstr(stat, " (sh) ")) {
		parent->pid = (int64_t)stat_field(stat, PARENT_FIELD);
		if (!read_stat(stat, parent->pid))
			return;
	}
	parent->began = stat_field(stat, BEGAN_FIELD);
}
