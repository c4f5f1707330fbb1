/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "numbers.h"

#include <stdlib.h>

#include "command.h"

struct number_slot {
	uint64_t key, value; /* key 0 = free */
};

/* The slot of a key, or the free one where it would stand. */
static struct number_slot *find(const struct numbers *n, uint64_t key)
{
	size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (n->capacity - 1);

	while (n->slots[i].key && n->slots[i].key != key)
		i = (i + 1) & (n->capacity - 1);
	return &n->slots[i];
}

static void grow(struct numbers *n)
{
	struct numbers bigger = { .capacity = 64 };
	size_t living = 0;

	for (size_t i = 0; i < n->capacity; i++)
		living += n->slots[i].value != 0;
	while (bigger.capacity < 3 * living)
		bigger.capacity *= 2;
	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		exit(complain("table of keys", "out of memory"));
	for (size_t i = 0; i < n->capacity; i++)
		if (n->slots[i].value)
			*find(&bigger, n->slots[i].key) = n->slots[i];
	bigger.used = living;
	free(n->slots);
	*n = bigger;
}

uint64_t *numbers_at(struct numbers *n, uint64_t key)
{
	struct number_slot *slot;

	if (4 * (n->used + 1) > 3 * n->capacity)
		grow(n);
	slot = find(n, key);
	n->used += slot->key == 0;
	slot->key = key;
	return &slot->value;
}

uint64_t numbers_get(const struct numbers *n, uint64_t key)
{
	return n->capacity ? find(n, key)->value : 0;
}

void numbers_free(struct numbers *n)
{
	free(n->slots);
	*n = (struct numbers){ 0 };
}
