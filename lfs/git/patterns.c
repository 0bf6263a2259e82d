/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/git/patterns.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/base/text.h"

/* Takes `spec`. */
static void put_spec(char ***specs, size_t *n, char *spec)
{
	*specs = xreallocarray(*specs, *n + 2, sizeof(**specs));
	(*specs)[(*n)++] = spec;
	(*specs)[*n] = NULL;
}

/* A copy with one slash for several, as git-lfs reads them; the caller's. */
static char *squeeze_slashes(const char *pattern, size_t len)
{
	char *copy = xstrndup(pattern, len), *to = copy;

	for (const char *from = copy; *from; from++)
		if (*from != '/' || from[1] != '/')
			*to++ = *from;
	*to = '\0';
	return copy;
}

static void add_spec(char ***specs, size_t *n, const char *magic,
		     const char *pattern, size_t len)
{
	size_t left = text_trim_slashes(pattern, len);
	char *copy = squeeze_slashes(pattern, left);
	const char *rest = copy + (*copy == '/');
	/* Without a slash it is a name at any depth, as in .gitignore. */
	const char *depth = strchr(copy, '/') ? "" : "**/";

	if (*rest) {
		put_spec(specs, n,
			 xstrfmt(":(top,glob%s)%s%s", magic, depth, rest));
		put_spec(specs, n,
			 xstrfmt(":(top,glob%s)%s%s/**", magic, depth, rest));
	}
	free(copy);
}

static void add_specs(char ***specs, size_t *n, const char *magic,
		      const char *list)
{
	while (list && *list) {
		size_t len;

		list += strspn(list, ", ");
		len = strcspn(list, ",");
		while (len && list[len - 1] == ' ')
			len--;
		add_spec(specs, n, magic, list, len);
		list += strcspn(list, ",");
	}
}

char **patterns_to_pathspecs(const char *include, const char *exclude)
{
	char **specs = xcalloc(1, sizeof(*specs));
	size_t n = 0;

	add_specs(&specs, &n, "", include);
	/* A list that names nothing is not the same as none; git tracks no .git. */
	if (!n && include && include[strspn(include, " ")])
		put_spec(&specs, &n, xstrdup(":(top,glob).git"));
	add_specs(&specs, &n, ",exclude", exclude);
	return specs;
}

void patterns_free(char **specs)
{
	for (size_t i = 0; specs && specs[i]; i++)
		free(specs[i]);
	free(specs);
}
