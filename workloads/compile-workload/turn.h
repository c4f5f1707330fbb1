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
#ifndef COMPILE_WORKLOAD_TURN_H
#define COMPILE_WORKLOAD_TURN_H

#include <stdbool.h>

#include "calls.h"
#include "common/filesystem.h"
#include "common/treehash.h"
#include "manifest.h"
#include "results.h"
#include "samples.h"
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
	struct samples *samples;       /* its file, if there is one, gets the turn's memory */
	struct mount_facts *facts;     /* of memfs; filled from the first trace */
	/* Set by turn_run() for its own use: */
	char *tree, *log, *trace;
	struct sampler *sampler;
};

/*
 * Runs it. All that happened is in the results, but not written yet; nothing of it if it was
 * interrupted.
 */
void turn_run(struct turn *turn);

/* Are all rows in the results that such a turn has when it goes well? */
bool turn_is_done(const struct turn *turn);

/* About how many seconds a turn of that project takes, for the progress. */
unsigned turn_weight(const struct manifest *manifest, bool verify);

#endif
