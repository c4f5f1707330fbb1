/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 1024u /* slots; always a power of two */

static int set_capacity(struct intern *t, uint32_t capacity)
{
	t->slots = calloc(capacity, sizeof(*t->slots));
	t->capacity = t->slots ? capacity : 0;
	return t->slots ? 0 : -ENOMEM;
}

int intern_init(struct intern *t)
{
	t->count = 0;
	return set_capacity(t, CAPACITY_MIN);
}

void intern_destroy(struct intern *t)
{
	free(t->slots);
	t->slots = NULL;
}

void intern_reset(struct intern *t)
{
	memset(t->slots, 0, t->capacity * sizeof(*t->slots));
	t->count = 0;
}

/* The slot of a hash, or the free one where it would be. */
static struct intern_slot *find(const struct intern *t, XXH128_hash_t hash)
{
	uint32_t i = (uint32_t)hash.low64 & (t->capacity - 1);

	while (t->slots[i].id_plus_1 && !XXH128_isEqual(t->slots[i].hash, hash))
		i = (i + 1) & (t->capacity - 1);
	return &t->slots[i];
}

static int grow(struct intern *t)
{
	struct intern old = *t;

	if (set_capacity(t, 2 * old.capacity) < 0) {
		*t = old;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old.capacity; i++)
		if (old.slots[i].id_plus_1)
			*find(t, old.slots[i].hash) = old.slots[i];
	free(old.slots);
	return 0;
}

bool intern_reserve(struct intern *t, uint32_t n)
{
	if (t->count + n > INTERN_MAX)
		return false;
	/* Without memory for more it may get fuller, but never full: a search ends at a free slot. */
	return 2 * (t->count + n) <= t->capacity || grow(t) == 0 || t->count + n < t->capacity;
}

bool intern_name(struct intern *t, const char *name, size_t length, uint32_t *id)
{
	XXH128_hash_t hash = XXH3_128bits(name, length);
	struct intern_slot *slot = find(t, hash);

	if (slot->id_plus_1) {
		*id = slot->id_plus_1 - 1;
		return false;
	}
	*id = t->count++;
	*slot = (struct intern_slot){ .hash = hash, .id_plus_1 = *id + 1 };
	return true;
}
