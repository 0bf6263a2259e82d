/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/worktree/gitindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha1.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/worktree/placed.h"

enum {
	HEADER = 12,	/* "DIRC", the version, the number of entries */
	VERSION_AT = 4,
	COUNT_AT = 8,
	EXTENSION_HEAD = 8,	/* four letters, and the size of what follows */
	PATH_LENGTH_MAX = 64 << 10,
	/* In an entry: ten numbers of 32 bits, the blob's id, the flags, the path. */
	CTIME_AT = 0,
	MTIME_AT = 8,
	DEV_AT = 16,
	INODE_AT = 20,
	MODE_AT = 24,
	UID_AT = 28,
	GID_AT = 32,
	SIZE_AT = 36,
	ID_AT = 40,
	FLAGS_SIZE = 2,
	ALIGN = 8	/* of an entry, in versions 2 and 3 */
};

/* The flags of an entry, and the second ones that it may have. */
enum {
	ASSUME_VALID = 0x8000,
	HAS_MORE_FLAGS = 0x4000,
	STAGE = 0x3000,
	NAME_LENGTH = 0x0fff,
	SKIP_WORKTREE = 0x4000,
	INTENT_TO_ADD = 0x2000
};

#define SECOND_NS 1000000000
#define TYPE 0170000u
#define REGULAR 0100000u
#define SIZE_4GIB 0x80000000u	/* in place of a size of which 32 bits are 0 */

/* The walk from entry to entry. */
struct walk {
	const struct gitindex *index;
	size_t end;	/* of all but the hash at the end */
	size_t off;	/* of the next entry */
	uint32_t version;
	struct buf path;	/* of the entry */
};

struct entry {
	unsigned char *data;	/* in the index */
	unsigned flags, more_flags;
	const char *path;	/* borrowed until the next entry */
};

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static unsigned get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put32(unsigned char *p, uint64_t value)
{
	for (int i = 3; i >= 0; i--) {
		p[i] = (unsigned char)(value & 0xff);
		value >>= 8;
	}
}

static void put_time(unsigned char *p, int64_t ns)
{
	put32(p, (uint64_t)(ns / SECOND_NS));
	put32(p + 4, (uint64_t)(ns % SECOND_NS));
}

static int unknown(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTOCOL, "git's index has %s", what);
}

/*
 * A number as in git's packs: seven bits a byte, the highest first, where each byte
 * that has a follower also counts one.
 */
static int read_varint(const struct walk *walk, size_t *off, size_t *value)
{
	const unsigned char *data = walk->index->data;
	size_t n;

	if (*off >= walk->end)
		return -1;
	n = data[*off] & 0x7f;
	while (data[(*off)++] & 0x80) {
		if (*off >= walk->end || n >= PATH_LENGTH_MAX)
			return -1;
		n = ((n + 1) << 7) + (data[*off] & 0x7f);
	}
	*value = n;
	return 0;
}

/*
 * Read the path that begins at `off`.  In version 4 it is what the one before it
 * becomes if some bytes are cut off its end and others are added.
 */
static int read_path(struct walk *walk, struct entry *entry, size_t off)
{
	const unsigned char *data = walk->index->data, *end;
	size_t cut = walk->path.len, size;

	if (walk->version == 4 &&
	    (read_varint(walk, &off, &cut) || cut > walk->path.len))
		return -1;
	end = off < walk->end ? memchr(data + off, '\0', walk->end - off) :
				NULL;
	if (!end)
		return -1;
	size = (size_t)(end - (data + off));
	walk->path.len -= cut;
	if (buf_add(&walk->path, data + off, size) || !walk->path.len)
		return -1;
	entry->path = buf_str(&walk->path);
	walk->off = off + size + 1;
	return 0;
}

/* In versions 2 and 3, one to eight NULs end a path. */
static int skip_padding(struct walk *walk, const struct entry *entry)
{
	size_t start = (size_t)(entry->data - walk->index->data);
	size_t len = entry->flags & NAME_LENGTH;
	size_t size = walk->off - start;

	if (len < NAME_LENGTH && len != walk->path.len)
		return -1;
	walk->off = start + (size + ALIGN - 1) / ALIGN * ALIGN;
	return walk->off > walk->end ? -1 : 0;
}

static int next_entry(struct walk *walk, struct entry *entry)
{
	size_t flags_at = walk->off + ID_AT + walk->index->hash_size;
	size_t path_at = flags_at + FLAGS_SIZE;

	if (path_at > walk->end)
		return -1;
	entry->data = walk->index->data + walk->off;
	entry->flags = get16(walk->index->data + flags_at);
	entry->more_flags = 0;
	if (entry->flags & HAS_MORE_FLAGS) {
		if (walk->version < 3 || path_at + FLAGS_SIZE > walk->end)
			return -1;
		entry->more_flags = get16(walk->index->data + path_at);
		path_at += FLAGS_SIZE;
	}
	if (read_path(walk, entry, path_at))
		return -1;
	return walk->version == 4 ? 0 : skip_padding(walk, entry);
}

/* Git writes no others, and one that we do not know may depend on stat data. */
static bool is_known_extension(const unsigned char *name)
{
	static const char *const known[] = { "TREE", "REUC", "UNTR", "FSMN",
					     "EOIE", "IEOT", "sdir" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!memcmp(name, known[i], 4))
			return true;
	return false;
}

static int check_extensions(const struct walk *walk, struct err *err)
{
	const unsigned char *data = walk->index->data;
	size_t off = walk->off;

	while (off < walk->end) {
		size_t size;

		if (walk->end - off < EXTENSION_HEAD)
			return unknown(err, "a damaged end");
		size = get32(data + off + 4);
		if (size > walk->end - off - EXTENSION_HEAD)
			return unknown(err, "a damaged extension");
		if (!is_known_extension(data + off))
			return unknown(err,
				       "an extension that is unknown here");
		off += EXTENSION_HEAD + size;
	}
	return 0;
}

static bool is_blob(const struct gitindex *index, const unsigned char *id,
		    const char *hex)
{
	for (size_t i = 0; i < index->hash_size; i++) {
		int high = text_hex(hex[2 * i]);
		int low = high < 0 ? -1 : text_hex(hex[2 * i + 1]);

		if (low < 0 || id[i] != high * 16 + low)
			return false;
	}
	return !hex[2 * index->hash_size];
}

static int by_path(const void *a, const void *b)
{
	const struct gitindex_file *one = a, *other = b;

	return strcmp(one->path, other->path);
}

static bool may_change(const struct gitindex *index, const struct entry *entry,
		       const struct gitindex_file *file)
{
	return (get32(entry->data + MODE_AT) & TYPE) == REGULAR &&
	       !(entry->flags & (ASSUME_VALID | STAGE)) &&
	       !(entry->more_flags & (SKIP_WORKTREE | INTENT_TO_ADD)) &&
	       is_blob(index, entry->data + ID_AT, file->blob);
}

static void put_stat(const struct gitindex *index, unsigned char *data,
		     const struct stat *st)
{
	struct placed_id id = placed_identify(st);
	uint32_t size = (uint32_t)id.size;

	if (index->marks_4gib && id.size && !size)
		size = SIZE_4GIB;
	put_time(data + CTIME_AT, id.ctime_ns);
	put_time(data + MTIME_AT, id.mtime_ns);
	put32(data + DEV_AT, id.dev);
	put32(data + INODE_AT, id.inode);
	put32(data + UID_AT, st->st_uid);
	put32(data + GID_AT, st->st_gid);
	put32(data + SIZE_AT, size);
}

/*
 * Git trusts stat data only if the index is younger than the file, which a new
 * index would make it.  A size of 0 has git compare the bytes, as it marks such
 * entries itself when it writes an index.
 */
static void keep_doubt(const struct gitindex *index, const struct entry *entry)
{
	uint32_t written = (uint32_t)index->mtime;

	if ((get32(entry->data + MODE_AT) & TYPE) == REGULAR &&
	    get32(entry->data + MTIME_AT) >= written)
		put32(entry->data + SIZE_AT, 0);
}

static void patch_entry(const struct gitindex *index, const struct entry *entry,
			struct gitindex_file *files, size_t n)
{
	const struct gitindex_file key = { .path = entry->path };
	struct gitindex_file *file = bsearch(&key, files, n, sizeof(key),
					     by_path);

	if (file && may_change(index, entry, file)) {
		put_stat(index, entry->data, &file->st);
		file->is_told = true;
	} else {
		keep_doubt(index, entry);
	}
}

static void hash_of(const struct gitindex *index, unsigned char *hash)
{
	size_t size = index->size - index->hash_size;
	struct sha256 sha256;

	if (index->hash_size == SHA1_SIZE) {
		sha1_of(index->data, size, hash);
		return;
	}
	sha256_init(&sha256);
	sha256_update(&sha256, index->data, size);
	sha256_final(&sha256, hash);
}

/*
 * The hash at the end; zeros if git has been told to write none.  Damage must not
 * get a new hash.
 */
static int check_hash(const struct gitindex *index, bool *has_hash,
		      struct err *err)
{
	static const unsigned char zeros[SHA256_SIZE];
	const unsigned char *end = index->data + index->size - index->hash_size;
	unsigned char hash[SHA256_SIZE];

	*has_hash = memcmp(end, zeros, index->hash_size) != 0;
	if (!*has_hash)
		return 0;
	hash_of(index, hash);
	return memcmp(hash, end, index->hash_size) ?
		       unknown(err, "a wrong hash at its end") :
		       0;
}

static int patch_all(struct walk *walk, struct gitindex_file *files, size_t n,
		     struct err *err)
{
	const struct gitindex *index = walk->index;
	uint32_t count = get32(index->data + COUNT_AT);
	struct entry entry;

	walk->version = get32(index->data + VERSION_AT);
	if (memcmp(index->data, "DIRC", 4) || walk->version < 2 ||
	    walk->version > 4)
		return unknown(err, "a version that is unknown here");
	for (uint32_t i = 0; i < count; i++) {
		if (next_entry(walk, &entry))
			return unknown(err, "an entry that is unknown here");
		patch_entry(index, &entry, files, n);
	}
	return check_extensions(walk, err);
}

int gitindex_patch(struct gitindex *index, struct gitindex_file *files,
		   size_t n, struct err *err)
{
	struct walk walk = { .index = index,
			     .off = HEADER,
			     .path = BUF_INIT(PATH_LENGTH_MAX) };
	bool has_hash;
	int ret;

	if (index->size < HEADER + index->hash_size)
		return unknown(err, "too few bytes");
	walk.end = index->size - index->hash_size;
	if (check_hash(index, &has_hash, err))
		return -1;
	ret = patch_all(&walk, files, n, err);
	if (!ret && has_hash)
		hash_of(index, index->data + walk.end);
	buf_release(&walk.path);
	return ret;
}

int gitindex_load(struct gitindex *index, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret = -1;

	index->data = NULL;
	if (fd < 0)
		return err_set(err, ERR_PROTOCOL, "cannot open '%s': %s", path,
			       strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > GITINDEX_MAX) {
		err_set(err, ERR_PROTOCOL, "'%s' is not a file to read whole",
			path);
	} else {
		index->size = (size_t)st.st_size;
		index->mtime = (int64_t)st.st_mtime;
		index->mode = st.st_mode & 0777;
		index->data = xmalloc(index->size + 1);
		ret = file_read_at(fd, index->data, index->size, 0, err);
	}
	close(fd);
	return ret;
}

void gitindex_release(struct gitindex *index)
{
	free(index->data);
	index->data = NULL;
}
