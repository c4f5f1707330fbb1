/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_content.h - bytes for files whose own are not known: always the same ones, at each place.
 *
 * Which byte stands where is a function of a seed, a file's number and the offset alone: so
 * any piece can be written and checked by itself.
 */
#ifndef MEMFS_TRACE_REPLAY_CONTENT_H
#define MEMFS_TRACE_REPLAY_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void content_fill(uint64_t seed, uint64_t file, uint64_t offset, void *buf, size_t size);

/* Are these the bytes? */
bool content_matches(uint64_t seed, uint64_t file, uint64_t offset, const void *buf, size_t size);

/* Which parts of a file hold them: pieces that neither overlap nor touch, in order. */
struct ranges {
	struct range {
		uint64_t from, to; /* `to` is behind the last byte */
	} *list;
	size_t count, capacity;
};

/* 0 or -ENOMEM. */
int ranges_add(struct ranges *r, uint64_t from, uint64_t to);
int ranges_remove(struct ranges *r, uint64_t from, uint64_t to);

/*
 * The piece that begins at `from`: sets *inside to whether it is in the ranges, and returns its end,
 * at most `to`.
 */
uint64_t ranges_piece(const struct ranges *r, uint64_t from, uint64_t to, bool *inside);

void ranges_free(struct ranges *r);

#endif
