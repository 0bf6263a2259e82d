/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <unistd.h>

#include "agent/message.h"
#include "test/unit/unit.h"

#define OID "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LONG(s) s s s s s s s s s s

static struct input input;

/* Let `input` read `text`, which fits into a pipe, and then the end. */
static void feed(const char *text, size_t len)
{
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], text, len), len);
	close(pipes[1]);
	input_setup(&input, pipes[0]);
}

/* Read `line` as the only one. */
static int read_line(const char *line, struct message *message, struct err *err)
{
	struct buf text = BUF_INIT(60000);
	int ret;

	*err = (struct err)ERR_INIT;
	assert_int_equal(buf_printf(&text, "%s\n", line), 0);
	feed(text.data, text.len);
	ret = message_read(message, &input, err);
	close(input.fd);
	buf_release(&text);
	return ret;
}

static void init(void **state)
{
	static const struct {
		const char *line;
		enum direction direction;
		const char *remote;
		unsigned nagents;
	} cases[] = {
		{ "{\"event\":\"init\",\"operation\":\"upload\",\"remote\":"
		  "\"origin\",\"concurrent\":true,\"concurrenttransfers\":8}",
		  UPLOAD, "origin", 8 },
		{ "{\"event\":\"init\",\"operation\":\"download\",\"remote\":"
		  "\"https://h/x\",\"concurrent\":false,"
		  "\"concurrenttransfers\":8}",
		  DOWNLOAD, "https://h/x", 1 },
		{ "{\"operation\":\"upload\",\"event\":\"init\"}", UPLOAD, NULL,
		  1 },
		{ "{\"event\":\"init\",\"operation\":\"upload\",\"remote\":"
		  "null,\"concurrent\":1,\"concurrenttransfers\":3}",
		  UPLOAD, NULL, 1 },
		{ "{\"event\":\"init\",\"operation\":\"upload\","
		  "\"concurrent\":true,\"concurrenttransfers\":\"8\"}",
		  UPLOAD, NULL, 1 },
		{ "{\"event\":\"init\",\"operation\":\"upload\",\"concurrent\""
		  ":true,\"concurrenttransfers\":9223372036854775807}",
		  UPLOAD, NULL, 1024 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct message message = MESSAGE_INIT;
		struct err err;

		assert_int_equal(read_line(cases[i].line, &message, &err), 1);
		assert_int_equal(message.event, EVENT_INIT);
		assert_int_equal(message.direction, cases[i].direction);
		assert_int_equal(message.nagents, cases[i].nagents);
		if (cases[i].remote)
			assert_string_equal(message.remote, cases[i].remote);
		else
			assert_null(message.remote);
		message_release(&message);
	}
}

static void objects(void **state)
{
	struct message message = MESSAGE_INIT;
	struct err err;

	(void)state;
	assert_int_equal(read_line("{\"event\":\"upload\",\"oid\":\"" OID
				   "\",\"size\":5,\"path\":\"/a b\",\"action\":"
				   "{\"href\":\"x\"},\"new\":[1]}",
				   &message, &err),
			 1);
	assert_int_equal(message.event, EVENT_UPLOAD);
	assert_string_equal(message.oid, OID);
	assert_int_equal(message.size, 5);
	assert_string_equal(message.path, "/a b");
	assert_true(json_is_object(message.action));
	message_release(&message);
	assert_string_equal(message.oid, "");
	assert_int_equal(read_line("{\"event\":\"download\",\"oid\":\"" OID
				   "\",\"size\":0,\"action\":null}",
				   &message, &err),
			 1);
	assert_int_equal(message.event, EVENT_DOWNLOAD);
	assert_null(message.action);
	assert_null(message.path);
	message_release(&message);
	assert_int_equal(read_line("{\"event\":\"terminate\"}", &message, &err),
			 1);
	assert_int_equal(message.event, EVENT_TERMINATE);
	message_release(&message);
}

/* The error, and the oid that the answer can have. */
static const struct {
	const char *line;
	const char *complaint;
	const char *oid;
} refusals[] = {
	{ "x", "not valid JSON", "" },
	{ "{", "not valid JSON", "" },
	{ "{} {}", "not valid JSON", "" },
	{ "[1]", "not a JSON object", "" },
	{ "{}", "'event' is missing", "" },
	{ "{\"event\":1}", "'event' is not a string", "" },
	{ "{\"event\":\"verify\",\"oid\":\"" OID "\"}",
	  "unknown event 'verify'", OID },
	{ "{\"event\":\"init\"}", "'operation' is missing", "" },
	{ "{\"event\":\"init\",\"operation\":\"move\"}",
	  "'operation' is 'move'", "" },
	{ "{\"event\":\"init\",\"operation\":\"upload\","
	  "\"remote\":[]}",
	  "'remote' is not a string", "" },
	{ "{\"event\":\"download\",\"size\":1}", "'oid' is missing", "" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":7}",
	  "'oid' is not a string", "" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":\"\"}", "'oid' is ''",
	  "" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":\"abc\"}",
	  "'oid' is 'abc'", "abc" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":\"../../x\"}",
	  "'oid' is '../../x'", "../../x" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":\"E3B0C44298FC1C"
	  "149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\"}",
	  "'oid' is 'E3B0",
	  "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B78"
	  "52B855" },
	{ "{\"event\":\"download\",\"size\":1,\"oid\":\"" OID "0\"}",
	  "'oid' is 'e3b0", OID "0" },
	{ "{\"event\":\"download\",\"oid\":\"" OID "\"}", "'size' is missing",
	  OID },
	{ "{\"event\":\"download\",\"size\":-1,\"oid\":\"" OID "\"}",
	  "'size' is negative", OID },
	{ "{\"event\":\"download\",\"size\":1.5,\"oid\":\"" OID "\"}",
	  "'size' is not an integer", OID },
	{ "{\"event\":\"upload\",\"size\":1,\"oid\":\"" OID "\"}",
	  "'path' is missing", OID },
	{ "{\"event\":\"upload\",\"size\":1,\"oid\":\"" OID "\",\"path\":\"\"}",
	  "'path' is empty", OID },
	{ "{\"event\":\"upload\",\"size\":1,\"oid\":\"" OID "\",\"path\":null}",
	  "'path' is not a string", OID },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct message message = MESSAGE_INIT;
		struct err err;

		assert_int_equal(read_line(refusals[i].line, &message, &err),
				 -1);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		if (!strstr(err.msg, refusals[i].complaint))
			fail_msg("%s: %s", refusals[i].line, err.msg);
		assert_string_equal(message.oid, refusals[i].oid);
		message_release(&message);
	}
}

static void an_oid_too_long_to_echo(void **state)
{
	struct message message = MESSAGE_INIT;
	struct err err;
	char line[1000];

	(void)state;
	snprintf(line, sizeof(line),
		 "{\"event\":\"download\",\"size\":1,\"oid\":\"%0300d\"}", 7);
	assert_int_equal(read_line(line, &message, &err), -1);
	assert_string_equal(message.oid, "");
	message_release(&message);
}

static void too_deep(void **state)
{
	struct message message = MESSAGE_INIT;
	char line[20001];
	struct err err;

	(void)state;
	memset(line, '[', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(read_line(line, &message, &err), -1);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	message_release(&message);
}

/* Whatever a line is, the next one is read as if it had not been. */
static void a_conversation(void **state)
{
	static const char text[] =
		"{\"event\":\"init\",\"operation\":\"upload\"}\n"
		"\n"
		"{\"event\":\"upl\n"
		"{\"event\":\"download\",\"oid\":\"" OID "\",\"size\":1}\n"
		/* Longer than what the parser takes at once. */
		LONG(LONG(LONG("]]]"))) "\n"
					"{\"event\":\"terminate\"}\n";
	struct message message = MESSAGE_INIT;
	struct err err = ERR_INIT;

	(void)state;
	feed(text, sizeof(text) - 1);
	assert_int_equal(message_read(&message, &input, &err), 1);
	assert_int_equal(message.event, EVENT_INIT);
	assert_int_equal(message_read(&message, &input, &err), -1);
	assert_string_equal(message.oid, "");
	err_clear(&err);
	assert_int_equal(message_read(&message, &input, &err), 1);
	assert_int_equal(message.event, EVENT_DOWNLOAD);
	assert_int_equal(message_read(&message, &input, &err), -1);
	err_clear(&err);
	assert_int_equal(message_read(&message, &input, &err), 1);
	assert_int_equal(message.event, EVENT_TERMINATE);
	assert_int_equal(message_read(&message, &input, &err), 0);
	assert_int_equal(message_read(&message, &input, &err), 0);
	assert_int_equal(err.kind, ERR_NONE);
	close(input.fd);
	message_release(&message);
}

/* git-lfs died while it wrote: nobody is there to be answered. */
static void the_end_in_mid_line(void **state)
{
	struct message message = MESSAGE_INIT;
	struct err err = ERR_INIT;

	(void)state;
	feed("{\"event\":\"term", 14);
	assert_int_equal(message_read(&message, &input, &err), 0);
	close(input.fd);
	feed("{\"event\":\"terminate\"}", 21);
	assert_int_equal(message_read(&message, &input, &err), 1);
	assert_int_equal(message_read(&message, &input, &err), 0);
	close(input.fd);
	message_release(&message);
}

static int saved_stdout;

/* Until heard(), stdout is a pipe, whose other end is returned. */
static int listen_to_stdout(void)
{
	int pipes[2];

	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	assert_true(saved_stdout >= 0);
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], STDOUT_FILENO);
	close(pipes[1]);
	return pipes[0];
}

static void heard(int fd, char *out, size_t size)
{
	ssize_t got;
	size_t len = 0;

	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
	while ((got = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	close(fd);
}

static void answers(void **state)
{
	struct err err = ERR_INIT, why = ERR_INIT;
	int fd = listen_to_stdout(), ret = 0;
	char out[4000];

	(void)state;
	ret |= message_ready(&err);
	ret |= message_progress(OID, 5000000000, -2147483647, &err);
	ret |= message_complete(OID, NULL, &err);
	ret |= message_complete(OID, "/a \"b\"\n\xc3\xa9", &err);
	err_set(&why, ERR_REFUSED, "no \"such\" \\ thing %s", "\xc3\xa9");
	ret |= message_failed("", &why, &err);
	why.code = 404;
	ret |= message_failed(OID, &why, &err);
	ret |= message_not_ready(&why, &err);
	heard(fd, out, sizeof(out));
	assert_int_equal(ret, 0);
	assert_string_equal(
		out,
		"{}\n"
		"{\"event\":\"progress\",\"oid\":\"" OID "\",\"bytesSoFar\":"
		"5000000000,\"bytesSinceLast\":-2147483647}\n"
		"{\"event\":\"complete\",\"oid\":\"" OID "\"}\n"
		"{\"event\":\"complete\",\"oid\":\"" OID "\",\"path\":"
		"\"/a \\\"b\\\"\\n\xc3\xa9\"}\n"
		"{\"event\":\"complete\",\"oid\":\"\",\"error\":{\"code\":1,"
		"\"message\":\"no \\\"such\\\" \\\\ thing \xc3\xa9\"}}\n"
		"{\"event\":\"complete\",\"oid\":\"" OID "\",\"error\":{"
		"\"code\":404,\"message\":\"no \\\"such\\\" \\\\ thing "
		"\xc3\xa9\"}}\n"
		"{\"error\":{\"code\":404,\"message\":\"no \\\"such\\\" \\\\ "
		"thing \xc3\xa9\"}}\n");
}

/* A character of several bytes that was cut is no UTF-8, but an answer. */
static void an_error_that_is_no_text(void **state)
{
	struct err err = ERR_INIT, why = ERR_INIT;
	int fd = listen_to_stdout(), ret;
	char out[1000];

	(void)state;
	err_set(&why, ERR_REFUSED, "a\xc3");
	ret = message_failed(OID, &why, &err);
	heard(fd, out, sizeof(out));
	assert_int_equal(ret, 0);
	assert_non_null(strstr(out, "\"message\":\"a?\""));
}

/*
 * JSON cannot carry such a path, and a `complete` without one would be taken
 * for a download without a file.
 */
static void a_path_that_is_no_text(void **state)
{
	struct err err = ERR_INIT;
	int fd = listen_to_stdout(), ret;
	char out[1000];

	(void)state;
	ret = message_complete(OID, "/tmp/\xff", &err);
	heard(fd, out, sizeof(out));
	assert_int_equal(ret, -1);
	assert_string_equal(out, "");
	assert_int_equal(err.kind, ERR_LOCAL);
}

static void nobody_listens(void **state)
{
	struct err err = ERR_INIT;
	char out[10];
	int fd, ret;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	fd = listen_to_stdout();
	close(fd);
	ret = message_ready(&err);
	heard(-1, out, sizeof(out));
	assert_int_equal(ret, -1);
	assert_int_equal(err.kind, ERR_LOCAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init),
		cmocka_unit_test(objects),
		cmocka_unit_test(refused),
		cmocka_unit_test(an_oid_too_long_to_echo),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(the_end_in_mid_line),
		cmocka_unit_test(answers),
		cmocka_unit_test(an_error_that_is_no_text),
		cmocka_unit_test(a_path_that_is_no_text),
		cmocka_unit_test(nobody_listens),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
