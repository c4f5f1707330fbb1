/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_blocks.h - looks at a trace as blocks: which of them are whole, and saves those.
 *
 * For who reads events, trace_reader.h is enough: it passes over damage by itself.
 */
#ifndef MEMFS_TRACE_BLOCKS_PUBLIC_H
#define MEMFS_TRACE_BLOCKS_PUBLIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum trace_fault {
	TRACE_FAULT_NONE,     /* a good block */
	TRACE_FAULT_MAGIC,    /* no block begins where one should */
	TRACE_FAULT_LENGTH,   /* its length is more than a block may have, or than is there */
	TRACE_FAULT_CHECKSUM, /* its checksum is another */
	TRACE_FAULT_TORN,     /* the file ends within it: still being written, or cut off */
	TRACE_FAULT_SEQUENCE, /* blocks are missing here, and have left no bytes */
	TRACE_FAULT_RECORDS,  /* a good checksum, but records that do not fit into it, or not as
				 many events as it says: written wrong */
};

/* A block, or a place where there should be one. */
struct trace_block {
	enum trace_fault fault;
	uint64_t offset, length; /* bytes in the file, header included; 0 long where blocks are missing */
	uint64_t sequence;       /* the number that it should have */
	uint64_t found;          /* the one it has: not the same with TRACE_FAULT_SEQUENCE */
	/* Of a good one: */
	uint32_t events;
	uint64_t first_ns, last_ns, lost; /* as its header says */
};

/*
 * Tells of each block and of each fault, in the order of the file; of a whole file without
 * faults the blocks lie side by side. Returns 0, or a negative errno with *why (static text) as trace_open().
 */
int trace_scan(const char *path, void (*each)(void *context, const struct trace_block *block),
	       void *context, const char **why);

struct trace_recovery {
	uint64_t blocks;      /* saved */
	uint64_t gaps;        /* places where something was damaged or missing */
	uint64_t gap_bytes;   /* passed over there, or in blocks behind a record that does not fit */
	uint64_t missing;     /* numbers of blocks that are not there, as far as the last one saved */
	bool header_damaged;  /* the file's own: taken for one of this version */
	bool out_failed;      /* an error was one of `out` */
};

/*
 * Writes the good blocks of a file to the descriptor `out`, as a trace without damage: numbered anew, and where
 * something was missing with META records that say so ("recovered.blocks", "recovered.gaps",
 * "recovered.gap_bytes", "recovered.missing"), by which readers know that it is not complete. Where the numbers
 * of names may have begun anew in a gap, names of before are forgotten there rather than mistaken. Returns 0, or a
 * negative errno with *why: -EPROTO also for a file without a good block.
 */
int trace_recover(const char *path, int out, struct trace_recovery *recovery, const char **why);

#ifdef __cplusplus
}
#endif

#endif
