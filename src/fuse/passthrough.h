/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passthrough.h - files that the kernel reads, writes and maps by itself.
 *
 * The answer to an open names a backing file of the store's (store_backing()),
 * which the kernel has been given before for a small number, its backing id.
 * For one inode that must be the same id in all answers, as long as the kernel
 * has it open: so they are counted, and the id is given back with the last.
 * No descriptor stays open here; the kernel keeps the file by itself.
 *
 * For those functions that take one, fi is what the kernel is or was told of an open.
 */
#ifndef MEMFS_FUSE_PASSTHROUGH_H
#define MEMFS_FUSE_PASSTHROUGH_H

#include "fuse/fs.h"

struct passthrough;

/* 0 or -ENOMEM. Ended with passthrough_destroy(), when nobody serves any more. */
int passthrough_create(struct passthrough **out);
void passthrough_destroy(struct passthrough *p);

/* One more open of a file: sets fi->backing_id. 0 or a negative errno, with which the open must fail. */
int passthrough_open(struct fs *fs, node_id id, struct fuse_file_info *fi);

/* One open less: it was released, or its answer did not get through. */
void passthrough_release(struct fs *fs, node_id id, const struct fuse_file_info *fi);

/*
 * May the size and times of a node move without a call of ours, and without the kernel's knowing? A
 * shared mapping changes the backing file's, and not those that the kernel has of ours. A file that is mapped for
 * writing has been opened for reading and writing.
 */
bool passthrough_may_change(const struct fs *fs, node_id id);

#endif
