/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test/unit/tinyserver.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 128, HEAD_MAX = 64 << 10 };

struct connection {
	struct tinyserver *server;
	unsigned number;
	pthread_t thread;
	int fd;	/* -1 once closed */
};

struct tinyserver {
	tinyserver_answer *answer;
	void *ctx;
	char url[64];
	int fd;
	pthread_t thread;

	pthread_mutex_t mutex;	/* guards all below */
	pthread_cond_t has_stopped;
	bool stop;
	struct connection connections[CONNECTIONS_MAX];
	unsigned nconnections;
	char *heads[TINYSERVER_REQUESTS_MAX];	/* owned, as the bodies */
	char *bodies[TINYSERVER_REQUESTS_MAX];
	unsigned nrequests;
};

bool tinyserver_send(struct tinyrequest *request, const char *data, size_t n)
{
	while (n) {
		ssize_t put = send(request->fd, data, n, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		data += put;
		n -= (size_t)put;
	}
	return true;
}

bool tinyserver_puts(struct tinyrequest *request, const char *text)
{
	return tinyserver_send(request, text, strlen(text));
}

bool tinyserver_pause(struct tinyrequest *request, unsigned ms)
{
	struct tinyserver *server = request->server;
	struct timespec until;
	bool stop;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&server->mutex);
	while (!server->stop && !ret)
		ret = pthread_cond_timedwait(&server->has_stopped,
					     &server->mutex, &until);
	stop = server->stop;
	pthread_mutex_unlock(&server->mutex);
	return !stop;
}

const char *tinyserver_header(const char *head, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strchr(head, '\n'); p; p = strchr(p + 1, '\n'))
		if (!strncasecmp(p + 1, name, len) && p[1 + len] == ':')
			return p + 2 + len + strspn(p + 2 + len, " ");
	return NULL;
}

static size_t content_length(const char *head)
{
	const char *value = tinyserver_header(head, "Content-Length");

	return value ? strtoul(value, NULL, 10) : 0;
}

bool tinyserver_read_body(struct tinyrequest *request)
{
	size_t len = 0;

	request->size = content_length(request->head);
	free(request->body);
	request->body = calloc(1, request->size + 1);
	while (request->body && len < request->size) {
		ssize_t got = recv(request->fd, request->body + len,
				   request->size - len, 0);

		if (got <= 0)
			return false;
		len += (size_t)got;
	}
	return request->body != NULL;
}

bool tinyserver_text(struct tinyrequest *request, void *ctx)
{
	return tinyserver_read_body(request) && tinyserver_puts(request, ctx);
}

bool tinyserver_endless(struct tinyrequest *request, void *ctx)
{
	static const char zeros[10000];

	if (!tinyserver_text(request, ctx))
		return false;
	while (tinyserver_send(request, zeros, sizeof(zeros)))
		;
	return false;
}

bool tinyserver_range(const char *head, uint64_t size, uint64_t *from,
		      uint64_t *to)
{
	static const char unit[] = "bytes=";
	const char *value = tinyserver_header(head, "Range");
	char *end;

	*from = 0;
	*to = size;
	if (!value || strncmp(value, unit, strlen(unit)) != 0)
		return false;
	*from = strtoull(value + strlen(unit), &end, 10);
	*to = strtoull(end + 1, NULL, 10) + 1;
	return true;
}

bool tinyserver_serve(struct tinyrequest *request, const void *bytes,
		      uint64_t size, enum tiny_way way)
{
	const char *body = bytes;
	uint64_t from, to, n;
	char text[300], first;
	bool is_range = tinyserver_range(request->head, size, &from, &to);

	if (way == TINY_WHOLE) {
		is_range = false;
		from = 0;
		to = size;
	}
	n = to - from;
	snprintf(text, sizeof(text),
		 "HTTP/1.1 %s\r\nContent-Length: %" PRIu64 "\r\n",
		 is_range ? "206 Partial Content" : "200 OK", n);
	if (is_range)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64
			 "\r\n",
			 from, to - 1, size);
	if (!tinyserver_puts(request, text) ||
	    !tinyserver_puts(request, "\r\n") || !n)
		return !n;
	first = (char)(body[from] ^ (way == TINY_SPOILT));
	if (way == TINY_CUT)
		n /= 2;
	return tinyserver_send(request, &first, 1) &&
	       tinyserver_send(request, body + from + 1, (size_t)n - 1) &&
	       way != TINY_CUT;
}

/* Up to the empty line and not a byte more, so one byte at a time. */
static char *read_head(int fd)
{
	char *head = malloc(HEAD_MAX);
	size_t len = 0;

	while (head && len < HEAD_MAX - 1 && recv(fd, head + len, 1, 0) == 1) {
		head[++len] = '\0';
		if (len >= 4 && !strcmp(head + len - 4, "\r\n\r\n"))
			return head;
	}
	free(head);
	return NULL;
}

/* Keep what was sent for the test; the request is not to be used again. */
static void keep(struct tinyrequest *request)
{
	struct tinyserver *server = request->server;

	pthread_mutex_lock(&server->mutex);
	if (request->number < TINYSERVER_REQUESTS_MAX) {
		server->heads[request->number] = request->head;
		server->bodies[request->number] = request->body;
	} else {
		free(request->head);
		free(request->body);
	}
	pthread_mutex_unlock(&server->mutex);
}

static bool serve_one(struct connection *connection)
{
	struct tinyserver *server = connection->server;
	struct tinyrequest request = {
		.server = server,
		.connection = connection->number,
		.fd = connection->fd,
	};
	bool ret;

	request.head = read_head(connection->fd);
	if (!request.head)
		return false;
	pthread_mutex_lock(&server->mutex);
	request.number = server->nrequests++;
	pthread_mutex_unlock(&server->mutex);
	ret = server->answer(&request, server->ctx);
	keep(&request);
	return ret;
}

static void *serve(void *arg)
{
	struct connection *connection = arg;
	struct tinyserver *server = connection->server;

	while (serve_one(connection))
		;
	pthread_mutex_lock(&server->mutex);
	close(connection->fd);
	connection->fd = -1;
	pthread_mutex_unlock(&server->mutex);
	return NULL;
}

static bool add_connection(struct tinyserver *server, int fd)
{
	struct connection *connection;
	bool ret = false;

	pthread_mutex_lock(&server->mutex);
	connection = &server->connections[server->nconnections];
	if (!server->stop && server->nconnections < CONNECTIONS_MAX) {
		connection->server = server;
		connection->number = server->nconnections;
		connection->fd = fd;
		ret = !pthread_create(&connection->thread, NULL, serve,
				      connection);
		server->nconnections += ret;
	}
	pthread_mutex_unlock(&server->mutex);
	return ret;
}

static void *take_connections(void *arg)
{
	struct tinyserver *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		if (!add_connection(server, fd)) {
			close(fd);
			break;
		}
	}
	return NULL;
}

static int listen_on_any_port(char *url, size_t size)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, CONNECTIONS_MAX) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		return -1;
	snprintf(url, size, "http://127.0.0.1:%d", ntohs(addr.sin_port));
	return fd;
}

struct tinyserver *tinyserver_start(tinyserver_answer *answer, void *ctx)
{
	struct tinyserver *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->answer = answer;
	server->ctx = ctx;
	pthread_mutex_init(&server->mutex, NULL);
	pthread_cond_init(&server->has_stopped, NULL);
	server->fd = listen_on_any_port(server->url, sizeof(server->url));
	if (server->fd >= 0 &&
	    !pthread_create(&server->thread, NULL, take_connections, server))
		return server;
	free(server);
	return NULL;
}

const char *tinyserver_url(const struct tinyserver *server)
{
	return server->url;
}

unsigned tinyserver_count(struct tinyserver *server)
{
	unsigned n;

	pthread_mutex_lock(&server->mutex);
	n = server->nrequests;
	pthread_mutex_unlock(&server->mutex);
	return n;
}

unsigned tinyserver_connections(struct tinyserver *server)
{
	unsigned n;

	pthread_mutex_lock(&server->mutex);
	n = server->nconnections;
	pthread_mutex_unlock(&server->mutex);
	return n;
}

/*
 * The client has the answer a moment before the server has put the request
 * away: wait for it, but not for ever.
 */
static const char *kept(struct tinyserver *server, char **texts,
			unsigned number)
{
	const struct timespec ms = { 0, 1000000 };
	const char *text = NULL;

	if (number >= TINYSERVER_REQUESTS_MAX)
		return "";
	for (int i = 0; !text && i < 2000; i++) {
		if (i)
			nanosleep(&ms, NULL);
		pthread_mutex_lock(&server->mutex);
		if (server->heads[number])
			text = texts[number] ? texts[number] : "";
		pthread_mutex_unlock(&server->mutex);
	}
	return text ? text : "";
}

const char *tinyserver_head(struct tinyserver *server, unsigned number)
{
	return kept(server, server->heads, number);
}

const char *tinyserver_body(struct tinyserver *server, unsigned number)
{
	return kept(server, server->bodies, number);
}

static void end_connections(struct tinyserver *server)
{
	pthread_mutex_lock(&server->mutex);
	server->stop = true;
	pthread_cond_broadcast(&server->has_stopped);
	for (unsigned i = 0; i < server->nconnections; i++)
		if (server->connections[i].fd >= 0)
			shutdown(server->connections[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->mutex);
}

void tinyserver_stop(struct tinyserver *server)
{
	/* On Linux this ends a waiting accept(), which close() would not. */
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	end_connections(server);
	for (unsigned i = 0; i < server->nconnections; i++)
		pthread_join(server->connections[i].thread, NULL);
	for (unsigned i = 0; i < TINYSERVER_REQUESTS_MAX; i++) {
		free(server->heads[i]);
		free(server->bodies[i]);
	}
	pthread_mutex_destroy(&server->mutex);
	pthread_cond_destroy(&server->has_stopped);
	free(server);
}
