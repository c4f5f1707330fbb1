/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a trace tells of one method. Marks (memfs.trace.mark), which the driver sets, divide it:
 *
 *   ... preparing ... MARK_WRITE ... the method ... MARK_WRITTEN ... syncfs(2) ... MARK_VERIFY ...
 *
 * The method's calls are those between the first two, but for those of the processes that set marks.
 * Methods of our own have marker.h tell when they are about to close the file. Of what comes between
 * MARK_WRITTEN and MARK_VERIFY those on files that the method had opened belong to it as well: that
 * is what the kernel did later (RELEASE, for which nobody waits, and pages written back).
 */
#ifndef WRITE_CALLS_ANALYSIS_H
#define WRITE_CALLS_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <memfs/trace_ops.h>

#define MARK_WRITE "write"
#define MARK_WRITTEN "written"
#define MARK_VERIFY "verify"

/* All operations of the trace, in the order in which they are shown. */
struct operation {
	unsigned number;
	const char *name;
};

extern const struct operation operations[];
extern const size_t operation_count;

struct analysis {
	bool known;                   /* false: nothing else is set */
	uint64_t calls[TRACE_OP_LIMIT];
	uint64_t all_calls;           /* sum of those, but for forget and batch_forget */
	uint64_t write_bytes;         /* of all WRITEs, whatever the file */
	uint64_t write_least, write_most; /* bytes of one; 0 without any */
	bool close_known;             /* was that told? */
	uint64_t target_before_close; /* bytes of the target written until then */
	uint64_t target_in_time;      /* bytes of the target written when the method was over */
	uint64_t target_late;         /* ... and those that came after that */
	uint64_t verify_read;         /* bytes read after MARK_VERIFY */
	char *pattern;
};

/*
 * Reads it; `driver` and `marker` (0 = none) are the processes that set marks. False with *why, which the caller frees, when the trace cannot be read or is not
 * whole: then no number in it would be worth anything.
 */
bool analysis_read(struct analysis *analysis, const char *trace, pid_t driver, pid_t marker,
		   char **why);

void analysis_free(struct analysis *analysis);

#endif
