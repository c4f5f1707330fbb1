/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.c - all names of a tree, without stopping those who change it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define BATCH 256 /* entries of one directory that are taken in one go, under its lock */

struct batch {
	struct {
		node_id id;
		mode_t type;
		char name[256];
	} entries[BATCH];
	unsigned count;
	uint64_t cookie; /* of the last one */
};

struct stack {
	node_id *ids;
	size_t count, capacity;
};

static int push(struct stack *s, node_id id)
{
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 256;
		node_id *ids = realloc(s->ids, capacity * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		s->ids = ids;
		s->capacity = capacity;
	}
	s->ids[s->count++] = id;
	return 0;
}

static bool take(void *context, const char *name, uint64_t cookie, const struct store_entry *entry)
{
	struct batch *b = context;

	if (b->count == BATCH)
		return false;
	b->cookie = cookie;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	b->entries[b->count].id = entry->id;
	b->entries[b->count].type = entry->attr.st_mode & S_IFMT;
	strcpy(b->entries[b->count].name, name);
	b->count++;
	return true;
}

/* One directory; those in it go on the stack. */
static int walk_directory(struct store *s, node_id dir, struct batch *b, struct stack *stack,
			  store_walk_fn fn, void *context)
{
	int err = 0;

	b->cookie = 0;
	do {
		b->count = 0;
		/* It may have gone meanwhile: then it has nothing in it any more. */
		if (store_readdir(s, dir, b->cookie, false, take, b) < 0)
			return 0;
		for (unsigned i = 0; !err && i < b->count; i++) {
			fn(context, dir, b->entries[i].name, b->entries[i].id, b->entries[i].type);
			if (S_ISDIR(b->entries[i].type))
				err = push(stack, b->entries[i].id);
		}
	} while (!err && b->count == BATCH);
	return err;
}

int store_walk(struct store *s, store_walk_fn fn, void *context)
{
	struct batch *b = malloc(sizeof(*b));
	struct stack stack = { 0 };
	int err = b ? push(&stack, STORE_ROOT) : -ENOMEM;

	while (!err && stack.count)
		err = walk_directory(s, stack.ids[--stack.count], b, &stack, fn, context);
	free(stack.ids);
	free(b);
	return err;
}
