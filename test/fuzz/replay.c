/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Hand every file named on the command line to a fuzz target, once, without
 * libFuzzer: so the corpus of a target is a regression test that any compiler
 * can build.  A target that finds something wrong does not return.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of the file, all of which is read into `*data`; -1 on failure. */
static long load(const char *path, uint8_t **data)
{
	FILE *file = fopen(path, "rb");
	long size = -1;

	if (!file)
		return -1;
	if (!fseek(file, 0, SEEK_END))
		size = ftell(file);
	if (size >= 0) {
		/* Exactly as large as the input, for the sanitizers' sake. */
		*data = malloc(size ? (size_t)size : 1);
		rewind(file);
		if (!*data ||
		    fread(*data, 1, (size_t)size, file) != (size_t)size)
			size = -1;
	}
	fclose(file);
	return size;
}

static int replay(const char *path)
{
	uint8_t *data = NULL;
	long size = load(path, &data);

	if (size < 0)
		perror(path);
	else
		LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return size < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: %s INPUT...\n", argv[0]);
		return 2;
	}
	for (i = 1; i < argc; i++) {
		/* If the target dies, the last line names the input. */
		printf("# %s\n", argv[i]);
		fflush(stdout);
		if (replay(argv[i]))
			return 1;
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
