/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree that git is given: the same bytes, names and times wherever and whenever it is made.
 * Ten files a directory, 200 to 8000 bytes of text each.
 */
#ifndef GIT_OPS_TREE_H
#define GIT_OPS_TREE_H

#include <limits.h>
#include <stdbool.h>

#define TREE_FILES_MAX 100000u

struct tree {
	char root[PATH_MAX]; /* a directory that is there */
	unsigned files;
	bool edit;           /* only each tenth file, with other content than before */
};

/* For run(), in shared memory: writes it. Returns an exit status, complaints go to stderr. */
int tree_task(void *tree);

#endif
