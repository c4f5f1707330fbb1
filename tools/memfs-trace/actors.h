/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * actors.h - who made the calls: one actor a process, whatever it is called meanwhile.
 *
 * A trace may define a process several times: each of the daemon's threads does, and exec(3) gives
 * another name. Definitions with the same pid are one actor, unless both tell when the
 * process started, and not the same.
 */
#ifndef MEMFS_TRACE_ACTORS_H
#define MEMFS_TRACE_ACTORS_H

#include <memfs/trace_reader.h>

#include "names.h"
#include "trace/map.h"

struct actor {
	uint32_t number;  /* 0 is the kernel itself */
	uint32_t command; /* number of the newest name */
	uint32_t pid, ppid;
	uint64_t start;   /* clock ticks after boot, 0 = not known */
	struct actor *before; /* an earlier process of this pid */
};

struct actors {
	struct names commands;
	struct actor **all; /* by number */
	size_t count, capacity;
	struct map by_pid;     /* the newest */
	struct map by_process; /* struct definition, by the address of the reader's record */
	const struct trace_process *last;
	struct definition *last_definition;
};

/* Makes the kernel's one. */
void actors_init(struct actors *a);
void actors_free(struct actors *a);

/* Who made this call; for what the kernel did by itself, who had opened the file. */
struct actor *actors_of(struct actors *a, const struct trace_event *e);

/* The number of the command's name that this call was made under. */
uint32_t actors_command(struct actors *a, const struct trace_event *e);

/* Its newest name; raw bytes, good until actors_free(). */
const char *actor_comm(const struct actors *a, const struct actor *actor);

/* The actor that is the parent of another; NULL = it made no calls. */
struct actor *actors_parent(const struct actors *a, const struct actor *child);

/* Makes one of which no more is known than its pid; its command is "?". */
struct actor *actors_add_unknown(struct actors *a, uint32_t pid);

#endif
