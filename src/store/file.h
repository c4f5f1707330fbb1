/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - what the files that work on one node share: attr.c, file.c, xattr.c.
 * Unless said otherwise they want nodes[] of it for writing.
 */
#ifndef MEMFS_STORE_FILE_H
#define MEMFS_STORE_FILE_H

#include "store/node.h"

/* Takes setuid, and setgid where it counts, off anything but a directory. */
void file_drop_setid(struct node *n);

/* After a change of n->perm: an access control list follows it. */
void xattr_chmod(struct node *n);

/*
 * What a new node inherits from its directory: its default access control
 * list, or without one the mode loses what the umask says. n is not published
 * yet; wants nodes[] of dir. -ENOSPC, -ENOMEM.
 */
int xattr_inherit(struct store *s, struct node *dir, struct node *n, mode_t umask);

/* Sets the size of a regular file; times are the caller's. -EISDIR, -EINVAL, -EFBIG. */
int file_set_size(struct store *s, struct node *n, uint64_t size);

#endif
