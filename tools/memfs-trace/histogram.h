/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * histogram.h - percentiles of many durations in little memory.
 *
 * Buckets are linear within each power of two: a percentile is known to
 * better than 1.6 %, whatever the number of durations.
 */
#ifndef MEMFS_TRACE_HISTOGRAM_H
#define MEMFS_TRACE_HISTOGRAM_H

#include <stdbool.h>
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

/*
 * The same for many at once: it takes 4 bytes for each bucket that is in use; only from 65,536
 * values on it takes all of them.
 */
struct small_histogram {
	uint64_t count, sum, max;
	uint32_t *buckets;       /* if full, all; else those in use, see histogram.c */
	uint16_t used, capacity;
	bool full;
};

/* Without memory the program ends. */
void small_histogram_add(struct small_histogram *h, uint64_t value);

/* Adds all of another one. */
void small_histogram_merge(struct small_histogram *h, const struct small_histogram *other);

/* As histogram_percentile(). */
uint64_t small_histogram_percentile(const struct small_histogram *h, double part);

/* Of the values: 0 when there is none. */
static inline uint64_t small_histogram_mean(const struct small_histogram *h)
{
	return h->count ? h->sum / h->count : 0;
}

void small_histogram_free(struct small_histogram *h);

#endif
