/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * activity.h - how much happened when: calls counted by the interval in which they began.
 *
 * In one pass, without knowing how long the trace is: intervals grow tenfold as time goes on, and the
 * last step makes them what was asked for, or some 60 of a round length. Memory grows
 * with the intervals, and is some MB at most.
 */
#ifndef MEMFS_TRACE_ACTIVITY_H
#define MEMFS_TRACE_ACTIVITY_H

#include <memfs/trace_reader.h>

#include "histogram.h"

#define ACTIVITY_COLUMNS 60         /* intervals at most, unless their length is asked for */
#define ACTIVITY_INTERVALS_MAX 1000000 /* when it is */

struct interval {
	struct small_histogram ns; /* of each call: its duration */
	uint64_t errors;
	uint64_t read, written;    /* bytes */
};

struct mark {
	uint64_t ns; /* since the origin */
	char *text;  /* raw bytes */
};

struct activity {
	uint64_t origin_ns;       /* CLOCK_MONOTONIC: where the first interval begins */
	uint64_t step_ns;         /* length of an interval */
	uint64_t length_ns;       /* from the origin to the last event */
	bool fixed;               /* the length was asked for */
	struct interval *intervals;
	size_t count, capacity;
	struct mark *marks;       /* in order of time */
	size_t mark_count;
};

/* Begins at origin_ns, with intervals of step_ns; 0 = of what fits. Without memory the program ends. */
void activity_begin(struct activity *a, uint64_t origin_ns, uint64_t step_ns);

/* It was still going on at that time, whether something is counted or not. */
void activity_extend(struct activity *a, uint64_t ns);

/* Counts a call. False: there would be more than ACTIVITY_INTERVALS_MAX; it is not counted. */
bool activity_add(struct activity *a, const struct trace_event *e);

/* Takes a mark over, if the event is one. */
void activity_mark(struct activity *a, const struct trace_event *e);

/*
 * After the last event: chooses the step, and makes the intervals reach to the end. False as
 * activity_add().
 */
bool activity_finish(struct activity *a);

void activity_free(struct activity *a);

/* What happened in an interval, for each second of it. */
double activity_rate(const struct activity *a, uint64_t amount);

#endif
