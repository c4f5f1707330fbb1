/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dir.h - the entries of one directory.
 *
 * entries[] stands in order of cookie: entries are appended with ever growing
 * cookies, a removed one leaves a gap that keeps its cookie, and gaps are
 * closed when they are the majority. So a listing goes on from any cookie by binary search,
 * even from that of an entry that has been removed since.
 *
 * slots[] is a hash table by name (open addressing, linear probing) of
 * indexes into entries[], made when a directory has more than a handful.
 *
 *   slots:   [ . 3 . 1 . . 4 . ]      index + 1, 0 = free
 *                |   |     |
 *   entries: [ a, -, b, c ]           - = a gap
 *   cookies:   3  4  5  6
 *
 * Lookup, insertion and removal are O(1), amortised; seek is O(log n).
 * All functions want the directory's lock (dirs[] in lock.h).
 */
#ifndef MEMFS_STORE_DIR_H
#define MEMFS_STORE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/* Cookies of "." and "..": entries of the directory proper come after. */
#define DIR_COOKIE_SELF 1
#define DIR_COOKIE_PARENT 2
#define DIR_COOKIE_FIRST 3

struct dirent_node {
	node_id node;
	uint64_t cookie;
	uint32_t hash;
	uint32_t index; /* in entries[] */
	uint8_t type;   /* S_IFMT of the node, >> 12, as DT_ of dirent.h */
	uint8_t length;
	char name[];    /* NUL-terminated */
};

/* A place in entries[]: a pointer to an entry, or 2 * cookie + 1 of one removed. */
typedef uintptr_t dir_cell;

struct dir {
	dir_cell *entries;
	uint32_t *slots;     /* NULL while small */
	uint64_t next_cookie;
	uint32_t used;       /* of entries, gaps among them */
	uint32_t capacity;   /* of entries */
	uint32_t live;
	uint32_t slot_count; /* a power of two, or 0 */
};

/* A name with its hash: made once for an operation. */
struct dir_name {
	const char *name;
	uint32_t hash;
	uint8_t length;
};

/* 0, -ENAMETOOLONG, or -ENOENT for an empty name. */
int dir_name_init(struct dir_name *n, const char *name);

/* An empty directory; it has no memory yet. */
void dir_init(struct dir *d);

/* Frees all entries; the nodes that they name are the caller's business. */
void dir_destroy(struct dir *d);

/* NULL = there is none of that name. What is returned stays the directory's. */
struct dirent_node *dir_find(const struct dir *d, const struct dir_name *name);

/* An entry that is not yet in a directory: NULL when there is no memory. free() ends it. */
struct dirent_node *dir_entry_create(const struct dir_name *name);

/* Makes room for n more, so that as many dir_insert() cannot fail. 0 or -ENOMEM. */
int dir_reserve(struct dir *d, unsigned n);

/* Puts a prepared entry in; the directory owns it now. The name must not be there yet. */
void dir_insert(struct dir *d, struct dirent_node *entry, node_id node, uint8_t type);

/* Takes an entry out and frees it. */
void dir_remove(struct dir *d, struct dirent_node *entry);

/*
 * Looks whether all that is said above holds: order of cookies, counts, each entry found by its
 * name, nothing else in slots[]. NULL, or what is wrong.
 */
const char *dir_check(const struct dir *d);

/* The first entry with a cookie above this one, NULL = none. */
struct dirent_node *dir_next(const struct dir *d, uint64_t cookie);

#endif
