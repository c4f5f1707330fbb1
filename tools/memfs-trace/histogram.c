/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "histogram.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define SMALL_MAX 65536 /* values of a small one whose buckets are a list */

static unsigned bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift + 1) * HISTOGRAM_SUB + (unsigned)((value >> shift) & (HISTOGRAM_SUB - 1));
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
	unsigned shift = bucket / HISTOGRAM_SUB;
	uint64_t low;

	if (shift == 0)
		return bucket;
	shift--;
	low = (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << shift;
	return low + (((uint64_t)1 << shift) >> 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	h->buckets[bucket_of(value)]++;
}

uint64_t histogram_percentile(const struct histogram *h, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)h->count + 0.999999), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (h->buckets[i] && seen >= wanted)
			return value_of(i) < h->max ? value_of(i) : h->max;
	}
	return h->max;
}

/* --- small ones ------------------------------------------------------------- */

/* Buckets in use, in order: the number in the high half, how often in the low one. */
static void *need(void *memory)
{
	if (!memory)
		exit(complain("histograms", "out of memory"));
	return memory;
}

static void make_full(struct small_histogram *h)
{
	uint32_t *all = need(calloc(HISTOGRAM_BUCKETS, sizeof(*all)));

	for (uint32_t i = 0; i < h->used; i++)
		all[h->buckets[i] >> 16] = h->buckets[i] & 0xffff;
	free(h->buckets);
	h->buckets = all;
	h->full = true;
}

/* The place of a bucket in the list, or where it belongs. */
static uint32_t place_of(const struct small_histogram *h, uint32_t bucket)
{
	uint32_t low = 0, high = h->used;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (h->buckets[middle] >> 16 < bucket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void count_in_list(struct small_histogram *h, uint32_t bucket, uint32_t times)
{
	uint32_t i = place_of(h, bucket);

	if (i < h->used && h->buckets[i] >> 16 == bucket) {
		h->buckets[i] += times;
		return;
	}
	if (h->used == h->capacity) {
		h->capacity = (uint16_t)(h->capacity + (h->capacity < 8 ? 4 : h->capacity / 2));
		h->buckets = need(realloc(h->buckets, h->capacity * sizeof(*h->buckets)));
	}
	memmove(&h->buckets[i + 1], &h->buckets[i], (h->used - i) * sizeof(*h->buckets));
	h->buckets[i] = bucket << 16 | times;
	h->used++;
}

void small_histogram_add(struct small_histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	if (h->count == SMALL_MAX && !h->full)
		make_full(h);
	if (h->full)
		h->buckets[bucket_of(value)]++;
	else
		count_in_list(h, bucket_of(value), 1);
}

void small_histogram_merge(struct small_histogram *h, const struct small_histogram *other)
{
	h->count += other->count;
	h->sum += other->sum;
	if (other->max > h->max)
		h->max = other->max;
	if (h->count >= SMALL_MAX && !h->full)
		make_full(h);
	for (uint32_t i = 0; other->full && i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
	for (uint32_t i = 0; !other->full && i < other->used; i++) {
		uint32_t bucket = other->buckets[i] >> 16, times = other->buckets[i] & 0xffff;

		if (h->full)
			h->buckets[bucket] += times;
		else
			count_in_list(h, bucket, times);
	}
}

uint64_t small_histogram_percentile(const struct small_histogram *h, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)h->count + 0.999999), seen = 0;
	uint32_t count = h->full ? HISTOGRAM_BUCKETS : h->used;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t bucket = h->full ? i : h->buckets[i] >> 16;
		uint32_t times = h->full ? h->buckets[i] : h->buckets[i] & 0xffff;

		seen += times;
		if (times && seen >= wanted)
			return value_of(bucket) < h->max ? value_of(bucket) : h->max;
	}
	return h->max;
}

void small_histogram_free(struct small_histogram *h)
{
	free(h->buckets);
	*h = (struct small_histogram){ 0 };
}
