/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h - gathers records into checksummed blocks and writes those to the file.
 *
 * Used by the writer thread alone. An error of the file is kept, and from
 * then on nothing more is written: the recorder goes on counting.
 */
#ifndef MEMFS_TRACE_BLOCK_H
#define MEMFS_TRACE_BLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <memfs/trace_format.h>

struct block_writer {
	int fd;
	_Atomic int error;         /* first errno, 0 = none */
	_Atomic uint64_t written;  /* bytes in the file */
	uint64_t sequence;
	uint64_t lost;             /* goes into each header; the owner keeps it up */
	uint32_t events;
	uint64_t first_ns, last_ns, previous_ns;
	size_t used;               /* of bytes[], header included */
	uint8_t bytes[TRACE_BLOCK_MAX];
};

/* Writes the file header. The descriptor stays the caller's. */
void block_writer_init(struct block_writer *w, int fd);

/* Room for a record with a body of at most max bytes; a full block is written first. */
uint8_t *block_record_begin(struct block_writer *w, size_t max);

/* The body is written up to `end`: puts type and length before it. */
void block_record_end(struct block_writer *w, enum trace_record_type type, const uint8_t *end);

/* Notes the start of the event whose record is being made; returns it relative to the last one. */
int64_t block_event_start(struct block_writer *w, uint64_t start_ns);

/* Writes what there is as a block, if there is anything. */
void block_writer_flush(struct block_writer *w);

#endif
