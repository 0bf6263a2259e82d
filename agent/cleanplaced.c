/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/cleanplaced.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lfs/base/buf.h"
#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/pointer.h"
#include "lfs/worktree/place.h"

/* A packet is four hex digits, its size with these, and its bytes (pkt-line). */
enum {
	HEAD = 4,
	PACKET_MAX = 65520,
	READ_SIZE = 1 << 20,
	LINES_MAX = 64	/* of one list, so that it ends */
};

#define FLUSH "0000"
#define FAILED "0011status=error\n" FLUSH

struct filter {
	int in, out;
	int top;	/* the top of the work tree, open */
	const struct placed *placed;
	char *data;	/* owned: what was read and is not used up yet */
	size_t used, len;
	bool is_over;	/* git has closed its end */
};

/* A packet; `size` is 0 for one that ends a list. */
struct packet {
	const char *data;	/* borrowed until the next one; no string */
	size_t size;
};

/* What git wants with a file. */
struct request {
	bool is_clean;
	char *path;	/* owned; NULL: it did not say */
};

/* Have at least `n` bytes, unless git closes its end before the first of them. */
static int have(struct filter *filter, size_t n, struct err *err)
{
	ssize_t got;

	if (filter->len - filter->used >= n)
		return 0;
	memmove(filter->data, filter->data + filter->used,
		filter->len - filter->used);
	filter->len -= filter->used;
	filter->used = 0;
	while (filter->len < n) {
		got = read(filter->in, filter->data + filter->len,
			   READ_SIZE - filter->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "cannot read from git");
		if (!got) {
			filter->is_over = true;
			return filter->len ?
				       err_set(err, ERR_PROTOCOL,
					       "git stopped in a packet") :
				       0;
		}
		filter->len += (size_t)got;
	}
	return 0;
}

/* The next packet.  At the end of all, `is_over` is set and it has no bytes. */
static int next_packet(struct filter *filter, struct packet *packet,
		       struct err *err)
{
	size_t size = 0;

	*packet = (struct packet){ .size = 0 };
	if (have(filter, HEAD, err))
		return -1;
	if (filter->is_over)
		return 0;
	for (int i = 0; i < HEAD; i++) {
		int digit = text_hex(filter->data[filter->used + (size_t)i]);

		if (digit < 0)
			return err_set(err, ERR_PROTOCOL,
				       "git sent no packet of its protocol");
		size = size * 16 + (size_t)digit;
	}
	if ((size && size <= HEAD) || size > PACKET_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "git sent a packet of %zu bytes", size);
	if (have(filter, size ? size : HEAD, err))
		return -1;
	packet->data = filter->data + filter->used + HEAD;
	packet->size = size ? size - HEAD : 0;
	filter->used += size ? size : HEAD;
	return 0;
}

/* Does the packet hold this text, with or without a line feed? */
static bool is_line(const struct packet *packet, const char *text)
{
	size_t len = strlen(text);

	return packet->size >= len && !memcmp(packet->data, text, len) &&
	       (packet->size == len ||
		(packet->size == len + 1 && packet->data[len] == '\n'));
}

/* Read a list to its end; was this line in it? */
static int read_list(struct filter *filter, const char *wanted, bool *found,
		     struct err *err)
{
	struct packet packet;

	*found = false;
	for (int i = 0; i < LINES_MAX; i++) {
		if (next_packet(filter, &packet, err))
			return -1;
		if (!packet.size)
			return 0;
		*found = *found || is_line(&packet, wanted);
	}
	return err_set(err, ERR_PROTOCOL, "git sent a list without an end");
}

static int say(struct filter *filter, const char *packets, struct err *err)
{
	return file_write(filter->out, packets, strlen(packets), err);
}

static int shake_hands(struct filter *filter, struct err *err)
{
	bool found;

	if (read_list(filter, "version=2", &found, err))
		return -1;
	if (!found)
		return err_set(err, ERR_PROTOCOL,
			       "git does not speak version 2 of its protocol "
			       "for filters");
	if (say(filter,
		"0016git-filter-server\n"
		"000eversion=2\n" FLUSH,
		err) ||
	    read_list(filter, "capability=clean", &found, err))
		return -1;
	return say(filter, "0015capability=clean\n" FLUSH, err);
}

/* The path may hold a line feed; one at the end is the protocol's. */
static void read_path(struct request *request, const struct packet *packet)
{
	static const char key[] = "pathname=";
	size_t len = strlen(key), size = packet->size;

	if (size <= len || memcmp(packet->data, key, len) || request->path)
		return;
	size -= packet->data[size - 1] == '\n';
	if (!memchr(packet->data, '\0', size))
		request->path = xstrndup(packet->data + len, size - len);
}

static int read_request(struct filter *filter, struct request *request,
			struct err *err)
{
	struct packet packet;

	for (int i = 0; i < LINES_MAX; i++) {
		if (next_packet(filter, &packet, err))
			return -1;
		if (!packet.size)
			return 0;
		request->is_clean = request->is_clean ||
				    is_line(&packet, "command=clean");
		read_path(request, &packet);
	}
	return err_set(err, ERR_PROTOCOL, "git sent a list without an end");
}

/* The bytes of a file: only so many are kept as a pointer may have. */
struct content {
	uint64_t size;
	char start[POINTER_MAX];
};

/* Git must get rid of the bytes before it listens. */
static int read_content(struct filter *filter, struct content *content,
			struct err *err)
{
	struct packet packet;

	content->size = 0;
	do {
		if (next_packet(filter, &packet, err))
			return -1;
		if (content->size + packet.size <= POINTER_MAX && packet.size)
			memcpy(content->start + content->size, packet.data,
			       packet.size);
		content->size += packet.size;
	} while (packet.size);
	return filter->is_over ?
		       err_set(err, ERR_PROTOCOL, "git stopped in a file") :
		       0;
}

static bool is_as_placed(const struct filter *filter,
			 const struct placed_file *file)
{
	struct stat st;

	/* Without a ctime, the note was made before the file got its name. */
	return file && file->id.ctime_ns &&
	       !place_stat(filter->top, file->path, &st) &&
	       placed_is_same(&file->id, &st);
}

static int give(struct filter *filter, const char *text, size_t len,
		struct err *err)
{
	struct buf packets = BUF_INIT(PACKET_MAX);
	int ret;

	buf_puts(&packets, "0013status=success\n" FLUSH);
	/* Git takes a packet without bytes for the end. */
	if (len)
		buf_printf(&packets, "%04zx", len + HEAD);
	buf_add(&packets, text, len);
	buf_puts(&packets, FLUSH FLUSH);
	ret = file_write(filter->out, packets.data, packets.len, err);
	buf_release(&packets);
	return ret;
}

static int answer(struct filter *filter, const struct request *request,
		  const struct content *content, struct err *err)
{
	const struct placed_file *file = NULL;
	struct pointer pointer;
	char *text;
	int ret;

	if (!request->is_clean || !request->path)
		return say(filter, FAILED, err);
	file = placed_find(filter->placed, request->path);
	if (is_as_placed(filter, file) && content->size == file->id.size) {
		text = pointer_format(file->pointer.oid, file->pointer.size);
		ret = give(filter, text, strlen(text), err);
		free(text);
		return ret;
	}
	if (content->size <= POINTER_MAX &&
	    pointer_parse(&pointer, content->start, (size_t)content->size))
		return give(filter, content->start, (size_t)content->size, err);
	/* As git-lfs has it: git asks when it does not trust its index. */
	if (!file && !content->size)
		return give(filter, "", 0, err);
	return say(filter, FAILED, err);
}

static int serve_file(struct filter *filter, struct err *err)
{
	struct request request = { .path = NULL };
	struct content content;
	int ret = -1;

	if (!read_request(filter, &request, err) && !filter->is_over &&
	    !read_content(filter, &content, err))
		ret = answer(filter, &request, &content, err);
	free(request.path);
	return filter->is_over && !err->kind ? 0 : ret;
}

int cleanplaced_serve(int in, int out, const struct placed *placed,
		      struct err *err)
{
	struct filter filter = { .in = in, .out = out, .placed = placed };
	int ret;

	filter.top = open(placed->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (filter.top < 0)
		return err_sys(err, errno, "cannot open '%s'", placed->top);
	filter.data = xmalloc(READ_SIZE);
	ret = shake_hands(&filter, err);
	while (!ret && !filter.is_over)
		ret = serve_file(&filter, err);
	free(filter.data);
	close(filter.top);
	return ret;
}

struct cleanplaced {
	const char *journal;
};

static int cleanplaced_set_words(void *args, size_t n, char **words,
				 struct err *err)
{
	struct cleanplaced *self = args;

	if (n != 1)
		return err_set(err, ERR_USAGE, "this command is for git");
	self->journal = words[0];
	return 0;
}

static int cleanplaced_run(void *args)
{
	const struct cleanplaced *self = args;
	struct placed placed;
	struct err err = ERR_INIT;
	bool in_use;

	signal(SIGPIPE, SIG_IGN);
	if (!placed_load(&placed, self->journal, &in_use, &err)) {
		if (placed.top)
			cleanplaced_serve(STDIN_FILENO, STDOUT_FILENO, &placed,
					  &err);
		else
			err_set(&err, ERR_LOCAL, "'%s' names no work tree",
				self->journal);
		placed_release(&placed);
	}
	return err.kind ? cli_fail(&err) : EXIT_SUCCESS;
}

const struct cli_command cleanplaced_command = {
	.name = "clean-placed",
	.usage = "usage: git lfs-multipart clean-placed <journal>\n",
	.args_size = sizeof(struct cleanplaced),
	.set_words = cleanplaced_set_words,
	.run = cleanplaced_run,
};
