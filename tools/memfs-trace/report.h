/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - what the report gathers in one pass (report_data.c), draws (report_figures.c) and
 * writes (report_html.c).
 */
#ifndef MEMFS_TRACE_REPORT_H
#define MEMFS_TRACE_REPORT_H

#include <sys/types.h>

#include "actors.h"
#include "findings.h"
#include "histogram.h"
#include "ids.h"
#include "plot.h"
#include "query.h"

#define REPORT_TIMES 400   /* pieces of time at most */
#define REPORT_SIZES 65    /* powers of two, and 0 */
#define REPORT_MARKS 200   /* that are listed */
#define REPORT_SLOWEST 15

struct report_op {
	struct histogram *histogram; /* NULL = no calls */
	uint64_t errors, bytes;
};

/* Sums of what is counted by file and by command. */
struct report_sums {
	uint64_t calls, errors, bytes_read, bytes_written, ns;
};

struct report_file {
	struct report_sums sums;
	mode_t type;
	char *last_path;             /* of one that has lost its name or is forgotten; NULL = ask the reader */
};

struct report_command {
	struct report_sums sums;
	uint64_t processes;
};

struct report_absent {
	char *path;
	uint64_t lookups, ns;
};

struct report_call {
	uint64_t start_ns, duration_ns;
	uint8_t op;
	int error;
	bool inferred;
	const struct trace_process *process;
	char *path;                  /* NULL = none */
};

struct report_mark {
	uint64_t start_ns;
	char *text;
};

struct report {
	struct query query;
	struct report_op ops[TRACE_OP_LIMIT];
	struct report_sums sums;
	uint64_t made, removed;      /* names */
	uint64_t end_ns;             /* of the last call, after the start of the trace */

	unsigned time_shift;         /* a piece of time is 1 << time_shift ns long */
	uint32_t times[REPORT_TIMES][TRACE_OP_LIMIT]; /* calls */
	uint64_t time_read[REPORT_TIMES], time_written[REPORT_TIMES];
	uint64_t reads[REPORT_SIZES], writes[REPORT_SIZES]; /* calls, by bytes */

	/* The element of an id stands at id - 1. */
	struct ids file_ids, command_ids, absent_ids, caller_ids;
	struct actors actors;
	struct report_file *files;
	struct report_command *commands;
	struct report_absent *absents;
	size_t file_capacity, command_capacity, absent_capacity;
	const struct trace_process *last_process; /* of which the command is known */
	uint32_t last_command;

	struct ids failures;         /* by operation and error */
	struct report_call slowest[REPORT_SLOWEST]; /* the slowest first */
	size_t slowest_count;
	struct report_mark marks[REPORT_MARKS];
	size_t mark_count;           /* may be more */

	struct collection collection; /* what findings are made of, */
	struct findings findings;     /* and what came of it */
};

/* What an id of r->failures is of. */
struct report_failure {
	int error;
	unsigned op;
};

/* To be called before the trace is opened: findings want to see all events. */
void report_watch(struct report *r);

/* Reads all events. */
void report_read(struct report *r);
void report_free(struct report *r);

/* The path of a file, when all is read; in buf, or elsewhere. */
const char *report_path(const struct report *r, uint32_t file, char *buf, size_t size);

/* The name of a command; the kernel's own calls have one too. */
const char *report_command_name(const struct report *r, uint32_t command);

/* The operations that were called, the first by time or by calls first; at most `max`. Returns how many. */
size_t report_main_ops(const struct report *r, bool by_time, unsigned *ops, size_t max);

/* --- figures --------------------------------------------------------------------- */

struct report_figure {
	const char *name;            /* of a file, and of ids */
	const char *title, *what;
	unsigned (*height)(const struct report *r); /* 0 = there is nothing to draw */
	void (*write)(const struct report *r, FILE *script);
};

extern const struct report_figure report_figures[]; /* ended by one without a name */

/* Begins a picture of it, and writes its script. NULL: said. */
struct plot *report_draw(const struct report *r, const struct report_figure *f, enum plot_kind kind,
			 bool titled);

/* --- the page ---------------------------------------------------------------------- */

/* False: said. */
bool report_write_html(struct report *r, FILE *out);

#endif
