/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks of a whole tree, by lstat: symlinks are looked at, never followed (some trees hold
 * dangling ones). The functions that end in _task are for run(): they take the structure in
 * shared memory, complain on stderr, and return an exit status.
 */
#ifndef WORKLOADS_WALK_H
#define WORKLOADS_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* One entry on the way; `dirfd` and `name` to reach it, `path` from the tree's root, "" = root. */
struct walk_entry {
	int dirfd;
	const char *name;
	const char *path;
	const struct stat *st;
};

/* What a visitor answers. */
enum walk_next { WALK_ON, WALK_PAST /* not into this directory */, WALK_STOP };

typedef enum walk_next walk_visitor(void *context, const struct walk_entry *entry);

/*
 * Visits `root` and all below it, each directory before its entries; entries in order of their
 * names' bytes when `sorted`, else as the directory lists them. False after a complaint.
 */
bool walk(const char *root, bool sorted, walk_visitor *visitor, void *context);

/* Is it git's own, of the tree or of a repository in it? */
bool walk_is_git(const struct walk_entry *entry);

/* The stat phase: how much is there? */
struct walk_count {
	char root[PATH_MAX];
	uint64_t files; /* all that are not directories */
	uint64_t dirs;  /* with the root */
	uint64_t bytes; /* in regular files */
};

int walk_count_task(void *count);

/* Gives everything but what is git's own one time of access and modification. */
struct walk_stamp {
	char root[PATH_MAX];
	int64_t seconds; /* since 1970 */
};

int walk_stamp_task(void *stamp);

#endif
