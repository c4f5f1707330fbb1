/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interned.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "command.h"

#define CHUNK_SIZE 65536

struct chunk {
	struct chunk *next;
	char bytes[];
};

struct entry {
	uint32_t parent, length;
	char text[];
};

/* With the hash in it, entries that are met on the way need not be looked at. */
struct slot {
	struct entry *entry; /* NULL = free */
	uint32_t hash, number;
};

struct interned {
	struct entry **entries; /* by number, less 1 */
	uint32_t count, capacity;
	struct slot *slots;     /* by hash */
	uint32_t slot_count;    /* a power of two */
	struct chunk *chunks;   /* the entries themselves */
	size_t room;            /* in the first chunk */
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

/* Names are many and never go: they stand one behind the other. */
static struct entry *make_entry(struct interned *n, size_t length)
{
	const size_t align = _Alignof(struct entry);
	size_t size = (sizeof(struct entry) + length + align) & ~(align - 1);
	struct entry *entry;

	if (size > n->room) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		struct chunk *chunk = need(malloc(sizeof(*chunk) + room));

		chunk->next = n->chunks;
		n->chunks = chunk;
		n->next = chunk->bytes;
		n->room = room;
	}
	entry = (struct entry *)(void *)n->next;
	n->next += size;
	n->room -= size;
	return entry;
}

static void grow_slots(struct interned *n)
{
	struct slot *old = n->slots;
	uint32_t old_count = n->slot_count;

	n->slot_count *= 2;
	n->slots = need(calloc(n->slot_count, sizeof(*n->slots)));
	for (uint32_t k = 0; k < old_count; k++) {
		uint32_t i = old[k].hash & (n->slot_count - 1);

		if (!old[k].entry)
			continue;
		while (n->slots[i].entry)
			i = (i + 1) & (n->slot_count - 1);
		n->slots[i] = old[k];
	}
	free(old);
}

static uint32_t add(struct interned *n, struct slot *slot, uint32_t hash, uint32_t parent,
		    const char *name, size_t length)
{
	struct entry *entry = make_entry(n, length);

	entry->parent = parent;
	entry->length = (uint32_t)length;
	memcpy(entry->text, name, length);
	entry->text[length] = '\0';
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? n->capacity + n->capacity / 2 : 64;
		n->entries = need(realloc(n->entries, n->capacity * sizeof(struct entry *)));
	}
	n->entries[n->count++] = entry;
	*slot = (struct slot){ .entry = entry, .hash = hash, .number = n->count };
	if (n->count > n->slot_count / 2)
		grow_slots(n);
	return n->count;
}

uint32_t interned_number(struct interned *n, uint32_t parent, const char *name, size_t length)
{
	uint32_t hash = hash_of(parent, name, length), i = hash & (n->slot_count - 1);
	const struct entry *e;

	for (; (e = n->slots[i].entry); i = (i + 1) & (n->slot_count - 1))
		if (n->slots[i].hash == hash && e->parent == parent && e->length == length &&
		    memcmp(e->text, name, length) == 0)
			return n->slots[i].number;
	return add(n, &n->slots[i], hash, parent, name, length);
}

uint32_t interned_parent(const struct interned *n, uint32_t number)
{
	return n->entries[number - 1]->parent;
}

const char *interned_text(const struct interned *n, uint32_t number)
{
	return n->entries[number - 1]->text;
}
