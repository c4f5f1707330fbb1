/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backing.h - files whose bytes the kernel keeps, in a tmpfs that is mounted
 * nowhere.
 *
 * fsopen(2) and fsmount(2) make the tmpfs, and a descriptor is all that holds
 * it: nobody else can reach it, and when the process ends it is gone. Each
 * file is an entry of its root directory, with a number for a name, and is
 * opened by that name for as long as one call takes: a million files need no
 * descriptor.
 *
 * Who else has such a file open (the kernel, for FUSE passthrough) may write
 * to it meanwhile; nothing is remembered here, all is asked of the kernel.
 *
 * All functions may be called from any number of threads at once. They return
 * 0 or a negative errno unless stated otherwise; -ENFILE also where the
 * process has no descriptor left.
 */
#ifndef MEMFS_STORE_BACKING_H
#define MEMFS_STORE_BACKING_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct backing;

/*
 * Makes an empty one for that many bytes, in whole pages (0 = no limit). Takes CAP_SYS_ADMIN: -EPERM; -ENOSYS before
 * Linux 5.2. The caller owns *out.
 */
int backing_create(uint64_t size, struct backing **out);

/* Lets it go with all its files, as far as nobody has them open; from then on backing_remove() does nothing. */
void backing_end(struct backing *b);

/* After backing_end(). May be NULL. */
void backing_destroy(struct backing *b);

/* The descriptor (O_PATH) of its root directory: still its own. */
int backing_root(const struct backing *b);

/* Another limit, given the root directory; -EINVAL below what is used. Takes CAP_SYS_ADMIN, and no Landlock: -EPERM. */
int backing_resize(int root, uint64_t size);

/* Bytes that its files hold, in whole pages. */
int backing_used(const struct backing *b, uint64_t *bytes);

/* How many files there are, by listing them. */
int backing_count(const struct backing *b, uint64_t *files);

/* Makes an empty file, of mode 0600, and says its name; one that is removed lives on while somebody has it open. */
int backing_make(struct backing *b, uint64_t *name);
void backing_remove(struct backing *b, uint64_t name);

/* A descriptor, which the caller closes; flags as for open(2), without O_CREAT. */
int backing_open(const struct backing *b, uint64_t name, int flags);

/* All of the file's own: of its size, blocks and times those are the file's that is backed by it. */
int backing_stat(const struct backing *b, uint64_t name, struct stat *st);

/* As pread(2) and pwrite(2), but fewer bytes only at the end of the file, or of the space. */
ssize_t backing_read(const struct backing *b, uint64_t name, uint64_t offset, void *buf,
		     size_t size);
ssize_t backing_write(const struct backing *b, uint64_t name, uint64_t offset, const void *buf,
		      size_t size);

int backing_truncate(const struct backing *b, uint64_t name, uint64_t size);

/* fallocate(2) with the modes of store_fallocate(); mtime and ctime move. */
int backing_allocate(const struct backing *b, uint64_t name, int mode, uint64_t offset,
		     uint64_t size);

/* lseek(2) with SEEK_DATA or SEEK_HOLE. */
int64_t backing_seek(const struct backing *b, uint64_t name, uint64_t offset, int whence);

/* copy_file_range(2): the bytes copied, fewer at the end of the source or of the space. */
ssize_t backing_copy(const struct backing *b, uint64_t from, uint64_t from_offset, uint64_t to,
		     uint64_t to_offset, size_t size);

/* utimensat(2): atime and mtime, with UTIME_NOW and UTIME_OMIT. */
int backing_set_times(const struct backing *b, uint64_t name, const struct timespec times[2]);

#endif
