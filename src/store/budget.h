/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * budget.h - what the tree may hold, and what it holds now.
 *
 * Two accounts, as tmpfs has them: `bytes` for file data (size=), `space` for
 * all that describes it (nr_inodes=). The second is counted in bytes too,
 * BUDGET_NODE for each node and for each further hard link, so that names,
 * symlink targets and extended attributes are bounded by it as well.
 * No locks: each account is one atomic counter.
 */
#ifndef MEMFS_STORE_BUDGET_H
#define MEMFS_STORE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUDGET_NODE 1024 /* as tmpfs's BOGO_INODE_SIZE */
#define BUDGET_SHRUNK_MIN (8u << 20) /* bytes; a fall by less is not worth a call of shrunk() */

struct account {
	_Atomic uint64_t used;
	_Atomic uint64_t limit; /* UINT64_MAX = none */
	_Atomic uint64_t peak;  /* high-water mark since the last call of shrunk() */
	void (*shrunk)(void *context); /* called when `used` has fallen to half of it; may be NULL */
	void *context;
};

struct budget {
	struct account bytes;
	struct account space;
	_Atomic uint64_t nodes;
};

/* Takes n, or nothing and false when that would pass the limit. */
bool account_take(struct account *a, uint64_t n);
void account_give(struct account *a, uint64_t n);

#endif
