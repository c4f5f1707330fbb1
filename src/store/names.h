/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - what namespace.c and rename.c share: a directory that changes, a name that goes. */
#ifndef MEMFS_STORE_NAMES_H
#define MEMFS_STORE_NAMES_H

#include "store/node.h"

/* st_size of a directory, as tmpfs counts it: "." and "..", and so much for each entry. */
#define DIR_SIZE_ENTRY 20
#define DIR_SIZE_EMPTY (2 * DIR_SIZE_ENTRY)

/* The DT_ type of dirent.h for a mode's S_IFMT bits. */
static inline uint8_t dirent_type(mode_t mode)
{
	return (uint8_t)((mode & S_IFMT) >> 12);
}

/* The directory of an id, with dirs[] of it held: -ESTALE, -ENOTDIR. */
int names_get_dir(struct store *s, node_id id, struct node **out);

/*
 * A directory gained (entries > 0) or lost entries, and links by
 * subdirectories: its size, nlink and times. Takes nodes[] itself; wants
 * dirs[] for writing.
 */
void names_changed(struct store *s, struct node *dir, int entries, int links);

/*
 * A node lost a name: nlink goes down by `links`, ctime moves. If that was
 * the end of it, it is unpublished and returned, for node_destroy() when no
 * lock is held any more; else NULL. Takes nodes[] itself; for a directory
 * wants dirs[] of it.
 */
struct node *names_unlinked(struct store *s, node_id id, uint32_t links);

/*
 * The flags of a node (store_set_flags()), 0 if it is gone. Takes nodes[]
 * itself, but only if any node has ever had one.
 */
uint32_t names_flags(struct store *s, node_id id);

/* May a name be added to this directory? May this one be taken away from it? 0 or -EPERM. */
int names_may_add(struct store *s, node_id dir);
int names_may_remove(struct store *s, node_id dir, node_id id);

/* Moves the ctime of a node whose name changed. Takes nodes[] itself. */
void names_touch(struct store *s, node_id id);

/*
 * Puts a new node under a name of a directory that has been reserved for it.
 * Takes nodes[] of both; wants dirs[] of the directory. On failure nothing
 * has changed. entry may be NULL: else it is a lookup.
 */
int names_insert_new(struct store *s, struct node *dir, struct dirent_node *e, struct node *n,
		     struct store_entry *entry);

#endif
