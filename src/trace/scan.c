/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan.c - tells of each block of a file, and of what is wrong between them. */
#include <memfs/trace_blocks.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/blocks.h"

#define HEADER sizeof(struct trace_block_header)

struct scan {
	struct block_reader blocks;
	void (*each)(void *context, const struct trace_block *block);
	void *context;
	uint64_t expected;         /* number of the next block */
	uint64_t known;            /* the one behind the last good block: expected, less damaged ones */
	struct trace_block damage; /* that may go on; 0 long = none */
	uint64_t claimed;          /* where it ends, if its own header can be believed */
	int err;                   /* of a read to learn that */
};

static void tell_damage(struct scan *s)
{
	if (!s->damage.length)
		return;
	s->damage.sequence = s->damage.found = s->expected++;
	s->each(s->context, &s->damage);
	s->damage.length = 0;
}

/* Does a block begin there, or the file end? */
static bool is_border(struct scan *s, uint64_t offset)
{
	uint32_t word = 0;
	ssize_t n = block_read_at(s->blocks.fd, &word, sizeof(word), offset);

	if (n < 0)
		s->err = (int)n;
	return n == 0 || (n == (ssize_t)sizeof(word) && word == TRACE_BLOCK_MAGIC);
}

/*
 * The reader goes on at whatever looks like the start of a block. When that lies inside of what
 * the damaged block before says to be its own, it belongs to it.
 */
static void on_passed(void *context, uint64_t offset, uint64_t bytes, enum trace_fault fault)
{
	struct scan *s = context;
	const struct trace_block_header *header = &s->blocks.header;

	if (s->damage.length && offset < s->claimed) {
		s->damage.length += bytes;
		return;
	}
	tell_damage(s);
	s->damage = (struct trace_block){ .fault = fault, .offset = offset, .length = bytes };
	s->claimed = 0;
	if (fault == TRACE_FAULT_CHECKSUM && is_border(s, offset + HEADER + header->size))
		s->claimed = offset + HEADER + header->size;
}

static void tell_good(struct scan *s)
{
	const struct trace_block_header *header = &s->blocks.header;
	uint32_t events;
	bool fits = block_reader_records(&s->blocks, &events) == s->blocks.end &&
		    events == header->events;
	struct trace_block block = {
		.fault = fits ? TRACE_FAULT_NONE : TRACE_FAULT_RECORDS,
		.length = HEADER + header->size,
		.sequence = header->sequence,
		.found = header->sequence,
		.events = header->events,
		.first_ns = header->first_ns,
		.last_ns = header->last_ns,
		.lost = header->lost,
	};

	block.offset = s->blocks.offset - block.length;
	tell_damage(s);
	/* How many blocks a damaged stretch was, is a guess: any number up to that will do. */
	if (header->sequence > s->expected || header->sequence < s->known) {
		struct trace_block missing = {
			.fault = TRACE_FAULT_SEQUENCE,
			.offset = block.offset,
			.sequence = s->expected,
			.found = header->sequence,
		};

		s->each(s->context, &missing);
	}
	s->expected = s->known = header->sequence + 1;
	s->each(s->context, &block);
}

/* What stands behind the last good block. */
static int tell_tail(struct scan *s)
{
	const uint64_t offset = s->blocks.offset;
	struct stat st;

	if (fstat(s->blocks.fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > offset) {
		uint64_t bytes = (uint64_t)st.st_size - offset;

		/* Too short to be told apart from the damage before it? */
		if (s->damage.length && !is_border(s, offset))
			s->damage.length += bytes;
		else
			on_passed(s, offset, bytes, TRACE_FAULT_TORN);
	}
	tell_damage(s);
	return s->err;
}

int trace_scan(const char *path, void (*each)(void *context, const struct trace_block *block),
	       void *context, const char **why)
{
	struct scan *s = calloc(1, sizeof(*s));
	int fd, more = 1, err = 0;

	*why = "out of memory";
	if (!s)
		return -ENOMEM;
	*why = "cannot be opened";
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		err = -errno;
	else
		err = block_reader_init(&s->blocks, fd, why);
	s->blocks.passed = on_passed;
	s->blocks.context = s;
	s->each = each;
	s->context = context;
	while (!err && more > 0) {
		*why = "cannot be read";
		more = block_reader_next(&s->blocks);
		err = s->err;
		if (!err && more > 0)
			tell_good(s);
	}
	if (!err)
		err = more < 0 ? more : tell_tail(s);
	if (fd >= 0)
		close(fd);
	free(s);
	return err;
}
