/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/worktree/selection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/file.h"
#include "lfs/base/mem.h"
#include "lfs/base/text.h"
#include "lfs/git/gitfiles.h"
#include "lfs/git/history.h"
#include "lfs/git/patterns.h"

/* Files that git writes and reads, in the order of the steps. */
enum {
	LISTED,	/* the entries of the index that the patterns leave */
	CHOSEN,	/* those that the paths name */
	ENTRIES,	/* the regular files in both lists */
	PATHS,	/* and their paths alone */
	ATTRIBUTES,
	IDS,
	SIZES,
	SMALL,
	TEXTS,
	NFILES
};

struct finding {
	const struct selection_request *request;	/* borrowed */
	int fds[NFILES];
};

/* Records that end with a NUL. */
struct records {
	FILE *from;
	char *text;	/* owned; of the present one */
	size_t room;
};

static int records_open(struct records *records, int fd, struct err *err)
{
	*records = (struct records){ .from = gitfiles_stream(fd, "r") };
	if (records->from)
		return 0;
	return err_sys(err, errno, "cannot read what git has printed");
}

static void records_close(struct records *records)
{
	if (records->from)
		fclose(records->from);
	free(records->text);
}

/* The next one, borrowed until the one after it; NULL at the end. */
static char *records_next(struct records *records)
{
	ssize_t n = getdelim(&records->text, &records->room, '\0',
			     records->from);

	return n > 0 && !records->text[n - 1] ? records->text : NULL;
}

/* An entry of the index, as `git ls-files -t --stage` prints it. */
struct entry {
	bool is_file;	/* inside a sparse checkout, and not in conflict */
	unsigned mode;
	const char *id;	/* borrowed from the record, as is `path` */
	size_t id_len;
	const char *path;
};

/* "TAG MODE ID STAGE\tPATH"; git's commit of a submodule has an id, too. */
static int parse_entry(struct entry *entry, const char *record, struct err *err)
{
	const char *tab = strchr(record, '\t');
	char *end = NULL;

	*entry = (struct entry){ .path = tab ? tab + 1 : NULL };
	if (tab && *record && record[1] == ' ') {
		entry->mode = (unsigned)strtoul(record + 2, &end, 8);
		entry->id = end + (*end == ' ');
		entry->id_len = strspn(entry->id, "0123456789abcdef");
	}
	if ((entry->id_len != 40 && entry->id_len != 64) ||
	    entry->id + entry->id_len + 2 != tab || tab[-2] != ' ')
		return err_set(err, ERR_LOCAL,
			       "'git ls-files' printed an unexpected line");
	entry->is_file = *record == 'H' && tab[-1] == '0' &&
			 (entry->mode == 0100644 || entry->mode == 0100755);
	return 0;
}

/* The part of the listed entries that is chosen by paths. */
struct chosen {
	struct records records;
	const char *path;	/* the next that is chosen; NULL: no more */
};

static void chosen_next(struct chosen *chosen)
{
	const char *record = records_next(&chosen->records);
	const char *tab = record ? strchr(record, '\t') : NULL;

	chosen->path = tab ? tab + 1 : NULL;
}

/* Both lists are in the order of the index: that of the paths' bytes. */
static bool chosen_has(struct chosen *chosen, const char *path)
{
	while (chosen->path && strcmp(chosen->path, path) < 0)
		chosen_next(chosen);
	return chosen->path && !strcmp(chosen->path, path);
}

/* Write the files among the entries, and their paths. */
static int sift_entries(const struct finding *finding, struct records *listed,
			struct chosen *chosen, FILE *to[2], struct err *err)
{
	const char *top = finding->request->repo->top, *record;

	while ((record = records_next(listed))) {
		struct entry entry;

		if (parse_entry(&entry, record, err))
			return -1;
		if (!entry.is_file ||
		    (chosen && !chosen_has(chosen, entry.path)))
			continue;
		fprintf(to[0], "%s%c", record, '\0');
		/* git takes a relative one as from the current directory. */
		fprintf(to[1], "%s/%s%c", top, entry.path, '\0');
	}
	return 0;
}

static int sift_files(const struct finding *finding, bool has_chosen,
		      struct err *err)
{
	struct chosen chosen = { .path = NULL };
	struct records listed = { .from = NULL };
	FILE *to[2] = { gitfiles_stream(finding->fds[ENTRIES], "w"),
			gitfiles_stream(finding->fds[PATHS], "w") };
	int ret = -1;

	if (to[0] && to[1] &&
	    !records_open(&listed, finding->fds[LISTED], err) &&
	    !records_open(&chosen.records, finding->fds[CHOSEN], err)) {
		chosen_next(&chosen);
		ret = sift_entries(finding, &listed,
				   has_chosen ? &chosen : NULL, to, err);
	}
	for (int i = 0; i < 2; i++)
		if (to[i] && fclose(to[i]))
			ret = -1;
	records_close(&listed);
	records_close(&chosen.records);
	if (!ret || err->kind)
		return ret;
	return err_sys(err, errno, "cannot sort out the index's files");
}

struct listing {
	const char *option;
	bool folds_case;
	bool is_of_all;	/* what the pathspecs do not exclude */
	const char *const *specs;
	size_t n;
	int out;
};

static int list_entries(const struct finding *finding,
			const struct listing *listing, struct err *err)
{
	static const char *const words[] = { "ls-files", "-z", "-t", "--stage",
					     "--full-name" };
	enum { NWORDS = sizeof(words) / sizeof(words[0]) };
	const char **argv = xcalloc(NWORDS + listing->n + 6, sizeof(*argv));
	size_t n = 0;
	int ret;

	argv[n++] = "git";
	if (listing->folds_case)
		argv[n++] = "--icase-pathspecs";
	memcpy(argv + n, words, sizeof(words));
	n += NWORDS;
	argv[n++] = listing->option;
	argv[n++] = "--";
	/* git would begin with the current directory. */
	if (listing->is_of_all)
		argv[n++] = ":(top)";
	for (size_t i = 0; i < listing->n; i++)
		argv[n++] = listing->specs[i];
	ret = gitfiles_run(argv, -1, listing->out, &finding->request->stop,
			   err);
	free(argv);
	return ret;
}

static bool is_blank(const char *list)
{
	return !list || !list[strspn(list, " ")];
}

static int list_by_patterns(const struct finding *finding, struct err *err)
{
	const struct selection_request *request = finding->request;
	char **specs = patterns_to_pathspecs(request->include,
					     request->exclude);
	struct listing listing = {
		/* What a sparse index folds into one entry is not wanted. */
		.option = "--sparse",
		.folds_case = gitconfig_bool(gitconfig_find(request->config,
							    "core.ignorecase"),
					     false),
		.is_of_all = is_blank(request->include),
		.specs = (const char *const *)specs,
		.out = finding->fds[LISTED],
	};
	int ret;

	while (specs[listing.n])
		listing.n++;
	ret = list_entries(finding, &listing, err);
	patterns_free(specs);
	return ret ? err_wrap(err, "cannot list the files of the index") : 0;
}

static int list_by_paths(const struct finding *finding, struct err *err)
{
	const struct listing listing = {
		.option = "--error-unmatch",
		.specs = finding->request->paths,
		.n = finding->request->npaths,
		.out = finding->fds[CHOSEN],
	};

	if (!listing.n || !list_entries(finding, &listing, err))
		return 0;
	if (err->kind == ERR_CANCELED)
		return -1;
	err->kind = ERR_USAGE;
	return err_wrap(err, "git cannot find the paths");
}

static int list_attributes(const struct finding *finding, struct err *err)
{
	static const char *const argv[] = { "git",    "check-attr",
					    "-z",     "--stdin",
					    "filter", "text",
					    "ident",  "working-tree-encoding",
					    NULL };

	return gitfiles_run(argv, finding->fds[PATHS], finding->fds[ATTRIBUTES],
			    &finding->request->stop, err);
}

/* What git check-attr says of a file. */
struct attributes {
	bool is_lfs;
	bool is_converted;
};

/* The next record, if it is `top`, a slash, and `path`. */
static bool is_next_path(struct records *records, const char *top,
			 const char *path)
{
	const char *word = records_next(records);
	size_t len = strlen(top);

	return word && !strncmp(word, top, len) && word[len] == '/' &&
	       !strcmp(word + len + 1, path);
}

/* "PATH", "ATTRIBUTE" and "VALUE" for each of them, in the order asked for. */
static int read_attributes(struct attributes *attributes,
			   struct records *records, const char *top,
			   const char *path, struct err *err)
{
	static const char *const names[] = { "filter", "text", "ident",
					     "working-tree-encoding" };

	*attributes = (struct attributes){ .is_lfs = false };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *word = is_next_path(records, top, path) ?
					   records_next(records) :
					   NULL;
		bool is_right = word && !strcmp(word, names[i]);

		word = is_right ? records_next(records) : NULL;
		if (!word)
			return err_set(err, ERR_LOCAL,
				       "'git check-attr' printed an unexpected "
				       "line");
		if (!i)
			attributes->is_lfs = !strcmp(word, "lfs");
		else if (strcmp(word, "unset") && strcmp(word, "unspecified"))
			attributes->is_converted = true;
	}
	return 0;
}

static void add_file(struct selection *selection, const struct entry *entry,
		     bool is_converted)
{
	struct wanted_file *file;

	selection->files = xgrow(selection->files, selection->n,
				 sizeof(*selection->files));
	file = &selection->files[selection->n++];
	*file = (struct wanted_file){
		.path = xstrdup(entry->path),
		.mode = entry->mode,
		.is_git_lfss = is_converted,
	};
	memcpy(file->blob, entry->id, entry->id_len);
}

int selection_read(struct selection *selection,
		   const struct selection_output *output, struct err *err)
{
	struct records entries = { .from = NULL }, records = { .from = NULL };
	const char *record;
	int ret = -1;

	if (!records_open(&entries, output->entries, err) &&
	    !records_open(&records, output->attributes, err))
		ret = 0;
	while (!ret && (record = records_next(&entries))) {
		struct attributes attributes;
		struct entry entry;

		ret = parse_entry(&entry, record, err);
		if (!ret)
			ret = read_attributes(&attributes, &records,
					      output->top, entry.path, err);
		if (!ret && entry.is_file && attributes.is_lfs)
			add_file(selection, &entry, attributes.is_converted);
	}
	records_close(&entries);
	records_close(&records);
	return ret;
}

/* A walk over the files that drops some of them. */
struct walk {
	struct selection *selection;
	size_t at;	/* the next file */
	size_t kept;	/* files before it that stay */
	bool has_extensions;
};

static void walk_drop(struct walk *walk)
{
	free(walk->selection->files[walk->at++].path);
}

static void walk_keep(struct walk *walk)
{
	struct wanted_file *files = walk->selection->files;

	files[walk->kept++] = files[walk->at++];
}

/* Drop the rest. */
static void walk_end(struct walk *walk)
{
	while (walk->at < walk->selection->n)
		walk_drop(walk);
	walk->selection->n = walk->kept;
}

static bool is_canonical(const struct pointer *pointer, const char *text,
			 size_t len)
{
	char *form = xstrfmt("version https://git-lfs.github.com/spec/v1\n"
			     "oid sha256:%s\nsize %" PRIu64 "\n",
			     pointer->oid, pointer->size);
	bool is = strlen(form) == len && !memcmp(form, text, len);

	free(form);
	return is;
}

/* Blobs come in the order of the files, without those of another size. */
static int take_blob(const struct gitfiles_blob *blob, void *ctx,
		     struct err *err)
{
	struct walk *walk = ctx;
	struct selection *selection = walk->selection;
	struct wanted_file *file;

	while (walk->at < selection->n &&
	       strcmp(selection->files[walk->at].blob, blob->id))
		walk_drop(walk);
	if (walk->at == selection->n)
		return err_set(err, ERR_LOCAL,
			       "'git cat-file' printed an unexpected blob");
	file = &selection->files[walk->at];
	if (!pointer_parse(&file->pointer, blob->text, blob->len)) {
		walk_drop(walk);
		return 0;
	}
	if (walk->has_extensions || !file->pointer.size ||
	    !is_canonical(&file->pointer, blob->text, blob->len))
		file->is_git_lfss = true;
	walk_keep(walk);
	return 0;
}

static int write_ids(const struct selection *selection, int fd, struct err *err)
{
	FILE *to = gitfiles_stream(fd, "w");

	for (size_t i = 0; to && i < selection->n; i++)
		fprintf(to, "%s\n", selection->files[i].blob);
	if (to && !fclose(to))
		return 0;
	return err_sys(err, errno, "cannot write the names of blobs");
}

static bool has_extensions(const struct gitconfig *config)
{
	const struct gitconfig_entry *entry;
	size_t pos = 0;

	while ((entry = gitconfig_each(config, &pos)))
		if (entry->sub && !strcasecmp(entry->section, "lfs") &&
		    text_has_prefix(entry->sub, "extension."))
			return true;
	return false;
}

/* Keep the files whose blob is a pointer. */
static int read_pointers(const struct finding *finding,
			 struct selection *selection, struct err *err)
{
	const struct selection_request *request = finding->request;
	const struct history_request absent = {
		.dir = request->dir,
		.config = request->config,
		.stop = request->stop,
	};
	const struct gitfiles_blobs blobs = {
		.ids = finding->fds[IDS],
		.sizes = finding->fds[SIZES],
		.small = finding->fds[SMALL],
		.texts = finding->fds[TEXTS],
		.stop = request->stop,
	};
	struct walk walk = {
		.selection = selection,
		.has_extensions = has_extensions(request->config),
	};
	int ret;

	if (write_ids(selection, blobs.ids, err) ||
	    history_fetch_blobs(&absent, blobs.ids, err) ||
	    gitfiles_print_blobs(&blobs, err))
		return -1;
	ret = gitfiles_read_blobs(blobs.texts, take_blob, &walk, err);
	walk_end(&walk);
	return ret;
}

/* The folder of the last path that was looked at: most share it with the next. */
struct folder {
	int top;
	int fd;	/* -1: none is open */
	char *path;	/* owned; "" for the top, otherwise with a slash at its end */
};

static void folder_close(struct folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	folder->fd = -1;
	free(folder->path);
	folder->path = NULL;
}

/* Open the folder of a file below the top, through no link. */
static int folder_open(struct folder *folder, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name;
	size_t len = slash ? (size_t)(slash - path) + 1 : 0;

	if (folder->path && strlen(folder->path) == len &&
	    !strncmp(folder->path, path, len))
		return 0;
	folder_close(folder);
	folder->fd = file_open_below(folder->top, path, false, &name, err);
	if (folder->fd < 0)
		return -1;
	folder->path = xstrndup(path, len);
	return 0;
}

/* Is the file of this name still the pointer? */
static bool is_pointer(int dir, const char *name, const struct pointer *wanted)
{
	/* It may be a pipe. */
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;
	bool is = fd >= 0 && !fstat(fd, &stat) &&
		  pointer_is_in(fd, &stat, wanted);

	if (fd >= 0)
		close(fd);
	return is;
}

/* -1: neither that nor the opposite can be said. */
static int is_absent(struct folder *folder, const char *path, bool *is,
		     struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct stat stat;

	*is = true;
	if (folder_open(folder, path, err)) {
		/* Without a code, a link or a file is where a folder should be. */
		if (err->code && err->code != ENOENT)
			return -1;
		err_clear(err);
		return 0;
	}
	*is = fstatat(folder->fd, slash ? slash + 1 : path, &stat,
		      AT_SYMLINK_NOFOLLOW) != 0;
	if (*is && errno != ENOENT)
		return err_sys(err, errno, "cannot look at '%s'", path);
	return 0;
}

/* Does the file want its object, as it is in the work tree? */
static int look_at(const struct finding *finding, struct folder *folder,
		   struct wanted_file *file, bool *wants, struct err *err)
{
	const struct selection_request *request = finding->request;
	const char *slash = strrchr(file->path, '/');
	bool is_gone;

	if (is_absent(folder, file->path, &is_gone, err))
		return -1;
	*wants = true;
	if (is_gone) {
		file->state = FILE_ABSENT;
	} else if (is_pointer(folder->fd, slash ? slash + 1 : file->path,
			      &file->pointer)) {
		file->state = FILE_IS_POINTER;
	} else if (request->is_placed &&
		   request->is_placed(request->ctx, file)) {
		file->state = FILE_PLACED;
	} else {
		*wants = false;
	}
	return 0;
}

/* Keep the files that want their object. */
static int look_at_all(const struct finding *finding,
		       struct selection *selection, struct err *err)
{
	const char *top = finding->request->repo->top;
	struct folder folder = { .fd = -1 };
	struct walk walk = { .selection = selection };
	int ret = 0;

	folder.top = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder.top < 0)
		return err_sys(err, errno, "cannot open '%s'", top);
	while (!ret && walk.at < selection->n) {
		bool wants = false;

		if (stop_is_wanted(&finding->request->stop))
			ret = err_set(err, ERR_CANCELED, "stopped");
		else
			ret = look_at(finding, &folder,
				      &selection->files[walk.at], &wants, err);
		if (wants)
			walk_keep(&walk);
		else
			walk_drop(&walk);
	}
	walk_end(&walk);
	folder_close(&folder);
	close(folder.top);
	return ret;
}

static int find_all(const struct finding *finding, struct selection *selection,
		    struct err *err)
{
	const struct selection_request *request = finding->request;
	const struct selection_output output = {
		.entries = finding->fds[ENTRIES],
		.attributes = finding->fds[ATTRIBUTES],
		.top = request->repo->top,
	};

	if (list_by_paths(finding, err) || list_by_patterns(finding, err) ||
	    sift_files(finding, request->npaths > 0, err) ||
	    list_attributes(finding, err) ||
	    selection_read(selection, &output, err) ||
	    read_pointers(finding, selection, err))
		return -1;
	selection->ntracked = selection->n;
	return look_at_all(finding, selection, err);
}

int selection_find(struct selection *selection,
		   const struct selection_request *request, struct err *err)
{
	struct finding finding = { .request = request };
	int ret;

	*selection = (struct selection)SELECTION_INIT;
	if (gitfiles_open(finding.fds, NFILES, request->dir, err))
		return -1;
	ret = find_all(&finding, selection, err);
	gitfiles_close(finding.fds, NFILES);
	if (ret)
		selection_release(selection);
	return ret;
}

void selection_release(struct selection *selection)
{
	for (size_t i = 0; i < selection->n; i++)
		free(selection->files[i].path);
	free(selection->files);
	*selection = (struct selection)SELECTION_INIT;
}

static bool is_set(const struct gitconfig *config, const char *key)
{
	const char *value = gitconfig_get(config, key);

	return value && *value;
}

bool selection_has_filter(const struct gitconfig *config)
{
	return is_set(config, "filter.lfs.process") ||
	       (is_set(config, "filter.lfs.clean") &&
		is_set(config, "filter.lfs.smudge"));
}
