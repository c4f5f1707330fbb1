/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paths.h - the paths of events as small numbers, without a string for each event.
 *
 * The path is that at the moment of the event, as event_path() has it: a name that was looked up
 * in vain is a path, too; after a rename the same node has another one. What grows is
 * one entry for each path, and 16 bytes for each node that is in use.
 */
#ifndef MEMFS_TRACE_PATHS_H
#define MEMFS_TRACE_PATHS_H

#include <memfs/trace_reader.h>

/* Of an event that is about no node, and the parent of what is no path from the root. */
#define PATHS_NONE 0

struct paths;

/* Without memory the program ends. */
struct paths *paths_create(const struct trace_reader *r);
void paths_free(struct paths *p);

/*
 * To be called for every event of the trace, also those that are of no interest. If it is
 * `wanted`, the number of the event's path; else PATHS_NONE.
 */
uint32_t paths_next(struct paths *p, const struct trace_event *e, bool wanted);

/* The directory of a path; of the root, the root. */
uint32_t paths_directory(const struct paths *p, uint32_t path);

/* As trace_path(); NULL for PATHS_NONE. */
const char *paths_text(const struct paths *p, uint32_t path, char *buf, size_t size);

#endif
