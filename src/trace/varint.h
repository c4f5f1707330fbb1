/* SPDX-License-Identifier: GPL-2.0-or-later */
/* varint.h - the numbers of the trace format: LEB128, and zigzag for signed ones. */
#ifndef MEMFS_TRACE_VARINT_H
#define MEMFS_TRACE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 10 /* bytes that one can take */

/* Writes n at p, which has room for VARINT_MAX; returns the byte behind. */
static inline uint8_t *varint_put(uint8_t *p, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		*p++ = (uint8_t)(n | 0x80);
	*p++ = (uint8_t)n;
	return p;
}

/* Reads one at p, below end; returns the byte behind, NULL when it is cut off or too long. */
static inline const uint8_t *varint_get(const uint8_t *p, const uint8_t *end, uint64_t *n)
{
	*n = 0;
	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		*n |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			return p;
	}
	return NULL;
}

static inline uint64_t zigzag(int64_t n)
{
	return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static inline int64_t unzigzag(uint64_t n)
{
	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

#endif
