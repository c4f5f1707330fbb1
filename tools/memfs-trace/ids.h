/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ids.h - gives things small numbers: 1, 2, 3... in the order in which they are first met. */
#ifndef MEMFS_TRACE_IDS_H
#define MEMFS_TRACE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_entry {
	uint64_t hash;
	uint64_t value;     /* the owner's, 0 at first */
	const void *bytes;  /* followed by a NUL */
	size_t size;
};

/* All zero is an empty one. */
struct ids {
	struct id_entry *entries; /* by id, less 1 */
	size_t count, capacity;
	uint32_t *slots;          /* ids, 0 = free */
	size_t slot_count;        /* a power of two */
};

/* The id of these bytes, which are copied if they are new. Without memory the program ends. */
uint32_t ids_get(struct ids *ids, const void *bytes, size_t size, bool *is_new);

/* The id of these bytes, 0 if they have none. */
uint32_t ids_find(const struct ids *ids, const void *bytes, size_t size);

/* What an id stands for. */
static inline struct id_entry *ids_entry(const struct ids *ids, uint32_t id)
{
	return &ids->entries[id - 1];
}

void ids_free(struct ids *ids);

#endif
