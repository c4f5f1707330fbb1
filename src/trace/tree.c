/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROOT 1
#define DEPTH_MAX 2048 /* a damaged trace could tell of a loop */

struct tree_link {
	struct tree_link *next;
	uint64_t parent;
	char name[];
};

/*
 * A slot's next node can be made in a call that began before the last one of
 * the node before it: in order of start the two overlap. So the one before is
 * kept until there is a third, or it is forgotten.
 */
struct tree_node {
	uint64_t id;
	struct tree_node *before; /* in this slot */
	mode_t type;
	bool deleted;            /* links is then the last name that it had */
	struct tree_link *links; /* the newest first */
};

static void free_links(struct tree_link *l)
{
	while (l) {
		struct tree_link *next = l->next;

		free(l);
		l = next;
	}
}

static void free_node(void *node)
{
	struct tree_node *n = node;

	while (n) {
		struct tree_node *before = n->before;

		free_links(n->links);
		free(n);
		n = before;
	}
}

void tree_destroy(struct tree *t)
{
	map_destroy(&t->nodes, free_node);
}

static uint64_t slot_of(uint64_t id)
{
	return id & UINT32_MAX;
}

static struct tree_node *get(const struct tree *t, uint64_t id)
{
	struct tree_node *n = slot_of(id) ? map_get(&t->nodes, slot_of(id)) : NULL;

	while (n && n->id != id)
		n = n->before;
	return n;
}

/* The node of an id, new if need be. NULL without memory, or when the id can be none. */
static struct tree_node *make(struct tree *t, uint64_t id)
{
	struct tree_node *n = get(t, id), *newest;
	void *old;

	if (n || !slot_of(id))
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = id;
	newest = map_get(&t->nodes, slot_of(id));
	if (newest && newest->id > id) {
		free_node(newest->before);
		newest->before = n;
		return n;
	}
	if (map_set(&t->nodes, slot_of(id), n, &old) < 0) {
		free(n);
		return NULL;
	}
	n->before = old;
	if (n->before) {
		free_node(n->before->before);
		n->before->before = NULL;
	}
	return n;
}

static struct tree_link **find_link(struct tree_node *n, uint64_t parent, const char *name)
{
	struct tree_link **at = &n->links;

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static int add_link(struct tree *t, uint64_t id, mode_t type, uint64_t parent, const char *name)
{
	struct tree_node *n = make(t, id);
	struct tree_link *l;

	if (!slot_of(id) || !name)
		return 0;
	if (!n)
		return -ENOMEM;
	if (type)
		n->type = type;
	if (n->deleted) {
		free_links(n->links);
		n->links = NULL;
		n->deleted = false;
	}
	if (*find_link(n, parent, name))
		return 0;
	l = malloc(sizeof(*l) + strlen(name) + 1);
	if (!l)
		return -ENOMEM;
	l->parent = parent;
	strcpy(l->name, name);
	l->next = n->links;
	n->links = l;
	return 0;
}

static void remove_link(struct tree *t, uint64_t id, uint64_t parent, const char *name)
{
	struct tree_node *n = get(t, id);
	struct tree_link **at, *l;

	if (!n || n->deleted || !name)
		return;
	at = find_link(n, parent, name);
	l = *at;
	if (!l)
		return;
	if (l == n->links && !l->next) {
		n->deleted = true;
		return;
	}
	*at = l->next;
	free(l);
}

static int move(struct tree *t, uint64_t id, uint64_t parent, const char *name,
		uint64_t new_parent, const char *new_name)
{
	int err = add_link(t, id, 0, new_parent, new_name);

	if (!err)
		remove_link(t, id, parent, name);
	return err;
}

static int apply_rename(struct tree *t, const struct trace_event *e)
{
	int err = 0;

	if (!e->result || !e->name || !e->name2)
		return 0;
	if (e->replaced && (e->flags & RENAME_EXCHANGE))
		err = move(t, e->replaced, e->node2, e->name2, e->node, e->name);
	else if (e->replaced)
		remove_link(t, e->replaced, e->node2, e->name2);
	if (!err)
		err = move(t, e->result, e->node, e->name, e->node2, e->name2);
	if (!err && e->whiteout)
		err = add_link(t, e->whiteout, S_IFCHR, e->node, e->name);
	return err;
}

static void forget(struct tree *t, uint64_t id)
{
	struct tree_node *newest = map_get(&t->nodes, slot_of(id));

	if (!newest)
		return;
	if (newest->id == id && newest->deleted) {
		free_node(map_remove(&t->nodes, slot_of(id)));
	} else if (newest->before && newest->before->id == id && newest->before->deleted) {
		free_node(newest->before);
		newest->before = NULL;
	}
}

static bool is_dots(const char *name)
{
	return name && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0);
}

int tree_define(struct tree *t, uint64_t node, uint64_t parent, mode_t type, const char *name)
{
	return add_link(t, node, type, parent, name);
}

int tree_apply(struct tree *t, const struct trace_event *e)
{
	if (e->error)
		return 0;
	switch (e->op) {
	case TRACE_OP_CREATE:
		return add_link(t, e->result, S_IFREG, e->node, e->name);
	case TRACE_OP_MKNOD:
		return add_link(t, e->result, e->mode & S_IFMT ? e->mode & S_IFMT : S_IFREG,
				e->node, e->name);
	case TRACE_OP_MKDIR:
		return add_link(t, e->result, S_IFDIR, e->node, e->name);
	case TRACE_OP_SYMLINK:
		return add_link(t, e->result, S_IFLNK, e->node, e->name);
	case TRACE_OP_LOOKUP:
		/* Tells nothing new, unless events were lost. */
		return is_dots(e->name) || get(t, e->result) ? 0 :
		       add_link(t, e->result, 0, e->node, e->name);
	case TRACE_OP_LINK:
		return add_link(t, e->result, 0, e->node2, e->name);
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		remove_link(t, e->result, e->node, e->name);
		return 0;
	case TRACE_OP_RENAME:
		return apply_rename(t, e);
	case TRACE_OP_FORGET:
		forget(t, e->node);
		return 0;
	default:
		return 0;
	}
}

/* Writes from the end of buf forward: the start of what is there now is *at. */
static bool prepend(char *buf, size_t *at, const char *text)
{
	size_t length = strlen(text);

	if (length + 1 > *at) {
		/* No room: the end of the path says most, the start is marked as cut off, over what is there if need be. */
		if (*at + strlen(buf + *at) >= 3) {
			*at = *at > 3 ? *at - 3 : 0;
			memcpy(buf + *at, "...", 3);
		}
		return false;
	}
	*at -= length;
	memcpy(buf + *at, text, length);
	*at -= 1;
	buf[*at] = '/';
	return true;
}

const char *tree_path(const struct tree *t, uint64_t node, const char *name, char *buf,
		      size_t size)
{
	size_t at = size - 1;
	bool deleted = false, whole;
	char unknown[32];

	buf[at] = '\0';
	whole = !name || prepend(buf, &at, name);

	for (int depth = 0; whole && node != ROOT; depth++) {
		struct tree_node *n = get(t, node);

		if (!n || !n->links || depth == DEPTH_MAX) {
			snprintf(unknown, sizeof(unknown), "#%" PRIu64, node);
			prepend(buf, &at, unknown);
			if (buf[at] == '/')
				at++;
			break;
		}
		deleted = deleted || n->deleted;
		whole = prepend(buf, &at, n->links->name);
		node = n->links->parent;
	}
	if (buf[at] == '\0')
		buf[--at] = '/';
	memmove(buf, buf + at, size - at);
	if (deleted && strlen(buf) + sizeof(" (deleted)") <= size)
		strcat(buf, " (deleted)");
	return buf;
}

mode_t tree_type(const struct tree *t, uint64_t node)
{
	struct tree_node *n = get(t, node);

	if (node == ROOT)
		return S_IFDIR;
	return n ? n->type : 0;
}
