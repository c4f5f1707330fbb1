/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options that say on which filesystems a workload runs, and where: --on, --work, --memfs,
 * --memfs-options, --trace-dir. A workload lists in its table those that it has.
 */
#ifndef WORKLOADS_FILESYSTEM_ARGUMENTS_H
#define WORKLOADS_FILESYSTEM_ARGUMENTS_H

#include <stdbool.h>

#include "common/arguments.h"
#include "common/filesystem.h"
#include "common/text.h"

/* For the table of options; a workload's own are below. */
enum {
	ARGUMENT_ON = 0x10000, ARGUMENT_WORK, ARGUMENT_MEMFS, ARGUMENT_MEMFS_OPTIONS,
	ARGUMENT_TRACE_DIR,
};

/* Zeroed at first. */
struct filesystem_arguments {
	struct filesystem *items;
	unsigned count;
	struct text_list names; /* of the items, in their order */
	char *work;             /* in which the work directory is made */
	char *memfs;            /* the daemon */
	char *memfs_options;    /* NULL = none */
	char *trace_dir;        /* NULL = traces are not kept */
};

/* Takes one of the options above; false after a complaint. No filesystem may be open then. */
bool filesystem_arguments_take(struct filesystem_arguments *arguments,
			       const struct argument *argument);

/*
 * What was not given: --work, the memfs that was built or installed with this program or is in
 * PATH, and of `on` the filesystems; NULL = none. False after a complaint.
 */
bool filesystem_arguments_fill_in(struct filesystem_arguments *arguments, const char *on);

/* How to open them, with `work` for what is not to stay. It points to the arguments. */
struct filesystem_options filesystem_arguments_in(const struct filesystem_arguments *arguments,
						  const char *work);

/* Before anything runs: can all of them be used? False after a complaint. */
bool filesystem_arguments_check(const struct filesystem_arguments *arguments);

void filesystem_arguments_free(struct filesystem_arguments *arguments);

#endif
