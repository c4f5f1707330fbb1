/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content.h - the bytes of a regular file, its size, and the times that go
 * with them: in chunks of our own (data.h), or in a file of the kernel's
 * (backing.h) if the store has such. Nobody else asks which of the two.
 *
 * With backing files, size, blocks, atime and mtime are the file's, which may
 * change at any time behind our back, and n->size, atime, mtime of the node
 * mean nothing; ctime is the later one of both.
 *
 * All want nodes[] of the node, to change it for writing, unless stated otherwise. Offsets and
 * sizes do not reach past INT64_MAX. They return 0 or a negative errno, or bytes.
 */
#ifndef MEMFS_STORE_CONTENT_H
#define MEMFS_STORE_CONTENT_H

#include "store/node.h"

/* For a new node, and one that is in no table any more: no lock is wanted. -ENOSPC, -ENOMEM, -ENFILE. */
int content_create(struct store *s, struct node *n);
void content_destroy(struct store *s, struct node *n);

/* Puts size, blocks and times into *attr, where node_stat() has put those of the node. */
int content_stat(const struct store *s, const struct node *n, struct stat *attr);

/* Fills iov, count, size and touch_atime of a view, and its buffer if it has to be a copy. */
int content_view(struct store *s, struct node *n, uint64_t offset, size_t size,
		 struct store_view *view);

/* Writes, grows. Times are content_touch()'s. */
ssize_t content_write(struct store *s, struct node *n, uint64_t offset, const void *buf,
		      size_t size);

/* Any size. */
int content_set_size(struct store *s, struct node *n, uint64_t size);

/* fallocate(2); *n as it was when it fails. */
int content_allocate(struct store *s, struct node *n, int mode, uint64_t offset, uint64_t size);

/* SEEK_DATA or SEEK_HOLE. -ENXIO. */
int64_t content_seek(const struct store *s, const struct node *n, uint64_t offset, int whence);

/* Copies between two files, or parts of one that do not overlap. */
ssize_t content_copy(struct store *s, struct node *from, uint64_t from_offset, struct node *to,
		     uint64_t to_offset, size_t size);

/* mtime and ctime are those of a change of the bytes that has just been made. (The kernel has moved its own.) */
void content_touch(const struct store *s, struct node *n);

/* Sets atime and mtime, with UTIME_NOW and UTIME_OMIT. ctime is the caller's. */
int content_set_times(struct store *s, struct node *n, const struct timespec times[2]);

/* Gives back what is allocated and not needed. */
void content_trim(struct store *s, struct node *n);

/* Looks whether what is said of it holds: NULL, or what is wrong. */
const char *content_check(const struct store *s, const struct node *n);

#endif
