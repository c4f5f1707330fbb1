/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured: one row for each phase of each project on each filesystem in each run.
 * The rows of a turn go to the CSV file together, when it is over: so the file holds whole turns
 * and nothing else, whatever stops the program.
 */
#ifndef COMPILE_WORKLOAD_RESULTS_H
#define COMPILE_WORKLOAD_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <memfs/trace_ops.h>

#include "common/text.h"

enum phase {
	PHASE_MOUNT,   /* a row only when it fails */
	PHASE_CLONE,
	PHASE_STAT,
	PHASE_STAMP,
	PHASE_VERIFY,
	PHASE_BUILD,
	PHASE_STAT2,
	PHASE_REMOVE,
	PHASE_UNMOUNT, /* a row only when it fails */
	PHASE_COUNT,
};

const char *phase_name(enum phase phase);
/* The phase of that name; PHASE_COUNT = none. */
enum phase phase_by_name(const char *name);

/* The calls of the kernel to memfs in one phase, by operation. */
struct operations {
	uint64_t calls[TRACE_OP_LIMIT];
};

struct result {
	unsigned run;              /* from 1 */
	const char *project;       /* borrowed, as is the next */
	const char *filesystem;
	enum phase phase;
	bool ok;                   /* else nothing below counts */
	double wall, user, sys;    /* seconds */
	double daemon_cpu;         /* seconds; negative = no daemon */
	long daemon_peak_kib;      /* negative = no daemon */
	bool counted;              /* the next three were counted */
	uint64_t files, dirs, bytes;
	int64_t calls;             /* to memfs, by its trace; negative = not known */
	struct operations *operations; /* the same by operation, of the results; NULL = not known */
};

struct results {
	struct result *rows;
	size_t count;
	size_t written;   /* so many of the first are in the file */
	FILE *csv;        /* NULL = none */
	const char *path; /* of the CSV file */
	bool failed;      /* a row failed, or could not be written */
	struct text_list names; /* of projects and filesystems, where nobody else has them */
};

/* Adds a row, which then is in memory only. */
void results_add(struct results *results, const struct result *row);

/* Gives a row the calls of its phase. */
void results_set_operations(struct results *results, size_t row,
			    const struct operations *operations);

/* Writes to the file and to the disk what is not there yet. */
void results_write(struct results *results);

/* Forgets what has not been written: the rows of a turn that was not finished. */
void results_forget(struct results *results);

/* Keeps of all rows only those that are `wanted`, one answer for each. */
void results_keep(struct results *results, const bool *wanted);

/*
 * Adds the rows of a file. False after a complaint. One that is not whole, or was made by
 * another version, is good enough (columns that it does not have say nothing), unless it is to be
 * gone on with: then all columns must be there, and a last line that is torn is left out.
 */
bool results_read(struct results *results, const char *path, bool to_go_on);

/* Is it a file, or nothing yet? Else (a pipe, a device, a link) it is written to, not replaced. */
bool results_is_plain(const char *path);

/* What lies beside such a file: RESULTS.csv and "-logs" are RESULTS-logs; to be freed. */
char *results_beside(const char *path, const char *suffix);

/*
 * Makes the file, if `path` is not NULL, with the rows that there are. What was in it is replaced
 * at one moment.
 */
bool results_open(struct results *results, const char *path);

/* False after a complaint when the file is not whole. */
bool results_close(struct results *results);

/* The same string for the same name, as long as the results live. */
const char *results_name(struct results *results, const char *name);

#endif
