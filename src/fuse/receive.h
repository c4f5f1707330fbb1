/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive.h - how requests come from /dev/fuse, and what becomes of the memory that big ones came in. */
#ifndef MEMFS_FUSE_RECEIVE_H
#define MEMFS_FUSE_RECEIVE_H

#include "fuse/fs.h"

/*
 * Has the session, which is mounted, read its requests with read(2) as libfuse would, but for this: a worker's buffer has
 * room for a WRITE of 1 MiB, and would keep that memory for good. What a large request took of it is given back when the
 * worker reads its next request, unless large ones follow each other closely.
 * Where libfuse was built without custom I/O (its option enable-custom-io), or memory is short, all stays as it is.
 */
void receive_sparingly(struct fuse_session *se);

#endif
