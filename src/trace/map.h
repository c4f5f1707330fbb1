/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map.h - a hash table from numbers to pointers. Key 0 is not allowed. */
#ifndef MEMFS_TRACE_MAP_H
#define MEMFS_TRACE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key; /* 0 = free */
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

/* NULL = not there. */
void *map_get(const struct map *m, uint64_t key);

/* Sets or replaces; the old value in *old if there was one. 0 or -ENOMEM. */
int map_set(struct map *m, uint64_t key, void *value, void **old);

/* Takes a key out; its value, NULL if it was not there. */
void *map_remove(struct map *m, uint64_t key);

/* Frees the table, and each value by free_value (NULL = not). */
void map_destroy(struct map *m, void (*free_value)(void *));

#endif
