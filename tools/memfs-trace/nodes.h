/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nodes.h - what is known of each node of a trace, also of those that are gone.
 *
 * A command puts struct node first in a record of its own. Each event of the trace must be given to
 * nodes_apply() once, in order, also those that do not pass the filters: sizes and names
 * come from all of them. Without memory the program ends.
 */
#ifndef MEMFS_TRACE_NODES_H
#define MEMFS_TRACE_NODES_H

#include <memfs/trace_reader.h>

#include "trace/map.h"

struct node {
	uint64_t id;
	uint64_t size;       /* bytes, as far as the trace tells: writes put off are not in it yet */
	uint64_t largest;    /* that size ever was */
	uint64_t created_ns; /* 0 = not in the trace */
	uint64_t removed_ns; /* when it lost its last name; 0 = it has one */
	char *path;          /* the last one that it had, once it has none any more; else NULL */
	mode_t type;         /* S_IFMT, 0 = not known */
	uint32_t links;
	uint32_t number;     /* from 1 in order of appearance */
};

struct nodes {
	size_t record_size;
	struct map by_id;
	struct node **all; /* in order of appearance */
	size_t count, capacity;
	struct node *last;
};

/* record_size is that of the command's record. */
void nodes_init(struct nodes *n, size_t record_size);

/* Frees all records; what they point to in the command's part must be freed before. */
void nodes_free(struct nodes *n);

/* The record of a node; zeroed if it is new. NULL for id 0. */
void *nodes_get(struct nodes *n, uint64_t id);

/*
 * The node that a call is about: of one on a name that which the name stands for. A name that
 * there is not makes it the directory; 0 = about none.
 */
uint64_t nodes_subject(const struct trace_event *e);

/* Does this call set the size of a file, and to what? (Not one that writes.) Else *size stays. */
bool nodes_sets_size(const struct trace_event *e, uint64_t *size);

/* Brings sizes and names up to date with an event; the reader must not have been asked for the next. */
void nodes_apply(struct nodes *n, const struct trace_reader *r, const struct trace_event *e);

/* After the last event: a node that was there before the trace may have a name left. */
void nodes_finish(struct nodes *n, const struct trace_reader *r);

/* The path of a node now, or the last that it had. Returns buf. */
const char *nodes_path(const struct node *node, const struct trace_reader *r, char *buf, size_t size);

/* Does the trace have no calls for most opens and releases, as with the option no_open of memfs(8)? */
bool nodes_opens_are_unseen(const struct trace_reader *r);

/*
 * Are reads and writes of files not in the trace, since the kernel did them by itself, as with the option passthrough? Then it
 * also asks for attributes again after them.
 */
bool nodes_bytes_are_unseen(const struct trace_reader *r);

/* Where a write or copy ends; no overflow whatever the trace says. */
uint64_t nodes_end(uint64_t offset, uint64_t size);

#endif
