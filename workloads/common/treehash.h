/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One hash for a whole tree: the same on any filesystem that holds the same tree.
 *
 * XXH3-128 over one record for each entry, in the order of a walk that sorts names by their
 * bytes: path, type, permissions, then for a regular file its size and bytes, for a symlink its
 * target, for a device its number. Times, owners, inode numbers, link counts and the sizes of
 * directories are left out: they differ by nature. So is .git wherever it is, whose index holds
 * inode numbers and times; git fsck looks after that.
 */
#ifndef WORKLOADS_TREEHASH_H
#define WORKLOADS_TREEHASH_H

#include <limits.h>
#include <stdbool.h>

#define TREEHASH_TEXT 33 /* 32 hexadecimal digits and the end */

struct treehash {
	char root[PATH_MAX];
	char text[TREEHASH_TEXT];
};

/* Fills `text`; false after a complaint. */
bool treehash(struct treehash *hash);

/* The same for run(); the structure lies in shared memory. */
int treehash_task(void *hash);

#endif
