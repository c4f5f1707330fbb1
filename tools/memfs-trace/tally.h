/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tally.h - sums of calls by a key: a path, a command, a process.
 *
 * A key is a text and a number, of which either may mean nothing. Without memory the
 * program ends.
 */
#ifndef MEMFS_TRACE_TALLY_H
#define MEMFS_TRACE_TALLY_H

#include <memfs/trace_reader.h>
#include <stddef.h>
#include <stdint.h>

struct tally_sums {
	uint64_t calls, errors;
	uint64_t bytes;  /* given or taken */
	uint64_t ns, max_ns;
};

struct tally_row {
	uint64_t hash, number;
	char *text;
	struct tally_sums sums;
};

/* All zero is an empty one. */
struct tally {
	struct tally_row **rows;  /* in the order in which they came */
	size_t count;
	struct tally_row **slots;
	size_t capacity;          /* of slots: a power of two, or 0 */
	size_t room;              /* of rows */
};

/* The row of a key, new if need be; it stays where it is. */
struct tally_row *tally_get(struct tally *t, const char *text, uint64_t number);

/* NULL if there is none. */
const struct tally_row *tally_find(const struct tally *t, const char *text, uint64_t number);

/* Adds a call to the sums. */
void tally_add(struct tally_sums *sums, const struct trace_event *e);

/* Frees all rows; the tally is empty then. */
void tally_clear(struct tally *t);

#endif
