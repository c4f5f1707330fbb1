/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/node_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "store/node.h"

#define CHUNK_BITS 12
#define CHUNK_SLOTS (1u << CHUNK_BITS)
#define CHUNKS (1u << (32 - CHUNK_BITS))

struct slot {
	_Atomic(struct node *) node; /* NULL = free */
	uint32_t uses;               /* [mutex] nodes it has held, after those that its chunk's base counts */
	uint32_t next_free;          /* [mutex] + 1, in the chunk; 0 = none */
};

/* What is known of so many slots; all [mutex]. */
struct chunk {
	uint32_t base;       /* what the uses of its slots add to */
	uint32_t used;       /* slots from here on are as the kernel made them: zero */
	uint32_t live;       /* slots with a node */
	uint32_t first_free; /* + 1: of those below used; 0 = none */
	uint32_t next;       /* + 1: another chunk with room; 0 = none */
};

/*
 * Slots stand in chunks that never move, so that finding a node takes no lock of the table. Both arrays are address
 * space for 2^32 slots; the kernel gives it memory where it is used. So it is with a chunk: when it has no node left,
 * its memory can go back (MADV_DONTNEED), and who looks there without a lock finds zeros, as in slots never used.
 *
 * Nodes are given slots of the first chunk with room, so only that one can become full, and leave the list.
 */
struct node_table {
	pthread_mutex_t mutex;
	_Atomic(struct slot *) *slots; /* by number of the chunk */
	struct chunk *chunks;
	uint32_t count;     /* [mutex] chunks there are */
	uint32_t with_room; /* [mutex] + 1: the first chunk with a slot to give; 0 = none */
};

static const size_t slots_bytes = CHUNKS * sizeof(void *), chunks_bytes = CHUNKS * sizeof(struct chunk);
static const size_t chunk_bytes = CHUNK_SLOTS * sizeof(struct slot);

static void *reserve(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int node_table_create(struct node_table **out)
{
	struct node_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->mutex, NULL);
	t->slots = reserve(slots_bytes);
	t->chunks = t->slots ? reserve(chunks_bytes) : NULL;
	if (!t->chunks) {
		node_table_destroy(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void node_table_destroy(struct node_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->count; i++)
		munmap(t->slots[i], chunk_bytes);
	if (t->chunks)
		munmap(t->chunks, chunks_bytes);
	if (t->slots)
		munmap(t->slots, slots_bytes);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

/* Wants the mutex, as all below do that take a chunk. */
static struct slot *slots_of(struct node_table *t, uint32_t chunk)
{
	return atomic_load_explicit(&t->slots[chunk], memory_order_relaxed);
}

static void put_first(struct node_table *t, uint32_t chunk)
{
	t->chunks[chunk].next = t->with_room;
	t->with_room = chunk + 1;
}

static bool has_room(const struct chunk *c)
{
	return c->first_free || c->used < CHUNK_SLOTS;
}

static int add_chunk(struct node_table *t)
{
	struct slot *slots;

	if (t->count == CHUNKS)
		return -ENOSPC;
	slots = reserve(chunk_bytes);
	if (!slots)
		return -ENOMEM;
	t->chunks[t->count].used = t->count == 0; /* no node has id 0; the first one made, the root, is 1 */
	atomic_store_explicit(&t->slots[t->count], slots, memory_order_release);
	put_first(t, t->count++);
	return 0;
}

/* A free slot of the first chunk with room, which is there. */
static uint32_t take_slot(struct node_table *t)
{
	uint32_t number = t->with_room - 1, at;
	struct chunk *c = &t->chunks[number];

	if (c->first_free) {
		at = c->first_free - 1;
		c->first_free = slots_of(t, number)[at].next_free;
	} else {
		at = c->used++;
	}
	c->live++;
	if (!has_room(c))
		t->with_room = c->next;
	return number << CHUNK_BITS | at;
}

int node_publish(struct node_table *t, struct node *n)
{
	int err;

	pthread_mutex_lock(&t->mutex);
	err = t->with_room ? 0 : add_chunk(t);
	if (!err) {
		uint32_t index = take_slot(t), chunk = index >> CHUNK_BITS;
		struct slot *slot = &slots_of(t, chunk)[index & (CHUNK_SLOTS - 1)];

		n->id = (node_id)(t->chunks[chunk].base + slot->uses++) << 32 | index;
		atomic_store_explicit(&slot->node, n, memory_order_release);
	}
	pthread_mutex_unlock(&t->mutex);
	return err;
}

struct node *node_table_at(struct node_table *t, uint32_t index)
{
	struct slot *slots = atomic_load_explicit(&t->slots[index >> CHUNK_BITS], memory_order_acquire);

	return slots ? atomic_load_explicit(&slots[index & (CHUNK_SLOTS - 1)].node, memory_order_acquire) : NULL;
}

struct node *node_get(struct node_table *t, node_id id)
{
	struct node *n = node_table_at(t, (uint32_t)id);

	return n && n->id == id ? n : NULL;
}

/* Ids must not repeat: a slot that has given its last one is never used again. */
static bool is_worn_out(const struct chunk *c, const struct slot *slot)
{
	return c->base + slot->uses == UINT32_MAX;
}

void node_unpublish(struct node_table *t, struct node *n)
{
	uint32_t chunk = (uint32_t)n->id >> CHUNK_BITS, at = (uint32_t)n->id & (CHUNK_SLOTS - 1);
	struct chunk *c = &t->chunks[chunk];
	struct slot *slot;

	pthread_mutex_lock(&t->mutex);
	slot = &slots_of(t, chunk)[at];
	atomic_store_explicit(&slot->node, NULL, memory_order_release);
	c->live--;
	if (!is_worn_out(c, slot)) {
		if (!has_room(c))
			put_first(t, chunk);
		slot->next_free = c->first_free;
		c->first_free = at + 1;
	}
	pthread_mutex_unlock(&t->mutex);
}

/* The first chunk is never empty: it has the root. */
static void reclaim_chunk(struct node_table *t, uint32_t chunk)
{
	struct chunk *c = &t->chunks[chunk];
	struct slot *slots = slots_of(t, chunk);
	uint32_t most = 0;

	if (c->live || !c->used)
		return;
	for (uint32_t i = 0; i < c->used; i++)
		if (slots[i].uses > most)
			most = slots[i].uses;
	if (c->base + most == UINT32_MAX || madvise(slots, chunk_bytes, MADV_DONTNEED) != 0)
		return;
	c->base += most;
	c->used = c->first_free = 0;
}

void node_table_reclaim(struct node_table *t)
{
	bool more = true;

	/* Chunk by chunk: nobody waits for long. */
	for (uint32_t chunk = 0; more; chunk++) {
		pthread_mutex_lock(&t->mutex);
		more = chunk < t->count;
		if (more)
			reclaim_chunk(t, chunk);
		pthread_mutex_unlock(&t->mutex);
	}
}

uint32_t node_table_end(struct node_table *t)
{
	uint32_t end;

	pthread_mutex_lock(&t->mutex);
	end = t->count == CHUNKS ? UINT32_MAX : t->count << CHUNK_BITS;
	pthread_mutex_unlock(&t->mutex);
	return end;
}

static const char *check_chunk(struct node_table *t, uint32_t number)
{
	const struct chunk *c = &t->chunks[number];
	const struct slot *slots = slots_of(t, number);
	uint32_t live = 0, free_slots = 0, in_list = 0;

	for (uint32_t i = number == 0; i < CHUNK_SLOTS; i++) {
		const struct node *n = atomic_load(&slots[i].node);

		if (n && n->id != ((node_id)(c->base + slots[i].uses - 1) << 32 | number << CHUNK_BITS | i))
			return "a node stands in another slot than its id says";
		if (i >= c->used && (n || slots[i].uses))
			return "a slot is used that no node was given";
		live += n != NULL;
		free_slots += !n && i < c->used && !is_worn_out(c, &slots[i]);
	}
	for (uint32_t i = c->first_free; i && in_list <= free_slots; i = slots[i - 1].next_free) {
		if (i > c->used || atomic_load(&slots[i - 1].node))
			return "the list of free slots has one that is not free";
		in_list++;
	}
	if (in_list != free_slots)
		return "the list of free slots is not all of them";
	return live == c->live ? NULL : "a chunk of the table counts its nodes wrongly";
}

static const char *check_all(struct node_table *t)
{
	uint32_t room = 0, in_list = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const char *wrong = check_chunk(t, i);

		if (wrong)
			return wrong;
		room += has_room(&t->chunks[i]);
	}
	for (uint32_t i = t->with_room; i && in_list <= room; i = t->chunks[i - 1].next) {
		if (i > t->count || !has_room(&t->chunks[i - 1]))
			return "the list of chunks with room has one without";
		in_list++;
	}
	return in_list == room ? NULL : "the list of chunks with room is not all of them";
}

const char *node_table_check(struct node_table *t)
{
	const char *wrong;

	pthread_mutex_lock(&t->mutex);
	wrong = check_all(t);
	pthread_mutex_unlock(&t->mutex);
	return wrong;
}
