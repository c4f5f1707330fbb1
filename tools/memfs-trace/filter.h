/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h - which events a command looks at: the same options for all commands.
 *
 *   -e, --ops=OP[,OP...]   only these operations; !OP,... all but these
 *   -P, --path=GLOB        only paths that match, or lie below what matches (see glob.h)
 *   -p, --pid=PID          only this process
 *   -c, --command=GLOB     only processes of this name
 *       --failed           only calls that failed
 *       --errno=E[,E...]   only calls that failed so, by name or number
 *       --min-lat=TIME     only calls that took at least that long
 *       --since=TIME       only what began so long after the trace did
 *       --until=TIME
 *       --between A B      only between two marks
 *       --max-events=N     stop after N
 *
 * -P, -p and -c may stand several times: any of them. Different options: all of them.
 */
#ifndef MEMFS_TRACE_FILTER_H
#define MEMFS_TRACE_FILTER_H

#include <getopt.h>
#include <memfs/trace_reader.h>

#include "glob.h"

struct filter {
	const char *op_list;       /* resolved when the trace with its table of names is open */
	bool ops[TRACE_OP_LIMIT];
	struct glob **globs;
	size_t glob_count;
	uint32_t *pids;
	size_t pid_count;
	const char **commands;
	size_t command_count;
	bool failed, has_errnos;
	bool errnos[4096];
	uint64_t min_ns;
	uint64_t since_ns, until_ns; /* after the start; until_ns 0 = no end */
	uint64_t began_ns;           /* the trace's start */
	const char *first, *last;    /* marks; NULL = not asked for */
	enum { BETWEEN_BEFORE, BETWEEN_INSIDE, BETWEEN_AFTER } between;
	uint64_t max;                /* 0 = all */
	uint64_t passed;             /* events so far */
	bool active;                 /* any of the options was given */
};

/* Short and long options, to be merged with those of the command; values from FILTER_OPTION on. */
#define FILTER_SHORT "e:P:p:c:"
#define FILTER_OPTION 0x1000
extern const struct option filter_options[];

/* Takes an option from getopt_long(3). 1 = it was ours; 0 = it was not; -1 = misuse, said. */
int filter_take(struct filter *f, int c, int argc, char **argv);

/* Resolves names of operations against the open trace. False: there is no such one, said. */
bool filter_begin(struct filter *f, const struct trace_reader *r);

enum filter_verdict { FILTER_PASS, FILTER_NO, FILTER_END /* neither this one nor any later */ };

/* To be asked for every event in turn: it watches for marks. */
enum filter_verdict filter_wants(struct filter *f, const struct trace_reader *r,
				 const struct trace_event *e);

/* After the last event: was a mark never met? False, said. */
bool filter_end(const struct filter *f);

void filter_free(struct filter *f);

extern const char filter_help[];

#endif
