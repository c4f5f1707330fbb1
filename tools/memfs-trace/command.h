/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - what the subcommands of memfs-trace share.
 *
 * main.c picks the command; each has a file of its own, and returns the exit
 * status: 0, 1 for a finding (damage, loss), 2 for misuse or a file that
 * cannot be read.
 */
#ifndef MEMFS_TRACE_COMMAND_H
#define MEMFS_TRACE_COMMAND_H

#include <getopt.h>
#include <memfs/trace_reader.h>

struct command {
	const char *name;
	const char *what; /* one line for --help */
	int (*run)(int argc, char **argv);
};

int command_summary(int argc, char **argv);
int command_show(int argc, char **argv);
int command_info(int argc, char **argv);
int command_check(int argc, char **argv);

/* Says "memfs-trace: what: why" on stderr; returns 2. */
int complain(const char *what, const char *why);

/*
 * Opens a trace: a file, or a directory that is a memfs mount, which is asked
 * for its trace. NULL when it cannot be; then that was said.
 */
struct trace_reader *open_trace(const char *path);

/* trace_next(), with errors said and made fatal: true while there are events. */
bool next_event(struct trace_reader *r, const char *path, struct trace_event *event);

/*
 * --between FIRST LAST: only what happened after the mark FIRST and before the
 * mark LAST. A mark is a setxattr(2) of memfs.trace.mark on the root.
 */
struct between {
	const char *first, *last; /* NULL = not asked for */
	enum { BETWEEN_BEFORE, BETWEEN_INSIDE, BETWEEN_AFTER } state;
};

/* Takes the two arguments, of which getopt has given the first. False when there is no second. */
bool between_parse(struct between *b, int argc, char **argv);

/* For each event in turn: is it inside? */
bool between_wants(struct between *b, const struct trace_event *event);

/* Said on stderr when a mark was never met; returns the exit status, 0 or 2. */
int between_verdict(const struct between *b);

/* "# 1,204,331 events, 0 lost, CLOCK_MONOTONIC, complete, checksums ok", after all was read. */
void print_verdict(const struct trace_reader *r);

/* Nothing lost, nothing damaged, and complete? */
bool is_whole(const struct trace_reader *r);

/*
 * Reads the options of a command that has only --help and those in `options`;
 * returns the next option, or -1 at the end, when exactly one argument must be
 * left: *path. -2: misuse (said); -3: help was shown.
 */
int next_option(int argc, char **argv, const char *short_options, const struct option *options,
		const char *help, const char **path);

/* Seconds, microseconds and so on, for people: "1.25ms". */
const char *format_duration(uint64_t ns, char buf[16]);

/* A name as strace shows it: quotes, and escapes for all that is not plain text. */
const char *format_name(const char *name, char *buf, size_t size);

/* The number of an operation by its name, -1 = none. */
int find_op(const struct trace_reader *r, const char *name, size_t length);

#endif
