/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * INTERN_MAX)

int intern_init(struct intern *t)
{
	/* calloc() of this size is fresh memory of the kernel's: what is not used costs nothing. */
	t->slots = calloc(SLOTS, sizeof(*t->slots));
	t->count = 0;
	return t->slots ? 0 : -ENOMEM;
}

void intern_destroy(struct intern *t)
{
	free(t->slots);
	t->slots = NULL;
}

void intern_reset(struct intern *t)
{
	memset(t->slots, 0, SLOTS * sizeof(*t->slots));
	t->count = 0;
}

enum intern_result intern_name(struct intern *t, const char *name, size_t length, uint32_t *id)
{
	XXH128_hash_t hash = XXH3_128bits(name, length);
	uint32_t i = (uint32_t)hash.low64 & (SLOTS - 1);

	for (; t->slots[i].id_plus_1; i = (i + 1) & (SLOTS - 1)) {
		if (XXH128_isEqual(t->slots[i].hash, hash)) {
			*id = t->slots[i].id_plus_1 - 1;
			return INTERN_KNOWN;
		}
	}
	if (t->count == INTERN_MAX)
		return INTERN_FULL;
	*id = t->count++;
	t->slots[i] = (struct intern_slot){ .hash = hash, .id_plus_1 = *id + 1 };
	return INTERN_NEW;
}
