/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - the tree that a trace tells of, as it was at some moment.
 *
 * A memfs starts empty, so the events alone say where each node is. Kept are
 * the nodes that have a name, and those that lost it until they are forgotten
 * or their slot in the daemon's table is used again.
 */
#ifndef MEMFS_TRACE_TREE_H
#define MEMFS_TRACE_TREE_H

#include <memfs/trace_reader.h>

#include "trace/map.h"

struct tree {
	struct map nodes; /* by slot: the low half of an id */
};

/* Changes the tree as the event did. 0 or -ENOMEM. */
int tree_apply(struct tree *t, const struct trace_event *e);

/* See trace_path() and trace_node_type(). */
const char *tree_path(const struct tree *t, uint64_t node, const char *name, char *buf,
		      size_t size);
mode_t tree_type(const struct tree *t, uint64_t node);

/* The node has that name, as somebody says who knows. type 0 = not known. 0 or -ENOMEM. */
int tree_define(struct tree *t, uint64_t node, uint64_t parent, mode_t type, const char *name);

/* Frees all of it; the tree is empty then. */
void tree_destroy(struct tree *t);

#endif
