/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results as JSON, with all that they were measured under: parameters, machine, mount.
 * The file is written anew after each turn, and is whole at each moment.
 *
 * It is by this file that --resume knows whether a run would go on with the same things.
 */
#ifndef COMPILE_WORKLOAD_RECORD_H
#define COMPILE_WORKLOAD_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "calls.h"
#include "options.h"
#include "results.h"
#include "turn.h"

struct record {
	const char *path; /* NULL = no file */
	json_t *head;     /* all but the rows */
	json_t *before;   /* the file as it was, for --resume; NULL = none */
};

/* Finds out and notes all that is not measured; the projects' sources must be known. */
void record_start(struct record *record, const char *path, const struct options *options,
		  const struct project *projects, size_t project_count);

/*
 * Takes over the file of the run that `results` are of: what each row lacks, dates, hashes of
 * trees. False after a complaint, when it is not there, or tells of other parameters or another
 * machine.
 */
bool record_resume(struct record *record, struct results *results, struct project *projects,
		   size_t project_count);

/* Writes the file; false after a complaint. */
bool record_write(const struct record *record, const struct results *results,
		  const struct mount_facts *facts, const struct project *projects,
		  size_t project_count);

void record_free(struct record *record);

/* The file of a run, to be released; NULL = not there, or none (*why, to be freed, says so). */
json_t *record_load(const char *path, char **why);

/* Gives rows of the CSV file the calls by operation that the JSON has of them. */
void record_give_operations(const json_t *file, struct results *results);

#endif
