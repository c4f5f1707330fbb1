/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_format.h - the bytes of a trace file. docs/trace-format.md is its prose.
 *
 * A file is a struct trace_file_header and then blocks to its end. A block is
 * a struct trace_block_header and its payload: records, one behind the other.
 * A record is a type (1 byte), the length of its body (varint), the body. A
 * reader passes over record types and fields that it does not know.
 *
 * All numbers are little-endian. A varint is LEB128: 7 bits a byte, the lowest
 * first, the top bit set on all but the last. A svarint is a zigzag varint.
 */
#ifndef MEMFS_TRACE_FORMAT_H
#define MEMFS_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_FILE_MAGIC "MEMFSTRC"
#define TRACE_VERSION_MAJOR 1 /* another one: not readable */
#define TRACE_VERSION_MINOR 0 /* a higher one: readable, with things unknown */

#define TRACE_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */
#define TRACE_BLOCK_MAX 65536u        /* bytes, header and payload */

struct trace_file_header {
	char magic[8];
	uint16_t major;
	uint16_t minor;
	uint32_t header_size; /* of this: the first block begins there */
};

struct trace_block_header {
	uint32_t magic;
	uint32_t size;        /* of the payload */
	uint64_t sequence;    /* 0, 1, 2...: a gap is a block that is missing */
	uint64_t first_ns;    /* start of the earliest event, 0 without events */
	uint64_t last_ns;     /* start of the latest */
	uint64_t lost;        /* events dropped since the start of the trace */
	uint32_t events;      /* in this block */
	uint32_t reserved;    /* 0 */
	uint64_t checksum;    /* XXH3-64 of header and payload, with 0 here */
};

_Static_assert(sizeof(struct trace_file_header) == 16, "layout on disk");
_Static_assert(sizeof(struct trace_block_header) == 56, "layout on disk");

enum trace_record_type {
	/* key NUL value: facts of the whole trace, as text. */
	TRACE_RECORD_META = 1,
	/* varint id, bytes: the name of that id from here on. */
	TRACE_RECORD_NAME = 2,
	/* varint id, pid, ppid, uid, gid, start (clock ticks after boot), bytes of comm. */
	TRACE_RECORD_PROCESS = 3,
	/* 1 byte operation, varint mask, svarint start, and the fields of the mask. */
	TRACE_RECORD_EVENT = 4,
	/* varint ns: events from here on started no earlier (see the ordering rule). */
	TRACE_RECORD_WATERMARK = 5,
	/* Empty: all name ids are forgotten, and given anew. */
	TRACE_RECORD_NAMES_RESET = 6,
	/* varint lost, then for each operation called: 1 byte, varint calls, errors, bytes, ns. */
	TRACE_RECORD_END = 7,
	/*
	 * varint node, parent, type (S_IFMT bits), bytes of the name: the node has this name, as
	 * the trace begins in the middle. With node 0, before the first of them: forget what
	 * is known of names.
	 */
	TRACE_RECORD_NODE = 8,
};

/*
 * The fields of an event, in the order in which they stand. Bit N of the mask
 * says that field N is there; one that is not there is 0. All are varints.
 * X(CONSTANT, bit, "name", what it is)
 */
#define TRACE_FIELDS(X) \
	X(DURATION, 0, "duration", "ns until the reply was sent") \
	X(ERROR, 1, "error", "errno") \
	X(PROCESS, 2, "process", "id of a process record; none: the kernel itself") \
	X(WORKER, 3, "worker", "number of the daemon's thread") \
	X(NODE, 4, "node", "node asked about, or parent of the name") \
	X(RESULT, 5, "result", "node that the reply names, or whose name changed") \
	X(NAME, 6, "name", "id of a name record, plus 1") \
	X(FH, 7, "fh", "number of the open") \
	X(OFFSET, 8, "offset", "bytes, or directory cookie") \
	X(SIZE, 9, "size", "bytes asked for; forget: lookups or nodes") \
	X(DONE, 10, "done", "bytes given") \
	X(FLAGS, 11, "flags", "open(2) flags, setattr mask, rename flags, fallocate mode, whence") \
	X(MODE, 12, "mode", "file mode") \
	X(NODE2, 13, "node2", "parent of the second name, or target of a copy") \
	X(NAME2, 14, "name2", "id of a name record, plus 1") \
	X(REPLACED, 15, "replaced", "node that lost its name to a rename") \
	X(OFFSET2, 16, "offset2", "target offset of a copy; offset that lseek answered") \
	X(NEW_UID, 17, "new_uid", "setattr: owner") \
	X(NEW_GID, 18, "new_gid", "setattr: group") \
	X(RDEV, 19, "rdev", "mknod: device") \
	X(WHITEOUT, 20, "whiteout", "node that a rename left under the old name") \
	X(REQUEST, 21, "request", "number among the worker's; none: one more than the one before")

enum trace_field {
#define X(constant, bit, name, what) TRACE_FIELD_##constant = (bit),
	TRACE_FIELDS(X)
#undef X
	TRACE_FIELD_COUNT
};

#endif
