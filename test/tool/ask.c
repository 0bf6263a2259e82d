/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Ask the test server about itself, for scenarios.
 *
 *	ask [-X METHOD] URL PATH [LINE...]
 *
 * URL is http://127.0.0.1:PORT, and PATH one of those in test/server.py; the
 * lines are the body of a POST.  Prints the answer; fails if it is not 200.
 *
 * A request by hand: scenarios ask by the hundred, and whatever else could do
 * it takes ten times as long to start.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HOST "127.0.0.1"

enum { ANSWER_SECONDS = 20 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int connect_to(const char *url)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	const char *start = "http://" HOST ":";
	size_t len = strlen(start);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (strncmp(url, start, len)) {
		fprintf(stderr, "ask: not the URL of a test server: %s\n", url);
		exit(1);
	}
	addr.sin_port = htons((uint16_t)strtoul(url + len, NULL, 10));
	inet_pton(AF_INET, HOST, &addr.sin_addr);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(url);
	return fd;
}

static void send_request(FILE *to, const char *method, const char *path,
			 char **lines)
{
	size_t length = 0;

	for (char **line = lines; *line; line++)
		length += strlen(*line) + 1;
	fprintf(to,
		"%s /_control/%s HTTP/1.1\r\nHost: " HOST "\r\n"
		"Connection: close\r\nContent-Length: %zu\r\n\r\n",
		method, path, length);
	for (; *lines; lines++)
		fprintf(to, "%s\n", *lines);
	if (fflush(to))
		die(path);
}

/* The body goes to stdout, or if the status is not 200 to stderr. */
static bool print_answer(FILE *from)
{
	char line[65536];
	FILE *out;
	int c;
	bool good;

	if (!fgets(line, sizeof(line), from))
		die("no answer");
	good = !strncmp(line, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 "));
	while (fgets(line, sizeof(line), from) && strcmp(line, "\r\n"))
		;
	out = good ? stdout : stderr;
	while ((c = getc(from)) != EOF)
		putc(c, out);
	if (ferror(from) || fflush(out))
		die("answer");
	return good;
}

int main(int argc, char **argv)
{
	const char *method = NULL;
	FILE *to, *from;
	int c, fd;
	bool good;

	while ((c = getopt(argc, argv, "X:")) != -1) {
		if (c != 'X')
			return 2;
		method = optarg;
	}
	argv += optind;
	if (argc - optind < 2) {
		fputs("usage: ask [-X METHOD] URL PATH [LINE...]\n", stderr);
		return 2;
	}
	if (!method)
		method = argv[2] ? "POST" : "GET";
	fd = connect_to(argv[0]);
	to = fdopen(fd, "w");
	from = fdopen(dup(fd), "r");
	if (!to || !from)
		die(argv[0]);
	send_request(to, method, argv[1], argv + 2);
	good = print_answer(from);
	fclose(to);
	fclose(from);
	return good ? 0 : 1;
}
