/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE	/* renameat2() */
#include "lfs/worktree/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lfs/base/clock.h"
#include "lfs/base/file.h"
#include "lfs/base/log.h"
#include "lfs/base/mem.h"

enum {
	/*
	 * Git reads a file again if its index is not younger by a whole second.
	 * Some file systems keep time in steps of two.
	 */
	BACK_S = 2,
	PERMISSIONS = 0777
};

#define BESIDE_NAME ".lfs-multipart-%08" PRIx32 "%08" PRIx32

/* One file on its way. */
struct placing {
	struct place *place;
	const struct wanted_file *file;
	const char *from;
	bool may_move;

	int dir;	/* the folder of the place, open */
	const char *name;	/* in it; borrowed from the path */
	bool was_there;
	struct stat was;	/* the pointer file */

	int source;	/* `from`, open */
	int fd;	/* the file that gets the name; `source` if that is moved */
	/* Where it is until then: a name in a folder, or a path. */
	int temp_dir;
	char *temp_name;	/* owned */
	bool is_apart;	/* no rename goes from there to the place */
};

int place_stat(int top, const char *path, struct stat *st)
{
	struct err ignored = ERR_INIT;
	const char *name;
	int dir = file_open_below(top, path, false, &name, &ignored), ret;

	if (dir < 0)
		return -1;
	ret = fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW);
	close(dir);
	return ret;
}

static int left_alone(struct err *err)
{
	return err_set(err, ERR_BUSY,
		       "it was changed meanwhile, and is left alone");
}

/* What is at the place?  Only the pointer may be replaced. */
static int look_at_place(struct placing *placing, struct err *err)
{
	int fd = openat(placing->dir, placing->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool may;

	placing->was_there = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_LOCAL, "it is a link");
	if (fd < 0)
		return err_sys(err, errno, "cannot open it");
	may = !fstat(fd, &placing->was) &&
	      pointer_is_in(fd, &placing->was, &placing->file->pointer);
	close(fd);
	return may ? 0 : left_alone(err);
}

/* Is it the same file as before, but for what a rename of it changes? */
static bool is_that_pointer(const struct placing *placing,
			    const struct stat *now)
{
	struct placed_id then = placed_identify(&placing->was);

	then.ctime_ns = 0;
	return placed_is_same(&then, now);
}

/* Is `from` a file of ours alone that a rename can bring to the place? */
static bool can_move(const struct placing *placing)
{
	struct stat st, there, dir;

	return placing->may_move && !placing->is_apart &&
	       !fstat(placing->source, &st) && !lstat(placing->from, &there) &&
	       !fstat(placing->dir, &dir) && st.st_ino == there.st_ino &&
	       st.st_dev == there.st_dev && S_ISREG(st.st_mode) &&
	       st.st_nlink == 1 && st.st_uid == geteuid() &&
	       st.st_dev == dir.st_dev;
}

/* Can the temporary file be beside the journal? */
static bool is_near(const struct placing *placing)
{
	char *folder = xstrndup(placing->place->temp,
				(size_t)(strrchr(placing->place->temp, '/') -
					 placing->place->temp));
	struct stat there, dir;
	bool is = !placing->place->is_beside && !stat(folder, &there) &&
		  !fstat(placing->dir, &dir) && there.st_dev == dir.st_dev;

	free(folder);
	return is;
}

/* A name in the folder of the place, which the journal knows before it is used. */
static int make_beside(struct placing *placing, struct err *err)
{
	size_t before = (size_t)(placing->name - placing->file->path);
	char *path;
	int ret;

	placing->temp_dir = placing->dir;
	placing->temp_name = xstrfmt(BESIDE_NAME, clock_random(),
				     clock_random());
	path = xstrfmt("%.*s%s", (int)before, placing->file->path,
		       placing->temp_name);
	ret = placed_note_temp(placing->place->journal, path, err);
	free(path);
	if (ret)
		return -1;
	placing->fd = openat(placing->dir, placing->temp_name,
			     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     0600);
	return placing->fd < 0 ?
		       err_sys(err, errno, "cannot make a file beside it") :
		       0;
}

static int make_temp(struct placing *placing, struct err *err)
{
	if (!is_near(placing))
		return make_beside(placing, err);
	placing->temp_dir = AT_FDCWD;
	placing->temp_name = xstrdup(placing->place->temp);
	unlink(placing->temp_name);
	placing->fd = file_open_own(placing->temp_name, O_RDWR | O_CREAT, err);
	return placing->fd < 0 ? -1 : 0;
}

/* Have the bytes in a file that needs but a rename. */
static int fill(struct placing *placing, struct err *err)
{
	uint64_t size = placing->file->pointer.size;
	struct stat st;

	if (fstat(placing->source, &st))
		return err_sys(err, errno, "cannot stat '%s'", placing->from);
	if ((uint64_t)st.st_size != size)
		return err_set(err, ERR_LOCAL,
			       "'%s' has %" PRIu64 " bytes and not %" PRIu64,
			       placing->from, (uint64_t)st.st_size, size);
	if (can_move(placing)) {
		placing->fd = placing->source;
		placing->temp_dir = AT_FDCWD;
		placing->temp_name = xstrdup(placing->from);
		return 0;
	}
	if (make_temp(placing, err))
		return -1;
	return file_copy(placing->source, placing->fd, size,
			 &placing->place->stop, err);
}

/* As if it had been made where it will be. */
static void set_group(const struct placing *placing, const struct stat *st)
{
	gid_t wanted = getegid();
	struct stat dir;

	if (placing->was_there)
		wanted = placing->was.st_gid;
	else if (!fstat(placing->dir, &dir) && dir.st_mode & S_ISGID)
		wanted = dir.st_gid;
	if (st->st_gid != wanted && fchown(placing->fd, (uid_t)-1, wanted))
		log_debug("cannot set the group of '%s'", placing->file->path);
}

static int set_times(int fd, struct stat *st, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_nsec = UTIME_NOW } };

	/* The clock of the file system counts: it may be another machine's. */
	if (!futimens(fd, times) && !fstat(fd, st)) {
		times[1] = st->st_mtim;
		times[1].tv_sec -= BACK_S;
		if (!futimens(fd, times) && !fstat(fd, st))
			return 0;
	}
	return err_sys(err, errno, "cannot set its time");
}

/* Give it its mode and time, and check its size; `*st` is what it is then. */
static int finish(struct placing *placing, struct stat *st, struct err *err)
{
	const struct wanted_file *file = placing->file;
	mode_t mode = (file->mode & 0100 ? 0777 : 0666) &
		      ~placing->place->umask;

	if (placing->was_there)
		mode = placing->was.st_mode & PERMISSIONS;
	if (fstat(placing->fd, st))
		return err_sys(err, errno, "cannot stat it");
	set_group(placing, st);
	if (file_set_mode(placing->fd, file->path, mode, err) ||
	    set_times(placing->fd, st, err))
		return -1;
	if ((uint64_t)st->st_size != file->pointer.size)
		return err_set(err, ERR_LOCAL,
			       "it came to %" PRIu64 " bytes and not %" PRIu64,
			       (uint64_t)st->st_size, file->pointer.size);
	return placing->place->syncs ? file_sync(placing->fd, file->path, err) :
				       0;
}

/* Rename with flags; -1 with EINVAL or ENOSYS if there are none here. */
static int rename_with(const struct placing *placing, unsigned flags)
{
#ifdef RENAME_NOREPLACE
	return renameat2(placing->temp_dir, placing->temp_name, placing->dir,
			 placing->name, flags);
#else
	(void)placing;
	(void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

#ifndef RENAME_NOREPLACE
enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2 };
#endif

static bool has_no_flags(void)
{
	return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
}

static int rename_failed(struct placing *placing, struct err *err)
{
	int errnum = errno;

	placing->is_apart = errnum == EXDEV;
	if (errnum == ENOENT || errnum == EEXIST)
		return left_alone(err);
	return err_sys(err, errnum, "cannot rename a file to it");
}

/*
 * Exchange the two: if what is then in our hands is not the pointer that was
 * looked at, somebody was faster, and the two are exchanged again.
 */
static int replace_pointer(struct placing *placing, struct err *err)
{
	struct stat now;

	if (fstatat(placing->dir, placing->name, &now, AT_SYMLINK_NOFOLLOW) ||
	    !is_that_pointer(placing, &now))
		return left_alone(err);
	if (rename_with(placing, RENAME_EXCHANGE)) {
		if (!has_no_flags() ||
		    renameat(placing->temp_dir, placing->temp_name,
			     placing->dir, placing->name))
			return rename_failed(placing, err);
		return 0;
	}
	if (!fstatat(placing->temp_dir, placing->temp_name, &now,
		     AT_SYMLINK_NOFOLLOW) &&
	    is_that_pointer(placing, &now)) {
		unlinkat(placing->temp_dir, placing->temp_name, 0);
		return 0;
	}
	if (rename_with(placing, RENAME_EXCHANGE)) {
		err_sys(err, errno,
			"it was changed meanwhile; that change is in '%s'",
			placing->temp_name);
		free(placing->temp_name);
		placing->temp_name = NULL;
		return -1;
	}
	return left_alone(err);
}

/* Without replacing a file, as well as the file system can. */
static int take_name(struct placing *placing, struct err *err)
{
	struct stat now;

	if (!rename_with(placing, RENAME_NOREPLACE))
		return 0;
	if (!has_no_flags())
		return rename_failed(placing, err);
	if (!linkat(placing->temp_dir, placing->temp_name, placing->dir,
		    placing->name, 0)) {
		unlinkat(placing->temp_dir, placing->temp_name, 0);
		return 0;
	}
	if (errno == EEXIST || errno == EXDEV)
		return rename_failed(placing, err);
	if (!fstatat(placing->dir, placing->name, &now, AT_SYMLINK_NOFOLLOW))
		return left_alone(err);
	if (renameat(placing->temp_dir, placing->temp_name, placing->dir,
		     placing->name))
		return rename_failed(placing, err);
	return 0;
}

/* After the rename: a rename changes the ctime. */
static int note_placed(struct placing *placing, struct placed_file *placed,
		       struct err *err)
{
	struct stat st;

	if (fstatat(placing->dir, placing->name, &st, AT_SYMLINK_NOFOLLOW))
		return err_sys(err, errno, "cannot stat it");
	/* Somebody has replaced it already, or our temporary file. */
	if (!placed_is_same(&placed->id, &st))
		return left_alone(err);
	placed->id = placed_identify(&st);
	placed_note(placing->place->journal, placed);
	return 0;
}

static int put(struct placing *placing, struct placed_file *placed,
	       struct err *err)
{
	struct stat st;

	if (fill(placing, err) || finish(placing, &st, err))
		return -1;
	placed->id = placed_identify(&st);
	placed->id.ctime_ns = 0;
	placed_note(placing->place->journal, placed);
	if (placing->was_there ? replace_pointer(placing, err) :
				 take_name(placing, err))
		return -1;
	return note_placed(placing, placed, err);
}

/* Try once; what is left of a failure is removed. */
static int try_put(struct placing *placing, struct placed_file *placed,
		   struct err *err)
{
	int ret;

	placing->fd = -1;
	placing->temp_name = NULL;
	ret = put(placing, placed, err);
	if (placing->fd >= 0 && placing->fd != placing->source) {
		if (ret && placing->temp_name)
			unlinkat(placing->temp_dir, placing->temp_name, 0);
		else if (placing->may_move)
			unlink(placing->from);
		close(placing->fd);
	}
	free(placing->temp_name);
	return ret;
}

static int place_there(struct placing *placing, struct placed_file *placed,
		       struct err *err)
{
	int ret;

	if (look_at_place(placing, err))
		return -1;
	ret = try_put(placing, placed, err);
	if (!ret || !placing->is_apart)
		return ret;
	placing->place->is_beside = true;
	err_clear(err);
	return try_put(placing, placed, err);
}

int place_file(struct place *place, const struct wanted_file *file,
	       const struct place_source *source, struct placed_file *placed,
	       struct err *err)
{
	struct placing placing = { .place = place,
				   .file = file,
				   .from = source->path,
				   .may_move = source->may_move };
	struct file_id id;
	int ret = -1;

	*placed = (struct placed_file){ .path = xstrdup(file->path),
					.pointer = file->pointer };
	memcpy(placed->blob, file->blob, sizeof(placed->blob));
	placing.source = file_open(source->path, &id, err);
	placing.dir = placing.source < 0 ?
			      -1 :
			      file_open_below(place->top, file->path, true,
					      &placing.name, err);
	if (placing.dir >= 0) {
		ret = place_there(&placing, placed, err);
		close(placing.dir);
	}
	if (placing.source >= 0)
		close(placing.source);
	if (!ret)
		return 0;
	free(placed->path);
	placed->path = NULL;
	return err_wrap(err, "'%s'", file->path);
}
