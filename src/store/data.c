/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/data.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FANOUT_BITS 6
#define FANOUT (1u << FANOUT_BITS)
#define CHUNK_PAGES (DATA_CHUNK / DATA_PAGE)
#define ALL_PAGES ((1u << CHUNK_PAGES) - 1)

struct chunk {
	uint32_t capacity; /* bytes[] allocated, at most DATA_CHUNK; what lies behind is zero */
	uint32_t pages;    /* a bit for each page that is data */
	uint8_t bytes[];
};

/* A node without any slot in use may stand in the tree, after a failed insertion. */
struct radix {
	void *slot[FANOUT];
};

/* The part of a range that lies in one chunk: bytes [from, to) of it. */
struct piece {
	uint64_t index;
	uint32_t from, to;
};

static const uint8_t zeros[DATA_CHUNK];

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Of at least one byte, as size is in all calls: pages_touched() counts on it, and ready_chunk() on a chunk that is then
 * there. (clang-analyzer does not see that done < size makes size - done more than 0, and calls it an error.)
 */
static struct piece piece_at(uint64_t offset, uint64_t size)
{
	uint32_t from = (uint32_t)(offset % DATA_CHUNK);

	return (struct piece){
		.index = offset / DATA_CHUNK,
		.from = from,
		.to = (uint32_t)min_u64(DATA_CHUNK, from + size),
	};
}

void data_init(struct data *d)
{
	*d = (struct data){ 0 };
}

/* --- the tree ---------------------------------------------------------- */

/* How many chunks a subtree of this height spans; the tree never needs more than 2^47. */
static uint64_t span(unsigned height)
{
	return (uint64_t)1 << (height * FANOUT_BITS);
}

static unsigned slot_at(uint64_t index, unsigned height)
{
	return (unsigned)(index >> ((height - 1) * FANOUT_BITS)) & (FANOUT - 1);
}

static struct chunk *find_chunk(const struct data *d, uint64_t index)
{
	void *at = d->root;

	if (index >= span(d->height))
		return NULL;
	for (unsigned h = d->height; at && h > 0; h--)
		at = ((struct radix *)at)->slot[slot_at(index, h)];
	return at;
}

/* Where the pointer to a chunk stands, with the way there made; NULL without memory. */
static struct chunk **place_of(struct data *d, uint64_t index)
{
	void **at = &d->root;

	for (; index >= span(d->height); d->height++) {
		struct radix *node;

		if (!d->root)
			continue;
		node = calloc(1, sizeof(*node));
		if (!node)
			return NULL;
		node->slot[0] = d->root;
		d->root = node;
	}
	for (unsigned h = d->height; h > 0; h--) {
		if (!*at) {
			*at = calloc(1, sizeof(struct radix));
			if (!*at)
				return NULL;
		}
		at = &((struct radix *)*at)->slot[slot_at(index, h)];
	}
	return (struct chunk **)(void *)at;
}

/* The first chunk with an index of at least *index, below a subtree that begins at base. */
static struct chunk *next_below(void *at, unsigned height, uint64_t base, uint64_t *index)
{
	struct radix *node = at;
	unsigned first = 0;

	if (!at || *index >= base + span(height))
		return NULL;
	if (height == 0) {
		*index = base;
		return at;
	}
	if (*index > base)
		first = slot_at(*index, height);
	for (unsigned i = first; i < FANOUT; i++) {
		struct chunk *c = next_below(node->slot[i], height - 1,
					     base + i * span(height - 1), index);

		if (c)
			return c;
	}
	return NULL;
}

static struct chunk *next_chunk(const struct data *d, uint64_t *index)
{
	return next_below(d->root, d->height, 0, index);
}

static void free_chunk(struct data *d, struct budget *b, struct chunk *c)
{
	d->bytes -= c->capacity;
	d->pages -= (unsigned)__builtin_popcount(c->pages);
	account_give(&b->bytes, c->capacity);
	free(c);
}

/* Frees chunks first..last below *at, and the nodes that become empty. */
static void free_below(struct data *d, struct budget *b, void **at, unsigned height,
		       uint64_t base, uint64_t first, uint64_t last)
{
	struct radix *node = *at;
	bool empty = true;

	if (!node || last < base || first >= base + span(height))
		return;
	if (height == 0) {
		free_chunk(d, b, *at);
		*at = NULL;
		return;
	}
	for (unsigned i = 0; i < FANOUT; i++) {
		free_below(d, b, &node->slot[i], height - 1, base + i * span(height - 1), first,
			   last);
		empty = empty && !node->slot[i];
	}
	if (empty) {
		free(node);
		*at = NULL;
	}
}

static void free_chunks(struct data *d, struct budget *b, uint64_t first, uint64_t last)
{
	free_below(d, b, &d->root, d->height, 0, first, last);
	if (!d->root)
		d->height = 0;
}

void data_destroy(struct data *d, struct budget *b)
{
	free_chunks(d, b, 0, UINT64_MAX);
}

/* --- one chunk --------------------------------------------------------- */

/* The bits of the pages that bytes [from, to) touch. */
static uint32_t pages_touched(uint32_t from, uint32_t to)
{
	uint32_t first = from / DATA_PAGE, last = (to - 1) / DATA_PAGE;

	return (~0u << first) & (~0u >> (31 - last));
}

/* The bits of the pages that lie whole in [from, to). */
static uint32_t pages_within(uint32_t from, uint32_t to)
{
	uint32_t first = (from + DATA_PAGE - 1) / DATA_PAGE, end = to / DATA_PAGE;

	return first < end ? (~0u << first) & ~(~0u << end) : 0;
}

static void mark_pages(struct data *d, struct chunk *c, uint32_t from, uint32_t to)
{
	uint32_t added = pages_touched(from, to) & ~c->pages;

	c->pages |= added;
	d->pages += (unsigned)__builtin_popcount(added);
}

/*
 * Gives the chunk at *place a capacity, made if it is not there. Bytes that
 * are new are zero, but for [from, to), which the caller fills.
 */
static int resize_chunk(struct data *d, struct budget *b, struct chunk **place,
			uint32_t capacity, uint32_t from, uint32_t to)
{
	uint32_t old = *place ? (*place)->capacity : 0;
	struct chunk *c;

	if (capacity > old && !account_take(&b->bytes, capacity - old))
		return -ENOSPC;
	c = realloc(*place, sizeof(*c) + capacity);
	if (!c) {
		if (capacity > old)
			account_give(&b->bytes, capacity - old);
		return -ENOMEM;
	}
	if (!*place)
		c->pages = 0;
	if (capacity < old)
		account_give(&b->bytes, old - capacity);
	else if (from > old)
		memset(c->bytes + old, 0, from - old);
	if (capacity > to && capacity > old)
		memset(c->bytes + (to > old ? to : old), 0, capacity - (to > old ? to : old));
	d->bytes += capacity;
	d->bytes -= old;
	c->capacity = capacity;
	*place = c;
	return 0;
}

/*
 * Makes bytes [from, to) of a chunk writable. A first write gets what it
 * needs and no more; a chunk that grows gets half as much again, so that
 * appending in small pieces copies each byte O(1) times. When the budget
 * ends, *to comes back lower.
 */
static int ready_chunk(struct data *d, struct budget *b, struct chunk **place, uint32_t from,
		       uint32_t *to)
{
	uint32_t old = *place ? (*place)->capacity : 0;
	uint64_t used, limit, left;
	int err;

	if (*to <= old)
		return 0;
	if (old) {
		uint32_t more = (uint32_t)min_u64(DATA_CHUNK, old + old / 2);

		if (more > *to && resize_chunk(d, b, place, more, from, *to) == 0)
			return 0;
	}
	err = resize_chunk(d, b, place, *to, from, *to);
	if (err != -ENOSPC)
		return err;
	used = atomic_load_explicit(&b->bytes.used, memory_order_relaxed);
	limit = atomic_load_explicit(&b->bytes.limit, memory_order_relaxed);
	left = limit > used ? limit - used : 0;
	if (old + left <= from || old + left >= *to)
		return -ENOSPC;
	*to = (uint32_t)(old + left);
	return resize_chunk(d, b, place, *to, from, *to);
}

/* --- bytes ------------------------------------------------------------- */

ssize_t data_write(struct data *d, struct budget *b, uint64_t offset, const void *buf,
		   size_t size)
{
	size_t done = 0;

	while (done < size) {
		struct piece p = piece_at(offset + done, size - done);
		struct chunk **place = place_of(d, p.index);
		uint32_t to = p.to;
		int err = place ? ready_chunk(d, b, place, p.from, &to) : -ENOMEM;

		if (err < 0)
			return done ? (ssize_t)done : err;
		memcpy((*place)->bytes + p.from, (const char *)buf + done, to - p.from);
		mark_pages(d, *place, p.from, to);
		done += to - p.from;
		if (to < p.to)
			break;
	}
	return (ssize_t)done;
}

static int add_iov(struct iovec *iov, int count, const uint8_t *base, size_t size)
{
	iov[count].iov_base = (void *)(uintptr_t)base;
	iov[count].iov_len = size;
	return count + 1;
}

int data_view(const struct data *d, uint64_t offset, size_t size, struct iovec *iov, int max)
{
	size_t done = 0;
	int count = 0;

	while (done < size && count + 2 <= max) {
		struct piece p = piece_at(offset + done, size - done);
		const struct chunk *c = find_chunk(d, p.index);
		uint32_t end = c ? (uint32_t)min_u64(c->capacity, p.to) : 0;

		if (end > p.from)
			count = add_iov(iov, count, c->bytes + p.from, end - p.from);
		else
			end = p.from;
		if (end < p.to)
			count = add_iov(iov, count, zeros, p.to - end);
		done += p.to - p.from;
	}
	return count;
}

/* Gives back the chunks from first on that hold no data page. */
static void free_empty(struct data *d, struct budget *b, uint64_t first)
{
	const struct chunk *c;

	for (uint64_t i = first; (c = next_chunk(d, &i)); i++)
		if (!c->pages)
			free_chunks(d, b, i, i);
}

/* What data_allocate() takes of the budget. */
static uint64_t bytes_missing(const struct data *d, uint64_t offset, uint64_t size)
{
	uint64_t sum = 0;

	for (uint64_t done = 0; done < size;) {
		struct piece p = piece_at(offset + done, size - done);
		const struct chunk *c = find_chunk(d, p.index);
		uint32_t capacity = c ? c->capacity : 0;

		sum += capacity < p.to ? p.to - capacity : 0;
		done += p.to - p.from;
	}
	return sum;
}

/* What does not fit is refused before anything is allocated for it. */
static bool can_fit(const struct data *d, struct budget *b, uint64_t offset, uint64_t size)
{
	uint64_t limit = atomic_load_explicit(&b->bytes.limit, memory_order_relaxed);
	uint64_t used = atomic_load_explicit(&b->bytes.used, memory_order_relaxed);

	if (limit == UINT64_MAX)
		return true;
	if (size > limit && size - limit > d->bytes)
		return false;
	return used <= limit && bytes_missing(d, offset, size) <= limit - used;
}

/* Where the last page ends that is data. */
static uint32_t end_of_pages(const struct chunk *c)
{
	return c->pages ? (32 - (unsigned)__builtin_clz(c->pages)) * DATA_PAGE : 0;
}

/* Gives back what was allocated in a range, and marked as data by nobody yet. */
static void undo_allocate(struct data *d, struct budget *b, uint64_t offset, uint64_t size)
{
	free_empty(d, b, 0);
	for (uint64_t done = 0; done < size;) {
		struct piece p = piece_at(offset + done, size - done);
		struct chunk *c = find_chunk(d, p.index);

		if (c && end_of_pages(c) < c->capacity)
			resize_chunk(d, b, place_of(d, p.index), end_of_pages(c), 0, 0);
		done += p.to - p.from;
	}
}

int data_allocate(struct data *d, struct budget *b, uint64_t offset, uint64_t size)
{
	if (!can_fit(d, b, offset, size))
		return -ENOSPC;
	for (uint64_t done = 0; done < size;) {
		struct piece p = piece_at(offset + done, size - done);
		struct chunk **place = place_of(d, p.index);
		int err = place ? 0 : -ENOMEM;

		if (!err && (!*place || (*place)->capacity < p.to))
			err = resize_chunk(d, b, place, p.to, 0, 0);
		if (err) {
			undo_allocate(d, b, offset, done);
			return err;
		}
		done += p.to - p.from;
	}
	for (uint64_t done = 0; done < size;) {
		struct piece p = piece_at(offset + done, size - done);
		struct chunk *c = find_chunk(d, p.index);

		if (c)
			mark_pages(d, c, p.from, p.to);
		done += p.to - p.from;
	}
	return 0;
}

static void zero_piece(struct chunk *c, struct piece p)
{
	uint32_t end = (uint32_t)min_u64(c->capacity, p.to);

	if (end > p.from)
		memset(c->bytes + p.from, 0, end - p.from);
}

void data_zero(struct data *d, uint64_t offset, uint64_t size)
{
	struct piece p;

	for (uint64_t done = 0; done < size; done += p.to - p.from) {
		struct chunk *c;

		p = piece_at(offset + done, size - done);
		c = find_chunk(d, p.index);
		if (c)
			zero_piece(c, p);
	}
}

static void punch_piece(struct data *d, struct budget *b, struct piece p)
{
	struct chunk *c = find_chunk(d, p.index);
	uint32_t gone;

	if (!c)
		return;
	zero_piece(c, p);
	gone = pages_within(p.from, p.to) & c->pages;
	c->pages &= ~gone;
	d->pages -= (unsigned)__builtin_popcount(gone);
	if (!c->pages)
		free_chunks(d, b, p.index, p.index);
}

void data_punch(struct data *d, struct budget *b, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size, first, last;

	if (size == 0)
		return;
	if (offset % DATA_CHUNK || size < DATA_CHUNK) {
		struct piece p = piece_at(offset, size);

		punch_piece(d, b, p);
		offset += p.to - p.from;
		if (offset >= end)
			return;
	}
	first = offset / DATA_CHUNK;
	last = end / DATA_CHUNK; /* the chunk that the range ends in, or just behind it */
	if (last > first)
		free_chunks(d, b, first, last - 1);
	if (end % DATA_CHUNK)
		punch_piece(d, b, piece_at(last * DATA_CHUNK, end % DATA_CHUNK));
}

uint64_t data_seek_data(const struct data *d, uint64_t size, uint64_t offset)
{
	uint64_t index = offset / DATA_CHUNK;
	uint32_t page = (uint32_t)(offset % DATA_CHUNK) / DATA_PAGE;
	const struct chunk *c;

	for (; (c = next_chunk(d, &index)); index++) {
		uint32_t pages = c->pages;

		if (index == offset / DATA_CHUNK)
			pages &= ~0u << page;
		if (pages) {
			uint64_t at = index * DATA_CHUNK +
				      (unsigned)__builtin_ctz(pages) * (uint64_t)DATA_PAGE;

			return min_u64(size, at > offset ? at : offset);
		}
	}
	return size;
}

uint64_t data_seek_hole(const struct data *d, uint64_t size, uint64_t offset)
{
	while (offset < size) {
		const struct chunk *c = find_chunk(d, offset / DATA_CHUNK);
		uint32_t page = (uint32_t)(offset % DATA_CHUNK) / DATA_PAGE;
		uint32_t holes = c ? ~c->pages & ALL_PAGES & (~0u << page) : ~0u << page;

		if (holes) {
			uint64_t at = offset - offset % DATA_CHUNK +
				      (unsigned)__builtin_ctz(holes) * (uint64_t)DATA_PAGE;

			return min_u64(size, at > offset ? at : offset);
		}
		offset = offset - offset % DATA_CHUNK + DATA_CHUNK;
	}
	return size;
}

void data_trim(struct data *d, struct budget *b, uint64_t size)
{
	uint64_t last = size / DATA_CHUNK;
	uint32_t need = (uint32_t)(size % DATA_CHUNK), kept;
	struct chunk *c = find_chunk(d, last);

	if (!size) {
		free_empty(d, b, 0);
		return;
	}
	if (!c || c->capacity <= need)
		return;
	/* Pages behind the end that fallocate() reserved stay reserved. */
	kept = end_of_pages(c);
	if (kept > (need + DATA_PAGE - 1) / DATA_PAGE * DATA_PAGE)
		need = kept;
	if (need && need < c->capacity)
		resize_chunk(d, b, place_of(d, last), need, need, need);
	else if (!need && !c->pages)
		free_chunks(d, b, last, last);
}

/* --- looking whether all is as it must be ------------------------------------ */

static bool is_zero(const struct chunk *c, uint32_t from, uint32_t to)
{
	to = (uint32_t)min_u64(to, c->capacity);
	return from >= to || memcmp(c->bytes + from, zeros, to - from) == 0;
}

static const char *check_chunk(const struct chunk *c, uint64_t index, uint64_t size)
{
	uint64_t begin = index * DATA_CHUNK;
	uint32_t inside = size > begin ? (uint32_t)min_u64(size - begin, DATA_CHUNK) : 0;

	if (!c->capacity || c->capacity > DATA_CHUNK)
		return "a chunk's capacity is none, or too large";
	if (!c->pages || c->pages & ~ALL_PAGES)
		return "a chunk holds no page, or more than it can";
	if ((31 - (unsigned)__builtin_clz(c->pages)) * DATA_PAGE >= c->capacity)
		return "a page is data, and there is no room for it";
	if (!is_zero(c, inside, DATA_CHUNK))
		return "bytes behind the end are not zero";
	for (uint32_t page = 0; page < CHUNK_PAGES; page++)
		if (!(c->pages & 1u << page) && !is_zero(c, page * DATA_PAGE, (page + 1) * DATA_PAGE))
			return "bytes of a hole are not zero";
	return NULL;
}

const char *data_check(const struct data *d, uint64_t size)
{
	uint64_t bytes = 0, pages = 0;
	const struct chunk *c;

	for (uint64_t i = 0; (c = next_chunk(d, &i)); i++) {
		const char *wrong = check_chunk(c, i, size);

		if (wrong)
			return wrong;
		bytes += c->capacity;
		pages += (unsigned)__builtin_popcount(c->pages);
	}
	if (bytes != d->bytes)
		return "chunks hold other than what was charged";
	return pages == d->pages ? NULL : "the count of pages is wrong";
}
