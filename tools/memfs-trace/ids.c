/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ids.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "command.h"

#define FIRST_CAPACITY 16 /* many tables stay small */

static void *need(void *memory)
{
	if (!memory)
		exit(complain("table of ids", "out of memory"));
	return memory;
}

/* Half of the slots at most are taken, so there always is a free one. */
static uint32_t *find_slot(const struct ids *ids, uint64_t hash, const void *bytes, size_t size)
{
	size_t mask = ids->slot_count - 1, i = hash & mask;

	for (; ids->slots[i]; i = (i + 1) & mask) {
		const struct id_entry *e = ids_entry(ids, ids->slots[i]);

		if (e->hash == hash && e->size == size && memcmp(e->bytes, bytes, size) == 0)
			break;
	}
	return &ids->slots[i];
}

static void grow(struct ids *ids)
{
	ids->capacity = ids->capacity ? 2 * ids->capacity : FIRST_CAPACITY;
	if (ids->capacity > UINT32_MAX / 4)
		need(NULL);
	ids->slot_count = 2 * ids->capacity;
	ids->entries = need(realloc(ids->entries, ids->capacity * sizeof(*ids->entries)));
	free(ids->slots);
	ids->slots = need(calloc(ids->slot_count, sizeof(*ids->slots)));
	for (size_t i = 0; i < ids->count; i++) {
		const struct id_entry *e = &ids->entries[i];

		*find_slot(ids, e->hash, e->bytes, e->size) = (uint32_t)(i + 1);
	}
}

uint32_t ids_find(const struct ids *ids, const void *bytes, size_t size)
{
	return ids->count ? *find_slot(ids, XXH3_64bits(bytes, size), bytes, size) : 0;
}

uint32_t ids_get(struct ids *ids, const void *bytes, size_t size, bool *is_new)
{
	uint64_t hash = XXH3_64bits(bytes, size);
	uint32_t *slot;
	char *copy;

	if (ids->count == ids->capacity)
		grow(ids);
	slot = find_slot(ids, hash, bytes, size);
	*is_new = !*slot;
	if (*slot)
		return *slot;
	copy = need(malloc(size + 1));
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	ids->entries[ids->count++] = (struct id_entry){ .hash = hash, .bytes = copy, .size = size };
	*slot = (uint32_t)ids->count;
	return *slot;
}

void ids_free(struct ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		free((void *)(uintptr_t)ids->entries[i].bytes);
	free(ids->entries);
	free(ids->slots);
	*ids = (struct ids){ 0 };
}
