/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/map.h"

#include <errno.h>
#include <stdlib.h>

static size_t home_of(const struct map *m, uint64_t key)
{
	/* Fibonacci hashing: keys are mostly small numbers in a row. */
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (m->capacity - 1);
}

/* The slot of a key, or the free one where it would stand. */
static struct map_slot *find(const struct map *m, uint64_t key)
{
	size_t i = home_of(m, key);

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & (m->capacity - 1);
	return &m->slots[i];
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->capacity ? find(m, key)->value : NULL;
}

static int grow(struct map *m)
{
	struct map bigger = { .capacity = m->capacity ? 2 * m->capacity : 64 };

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->capacity; i++)
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = bigger.slots;
	m->capacity = bigger.capacity;
	return 0;
}

int map_set(struct map *m, uint64_t key, void *value, void **old)
{
	struct map_slot *slot;

	if (m->count + m->count / 2 >= m->capacity && grow(m) < 0)
		return -ENOMEM;
	slot = find(m, key);
	*old = slot->value;
	m->count += slot->key == 0;
	slot->key = key;
	slot->value = value;
	return 0;
}

void *map_remove(struct map *m, uint64_t key)
{
	size_t mask = m->capacity - 1, hole;
	struct map_slot *slot;
	void *value;

	if (!m->capacity || !(slot = find(m, key))->key)
		return NULL;
	value = slot->value;
	hole = (size_t)(slot - m->slots);
	/* Move up what would no longer be found behind the hole. */
	for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		if (((i - home_of(m, m->slots[i].key)) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){ 0 };
	m->count--;
	return value;
}

void map_destroy(struct map *m, void (*free_value)(void *))
{
	for (size_t i = 0; free_value && i < m->capacity; i++)
		if (m->slots[i].key)
			free_value(m->slots[i].value);
	free(m->slots);
	*m = (struct map){ 0 };
}
