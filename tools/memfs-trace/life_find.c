/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * life_find.c - which nodes ever had a path.
 *
 * Only names equal to the last component can be it: these entries are kept. An entry's path is compared
 * when it is made, and again whenever a directory has been renamed, for then it may
 * have come to be the path without a call on the file itself.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"
#include "life.h"
#include "names.h"

#define ROOT 1

struct entry {
	struct entry *next; /* of the same node */
	uint64_t parent, node; /* parent 0: of a node that was there before the trace */
	bool there;
};

struct search {
	const struct trace_reader *reader;
	const char *path, *name; /* the name is the path's last component */
	struct map entries;      /* by node */
	struct map met;          /* nodes that some call was about */
	struct entry **all;
	size_t count, capacity;
	bool moved; /* a directory has, in the last event */
	struct found *found;
};

static void set(struct map *m, uint64_t key, void *value)
{
	void *old;

	if (map_set(m, key, value, &old) < 0)
		exit(complain("life", "out of memory"));
}

static void take(struct found *found, uint64_t node)
{
	if (map_get(&found->by_id, node))
		return;
	if (!(found->count & (found->count - 1)))
		found->nodes = make_bigger(found->nodes, (found->count ? 2 * found->count : 1) *
								 sizeof(*found->nodes));
	found->nodes[found->count++] = node;
	set(&found->by_id, node, found);
}

static void compare(struct search *s, const struct entry *e)
{
	char path[EVENT_PATH_SIZE];

	trace_path(s->reader, e->parent ? e->parent : e->node, e->parent ? s->name : NULL, path,
		   sizeof(path));
	if (strcmp(path, s->path) == 0)
		take(s->found, e->node);
}

static void compare_all(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->all[i]->there && !map_get(&s->found->by_id, s->all[i]->node))
			compare(s, s->all[i]);
}

static struct entry *find(const struct search *s, uint64_t parent, uint64_t node)
{
	struct entry *e = map_get(&s->entries, node);

	while (e && e->parent != parent)
		e = e->next;
	return e;
}

static void add(struct search *s, uint64_t parent, uint64_t node)
{
	struct entry *e = find(s, parent, node);

	if (e && e->there)
		return;
	if (!e) {
		e = make_zeroed(sizeof(*e));
		*e = (struct entry){ map_get(&s->entries, node), parent, node, true };
		set(&s->entries, node, e);
		if (s->count == s->capacity) {
			s->capacity = s->capacity ? 2 * s->capacity : 64;
			s->all = make_bigger(s->all, s->capacity * sizeof(struct entry *));
		}
		s->all[s->count++] = e;
	}
	e->there = true;
	compare(s, e);
}

static void appears(struct search *s, uint64_t parent, const char *name, uint64_t node)
{
	if (node && name && strcmp(name, s->name) == 0)
		add(s, parent, node);
}

/* A trace may begin in the middle: no call has told of the names of what was there before. */
static void meet(struct search *s, uint64_t node)
{
	char path[EVENT_PATH_SIZE];
	const char *name;

	if (!node || map_get(&s->met, node))
		return;
	set(&s->met, node, s);
	name = strrchr(trace_path(s->reader, node, NULL, path, sizeof(path)), '/');
	if (name && strcmp(name + 1, s->name) == 0)
		add(s, 0, node);
}

static void disappears(struct search *s, uint64_t parent, const char *name, uint64_t node)
{
	struct entry *e;

	if (!node || !name || strcmp(name, s->name) != 0)
		return;
	e = find(s, parent, node);
	if (e)
		e->there = false;
}

static void renamed(struct search *s, const struct trace_event *e)
{
	bool exchanged = e->replaced && e->flags & RENAME_EXCHANGE;

	disappears(s, e->node, e->name, e->result);
	disappears(s, e->node2, e->name2, e->replaced);
	appears(s, e->node2, e->name2, e->result);
	if (exchanged)
		appears(s, e->node, e->name, e->replaced);
	appears(s, e->node, e->name, e->whiteout);
	s->moved = trace_node_type(s->reader, e->result) == S_IFDIR ||
		   (exchanged && trace_node_type(s->reader, e->replaced) == S_IFDIR);
}

static void look(struct search *s, const struct trace_event *e)
{
	meet(s, e->node);
	if (e->error)
		return;
	switch (e->op) {
	case TRACE_OP_LOOKUP: /* tells nothing new, unless events were lost */
	case TRACE_OP_CREATE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
		appears(s, e->node, e->name, e->result);
		break;
	case TRACE_OP_LINK:
		appears(s, e->node2, e->name, e->result);
		break;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		disappears(s, e->node, e->name, e->result);
		break;
	case TRACE_OP_RENAME:
		renamed(s, e);
		break;
	default:
		break;
	}
}

static void free_search(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->all[i]);
	free(s->all);
	map_destroy(&s->entries, NULL);
	map_destroy(&s->met, NULL);
}

void life_find(struct trace_reader *r, const char *trace, const char *path, struct found *found)
{
	struct search s = { .reader = r, .path = path, .name = strrchr(path, '/') + 1, .found = found };
	struct trace_event event;

	*found = (struct found){ 0 };
	if (!*s.name)
		take(found, ROOT);
	while (*s.name && next_event(r, trace, &event)) {
		/* The tree is now as the event before has left it. */
		if (s.moved)
			compare_all(&s);
		s.moved = false;
		look(&s, &event);
	}
	if (s.moved)
		compare_all(&s);
	free_search(&s);
}

void life_free_found(struct found *found)
{
	free(found->nodes);
	map_destroy(&found->by_id, NULL);
}
