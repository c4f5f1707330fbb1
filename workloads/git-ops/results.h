/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured: one row for each command on each filesystem in each run. Each goes to the
 * CSV file as soon as it is there, so that nothing is lost when the rest fails.
 */
#ifndef GIT_OPS_RESULTS_H
#define GIT_OPS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/callbacks.h"
#include "common/csv.h"

/* In the order in which they run. */
enum command {
	COMMAND_MOUNT,   /* a row only when it fails */
	COMMAND_INIT,
	COMMAND_ADD,
	COMMAND_COMMIT,
	COMMAND_STATUS,
	COMMAND_BRANCH,
	COMMAND_COMMIT_CHANGE,
	COMMAND_CHECKOUT,
	COMMAND_CLONE,
	COMMAND_GC,
	COMMAND_CHECK,   /* a row only when it fails */
	COMMAND_UNMOUNT, /* likewise */
	COMMAND_COUNT,
};

const char *command_name(enum command command);

struct result {
	unsigned run;                   /* from 1 */
	const char *filesystem;         /* borrowed */
	enum command command;
	bool ok;                        /* else nothing below counts */
	double wall, user, sys;         /* seconds */
	double daemon_cpu;              /* seconds; negative = no daemon of ours */
	struct callback_counts *counts; /* NULL = not counted; given to results_add() */
};

struct results {
	struct result *rows;
	size_t count;
	struct csv_writer csv;
	bool failed; /* a row failed, or could not be written */
};

/* Makes the file, if `path` is not NULL, with its header row. */
bool results_open(struct results *results, const char *path);
void results_add(struct results *results, const struct result *row);
/* False after a complaint when the file is not whole. */
bool results_close(struct results *results);

#endif
