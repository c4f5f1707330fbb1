/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of each method on each filesystem: kept, and written as CSV and as JSON. */
#ifndef WRITE_CALLS_RESULTS_H
#define WRITE_CALLS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis.h"
#include "common/csv.h"
#include "methods.h"

enum result_status { RESULT_OK, RESULT_FAILED, RESULT_SKIPPED };

struct result {
	const struct method *method;
	const char *filesystem;
	const char *cache;       /* mode of memfs; NULL on others */
	enum result_status status;
	char *why;               /* of those that are not ok */
	uint64_t bytes;          /* of the target's content */
	double wall;             /* seconds that the method took */
	char hash[CONTENT_HASH]; /* of what was read back, and was to be */
	struct analysis analysis;
};

struct results {
	struct result *rows;
	size_t count;
	bool failed;             /* a row is not ok and not skipped, or a file could not be written */
	struct csv_writer csv;
};

const char *result_status_name(enum result_status status);

/* Opens the CSV file; NULL = none is wanted. False after a complaint. */
bool results_open(struct results *results, const char *path);

/* Adds a row, which then belongs to the results, and writes it. */
void results_add(struct results *results, const struct result *row);

/* All of it as JSON; false after a complaint. */
bool results_write_json(const struct results *results, const char *path, uint64_t seed,
			uint64_t size);

/* False after a complaint. */
bool results_close(struct results *results);

#endif
