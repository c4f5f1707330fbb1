/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intern.h - gives each name a number, so that it is written once.
 *
 * Names are told apart by their XXH3-128, not by their bytes: two names of one
 * hash are not to be expected in the lifetime of this universe. With INTERN_MAX
 * names, or without memory for more, all is forgotten and numbers begin anew:
 * memory stays bounded whatever programs do.
 */
#ifndef MEMFS_TRACE_INTERN_H
#define MEMFS_TRACE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

#define INTERN_MAX (1u << 18) /* names known at a time */

struct intern_slot {
	XXH128_hash_t hash;
	uint32_t id_plus_1; /* 0 = free */
};

struct intern {
	struct intern_slot *slots;
	uint32_t capacity; /* of slots */
	uint32_t count;
};

/* 0 or -ENOMEM. */
int intern_init(struct intern *t);
void intern_destroy(struct intern *t);

/* Makes room for n more names. False when there is none to be had: intern_reset() makes some. */
bool intern_reserve(struct intern *t, uint32_t n);

/* The number of a name, for which there must be room. True if the name is new. */
bool intern_name(struct intern *t, const char *name, size_t length, uint32_t *id);

/* Forgets all names. */
void intern_reset(struct intern *t);

#endif
