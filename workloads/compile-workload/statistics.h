/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rows of all runs say together, for tables and figures. */
#ifndef COMPILE_WORKLOAD_STATISTICS_H
#define COMPILE_WORKLOAD_STATISTICS_H

#include <stdbool.h>

#include "common/text.h"
#include "results.h"

/* One phase of a project on a filesystem, over all runs that went well. */
struct statistics {
	size_t count;            /* of those; 0 = the numbers say nothing */
	double median, min, max; /* seconds, or ratios */
	bool failed;             /* in some run */
};

const struct result *statistics_find(const struct results *results, unsigned run,
				     const char *project, const char *filesystem,
				     enum phase phase);

/* Of the seconds. */
struct statistics statistics_seconds(const struct results *results, const char *project,
				     const char *filesystem, enum phase phase);

/*
 * Of the ratios to another filesystem: of each run, since two runs may meet the machine in
 * different moods.
 */
struct statistics statistics_ratio(const struct results *results, const char *project,
				   const char *filesystem, const char *other, enum phase phase);

/* Of the calls to memfs. */
struct statistics statistics_calls(const struct results *results, const char *project,
				   const char *filesystem, enum phase phase);

/* The highest number of a run. */
unsigned statistics_runs(const struct results *results);

/* The projects or the filesystems in the rows, in the order in which they first come. */
void statistics_projects(const struct results *results, struct text_list *names);
void statistics_filesystems(const struct results *results, struct text_list *names);

/* Which filesystem the ratios are of: memfs, else the first. */
const char *statistics_numerator(const struct text_list *filesystems);

/* How many digits behind the point mean something. */
int statistics_digits(double seconds);

#define STATISTICS_TEXT 64

/* For a table: "1.25 (1.20-1.31)", median, least and most; "1.25" of one run; "failed"; "-". */
void statistics_text(const struct statistics *seconds, char text[static STATISTICS_TEXT]);

#endif
