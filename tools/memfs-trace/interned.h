/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interned.h - names as small numbers: 1, 2, 3... in the order in which they are first met.
 *
 * A name belongs to a parent, which is any number: so paths share what they have in common,
 * and processes of the same name stay apart. Takes some 30 bytes for each, and the name.
 */
#ifndef MEMFS_TRACE_INTERNED_H
#define MEMFS_TRACE_INTERNED_H

#include <stddef.h>
#include <stdint.h>

struct interned;

/* Without memory the program ends. */
struct interned *interned_create(void);
void interned_free(struct interned *n);

/* The number of a name of `length` bytes, a new one if need be. */
uint32_t interned_number(struct interned *n, uint32_t parent, const char *name, size_t length);

/* The parent that a number was given under. */
uint32_t interned_parent(const struct interned *n, uint32_t number);

/* NUL-terminated; stays where it is. */
const char *interned_text(const struct interned *n, uint32_t number);

#endif
