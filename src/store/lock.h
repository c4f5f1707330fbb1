/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock.h - the locks of the store, and the order in which they are taken.
 *
 * A lock per node would be 56 bytes in each; instead a node's id picks one of
 * a fixed number of locks ("stripes"). Picking needs the id alone, so a lock
 * can be taken before it is known whether the node still lives: that is what
 * makes an id from outside safe to use.
 *
 * Two tables:
 *   dirs[]   the entries of a directory (struct dir), its parent, whether it
 *            was removed
 *   nodes[]  attributes of any node, the bytes of a file
 *
 * Order (take from above to below; let go in any order):
 *   1. store.rename_mutex   renames between two directories
 *   2. dirs[]               several only by lock_dirs(), which sorts them
 *   3. nodes[]              one at a time, or two by lock_two_nodes()
 *   4. node table mutex     (node_table.c) free slots
 *
 * A stripe serves many nodes, so "another lock of the same table" may be the
 * same lock: never take a second one of a table except by the two functions
 * named. Waiting writers go before new readers, so neither is starved, and
 * for that very reason a read lock must not be taken twice by one thread.
 */
#ifndef MEMFS_STORE_LOCK_H
#define MEMFS_STORE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "store/store.h"

#define LOCK_STRIPES 1024 /* a power of two */
#define LOCK_DIRS_MAX 4   /* a rename: two parents, source, and target */

struct stripe {
	_Alignas(64) pthread_rwlock_t lock;
};

struct lock_table {
	struct stripe dirs[LOCK_STRIPES];
	struct stripe nodes[LOCK_STRIPES];
};

/* 0, or -ENOMEM. The caller owns *out; locks_destroy() may be given NULL. */
int locks_create(struct lock_table **out);
void locks_destroy(struct lock_table *t);

/* The stripe of an id, which need not be that of a node. It is not locked yet. */
pthread_rwlock_t *lock_of_dir(struct lock_table *t, node_id id);
pthread_rwlock_t *lock_of_node(struct lock_table *t, node_id id);

/* The stripes of some directories, locked for writing, each once, in order. */
struct locked_dirs {
	pthread_rwlock_t *lock[LOCK_DIRS_MAX];
	int count;
};

/* Ids of 0 are passed over. */
void lock_dirs(struct lock_table *t, const node_id *ids, int count, struct locked_dirs *held);
void unlock_dirs(struct locked_dirs *held);

/* Two nodes for writing; they may be the same, or share a stripe. */
struct locked_nodes {
	pthread_rwlock_t *lock[2];
};

void lock_two_nodes(struct lock_table *t, node_id a, node_id b, struct locked_nodes *held);
void unlock_two_nodes(struct locked_nodes *held);

/* All of both tables, for writing, with no other lock of them held: nobody else is in the tree. */
void lock_all(struct lock_table *t);
void unlock_all(struct lock_table *t);

static inline void lock_read(pthread_rwlock_t *lock) { pthread_rwlock_rdlock(lock); }
static inline void lock_write(pthread_rwlock_t *lock) { pthread_rwlock_wrlock(lock); }
static inline void unlock(pthread_rwlock_t *lock) { pthread_rwlock_unlock(lock); }

#endif
