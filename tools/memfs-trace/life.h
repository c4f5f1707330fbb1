/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.h - the two passes of `life`: which nodes ever had a path, and what happened to them. */
#ifndef MEMFS_TRACE_LIFE_H
#define MEMFS_TRACE_LIFE_H

#include <memfs/trace_reader.h>

#include "trace/map.h"

struct found {
	uint64_t *nodes;   /* in the order in which they had the path */
	size_t count;
	struct map by_id;  /* the same as a set */
};

/*
 * Reads the whole trace, of which `trace` is the name in messages. `path` begins with a
 * slash, and ends with one only if it is "/".
 */
void life_find(struct trace_reader *r, const char *trace, const char *path, struct found *found);
void life_free_found(struct found *found);

#endif
