/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sequence of calls in few words: what repeats is written once, with its number,
 *
 *   CREATE (WRITE 64 KiB FSYNC)x64 FLUSH RELEASE
 *
 * and when that is still long, neighbours that differ in size only become (WRITE 4 KiB-1 MiB)x97, and
 * at last all calls that do, wherever they are.
 */
#ifndef WRITE_CALLS_PATTERN_H
#define WRITE_CALLS_PATTERN_H

#include <stdint.h>

#define PATTERN_NO_BYTES UINT64_MAX

struct pattern;

struct pattern *pattern_new(void);
void pattern_free(struct pattern *pattern);

/* The next call; of `bytes`, on `subject` ("" = the file that it is all about). */
void pattern_add(struct pattern *pattern, const char *call, uint64_t bytes, const char *subject);

/* All of it, for the caller to free. */
char *pattern_text(const struct pattern *pattern);

/* "64 KiB", "4107 B": exact. Returns the buffer. */
const char *pattern_bytes(uint64_t bytes, char text[static 32]);

#endif
