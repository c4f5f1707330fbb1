/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path is the number of a name whose parent is the path of its directory. Which
 * path a node has now is remembered until that may have changed: for a single node, by
 * forgetting it; for all below a directory, by beginning a new epoch.
 */
#include "paths.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"
#include "interned.h"
#include "numbers.h"

#define DELETED " (deleted)"

struct paths {
	const struct trace_reader *reader;
	struct interned *names;
	struct numbers nodes; /* what is known of a node: see remember() */
	uint32_t root, epoch;
	uint64_t told;        /* see trace_names_told() */
};

struct paths *paths_create(const struct trace_reader *r)
{
	struct paths *p = calloc(1, sizeof(*p));

	if (!p)
		exit(complain("paths", "out of memory"));
	p->reader = r;
	p->names = interned_create();
	p->root = interned_number(p->names, PATHS_NONE, "", 0);
	return p;
}

void paths_free(struct paths *p)
{
	interned_free(p->names);
	numbers_free(&p->nodes);
	free(p);
}

/* The number of a path that is given as text. */
static uint32_t number_of(struct paths *p, const char *path)
{
	uint32_t number = *path == '/' ? p->root : PATHS_NONE;

	if (*path == '/' && !*++path)
		return number;
	for (;;) {
		size_t length = strcspn(path, "/");

		number = interned_number(p->names, number, path, length);
		path += length;
		if (!*path++)
			return number;
	}
}

/* Can names in it be put behind it, and will it stay so until the node or a directory is renamed? */
static bool is_plain(const char *path)
{
	size_t length = strlen(path);

	/* What is cut off, or below a node never seen, does not begin with a slash. */
	return *path == '/' &&
	       (length < strlen(DELETED) || strcmp(path + length - strlen(DELETED), DELETED) != 0);
}

/*
 * The path of a node; *plain: see above. A value remembered is the epoch, in the high half, and
 * the path's number.
 */
static uint32_t path_of_node(struct paths *p, uint64_t node, bool *plain)
{
	char text[EVENT_PATH_SIZE];
	uint64_t known = numbers_get(&p->nodes, node);
	uint32_t number;

	*plain = true;
	if (known && known >> 32 == p->epoch)
		return (uint32_t)known;
	trace_path(p->reader, node, NULL, text, sizeof(text));
	number = number_of(p, text);
	*plain = is_plain(text);
	if (*plain)
		*numbers_at(&p->nodes, node) = (uint64_t)p->epoch << 32 | number;
	return number;
}

static uint32_t path_of(struct paths *p, const struct trace_event *e)
{
	const char *name = event_first_name(e);
	char text[EVENT_PATH_SIZE];
	uint32_t number;
	bool plain;

	if (!event_has_path(e))
		return PATHS_NONE;
	number = path_of_node(p, e->node, &plain);
	if (!name)
		return number;
	if (plain)
		return interned_number(p->names, number, name, strlen(name));
	trace_path(p->reader, e->node, name, text, sizeof(text));
	return number_of(p, text);
}

/* --- changes ------------------------------------------------------------------ */

static void forget(struct paths *p, uint64_t node)
{
	if (numbers_get(&p->nodes, node))
		*numbers_at(&p->nodes, node) = 0;
}

/* A node gets or loses a name: so do all below, unless it is known to be no directory. */
static void change(struct paths *p, uint64_t node)
{
	mode_t type = node ? trace_node_type(p->reader, node) : S_IFREG;

	if (type == 0 || type == S_IFDIR)
		p->epoch++;
	else if (node)
		forget(p, node);
}

static void follow(struct paths *p, const struct trace_event *e)
{
	switch (e->error ? 0 : e->op) {
	case TRACE_OP_RENAME:
		change(p, e->result);
		change(p, e->replaced);
		break;
	case TRACE_OP_LINK:
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		change(p, e->result);
		break;
	case TRACE_OP_FORGET:
		if (e->node)
			forget(p, e->node);
		break;
	default:
		break;
	}
}

uint32_t paths_next(struct paths *p, const struct trace_event *e, bool wanted)
{
	uint64_t told = trace_names_told(p->reader);
	uint32_t number;

	if (told != p->told)
		p->epoch++;
	p->told = told;
	number = wanted ? path_of(p, e) : PATHS_NONE;
	follow(p, e);
	return number;
}

/* --- paths by number ------------------------------------------------------------ */

uint32_t paths_directory(const struct paths *p, uint32_t path)
{
	return path == PATHS_NONE || path == p->root ? path : interned_parent(p->names, path);
}

const char *paths_text(const struct paths *p, uint32_t path, char *buf, size_t size)
{
	size_t at = size - 1;

	if (path == PATHS_NONE)
		return NULL;
	buf[at] = '\0';
	if (path == p->root)
		buf[--at] = '/';
	while (path != PATHS_NONE && path != p->root) {
		const char *name = interned_text(p->names, path);
		size_t length = strlen(name);

		path = interned_parent(p->names, path);
		if (length + 1 > at) {
			/* As trace_path(): the end says most, and the start is marked as cut off. */
			if (at >= 3)
				memcpy(buf + at - 3, "...", 3), at -= 3;
			break;
		}
		at -= length;
		memcpy(buf + at, name, length);
		if (path != PATHS_NONE)
			buf[--at] = '/';
	}
	return memmove(buf, buf + at, size - at);
}
