/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h - what attr.c and file.c share. Both want nodes[] for writing. */
#ifndef MEMFS_STORE_FILE_H
#define MEMFS_STORE_FILE_H

#include "store/node.h"

/* Takes setuid, and setgid where it counts, off anything but a directory. */
void file_drop_setid(struct node *n);

/* Sets the size of a regular file; times are the caller's. -EISDIR, -EINVAL, -EFBIG. */
int file_set_size(struct store *s, struct node *n, uint64_t size);

#endif
