/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * histogram.h - percentiles of many durations in little memory.
 *
 * Buckets are linear within each power of two: a percentile is known to
 * better than 1.6 %, whatever the number of durations.
 */
#ifndef MEMFS_TRACE_HISTOGRAM_H
#define MEMFS_TRACE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUB (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t count, sum, max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value that `part` (0..1) of all do not exceed. 0 when there is none. */
uint64_t histogram_percentile(const struct histogram *h, double part);

#endif
