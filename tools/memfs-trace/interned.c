/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interned.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "command.h"

#define CHUNK_SIZE 65536

struct chunk {
	struct chunk *next;
	char text[];
};

struct entry {
	const char *text;
	uint32_t parent, hash;
};

struct interned {
	struct entry *entries; /* by number, less 1 */
	uint32_t count, capacity;
	uint32_t *slots;       /* numbers by hash; 0 = free */
	uint32_t slot_count;   /* a power of two */
	struct chunk *chunks;  /* the bytes of the names */
	size_t room;           /* in the first chunk */
	char *next;
};

static void *need(void *memory)
{
	if (!memory)
		exit(complain("table of names", "out of memory"));
	return memory;
}

struct interned *interned_create(void)
{
	struct interned *n = need(calloc(1, sizeof(*n)));

	n->slot_count = 256;
	n->slots = need(calloc(n->slot_count, sizeof(*n->slots)));
	return n;
}

void interned_free(struct interned *n)
{
	while (n->chunks) {
		struct chunk *next = n->chunks->next;

		free(n->chunks);
		n->chunks = next;
	}
	free(n->entries);
	free(n->slots);
	free(n);
}

static uint32_t hash_of(uint32_t parent, const char *name, size_t length)
{
	return (uint32_t)XXH3_64bits_withSeed(name, length, parent);
}

static const char *keep(struct interned *n, const char *name, size_t length)
{
	char *text;

	if (length + 1 > n->room) {
		size_t size = length + 1 > CHUNK_SIZE ? length + 1 : CHUNK_SIZE;
		struct chunk *chunk = need(malloc(sizeof(*chunk) + size));

		chunk->next = n->chunks;
		n->chunks = chunk;
		n->next = chunk->text;
		n->room = size;
	}
	text = n->next;
	memcpy(text, name, length);
	text[length] = '\0';
	n->next += length + 1;
	n->room -= length + 1;
	return text;
}

static void grow_slots(struct interned *n)
{
	n->slot_count *= 2;
	free(n->slots);
	n->slots = need(calloc(n->slot_count, sizeof(*n->slots)));
	for (uint32_t number = 1; number <= n->count; number++) {
		uint32_t i = n->entries[number - 1].hash & (n->slot_count - 1);

		while (n->slots[i])
			i = (i + 1) & (n->slot_count - 1);
		n->slots[i] = number;
	}
}

static uint32_t add(struct interned *n, uint32_t parent, uint32_t hash, const char *name, size_t length)
{
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? n->capacity + n->capacity / 2 : 64;
		n->entries = need(realloc(n->entries, n->capacity * sizeof(*n->entries)));
	}
	n->entries[n->count] = (struct entry){
		.text = keep(n, name, length),
		.parent = parent,
		.hash = hash,
	};
	return ++n->count;
}

uint32_t interned_number(struct interned *n, uint32_t parent, const char *name, size_t length)
{
	uint32_t hash = hash_of(parent, name, length), i = hash & (n->slot_count - 1);

	for (; n->slots[i]; i = (i + 1) & (n->slot_count - 1)) {
		const struct entry *e = &n->entries[n->slots[i] - 1];

		if (e->hash == hash && e->parent == parent && strncmp(e->text, name, length) == 0 &&
		    !e->text[length])
			return n->slots[i];
	}
	n->slots[i] = add(n, parent, hash, name, length);
	if (n->count > n->slot_count / 3 * 2)
		grow_slots(n);
	return n->count;
}

uint32_t interned_parent(const struct interned *n, uint32_t number)
{
	return n->entries[number - 1].parent;
}

const char *interned_text(const struct interned *n, uint32_t number)
{
	return n->entries[number - 1].text;
}
