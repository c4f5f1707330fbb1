/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of --samples: the memory that each filesystem took, along each turn. */
#ifndef COMPILE_WORKLOAD_SAMPLES_H
#define COMPILE_WORKLOAD_SAMPLES_H

#include <stdbool.h>

#include "common/csv.h"
#include "common/sampler.h"
#include "results.h"

/* A sample and whose it is; the names are borrowed. */
struct memory_row {
	const char *project, *filesystem;
	unsigned run;
	double percent; /* of the time of the turn */
	struct memory_sample sample; /* its phase is an enum phase */
};

struct samples {
	struct memory_row *rows; /* of those read; what samples_add() writes is not kept */
	size_t count;
	struct csv_writer csv;
	struct text_list names;
};

/*
 * Makes the file, if `path` is not NULL. With `finished` it keeps of what is in it already all
 * turns that have rows there.
 */
bool samples_open(struct samples *samples, const char *path, const struct results *finished);

/* Writes those of a turn; false after a complaint. */
bool samples_add(struct samples *samples, const char *project, const char *filesystem,
		 unsigned run, const struct memory_sample *turn, size_t count);

/* False after a complaint when the file is not whole. */
bool samples_close(struct samples *samples);

/* Reads a file; false after a complaint. A last line that is torn is left out. */
bool samples_read(struct samples *samples, const char *path);

#endif
