/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failing.h - a memory (and a few things besides) that ends when a test says so.
 *
 * The functions in FAILING_FUNCTIONS of meson.build are wrapped by the linker (--wrap) in all that a
 * test program is linked of, but for shared libraries: there they work as ever. All threads count.
 */
#ifndef MEMFS_TESTS_FAILING_H
#define MEMFS_TESTS_FAILING_H

#include <stdbool.h>
#include <stdint.h>

/* The n-th call from now on fails, alone or with all behind it; 0 = none does. Counts anew. */
void failing_at(uint64_t n, bool all_behind);

/* One call in so many fails, by chance; 0 = none does. */
void failing_randomly(uint32_t one_in, uint64_t seed);

/* Nothing fails any more. Has anything failed since the last of these three? */
bool failing_stop(void);

/* Has anything failed so far? */
bool failing_has(void);

/* Calls since failing_at(). */
uint64_t failing_calls(void);

#endif
