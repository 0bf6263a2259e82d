/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/err.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"

/* The only mutable statics of the program: set before the first thread. */
static enum log_level log_level = LOG_WARN;
static int log_fd = STDERR_FILENO;
static struct err log_failure = ERR_INIT;

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

#define NLEVELS (sizeof(level_names) / sizeof(level_names[0]))

static enum log_level parse_level(const char *text)
{
	for (size_t i = 0; i < NLEVELS; i++)
		if (!strcasecmp(text, level_names[i]))
			return (enum log_level)i;
	if (text[0] >= '0' && text[0] <= '3' && !text[1])
		return (enum log_level)(text[0] - '0');
	if (!strcasecmp(text, "false") || !strcasecmp(text, "no") || !*text)
		return LOG_WARN;
	return LOG_DEBUG;
}

/* The folder of a file; the caller's. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* May another user than root put something there? */
static bool is_open_to_others(const char *folder)
{
	struct stat st;

	return !stat(folder, &st) && (st.st_mode & (S_IWGRP | S_IWOTH) ||
				      (st.st_uid && st.st_uid != geteuid()));
}

/* Another user may have put the file there. */
static int check_ours(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(err, errno, "cannot stat the log file '%s'",
			       path);
	if (st.st_uid != geteuid() || (S_ISREG(st.st_mode) && st.st_nlink > 1))
		return err_set(err, ERR_USAGE,
			       "the log file '%s' is not yours alone, in a "
			       "folder that others may write to: name one in "
			       "your home folder",
			       path);
	/* O_NONBLOCK kept a pipe without a reader from blocking open(). */
	fcntl(fd, F_SETFL, O_WRONLY | O_APPEND);
	return 0;
}

static int open_log_file(const char *path, struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, fd;
	char *folder = folder_of(path);
	bool is_open = is_open_to_others(folder);

	free(folder);
	if (is_open)
		flags |= O_NOFOLLOW | O_NONBLOCK;
	fd = open(path, flags, 0600);
	if (fd < 0 && is_open && errno == ELOOP)
		return err_set(err, ERR_USAGE,
			       "the log file '%s' is a link in a folder that "
			       "others may write to: name one in your home "
			       "folder",
			       path);
	if (fd < 0)
		return err_sys(err, errno, "cannot open the log file '%s'",
			       path);
	if (!is_open || !check_ours(fd, path, err))
		return fd;
	close(fd);
	return -1;
}

void log_init(void)
{
	const char *level = getenv("GIT_LFS_MULTIPART_TRACE");
	const char *path = getenv("GIT_LFS_MULTIPART_LOG");
	int fd;

	if (level)
		log_level = parse_level(level);
	if (!path || !*path)
		return;
	fd = open_log_file(path, &log_failure);
	if (fd < 0) {
		log_error("%s", log_failure.msg);
		return;
	}
	log_fd = fd;
	/* Someone who names a file wants to read something in it. */
	if (!level)
		log_level = LOG_INFO;
}

const struct err *log_trouble(void)
{
	return log_failure.kind ? &log_failure : NULL;
}

bool log_is_on(enum log_level level)
{
	return level <= log_level;
}

static int put_stamp(char *line, size_t size, enum log_level level)
{
	struct timespec ts;
	struct tm tm;

	if (log_fd == STDERR_FILENO)
		return snprintf(line, size,
				"git-lfs-multipart: %s: ", level_names[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	return snprintf(line, size,
			"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ [%ld] %s: ",
			tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			tm.tm_hour, tm.tm_min, tm.tm_sec,
			(int)(ts.tv_nsec / 1000000), (long)getpid(),
			level_names[level]);
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	char line[1024];
	size_t len;

	if (!log_is_on(level))
		return;
	len = (size_t)put_stamp(line, sizeof(line), level);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	text_printable(line + len);
	len = strlen(line);
	line[len++] = '\n';
	/* A log that cannot be written must not stop a transfer. */
	if (write(log_fd, line, len) < 0)
		return;
}

#define DEFINE_LOG(name, level)                 \
	void log_##name(const char *fmt, ...)   \
	{                                       \
		va_list ap;                     \
		va_start(ap, fmt);              \
		log_line(level, fmt, ap);       \
		va_end(ap);                     \
	}

DEFINE_LOG(error, LOG_ERROR)
DEFINE_LOG(warn, LOG_WARN)
DEFINE_LOG(info, LOG_INFO)
DEFINE_LOG(debug, LOG_DEBUG)
