/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks.h - finds the good blocks in a file, and passes over what is not one. */
#ifndef MEMFS_TRACE_BLOCKS_H
#define MEMFS_TRACE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <memfs/trace_blocks.h>
#include <memfs/trace_format.h>

struct block_reader {
	int fd;
	uint16_t minor;       /* version of the file */
	/* Told of what is passed over, piece by piece, with what was wrong at its start. NULL = nobody. */
	void (*passed)(void *context, uint64_t offset, uint64_t bytes, enum trace_fault fault);
	void *context;
	uint64_t offset;      /* of the next block */
	uint64_t sequence;    /* that it should have */
	uint64_t blocks, gaps, gap_bytes, lost;
	bool in_gap;          /* bytes before offset were passed over */
	uint64_t torn;        /* bytes of a block that is not all there, when the end was met */
	struct trace_block_header header;
	uint8_t bytes[TRACE_BLOCK_MAX];
	const uint8_t *payload, *end;
};

/* Bytes read, fewer only at the end of the file; or a negative errno. */
ssize_t block_read_at(int fd, void *buf, size_t size, uint64_t offset);

/*
 * Empties b and checks the file header. 0, or a negative errno with *why. The descriptor stays the
 * caller's. After -EPROTO b may be used all the same, to look for blocks behind a damaged header.
 */
int block_reader_init(struct block_reader *b, int fd, const char **why);

/*
 * The next good block into header, payload and end. 1; 0 when there is none
 * (yet): a file that grows may be asked again; or a negative errno.
 */
int block_reader_next(struct block_reader *b);

/*
 * Where in the payload of the block that was read the records end: its end, or the first record that
 * does not fit. *events counts the events before.
 */
const uint8_t *block_reader_records(const struct block_reader *b, uint32_t *events);

#endif
