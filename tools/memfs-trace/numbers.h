/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * numbers.h - a hash table from numbers to numbers, for keys met once an event.
 *
 * Key 0 is not allowed. A value of 0 is none: it may go when the table grows.
 */
#ifndef MEMFS_TRACE_NUMBERS_H
#define MEMFS_TRACE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct numbers {
	struct number_slot *slots;
	size_t capacity, used;
};

/*
 * Where the value of a key stands, 0 at first; good until the next call. Without memory the
 * program ends.
 */
uint64_t *numbers_at(struct numbers *n, uint64_t key);

/* The value of a key, without making it; 0 = none. */
uint64_t numbers_get(const struct numbers *n, uint64_t key);

void numbers_free(struct numbers *n);

#endif
