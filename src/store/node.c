/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/content.h"

#define CHUNK_BITS 12
#define CHUNK_SLOTS (1u << CHUNK_BITS)
#define CHUNKS (1u << (32 - CHUNK_BITS))

struct slot {
	_Atomic(struct node *) node; /* NULL = free */
	uint32_t uses;               /* [mutex] nodes it has held before this one */
	uint32_t next_free;          /* [mutex] 0 = none (slot 0 is never used) */
};

/*
 * Slots stand in chunks that never move, so that finding a node takes no lock
 * of the table. The array of chunk pointers is address space for 2^32 slots;
 * the kernel gives it memory where it is used.
 */
struct node_table {
	pthread_mutex_t mutex;
	_Atomic(struct slot *) *chunks;
	uint32_t first_free; /* [mutex] */
	uint32_t used;       /* [mutex] slots ever used, slot 0 among them */
};

static const size_t chunks_bytes = CHUNKS * sizeof(void *);

int node_table_create(struct node_table **out)
{
	struct node_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->chunks = mmap(NULL, chunks_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->chunks == MAP_FAILED) {
		free(t);
		return -ENOMEM;
	}
	pthread_mutex_init(&t->mutex, NULL);
	t->used = 1; /* no node has id 0; the first one made, the root, is 1 */
	*out = t;
	return 0;
}

static struct slot *chunk_of(struct node_table *t, uint32_t index)
{
	return atomic_load_explicit(&t->chunks[index >> CHUNK_BITS], memory_order_acquire);
}

/* The slot of an index below t->used: its chunk is there. */
static struct slot *slot_of(struct node_table *t, uint32_t index)
{
	return chunk_of(t, index) + (index & (CHUNK_SLOTS - 1));
}

void node_table_destroy(struct node_table *t, struct store *s)
{
	if (!t)
		return;
	for (uint32_t i = 1; i < t->used; i++) {
		struct node *n = atomic_load(&slot_of(t, i)->node);

		if (n)
			node_destroy(s, n);
	}
	for (uint32_t i = 0; i < CHUNKS && t->chunks[i]; i++)
		free(t->chunks[i]);
	munmap(t->chunks, chunks_bytes);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

/* A slot never used before; its chunk is made with the first. Wants the mutex. */
static int new_slot(struct node_table *t, uint32_t *index)
{
	if (t->used == UINT32_MAX)
		return -ENOSPC;
	if (!chunk_of(t, t->used)) {
		struct slot *chunk = calloc(CHUNK_SLOTS, sizeof(*chunk));

		if (!chunk)
			return -ENOMEM;
		atomic_store_explicit(&t->chunks[t->used >> CHUNK_BITS], chunk,
				      memory_order_release);
	}
	*index = t->used++;
	return 0;
}

int node_publish(struct node_table *t, struct node *n)
{
	uint32_t index;
	int err = 0;

	pthread_mutex_lock(&t->mutex);
	index = t->first_free;
	if (index)
		t->first_free = slot_of(t, index)->next_free;
	else
		err = new_slot(t, &index);
	if (!err) {
		struct slot *slot = slot_of(t, index);

		n->id = (node_id)slot->uses++ << 32 | index;
		atomic_store_explicit(&slot->node, n, memory_order_release);
	}
	pthread_mutex_unlock(&t->mutex);
	return err;
}

struct node *node_get(struct node_table *t, node_id id)
{
	uint32_t index = (uint32_t)id;
	struct node *n = NULL;

	if (chunk_of(t, index))
		n = atomic_load_explicit(&slot_of(t, index)->node, memory_order_acquire);
	return n && n->id == id ? n : NULL;
}

void node_unpublish(struct node_table *t, struct node *n)
{
	uint32_t index = (uint32_t)n->id;
	struct slot *slot = slot_of(t, index);

	pthread_mutex_lock(&t->mutex);
	atomic_store_explicit(&slot->node, NULL, memory_order_release);
	if (slot->uses != UINT32_MAX) { /* else it is worn out: ids must not repeat */
		slot->next_free = t->first_free;
		t->first_free = index;
	}
	pthread_mutex_unlock(&t->mutex);
}

uint32_t node_table_used(struct node_table *t)
{
	uint32_t used;

	pthread_mutex_lock(&t->mutex);
	used = t->used;
	pthread_mutex_unlock(&t->mutex);
	return used;
}

struct node *node_table_at(struct node_table *t, uint32_t index)
{
	return atomic_load_explicit(&slot_of(t, index)->node, memory_order_acquire);
}

static const char *check_slots(struct node_table *t)
{
	uint32_t free_slots = 0, in_list = 0;

	for (uint32_t i = 1; i < t->used; i++) {
		const struct slot *slot = slot_of(t, i);
		const struct node *n = atomic_load(&slot->node);

		if (n && n->id != ((node_id)(slot->uses - 1) << 32 | i))
			return "a node stands in another slot than its id says";
		free_slots += !n && slot->uses != UINT32_MAX;
	}
	for (uint32_t i = t->first_free; i && in_list <= free_slots; i = slot_of(t, i)->next_free) {
		if (i >= t->used || atomic_load(&slot_of(t, i)->node))
			return "the list of free slots has one that is not free";
		in_list++;
	}
	return in_list == free_slots ? NULL : "the list of free slots is not all of them";
}

const char *node_table_check(struct node_table *t)
{
	const char *wrong;

	pthread_mutex_lock(&t->mutex);
	wrong = check_slots(t);
	pthread_mutex_unlock(&t->mutex);
	return wrong;
}

int node_create(struct store *s, mode_t mode, uid_t uid, gid_t gid, struct node **out)
{
	struct node_time now = node_now();
	struct node *n;
	int err;

	atomic_fetch_add(&s->budget.nodes, 1);
	if (!account_take(&s->budget.space, BUDGET_NODE)) {
		atomic_fetch_sub(&s->budget.nodes, 1);
		return -ENOSPC;
	}
	n = calloc(1, sizeof(*n));
	err = n ? 0 : -ENOMEM;
	if (n && S_ISREG(mode))
		err = content_create(s, n);
	if (err) {
		account_give(&s->budget.space, BUDGET_NODE);
		atomic_fetch_sub(&s->budget.nodes, 1);
		free(n);
		return err;
	}
	n->type = mode & S_IFMT;
	n->perm = mode & 07777;
	n->uid = uid;
	n->gid = gid;
	n->nlink = 1;
	n->atime = n->mtime = n->ctime = n->btime = now;
	if (S_ISDIR(mode))
		dir_init(&n->dir.entries);
	*out = n;
	return 0;
}

void node_destroy(struct store *s, struct node *n)
{
	uint64_t space = BUDGET_NODE;

	if (S_ISDIR(n->type)) {
		dir_destroy(&n->dir.entries);
	} else if (S_ISREG(n->type)) {
		content_destroy(s, n);
	} else if (S_ISLNK(n->type)) {
		space += n->size;
		free(n->target);
	}
	xattrs_destroy(&n->xattrs, &s->budget.space);
	account_give(&s->budget.space, space);
	atomic_fetch_sub(&s->budget.nodes, 1);
	free(n);
}

bool node_is_dead(const struct node *n)
{
	return n->nlink == 0 && atomic_load(&n->nlookup) == 0;
}

/*
 * In writeback mode the kernel stamps the files it writes, by its coarse
 * clock, which lags the fine one by up to a tick. With a finer clock here a
 * file could seem older than one made before it, and make(1) would be misled.
 */
struct node_time node_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (struct node_time){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

int node_stat(const struct store *s, const struct node *n, struct stat *attr)
{
	*attr = (struct stat){
		.st_ino = n->id,
		.st_mode = n->type | n->perm,
		.st_nlink = n->nlink,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_size = (off_t)n->size,
		.st_blksize = 4096,
		.st_atim = node_timespec(n->atime),
		.st_mtim = node_timespec(n->mtime),
		.st_ctim = node_timespec(n->ctime),
	};
	if (S_ISREG(n->type))
		return content_stat(s, n, attr);
	if (S_ISCHR(n->type) || S_ISBLK(n->type))
		attr->st_rdev = n->rdev;
	return 0;
}
