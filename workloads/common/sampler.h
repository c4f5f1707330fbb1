/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory that a filesystem takes while something runs on it, in short intervals.
 *
 * A process of its own looks, every 200 ms and at each change of phase: so that a filesystem
 * that does not answer can hang the sampler, but not us. Should a look take long (the daemon's
 * pages are counted one by one), looks become rarer: at most a twentieth of the time goes into
 * them.
 *
 * A look asks the filesystem for one statfs(2).
 */
#ifndef WORKLOADS_SAMPLER_H
#define WORKLOADS_SAMPLER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One look. Bytes; those with * are differences to the first look, and may be negative. */
struct memory_sample {
	double seconds;     /* since the start */
	int32_t phase;      /* as sampler_phase() said */
	int32_t has_daemon; /* the next two say something */
	int64_t rss, pss;   /* of the daemon */
	/* Of the control group that we and our tasks are in, else of the whole machine: */
	int64_t cached;     /* * page cache without shared memory */
	int64_t shmem;      /* * shared memory: what tmpfs holds is that */
	int64_t stored;     /* * in use on the filesystem, as statfs(2) says */
};

struct sampler;

/* Begins; `daemon` is 0 where there is none. NULL after a complaint. */
struct sampler *sampler_start(const char *root, pid_t daemon);

/*
 * Another phase begins now: returns when it has been looked at what the one before has left, or after a second. NULL
 * is no sampler.
 */
void sampler_phase(struct sampler *sampler, int phase);

/*
 * Ends it after a last look, before `root` is unmounted. Returns the samples, to be freed, and their
 * number. NULL when there are none.
 */
struct memory_sample *sampler_stop(struct sampler *sampler, size_t *count);

#endif
