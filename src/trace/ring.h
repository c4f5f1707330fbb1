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
 * only, and neither ever waits. An entry lies in one piece: where what is left
 * until the end of the buffer is too short for it, that is left out, and gap
 * says from which position on. One such position is enough: the next one comes
 * a whole buffer later, when the consumer must be past this one.
 *
 * An empty ring leaves such a gap, too, and begins at the start of the buffer again. So it keeps to the pages that
 * are in use already, as many as it takes until the consumer comes, and does not go through all of its memory.
 *
 * A full ring drops the entry and counts it; so it does with one of more than half its size.
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
	uint64_t lap;          /* where the last lap began that began in an empty ring */
	uint64_t reserved;     /* where the entry begins that was reserved last */
	_Atomic uint64_t gap;  /* from here to the end of the buffer is nothing; stored before head */
	_Atomic uint64_t lost;
	/* the consumer's */
	_Alignas(64) _Atomic uint64_t tail;
	/* constant */
	_Alignas(64) uint8_t *bytes;
	uint64_t size;
	uint64_t lap_min;      /* an empty ring begins a new lap when this much of the last one was used */
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

/*
 * What is there now in one piece, from the oldest on: its length (0 = the ring is empty) and where it
 * begins. Consumer. All that is there is in two pieces at most.
 */
size_t ring_peek(struct ring *r, const uint8_t **bytes);

/* Gives n bytes back. Consumer. */
void ring_consume(struct ring *r, size_t n);

#endif
