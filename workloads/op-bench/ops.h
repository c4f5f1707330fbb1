/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The single operations that op-bench measures, one row each in a table.
 *
 * All names are asked for relative to an open directory, so that an operation is one step of a
 * path and no more. An operation is done in batches: what a batch needs is made before it and
 * removed after it, and neither is measured.
 */
#ifndef OP_BENCH_OPS_H
#define OP_BENCH_OPS_H

#include <stdbool.h>
#include <stddef.h>

#define OP_BATCH_MAX 1024
#define OP_ITEMS_MAX (OP_BATCH_MAX + 2) /* some are for warming up */

/* One of the threads, with what the operations keep from one call to the next. */
struct worker {
	unsigned index;          /* of the thread, from 0 */
	unsigned serial;         /* of the measurement: for names that nobody has used */
	unsigned short random[3]; /* nrand48() */
	int dirfd;               /* where it works */
	unsigned items;          /* in a batch: OP_ITEMS_MAX at most */
	unsigned batches;        /* begun */
	char (*names)[32];       /* one an item */
	char (*others)[32];      /* a second one */
	unsigned *order;         /* of blocks */
	int fd;                  /* a file, or -1 */
	char *buffer;            /* OP_BUFFER bytes */
	char *map;               /* of the file, or NULL */
	const char *what;        /* the call that failed */
};

#define OP_BUFFER (1u << 20)

struct op {
	const char *name;
	const char *what;        /* for --help, one line */
	unsigned batch;          /* operations between making and clearing */
	bool lasting;            /* made once, not for each batch */
	/* Each returns 0 or an errno; all but run may be NULL. */
	int (*make)(struct worker *w);               /* what all items need */
	int (*ready)(struct worker *w);              /* caches as they should be; after make of all threads */
	int (*run)(struct worker *w, unsigned item); /* one operation: this is measured */
	void (*clear)(struct worker *w);             /* also of what is made only in part */
};

extern const struct op ops[];
extern const unsigned op_count;

/* NULL = there is none of that name. */
const struct op *op_find(const char *name);

/* Opens the directory, which it makes, and gives names and memory. 0 or an errno. */
int worker_begin(struct worker *w, const char *dir, unsigned long long seed);
void worker_end(struct worker *w);

#endif
