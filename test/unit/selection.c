/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/worktree/selection.h"
#include "test/unit/unit.h"

#define ID "83baae61804e65cc73a7201a7252750c76066a30"
#define ID256 "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define ENTRY(tag, mode, id, stage, path) \
	tag " " mode " " id " " stage "\t" path "\0"
#define FILE_AT(path) ENTRY("H", "100644", ID, "0", path)
#define VALUE(path, name, value) "/top/" path "\0" name "\0" value "\0"
#define VALUES(path, filter, text, ident, encoding) \
	VALUE(path, "filter", filter)               \
	VALUE(path, "text", text)                   \
	VALUE(path, "ident", ident)                 \
	VALUE(path, "working-tree-encoding", encoding)
#define LFS(path) VALUES(path, "lfs", "unset", "unspecified", "unspecified")
#define TEXT(string) string, sizeof(string) - 1

static int open_text(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	int fd = file_open_unlinked("/tmp", &err);

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, text, len, 0, &err), 0);
	return fd;
}

struct texts {
	const char *entries;
	size_t entries_len;
	const char *attributes;
	size_t attributes_len;
};

static int read_texts(struct selection *selection, const struct texts *texts)
{
	struct selection_output output = {
		.entries = open_text(texts->entries, texts->entries_len),
		.attributes = open_text(texts->attributes,
					texts->attributes_len),
		.top = "/top",
	};
	struct err err = ERR_INIT;
	int ret;

	*selection = (struct selection)SELECTION_INIT;
	ret = selection_read(selection, &output, &err);
	close(output.entries);
	close(output.attributes);
	if (ret)
		assert_int_equal(err.kind, ERR_LOCAL);
	return ret;
}

/* Only the attribute counts, and what git converts is marked. */
static void which_files(void **state)
{
	static const struct texts texts = {
		TEXT(FILE_AT("a") FILE_AT("b\n\"\xff")
			     ENTRY("H", "100755", ID256, "0", "c") FILE_AT("d")
				     FILE_AT("e") FILE_AT("f") FILE_AT("g")),
		TEXT(VALUES("a", "lfs2", "unset", "unset",
			    "unset") LFS("b\n\"\xff") LFS("c")
			     VALUES("d", "lfs", "auto", "unspecified",
				    "unspecified") VALUES("e", "lfs",
							  "unspecified", "set",
							  "unspecified")
				     VALUES("f", "lfs", "unspecified",
					    "unspecified", "UTF-16")
					     VALUES("g", "unspecified", "set",
						    "set", "set")),
	};
	struct selection selection;

	(void)state;
	assert_int_equal(read_texts(&selection, &texts), 0);
	assert_int_equal(selection.n, 5);
	assert_string_equal(selection.files[0].path, "b\n\"\xff");
	assert_string_equal(selection.files[0].blob, ID);
	assert_int_equal(selection.files[0].mode, 0100644);
	assert_false(selection.files[0].is_git_lfss);
	assert_string_equal(selection.files[1].blob, ID256);
	assert_int_equal(selection.files[1].mode, 0100755);
	for (size_t i = 2; i < 5; i++)
		assert_true(selection.files[i].is_git_lfss);
	selection_release(&selection);
}

/* In conflict, outside a sparse checkout, a folder of that, a link, a module. */
static void no_files(void **state)
{
#define ALL                                                                 \
	LFS("a") LFS("a") LFS("b") LFS("c/") LFS("d") LFS("e")
	static const struct texts texts = {
		TEXT(ENTRY("M", "100644", ID, "2",
			   "a") ENTRY("H", "100644", ID, "3",
				      "a") ENTRY("S", "100644", ID, "0", "b")
			     ENTRY("S", "040000", ID, "0",
				   "c/") ENTRY("H", "120000", ID, "0", "d")
				     ENTRY("H", "160000", ID, "0", "e")),
		TEXT(ALL),
	};
#undef ALL
	struct selection selection;

	(void)state;
	assert_int_equal(read_texts(&selection, &texts), 0);
	assert_int_equal(selection.n, 0);
	selection_release(&selection);
}

static void malformed_entries(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ TEXT("\0") },
		{ TEXT("H\0") },
		{ TEXT("H \0") },
		{ TEXT("H 100644\0") },
		{ TEXT("H 100644 " ID " 0\0") },
		{ TEXT("100644 " ID " 0\ta\0") },
		{ TEXT("H 100644 " ID "\ta\0") },
		{ TEXT("H 100644 " ID "  0\ta\0") },
		{ TEXT("H 100644 " ID "0 0\ta\0") },
		{ TEXT("H 100644 " ID ID " 0\ta\0") },
		{ TEXT("H 100644  0\ta\0") },
		{ TEXT("H  " ID " 0\t\0") },
		{ TEXT("HH 100644 " ID " 0\ta\0") },
		{ TEXT("H 100644\t" ID " 0\ta\0") },
		{ TEXT("\t\0") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct texts texts = { cases[i].text, cases[i].len,
					     TEXT(LFS("a")) };
		struct selection selection;

		if (read_texts(&selection, &texts) != -1)
			fail_msg("case %zu", i);
		selection_release(&selection);
	}
}

static void malformed_attributes(void **state)
{
	static const char good[] = LFS("a");
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ TEXT(LFS("b")) },
		{ TEXT(LFS("")) },
		{ TEXT("/top\0filter\0lfs\0") },
		{ TEXT("/tap/a\0filter\0lfs\0") },
		{ TEXT(VALUE("a", "text", "lfs")) },
		{ TEXT(VALUE("a", "filter", "lfs")
			       VALUE("b", "text", "unset")) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases) + sizeof(good) - 1; i++) {
		bool is_case = i < COUNT(cases);
		/* Cut anywhere. */
		const struct texts texts = { TEXT(FILE_AT("a")),
					     is_case ? cases[i].text : good,
					     is_case ? cases[i].len :
						       i - COUNT(cases) };
		struct selection selection;

		if (read_texts(&selection, &texts) != -1)
			fail_msg("case %zu", i);
		selection_release(&selection);
	}
}

static void filters(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool has;
	} cases[] = {
		{ TEXT("filter.lfs.process\ngit-lfs filter-process\0"), true },
		{ TEXT("filter.lfs.clean\nx\0filter.lfs.smudge\nx\0"), true },
		{ TEXT("filter.lfs.clean\nx\0"), false },
		{ TEXT("filter.lfs.process\n\0filter.lfs.smudge\nx\0"), false },
		{ TEXT("core.bare\nfalse\0"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct gitconfig *config = gitconfig_parse(cases[i].text,
							   cases[i].len, &err);

		assert_non_null(config);
		if (selection_has_filter(config) != cases[i].has)
			fail_msg("case %zu", i);
		gitconfig_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_files),
		cmocka_unit_test(no_files),
		cmocka_unit_test(malformed_entries),
		cmocka_unit_test(malformed_attributes),
		cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
