/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One project's turn on one filesystem: a fresh filesystem, then the phases
 *
 *   clone    git clone of the local bare repository, as over a network: no hard links; then of
 *            those of the parts
 *   stat     lstat of everything
 *   stamp    one time on all files (else make would build anew what tarballs bring generated,
 *            since a clone gives times in the order in which it happens to write)
 *   verify   if asked for: git fsck, and the hash of the tree
 *   build    configure and make; then the self-check, untimed
 *   stat2    lstat of everything
 *   remove   rm -rf
 *
 * and the end of the filesystem. Nothing is synced or dropped from caches between phases: that is
 * how people work. But before each turn all dirty pages of the machine's disks are written
 * back, so that no turn pays for the one before it.
 */
#ifndef WORKLOADS_TURN_H
#define WORKLOADS_TURN_H

#include <stdbool.h>

#include "common/filesystem.h"
#include "common/treehash.h"
#include "manifest.h"
#include "results.h"
#include "source.h"

/* A project as all of its turns share it. */
struct project {
	struct manifest *manifest;
	struct source source;
	char reference[TREEHASH_TEXT]; /* the first hash, which the others must equal */
	const char *reference_from;    /* the filesystem that gave it; NULL = none yet */
};

struct turn {
	struct project *project;
	struct filesystem *filesystem;
	const struct filesystem_options *filesystem_options;
	unsigned run, jobs;
	bool verify, keep;
	const char *log_dir;
	struct results *results;
	/* Set by turn_run() for its own use: */
	char *tree, *log;
};

/* Runs it; all that happens is in the results. */
void turn_run(struct turn *turn);

/* The weight of a whole turn, for the progress. */
unsigned turn_weight(void);

#endif
