/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN 8
#define LAP_MIN (64u << 10) /* bytes, after which a ring that is empty begins a new lap */

static uint64_t round_up(size_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), result = page;

	while (result < size)
		result *= 2;
	return result;
}

static uint64_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

int ring_init(struct ring *r, size_t size)
{
	*r = (struct ring){ .size = round_up(size), .gap = UINT64_MAX };
	r->lap_min = r->size / 8 < LAP_MIN ? r->size / 8 : LAP_MIN;
	/* Of pages that are first written to: the memory of an idle worker is none. */
	r->bytes = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r->bytes == MAP_FAILED ? -ENOMEM : 0;
}

void ring_destroy(struct ring *r)
{
	munmap(r->bytes, r->size);
	r->bytes = NULL;
}

/*
 * Where an entry of n bytes would begin: at head, or behind the gap that it would leave. That is also where an empty
 * ring begins anew, on pages that were written to before: else all pages would be in use after one lap.
 */
static uint64_t place(const struct ring *r, uint64_t head, uint64_t n)
{
	uint64_t used = head & (r->size - 1), left = r->size - used;

	if (n > left || (head == r->tail_seen && used >= r->lap_min && n <= used))
		return head + left;
	return head;
}

/* What lies before the lap that began in an empty ring is taken, whether the consumer has noticed the new lap or not. */
static void look_at_tail(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

	r->tail_seen = tail > r->lap ? tail : r->lap;
}

bool ring_has_room(struct ring *r, size_t size)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t n = aligned(size);

	if (n > r->size / 2) /* with a gap before it, it might never fit */
		return false;
	if ((head & (r->size - 1)) >= r->lap_min)
		look_at_tail(r);
	if (place(r, head, n) + n - r->tail_seen <= r->size)
		return true;
	look_at_tail(r);
	return place(r, head, n) + n - r->tail_seen <= r->size;
}

void *ring_reserve(struct ring *r, size_t n)
{
	if (!ring_has_room(r, n)) {
		atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return NULL;
	}
	r->reserved = place(r, atomic_load_explicit(&r->head, memory_order_relaxed), aligned(n));
	return r->bytes + (r->reserved & (r->size - 1));
}

bool ring_commit(struct ring *r, size_t n)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (r->reserved != head)
		atomic_store_explicit(&r->gap, head, memory_order_relaxed);
	if (r->reserved != head && r->tail_seen == head)
		r->lap = r->tail_seen = r->reserved;
	head = r->reserved + aligned(n);
	/* Sequentially consistent: whoever commits looks at something else next, see recorder.c. */
	atomic_store(&r->head, head);
	if (head - r->tail_seen <= r->size / 2)
		return false;
	/* So it was when the producer last looked; the consumer may have been there since. */
	look_at_tail(r);
	return head - r->tail_seen > r->size / 2;
}

size_t ring_peek(struct ring *r, const uint8_t **bytes)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load(&r->head);
	uint64_t gap = atomic_load_explicit(&r->gap, memory_order_relaxed);
	uint64_t lap_end = (tail | (r->size - 1)) + 1;

	if (tail == gap && tail != head) {
		tail = lap_end;
		lap_end += r->size;
		atomic_store_explicit(&r->tail, tail, memory_order_release);
	} else if (gap >= tail && gap < head) {
		lap_end = gap;
	}
	*bytes = r->bytes + (tail & (r->size - 1));
	return (head < lap_end ? head : lap_end) - tail;
}

void ring_consume(struct ring *r, size_t n)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
}
