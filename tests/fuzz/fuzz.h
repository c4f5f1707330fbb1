/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - what the fuzz targets share, and libFuzzer's interface. */
#ifndef MEMFS_TESTS_FUZZ_H
#define MEMFS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program when something is not as it must be: libFuzzer then keeps the input. */
#define fuzz_check(condition, why) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, why); \
			abort(); \
		} \
	} while (0)

/* Each target has the first; the second if random changes of bytes lead nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* libFuzzer's own changes of bytes, in place; returns the new size, at most max. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
