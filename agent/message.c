/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/message.h"

#include <string.h>
#include <unistd.h>

#include "lfs/base/file.h"

enum {
	OID_LENGTH = 64,
	OID_ECHO_MAX = 256,	/* a longer one is not worth an answer */
	LINE_MAX_OUT = 64 << 10,	/* paths are far shorter */
	NAGENTS_MAX = 1024
};

static const char *const events[] = {
	[EVENT_INIT] = "init",
	[EVENT_UPLOAD] = "upload",
	[EVENT_DOWNLOAD] = "download",
	[EVENT_TERMINATE] = "terminate",
};

#define NEVENTS (sizeof(events) / sizeof(events[0]))

static int read_event(struct message *message, struct err *err)
{
	const char *name = json_get_string(message->tree, "event", err);

	if (!name)
		return -1;
	for (size_t i = 0; i < NEVENTS; i++) {
		if (!strcmp(name, events[i])) {
			message->event = (enum event)i;
			return 0;
		}
	}
	return err_set(err, ERR_PROTOCOL, "unknown event '%.40s'", name);
}

static int read_init(struct message *message, struct err *err)
{
	const char *operation = json_get_string(message->tree, "operation",
						err);
	uint64_t nagents = 1;
	struct err ignored = ERR_INIT;

	if (!operation)
		return -1;
	if (strcmp(operation, "upload") && strcmp(operation, "download"))
		return err_set(err, ERR_PROTOCOL,
			       "'operation' is '%.40s', not upload or download",
			       operation);
	message->direction = strcmp(operation, "upload") ? DOWNLOAD : UPLOAD;
	if (json_get_optional_string(message->tree, "remote", &message->remote,
				     err))
		return -1;
	if (json_is_true(json_object_get(message->tree, "concurrent")))
		json_get_size(message->tree, "concurrenttransfers", &nagents,
			      &ignored);
	message->nagents = nagents < NAGENTS_MAX ? (unsigned)nagents :
						   NAGENTS_MAX;
	return 0;
}

static int check_oid(const char *oid, struct err *err)
{
	if (strlen(oid) == OID_LENGTH &&
	    strspn(oid, "0123456789abcdef") == OID_LENGTH)
		return 0;
	return err_set(err, ERR_PROTOCOL,
		       "'oid' is '%.80s', not the %d hex digits of a SHA-256",
		       oid, OID_LENGTH);
}

static int read_object(struct message *message, struct err *err)
{
	const char *oid = json_get_string(message->tree, "oid", err);

	if (!oid)
		return -1;
	if (check_oid(oid, err) ||
	    json_get_size(message->tree, "size", &message->size, err))
		return -1;
	message->action = json_object_get(message->tree, "action");
	if (json_is_null(message->action))
		message->action = NULL;
	return 0;
}

static int read_fields(struct message *message, struct err *err)
{
	const char *oid;

	if (!json_is_object(message->tree))
		return err_set(err, ERR_PROTOCOL,
			       "the line is not a JSON object");
	oid = json_string_value(json_object_get(message->tree, "oid"));
	if (oid && strlen(oid) <= OID_ECHO_MAX)
		message->oid = oid;
	if (read_event(message, err))
		return -1;
	switch (message->event) {
	case EVENT_INIT:
		return read_init(message, err);
	case EVENT_TERMINATE:
		return 0;
	case EVENT_DOWNLOAD:
		return read_object(message, err);
	case EVENT_UPLOAD:
		if (read_object(message, err))
			return -1;
		message->path = json_get_string(message->tree, "path", err);
		if (message->path && !*message->path)
			err_set(err, ERR_PROTOCOL, "'path' is empty");
		return err->kind ? -1 : 0;
	}
	return 0;
}

int message_read(struct message *message, struct input *input, struct err *err)
{
	int ret;

	message_release(message);
	if (!input_begin_line(input))
		return 0;
	message->tree = json_parse_stream(input_read, input, err);
	if (input->too_long) {
		err_clear(err);
		err_set(err, ERR_PROTOCOL,
			"the line is too long: over %d bytes", INPUT_LINE_MAX);
	}
	input_end_line(input);
	if (input_signal() || (!message->tree && input->ended))
		return 0;
	ret = message->tree ? read_fields(message, err) : -1;
	if (ret)
		return err_wrap(err, "bad message from git-lfs");
	return 1;
}

void message_release(struct message *message)
{
	json_decref(message->tree);
	*message = (struct message)MESSAGE_INIT;
}

/* Write `line`, which is taken, and a newline in one go. */
static int write_line(json_t *line, struct err *err)
{
	struct buf out = BUF_INIT(LINE_MAX_OUT);
	int ret = -1;

	if (!line || json_format(line, &out) || buf_puts(&out, "\n"))
		err_set(err, ERR_LOCAL, "cannot format a message to git-lfs");
	else
		ret = file_write(STDOUT_FILENO, out.data, out.len, err);
	buf_release(&out);
	json_decref(line);
	return ret;
}

static json_t *error_object(const struct err *why)
{
	return json_pack("{s:i, s:s}", "code", why->code ? why->code : 1,
			 "message", why->msg);
}

int message_ready(struct err *err)
{
	return write_line(json_object(), err);
}

int message_not_ready(const struct err *why, struct err *err)
{
	return write_line(json_pack("{s:o}", "error", error_object(why)), err);
}

int message_progress(const char *oid, uint64_t so_far, int64_t since,
		     struct err *err)
{
	return write_line(json_pack("{s:s, s:s, s:I, s:I}", "event", "progress",
				    "oid", oid, "bytesSoFar",
				    (json_int_t)so_far, "bytesSinceLast",
				    (json_int_t)since),
			  err);
}

int message_complete(const char *oid, const char *path, struct err *err)
{
	json_t *line = json_pack("{s:s, s:s}", "event", "complete", "oid", oid);

	/* JSON has no string for a path that is not UTF-8. */
	if (path && json_object_set_new(line, "path", json_string(path))) {
		json_decref(line);
		return err_set(err, ERR_LOCAL, "'%s' is not UTF-8", path);
	}
	return write_line(line, err);
}

int message_failed(const char *oid, const struct err *why, struct err *err)
{
	return write_line(json_pack("{s:s, s:s, s:o}", "event", "complete",
				    "oid", oid, "error", error_object(why)),
			  err);
}

enum { INTERVAL_MS = 100 };

bool progress_next(struct progress *progress, uint64_t moved, uint64_t now_ms,
		   bool at_once, struct progress_event *event)
{
	uint64_t reported = progress->reported;
	bool forward = moved >= reported;
	uint64_t step = forward ? moved - reported : reported - moved;
	bool is_last = step <= INT32_MAX;

	if (!step || (!at_once && now_ms - progress->last_ms < INTERVAL_MS))
		return false;
	if (!is_last)
		step = INT32_MAX;
	else
		progress->last_ms = now_ms;
	progress->reported = forward ? reported + step : reported - step;
	event->so_far = progress->reported;
	event->since = forward ? (int64_t)step : -(int64_t)step;
	return true;
}
