/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the calls that the kernel makes to a memfs while something runs on it: from its trace,
 * between two marks.
 *
 * Counts are exact: marks are made when the mount has become quiet, so that what the kernel sends
 * without anyone waiting for it (releases, forgets, readahead) is on the right side of them;
 * releases are counted where the open was; and an event that was lost makes the count fail.
 * What the marks cost themselves is left out. All that happens on the mount is counted, whoever
 * does it.
 */
#ifndef WORKLOADS_CALLBACKS_H
#define WORKLOADS_CALLBACKS_H

#include <stdbool.h>
#include <stdint.h>

#include <memfs/trace_ops.h>

struct callbacks;

/* By opcode. FORGET counts nodes, in however many calls the kernel told of them. */
struct callback_counts {
	uint64_t during[TRACE_OP_LIMIT]; /* until the mark of the end */
	uint64_t later[TRACE_OP_LIMIT];  /* what was written back then: pages, times */
};

/*
 * Opens the trace of the memfs that `dir` is on. NULL when it is on none that records (*why is
 * NULL), or when that cannot be used (*why says it, static text).
 */
struct callbacks *callbacks_open(const char *dir, const char **why);
void callbacks_close(struct callbacks *callbacks);

/* Where it is mounted, and with which cache=; owned by it. */
const char *callbacks_root(const struct callbacks *callbacks);
const char *callbacks_cache(const struct callbacks *callbacks);

/*
 * Marks start and end of what is to be counted, under a label that is not used twice. `root` is
 * callbacks_root(): they may be called in another process than the one that reads. 0 or an errno.
 */
int callbacks_start(const char *root, const char *label);
int callbacks_end(const char *root, const char *label);

/* Counts what happened in between; labels in the order of their use. False after a complaint. */
bool callbacks_read(struct callbacks *callbacks, const char *label,
		    struct callback_counts *counts);

/* The name of an operation. */
const char *callback_name(unsigned op);

/* The sum but for FORGET, for which nobody waits and which gets no reply. */
uint64_t callbacks_sum(const uint64_t *counts);

#endif
