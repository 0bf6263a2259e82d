/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "lfs/base/sha1.h"
#include "lfs/worktree/gitindex.h"
#include "test/unit/unit.h"

#define BLOB "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
#define OTHER "0000000000000000000000000000000000000001"

enum {
	WRITTEN = 1000,	/* when the index was, in seconds */
	SIZE_AT = 36,
	MAX = 4096
};

/* An index that is being made. */
struct maker {
	unsigned char data[MAX];
	size_t size;
	uint32_t version;
};

struct made_entry {
	const char *path;
	unsigned flags;	/* but for the length of the path */
	unsigned more_flags;
	uint32_t mtime;
	uint32_t mode;	/* 0: a regular file */
};

static void add(struct maker *maker, const void *data, size_t n)
{
	assert_true(maker->size + n <= MAX);
	memcpy(maker->data + maker->size, data, n);
	maker->size += n;
}

static void add_number(struct maker *maker, uint32_t value, int nbytes)
{
	while (nbytes--) {
		unsigned char byte = (unsigned char)(value >> 8 * nbytes);

		add(maker, &byte, 1);
	}
}

static void begin(struct maker *maker, uint32_t version, uint32_t count)
{
	maker->size = 0;
	maker->version = version;
	add(maker, "DIRC", 4);
	add_number(maker, version, 4);
	add_number(maker, count, 4);
}

static void add_id(struct maker *maker, const char *hex)
{
	for (; *hex; hex += 2) {
		char digits[3] = { hex[0], hex[1], '\0' };

		add_number(maker, (uint32_t)strtoul(digits, NULL, 16), 1);
	}
}

/* Returns where it begins. */
static size_t add_entry(struct maker *maker, const struct made_entry *entry)
{
	size_t start = maker->size, len = strlen(entry->path);

	for (uint32_t i = 0; i < 10; i++)
		if (i == 2)
			add_number(maker, entry->mtime, 4);
		else if (i == 6)
			add_number(maker, entry->mode ? entry->mode : 0100644,
				   4);
		else
			add_number(maker, 100 + i, 4);
	add_id(maker, BLOB);
	add_number(maker, entry->flags | (uint32_t)len, 2);
	if (entry->flags & 0x4000)
		add_number(maker, entry->more_flags, 2);
	/* In version 4: nothing is kept of the path before. */
	if (maker->version == 4) {
		add_number(maker, entry->more_flags, 1);
		add(maker, entry->path, len + 1);
		return start;
	}
	add(maker, entry->path, len + 1);
	while ((maker->size - start) % 8)
		add(maker, "", 1);
	return start;
}

static void end(struct maker *maker, bool has_hash)
{
	unsigned char hash[SHA1_SIZE] = { 0 };

	if (has_hash)
		sha1_of(maker->data, maker->size, hash);
	add(maker, hash, sizeof(hash));
}

static struct gitindex_file file_at(const char *path)
{
	struct gitindex_file file = { .path = path, .blob = BLOB };

	file.st.st_dev = (dev_t)0x1122334455667788;
	file.st.st_ino = (ino_t)0x99aabbccddeeff00;
	file.st.st_uid = 7;
	file.st.st_gid = 8;
	file.st.st_size = 0x1234567890;
	file.st.st_mtim = (struct timespec){ 998, 5 };
	file.st.st_ctim = (struct timespec){ 999, 6 };
	return file;
}

static int patch_with(struct maker *maker, struct gitindex_file *file,
		      bool marks_4gib)
{
	struct gitindex index = { .data = maker->data,
				  .size = maker->size,
				  .hash_size = SHA1_SIZE,
				  .mtime = WRITTEN,
				  .marks_4gib = marks_4gib };
	struct err err = ERR_INIT;
	int ret = gitindex_patch(&index, file, 1, &err);

	if (ret)
		assert_int_equal(err.kind, ERR_PROTOCOL);
	return ret;
}

static int patch(struct maker *maker, struct gitindex_file *file)
{
	return patch_with(maker, file, false);
}

static uint32_t number_at(const struct maker *maker, size_t off)
{
	const unsigned char *p = maker->data + off;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void is_patched(const struct maker *maker, size_t at)
{
	static const uint32_t numbers[] = { 999,	6,	    998,     5,
					    0x55667788, 0xddeeff00, 0100644, 7,
					    8,		0x34567890 };

	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(number_at(maker, at + 4 * i), numbers[i]);
}

static void every_version(void **state)
{
	const struct made_entry first = { .path = "a" };
	const struct made_entry second = { .path = "d/with a path.bin" };

	(void)state;
	for (uint32_t version = 2; version <= 4; version++) {
		struct gitindex_file file = file_at(second.path);
		struct maker maker;
		unsigned char hash[SHA1_SIZE];
		size_t a, b;

		begin(&maker, version, 2);
		a = add_entry(&maker, &first);
		b = add_entry(&maker, &second);
		/* In version 4, one byte of the path before it is cut off. */
		if (version == 4)
			maker.data[b + 62] = 1;
		end(&maker, true);
		assert_int_equal(patch(&maker, &file), 0);
		assert_true(file.is_told);
		is_patched(&maker, b);
		assert_int_equal(number_at(&maker, a), 100);
		assert_int_equal(number_at(&maker, a + SIZE_AT), 109);
		sha1_of(maker.data, maker.size - SHA1_SIZE, hash);
		assert_memory_equal(hash, maker.data + maker.size - SHA1_SIZE,
				    SHA1_SIZE);
	}
}

/* In version 4 a path may begin like the one before it. */
static void a_path_that_is_shortened(void **state)
{
	const struct made_entry first = { .path = "dir/a.bin" };
	/* The end of dir/b.bin, if 5 bytes of dir/a.bin are cut off. */
	const struct made_entry second = { .path = "b.bin" };
	struct gitindex_file file = file_at("dir/b.bin");
	struct maker maker;
	size_t at;

	(void)state;
	begin(&maker, 4, 2);
	add_entry(&maker, &first);
	at = add_entry(&maker, &second);
	maker.data[at + 62] = 5;
	end(&maker, false);
	assert_int_equal(patch(&maker, &file), 0);
	assert_true(file.is_told);
	/* More than the path before it has. */
	maker.data[at + 62] = 10;
	assert_int_equal(patch(&maker, &file), -1);
}

static void entries_that_stay(void **state)
{
	static const struct made_entry entries[] = {
		{ .path = "b" },
		{ .path = "a", .flags = 0x8000 },	/* assume-unchanged */
		{ .path = "a", .flags = 0x1000 },	/* in conflict */
		{ .path = "a", .flags = 0x3000 },
		{ .path = "a", .flags = 0x4000, .more_flags = 0x4000 },
		{ .path = "a", .flags = 0x4000, .more_flags = 0x2000 },
		{ .path = "a", .mode = 0120000 },	/* a link */
		{ .path = "a", .mode = 0160000 },	/* a submodule */
	};
	struct maker maker;

	(void)state;
	for (size_t i = 0; i < COUNT(entries); i++) {
		struct gitindex_file file = file_at("a");
		size_t at;

		begin(&maker, 3, 1);
		at = add_entry(&maker, &entries[i]);
		end(&maker, true);
		assert_int_equal(patch(&maker, &file), 0);
		assert_false(file.is_told);
		assert_int_equal(number_at(&maker, at), 100);
	}
}

static void another_blob(void **state)
{
	const struct made_entry entry = { .path = "a" };
	const char *const blobs[] = { OTHER, BLOB "00", "e69d", "" };
	struct maker maker;

	(void)state;
	begin(&maker, 2, 1);
	add_entry(&maker, &entry);
	end(&maker, true);
	for (size_t i = 0; i < COUNT(blobs); i++) {
		struct gitindex_file file = file_at("a");

		file.blob = blobs[i];
		assert_int_equal(patch(&maker, &file), 0);
		assert_false(file.is_told);
	}
}

/* The file may have changed after git saw it, in the second of the index. */
static void doubt_stays(void **state)
{
	static const struct {
		uint32_t mtime, size;
	} cases[] = { { WRITTEN - 1, 109 },
		      { WRITTEN, 0 },
		      { WRITTEN + 1, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct made_entry entry = { .path = "b",
						  .mtime = cases[i].mtime };
		struct gitindex_file file = file_at("a");
		struct maker maker;
		size_t at;

		begin(&maker, 2, 1);
		at = add_entry(&maker, &entry);
		end(&maker, true);
		assert_int_equal(patch(&maker, &file), 0);
		assert_int_equal(number_at(&maker, at + SIZE_AT),
				 cases[i].size);
	}
}

static void four_gib(void **state)
{
	const struct made_entry entry = { .path = "a" };

	(void)state;
	for (int marks = 0; marks < 2; marks++) {
		struct gitindex_file file = file_at("a");
		struct maker maker;
		size_t at;

		begin(&maker, 2, 1);
		at = add_entry(&maker, &entry);
		end(&maker, true);
		file.st.st_size = (off_t)2 << 32;
		assert_int_equal(patch_with(&maker, &file, marks), 0);
		assert_int_equal(number_at(&maker, at + SIZE_AT),
				 marks ? 0x80000000 : 0);
		file.st.st_size = 0;
		assert_int_equal(patch_with(&maker, &file, marks), 0);
		assert_int_equal(number_at(&maker, at + SIZE_AT), 0);
	}
}

static int patch_with_extension(const char *name, uint32_t says, size_t has)
{
	const struct made_entry entry = { .path = "a" };
	struct gitindex_file file = file_at("a");
	struct maker maker;

	begin(&maker, 2, 1);
	add_entry(&maker, &entry);
	add(&maker, name, strlen(name));
	add_number(&maker, says, 4);
	for (size_t i = 0; i < has; i++)
		add(&maker, "x", 1);
	end(&maker, true);
	return patch(&maker, &file);
}

static void extensions(void **state)
{
	(void)state;
	assert_int_equal(patch_with_extension("TREE", 5, 5), 0);
	assert_int_equal(patch_with_extension("sdir", 0, 0), 0);
	/* A split index has its entries elsewhere. */
	assert_int_equal(patch_with_extension("link", 20, 20), -1);
	assert_int_equal(patch_with_extension("NEWX", 1, 1), -1);
	assert_int_equal(patch_with_extension("TREE", 6, 5), -1);
	assert_int_equal(patch_with_extension("TREE", UINT32_MAX, 5), -1);
	assert_int_equal(patch_with_extension("TREE", 1, 5), -1);
}

static void hashes(void **state)
{
	static const unsigned char zeros[SHA1_SIZE];
	const struct made_entry entry = { .path = "a" };
	struct gitindex_file file = file_at("a");
	struct maker maker;

	(void)state;
	begin(&maker, 2, 1);
	add_entry(&maker, &entry);
	end(&maker, false);
	assert_int_equal(patch(&maker, &file), 0);
	assert_memory_equal(maker.data + maker.size - SHA1_SIZE, zeros,
			    SHA1_SIZE);
	/* Damage does not get a hash that makes it look right. */
	maker.data[maker.size - 1] = 1;
	assert_int_equal(patch(&maker, &file), -1);
}

static void damage(void **state)
{
	const struct made_entry first = { .path = "a", .flags = 0x4000 };
	const struct made_entry second = { .path = "d/b.bin" };

	(void)state;
	for (uint32_t version = 3; version <= 4; version++) {
		struct maker whole, cut;

		begin(&whole, version, 2);
		add_entry(&whole, &first);
		add_entry(&whole, &second);
		for (size_t size = 0; size < whole.size; size++) {
			struct gitindex_file file = file_at("d/b.bin");

			cut = whole;
			cut.size = size;
			end(&cut, false);
			assert_int_equal(patch(&cut, &file), -1);
			if (size < SHA1_SIZE)
				continue;
			cut.size = size;
			assert_int_equal(patch(&cut, &file), -1);
		}
	}
	for (uint32_t version = 0; version < 7; version++) {
		struct gitindex_file file = file_at("a");
		struct maker maker;

		begin(&maker, version, 0);
		end(&maker, false);
		assert_int_equal(patch(&maker, &file),
				 version < 2 || version > 4 ? -1 : 0);
	}
}

static void files_that_are_none(void **state)
{
	char path[] = "/tmp/lfsmp-gitindex.XXXXXX", link[40];
	struct gitindex index;
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	snprintf(link, sizeof(link), "%s.l", path);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(gitindex_load(&index, path, &err), 0);
	assert_int_equal(index.size, 3);
	assert_memory_equal(index.data, "abc", 3);
	gitindex_release(&index);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(gitindex_load(&index, link, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	gitindex_release(&index);
	err_clear(&err);
	assert_int_equal(ftruncate(fd, (off_t)GITINDEX_MAX + 1), 0);
	assert_int_equal(gitindex_load(&index, path, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	gitindex_release(&index);
	close(fd);
	unlink(link);
	unlink(path);
	assert_int_equal(gitindex_load(&index, path, &err), -1);
	gitindex_release(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version),
		cmocka_unit_test(a_path_that_is_shortened),
		cmocka_unit_test(entries_that_stay),
		cmocka_unit_test(another_blob),
		cmocka_unit_test(doubt_stays),
		cmocka_unit_test(four_gib),
		cmocka_unit_test(extensions),
		cmocka_unit_test(hashes),
		cmocka_unit_test(damage),
		cmocka_unit_test(files_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
