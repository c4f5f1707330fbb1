/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names.h - numbers for names, from 0 in the order in which they were first seen; and small sets of numbers.
 *
 * Without memory the program ends.
 */
#ifndef MEMFS_TRACE_NAMES_H
#define MEMFS_TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"

/* All zero is an empty one. */
struct names {
	struct ids ids;
	size_t count;
};

/* The number of a name; a new one if need be. */
uint32_t names_number(struct names *n, const char *name);

/* The name of a number that names_number() gave; good until names_free(). */
const char *names_text(const struct names *n, uint32_t number);

void names_free(struct names *n);

/* A set of a few numbers, in the order in which they were added. */
struct few {
	uint32_t *numbers; /* NULL while they fit in `first` */
	uint32_t count;
	uint32_t first[3];
};

/* True if it is new. */
bool few_add(struct few *f, uint32_t number);
const uint32_t *few_numbers(const struct few *f);
void few_free(struct few *f);

/*
 * "cc1, as, ld, +2": the names of the first `most` of them, and how many more there are. Returns
 * buf, "" for none.
 */
const char *few_text(const struct few *f, const struct names *n, uint32_t most, char *buf,
		     size_t size);

/* calloc(3), realloc(3) and strdup(3) that end the program, saying so, without memory. */
void *make_zeroed(size_t size);
void *make_bigger(void *memory, size_t size);
char *make_copy(const char *text);

#endif
