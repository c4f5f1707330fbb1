/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opens.h - what the kernel is told about a file or directory that it opens. */
#ifndef MEMFS_FUSE_OPENS_H
#define MEMFS_FUSE_OPENS_H

#include "fuse/fs.h"

/*
 * Gives the open its number and says how the kernel may cache it. An open
 * needs no memory of ours, so there is nothing to free, and a RELEASE that
 * overtakes a FORGET does no harm.
 *
 * But where the kernel reads and writes by itself: then it can fail, and what
 * it took is given back with passthrough_release(). 0 or a negative errno.
 */
int opens_file(struct fs *fs, node_id id, struct fuse_file_info *fi);
void opens_dir(struct fs *fs, struct fuse_file_info *fi);

#endif
