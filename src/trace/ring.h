/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - the way from one worker thread to the writer thread.
 *
 * One producer (the worker), one consumer (the writer), and between them a
 * ring of bytes, in which entries of any length stand one behind the other:
 *
 *            tail                      head
 *             v                         v
 *   [ . . . . | entry | entry | entry   | . . . . ]
 *             consumer takes here       producer adds here
 *
 * head and tail only grow; a position is taken modulo the size. The producer
 * alone stores head (after the bytes), the consumer alone stores
 * tail (release, after it is done with the bytes). So each sees whole entries
 * only, and neither ever waits. The buffer is mapped twice in a row, so that
 * an entry that runs over the end still lies in one piece.
 *
 * A full ring drops the entry and counts it.
 */
#ifndef MEMFS_TRACE_RING_H
#define MEMFS_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	/* the producer's */
	_Alignas(64) _Atomic uint64_t head;
	uint64_t tail_seen;    /* what the producer last knew of tail */
	_Atomic uint64_t lost;
	/* the consumer's */
	_Alignas(64) _Atomic uint64_t tail;
	/* constant */
	_Alignas(64) uint8_t *bytes;
	uint64_t size;
};

/* The size is rounded up to a power of two of pages. 0 or a negative errno. */
int ring_init(struct ring *r, size_t size);
void ring_destroy(struct ring *r);

/* Room for an entry of n bytes, or NULL (counted as lost). Producer. */
void *ring_reserve(struct ring *r, size_t n);

/* Would ring_reserve(n) succeed? Producer; counts nothing. */
bool ring_has_room(struct ring *r, size_t n);

/* Hands the bytes reserved over; true while the ring is more than half full. Producer. */
bool ring_commit(struct ring *r, size_t n);

/* All that is there now: its length, and where it begins. Consumer. */
size_t ring_peek(struct ring *r, const uint8_t **bytes);

/* Gives n bytes back. Consumer. */
void ring_consume(struct ring *r, size_t n);

#endif
