/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700	/* setenv() */
#include "lfs/base/buf.h"
#include "lfs/server/ssh.h"
#include "test/unit/unit.h"

struct row {
	const char *git_ssh_command, *git_ssh, *git_ssh_variant;
	const char *core_sshcommand, *ssh_variant;
	const char *port, *host;
	const char *expected;	/* the arguments, a bar between them */
};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static struct gitconfig *make_config(const struct row *row)
{
	struct buf text = BUF_INIT(4096);
	struct err err = ERR_INIT;
	struct gitconfig *config;

	if (row->core_sshcommand)
		buf_printf(&text, "core.sshcommand\n%s%c", row->core_sshcommand,
			   0);
	if (row->ssh_variant)
		buf_printf(&text, "ssh.variant\n%s%c", row->ssh_variant, 0);
	config = gitconfig_parse(buf_str(&text), text.len, &err);
	buf_release(&text);
	assert_non_null(config);
	return config;
}

static void check(const struct row *row, const char *path,
		  enum direction direction)
{
	struct ssh_address ssh = { .host = (char *)row->host,
				   .port = (char *)row->port,
				   .path = (char *)path };
	struct gitconfig *config = make_config(row);
	struct buf joined = BUF_INIT(4096);
	struct sshcommand command;

	set("GIT_SSH_COMMAND", row->git_ssh_command);
	set("GIT_SSH", row->git_ssh);
	set("GIT_SSH_VARIANT", row->git_ssh_variant);
	sshcommand_init(&command, config, &ssh, direction);
	for (char **arg = command.argv; *arg; arg++)
		buf_printf(&joined, "%s|", *arg);
	assert_string_equal(buf_str(&joined), row->expected);
	buf_release(&joined);
	sshcommand_release(&command);
	gitconfig_free(config);
}

static void programs(void **state)
{
	static const struct row rows[] = {
		{ .host = "u@h",
		  .expected = "ssh|u@h|git-lfs-authenticate a/b upload|" },
		{ .host = "u@h",
		  .port = "22",
		  .expected = "ssh|-p|22|u@h|"
			      "git-lfs-authenticate a/b upload|" },
		{ .host = "h",
		  .git_ssh = "/x/my ssh",
		  .core_sshcommand = "c",
		  .expected = "/x/my ssh|h|git-lfs-authenticate a/b upload|" },
		{ .host = "h",
		  .git_ssh = "",
		  .core_sshcommand = "c d",
		  .expected = "sh|-c|c d 'h' "
			      "'git-lfs-authenticate a/b upload'|" },
		{ .host = "h",
		  .git_ssh_command = " \t",
		  .git_ssh = "p",
		  .expected = "p|h|git-lfs-authenticate a/b upload|" },
		{ .host = "it's",
		  .git_ssh_command = "'/a b/s' -x",
		  .expected = "sh|-c|'/a b/s' -x 'it'\\''s' "
			      "'git-lfs-authenticate a/b upload'|" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i], "a/b", UPLOAD);
}

static void variants(void **state)
{
	static const struct row rows[] = {
		{ .host = "h",
		  .port = "22",
		  .git_ssh = "/x/PLink.exe",
		  .expected = "/x/PLink.exe|-P|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .git_ssh = "tortoiseplink",
		  .expected = "tortoiseplink|-batch|-P|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .git_ssh = "plinker",
		  .expected = "plinker|-p|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .git_ssh = "plink",
		  .git_ssh_variant = "ssh",
		  .ssh_variant = "putty",
		  .expected = "plink|-p|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .ssh_variant = "plink",
		  .expected = "ssh|-P|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .ssh_variant = "nonsense",
		  .git_ssh = "plink",
		  .expected = "plink|-p|22|h|" },
		{ .host = "h",
		  .port = "22",
		  .git_ssh_variant = "auto",
		  .git_ssh = "plink",
		  .expected = "plink|-P|22|h|" },
		{ .host = "--h", .expected = "ssh|--|--h|" },
		{ .host = "--h", .git_ssh = "plink", .expected = "plink|h|" },
		{ .host = "-h", .ssh_variant = "simple", .expected = "ssh|h|" },
		{ .host = "h",
		  .port = "22",
		  .git_ssh_command = "\"/a b/plink\" -v",
		  .expected = "sh|-c|\"/a b/plink\" -v '-P' '22' 'h' "
			      "'git-lfs-authenticate /a download'|" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct row row = rows[i];
		struct buf expected = BUF_INIT(4096);

		buf_puts(&expected, row.expected);
		if (!row.git_ssh_command)
			buf_puts(&expected,
				 "git-lfs-authenticate /a download|");
		row.expected = buf_str(&expected);
		check(&row, "/a", DOWNLOAD);
		buf_release(&expected);
	}
}

/* Words that the server's shell would split or expand. */
static void paths(void **state)
{
	static const struct {
		const char *path, *word;
	} rows[] = {
		{ "/A-Z/a_z.0@9.git", "/A-Z/a_z.0@9.git" },
		{ "", "''" },
		{ "a b.git", "'a b.git'" },
		{ "a;touch x", "'a;touch x'" },
		{ "$(touch x)", "'$(touch x)'" },
		{ "`touch x`", "'`touch x`'" },
		{ "a\nb", "'a\nb'" },
		{ "it's", "'it'\\''s'" },
		{ "~me/a", "'~me/a'" },
		{ "a\\", "'a\\'" },
		{ "\xc3\xa9", "'\xc3\xa9'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct row row = { .host = "h" };
		char expected[100];

		snprintf(expected, sizeof(expected),
			 "ssh|h|git-lfs-authenticate %s upload|", rows[i].word);
		row.expected = expected;
		check(&row, rows[i].path, UPLOAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs),
		cmocka_unit_test(variants),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
