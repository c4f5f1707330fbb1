/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xattrs.h - the extended attributes of one node.
 *
 * A list: nearly all nodes have none, and few have more than two. What they
 * take is charged to the account that names and nodes are charged to.
 * All functions want the node's lock (nodes[] in lock.h): to change, for writing.
 */
#ifndef MEMFS_STORE_XATTRS_H
#define MEMFS_STORE_XATTRS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/budget.h"

struct xattr {
	struct xattr *next;
	uint32_t size;      /* of the value */
	uint32_t name_size; /* with its NUL */
	char bytes[];       /* name, NUL, value */
};

static inline void *xattr_value(struct xattr *x)
{
	return x->bytes + x->name_size;
}

/* NULL if there is none of that name. */
struct xattr *xattrs_find(struct xattr *list, const char *name);

/*
 * Sets a value; flags as in setxattr(2): XATTR_CREATE (-EEXIST),
 * XATTR_REPLACE (-ENODATA). -ENOSPC, -ENOMEM; then nothing has changed.
 */
int xattrs_set(struct xattr **list, struct account *space, const char *name, const void *value,
	       size_t size, int flags);

/* -ENODATA if there is none. */
int xattrs_remove(struct xattr **list, struct account *space, const char *name);

/*
 * The names, each with its NUL, into buf; their length. With size 0 the length
 * alone; -ERANGE if it does not fit. Names in trusted. only on demand.
 */
ssize_t xattrs_list(const struct xattr *list, char *buf, size_t size, bool trusted);

/* What a list was charged. */
uint64_t xattrs_cost(const struct xattr *list);

/* Frees all, and gives back what they were charged; *list is NULL then. */
void xattrs_destroy(struct xattr **list, struct account *space);

#endif
