/* SPDX-License-Identifier: GPL-2.0-or-later */
/* made.h - traces that are made by hand, byte by byte, with checksums that are right. */
#ifndef MEMFS_TESTS_MADE_H
#define MEMFS_TESTS_MADE_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <memfs/trace_format.h>
#include <memfs/trace_ops.h>
#include <xxhash.h>

#include "trace/varint.h"
#include "unit.h"

#define MADE_HEADER sizeof(struct trace_block_header)

/* A file that grows in memory. */
struct made {
	uint8_t bytes[1 << 20];
	size_t size;
	size_t block;      /* where the block that is being made begins */
	uint64_t sequence; /* that it gets */
	uint32_t events;   /* that it says it has */
	uint64_t clock_ns, previous_ns; /* of all, in this block */
};

static inline void made_file(struct made *m)
{
	struct trace_file_header header = {
		.magic = TRACE_FILE_MAGIC, .major = TRACE_VERSION_MAJOR, .header_size = sizeof(header),
	};

	*m = (struct made){ .size = sizeof(header) };
	memcpy(m->bytes, &header, sizeof(header));
}

static inline void made_block(struct made *m)
{
	m->block = m->size;
	m->size += MADE_HEADER;
	m->events = 0;
	m->previous_ns = 0;
}

static inline void made_bytes(struct made *m, const void *bytes, size_t size)
{
	memcpy(m->bytes + m->size, bytes, size);
	m->size += size;
}

static inline void made_record(struct made *m, enum trace_record_type type, const void *body, size_t size)
{
	uint8_t head[1 + VARINT_MAX] = { type }, *end = varint_put(head + 1, size);

	made_bytes(m, head, (size_t)(end - head));
	made_bytes(m, body, size);
	m->events += type == TRACE_RECORD_EVENT;
}

static inline void made_name(struct made *m, uint64_t id, const char *name)
{
	uint8_t body[VARINT_MAX + 300], *end = varint_put(body, id);

	memcpy(end, name, strlen(name));
	made_record(m, TRACE_RECORD_NAME, body, (size_t)(end - body) + strlen(name));
}

/* A lookup of the name with that id, in the root, later than all before. */
static inline void made_lookup(struct made *m, uint64_t id)
{
	uint8_t body[4 * VARINT_MAX] = { TRACE_OP_LOOKUP }, *end = body + 1;

	m->clock_ns += 10;
	end = varint_put(end, 1u << TRACE_FIELD_NODE | 1u << TRACE_FIELD_NAME);
	end = varint_put(end, zigzag((int64_t)(m->clock_ns - m->previous_ns)));
	m->previous_ns = m->clock_ns;
	end = varint_put(end, 1);
	end = varint_put(end, id + 1);
	made_record(m, TRACE_RECORD_EVENT, body, (size_t)(end - body));
}

/* The block is whole: its header, over what was made since. Returns where it begins. */
static inline size_t made_block_end(struct made *m)
{
	struct trace_block_header header = {
		.magic = TRACE_BLOCK_MAGIC,
		.size = (uint32_t)(m->size - m->block - MADE_HEADER),
		.sequence = m->sequence++,
		.events = m->events,
	};
	uint8_t *block = m->bytes + m->block;

	memcpy(block, &header, MADE_HEADER);
	header.checksum = XXH3_64bits(block, MADE_HEADER + header.size);
	memcpy(block, &header, MADE_HEADER);
	return m->block;
}

/* A block with one name and so many lookups of it. Returns where it begins. */
static inline size_t made_simple_block(struct made *m, uint64_t id, const char *name, unsigned lookups)
{
	made_block(m);
	made_name(m, id, name);
	while (lookups--)
		made_lookup(m, id);
	return made_block_end(m);
}

static inline void made_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

#endif
