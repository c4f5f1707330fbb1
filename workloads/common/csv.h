/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of CSV as of RFC 4180: written row by row, and read. */
#ifndef WORKLOADS_CSV_H
#define WORKLOADS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* --- writing --- */

/* Puts a field of text: in quotes only where a reader would stumble. */
void csv_put_text(FILE *file, const char *text);

/* A file of results: each row is in it as soon as it is known, whatever comes after. */
struct csv_writer {
	FILE *file;       /* where rows are put; NULL = none is wanted */
	const char *path; /* borrowed */
};

/* Makes the file, with its header row; NULL = none is wanted. False after a complaint. */
bool csv_writer_open(struct csv_writer *writer, const char *path, const char *header);

/* After each row. False after a complaint: the file is not whole. Without one it is true. */
bool csv_writer_flush(struct csv_writer *writer);
bool csv_writer_close(struct csv_writer *writer);

/* --- reading --- */

/* A whole file in memory, and the place in it. */
struct csv_reader {
	char *text, *at;
	char **fields;          /* of the last record; good until csv_reader_close() */
	size_t count;
	unsigned line;          /* where the last record began, from 1 */
	unsigned next_line;
	bool torn;              /* it had no end: whoever wrote it was stopped in the middle */
};

/* Reads the file; false with errno. Either way csv_reader_close() ends it. */
bool csv_reader_open(struct csv_reader *csv, const char *path);
void csv_reader_close(struct csv_reader *csv);

/* The next record; empty lines are passed over. False at the end. */
bool csv_reader_next(struct csv_reader *csv);

/* The column of this name in the last record, which is the header; negative = not there. */
int csv_reader_column(const struct csv_reader *csv, const char *name);

#endif
