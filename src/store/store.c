/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - making and ending a tree, and what it uses of its budget. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "store/node.h"
#include "store/names.h"

static void set_limit(struct account *a, uint64_t limit)
{
	atomic_store(&a->limit, limit ? limit : UINT64_MAX);
}

static uint64_t get_limit(const struct account *a)
{
	uint64_t limit = atomic_load(&a->limit);

	return limit == UINT64_MAX ? 0 : limit;
}

static int make_root(struct store *s, const struct store_options *options)
{
	struct node *root;
	int err = node_create(s, S_IFDIR | (options->mode & 07777), options->uid, options->gid,
			      &root);

	if (err)
		return err;
	root->nlink = 2;
	root->size = DIR_SIZE_EMPTY;
	root->dir.parent = STORE_ROOT;
	atomic_store(&root->nlookup, 1); /* the mount's own, never given back */
	err = node_publish(s->table, root);
	if (err)
		node_destroy(s, root);
	return err;
}

int store_create(const struct store_options *options, struct store **out)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->rename_mutex, NULL);
	set_limit(&s->budget.bytes, options->size);
	set_limit(&s->budget.space, options->nr_inodes > UINT64_MAX / BUDGET_NODE ?
		  0 : options->nr_inodes * BUDGET_NODE);
	s->budget.bytes.shrunk = s->budget.space.shrunk = options->shrunk;
	s->budget.bytes.context = s->budget.space.context = options->context;
	s->resize_backing = options->resize_backing;
	s->context = options->context;
	err = options->backing ? backing_create(options->size, &s->backing) : 0;
	if (!err)
		err = locks_create(&s->locks);
	if (!err)
		err = node_table_create(&s->table);
	if (!err)
		err = make_root(s, options);
	if (err) {
		store_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

static uint64_t bytes_used(const struct store *s)
{
	uint64_t used = atomic_load(&s->budget.bytes.used);

	if (s->backing && backing_used(s->backing, &used) < 0)
		return 0;
	return used;
}

int store_resize(struct store *s, uint64_t size)
{
	int err = 0;

	if (s->backing && s->resize_backing)
		err = s->resize_backing(s->context, size);
	else if (s->backing)
		err = backing_resize(backing_root(s->backing), size);
	else if (size && size < bytes_used(s))
		err = -EINVAL;
	if (!err)
		set_limit(&s->budget.bytes, size);
	return err;
}

int store_set_nr_inodes(struct store *s, uint64_t nr_inodes)
{
	uint64_t used = atomic_load(&s->budget.space.used);
	uint64_t limit = nr_inodes > UINT64_MAX / BUDGET_NODE ? 0 : nr_inodes * BUDGET_NODE;

	if (limit && limit < used)
		return -EINVAL;
	set_limit(&s->budget.space, limit);
	return 0;
}

static void destroy_nodes(struct store *s)
{
	uint32_t end = s->table ? node_table_end(s->table) : 0;

	for (uint32_t i = 1; i < end; i++) {
		struct node *n = node_table_at(s->table, i);

		if (n)
			node_destroy(s, n);
	}
}

void store_reclaim(struct store *s)
{
	node_table_reclaim(s->table);
}

void store_destroy(struct store *s)
{
	if (!s)
		return;
	/* All at once, and not file by file. */
	if (s->backing)
		backing_end(s->backing);
	destroy_nodes(s);
	node_table_destroy(s->table);
	backing_destroy(s->backing);
	locks_destroy(s->locks);
	pthread_mutex_destroy(&s->rename_mutex);
	free(s);
}

void store_usage(struct store *s, struct store_usage *usage)
{
	*usage = (struct store_usage){
		.bytes = bytes_used(s),
		.nodes = atomic_load(&s->budget.nodes),
		.size = get_limit(&s->budget.bytes),
		.nr_inodes = get_limit(&s->budget.space) / BUDGET_NODE,
	};
}

void store_statfs(struct store *s, struct statvfs *st)
{
	uint64_t size = get_limit(&s->budget.bytes);
	uint64_t used = bytes_used(s);
	uint64_t space = get_limit(&s->budget.space);
	uint64_t taken = atomic_load(&s->budget.space.used);

	*st = (struct statvfs){
		.f_bsize = DATA_PAGE,
		.f_frsize = DATA_PAGE,
		.f_namemax = STORE_NAME_MAX,
		.f_blocks = size / DATA_PAGE,
		.f_files = space / BUDGET_NODE,
	};
	if (size > used)
		st->f_bfree = st->f_bavail = (size - used) / DATA_PAGE;
	if (space > taken)
		st->f_ffree = st->f_favail = (space - taken) / BUDGET_NODE;
}
