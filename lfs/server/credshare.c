/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credshare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/notes.h"

enum {
	TICK_MS = 50,
	/* A network may be back in the hours of a push. */
	FAILURE_MS = 60000
};

/*
 * Closing any descriptor of the lock's file would drop the lock: there is one,
 * and it is never reopened.
 */
struct credshare {
	const struct askcred *ask;	/* borrowed */
	char *dir;	/* owned */
	char *socket;	/* owned */
	struct notes *notes;	/* owned */
	uint64_t began_ms;
	int fd;		/* of the lock; -1: nothing is shared */
	bool is_locked;
};

/*
 * Each agent has a read lock on this byte as long as it lives: one that can
 * have a write lock is the last.  It is behind those of lock_of().
 */
static bool set_presence(const struct credshare *share, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)1 << 32,
		.l_len = 1,
	};

	return !fcntl(share->fd, F_SETLK, &lock);
}

/* A directory of ours, on whose mode none of these bits is set? */
static bool is_ours(const char *dir, mode_t bits)
{
	struct stat st;

	return !lstat(dir, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & bits);
}

static char *dir_name(void)
{
	return xstrfmt("credential-%lu", (unsigned long)geteuid());
}

char *credshare_path(const char *dir, const char *name)
{
	char *ours = dir_name(), *path = xstrfmt("%s/%s/%s", dir, ours, name);

	free(ours);
	return path;
}

int credshare_open(const char *dir, const char *name)
{
	char *path = credshare_path(dir, name);
	struct err ignored = ERR_INIT;
	int fd = file_open_own(path, O_RDWR | O_CREAT, &ignored);

	free(path);
	return fd;
}

static void open_dir(struct credshare *share, const char *parent)
{
	char *name = dir_name(), *dir = xstrfmt("%s/%s", parent, name);
	char *notes = xstrfmt("%s/notes", dir);

	share->socket = xstrfmt("%s/socket", dir);
	mkdir(dir, 0700);
	share->fd = credshare_open(parent, "lock");
	if (share->fd < 0)
		log_warn("cannot use '%s': credentials are not shared", dir);
	else
		set_presence(share, F_RDLCK);
	share->notes = notes_new(share->fd < 0 ? NULL : notes);
	share->dir = dir;
	free(notes);
	free(name);
}

struct credshare *credshare_new(const char *dir, uint64_t began_ms,
				const struct askcred *ask)
{
	struct credshare *share = xcalloc(1, sizeof(*share));

	share->ask = ask;
	share->began_ms = began_ms;
	share->fd = -1;
	if (dir)
		open_dir(share, dir);
	else
		share->notes = notes_new(NULL);
	return share;
}

/* One byte for each git-lfs: who waits for one person need not for another. */
static struct flock lock_of(short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = getpgrp(),
		.l_len = 1,
	};
}

/* 1 if it is ours now, 0 if another process has it, -1 if locks do not work. */
static int try_lock(const struct credshare *share)
{
	struct flock lock = lock_of(F_WRLCK);

	if (!fcntl(share->fd, F_SETLK, &lock))
		return 1;
	return errno == EACCES || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int credshare_lock(struct credshare *share, struct err *err)
{
	const struct stop *stop = &share->ask->stop;
	struct pollfd watch = { .fd = stop_watched(stop), .events = POLLIN };
	int got;

	if (share->fd < 0 || share->is_locked)
		return 0;
	for (bool waited = false; !(got = try_lock(share)); waited = true) {
		if (!waited)
			log_info("another agent asks for the credential");
		if (stop_is_wanted(stop))
			return err_set(err, ERR_CANCELED, "stopped");
		/* It stays readable: from then on the tick must do. */
		if (poll(&watch, 1, TICK_MS) > 0)
			watch.fd = -1;
	}
	share->is_locked = got > 0;
	if (got < 0)
		log_warn("locks do not work: credentials are not shared");
	return 0;
}

bool credshare_is_locked(const struct credshare *share)
{
	return share->is_locked;
}

void credshare_unlock(struct credshare *share)
{
	struct flock lock = lock_of(F_UNLCK);

	if (share->is_locked)
		fcntl(share->fd, F_SETLK, &lock);
	share->is_locked = false;
}

/* A shell may stand between git-lfs and us, so its pid is not at hand. */
static long command_of(const struct credshare *share)
{
	return share->began_ms ? (long)getpgrp() : (long)getpid();
}

static bool is_of_command(enum credshare_fact fact)
{
	return fact != CREDSHARE_APPROVED && fact != CREDSHARE_FOR_ACTIONS;
}

static char *key_of(const struct credshare *share, enum credshare_fact fact,
		    const struct credtext *query)
{
	static const char *const names[] = { "protocol", "host", "path",
					     "username" };
	struct buf key = BUF_INIT(CREDTEXT_MAX);

	buf_printf(&key, "login %d %ld", fact,
		   is_of_command(fact) ? command_of(share) : 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = credtext_get(query, names[i]);

		buf_printf(&key, "\n%s", value ? value : "");
	}
	return buf_take(&key);
}

void credshare_note(struct credshare *share, enum credshare_fact fact,
		    const struct credtext *query, const struct err *why)
{
	const struct err none = ERR_INIT;
	char *key = key_of(share, fact, query);

	if (!why || why->kind != ERR_CANCELED)
		notes_put(share->notes, key, why ? why : &none);
	free(key);
}

void credshare_forget(struct credshare *share, enum credshare_fact fact,
		      const struct credtext *query)
{
	char *key = key_of(share, fact, query);

	notes_drop(share->notes, key);
	free(key);
}

/* Since when does it count? */
static uint64_t since(const struct credshare *share, enum credshare_fact fact)
{
	uint64_t now = clock_ms();
	uint64_t life = is_of_command(fact) ? FAILURE_MS :
					      ASKCRED_CACHE_S * 1000;
	uint64_t begun = is_of_command(fact) ? share->began_ms : 0;

	if (fact == CREDSHARE_ANSWERED)
		return begun;
	return now > life && now - life > begun ? now - life : begun;
}

bool credshare_knows(struct credshare *share, enum credshare_fact fact,
		     const struct credtext *query, struct err *why)
{
	char *key = key_of(share, fact, query);
	bool knows = notes_get(share->notes, key, since(share, fact), why);

	free(key);
	return knows;
}

/* Not worth a child where nobody has stored anything. */
static bool has_socket(const struct credshare *share)
{
	struct stat st;

	return share->fd >= 0 && !stat(share->socket, &st);
}

static void use_cache(const struct credshare *share, const char *verb,
		      const struct credtext *lines, struct credtext *answer)
{
	const struct askcred_cache cache = { share->socket, verb };
	struct err err = ERR_INIT;

	/* In a shared storage, another user may have replaced it since. */
	if (!is_ours(share->dir, 077))
		return;
	if (askcred_cache(share->ask, &cache, lines, answer, &err))
		log_warn("%s", err.msg);
}

bool credshare_get(const struct credshare *share, const struct credtext *query,
		   struct credtext *answer)
{
	if (!has_socket(share))
		return false;
	use_cache(share, "get", query, answer);
	if (credtext_get(answer, "password"))
		return true;
	credtext_release(answer);
	return false;
}

void credshare_store(const struct credshare *share,
		     const struct credtext *credential)
{
	if (share->fd >= 0)
		use_cache(share, "store", credential, NULL);
}

void credshare_erase(const struct credshare *share,
		     const struct credtext *credential)
{
	if (has_socket(share))
		use_cache(share, "erase", credential, NULL);
}

bool credshare_is_name(const char *name)
{
	char *ours = dir_name();
	bool is = !strcmp(name, ours);

	free(ours);
	return is;
}

void credshare_look(const char *path, void (*see)(void *ctx, const char *path),
		    void *ctx)
{
	DIR *names = is_ours(path, 0) ? opendir(path) : NULL;
	const struct dirent *entry;
	char *file;

	see(ctx, path);
	while (names && (entry = readdir(names))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		file = xstrfmt("%s/%s", path, entry->d_name);
		see(ctx, file);
		free(file);
	}
	if (names)
		closedir(names);
}

bool credshare_is_in_use(const char *path)
{
	char *lock = xstrfmt("%s/lock", path);
	bool is = file_is_locked_at(lock);

	free(lock);
	return is;
}

struct removal {
	const char *dir;
	struct err *err;
};

static void remove_file(void *ctx, const char *path)
{
	struct removal *removal = ctx;

	if (path != removal->dir && unlink(path) && errno != ENOENT)
		err_sys(removal->err, errno, "cannot remove '%s'", path);
}

int credshare_remove(const char *path, struct err *err)
{
	struct removal removal = { path, err };

	credshare_look(path, remove_file, &removal);
	if (!err->kind && rmdir(path) && errno != ENOENT)
		err_sys(err, errno, "cannot remove '%s'", path);
	return err->kind ? -1 : 0;
}

/*
 * The daemon ends with the last agent.  One that is killed cannot see to that:
 * then the daemon ends when it has nothing more to remember.
 */
static void end_daemon(const struct credshare *share)
{
	const struct credtext nothing = CREDTEXT_INIT;

	/* Nobody keeps his read lock while he tries, so one of two succeeds. */
	set_presence(share, F_UNLCK);
	if (has_socket(share) && set_presence(share, F_WRLCK))
		use_cache(share, "exit", &nothing, NULL);
}

void credshare_free(struct credshare *share)
{
	if (!share)
		return;
	if (share->fd >= 0) {
		end_daemon(share);
		close(share->fd);
	}
	notes_free(share->notes);
	free(share->socket);
	free(share->dir);
	free(share);
}
