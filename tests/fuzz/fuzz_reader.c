/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_reader.c - the trace reader on files that nobody wrote.
 *
 * Every block has a checksum, so nearly all that random changes make is turned
 * away at the door. The mutator here therefore works inside: it cuts the file
 * into blocks and a block into records, changes a record, and puts true
 * lengths and checksums around it again. One input in eight is changed as
 * bytes, without repair: that is the door itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memfs/trace_format.h>
#include <memfs/trace_reader.h>
#include <xxhash.h>

#include "fuzz.h"

/* --- reading ------------------------------------------------------------- */

/* The input as a file that can be opened by its path. */
static const char *as_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz-reader", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	fuzz_check(fd >= 0 && ftruncate(fd, 0) == 0 &&
		   pwrite(fd, data, size, 0) == (ssize_t)size, "cannot make the file");
	return path;
}

static void check_path(const struct trace_reader *r, uint64_t node, const char *name, size_t size)
{
	char *buf = malloc(size);

	if (!buf)
		return;
	fuzz_check(trace_path(r, node, name, buf, size) == buf, "trace_path() gave another buffer");
	fuzz_check(strnlen(buf, size) < size && buf[0], "a path without end, or empty");
	free(buf);
}

/* Asks for all that can be asked about an event: the sanitizers see what is touched. */
static void look_at(const struct trace_reader *r, const struct trace_event *e)
{
	mode_t type = trace_node_type(r, e->result);

	check_path(r, e->node, e->name, 4096);
	check_path(r, e->node2, e->name2, 64);
	check_path(r, e->result, NULL, 2 + (size_t)(e->start_ns % 30));
	fuzz_check((type & ~(mode_t)S_IFMT) == 0, "a type that is more than a type");
	fuzz_check(trace_op_name(r, e->op) != NULL, "an operation without any name");
	fuzz_check(e->error >= 0, "a negative errno");
	fuzz_check(!e->inferred || e->process, "nobody, inferred");
	fuzz_check(!e->inferred || trace_handle(r, e->fh), "inferred from no open");
	if (e->process)
		fuzz_check(e->process->comm && strlen(e->process->comm) < TRACE_BLOCK_MAX,
			   "a process without name");
	if (e->name)
		fuzz_check(strlen(e->name) < TRACE_BLOCK_MAX, "a name longer than a block");
	if (e->name2)
		fuzz_check(strlen(e->name2) < TRACE_BLOCK_MAX, "a name longer than a block");
}

static void count_meta(void *context, const char *key, const char *value)
{
	size_t *count = context;

	*count += strlen(key) + strlen(value) + 1;
}

static void look_at_whole(struct trace_reader *r, uint64_t events, size_t size)
{
	struct trace_totals totals;
	struct trace_info info;
	size_t text = 0;

	trace_get_info(r, &info);
	fuzz_check(info.events == events, "another number of events than were given");
	fuzz_check(info.bytes == size, "another size than the file has");
	fuzz_check(info.at_end, "not at the end, after the last event");
	fuzz_check(info.gap_bytes <= size, "more bytes passed over than there are");
	fuzz_check((info.gap_bytes == 0) || info.gaps > 0, "bytes passed over, and no gap");
	for (unsigned op = 0; op <= TRACE_OP_LIMIT; op++)
		fuzz_check(!trace_get_totals(r, op, &totals) ||
			   (info.complete && op < TRACE_OP_LIMIT), "totals before the end");
	trace_each_meta(r, count_meta, &text);
	fuzz_check(text <= size, "more facts than bytes");
	trace_meta(r, "cache");
}

/* All that there is now; the number of events in *events. What trace_next() said last. */
static int read_on(struct trace_reader *r, size_t size, uint64_t *events)
{
	struct trace_event e;
	int more;

	while ((more = trace_next(r, &e)) == 1) {
		/* Each record of an event has three bytes at least. */
		fuzz_check(++*events <= size / 3, "more events than can be in the file");
		look_at(r, &e);
	}
	fuzz_check(more == 0 || more == -ENOMEM, "an error of a file that can be read");
	return more;
}

static void read_whole(const char *path, size_t size)
{
	const char *why = NULL;
	struct trace_reader *r;
	uint64_t events = 0;

	if (trace_open(path, &r, &why) < 0) {
		fuzz_check(why != NULL, "refused without a reason");
		return;
	}
	if (read_on(r, size, &events) == 0)
		look_at_whole(r, events, size);
	trace_close(r);
}

/* The file grows while it is followed: the first part is there at first. */
static void read_growing(const uint8_t *data, size_t size, size_t first)
{
	const char *path = as_file(data, first), *why;
	struct trace_reader *r;
	uint64_t events = 0;

	if (trace_open(path, &r, &why) < 0)
		return;
	trace_set_follow(r, true);
	read_on(r, size, &events);
	as_file(data, size);
	if (read_on(r, size, &events) == 0) {
		trace_set_follow(r, false);
		if (read_on(r, size, &events) == 0)
			look_at_whole(r, events, size);
	}
	trace_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_whole(as_file(data, size), size);
	if (size > 0)
		read_growing(data, size, size * data[size / 2] / 256);
	return 0;
}

/* --- changing ------------------------------------------------------------ */

#define FILE_HEADER sizeof(struct trace_file_header)
#define BLOCK_HEADER sizeof(struct trace_block_header)

struct span {
	size_t at, size;
};

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return n ? (random_state >> 8) % n : 0;
}

static uint32_t payload_size(const uint8_t *block)
{
	struct trace_block_header header;

	memcpy(&header, block, BLOCK_HEADER);
	return header.size;
}

/* Cuts the file into blocks; what stands behind the last whole one is left out. */
static size_t find_blocks(const uint8_t *data, size_t size, struct span *blocks, size_t max)
{
	size_t count = 0, at = FILE_HEADER;

	while (count < max && at + BLOCK_HEADER <= size) {
		size_t length = BLOCK_HEADER + payload_size(data + at);

		if (length > TRACE_BLOCK_MAX || length > size - at)
			length = size - at < TRACE_BLOCK_MAX ? size - at : TRACE_BLOCK_MAX;
		blocks[count++] = (struct span){ at, length };
		at += length;
	}
	return count;
}

/* Type, length, body; 0 when none can be told. */
static size_t record_size(const uint8_t *p, const uint8_t *end, size_t *prefix)
{
	const uint8_t *at = p + 1;
	uint64_t length = 0;

	for (unsigned shift = 0; at < end && shift < 28; shift += 7) {
		length |= (uint64_t)(*at & 0x7f) << shift;
		if (*at++ & 0x80)
			continue;
		*prefix = (size_t)(at - p);
		return length <= (uint64_t)(end - at) ? *prefix + (size_t)length : 0;
	}
	return 0;
}

static size_t find_records(const uint8_t *payload, size_t size, struct span *records, size_t max)
{
	size_t count = 0, at = 0, prefix, length;

	while (count < max && at < size &&
	       (length = record_size(payload + at, payload + size, &prefix))) {
		records[count++] = (struct span){ at, length };
		at += length;
	}
	return count;
}

static size_t put_record(uint8_t *out, uint8_t type, const uint8_t *body, size_t size)
{
	out[0] = type;
	out[1] = (uint8_t)(size | 0x80);
	out[2] = (uint8_t)(size >> 7 | 0x80);
	out[3] = (uint8_t)(size >> 14);
	memcpy(out + 4, body, size);
	return size + 4;
}

enum { BODY_MAX = 5000 };

/* One record changed, or made anew, into out. Its length. */
static size_t change_record(const uint8_t *record, size_t size, uint8_t *out)
{
	uint8_t body[BODY_MAX], type = record[0];
	size_t prefix = 0, length = record_size(record, record + size, &prefix);

	length = length ? length - prefix : 0;
	if (length > BODY_MAX / 2)
		length = BODY_MAX / 2;
	memcpy(body, record + prefix, length);
	if (random_below(16) == 0)
		type = (uint8_t)random_below(10);
	if (random_below(32) == 0)
		length = 0;
	else
		length = LLVMFuzzerMutate(body, length, BODY_MAX);
	return put_record(out, type, body, length);
}

/* The payload with one record changed, doubled, moved or taken away. Its new length. */
static size_t change_payload(uint8_t *payload, size_t size, size_t max)
{
	static struct span records[TRACE_BLOCK_MAX / 2];
	uint8_t made[BODY_MAX + 8];
	size_t count = find_records(payload, size, records, sizeof(records) / sizeof(records[0]));
	struct span from, to;
	size_t length, removed;

	if (!count)
		return LLVMFuzzerMutate(payload, size, max);
	from = records[random_below((uint32_t)count)];
	to = records[random_below((uint32_t)count)];
	switch (random_below(8)) {
	case 0: /* away */
		length = 0;
		removed = to.size;
		break;
	case 1: /* a copy of another one, in its place or before it */
		length = from.size < sizeof(made) ? from.size : 0;
		memcpy(made, payload + from.at, length);
		removed = random_below(2) ? to.size : 0;
		break;
	case 2: /* a changed copy before it */
		length = change_record(payload + from.at, from.size, made);
		removed = 0;
		break;
	default:
		length = change_record(payload + to.at, to.size, made);
		removed = to.size;
		break;
	}
	if (size - removed + length > max)
		return size;
	memmove(payload + to.at + length, payload + to.at + removed, size - to.at - removed);
	memcpy(payload + to.at, made, length);
	return size - removed + length;
}

/* Blocks swapped, doubled or away, and what their headers say. The size of the file. */
static size_t change_blocks(uint8_t *data, size_t size, size_t max, struct span *blocks,
			    size_t count)
{
	struct span block = blocks[random_below((uint32_t)count)];
	struct trace_block_header header;

	switch (random_below(3)) {
	case 0:
		memmove(data + block.at, data + block.at + block.size, size - block.at - block.size);
		return size - block.size;
	case 1:
		if (size + block.size > max)
			return size;
		memmove(data + block.at + block.size, data + block.at, size - block.at);
		return size + block.size;
	default:
		memcpy(&header, data + block.at, BLOCK_HEADER);
		header.sequence += random_below(3);
		header.lost = random_below(1000);
		header.events = random_below(1000);
		memcpy(data + block.at, &header, BLOCK_HEADER);
		return size;
	}
}

/* True magics, sizes and checksums all along. */
static void repair(uint8_t *data, size_t size)
{
	static struct span blocks[256];
	size_t count = find_blocks(data, size, blocks, 256);

	for (size_t i = 0; i < count; i++) {
		struct trace_block_header header;
		uint8_t *block = data + blocks[i].at;

		memcpy(&header, block, BLOCK_HEADER);
		header.magic = TRACE_BLOCK_MAGIC;
		header.size = (uint32_t)(blocks[i].size - BLOCK_HEADER);
		header.checksum = 0;
		memcpy(block, &header, BLOCK_HEADER);
		header.checksum = XXH3_64bits(block, blocks[i].size);
		memcpy(block, &header, BLOCK_HEADER);
	}
}

static size_t change_one_block(uint8_t *data, size_t size, size_t max, struct span block)
{
	uint8_t *payload = data + block.at + BLOCK_HEADER;
	size_t length = block.size - BLOCK_HEADER, behind = size - block.at - block.size;
	static uint8_t bytes[TRACE_BLOCK_MAX];
	size_t room = TRACE_BLOCK_MAX - BLOCK_HEADER, changed;
	struct trace_block_header header;

	if (room > length + (max - size))
		room = length + (max - size);
	memcpy(bytes, payload, length);
	changed = change_payload(bytes, length, room);
	memmove(payload + changed, payload + length, behind);
	memcpy(payload, bytes, changed);
	memcpy(&header, data + block.at, BLOCK_HEADER);
	header.size = (uint32_t)changed;
	memcpy(data + block.at, &header, BLOCK_HEADER);
	return size - length + changed;
}

/* Of libFuzzer's interface, as LLVMFuzzerTestOneInput(). */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static struct span blocks[256];
	size_t count = find_blocks(data, size, blocks, 256);

	random_state = seed;
	if (!count || random_below(8) == 0)
		return LLVMFuzzerMutate(data, size, max);
	if (random_below(8) == 0)
		size = change_blocks(data, size, max, blocks, count);
	else
		size = change_one_block(data, size, max, blocks[random_below((uint32_t)count)]);
	repair(data, size);
	return size;
}
