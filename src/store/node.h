/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node.h - the nodes and their lifetime; node_table.h finds them by id.
 *
 * Lifetime. A node is in the table from node_publish() until it has neither
 * a name (nlink) nor a lookup (nlookup); whoever takes the last one away
 * unpublishes it under the node's lock and frees it after. Pointers to nodes
 * are therefore only good while a lock of that node is held: nodes[] for any
 * node, dirs[] for a directory, which is unpublished under both. There are no
 * other references: every operation starts from an id.
 */
#ifndef MEMFS_STORE_NODE_H
#define MEMFS_STORE_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "store/backing.h"
#include "store/budget.h"
#include "store/data.h"
#include "store/dir.h"
#include "store/lock.h"
#include "store/node_table.h"
#include "store/store.h"
#include "store/xattrs.h"

struct node_time {
	int64_t sec;
	uint32_t nsec;
} __attribute__((packed, aligned(4)));

/* Which lock: [d] the directory's, [n] the node's, [c] constant, [a] atomic. */
struct node {
	node_id id;                /* [c] */
	_Atomic uint64_t nlookup;  /* [a] lookups the kernel holds */
	uint64_t size;             /* [n] as st_size, but see content.h */
	mode_t type;               /* [c] S_IFMT bits */
	mode_t perm;               /* [n] the other bits of the mode */
	uid_t uid;                 /* [n] */
	gid_t gid;                 /* [n] */
	uint32_t nlink;            /* [n] */
	uint32_t flags;            /* [n] STORE_FLAGS of store.h */
	bool removed;              /* [d] a directory that has no name any more */
	struct node_time atime;    /* [n] */
	struct node_time mtime;    /* [n] */
	struct node_time ctime;    /* [n] */
	struct node_time btime;    /* [c] */
	struct xattr *xattrs;      /* [n] */
	union {
		struct data data;  /* [n] S_IFREG: see content.h */
		uint64_t backing;  /* [c] S_IFREG where the store has backing files: the name of one */
		dev_t rdev;        /* [c] S_IFCHR, S_IFBLK */
		char *target;      /* [c] S_IFLNK */
		struct {
			struct dir entries; /* [d] S_IFDIR */
			node_id parent;     /* [d]; of the root: itself */
		} dir;
	};
};

struct store {
	pthread_mutex_t rename_mutex;
	struct lock_table *locks;
	struct node_table *table;
	struct budget budget;
	struct backing *backing;   /* [c] where the bytes of files are; NULL = in chunks of ours */
	int (*resize_backing)(void *context, uint64_t size); /* [c] store_options */
	void *context;             /* [c] likewise */
	_Atomic bool has_flags;    /* some node has, or has had, store_set_flags() */
	_Atomic bool has_capabilities; /* some node has, or has had, a security.capability */
};

/*
 * A node with its account charged, not yet published. -ENOSPC, -ENOMEM. It is counted in budget.nodes before it is
 * charged, and in node_destroy() as long as it is: see check.c.
 */
int node_create(struct store *s, mode_t mode, uid_t uid, gid_t gid, struct node **out);

/* Frees a node that is in no table (any more), with all it holds, and credits the accounts. */
void node_destroy(struct store *s, struct node *n);

/* Has it neither name nor lookup? Then the caller, who holds the locks, unpublishes it. */
bool node_is_dead(const struct node *n);

/* Was it declared immutable, or append-only? Wants nodes[]. */
static inline bool node_is_fixed(const struct node *n)
{
	return n->flags & (STORE_IMMUTABLE | STORE_APPEND);
}

/* The clock of all times in the tree: the kernel's coarse one (see node.c). */
struct node_time node_now(void);

static inline struct timespec node_timespec(struct node_time t)
{
	return (struct timespec){ .tv_sec = t.sec, .tv_nsec = t.nsec };
}

/* Fills *attr. Wants nodes[]. 0, or what backing_stat() says. */
int node_stat(const struct store *s, const struct node *n, struct stat *attr);

#endif
