/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN 8

static uint64_t round_up(size_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), result = page;

	while (result < size)
		result *= 2;
	return result;
}

/*
 * The same memory twice, one behind the other. Of a shared mapping mremap(2) makes a second one when
 * the old size is 0: so no descriptor is needed, of which there may be none left.
 */
static int map_twice(struct ring *r)
{
	uint8_t *at = mmap(NULL, 2 * r->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -ENOMEM;
	if (mremap(at, 0, r->size, MREMAP_MAYMOVE | MREMAP_FIXED, at + r->size) == MAP_FAILED) {
		munmap(at, 2 * r->size);
		return -ENOMEM;
	}
	r->bytes = at;
	return 0;
}

int ring_init(struct ring *r, size_t size)
{
	*r = (struct ring){ .size = round_up(size) };
	return map_twice(r);
}

void ring_destroy(struct ring *r)
{
	munmap(r->bytes, 2 * r->size);
	r->bytes = NULL;
}

bool ring_has_room(struct ring *r, size_t n)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (head - r->tail_seen + n <= r->size)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head - r->tail_seen + n <= r->size;
}

void *ring_reserve(struct ring *r, size_t n)
{
	if (!ring_has_room(r, n)) {
		atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return NULL;
	}
	return r->bytes + (atomic_load_explicit(&r->head, memory_order_relaxed) & (r->size - 1));
}

bool ring_commit(struct ring *r, size_t n)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	head += (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	/* Sequentially consistent: whoever commits looks at something else next, see recorder.c. */
	atomic_store(&r->head, head);
	if (head - r->tail_seen <= r->size / 2)
		return false;
	/* So it was when the producer last looked; the consumer may have been there since. */
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head - r->tail_seen > r->size / 2;
}

size_t ring_peek(struct ring *r, const uint8_t **bytes)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load(&r->head);

	*bytes = r->bytes + (tail & (r->size - 1));
	return head - tail;
}

void ring_consume(struct ring *r, size_t n)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
}
