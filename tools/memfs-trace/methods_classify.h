/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * methods_classify.h - how each file was written, from the calls that did it.
 *
 * The rules, and what is visible in which cache mode, stand in memfs-trace(1). A file may have been
 * written in several ways.
 */
#ifndef MEMFS_TRACE_METHODS_CLASSIFY_H
#define MEMFS_TRACE_METHODS_CLASSIFY_H

#include "actors.h"
#include "nodes.h"

enum method {
	METHOD_CREATE,      /* made, and written whole by one open */
	METHOD_REWRITE,     /* emptied, then written whole by one open */
	METHOD_REPLACE,     /* written under another name, then renamed over an existing one */
	METHOD_RENAME,      /* written under another name or none, then renamed or linked */
	METHOD_APPEND,      /* written at its end */
	METHOD_IN_PLACE,    /* written over what was there */
	METHOD_RANDOM,      /* not in order */
	METHOD_SPARSE,      /* with holes left */
	METHOD_MMAP,        /* through a shared mapping */
	METHOD_DIRECT,      /* O_DIRECT */
	METHOD_PREALLOCATE, /* fallocate(2) before the writes */
	METHOD_COPY_RANGE,  /* copy_file_range(2) */
	METHOD_LOCK,        /* a lock file */
	METHOD_EMPTY,       /* made, never written */
	METHOD_UNKNOWN,     /* what came before is not in the trace */
	METHODS
};

/* As they stand in tables, in options and in JSON. */
extern const char *const method_names[METHODS];

/* An open that may write. */
struct writer {
	struct writer *next;  /* of the same file */
	uint64_t fh;
	uint64_t base;        /* bytes that were there when it began, and have not been cut off */
	uint64_t next_offset; /* where its last write ended */
	bool direct, began, rewrites;
};

struct written {
	struct node node;     /* must be first */
	uint32_t seen;        /* bits by enum method: those that a call tells at once */
	struct writer *writers;
	struct few commands;  /* that wrote */
	uint64_t writes, bytes;
	uint64_t covered;     /* bytes written since it was last empty, at most once what was appended */
	uint64_t reach;       /* the largest size since then */
	uint64_t ordered, jumps; /* writes that came as the program made them; those out of order */
	uint32_t maker;       /* number of the actor that made it, plus 1; 0 = not in the trace */
	uint32_t looker;      /* of the one that looked the name up, and did nothing with it since */
	bool exclusive;       /* made by O_EXCL */
	bool emptied;         /* cut to nothing, and not written since */
	bool fresh;           /* made or written since it was last renamed */
	bool linked;          /* by its maker, while fresh */
	bool grown, allocated, polled, unmade; /* unmade: removed by its maker */
};

struct classify {
	struct nodes nodes;   /* of struct written */
	struct actors actors;
	bool gathered;        /* cache=always: any write may come from the page cache */
	bool opens_unseen, bytes_unseen;
};

void classify_init(struct classify *c, const struct trace_reader *r);
void classify_free(struct classify *c);

/* To be given every event. */
void classify_add(struct classify *c, const struct trace_reader *r, const struct trace_event *e);

/* The methods of a file, after the last event: bits by enum method. 0 = none: not written. */
uint32_t classify_methods(const struct classify *c, const struct written *w);

#endif
