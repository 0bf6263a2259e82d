/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/remote/credshare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"

enum {
	TICK_MS = 50,
	FAILURE_MS = 10000,	/* for all who want to ask the same just then */
	/* For who has heard of it: a network may be back in hours of a push. */
	KEPT_MS = 60000
};

/* The file has it as it is: only agents of one git-lfs read it. */
struct failure {
	unsigned char digest[SHA256_SIZE];	/* which question */
	uint64_t ms;	/* when, by clock_ms() */
	struct err err;	/* ERR_NONE: there is none */
};

/*
 * Closing any descriptor of the lock's file would drop the lock: there is one,
 * and it is never reopened.
 */
struct credshare {
	const struct askcred *ask;	/* borrowed */
	char *socket;	/* owned */
	char *failed;	/* owned: the name of that file */
	struct failure failure;
	uint64_t began_ms;
	int fd;		/* of the lock; -1: nothing is shared */
	bool is_locked;
};

/* A directory that another user has put there would get our secrets. */
static bool is_ours(const char *dir)
{
	struct stat st;

	return !lstat(dir, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & 077);
}

static void open_dir(struct credshare *share, const char *parent)
{
	char *dir = xstrfmt("%s/credential-%lu", parent,
			    (unsigned long)geteuid());
	char *lock = xstrfmt("%s/lock", dir);

	share->socket = xstrfmt("%s/socket", dir);
	share->failed = xstrfmt("%s/failed", dir);
	mkdir(dir, 0700);
	if (is_ours(dir))
		share->fd = open(lock,
				 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				 0600);
	if (share->fd < 0)
		log_warn("cannot use '%s': credentials are not shared", dir);
	free(lock);
	free(dir);
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
	const struct askcred *ask = share->ask;
	struct pollfd watch = { .fd = ask->watch_fd, .events = POLLIN };
	int got;

	if (share->fd < 0 || share->is_locked)
		return 0;
	for (bool waited = false; !(got = try_lock(share)); waited = true) {
		if (!waited)
			log_info("another agent asks for the credential");
		if (ask->is_stopped && ask->is_stopped(ask->ctx))
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

static void hash_query(const struct credtext *query,
		       unsigned char digest[SHA256_SIZE])
{
	static const char *const keys[] = { "protocol", "host", "path",
					    "username" };
	struct sha256 hash;

	sha256_init(&hash);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = credtext_get(query, keys[i]);

		if (!value)
			value = "";
		sha256_update(&hash, value, strlen(value) + 1);
	}
	sha256_final(&hash, digest);
}

static bool is_noted(const struct credshare *share,
		     const struct credtext *query)
{
	unsigned char wanted[SHA256_SIZE], noted[SHA256_SIZE];

	if (share->fd < 0 ||
	    pread(share->fd, noted, sizeof(noted), 0) != sizeof(noted))
		return false;
	hash_query(query, wanted);
	return !memcmp(wanted, noted, sizeof(noted));
}

bool credshare_is_known(const struct credshare *share,
			const struct credtext *query)
{
	struct stat st;
	int64_t age;

	if (!is_noted(share, query) || fstat(share->fd, &st))
		return false;
	age = clock_unix() - (int64_t)st.st_mtime;
	return age >= 0 && age < ASKCRED_CACHE_S;
}

void credshare_note(struct credshare *share, const struct credtext *query)
{
	unsigned char digest[SHA256_SIZE];

	if (share->fd < 0)
		return;
	hash_query(query, digest);
	if (pwrite(share->fd, digest, sizeof(digest), 0) != sizeof(digest))
		log_warn("cannot note the approved credential");
}

void credshare_forget(struct credshare *share, const struct credtext *query)
{
	if (is_noted(share, query) && ftruncate(share->fd, 0))
		log_warn("cannot forget the rejected credential");
}

/* A shell may stand between git-lfs and us, so its pid is not at hand. */
static void hash_failure(const struct credtext *query,
			 unsigned char digest[SHA256_SIZE])
{
	const pid_t group = getpgrp();
	struct sha256 hash;

	hash_query(query, digest);
	sha256_init(&hash);
	sha256_update(&hash, digest, SHA256_SIZE);
	sha256_update(&hash, &group, sizeof(group));
	sha256_final(&hash, digest);
}

void credshare_note_failure(struct credshare *share,
			    const struct credtext *query, const struct err *why)
{
	struct err ignored = ERR_INIT;
	int fd;

	if (why->kind == ERR_CANCELED)
		return;
	hash_failure(query, share->failure.digest);
	share->failure.ms = clock_ms();
	share->failure.err = *why;
	if (share->fd < 0)
		return;
	fd = open(share->failed,
		  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	file_write(fd, &share->failure, sizeof(share->failure), &ignored);
	close(fd);
}

/* An older one is of a git-lfs before ours, which people tried once more. */
static bool is_new(const struct credshare *share, const struct failure *failure)
{
	return share->began_ms && failure->ms > share->began_ms &&
	       clock_ms() - failure->ms < FAILURE_MS;
}

/* What another agent has noted, if it was just now. */
static struct failure load_failure(const struct credshare *share)
{
	struct failure failure, none = { .err = ERR_INIT };
	bool has;
	int fd;

	if (share->fd < 0)
		return none;
	fd = open(share->failed, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return none;
	has = read(fd, &failure, sizeof(failure)) == sizeof(failure) &&
	      is_new(share, &failure);
	close(fd);
	return has ? failure : none;
}

bool credshare_has_failed(struct credshare *share, const struct credtext *query,
			  struct err *err)
{
	unsigned char wanted[SHA256_SIZE];
	struct failure failure = share->failure;

	hash_failure(query, wanted);
	if (!failure.err.kind || clock_ms() - failure.ms > KEPT_MS)
		failure = load_failure(share);
	if (!failure.err.kind ||
	    memcmp(failure.digest, wanted, sizeof(wanted)) != 0)
		return false;
	share->failure = failure;
	*err = failure.err;
	return true;
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

void credshare_free(struct credshare *share)
{
	if (!share)
		return;
	if (share->fd >= 0)
		close(share->fd);
	free(share->failed);
	free(share->socket);
	free(share);
}
