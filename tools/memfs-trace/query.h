/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query.h - what every command does: take options, open the trace, go through its events.
 *
 *	struct query q = { 0 };
 *	int c;
 *
 *	while ((c = query_option(&q, &spec, argc, argv)) >= 0)
 *		... the command's own options, by their val ...
 *	if (c != QUERY_READY || !query_open(&q, argv[optind]))
 *		return query_end(&q, c);
 *	while (query_next(&q, &event))
 *		...
 *	query_print_head(&q);
 *	...
 *	return query_end(&q, 0);
 */
#ifndef MEMFS_TRACE_QUERY_H
#define MEMFS_TRACE_QUERY_H

#include <jansson.h>
#include <time.h>

#include "filter.h"
#include "table.h"

enum {
	QUERY_FILTER = 1 << 0, /* the options of filter.h */
	QUERY_TABLE = 1 << 1,  /* those of table.h */
	QUERY_JSON = 1 << 2,   /* --json */
	QUERY_RAW = 1 << 3,    /* --raw */
	QUERY_STREAM = 1 << 4, /* stops where nothing more can pass the filter; else reads to
				  the end, to know whether the trace is whole */
};

/* A command's own part. */
struct query_spec {
	const char *help;            /* usage and own options; those shared are put behind it */
	const char *short_options;   /* own ones, "" = none */
	const struct option *options; /* own long ones, ended by a zero; NULL = none */
	unsigned shared;
	int operands;                /* how many there must be, the trace among them */
	int optional;                /* how many more there may be */
};

struct query {
	struct filter filter;
	struct table_options table;
	bool json, raw;
	bool color;                  /* stdout is a terminal that may be coloured */
	const char *path;            /* of the trace, as the user gave it */
	struct trace_reader *reader;
	unsigned shared;
	/* Called for every event before the filters are asked; NULL = nobody wants them all. */
	void (*watch)(void *context, const struct trace_event *event);
	void *watch_context;
	/* Progress: */
	uint64_t events;
	struct timespec began;
	bool progress_shown, filter_ended;
	/* Of follow.h: when the file had grown the last time. */
	struct timespec seen_at;
	uint64_t seen_bytes;
};

#define QUERY_READY (-1)  /* all options are taken; operands stand from argv[optind] on */
#define QUERY_MISUSE (-2) /* said */
#define QUERY_HELPED (-3)

/* The next option of the command's own, or one of QUERY_. */
int query_option(struct query *q, const struct query_spec *spec, int argc, char **argv);

/* Opens the trace: a file, or the root of a mount, which is asked for it. False: said. */
bool query_open(struct query *q, const char *path);

/* The next event that passes the filter. Errors are said, and end the program. */
bool query_next(struct query *q, struct trace_event *event);

/*
 * The next event, whether it passes the filter or not: for what must follow the whole trace. There
 * is none for QUERY_STREAM behind the last one that can pass.
 */
bool query_next_any(struct query *q, struct trace_event *event, bool *passes);

/*
 * The first lines of a report in text: how much the trace can be relied on, whether it has what is read and
 * written, and how many events passed the filters, if there are any. After the last event.
 */
void query_print_head(const struct query *q);

/*
 * For what is shown like the output of a program: says on stderr that it is not all. After
 * the last event.
 */
void query_warn_of_loss(const struct query *q);

/* The head for JSON: an object, to which the command adds what it has found. */
json_t *query_json(const struct query *q);

/* Prints and releases it. */
void query_print_json(json_t *object);

/* Prints a table, as text below the head, or as JSON under "rows". */
void query_print_table(const struct query *q, struct table *t);

/*
 * A path of the user's, who may have put the mount point before it. Points into `path`.
 */
const char *query_path(const struct query *q, const char *path);

/*
 * Closes all. `status` is what the command would return, or one of QUERY_; returns the
 * exit status, 2 where a mark that was asked for is not there.
 */
int query_end(struct query *q, int status);

#endif
