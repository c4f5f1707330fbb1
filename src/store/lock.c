/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/lock.h"

#include <errno.h>
#include <stdlib.h>

static unsigned stripe_of(node_id id)
{
	/* The low half of an id is the slot: neighbours get different stripes. */
	return (unsigned)id & (LOCK_STRIPES - 1);
}

int locks_create(struct lock_table **out)
{
	struct lock_table *t = aligned_alloc(64, sizeof(*t));
	pthread_rwlockattr_t attr;

	if (!t)
		return -ENOMEM;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	for (int i = 0; i < LOCK_STRIPES; i++) {
		pthread_rwlock_init(&t->dirs[i].lock, &attr);
		pthread_rwlock_init(&t->nodes[i].lock, &attr);
	}
	pthread_rwlockattr_destroy(&attr);
	*out = t;
	return 0;
}

void locks_destroy(struct lock_table *t)
{
	if (!t)
		return;
	for (int i = 0; i < LOCK_STRIPES; i++) {
		pthread_rwlock_destroy(&t->dirs[i].lock);
		pthread_rwlock_destroy(&t->nodes[i].lock);
	}
	free(t);
}

pthread_rwlock_t *lock_of_dir(struct lock_table *t, node_id id)
{
	return &t->dirs[stripe_of(id)].lock;
}

pthread_rwlock_t *lock_of_node(struct lock_table *t, node_id id)
{
	return &t->nodes[stripe_of(id)].lock;
}

void lock_dirs(struct lock_table *t, const node_id *ids, int count, struct locked_dirs *held)
{
	held->count = 0;
	for (int i = 0; i < count; i++) {
		pthread_rwlock_t *lock = lock_of_dir(t, ids[i]);
		int at = held->count;

		if (!ids[i])
			continue;
		while (at > 0 && held->lock[at - 1] > lock)
			at--;
		if (at > 0 && held->lock[at - 1] == lock)
			continue;
		for (int j = held->count++; j > at; j--)
			held->lock[j] = held->lock[j - 1];
		held->lock[at] = lock;
	}
	for (int i = 0; i < held->count; i++)
		lock_write(held->lock[i]);
}

void unlock_dirs(struct locked_dirs *held)
{
	while (held->count > 0)
		unlock(held->lock[--held->count]);
}

void lock_two_nodes(struct lock_table *t, node_id a, node_id b, struct locked_nodes *held)
{
	pthread_rwlock_t *first = lock_of_node(t, a), *second = lock_of_node(t, b);

	if (first > second) {
		pthread_rwlock_t *swap = first;

		first = second;
		second = swap;
	}
	held->lock[0] = first;
	held->lock[1] = second == first ? NULL : second;
	lock_write(first);
	if (held->lock[1])
		lock_write(held->lock[1]);
}

void unlock_two_nodes(struct locked_nodes *held)
{
	if (held->lock[1])
		unlock(held->lock[1]);
	unlock(held->lock[0]);
}

void lock_all(struct lock_table *t)
{
	for (int i = 0; i < LOCK_STRIPES; i++)
		lock_write(&t->dirs[i].lock);
	for (int i = 0; i < LOCK_STRIPES; i++)
		lock_write(&t->nodes[i].lock);
}

void unlock_all(struct lock_table *t)
{
	for (int i = 0; i < LOCK_STRIPES; i++) {
		unlock(&t->nodes[i].lock);
		unlock(&t->dirs[i].lock);
	}
}
