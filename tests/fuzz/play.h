/* SPDX-License-Identifier: GPL-2.0-or-later */
/* play.h - plays operations on the store and on its model, and compares all that both answer. */
#ifndef MEMFS_TESTS_PLAY_H
#define MEMFS_TESTS_PLAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes a store and a model, does what the bytes say (any bytes say something),
 * compares each result and at the end the whole trees, empties them, and looks
 * whether all was given back. Where the two differ it says so on stderr and
 * aborts. Returns the number of operations.
 */
uint64_t play(const uint8_t *bytes, size_t size);

/* The same with a store whose bytes are in backing files; it must be possible to make one. */
uint64_t play_backed(const uint8_t *bytes, size_t size);

#endif
