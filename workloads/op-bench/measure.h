/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One measurement: one operation in one directory by so many threads, in a process of its own.
 *
 * Batch after batch, until there are enough: all threads make what they need, wait for each
 * other, operate, and wait again. Each single operation is timed, and each time is kept.
 *
 * A count is the same with one batch: each thread does two operations beforehand, so that the
 * first one that is counted finds things as the others do, and the callbacks are marked.
 */
#ifndef OP_BENCH_MEASURE_H
#define OP_BENCH_MEASURE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "ops.h"

#define THREADS_MAX 64
#define COUNT_OPERATIONS 64 /* that a count has at most, in each thread */

enum measure_status {
	MEASURE_OK,
	MEASURE_UNSUPPORTED, /* the filesystem does not have it, or it needs root */
	MEASURE_FAILED,
};

const char *measure_status_name(enum measure_status status);

struct measurement {
	/* What to do: */
	const struct op *op;
	const char *dir;             /* a directory that is ours */
	unsigned threads;
	bool shared;                 /* all of them in one directory */
	uint64_t time_ns;            /* to operate for, or ... */
	unsigned count;              /* ... how often in each thread; 0 = until the time is over */
	unsigned long long seed;
	unsigned serial;             /* another one each time */
	const char *root;            /* of a memfs: count callbacks; NULL = measure times */
	const char *label;           /* of the marks */
	/* What came out: */
	enum measure_status status;
	char error[128];             /* which call failed, and why; if so */
	uint64_t operations;         /* by all threads */
	uint64_t wall_ns;            /* from the first to the last, without what is not measured */
	size_t done[THREADS_MAX];
	/* Memory: */
	uint64_t *times;             /* ns, `capacity` for each thread */
	size_t capacity;
};

/* In memory that is shared with the process that measures. */
struct measurement *measurement_new(unsigned most_threads);
void measurement_free(struct measurement *measurement, unsigned most_threads);

/* For run(), with the structure: fills in what came out. Returns 0. */
int measure_task(void *measurement);

/* What reading the clock costs, ns: the median of many; it is part of each time. */
double measure_clock(void);

#endif
