/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/notes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/crc.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"

/*
 * Each key has its place in the file, which has holes.  Two that have the same
 * lose one of them, so there are many more places than keys.
 */
enum {
	SLOTS = 1 << 14,
	OWN = 64	/* places in memory */
};

/* As it is in the file, at the place of its key. */
struct note {
	unsigned char key[SHA256_SIZE];
	uint64_t ms; /* 0: it does not hold */
	struct err what;
	uint32_t crc; /* of all before it: it may be read half written */
};

struct notes {
	char *path; /* owned, or NULL */
	char boot[CLOCK_BOOT_SIZE];
	struct note own[OWN];
};

struct notes *notes_new(const char *path)
{
	struct notes *notes = xcalloc(1, sizeof(*notes));

	notes->path = path ? xstrdup(path) : NULL;
	clock_boot(notes->boot);
	return notes;
}

/* Its time means nothing in another boot, or on another machine: nor does it. */
static unsigned hash_key(const struct notes *notes, const char *key,
			 unsigned char digest[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, notes->boot, sizeof(notes->boot));
	sha256_update(&hash, key, strlen(key));
	sha256_final(&hash, digest);
	return (digest[0] | (unsigned)digest[1] << 8) % SLOTS;
}

static uint32_t sum_of(const struct note *note)
{
	return crc_update(0, note, offsetof(struct note, crc));
}

static void put(struct notes *notes, const char *key, const struct note *what)
{
	struct err ignored = ERR_INIT;
	struct note note;
	unsigned slot;
	int fd;

	/* With its padding, which is summed and written, too. */
	memset(&note, 0, sizeof(note));
	memcpy(&note.what, &what->what, sizeof(note.what));
	note.ms = what->ms;
	slot = hash_key(notes, key, note.key);
	note.crc = sum_of(&note);
	notes->own[slot % OWN] = note;
	if (!notes->path)
		return;
	fd = file_open_own(notes->path, O_WRONLY | O_CREAT, &ignored);
	if (fd < 0)
		return;
	file_write_at(fd, &note, sizeof(note), slot * sizeof(note), &ignored);
	close(fd);
}

void notes_put(struct notes *notes, const char *key, const struct err *what)
{
	put(notes, key, &(struct note){ .ms = clock_ms(), .what = *what });
}

void notes_drop(struct notes *notes, const char *key)
{
	put(notes, key, &(struct note){ .ms = 0 });
}

/* The note in the file, or an empty one. */
static struct note load(const struct notes *notes, unsigned slot)
{
	struct note note, none = { .ms = 0 };
	struct err ignored = ERR_INIT;
	bool is_whole;
	int fd = -1;

	if (notes->path)
		fd = file_open_own(notes->path, O_RDONLY, &ignored);
	if (fd < 0)
		return none;
	is_whole = !file_read_at(fd, &note, sizeof(note), slot * sizeof(note),
				 &ignored) &&
		   note.crc == sum_of(&note);
	close(fd);
	return is_whole ? note : none;
}

bool notes_get(struct notes *notes, const char *key, uint64_t since_ms,
	       struct err *what)
{
	unsigned char wanted[SHA256_SIZE];
	unsigned slot = hash_key(notes, key, wanted);
	struct note found = load(notes, slot);

	if (memcmp(found.key, wanted, sizeof(wanted)) != 0) {
		found = notes->own[slot % OWN];
	}
	if (memcmp(found.key, wanted, sizeof(wanted)) != 0 || !found.ms ||
	    found.ms <= since_ms || found.ms > clock_ms())
		return false;
	if (what)
		*what = found.what;
	return true;
}

void notes_free(struct notes *notes)
{
	if (!notes)
		return;
	free(notes->path);
	free(notes);
}
