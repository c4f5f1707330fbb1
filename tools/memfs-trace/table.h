/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - rows of typed values: sorted, cut, and printed as text or as JSON.
 *
 *   -S, --sort=KEY         amounts from the largest, moments from the first, text from A; KEY may
 *                          be any column
 *   -U, --columns=KEY,...  these columns, in that order
 *       --top=N            the first N rows
 *
 * Options hold for all tables alike; so does the way in which a kind of value is shown.
 */
#ifndef MEMFS_TRACE_TABLE_H
#define MEMFS_TRACE_TABLE_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a column holds, and which member of struct value that is. */
enum column_kind {
	COLUMN_TEXT,    /* text: raw bytes; shown escaped */
	COLUMN_COUNT,   /* n */
	COLUMN_BYTES,   /* n: bytes; shown as 1.2M */
	COLUMN_SECONDS, /* n: ns; shown in seconds */
	COLUMN_US,      /* n: ns; shown in microseconds */
	COLUMN_NS,      /* n: ns; shown in the unit that fits */
	COLUMN_PERCENT, /* d: 0..100 */
	COLUMN_RATIO,   /* d; NAN = there is none */
	COLUMN_DELTA,   /* n: a difference, as int64_t; sorted by how big it is either way */
	COLUMN_DELTA_SECONDS, /* n: the same of ns; shown in seconds */
};

struct column {
	const char *key;   /* for -S and -U, and in JSON; of times it ends in _ns, of sizes in _bytes */
	const char *title; /* in text */
	enum column_kind kind;
	bool blank_zero;   /* 0 is shown as nothing */
	bool hidden;       /* in text only if -U asks for it; in JSON always */
	bool printable;    /* of text: it can be printed as it is */
	bool ascending;    /* sorted from the smallest: moments, numbers of processes */
};

/* The member that the column's kind says. */
struct value {
	union {
		uint64_t n;
		double d;
		const char *text; /* NULL = nothing to be said */
	};
};

struct table_options {
	const char *sort;    /* NULL = by the command's own order */
	const char *columns; /* NULL = all that are not hidden */
	uint64_t top;        /* 0 = all */
};

#define TABLE_SHORT "S:U:"
#define TABLE_OPTION 0x2000
extern const struct option table_options[];
extern const char table_help[];

/* Takes an option from getopt_long(3). 1 = it was ours; 0 = it was not; -1 = misuse, said. */
int table_take(struct table_options *options, int c);

struct table;

/*
 * Both stay the caller's. `sort` is the key that rows are sorted by if the user does not say; NULL
 * = in the order in which they were added. NULL when the user's options do not fit
 * the columns (said). Without memory the program ends.
 */
struct table *table_create(const struct column *columns, size_t count,
			   const struct table_options *options, const char *sort);
void table_free(struct table *t);

/* Adds a row of `count` values; texts are copied. With --top, memory grows with the rows shown. */
void table_add(struct table *t, const struct value *values);

/*
 * Adds what belongs to the row last added: in text, lines as they are to be printed below it; in
 * JSON, `json` (which becomes the table's) under `key`.
 */
void table_add_below(struct table *t, const char *lines, const char *key, json_t *json);

/* A last row below a rule; not sorted, not cut. */
void table_set_total(struct table *t, const struct value *values);

/* Sorts and cuts; then header, rule, rows. raw: times in ns and sizes in bytes, no units. */
void table_print(struct table *t, FILE *out, bool raw);

/* The same rows: an array of objects. */
json_t *table_json(struct table *t);

/* The same, printed row by row as a member of the outermost object: many rows take no more memory. */
void table_print_json(struct table *t, FILE *out);

/* How many rows were added, also those that --top hides. */
size_t table_rows(const struct table *t);

#endif
