/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filesystems that a workload runs on. Each is opened fresh and empty, and closed again:
 *
 *   memfs    mounted by a daemon that we start and stop
 *   tmpfs    mounted
 *   native   a new directory on the disk
 *   NAME=DIR a new directory in DIR, whatever is mounted there
 *
 * Several may be open at once. What is open when the program exits, by whatever way, is closed then:
 * a structure must stay where it is while it is open.
 */
#ifndef WORKLOADS_FILESYSTEM_H
#define WORKLOADS_FILESYSTEM_H

#include <stdbool.h>

#include "common/server.h"

enum filesystem_kind { FILESYSTEM_MEMFS, FILESYSTEM_TMPFS, FILESYSTEM_DIRECTORY };

struct filesystem {
	char *name;
	enum filesystem_kind kind;
	char *dir;            /* of a directory's: in which; NULL = the work directory */
	/* While it is open: */
	char *root;           /* its root; NULL = not open */
	bool mounted;
	struct server server; /* of memfs */
	/* For filesystem.c's own use: */
	struct filesystem *next_open;
	bool closing;
};

struct filesystem_options {
	const char *work;          /* mount points and native trees go here */
	const char *memfs;         /* the daemon */
	const char *memfs_options; /* for its -o; NULL = none */
	const char *trace_dir;     /* traces go here */
	bool keep;                 /* leave open what filesystem_leave() is called for */
};

/* Reads memfs, tmpfs, native or NAME=DIR; false after a complaint. */
bool filesystem_parse(struct filesystem *fs, const char *text);

/* Before anything runs: can it be used? False after a complaint. */
bool filesystem_check(const struct filesystem *fs, const struct filesystem_options *options);

/* Opens it; `label` names this use of it, in paths, and `log` gets the daemon's output. */
bool filesystem_open(struct filesystem *fs, const struct filesystem_options *options,
		     const char *label, const char *log);

/* Unmounts, waits for the daemon, removes; false after a complaint. */
bool filesystem_close(struct filesystem *fs, const char *log);

/* Leaves it as it is and says how to get rid of it. */
void filesystem_leave(struct filesystem *fs);

void filesystem_free(struct filesystem *fs);

#endif
