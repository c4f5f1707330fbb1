/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recover.c - writes the good blocks of a damaged file as one without damage. */
#include <memfs/trace_blocks.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "trace/blocks.h"
#include "trace/varint.h"

#define HEADER sizeof(struct trace_block_header)

struct recover {
	struct block_reader blocks;
	int out;
	uint64_t sequence;       /* of the next block written */
	struct trace_recovery result;
	uint64_t names;          /* numbers of names given so far, as far as known */
	uint64_t *resets;        /* numbers of blocks before which names are to be forgotten */
	size_t reset_count, reset_capacity;
};

static int write_all(int fd, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

/* `block` begins with room for the header, which is the one of a block that was read, or all zero. */
static int write_block(struct recover *r, const struct trace_block_header *like, uint8_t *block,
		       size_t payload)
{
	struct trace_block_header header = *like;

	header.magic = TRACE_BLOCK_MAGIC;
	header.size = (uint32_t)payload;
	header.sequence = r->sequence++;
	header.checksum = 0;
	memcpy(block, &header, HEADER);
	header.checksum = XXH3_64bits(block, HEADER + payload);
	memcpy(block, &header, HEADER);
	return write_all(r->out, block, HEADER + payload);
}

static int write_file_header(struct recover *r)
{
	struct trace_file_header header = {
		.major = TRACE_VERSION_MAJOR,
		.minor = TRACE_VERSION_MINOR,
		.header_size = sizeof(header),
	};

	memcpy(header.magic, TRACE_FILE_MAGIC, sizeof(header.magic));
	/* What it holds may be newer than we are. */
	if (!r->result.header_damaged)
		header.minor = r->blocks.minor;
	return write_all(r->out, &header, sizeof(header));
}

/* --- names: were their numbers given anew in a gap? ----------------------------- */

/*
 * The recorder numbers names in a row, and begins anew at a NAMES_RESET. When that was lost in a gap, the next
 * definition behind it has a number that was given before. What stands between must not be given the
 * names of before the gap.
 */
static int note_names(struct recover *r, uint64_t *gap_before)
{
	const uint8_t *p = r->blocks.payload, *end = r->blocks.end;
	uint64_t length, id;

	for (; p < end; p += length) {
		uint8_t type = *p;

		p = varint_get(p + 1, end, &length);
		if (!p || length > (uint64_t)(end - p))
			return 0;
		if (type == TRACE_RECORD_NAMES_RESET) {
			r->names = 0;
			*gap_before = 0;
		}
		if (type != TRACE_RECORD_NAME || !varint_get(p, p + length, &id))
			continue;
		if (*gap_before && id < r->names) {
			if (r->reset_count == r->reset_capacity) {
				size_t capacity = 2 * r->reset_capacity + 16;
				uint64_t *resets = realloc(r->resets, capacity * sizeof(*resets));

				if (!resets)
					return -ENOMEM;
				r->resets = resets;
				r->reset_capacity = capacity;
			}
			r->resets[r->reset_count++] = *gap_before;
		}
		*gap_before = 0;
		r->names = id + 1;
	}
	return 0;
}

/* Goes through the file once, and finds the gaps in which names were forgotten. */
static int find_resets(struct recover *r)
{
	uint64_t gap_before = 0; /* number of the first block behind a gap, plus 1, among the good ones */
	uint64_t gaps = 0;
	int more, err = 0;

	while (!err && (more = block_reader_next(&r->blocks)) > 0) {
		if (r->blocks.gaps != gaps)
			gap_before = r->blocks.blocks;
		gaps = r->blocks.gaps;
		err = note_names(r, &gap_before);
	}
	return err ? err : more;
}

/* --- copying ----------------------------------------------------------------------- */

static int write_reset(struct recover *r)
{
	uint8_t block[HEADER + 2] = { [HEADER] = TRACE_RECORD_NAMES_RESET };
	struct trace_block_header like = { .lost = r->blocks.header.lost };

	return write_block(r, &like, block, 2);
}

static int copy_block(struct recover *r, size_t *reset)
{
	struct block_reader *b = &r->blocks;
	const uint8_t *end = block_reader_records(b, &b->header.events);
	uint64_t number = b->blocks;
	int err = 0;

	/* What stands behind a record that does not fit cannot be told apart from it. */
	if (end != b->end) {
		b->gaps++;
		b->gap_bytes += (uint64_t)(b->end - end);
		b->end = end;
	}

	if (*reset < r->reset_count && r->resets[*reset] == number) {
		(*reset)++;
		err = write_reset(r);
	}
	return err ? err : write_block(r, &b->header, b->bytes, (size_t)(end - b->bytes) - HEADER);
}

static uint8_t *put_meta(uint8_t *p, const char *key, uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	*p++ = TRACE_RECORD_META;
	p = varint_put(p, strlen(key) + 1 + (size_t)length);
	p = (uint8_t *)stpcpy((char *)p, key) + 1;
	memcpy(p, digits, (size_t)length);
	return p + length;
}

static int write_loss(struct recover *r)
{
	struct trace_block_header like = { .lost = r->blocks.lost };
	uint8_t block[HEADER + 256], *p = block + HEADER;

	p = put_meta(p, "recovered.blocks", r->result.blocks);
	p = put_meta(p, "recovered.gaps", r->result.gaps);
	p = put_meta(p, "recovered.gap_bytes", r->result.gap_bytes);
	p = put_meta(p, "recovered.missing", r->result.missing);
	return write_block(r, &like, block, (size_t)(p - block) - HEADER);
}

static int copy(struct recover *r, const char **why)
{
	uint64_t expected = 0;
	size_t reset = 0;
	struct stat st;
	int more = 0, err = write_file_header(r);

	while (!err && (more = block_reader_next(&r->blocks)) > 0) {
		if (r->blocks.header.sequence > expected)
			r->result.missing += r->blocks.header.sequence - expected;
		expected = r->blocks.header.sequence + 1;
		err = copy_block(r, &reset);
	}
	if (!err && (more < 0 || fstat(r->blocks.fd, &st) < 0)) {
		*why = "cannot be read";
		return more < 0 ? more : -errno;
	}
	if (err)
		return err;
	r->result.blocks = r->blocks.blocks;
	r->result.gaps = r->blocks.gaps + r->result.header_damaged;
	r->result.gap_bytes = r->blocks.gap_bytes;
	if ((uint64_t)st.st_size > r->blocks.offset) {
		r->result.gaps += !r->blocks.in_gap;
		r->result.gap_bytes += (uint64_t)st.st_size - r->blocks.offset;
	}
	return r->result.gaps ? write_loss(r) : 0;
}

/* The reader of blocks at the beginning; a damaged file header counts as one of the usual size. */
static int begin(struct recover *r, int fd, const char **why)
{
	int err = block_reader_init(&r->blocks, fd, why);

	if (err != -EPROTO)
		return err;
	r->result.header_damaged = true;
	r->blocks.offset = sizeof(struct trace_file_header);
	return 0;
}

static int recover(struct recover *r, int fd, const char **why)
{
	int err = begin(r, fd, why);

	if (err)
		return err;
	*why = "cannot be read";
	err = find_resets(r);
	if (err)
		return err;
	*why = r->result.header_damaged ? "is no memfs trace" : "has no good block";
	if (!r->blocks.blocks)
		return -EPROTO;
	err = begin(r, fd, why);
	if (err)
		return err;
	*why = NULL;
	err = copy(r, why);
	if (err && !*why) {
		*why = "cannot be written";
		r->result.out_failed = true;
	}
	return err;
}

int trace_recover(const char *path, int out, struct trace_recovery *recovery, const char **why)
{
	struct recover *r = calloc(1, sizeof(*r));
	int fd, err;

	*why = "out of memory";
	if (!r)
		return -ENOMEM;
	r->out = out;
	*why = "cannot be opened";
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	err = fd < 0 ? -errno : recover(r, fd, why);
	*recovery = r->result;
	if (fd >= 0)
		close(fd);
	free(r->resets);
	free(r);
	return err;
}
