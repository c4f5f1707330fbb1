/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/backing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

/* What stands for no limit: with none at all, tmpfs would not count, and never take one later. */
#define NO_LIMIT (UINT64_C(1) << 62)

struct backing {
	int root;              /* -1 = it has ended */
	_Atomic uint64_t next; /* name */
};

struct name {
	char text[17];
};

static struct name name_of(uint64_t number)
{
	struct name name;

	snprintf(name.text, sizeof(name.text), "%" PRIx64, number);
	return name;
}

/* For users of a filesystem, that a process has no descriptor left means that the system has none. */
static int failed(void)
{
	return errno == EMFILE ? -ENFILE : -errno;
}

/* --- the tmpfs ------------------------------------------------------------- */

/* Sets a parameter of a context of fsopen(2) or fspick(2). */
static bool set(int context, const char *name, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, name, value, 0) == 0;
}

static bool set_size(int context, uint64_t size)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, size && size < NO_LIMIT ? size : NO_LIMIT);
	return set(context, "size", text);
}

static bool run(int context, unsigned command)
{
	return fsconfig(context, command, NULL, NULL, 0) == 0;
}

/* Its root directory, or a negative errno. */
static int mount_new(uint64_t size)
{
	int context = fsopen("tmpfs", FSOPEN_CLOEXEC), root = -1, err;

	if (context < 0)
		return failed();
	/* How many files there may be is the store's affair. */
	if (set_size(context, size) && set(context, "nr_inodes", "0") && set(context, "mode", "0700") &&
	    run(context, FSCONFIG_CMD_CREATE))
		root = fsmount(context, FSMOUNT_CLOEXEC,
			       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	err = root < 0 ? failed() : 0;
	close(context);
	return err ? err : root;
}

int backing_create(uint64_t size, struct backing **out)
{
	struct backing *b = calloc(1, sizeof(*b));
	int root = b ? mount_new(size) : -ENOMEM;

	if (root < 0) {
		free(b);
		return root;
	}
	b->root = root;
	*out = b;
	return 0;
}

void backing_end(struct backing *b)
{
	close(b->root);
	b->root = -1;
}

void backing_destroy(struct backing *b)
{
	free(b);
}

int backing_root(const struct backing *b)
{
	return b->root;
}

int backing_resize(int root, uint64_t size)
{
	/* A new context each time: once it was refused something, it is of no use any more. */
	int context = fspick(root, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), err = 0;

	if (context < 0)
		return failed();
	if (!set_size(context, size) || !run(context, FSCONFIG_CMD_RECONFIGURE))
		err = -errno;
	close(context);
	return err;
}

int backing_used(const struct backing *b, uint64_t *bytes)
{
	struct statfs st;

	if (fstatfs(b->root, &st) < 0)
		return -errno;
	*bytes = (uint64_t)(st.f_blocks - st.f_bfree) * (uint64_t)st.f_bsize;
	return 0;
}

int backing_count(const struct backing *b, uint64_t *files)
{
	int fd = openat(b->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t n = 0;

	if (!dir) {
		err = failed();
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (errno = 0; readdir(dir);)
		n++;
	err = -errno;
	closedir(dir);
	*files = n - 2; /* "." and ".." */
	return err;
}

/* --- its files --------------------------------------------------------------- */

int backing_make(struct backing *b, uint64_t *name)
{
	*name = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
	return mknodat(b->root, name_of(*name).text, S_IFREG | 0600, 0) < 0 ? -errno : 0;
}

void backing_remove(struct backing *b, uint64_t name)
{
	if (b->root >= 0)
		(void)unlinkat(b->root, name_of(name).text, 0);
}

int backing_open(const struct backing *b, uint64_t name, int flags)
{
	int fd = openat(b->root, name_of(name).text, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? failed() : fd;
}

int backing_stat(const struct backing *b, uint64_t name, struct stat *st)
{
	return fstatat(b->root, name_of(name).text, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

ssize_t backing_read(const struct backing *b, uint64_t name, uint64_t offset, void *buf,
		     size_t size)
{
	int fd = backing_open(b, name, O_RDONLY);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	for (; done < size; done += (size_t)n) {
		n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));
		if (n <= 0)
			break;
	}
	if (n < 0 && !done)
		n = -errno;
	else
		n = (ssize_t)done;
	close(fd);
	return n;
}

/* 0 or an errno; *done of size are written in any case. */
static int write_all(int fd, const void *buf, size_t size, uint64_t offset, size_t *done)
{
	for (*done = 0; *done < size;) {
		ssize_t n = pwrite(fd, (const char *)buf + *done, size - *done,
				   (off_t)(offset + *done));

		if (n <= 0)
			return n < 0 ? errno : EIO;
		*done += (size_t)n;
	}
	return 0;
}

ssize_t backing_write(const struct backing *b, uint64_t name, uint64_t offset, const void *buf,
		      size_t size)
{
	int fd = backing_open(b, name, O_WRONLY), err;
	size_t done;

	if (fd < 0)
		return fd;
	err = write_all(fd, buf, size, offset, &done);
	close(fd);
	return err && !done ? -err : (ssize_t)done;
}

int backing_truncate(const struct backing *b, uint64_t name, uint64_t size)
{
	int fd = backing_open(b, name, O_WRONLY), err;

	if (fd < 0)
		return fd;
	err = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int allocate(int fd, int mode, uint64_t offset, uint64_t size)
{
	while (fallocate(fd, mode, (off_t)offset, (off_t)size) < 0)
		if (errno != EINTR) /* where much is allocated, tmpfs looks for signals */
			return -errno;
	return 0;
}

/* tmpfs has no ZERO_RANGE. Of what is allocated, only what was written before is not zero. */
static int zero(int fd, int mode, uint64_t offset, uint64_t size)
{
	static const char zeros[65536];
	struct stat st;
	uint64_t end;
	int err = fstat(fd, &st) < 0 ? -errno :
		  allocate(fd, mode & FALLOC_FL_KEEP_SIZE, offset, size);

	if (err)
		return err;
	end = offset + size < (uint64_t)st.st_size ? offset + size : (uint64_t)st.st_size;
	while (!err && offset < end) {
		size_t step = end - offset < sizeof(zeros) ? end - offset : sizeof(zeros), done;

		err = -write_all(fd, zeros, step, offset, &done);
		offset += done;
	}
	return err;
}

int backing_allocate(const struct backing *b, uint64_t name, int mode, uint64_t offset,
		     uint64_t size)
{
	static const struct timespec now[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	int fd = backing_open(b, name, O_RDWR), err;

	if (fd < 0)
		return fd;
	err = mode & FALLOC_FL_ZERO_RANGE ? zero(fd, mode, offset, size) :
	      allocate(fd, mode, offset, size);
	if (!err && futimens(fd, now) < 0)
		err = -errno;
	close(fd);
	return err;
}

int64_t backing_seek(const struct backing *b, uint64_t name, uint64_t offset, int whence)
{
	int fd = backing_open(b, name, O_RDONLY);
	int64_t result;

	if (fd < 0)
		return fd;
	result = offset > INT64_MAX ? -ENXIO : lseek(fd, (off_t)offset, whence);
	if (result == -1)
		result = -errno;
	close(fd);
	return result;
}

/* Copies on two open files, to the end of the source as it was: in one file, it may lie further out when some is copied. */
static ssize_t copy(int in, uint64_t from, int out, uint64_t to, size_t size)
{
	off_t source = (off_t)from, target = (off_t)to;
	size_t done = 0;
	struct stat st;

	if (fstat(in, &st) < 0)
		return -errno;
	if (source >= st.st_size)
		return 0;
	if (size > (uint64_t)(st.st_size - source))
		size = (size_t)(st.st_size - source);
	while (done < size) {
		ssize_t n = copy_file_range(in, &source, out, &target, size - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t backing_copy(const struct backing *b, uint64_t from, uint64_t from_offset, uint64_t to,
		     uint64_t to_offset, size_t size)
{
	int in = backing_open(b, from, O_RDONLY), out;
	ssize_t done;

	if (in < 0)
		return in;
	out = backing_open(b, to, O_WRONLY);
	done = out < 0 ? out : copy(in, from_offset, out, to_offset, size);
	if (out >= 0)
		close(out);
	close(in);
	return done;
}

int backing_set_times(const struct backing *b, uint64_t name, const struct timespec times[2])
{
	return utimensat(b->root, name_of(name).text, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
