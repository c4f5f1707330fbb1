/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV as of RFC 4180. */
#ifndef WORKLOADS_CSV_H
#define WORKLOADS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A field of text: in quotes only where a reader would stumble. */
void csv_put_text(FILE *file, const char *text);

/* A whole file in memory, and the place in it. */
struct csv {
	char *text, *at;
	char **fields;          /* of the last record; good until csv_close() */
	size_t count;
	unsigned line;          /* where the last record began, from 1 */
	unsigned next_line;
	bool torn;              /* it had no end: whoever wrote it was stopped in the middle */
};

/* Reads the file; false with errno. Either way csv_close() ends it. */
bool csv_open(struct csv *csv, const char *path);
void csv_close(struct csv *csv);

/* The next record; empty lines are passed over. False at the end. */
bool csv_next(struct csv *csv);

/* The column of this name in the last record, which is the header; negative = not there. */
int csv_column(const struct csv *csv, const char *name);

#endif
