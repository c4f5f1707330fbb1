/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/blocks.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "trace/varint.h"

#define HEADER sizeof(struct trace_block_header)

ssize_t block_read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int block_reader_init(struct block_reader *b, int fd, const char **why)
{
	struct trace_file_header header;
	ssize_t n;

	memset(b, 0, sizeof(*b));
	b->fd = fd;
	n = block_read_at(fd, &header, sizeof(header), 0);
	if (n < 0) {
		*why = "cannot be read";
		return (int)n;
	}
	if (n != sizeof(header) ||
	    memcmp(header.magic, TRACE_FILE_MAGIC, sizeof(header.magic)) != 0 ||
	    header.header_size < sizeof(header) || header.header_size > TRACE_BLOCK_MAX) {
		*why = "is no memfs trace";
		return -EPROTO;
	}
	if (header.major != TRACE_VERSION_MAJOR) {
		*why = "is a trace of another major version";
		return -ENOTSUP;
	}
	b->offset = header.header_size;
	b->minor = header.minor;
	return 0;
}

static int size_of(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*size = (uint64_t)st.st_size;
	return 0;
}

/* Looks at the block at an offset. TRACE_FAULT_TORN: the file ends within it. */
static int check_block(struct block_reader *b, uint64_t offset, enum trace_fault *fault)
{
	struct trace_block_header *header = &b->header;
	uint64_t checksum;
	ssize_t n = block_read_at(b->fd, b->bytes, HEADER, offset);

	if (n < 0)
		return (int)n;
	memcpy(header, b->bytes, HEADER);
	*fault = TRACE_FAULT_TORN;
	b->torn = (uint64_t)n;
	if (n < (ssize_t)HEADER)
		return 0;
	*fault = TRACE_FAULT_MAGIC;
	if (header->magic != TRACE_BLOCK_MAGIC)
		return 0;
	*fault = TRACE_FAULT_LENGTH;
	if (header->size > TRACE_BLOCK_MAX - HEADER)
		return 0;
	n = block_read_at(b->fd, b->bytes + HEADER, header->size, offset + HEADER);
	if (n < 0)
		return (int)n;
	if (n < (ssize_t)header->size) {
		*fault = TRACE_FAULT_TORN;
		b->torn = HEADER + (uint64_t)n;
		return 0;
	}
	checksum = header->checksum;
	header->checksum = 0;
	memcpy(b->bytes, header, HEADER);
	header->checksum = checksum;
	*fault = XXH3_64bits(b->bytes, HEADER + header->size) == checksum ? TRACE_FAULT_NONE :
		 TRACE_FAULT_CHECKSUM;
	return 0;
}

/* The offset of the next block magic from `offset` on; the end of the file if there is none. */
static int find_magic(struct block_reader *b, uint64_t *offset)
{
	const uint32_t magic = TRACE_BLOCK_MAGIC;
	uint8_t window[4096];

	for (;;) {
		ssize_t n = block_read_at(b->fd, window, sizeof(window), *offset);
		uint8_t *hit;

		if (n < 0)
			return (int)n;
		hit = memmem(window, (size_t)n, &magic, sizeof(magic));
		if (hit) {
			*offset += (uint64_t)(hit - window);
			return 0;
		}
		if (n < (ssize_t)sizeof(window)) {
			*offset += n > 3 ? (uint64_t)n - 3 : 0;
			return 0;
		}
		*offset += sizeof(window) - (sizeof(magic) - 1);
	}
}

static void pass_over(struct block_reader *b, uint64_t bytes, enum trace_fault fault)
{
	if (b->passed)
		b->passed(b->context, b->offset, bytes, fault);
	b->offset += bytes;
	if (!b->in_gap)
		b->gaps++;
	b->in_gap = true;
	b->gap_bytes += bytes;
}

static void accept(struct block_reader *b)
{
	/* Blocks that are missing altogether leave no bytes, but a jump in the numbers. */
	if (b->header.sequence != b->sequence && !b->in_gap)
		b->gaps++;
	b->in_gap = false;
	b->sequence = b->header.sequence + 1;
	b->lost = b->header.lost;
	b->blocks++;
	b->offset += HEADER + b->header.size;
	b->payload = b->bytes + HEADER;
	b->end = b->payload + b->header.size;
}

/* Is there a whole block somewhere from `offset` on? Four bytes alone may be anything, a name too. */
static int find_good(struct block_reader *b, uint64_t *offset, bool *found)
{
	uint64_t size = 0;
	enum trace_fault fault;
	int err = size_of(b->fd, &size);

	*found = false;
	while (!err && !(err = find_magic(b, offset)) && *offset + HEADER <= size) {
		err = check_block(b, *offset, &fault);
		if (err)
			break;
		*found = fault == TRACE_FAULT_NONE;
		if (*found)
			break;
		++*offset;
	}
	return err;
}

int block_reader_next(struct block_reader *b)
{
	for (;;) {
		enum trace_fault fault;
		uint64_t next = b->offset + 1;
		bool found;
		int err = check_block(b, b->offset, &fault);

		if (err)
			return err;
		if (fault == TRACE_FAULT_NONE) {
			accept(b);
			return 1;
		}
		/*
		 * At the end of a growing file a block may be half there; but a
		 * damaged length can look the same, with good blocks behind it.
		 */
		if (fault == TRACE_FAULT_TORN) {
			uint64_t torn = b->torn;

			err = find_good(b, &next, &found);
			b->torn = torn;
			if (err || !found)
				return err;
			fault = TRACE_FAULT_LENGTH;
		} else {
			err = find_magic(b, &next);
			if (err)
				return err;
		}
		pass_over(b, next - b->offset, fault);
	}
}

const uint8_t *block_reader_records(const struct block_reader *b, uint32_t *events)
{
	const uint8_t *p = b->bytes + HEADER;
	uint64_t length;

	*events = 0;
	while (p < b->end) {
		const uint8_t *body = varint_get(p + 1, b->end, &length);

		if (!body || length > (uint64_t)(b->end - body))
			break;
		*events += *p == TRACE_RECORD_EVENT;
		p = body + length;
	}
	return p;
}
