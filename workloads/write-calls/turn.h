/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One method on one fresh filesystem:
 *
 *   prepare  another file is made, closed and removed, so that what the kernel asks only once
 *            in the life of a mount has been asked; then what the method needs to be there
 *   write    the method, timed, in a process of its own
 *   settle   syncfs(2): what the kernel still has to write
 *   verify   the content is read back, past the page cache, and its hash compared
 *
 * and the end of the filesystem. On memfs the trace is then read.
 */
#ifndef WRITE_CALLS_TURN_H
#define WRITE_CALLS_TURN_H

#include "common/filesystem.h"
#include "results.h"

/* What all turns share. */
struct turns {
	const struct filesystem_options *filesystem_options;
	struct results *results;
	uint64_t seed, size;
	const char *scratch;  /* on a filesystem that is not under test */
	const char *log_dir;
	bool keep_traces;
};

/* Makes the files that the methods copy from; false after a complaint. */
bool turns_make_sources(const struct turns *turns, bool binary, bool text);

/* Runs it; `cache` is for memfs, else NULL. All that happens is in the results. */
void turn_run(const struct turns *turns, const struct method *method,
	      struct filesystem *filesystem, const char *cache);

/* Why the method cannot be run on this machine, for the caller to free; NULL = it can. */
char *turn_obstacle(const struct method *method);

#endif
