/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/worktree/worktree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lfs/base/child.h"
#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/journal.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"
#include "lfs/base/sha256.h"
#include "lfs/base/text.h"
#include "lfs/worktree/gitindex.h"
#include "lfs/worktree/place.h"
#include "lfs/worktree/placed.h"

enum {
	LOCK_WAIT_MS = 10000,	/* for another process that changes git's index */
	LOCK_TICK_MS = 50,
	ROUNDS = 3,	/* with git, while files or its index change */
	HASH_SIZE = 1 << 20,
	ENTRY_HEAD = 2 + 7	/* "H 100644 " before the id of a blob */
};

#define LOCK ".lock"
#define GIT_VERSION "git version "

struct worktree {
	char *top;	/* owned, as all paths here */
	char *dir;	/* for files that have no name */
	char *journal_path;
	char *index_lock;
	char *program;
	struct journal *journal;
	struct place place;
	struct placed untold;	/* placed, and git does not know it yet */
	bool keeps_journal;	/* it names files that were not looked at */
	struct stop stop;
};

/* A copy of a string that the shell takes as one word; the caller's. */
static char *quote(const char *word)
{
	struct buf text = BUF_INIT(SIZE_MAX);

	buf_puts(&text, "'");
	for (; *word; word++)
		if (*word == '\'')
			buf_puts(&text, "'\\''");
		else
			buf_add(&text, word, 1);
	buf_puts(&text, "'");
	return buf_take(&text);
}

/* The path of this program, the caller's. */
static char *own_path(void)
{
	char path[4096], *own = xstrfmt("/proc/%ld/exe", (long)getpid());
	ssize_t n = readlink(own, path, sizeof(path) - 1);

	/* After an update it is gone, and only the kernel knows it. */
	path[n > 0 ? n : 0] = '\0';
	if (n <= 0 || access(path, X_OK))
		return own;
	free(own);
	return xstrdup(path);
}

/*
 * The file that locks git's index: that of this work tree, or of GIT_INDEX_FILE.
 */
static char *find_index_lock(const char *top, struct err *err)
{
	const char *const argv[] = { "git",	   "-C",    top, "rev-parse",
				     "--git-path", "index", NULL };
	const struct child child = { .argv = argv };
	char *index = child_line(&child, NULL, err), *lock;

	if (!index)
		return NULL;
	lock = *index == '/' ? xstrfmt("%s" LOCK, index) :
			       xstrfmt("%s/%s" LOCK, top, index);
	free(index);
	return lock;
}

/* Do the bytes of the open file hash to that oid? */
static bool has_oid(int fd, const char *oid, const struct stop *stop)
{
	char *data = xmalloc(HASH_SIZE), hex[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;
	ssize_t n;

	sha256_init(&hash);
	while ((n = read(fd, data, HASH_SIZE)) > 0 && !stop_is_wanted(stop))
		sha256_update(&hash, data, (size_t)n);
	free(data);
	sha256_final(&hash, digest);
	sha256_hex(digest, hex);
	return !n && !strcmp(hex, oid);
}

/*
 * The machine has booted since the file was placed: its bytes may be lost.  If so,
 * remove it, so that it is absent and wanted again.
 */
static bool is_whole(const struct worktree *worktree,
		     const struct placed_file *file)
{
	struct err ignored = ERR_INIT;
	const char *name;
	int dir = file_open_below(worktree->place.top, file->path, false, &name,
				  &ignored);
	int fd = dir < 0 ?
			 -1 :
			 openat(dir, name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is = fd >= 0 && has_oid(fd, file->pointer.oid, &worktree->stop);

	if (fd >= 0 && !is && !stop_is_wanted(&worktree->stop)) {
		log_warn("'%s' was damaged when the machine stopped: removed",
			 file->path);
		unlinkat(dir, name, 0);
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return is;
}

/* Remove the file if it is the pointer to one of the objects that were placed. */
static void remove_pointer(const struct worktree *worktree, int dir,
			   const char *name)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	for (size_t i = 0; i < worktree->untold.n; i++) {
		const struct pointer *placed =
			&worktree->untold.files[i].pointer;

		if (text_has_prefix(name, placed->oid) && !fstat(fd, &st) &&
		    pointer_is_in(fd, &st, placed)) {
			unlinkat(dir, name, 0);
			break;
		}
	}
	close(fd);
}

/*
 * A fetched file that is moved to its place swaps names with the pointer there, and
 * a kill may leave that with the name of a fetched file, OID.XXXXXX.
 */
static void remove_swapped(const struct worktree *worktree)
{
	DIR *names = worktree->untold.n ? opendir(worktree->dir) : NULL;
	const struct dirent *entry;

	while (names && (entry = readdir(names)))
		if (strlen(entry->d_name) > POINTER_OID &&
		    entry->d_name[POINTER_OID] == '.')
			remove_pointer(worktree, dirfd(names), entry->d_name);
	if (names)
		closedir(names);
}

/*
 * Is a file that an earlier run has noted still what was placed?  The note that was
 * made before the rename lacks the ctime.
 */
static bool check_left(const struct worktree *worktree,
		       struct placed_file *file)
{
	struct stat st;

	if (place_stat(worktree->place.top, file->path, &st))
		return false;
	/* A file system may have another number after each boot. */
	if (!worktree->untold.is_of_this_boot)
		file->id.dev = (uint64_t)st.st_dev;
	if (!placed_is_same(&file->id, &st) ||
	    (!worktree->untold.is_of_this_boot && !is_whole(worktree, file)))
		return false;
	file->id = placed_identify(&st);
	return true;
}

/*
 * Keep only the files that are still what was placed.  After a stop some have not
 * been looked at, so the journal stays for the next run.
 */
static int check_all_left(struct worktree *worktree, struct err *err)
{
	struct placed *untold = &worktree->untold;
	size_t nkept = 0;

	for (size_t i = 0; i < untold->n; i++)
		if (check_left(worktree, &untold->files[i]))
			untold->files[nkept++] = untold->files[i];
		else
			free(untold->files[i].path);
	untold->n = nkept;
	if (stop_is_wanted(&worktree->stop)) {
		worktree->keeps_journal = true;
		return err_set(err, ERR_CANCELED, "stopped");
	}
	/* The filter that git runs wants to know each ctime. */
	for (size_t i = 0; i < nkept; i++)
		placed_note(worktree->journal, &untold->files[i]);
	return 0;
}

static int open_files(struct worktree *worktree, struct err *err)
{
	worktree->place.top = open(worktree->top,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (worktree->place.top < 0)
		return err_sys(err, errno, "cannot open '%s'", worktree->top);
	worktree->index_lock = find_index_lock(worktree->top, err);
	if (!worktree->index_lock)
		return -1;
	worktree->journal = placed_open(worktree->journal_path, worktree->top,
					&worktree->untold, err);
	if (worktree->journal)
		return 0;
	if (err->kind == ERR_BUSY) {
		err_clear(err);
		err_set(err, ERR_BUSY,
			"another process places files in '%s': wait until it "
			"has finished",
			worktree->top);
	}
	return -1;
}

struct worktree *worktree_open(const struct worktree_options *options,
			       struct err *err)
{
	const struct storage *storage = options->storage;
	struct worktree *worktree;
	struct err later = ERR_INIT;

	if (!options->repo->top) {
		err_set(err, ERR_USAGE, "there is no work tree here");
		return NULL;
	}
	if (storage_make_dir(storage, err))
		return NULL;
	worktree = xcalloc(1, sizeof(*worktree));
	worktree->top = xstrdup(options->repo->top);
	worktree->dir = xstrdup(storage_own_dir(storage));
	worktree->journal_path = placed_journal_path(storage, worktree->top);
	worktree->program = options->program ? xstrdup(options->program) :
					       own_path();
	worktree->stop = options->stop;
	worktree->place = (struct place){
		.top = -1,
		.temp = placed_temp_path(worktree->journal_path),
		.syncs = !options->keeps_objects,
		.umask = storage->umask,
		.stop = options->stop,
	};
	if (open_files(worktree, err) || check_all_left(worktree, err)) {
		worktree_close(worktree);
		return NULL;
	}
	remove_swapped(worktree);
	worktree->place.journal = worktree->journal;
	if (worktree_tell_git(worktree, &later))
		log_info("%s", later.msg);
	return worktree;
}

int worktree_place(struct worktree *worktree, const struct wanted_file *file,
		   const char *from, bool may_move, struct err *err)
{
	const struct place_source source = { from, may_move };
	struct placed_file placed;

	if (place_file(&worktree->place, file, &source, &placed, err))
		return -1;
	placed_add(&worktree->untold, &placed);
	return 0;
}

size_t worktree_untold(const struct worktree *worktree)
{
	return worktree->untold.n;
}

bool worktree_has_placed(void *ctx, const struct wanted_file *file)
{
	struct worktree *worktree = ctx;
	const struct placed_file *placed;
	struct stat st;

	placed_sort(&worktree->untold);
	placed = placed_find(&worktree->untold, file->path);
	return placed && !strcmp(placed->pointer.oid, file->pointer.oid) &&
	       !place_stat(worktree->place.top, file->path, &st) &&
	       placed_is_same(&placed->id, &st);
}

/*
 * Forget the files that are no longer what was placed: they are a person's.  Of the
 * others, which are then in order, `files` has the present stat; the caller's.
 */
static struct gitindex_file *keep_unchanged(struct worktree *worktree)
{
	struct placed *untold = &worktree->untold;
	struct gitindex_file *files = xcalloc(untold->n + 1, sizeof(*files));
	size_t nkept = 0;
	struct stat st;

	placed_sort(untold);
	for (size_t i = 0; i < untold->n; i++) {
		struct placed_file *file = &untold->files[i];

		if (place_stat(worktree->place.top, file->path, &st) ||
		    !placed_is_same(&file->id, &st)) {
			free(file->path);
			continue;
		}
		untold->files[nkept] = *file;
		files[nkept++] = (struct gitindex_file){ .path = file->path,
							 .st = st };
	}
	untold->n = nkept;
	for (size_t i = 0; i < nkept; i++)
		files[i].blob = untold->files[i].blob;
	return files;
}

/*
 * An entry as `git ls-files -v -s` prints it: "H MODE BLOB STAGE<tab>PATH", where H
 * is an entry without any flag.  Is it as it was when its file was placed?
 */
static bool is_untold_entry(const struct placed *untold, const char *entry,
			    const char **path)
{
	const char *tab = strchr(entry, '\t'), *blob = entry + ENTRY_HEAD;
	const struct placed_file *file;
	size_t len;

	if (strncmp(entry, "H 100", 5) || !tab || tab < blob + 2 ||
	    strncmp(tab - 2, " 0", 2))
		return false;
	*path = tab + 1;
	file = placed_find(untold, *path);
	len = (size_t)(tab - 2 - blob);
	return file && strlen(file->blob) == len &&
	       !strncmp(file->blob, blob, len);
}

/* Copy the paths of entries that are to be told, each with its NUL. */
static int copy_paths(const struct placed *untold, int from, int to,
		      struct err *err)
{
	FILE *entries = fdopen(from, "r");
	char *entry = NULL;
	const char *path;
	size_t room = 0;
	int ret = 0;

	if (!entries) {
		close(from);
		return err_sys(err, errno, "cannot read what git prints");
	}
	rewind(entries);
	while (!ret && getdelim(&entry, &room, '\0', entries) > 0)
		if (is_untold_entry(untold, entry, &path))
			ret = file_write(to, path, strlen(path) + 1, err);
	free(entry);
	fclose(entries);
	return ret;
}

/* The paths of what git has to be told, in a file without a name; or -1. */
static int list_paths(const struct worktree *worktree, struct err *err)
{
	const char *const argv[] = { "git", "-C", worktree->top, "ls-files",
				     "-v",  "-s", "-z",		 NULL };
	const struct child child = { .argv = argv, .stop = worktree->stop };
	int entries = file_open_unlinked(worktree->dir, err);
	int paths = entries < 0 ? -1 : file_open_unlinked(worktree->dir, err);

	if (paths < 0 || child_run_files(&child, -1, entries, err)) {
		if (entries >= 0)
			close(entries);
		entries = -1;
	}
	if (entries >= 0 &&
	    !copy_paths(&worktree->untold, entries, paths, err)) {
		lseek(paths, 0, SEEK_SET);
		return paths;
	}
	if (paths >= 0)
		close(paths);
	return -1;
}

/* Have git add the files, with a clean filter that knows what each comes to. */
static int update_index(const struct worktree *worktree, int paths,
			bool is_last, struct err *err)
{
	char *program = quote(worktree->program);
	char *journal = quote(worktree->journal_path);
	char *process = xstrfmt("filter.lfs.process=%s clean-placed %s",
				program, journal);
	const char *const argv[] = { "git",
				     "-C",
				     worktree->top,
				     "-c",
				     process,
				     "-c",
				     "filter.lfs.required=true",
				     "update-index",
				     "-z",
				     "--stdin",
				     NULL };
	const struct child child = { .argv = argv,
				     .keep_stderr = is_last,
				     .stop = worktree->stop };
	int ret = child_run_files(&child, paths, -1, err);

	free(process);
	free(journal);
	free(program);
	return ret;
}

static int wait_a_moment(const struct worktree *worktree, uint64_t until,
			 struct err *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_TICK_MS * 1000000 };

	if (stop_is_wanted(&worktree->stop))
		return err_set(err, ERR_CANCELED, "stopped");
	if (clock_ms() >= until)
		return err_set(err, ERR_BUSY,
			       "another process has locked git's index ('%s')",
			       worktree->index_lock);
	nanosleep(&pause, NULL);
	return 0;
}

static int wait_for_lock(const struct worktree *worktree, uint64_t until,
			 struct err *err)
{
	while (!access(worktree->index_lock, F_OK))
		if (wait_a_moment(worktree, until, err))
			return -1;
	return 0;
}

static int run_filter(struct worktree *worktree, bool is_last, struct err *err)
{
	int paths, ret;

	free(keep_unchanged(worktree));
	paths = list_paths(worktree, err);
	if (paths < 0)
		return -1;
	ret = update_index(worktree, paths, is_last, err);
	close(paths);
	return ret;
}

/*
 * By `git update-index`, which any index takes.  Git stops at the first file that
 * it cannot add, such as one that a person has just changed.
 */
static int tell_by_filter(struct worktree *worktree, struct err *err)
{
	uint64_t until = clock_ms() + LOCK_WAIT_MS;

	for (int round = 1; round <= ROUNDS; round++) {
		err_clear(err);
		if (wait_for_lock(worktree, until, err))
			return -1;
		if (!run_filter(worktree, round == ROUNDS, err))
			return 0;
		if (err->kind == ERR_CANCELED)
			return -1;
	}
	return -1;
}

/* Does this git tell a file of 4 GiB from an empty one? */
static bool marks_4gib(void)
{
	const char *const argv[] = { "git", "version", NULL };
	const struct child child = { .argv = argv };
	struct err ignored = ERR_INIT;
	char *line = child_line(&child, NULL, &ignored), *rest = NULL;
	unsigned long major = 0, minor = 0;

	if (line && text_has_prefix(line, GIT_VERSION))
		major = strtoul(line + strlen(GIT_VERSION), &rest, 10);
	if (rest && *rest == '.')
		minor = strtoul(rest + 1, NULL, 10);
	free(line);
	return major > 2 || (major == 2 && minor >= 43);
}

/* Must the index have the form of the git that is here? */
static bool has_4gib(const struct placed *untold)
{
	for (size_t i = 0; i < untold->n; i++)
		if (untold->files[i].id.size &&
		    !(untold->files[i].id.size & UINT32_MAX))
			return true;
	return false;
}

/* Lock git's index as git does.  Returns a descriptor of the lock, or -1. */
static int lock_index(const struct worktree *worktree, struct err *err)
{
	uint64_t until = clock_ms() + LOCK_WAIT_MS;
	struct placed_id id;
	struct stat st;
	int fd;

	while ((fd = open(worktree->index_lock,
			  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0 &&
	       errno == EEXIST)
		if (wait_a_moment(worktree, until, err))
			return -1;
	if (fd < 0)
		return err_sys(err, errno, "cannot make '%s'",
			       worktree->index_lock);
	if (!fstat(fd, &st)) {
		id = placed_identify(&st);
		placed_note_lock(worktree->journal, worktree->index_lock, &id);
	}
	return fd;
}

static void unlock_index(const struct worktree *worktree)
{
	const struct placed_id none = { .dev = 0 };

	unlink(worktree->index_lock);
	placed_note_lock(worktree->journal, worktree->index_lock, &none);
}

/* Put the index that is in memory in the place of the old one, by its lock. */
static int write_index(const struct worktree *worktree, int lock,
		       const struct gitindex *index, const char *path,
		       struct err *err)
{
	if (file_write(lock, index->data, index->size, err) ||
	    file_set_mode(lock, worktree->index_lock, index->mode, err))
		return -1;
	return rename(worktree->index_lock, path) ?
		       err_sys(err, errno, "cannot rename '%s'",
			       worktree->index_lock) :
		       0;
}

/* With the index locked by the open file. */
static int patch_index(struct worktree *worktree, int lock, struct err *err)
{
	struct gitindex_file *files = keep_unchanged(worktree);
	const struct placed *untold = &worktree->untold;
	struct gitindex index = { .data = NULL };
	char *path;
	int ret;

	if (!untold->n) {
		unlock_index(worktree);
		free(files);
		return 0;
	}
	path = xstrndup(worktree->index_lock,
			strlen(worktree->index_lock) - strlen(LOCK));
	index.hash_size = strlen(files->blob) / 2;
	index.marks_4gib = has_4gib(untold) && marks_4gib();
	ret = gitindex_load(&index, path, err) ||
			      gitindex_patch(&index, files, untold->n, err) ||
			      write_index(worktree, lock, &index, path, err) ?
		      -1 :
		      0;
	gitindex_release(&index);
	free(files);
	free(path);
	return ret;
}

/*
 * By writing the stat data ourselves, which costs nothing a byte.  ERR_PROTOCOL if
 * there is something in the index that we do not know.
 */
static int tell_by_patch(struct worktree *worktree, struct err *err)
{
	int lock = lock_index(worktree, err), ret;

	if (lock < 0)
		return -1;
	ret = patch_index(worktree, lock, err);
	if (ret)
		unlock_index(worktree);
	close(lock);
	return ret;
}

static void forget_told(struct worktree *worktree)
{
	struct placed *untold = &worktree->untold;

	for (size_t i = 0; i < untold->n; i++)
		free(untold->files[i].path);
	untold->n = 0;
	placed_clear(worktree->journal, worktree->top);
}

int worktree_tell_git(struct worktree *worktree, struct err *err)
{
	int ret;

	if (!worktree->untold.n)
		return 0;
	ret = tell_by_patch(worktree, err);
	if (ret && err->kind == ERR_PROTOCOL) {
		log_info("%s: git update-index is asked", err->msg);
		ret = tell_by_filter(worktree, err);
	}
	if (ret)
		return err_wrap(err, "cannot tell git about %zu files",
				worktree->untold.n);
	forget_told(worktree);
	return 0;
}

void worktree_close(struct worktree *worktree)
{
	if (!worktree)
		return;
	if (worktree->journal && !worktree->untold.n &&
	    !worktree->keeps_journal)
		journal_remove(worktree->journal);
	journal_close(worktree->journal);
	if (worktree->place.top >= 0)
		close(worktree->place.top);
	placed_release(&worktree->untold);
	free(worktree->place.temp);
	free(worktree->top);
	free(worktree->dir);
	free(worktree->journal_path);
	free(worktree->index_lock);
	free(worktree->program);
	free(worktree);
}
