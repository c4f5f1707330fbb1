/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_table.h - finds nodes by id.
 *
 * An id is a slot of the table (low 32 bits) and how often that slot was used
 * before (high 32 bits). The first use of a slot gives small numbers, in
 * order of creation, so that a trace reads well; a later one never repeats.
 *
 * All functions but node_get() and node_table_at() take the table's own mutex,
 * the last in the order of lock.h.
 */
#ifndef MEMFS_STORE_NODE_TABLE_H
#define MEMFS_STORE_NODE_TABLE_H

#include <stdint.h>

#include "store/store.h"

struct node;
struct node_table;

/* An empty table; id 1, the first one given, is the root's. 0 or -ENOMEM. */
int node_table_create(struct node_table **out);

/* Frees the table, and no node. NULL is nothing. */
void node_table_destroy(struct node_table *t);

/* Gives a node its id and puts it into the table. 0, -ENOMEM, -ENOSPC. */
int node_publish(struct node_table *t, struct node *n);

/* The node of an id, NULL if it is gone. Takes no lock; how long the pointer is good: see node.h. */
struct node *node_get(struct node_table *t, node_id id);

/* Takes a node out. The caller holds its locks: see node.h. */
void node_unpublish(struct node_table *t, struct node *n);

/*
 * Gives memory of slots that are all free back to the system. What their ids were is not forgotten: none comes again.
 * Other threads may use the table meanwhile.
 */
void node_table_reclaim(struct node_table *t);

/*
 * The indexes of all nodes are below node_table_end(); the node at an index below that, NULL = none. For who looks at all of
 * them, with all locks held.
 */
uint32_t node_table_end(struct node_table *t);
struct node *node_table_at(struct node_table *t, uint32_t index);

/* Is each slot either taken, or free to be taken, or worn out? NULL, or what is wrong. */
const char *node_table_check(struct node_table *t);

#endif
