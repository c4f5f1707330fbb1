/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured: one row for each operation, number of threads, directory and run. Each goes
 * to the CSV file as soon as it is there. At the end, a table for people or JSON for programs.
 */
#ifndef OP_BENCH_RESULTS_H
#define OP_BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/callbacks.h"
#include "common/csv.h"
#include "measure.h"
#include "options.h"

struct result {
	unsigned run;              /* from 1 */
	unsigned directory;        /* its number, from 0 */
	const struct op *op;
	unsigned threads;
	enum measure_status status;
	char error[128];           /* empty, or why it has no values */
	uint64_t operations;
	double median, p99;        /* ns */
	double per_second;         /* of all threads together */
	uint64_t counted;          /* operations whose callbacks were counted; 0 = not counted */
	struct callback_counts *counts;
};

/* A directory, as the results name it. */
struct place {
	char *label;
	const char *cache; /* of a memfs whose callbacks are counted; else NULL */
};

struct results {
	const struct options *options;
	const struct place *places;
	unsigned place_count;
	double clock_ns;           /* what reading the clock costs */
	struct result *rows;
	size_t count;
	struct csv_writer csv;
	bool failed;               /* a row failed, or could not be written */
};

/* Makes the CSV file, if one is wanted, with its header row. */
bool results_open(struct results *results);
void results_add(struct results *results, const struct result *row);
/* False after a complaint when the CSV file is not whole. */
bool results_close(struct results *results);

/* NULL = there is none. */
const struct result *results_find(const struct results *results, unsigned run,
				  unsigned directory, const struct op *op, unsigned threads);

/* Over all runs; count is 0 when there are no values. */
struct summary {
	size_t count;
	double median, p99; /* the median of each run's */
	double ratio;       /* of the medians to the first directory's: the median of each run's */
	bool failed;
	const char *error;  /* of a run that has no values; NULL = none */
};

struct summary results_summary(const struct results *results, unsigned directory,
			       const struct op *op, unsigned threads);

/* JSON on `out`; false after a complaint. */
bool results_json(const struct results *results, FILE *out);

#endif
