/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nodes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"
#include "names.h"

#define SETATTR_SIZE 8u /* FATTR_SIZE */

void nodes_init(struct nodes *n, size_t record_size)
{
	*n = (struct nodes){ .record_size = record_size };
}

void nodes_free(struct nodes *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->all[i]->path);
		free(n->all[i]);
	}
	free(n->all);
	map_destroy(&n->by_id, NULL);
}

static struct node *make(struct nodes *n, uint64_t id)
{
	struct node *node = make_zeroed(n->record_size);
	void *old;

	node->id = id;
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? 2 * n->capacity : 1024;
		n->all = make_bigger(n->all, n->capacity * sizeof(struct node *));
	}
	if (map_set(&n->by_id, id, node, &old) < 0)
		exit(complain("nodes", "out of memory"));
	n->all[n->count++] = node;
	node->number = (uint32_t)n->count;
	return node;
}

void *nodes_get(struct nodes *n, uint64_t id)
{
	if (!id)
		return NULL;
	if (!n->last || n->last->id != id) {
		struct node *node = map_get(&n->by_id, id);

		n->last = node ? node : make(n, id);
	}
	return n->last;
}

uint64_t nodes_end(uint64_t offset, uint64_t size)
{
	return offset > UINT64_MAX - size ? UINT64_MAX : offset + size;
}

/* Was it mounted with this option, which has no value? */
static bool has_option(const struct trace_reader *r, const char *name)
{
	const char *at = trace_meta(r, "mount_options");

	while (at) {
		size_t length = strcspn(at, ",");

		if (length == strlen(name) && memcmp(at, name, length) == 0)
			return true;
		at = at[length] ? at + length + 1 : NULL;
	}
	return false;
}

bool nodes_opens_are_unseen(const struct trace_reader *r)
{
	return has_option(r, "no_open");
}

bool nodes_bytes_are_unseen(const struct trace_reader *r)
{
	return has_option(r, "passthrough");
}

uint64_t nodes_subject(const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_LOOKUP:
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
	case TRACE_OP_LINK:
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
	case TRACE_OP_RENAME:
		return e->result ? e->result : e->node;
	case TRACE_OP_COPY_FILE_RANGE:
		return e->node2;
	default:
		return e->node;
	}
}

bool nodes_sets_size(const struct trace_event *e, uint64_t *size)
{
	const bool opens = e->op == TRACE_OP_OPEN || e->op == TRACE_OP_CREATE;

	if (e->error)
		return false;
	if (e->op == TRACE_OP_SETATTR && e->flags & SETATTR_SIZE)
		*size = e->size;
	else if (opens && e->flags & O_TRUNC)
		*size = 0;
	else
		return false;
	return true;
}

/* --- names ------------------------------------------------------------------- */

static void made(struct nodes *n, const struct trace_event *e, mode_t type, uint32_t links)
{
	struct node *node = nodes_get(n, e->result);

	/* O_CREAT may meet a file that is there, where another process was faster. */
	if (!node || node->created_ns)
		return;
	node->created_ns = e->start_ns ? e->start_ns : 1;
	node->type = type;
	node->links = links;
}

static void linked(struct nodes *n, uint64_t id)
{
	struct node *node = nodes_get(n, id);

	if (!node)
		return;
	node->links++;
	node->removed_ns = 0;
	free(node->path);
	node->path = NULL;
}

static void lost_name(struct nodes *n, const struct trace_reader *r, const struct trace_event *e,
		      uint64_t id, uint64_t parent, const char *name)
{
	struct node *node = nodes_get(n, id);
	char path[EVENT_PATH_SIZE];

	if (!node || !name)
		return;
	if (node->links)
		node->links--;
	if (node->links)
		return;
	free(node->path);
	node->path = make_copy(trace_path(r, parent, name, path, sizeof(path)));
	node->removed_ns = e->start_ns ? e->start_ns : 1;
}

/*
 * A node that was there before the trace, or whose making was lost, has the type that the reader knows. With
 * how many names is not known, so when it loses one the reader is asked, see nodes_finish().
 */
static void met(struct nodes *n, const struct trace_reader *r, uint64_t id)
{
	struct node *node = nodes_get(n, id);

	if (node && !node->created_ns && !node->type)
		node->type = trace_node_type(r, id);
}

static void apply_name(struct nodes *n, const struct trace_reader *r, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_CREATE:
		made(n, e, S_IFREG, 1);
		break;
	case TRACE_OP_TMPFILE:
		made(n, e, S_IFREG, 0);
		break;
	case TRACE_OP_MKNOD:
		made(n, e, e->mode & S_IFMT ? e->mode & S_IFMT : S_IFREG, 1);
		break;
	case TRACE_OP_MKDIR:
		made(n, e, S_IFDIR, 1);
		break;
	case TRACE_OP_SYMLINK:
		made(n, e, S_IFLNK, 1);
		break;
	case TRACE_OP_LINK:
		linked(n, e->result);
		break;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		lost_name(n, r, e, e->result, e->node, e->name);
		break;
	case TRACE_OP_RENAME:
		if (e->replaced && !(e->flags & RENAME_EXCHANGE))
			lost_name(n, r, e, e->replaced, e->node2, e->name2);
		break;
	default:
		break;
	}
}

/* --- sizes ------------------------------------------------------------------- */

static void grow(struct nodes *n, uint64_t id, uint64_t end)
{
	struct node *node = nodes_get(n, id);

	if (!node)
		return;
	if (node->size < end)
		node->size = end;
	if (node->largest < end)
		node->largest = end;
}

static void apply_size(struct nodes *n, const struct trace_event *e)
{
	const uint32_t no_growth = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
				   FALLOC_FL_INSERT_RANGE;
	uint64_t size;

	if (nodes_sets_size(e, &size)) {
		struct node *node = nodes_get(n, nodes_subject(e));

		if (node)
			node->size = size;
		if (node && node->largest < size)
			node->largest = size;
	} else if (e->op == TRACE_OP_WRITE || (e->op == TRACE_OP_READ && e->done)) {
		/* What was read must have been there. */
		grow(n, e->node, nodes_end(e->offset, e->done));
	} else if (e->op == TRACE_OP_COPY_FILE_RANGE && e->done) {
		grow(n, e->node, nodes_end(e->offset, e->done));
		grow(n, e->node2, nodes_end(e->offset2, e->done));
	} else if (e->op == TRACE_OP_FALLOCATE && !(e->flags & no_growth)) {
		grow(n, e->node, nodes_end(e->offset, e->size));
	}
}

void nodes_apply(struct nodes *n, const struct trace_reader *r, const struct trace_event *e)
{
	if (!e->error) {
		apply_name(n, r, e);
		apply_size(n, e);
	}
	met(n, r, nodes_subject(e));
}

void nodes_finish(struct nodes *n, const struct trace_reader *r)
{
	static const char deleted[] = " (deleted)";
	char path[EVENT_PATH_SIZE];

	for (size_t i = 0; i < n->count; i++) {
		struct node *node = n->all[i];
		size_t length;

		if (node->created_ns || !node->removed_ns)
			continue;
		length = strlen(trace_path(r, node->id, NULL, path, sizeof(path)));
		if (*path != '/' || (length >= sizeof(deleted) &&
				     strcmp(path + length - (sizeof(deleted) - 1), deleted) == 0))
			continue;
		node->removed_ns = 0;
		free(node->path);
		node->path = NULL;
	}
}

const char *nodes_path(const struct node *node, const struct trace_reader *r, char *buf, size_t size)
{
	if (!node->path)
		return trace_path(r, node->id, NULL, buf, size);
	strncpy(buf, node->path, size - 1);
	buf[size - 1] = '\0';
	return buf;
}
