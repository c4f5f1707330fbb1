/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of op-bench. */
#ifndef OP_BENCH_OPTIONS_H
#define OP_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arguments.h"
#include "common/filesystem_arguments.h"
#include "measure.h"
#include "ops.h"

struct options {
	struct text_list directories;
	bool mount;
	struct filesystem_arguments mounts; /* for --mount */
	bool list;
	const struct op **ops;         /* in the order of the table */
	unsigned op_count;
	unsigned *threads;
	unsigned thread_counts;        /* how many numbers in threads[] */
	unsigned most_threads;         /* the greatest of them */
	bool shared;
	double seconds;                /* for each measurement; 0 = count */
	unsigned count;                /* operations of each thread; 0 = seconds */
	unsigned runs;
	uint64_t seed;
	bool json;
	char *output;                  /* NULL = no CSV file */
};

/* Reads it; all but OPTIONS_RUN are the exit status. Free it in any case. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
