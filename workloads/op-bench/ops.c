/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/text.h"

#define FILE_SIZE (4u << 20) /* of the file that is read */
#define BLOCK 65536u         /* of sequential reads */
#define PAGE 4096u           /* of random ones */
#define ENTRIES 1000u        /* of the directory that is listed */
#define LIST "list"
#define VALUE_SIZE 32u       /* of an extended attribute */

/* What failed, and why: the last word of each function below. */
static int failed(struct worker *w, const char *what)
{
	int err = errno ? errno : EIO;

	if (!w->what)
		w->what = what;
	return err;
}

static int check(struct worker *w, int result, const char *what)
{
	return result < 0 ? failed(w, what) : 0;
}

/* For calls that give a number of bytes. */
static int check_size(struct worker *w, ssize_t result, size_t wanted, const char *what)
{
	if (result == (ssize_t)wanted)
		return 0;
	if (result >= 0)
		errno = EIO;
	return failed(w, what);
}

/* --- files and directories to work on ---------------------------------- */

static int make_file(struct worker *w, const char *name, size_t size)
{
	int fd = openat(w->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), err = 0;

	if (fd < 0)
		return failed(w, "open");
	if (size)
		err = check_size(w, write(fd, w->buffer, size), size, "write");
	if (close(fd) < 0 && !err)
		err = failed(w, "close");
	return err;
}

static int make_files(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->items; i++)
		err = make_file(w, w->names[i], 0);
	return err;
}

static int make_dirs(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->items; i++)
		err = check(w, mkdirat(w->dirfd, w->names[i], 0755), "mkdir");
	return err;
}

static int make_links(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->items; i++)
		err = check(w, symlinkat("target", w->dirfd, w->names[i]), "symlink");
	return err;
}

static int make_known(struct worker *w)
{
	return make_file(w, w->names[0], PAGE);
}

static int open_known(struct worker *w)
{
	int err = make_known(w);

	if (!err)
		w->fd = openat(w->dirfd, w->names[0], O_RDWR | O_CLOEXEC);
	return err ? err : check(w, w->fd, "open");
}

/* Whatever there is under the names of this worker. */
static void clear_names(struct worker *w)
{
	for (unsigned i = 0; i < w->items; i++) {
		unlinkat(w->dirfd, w->names[i], 0);
		unlinkat(w->dirfd, w->others[i], 0);
	}
}

static void clear_dirs(struct worker *w)
{
	for (unsigned i = 0; i < w->items; i++)
		unlinkat(w->dirfd, w->names[i], AT_REMOVEDIR);
}

static void clear_known(struct worker *w)
{
	if (w->map)
		munmap(w->map, FILE_SIZE);
	if (w->fd >= 0)
		close(w->fd);
	w->map = NULL;
	w->fd = -1;
	unlinkat(w->dirfd, w->names[0], 0);
}

/* --- making and removing names ----------------------------------------- */

static int run_create(struct worker *w, unsigned item)
{
	int fd = openat(w->dirfd, w->names[item], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? failed(w, "open") : check(w, close(fd), "close");
}

static int run_create_write(struct worker *w, unsigned item)
{
	int fd = openat(w->dirfd, w->names[item], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int err;

	if (fd < 0)
		return failed(w, "open");
	err = check_size(w, write(fd, w->buffer, PAGE), PAGE, "write");
	if (close(fd) < 0 && !err)
		err = failed(w, "close");
	return err;
}

static int run_mkdir(struct worker *w, unsigned item)
{
	return check(w, mkdirat(w->dirfd, w->names[item], 0755), "mkdir");
}

static int run_rmdir(struct worker *w, unsigned item)
{
	return check(w, unlinkat(w->dirfd, w->names[item], AT_REMOVEDIR), "rmdir");
}

static int run_unlink(struct worker *w, unsigned item)
{
	return check(w, unlinkat(w->dirfd, w->names[item], 0), "unlink");
}

static int run_rename(struct worker *w, unsigned item)
{
	return check(w, renameat(w->dirfd, w->names[item], w->dirfd, w->others[item]), "rename");
}

static int run_link(struct worker *w, unsigned item)
{
	return check(w, linkat(w->dirfd, w->names[0], w->dirfd, w->others[item], 0), "link");
}

static int run_symlink(struct worker *w, unsigned item)
{
	return check(w, symlinkat("target", w->dirfd, w->names[item]), "symlink");
}

static int run_readlink(struct worker *w, unsigned item)
{
	char target[32];
	ssize_t length = readlinkat(w->dirfd, w->names[item], target, sizeof(target));

	return check_size(w, length, strlen("target"), "readlink");
}

/* --- asking for names --------------------------------------------------- */

static int run_stat(struct worker *w, unsigned item)
{
	struct stat st;

	return check(w, fstatat(w->dirfd, w->names[item], &st, AT_SYMLINK_NOFOLLOW), "stat");
}

static int stat_all(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->items; i++)
		err = run_stat(w, i);
	return err;
}

/* All of the machine's, so that one thread does it for all; what is in use stays. */
static int drop_names(struct worker *w)
{
	static const char path[] = "/proc/sys/vm/drop_caches";
	int fd, err;

	if (w->index != 0)
		return 0;
	if (syncfs(w->dirfd) < 0)
		return failed(w, "syncfs");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		err = failed(w, path);
		return err == EACCES || err == EROFS ? EPERM : err;
	}
	err = check_size(w, write(fd, "2", 1), 1, path);
	close(fd);
	return err;
}

/* Names that nobody has asked for: the kernel remembers also those that are not there. */
static int new_names(struct worker *w)
{
	for (unsigned i = 0; i < w->items; i++)
		snprintf(w->names[i], sizeof(w->names[i]), "%u-absent-%u-%u-%u", w->index,
			 w->serial, w->batches, i);
	return 0;
}

static int run_absent(struct worker *w, unsigned item)
{
	struct stat st;

	if (fstatat(w->dirfd, w->names[item], &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	else if (errno == ENOENT)
		return 0;
	return failed(w, "stat");
}

static int ask_absent(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->items; i++)
		err = run_absent(w, i);
	return err;
}

static int make_list(struct worker *w)
{
	char name[64];
	int err;

	snprintf(name, sizeof(name), LIST "%u", w->index);
	err = check(w, mkdirat(w->dirfd, name, 0755), "mkdir");
	for (unsigned i = 0; !err && i < ENTRIES; i++) {
		snprintf(name, sizeof(name), LIST "%u/entry-%u", w->index, i);
		err = make_file(w, name, 0);
	}
	return err;
}

static void clear_list(struct worker *w)
{
	char name[64];

	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), LIST "%u/entry-%u", w->index, i);
		unlinkat(w->dirfd, name, 0);
	}
	snprintf(name, sizeof(name), LIST "%u", w->index);
	unlinkat(w->dirfd, name, AT_REMOVEDIR);
}

static int list(struct worker *w, bool look)
{
	struct dirent *entry;
	unsigned entries = 0;
	char name[16];
	struct stat st;
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), LIST "%u", w->index);
	fd = openat(w->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return failed(w, "opendir");
	while ((errno = 0, entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		entries++;
		if (look && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			break;
	}
	if (!errno && entries != ENTRIES)
		errno = EIO;
	fd = errno ? failed(w, "readdir") : 0;
	closedir(dir);
	return fd;
}

static int run_readdir(struct worker *w, unsigned item)
{
	(void)item;
	return list(w, false);
}

static int run_readdir_stat(struct worker *w, unsigned item)
{
	(void)item;
	return list(w, true);
}

/* --- bytes -------------------------------------------------------------- */

static int run_open_read(struct worker *w, unsigned item)
{
	int fd = openat(w->dirfd, w->names[0], O_RDONLY | O_CLOEXEC), err;

	(void)item;
	if (fd < 0)
		return failed(w, "open");
	err = check_size(w, read(fd, w->buffer, PAGE), PAGE, "read");
	close(fd);
	return err;
}

static int open_empty(struct worker *w)
{
	w->fd = openat(w->dirfd, w->names[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return check(w, w->fd, "open");
}

static int write_bytes(struct worker *w, size_t size)
{
	return check_size(w, write(w->fd, w->buffer, size), size, "write");
}

static int run_write_1(struct worker *w, unsigned item)
{
	(void)item;
	return write_bytes(w, 1);
}

/* A page and a bit: never aligned. */
static int run_write_4107(struct worker *w, unsigned item)
{
	(void)item;
	return write_bytes(w, 4107);
}

static int run_write_64k(struct worker *w, unsigned item)
{
	(void)item;
	return write_bytes(w, 65536);
}

static int run_write_1m(struct worker *w, unsigned item)
{
	(void)item;
	return write_bytes(w, OP_BUFFER);
}

static int run_fsync(struct worker *w, unsigned item)
{
	(void)item;
	return check(w, fsync(w->fd), "fsync");
}

static int run_write_fsync(struct worker *w, unsigned item)
{
	int err = check_size(w, pwrite(w->fd, w->buffer, PAGE, 0), PAGE, "write");

	return err ? err : run_fsync(w, item);
}

/* The file that is read: on its disk, so that its pages can be dropped. */
static int make_data(struct worker *w)
{
	int err = open_empty(w);

	for (unsigned at = 0; !err && at < FILE_SIZE; at += OP_BUFFER)
		err = write_bytes(w, OP_BUFFER);
	return err ? err : run_fsync(w, 0);
}

/* Each page once, in an order that the seed decides. */
static void shuffle(struct worker *w)
{
	unsigned pages = FILE_SIZE / PAGE;

	for (unsigned i = 0; i < pages; i++)
		w->order[i] = i;
	for (unsigned i = pages - 1; i > 0; i--) {
		unsigned other = (unsigned)nrand48(w->random) % (i + 1), page = w->order[i];

		w->order[i] = w->order[other];
		w->order[other] = page;
	}
}

static int warm(struct worker *w)
{
	int err = 0;

	for (off_t at = 0; !err && at < FILE_SIZE; at += OP_BUFFER)
		err = check_size(w, pread(w->fd, w->buffer, OP_BUFFER, at), OP_BUFFER, "read");
	shuffle(w);
	return err;
}

static int cold(struct worker *w)
{
	shuffle(w);
	errno = posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
	return errno ? failed(w, "posix_fadvise") : 0;
}

static int run_read_seq(struct worker *w, unsigned item)
{
	off_t at = (off_t)(item % (FILE_SIZE / BLOCK)) * BLOCK;

	return check_size(w, pread(w->fd, w->buffer, BLOCK, at), BLOCK, "read");
}

static int run_read_rand(struct worker *w, unsigned item)
{
	off_t at = (off_t)w->order[item % (FILE_SIZE / PAGE)] * PAGE;

	return check_size(w, pread(w->fd, w->buffer, PAGE, at), PAGE, "read");
}

/* Each batch has a new mapping: a page that is mapped costs nothing any more. */
static int map_data(struct worker *w)
{
	w->map = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, w->fd, 0);
	if (w->map != MAP_FAILED)
		return 0;
	w->map = NULL;
	return failed(w, "mmap");
}

static int map_after(struct worker *w, int (*caches)(struct worker *))
{
	int err;

	if (w->map && munmap(w->map, FILE_SIZE) < 0)
		return failed(w, "munmap"); /* pages in use are not dropped */
	w->map = NULL;
	err = caches(w);
	return err ? err : map_data(w);
}

static int map_warm(struct worker *w)
{
	return map_after(w, warm);
}

static int map_cold(struct worker *w)
{
	return map_after(w, cold);
}

static int run_mmap_seq(struct worker *w, unsigned item)
{
	if (!w->map && map_data(w) != 0)
		return failed(w, "mmap");
	memcpy(w->buffer, w->map + (size_t)(item % (FILE_SIZE / BLOCK)) * BLOCK, BLOCK);
	return 0;
}

static int run_mmap_rand(struct worker *w, unsigned item)
{
	if (!w->map && map_data(w) != 0)
		return failed(w, "mmap");
	memcpy(w->buffer, w->map + (size_t)w->order[item % (FILE_SIZE / PAGE)] * PAGE, PAGE);
	return 0;
}

/* --- extended attributes ------------------------------------------------ */

static int run_setxattr(struct worker *w, unsigned item)
{
	memcpy(w->buffer, &item, sizeof(item));
	return check(w, fsetxattr(w->fd, "user.op-bench", w->buffer, VALUE_SIZE, 0), "setxattr");
}

static int make_xattr(struct worker *w)
{
	int err = open_known(w);

	return err ? err : run_setxattr(w, 0);
}

static int run_getxattr(struct worker *w, unsigned item)
{
	char value[64];

	(void)item;
	return check_size(w, fgetxattr(w->fd, "user.op-bench", value, sizeof(value)), VALUE_SIZE,
			  "getxattr");
}

/* --- the table ---------------------------------------------------------- */

const struct op ops[] = {
	{ "create", "make an empty file: open(O_CREAT|O_EXCL), close", 256, false,
	  NULL, NULL, run_create, clear_names },
	{ "create-write", "the same with a write of 4 KiB before the close", 256, false,
	  NULL, NULL, run_create_write, clear_names },
	{ "mkdir", "make a directory", 256, false,
	  NULL, NULL, run_mkdir, clear_dirs },
	{ "rmdir", "remove an empty directory", 256, false,
	  make_dirs, NULL, run_rmdir, clear_dirs },
	{ "stat", "stat of a file whose name was asked for before", 256, true,
	  make_files, stat_all, run_stat, clear_names },
	{ "stat-cold", "the same after drop_caches (root); tmpfs keeps its names all the same", 256, true,
	  make_files, drop_names, run_stat, clear_names },
	{ "stat-absent", "stat of a name that is not there, for the first time", 256, false,
	  new_names, NULL, run_absent, NULL },
	{ "stat-absent-again", "the same once more", 256, true,
	  new_names, ask_absent, run_absent, NULL },
	{ "open-read", "open, read of 4 KiB, close of a file that was read before", 256, true,
	  make_known, NULL, run_open_read, clear_known },
	{ "write-1", "write of 1 byte to the end of a file", 1024, false,
	  open_empty, NULL, run_write_1, clear_known },
	{ "write-4107", "write of 4107 bytes", 1024, false,
	  open_empty, NULL, run_write_4107, clear_known },
	{ "write-64k", "write of 64 KiB", 128, false,
	  open_empty, NULL, run_write_64k, clear_known },
	{ "write-1m", "write of 1 MiB", 16, false,
	  open_empty, NULL, run_write_1m, clear_known },
	{ "read-seq", "read of 64 KiB, one behind the other, of a file of 4 MiB in the cache", 64, true,
	  make_data, warm, run_read_seq, clear_known },
	{ "read-seq-cold", "the same after posix_fadvise(DONTNEED); tmpfs keeps its pages all the same", 64, true,
	  make_data, cold, run_read_seq, clear_known },
	{ "read-rand", "read of 4 KiB of that file, each page once, in random order", 1024, true,
	  make_data, warm, run_read_rand, clear_known },
	{ "read-rand-cold", "the same after posix_fadvise(DONTNEED)", 1024, true,
	  make_data, cold, run_read_rand, clear_known },
	{ "mmap-seq", "copy of 64 KiB out of a new mapping of that file", 64, true,
	  make_data, map_warm, run_mmap_seq, clear_known },
	{ "mmap-seq-cold", "the same after posix_fadvise(DONTNEED)", 64, true,
	  make_data, map_cold, run_mmap_seq, clear_known },
	{ "mmap-rand", "copy of 4 KiB out of a new mapping, in random order", 1024, true,
	  make_data, map_warm, run_mmap_rand, clear_known },
	{ "mmap-rand-cold", "the same after posix_fadvise(DONTNEED)", 1024, true,
	  make_data, map_cold, run_mmap_rand, clear_known },
	{ "rename", "rename within the directory, to a name that is free", 256, false,
	  make_files, NULL, run_rename, clear_names },
	{ "link", "make a hard link", 256, false,
	  make_known, NULL, run_link, clear_names },
	{ "unlink", "remove an empty file", 256, false,
	  make_files, NULL, run_unlink, clear_names },
	{ "symlink", "make a symbolic link", 256, false,
	  NULL, NULL, run_symlink, clear_names },
	{ "readlink", "read a symbolic link", 256, true,
	  make_links, NULL, run_readlink, clear_names },
	{ "readdir", "open, list and close a directory of 1000 files", 4, true,
	  make_list, NULL, run_readdir, clear_list },
	{ "readdir-stat", "the same with a stat of each", 4, true,
	  make_list, NULL, run_readdir_stat, clear_list },
	{ "setxattr", "set an extended attribute of an open file", 256, true,
	  open_known, NULL, run_setxattr, clear_known },
	{ "getxattr", "get it", 256, true,
	  make_xattr, NULL, run_getxattr, clear_known },
	{ "fsync", "fsync of a file that has nothing to write back", 64, true,
	  open_known, NULL, run_fsync, clear_known },
	{ "write-fsync", "write of 4 KiB over the same place, and fsync", 64, true,
	  open_known, NULL, run_write_fsync, clear_known },
};

const unsigned op_count = sizeof(ops) / sizeof(ops[0]);

const struct op *op_find(const char *name)
{
	for (unsigned i = 0; i < op_count; i++)
		if (strcmp(ops[i].name, name) == 0)
			return &ops[i];
	return NULL;
}

/* --- workers ------------------------------------------------------------ */

static void fill(struct worker *w, unsigned long long seed)
{
	/* nrand48() has 48 bits of state; a thread's order is its own. */
	seed += w->index * 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < 3; i++)
		w->random[i] = (unsigned short)(seed >> (16 * i));
	for (size_t i = 0; i < OP_BUFFER; i += sizeof(uint32_t)) {
		uint32_t value = (uint32_t)nrand48(w->random) | 1;

		memcpy(w->buffer + i, &value, sizeof(value));
	}
	for (unsigned i = 0; i < OP_ITEMS_MAX; i++) {
		snprintf(w->names[i], sizeof(w->names[i]), "%u-item-%u", w->index, i);
		snprintf(w->others[i], sizeof(w->others[i]), "%u-other-%u", w->index, i);
	}
}

int worker_begin(struct worker *w, const char *dir, unsigned long long seed)
{
	w->fd = w->dirfd = -1;
	w->names = zalloc(OP_ITEMS_MAX, sizeof(*w->names));
	w->others = zalloc(OP_ITEMS_MAX, sizeof(*w->others));
	w->order = zalloc(FILE_SIZE / PAGE, sizeof(*w->order));
	w->buffer = zalloc(OP_BUFFER, 1);
	fill(w, seed);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return failed(w, "mkdir");
	w->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return check(w, w->dirfd, "open");
}

void worker_end(struct worker *w)
{
	if (w->dirfd >= 0)
		close(w->dirfd);
	free(w->names);
	free(w->others);
	free(w->order);
	free(w->buffer);
}
