/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trim.h - gives memory back to the system after much has been removed.
 *
 * free(3) keeps what it gets for the next malloc(3), page by page between what is still in use; and the store keeps the
 * slots of nodes. A thread returns such pages, a second after it was asked to: what is being removed goes on for
 * a while, and to ask the allocator costs some milliseconds. Otherwise it sleeps.
 */
#ifndef MEMFS_TRIM_H
#define MEMFS_TRIM_H

struct store;

/* Starts the thread, for a store that outlives it. 0 or a negative errno. After the last fork(). */
int trim_start(struct store *store);

/* Asks for it, from any thread; never waits. The argument means nothing: it is a callback. */
void trim_ask(void *unused);

/* Ends the thread, and waits for that. After trim_start() only. */
void trim_stop(void);

#endif
