/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- bytes -------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

static uint64_t key_of(uint64_t seed, uint64_t file)
{
	return mix(mix(seed + 0x9e3779b97f4a7c15u) ^ file);
}

/*
 * The 8 bytes of each multiple of 8; in the order of a little-endian machine on any. Lighter than mix():
 * whoever writes with this should wait for the filesystem, and not for it.
 */
static uint64_t word_at(uint64_t key, uint64_t index)
{
	uint64_t word = (key ^ index) * 0x9e3779b97f4a7c15u;

	word ^= word >> 32;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* What of a word lies in [offset, offset + size): into buf. Returns how many bytes that are. */
static size_t part_of_word(uint64_t key, uint64_t offset, uint8_t *buf, size_t size)
{
	uint64_t word = word_at(key, offset / 8);
	size_t skip = offset % 8, length = 8 - skip < size ? 8 - skip : size;

	memcpy(buf, (const uint8_t *)&word + skip, length);
	return length;
}

void content_fill(uint64_t seed, uint64_t file, uint64_t offset, void *buf, size_t size)
{
	uint64_t key = key_of(seed, file), index;
	uint8_t *p = buf;
	size_t length;

	if (size && offset % 8) {
		length = part_of_word(key, offset, p, size);
		p += length;
		offset += length;
		size -= length;
	}
	index = offset / 8;
	for (; size >= 8; size -= 8, p += 8, index++) {
		uint64_t word = word_at(key, index);

		memcpy(p, &word, 8);
	}
	if (size)
		part_of_word(key, 8 * index, p, size);
}

bool content_matches(uint64_t seed, uint64_t file, uint64_t offset, const void *buf, size_t size)
{
	uint8_t expected[4096];
	const uint8_t *p = buf;

	while (size) {
		size_t length = size < sizeof(expected) ? size : sizeof(expected);

		content_fill(seed, file, offset, expected, length);
		if (memcmp(p, expected, length) != 0)
			return false;
		p += length;
		offset += length;
		size -= length;
	}
	return true;
}

/* --- ranges ------------------------------------------------------------------- */

/* The first range that ends at `offset` or behind it. */
static size_t find(const struct ranges *r, uint64_t offset)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->list[middle].to < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts `count` ranges in the place of those from `at` to `end`. */
static int replace(struct ranges *r, size_t at, size_t end, const struct range *with, size_t count)
{
	size_t total = r->count - (end - at) + count;

	if (total > r->capacity) {
		size_t capacity = 2 * total;
		struct range *list = realloc(r->list, capacity * sizeof(*list));

		if (!list)
			return -ENOMEM;
		r->list = list;
		r->capacity = capacity;
	}
	if (r->count > end)
		memmove(r->list + at + count, r->list + end, (r->count - end) * sizeof(*r->list));
	if (count)
		memcpy(r->list + at, with, count * sizeof(*with));
	r->count = total;
	return 0;
}

int ranges_add(struct ranges *r, uint64_t from, uint64_t to)
{
	size_t at = find(r, from), end = at;
	struct range joined = { from, to };

	if (from >= to)
		return 0;
	while (end < r->count && r->list[end].from <= to) {
		if (r->list[end].from < joined.from)
			joined.from = r->list[end].from;
		if (r->list[end].to > joined.to)
			joined.to = r->list[end].to;
		end++;
	}
	return replace(r, at, end, &joined, 1);
}

int ranges_remove(struct ranges *r, uint64_t from, uint64_t to)
{
	struct range left[2];
	size_t at = find(r, from), end, count = 0;

	if (from >= to)
		return 0;
	/* One that ends just where this begins stays as it is. */
	at += at < r->count && r->list[at].to == from;
	for (end = at; end < r->count && r->list[end].from < to; end++) {
		if (r->list[end].from < from)
			left[count++] = (struct range){ r->list[end].from, from };
		if (r->list[end].to > to)
			left[count++] = (struct range){ to, r->list[end].to };
	}
	return replace(r, at, end, left, count);
}

uint64_t ranges_piece(const struct ranges *r, uint64_t from, uint64_t to, bool *inside)
{
	size_t at = find(r, from + 1);
	uint64_t end = to;

	*inside = at < r->count && r->list[at].from <= from;
	if (*inside)
		end = r->list[at].to;
	else if (at < r->count)
		end = r->list[at].from;
	return end < to ? end : to;
}

void ranges_free(struct ranges *r)
{
	free(r->list);
	*r = (struct ranges){ 0 };
}
