/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "set.h"

#include <stdlib.h>

#include "command.h"

/* Multiplied by the golden ratio, the high bits are spread. */
static uint64_t *find(const struct set *s, uint64_t number)
{
	size_t i = (size_t)((number * 0x9e3779b97f4a7c15u) >> 20) & (s->capacity - 1);

	while (s->slots[i] && s->slots[i] != number)
		i = (i + 1) & (s->capacity - 1);
	return &s->slots[i];
}

static void grow(struct set *s)
{
	struct set bigger = { .capacity = s->capacity ? 2 * s->capacity : 64, .count = s->count };

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		exit(complain("a set of nodes", "out of memory"));
	for (size_t i = 0; i < s->capacity; i++)
		if (s->slots[i])
			*find(&bigger, s->slots[i]) = s->slots[i];
	free(s->slots);
	*s = bigger;
}

void set_add(struct set *s, uint64_t number)
{
	uint64_t *slot;

	if (s->count >= s->capacity / 2)
		grow(s);
	slot = find(s, number);
	s->count += !*slot;
	*slot = number;
}

void set_free(struct set *s)
{
	free(s->slots);
	*s = (struct set){ 0 };
}
