/* SPDX-License-Identifier: GPL-2.0-or-later */
/* size.h - sizes as people write them: 512m, 2g, 50%. */
#ifndef MEMFS_SIZE_H
#define MEMFS_SIZE_H

#include <stdint.h>

/* Bytes of memory of this machine, 0 = not known. */
uint64_t size_of_memory(void);

/*
 * A whole number with k, m, g, t, p, e behind it for powers of 1024, or with %
 * of `whole` (0 = not allowed). Returns NULL, or what is wrong with it.
 */
const char *size_parse(const char *text, uint64_t whole, uint64_t *out);

#endif
