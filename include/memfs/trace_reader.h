/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_reader.h - reads a trace: events in order, with the processes and paths behind them.
 *
 * Link with -lmemfs-trace. One reader belongs to one thread at a time. It
 * believes nothing of the file: damage costs the blocks that it hit, is
 * counted in struct trace_info, and never more. Memory grows with the nodes
 * and opens alive in the trace and with its processes, not with its events.
 */
#ifndef MEMFS_TRACE_READER_H
#define MEMFS_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <memfs/trace_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

struct trace_reader;

struct trace_process {
	uint32_t pid, ppid, uid, gid;
	uint64_t start;    /* clock ticks after boot */
	const char *comm;  /* NUL-terminated, raw bytes; "?" if it was gone too soon */
};

/*
 * One callback; what its fields mean for which operation stands in
 * docs/trace-format.md. Pointers are good until the next trace_next(), that to the process until
 * trace_close(): each definition of a process in the trace has an address of its own.
 */
struct trace_event {
	uint8_t op;               /* enum trace_op */
	bool inferred;            /* process is the opener, not the caller: the kernel called by itself */
	int error;                /* 0, or an errno */
	uint32_t worker;
	uint64_t request;         /* of the worker's, from 1: both together name a request; a jump
				     is a loss; 0 = not known */
	uint64_t start_ns;        /* CLOCK_MONOTONIC */
	uint64_t duration_ns;
	const struct trace_process *process; /* NULL = the kernel itself */
	uint64_t node, node2, result, replaced, whiteout;
	uint64_t fh;
	uint64_t offset, offset2;
	uint64_t size, done;
	uint32_t flags, mode;
	uint32_t new_uid, new_gid;
	uint64_t rdev;
	const char *name, *name2; /* NULL = none */
};

/* What is known of the whole; counts are of what has been read so far. */
struct trace_info {
	uint64_t events;          /* read */
	uint64_t lost;            /* dropped by the recorder, as it says */
	uint64_t skipped;         /* left out after the file had reached trace_max; known at the end */
	uint64_t blocks;          /* good ones */
	uint64_t gaps;            /* places where blocks were damaged or missing */
	uint64_t gap_bytes;       /* bytes passed over there */
	uint64_t segment;         /* number of the file in a series, from 0: see trace_rotate in memfs(8) */
	bool continued;           /* there is a later file of the series */
	uint64_t snapshot;        /* names that were there already when the file (or recording anew) began */
	bool complete;            /* the recorder's closing record was read, and no loss noted (recovered) */
	bool recovered;           /* it was made of a damaged one: see trace_recover(); never complete */
	bool at_end;              /* all of the file was read */
	uint64_t bytes;           /* of the file */
	uint64_t read_bytes;      /* of those, so far */
	uint64_t clock_monotonic, clock_realtime; /* ns, at the same moment */
};

/* The recorder's own totals of one operation: exact also where events were lost. */
struct trace_totals {
	uint64_t calls, errors, bytes, ns;
};

/*
 * Opens a file. Returns 0, or a negative errno with *why (static text) saying
 * what is wrong: -EPROTO for something that is no trace, -ENOTSUP for another
 * major version.
 */
int trace_open(const char *path, struct trace_reader **out, const char **why);
void trace_close(struct trace_reader *r);

/*
 * The next event in order of start. 1; 0 at the end of the file (a file that
 * still grows may give more later); or a negative errno of read(2) or malloc(3).
 */
int trace_next(struct trace_reader *r, struct trace_event *event);

/*
 * To follow a file that still grows: trace_next() then holds back at its end what an event
 * that is still to come may have to stand before, so that order and paths stay right. memfs writes
 * what is needed to let all go within 0.2 s. Switched off, the rest is given at once: for
 * when the daemon is gone and has left no closing record.
 */
void trace_set_follow(struct trace_reader *r, bool follow);

/* Fills *info. Most is only known when trace_next() has returned 0. */
void trace_get_info(const struct trace_reader *r, struct trace_info *info);

/* A fact by its key ("cache", "mountpoint", "op.35", ...), NULL = not there (yet). */
const char *trace_meta(const struct trace_reader *r, const char *key);

/* All facts in the order of the file: calls each for every one. */
void trace_each_meta(const struct trace_reader *r,
		     void (*each)(void *context, const char *key, const char *value),
		     void *context);

/* The name of an operation, from the file's own table; "unknown" for what no table names. */
const char *trace_op_name(const struct trace_reader *r, unsigned op);

/*
 * The closing totals; false while the trace is not complete. op < TRACE_OP_LIMIT. In a
 * series of files they are those of all files up to this one.
 */
bool trace_get_totals(const struct trace_reader *r, unsigned op, struct trace_totals *totals);

/*
 * The path of a node, from the mount's root ("/"), just before the last event
 * given; with name, of that entry in it. One that has lost its last name ends
 * in " (deleted)"; one never seen is "#ID". Cut off at size (at
 * least 2), always NUL-terminated. Returns buf.
 */
const char *trace_path(const struct trace_reader *r, uint64_t node, const char *name, char *buf,
		       size_t size);

/*
 * Grows when paths may have changed in another way than by the events: where the trace tells anew which
 * names there are. For those who keep paths by themselves.
 */
uint64_t trace_names_told(const struct trace_reader *r);

/* An open that is not yet released: what its OPEN, CREATE, OPENDIR or TMPFILE has said. */
struct trace_handle {
	const struct trace_process *process; /* NULL = not known */
	uint64_t node;
	uint64_t start_ns;
	uint32_t flags;                      /* of open(2) */
};

/*
 * The open of a handle (an event's fh), as it was before the last event given: so that of a RELEASE is still
 * there. NULL = not known. Good until the next trace_next().
 */
const struct trace_handle *trace_handle(const struct trace_reader *r, uint64_t fh);

/* S_IFMT bits of a node, 0 = not known. */
mode_t trace_node_type(const struct trace_reader *r, uint64_t node);

#ifdef __cplusplus
}
#endif

#endif
