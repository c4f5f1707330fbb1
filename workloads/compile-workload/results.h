/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured: one row for each phase of each project on each filesystem in each run.
 * Each goes to the CSV file as soon as it is there, so that nothing is lost when the rest fails.
 */
#ifndef WORKLOADS_RESULTS_H
#define WORKLOADS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
};

struct results {
	struct result *rows;
	size_t count;
	FILE *csv;        /* NULL = none */
	const char *path; /* of the CSV file */
	bool failed;      /* a row failed, or could not be written */
};

/* Makes the file, if `path` is not NULL, with its header row. */
bool results_open(struct results *results, const char *path);
void results_add(struct results *results, const struct result *row);
/* False after a complaint when the file is not whole. */
bool results_close(struct results *results);

#endif
