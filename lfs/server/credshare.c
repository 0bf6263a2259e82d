/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/credshare.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"

enum {
	TICK_MS = 20,
	/* A failure counts no longer: in a push of hours a network may return. */
	FAILURE_MS = 60000
};

/*
 * A note has its place in a file, which has holes, by its key's hash.  A note
 * replaces another one with the same place, so there are many more places than
 * keys.
 */
enum {
	NOTES = 1 << 14,
	OWN_NOTES = 64	/* places in memory */
};

/* As it is in the file. */
struct note {
	unsigned char key[SHA256_SIZE];
	uint64_t ms; /* by clock_ms(); 0: it does not hold */
	struct err why;
	uint32_t crc; /* of all before it: it may be read half written */
};

/*
 * Closing any descriptor of the lock's file would drop all locks: there is one,
 * and it is never reopened.
 */
struct credshare {
	const struct askcred *ask;	/* borrowed */
	char *dir;	/* owned, or NULL: nothing is shared */
	char *socket;	/* owned */
	uint64_t began_ms;
	int fd;		/* of the lock; -1: nothing is shared */
	bool is_locked[CREDSHARE_ANSWERS + 1];
	char boot[CLOCK_BOOT_SIZE];
	struct note own[OWN_NOTES];	/* of this process */
};

/* Bytes of the lock's file, above all process groups, which lock for logins. */
enum lock_place { PRESENCE, ANSWERS };
static const uint64_t places = (uint64_t)1 << 32;

/*
 * Each agent has a read lock on this byte as long as it lives: an agent that can
 * get a write lock is the last.
 */
static bool set_presence(const struct credshare *share, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(places + PRESENCE),
		.l_len = 1,
	};

	return !fcntl(share->fd, F_SETLK, &lock);
}

/* Is it a folder of this user, without any of these bits in its mode? */
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

int credshare_open(const struct credshare *share, const char *name, int flags)
{
	struct err ignored = ERR_INIT;
	char *path;
	int fd;

	if (!share->dir)
		return -1;
	path = xstrfmt("%s/%s", share->dir, name);
	fd = file_open_own(path, flags, &ignored);
	free(path);
	return fd;
}

void credshare_unlink(const struct credshare *share, const char *name)
{
	char *path = xstrfmt("%s/%s", share->dir ? share->dir : "", name);

	if (share->dir)
		unlink(path);
	free(path);
}

static void open_dir(struct credshare *share, const char *parent)
{
	char *name = dir_name();

	share->dir = xstrfmt("%s/%s", parent, name);
	share->socket = xstrfmt("%s/socket", share->dir);
	mkdir(share->dir, 0700);
	share->fd = credshare_open(share, CREDSHARE_LOCK, O_RDWR | O_CREAT);
	if (share->fd >= 0) {
		set_presence(share, F_RDLCK);
	} else {
		log_warn("cannot use '%s': credentials are not shared",
			 share->dir);
		free(share->dir);
		share->dir = NULL;
	}
	free(name);
}

struct credshare *credshare_new(const char *dir, uint64_t began_ms,
				const struct askcred *ask)
{
	struct credshare *share = xcalloc(1, sizeof(*share));

	share->ask = ask;
	share->began_ms = began_ms;
	share->fd = -1;
	clock_boot(share->boot);
	if (dir)
		open_dir(share, dir);
	return share;
}

/* Each git-lfs asks its own person, so each has a lock for logins of its own. */
static uint64_t place_of(enum credshare_lock which)
{
	return which == CREDSHARE_LOGIN ? (uint64_t)getpgrp() :
					  places + ANSWERS;
}

int credshare_lock(struct credshare *share, enum credshare_lock which,
		   struct err *err)
{
	const struct stop *stop = &share->ask->stop;
	struct pollfd watch = { .fd = stop_watched(stop), .events = POLLIN };
	struct err why = ERR_INIT;

	if (share->fd < 0 || share->is_locked[which])
		return 0;
	for (bool waited = false;
	     file_lock_byte(share->fd, place_of(which), &why) &&
	     why.kind == ERR_BUSY;
	     waited = true) {
		err_clear(&why);
		if (!waited && which == CREDSHARE_LOGIN)
			log_info("another agent asks for the credential");
		if (stop_is_wanted(stop))
			return err_set(err, ERR_CANCELED, "stopped");
		/* It stays readable: from then on only wait for the tick. */
		if (poll(&watch, 1, TICK_MS) > 0)
			watch.fd = -1;
	}
	share->is_locked[which] = !why.kind;
	if (why.kind)
		log_warn("locks do not work: credentials are not shared");
	return 0;
}

bool credshare_is_locked(const struct credshare *share,
			 enum credshare_lock which)
{
	return share->is_locked[which];
}

void credshare_unlock(struct credshare *share, enum credshare_lock which)
{
	if (share->is_locked[which])
		file_unlock_byte(share->fd, place_of(which));
	share->is_locked[which] = false;
}

/* git-lfs need not be our parent: a shell may stand between. */
static long command_of(const struct credshare *share)
{
	return share->began_ms ? (long)getpgrp() : (long)getpid();
}

static bool is_of_command(enum credshare_fact fact)
{
	return fact != CREDSHARE_APPROVED && fact != CREDSHARE_FOR_ACTIONS;
}

/*
 * Fill in the note's key and return its place.  The boot is part of the key: in
 * another one, or on another machine, the note's time means nothing.
 */
static unsigned find_place(const struct credshare *share,
			   enum credshare_fact fact,
			   const struct credtext *query, struct note *note)
{
	static const char *const names[] = { "protocol", "host", "path",
					     "username" };
	struct buf key = BUF_INIT(CREDTEXT_MAX);
	struct sha256 hash;

	buf_printf(&key, "login %d %ld", fact,
		   is_of_command(fact) ? command_of(share) : 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = credtext_get(query, names[i]);

		buf_printf(&key, "\n%s", value ? value : "");
	}
	sha256_init(&hash);
	sha256_update(&hash, share->boot, sizeof(share->boot));
	sha256_update(&hash, buf_str(&key), key.len);
	sha256_final(&hash, note->key);
	buf_release(&key);
	return (note->key[0] | (unsigned)note->key[1] << 8) % NOTES;
}

static uint32_t sum_of(const struct note *note)
{
	return crc_update(0, note, offsetof(struct note, crc));
}

/* Write a note for all; NULL: what an earlier one says is no longer so. */
static void put_note(struct credshare *share, enum credshare_fact fact,
		     const struct credtext *query, const struct err *why)
{
	struct err ignored = ERR_INIT;
	struct note note;
	unsigned place;
	int fd;

	/* The padding is summed and written, too. */
	memset(&note, 0, sizeof(note));
	if (why) {
		memcpy(&note.why, why, sizeof(note.why));
		note.ms = clock_ms();
	}
	place = find_place(share, fact, query, &note);
	note.crc = sum_of(&note);
	share->own[place % OWN_NOTES] = note;
	fd = credshare_open(share, "notes", O_WRONLY | O_CREAT);
	if (fd < 0)
		return;
	file_write_at(fd, &note, sizeof(note), place * sizeof(note), &ignored);
	close(fd);
}

void credshare_note(struct credshare *share, enum credshare_fact fact,
		    const struct credtext *query, const struct err *why)
{
	const struct err none = ERR_INIT;

	if (!why || why->kind != ERR_CANCELED)
		put_note(share, fact, query, why ? why : &none);
}

void credshare_forget(struct credshare *share, enum credshare_fact fact,
		      const struct credtext *query)
{
	put_note(share, fact, query, NULL);
}

/* The note at a place of the file; false if there is none. */
static bool load_note(const struct credshare *share, unsigned place,
		      struct note *note)
{
	int fd = credshare_open(share, "notes", O_RDONLY);
	struct err ignored = ERR_INIT;
	bool is_whole;

	if (fd < 0)
		return false;
	is_whole = !file_read_at(fd, note, sizeof(*note), place * sizeof(*note),
				 &ignored) &&
		   note->crc == sum_of(note);
	close(fd);
	return is_whole;
}

/* The time after which such a note counts. */
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
	struct note wanted, found;
	unsigned place = find_place(share, fact, query, &wanted);

	if (!load_note(share, place, &found) ||
	    memcmp(found.key, wanted.key, sizeof(found.key)) != 0)
		found = share->own[place % OWN_NOTES];
	if (memcmp(found.key, wanted.key, sizeof(found.key)) != 0 ||
	    !found.ms || found.ms <= since(share, fact) ||
	    found.ms > clock_ms())
		return false;
	if (why)
		*why = found.why;
	return true;
}

/* Without a daemon nobody has stored anything: that saves a child. */
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

	/* In a shared storage, another user may have replaced the folder since. */
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

/*
 * The last agent removes everything.  An agent that is killed does not:
 * then the daemon ends when it has nothing more to remember, and old answers do
 * not count.
 */
static void leave(const struct credshare *share)
{
	const struct credtext nothing = CREDTEXT_INIT;

	/* No agent keeps its read lock while it tries, so one of two succeeds. */
	set_presence(share, F_UNLCK);
	if (!set_presence(share, F_WRLCK))
		return;
	if (has_socket(share))
		use_cache(share, "exit", &nothing, NULL);
	credshare_unlink(share, "answers");
}

void credshare_free(struct credshare *share)
{
	if (!share)
		return;
	if (share->fd >= 0) {
		leave(share);
		close(share->fd);
	}
	free(share->socket);
	free(share->dir);
	free(share);
}
