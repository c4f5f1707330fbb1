/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * data.h - the bytes of one file.
 *
 * A file is cut into chunks of 64 KiB, each allocated when it is first
 * written and only as long as what it holds: a file of 3,000 bytes takes
 * 3,000. A missing chunk is a hole. Chunks hang in a radix tree of 64-way
 * nodes, as high as the last chunk needs:
 *
 *   height 0:  root -> chunk 0                         (up to 64 KiB)
 *   height 1:  root -> node -> chunks 0..63            (up to 4 MiB)
 *   height 2:  root -> node -> nodes -> chunks 0..4095 (up to 256 MiB) ...
 *
 * so growing a file never copies what it holds, but for the last chunk while
 * that is short, and a file of 8 EiB that is all hole costs nothing.
 *
 * Invariant: bytes of a chunk that were never written, were cut off or
 * punched out are zero; so extending a file needs no clearing. A bit for each
 * 4 KiB page of a chunk says whether it is data or hole.
 *
 * All functions want the node's lock (nodes[] in lock.h): to change, for
 * writing. The size of the file is the node's business, not kept here.
 */
#ifndef MEMFS_STORE_DATA_H
#define MEMFS_STORE_DATA_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "store/budget.h"

#define DATA_CHUNK 65536u
#define DATA_PAGE 4096u

struct data {
	void *root;       /* a chunk, or a radix node when height > 0 */
	uint64_t bytes;   /* allocated in chunks: what the budget was charged */
	uint64_t pages;   /* pages that are data, for st_blocks */
	unsigned height;
};

/* An empty file; it has no memory yet. data_destroy() gives all back, to the budget too. */
void data_init(struct data *d);
void data_destroy(struct data *d, struct budget *b);

/*
 * Copies bytes in. Returns how many: fewer when budget or memory ended in
 * between, -ENOSPC or -ENOMEM when none went in.
 */
ssize_t data_write(struct data *d, struct budget *b, uint64_t offset, const void *buf,
		   size_t size);

/* Points iov at the bytes of a range, holes at zeros. Returns the number of iov used; covers
 * as much of the range as max iov can: one a chunk, two where a chunk is short. */
int data_view(const struct data *d, uint64_t offset, size_t size, struct iovec *iov, int max);

/* Makes the range data, zeros where it was hole. All or nothing; -ENOSPC, -ENOMEM. */
int data_allocate(struct data *d, struct budget *b, uint64_t offset, uint64_t size);

/* Zeros where there is data in the range; it stays data. */
void data_zero(struct data *d, uint64_t offset, uint64_t size);

/* Makes the range a hole; whole pages are given back. */
void data_punch(struct data *d, struct budget *b, uint64_t offset, uint64_t size);

/* The first offset from here on, below size, that is data (hole); size if none. */
uint64_t data_seek_data(const struct data *d, uint64_t size, uint64_t offset);
uint64_t data_seek_hole(const struct data *d, uint64_t size, uint64_t offset);

/* Cuts the last chunk's allocation to what a file of this size needs. */
void data_trim(struct data *d, struct budget *b, uint64_t size);

/*
 * Looks whether all that is said above holds, for a file of this size: sums of bytes and pages, sizes of chunks,
 * zeros where nothing was written. NULL, or what is wrong.
 */
const char *data_check(const struct data *d, uint64_t size);

#endif
