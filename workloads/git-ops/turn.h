/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run on one filesystem: a fresh filesystem, then the commands
 *
 *   init           git init of an empty directory
 *                  (the tree is written, untimed)
 *   add            git add of all of it
 *   commit         the first commit
 *   status         git status, with nothing changed
 *   branch         git checkout -b: a new branch at the same commit
 *                  (each tenth file is written anew, untimed)
 *   commit-change  git commit -a on that branch
 *   checkout       git checkout of the first branch: the changed files are written back
 *   clone          git clone beside it, through git's own transport: no hard links
 *   gc             git gc of the repository
 *
 * and then, not timed: both repositories pass git fsck, nothing is changed in them, and the commits
 * have the hashes that they have had on all other filesystems.
 */
#ifndef GIT_OPS_TURN_H
#define GIT_OPS_TURN_H

#include "common/callbacks.h"
#include "common/filesystem.h"
#include "results.h"

/* The hashes of both commits, and of the clone's: "HASH\nHASH\nHASH\n". */
struct reference {
	char *hashes; /* NULL = none yet */
	char *from;   /* the filesystem that gave them */
};

struct turn {
	struct filesystem *filesystem;
	const struct filesystem_options *filesystem_options;
	unsigned run, files;
	const char *work;            /* logs go here */
	struct reference *reference; /* the first turn's */
	struct results *results;
	/* Set by turn_run() for its own use: */
	char *repository, *clone, *log;
	struct callbacks *callbacks;
};

/* Commands with a row; for the progress. */
#define TURN_STEPS 9

/* Runs it; all that happens is in the results. */
void turn_run(struct turn *turn);

#endif
