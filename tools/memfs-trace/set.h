/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set.h - a set of numbers: which nodes have been seen. */
#ifndef MEMFS_TRACE_SET_H
#define MEMFS_TRACE_SET_H

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. */
struct set {
	uint64_t *slots;  /* 0 = free */
	size_t capacity;  /* a power of two, or 0 */
	size_t count;
};

/* Adds a number other than 0, if it is not there. Without memory the program ends. */
void set_add(struct set *s, uint64_t number);

void set_free(struct set *s);

#endif
