/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/block.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#define HEADER sizeof(struct trace_block_header)
/* Type and length stand before a body; the length is given this room. */
#define PREFIX 4

static void write_all(struct block_writer *w, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	while (size > 0 && !atomic_load_explicit(&w->error, memory_order_relaxed)) {
		ssize_t n = write(w->fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			atomic_store(&w->error, n < 0 ? errno : EIO);
			return;
		}
		p += n;
		size -= (size_t)n;
		atomic_fetch_add_explicit(&w->written, (uint64_t)n, memory_order_relaxed);
	}
}

static void start_block(struct block_writer *w)
{
	w->used = HEADER;
	w->events = 0;
	w->first_ns = w->last_ns = w->previous_ns = 0;
}

void block_writer_init(struct block_writer *w, int fd)
{
	struct trace_file_header header = {
		.major = TRACE_VERSION_MAJOR,
		.minor = TRACE_VERSION_MINOR,
		.header_size = sizeof(header),
	};

	memcpy(header.magic, TRACE_FILE_MAGIC, sizeof(header.magic));
	w->fd = fd;
	w->error = 0;
	w->written = 0;
	w->sequence = 0;
	w->lost = 0;
	start_block(w);
	write_all(w, &header, sizeof(header));
}

void block_writer_flush(struct block_writer *w)
{
	struct trace_block_header header = {
		.magic = TRACE_BLOCK_MAGIC,
		.size = (uint32_t)(w->used - HEADER),
		.sequence = w->sequence,
		.first_ns = w->first_ns,
		.last_ns = w->last_ns,
		.lost = w->lost,
		.events = w->events,
	};

	if (w->used == HEADER)
		return;
	memcpy(w->bytes, &header, HEADER);
	header.checksum = XXH3_64bits(w->bytes, w->used);
	memcpy(w->bytes, &header, HEADER);
	write_all(w, w->bytes, w->used);
	w->sequence++;
	start_block(w);
}

uint8_t *block_record_begin(struct block_writer *w, size_t max)
{
	if (w->used + PREFIX + max > sizeof(w->bytes))
		block_writer_flush(w);
	return w->bytes + w->used + PREFIX;
}

void block_record_end(struct block_writer *w, enum trace_record_type type, const uint8_t *end)
{
	uint8_t *record = w->bytes + w->used, *body = record + PREFIX;
	uint64_t length = (uint64_t)(end - body);

	record[0] = (uint8_t)type;
	/* A longer varint than need be is still one: so the body need not be moved. */
	if (length < 0x80) {
		record[1] = (uint8_t)length;
		memmove(record + 2, body, length);
		w->used += 2 + length;
		return;
	}
	record[1] = (uint8_t)(length | 0x80);
	record[2] = (uint8_t)(length >> 7 | 0x80);
	record[3] = (uint8_t)(length >> 14);
	w->used += PREFIX + length;
}

int64_t block_event_start(struct block_writer *w, uint64_t start_ns)
{
	int64_t delta = (int64_t)(start_ns - w->previous_ns);

	if (!w->events || start_ns < w->first_ns)
		w->first_ns = start_ns;
	if (start_ns > w->last_ns)
		w->last_ns = start_ns;
	w->previous_ns = start_ns;
	w->events++;
	return delta;
}
