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

#include <memfs/trace_reader.h>
#include <stdio.h>

struct command {
	const char *name;
	const char *what; /* one line for --help */
	int (*run)(int argc, char **argv);
};

int command_summary(int argc, char **argv);
int command_dist(int argc, char **argv);
int command_slow(int argc, char **argv);
int command_timeline(int argc, char **argv);
int command_show(int argc, char **argv);
int command_info(int argc, char **argv);
int command_check(int argc, char **argv);
int command_files(int argc, char **argv);
int command_procs(int argc, char **argv);
int command_life(int argc, char **argv);
int command_methods(int argc, char **argv);
int command_findings(int argc, char **argv);
int command_assert(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_tail(int argc, char **argv);
int command_top(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_export(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_recover(int argc, char **argv);
int command_report(int argc, char **argv);

/* Says "memfs-trace: what: why" on stderr; returns 2. */
int complain(const char *what, const char *why);

/*
 * The file of a trace: the path itself or, if that is a directory, what the memfs that is mounted
 * there says, in buf. What has happened before is then in the file. NULL: it cannot say; told.
 */
const char *find_trace(const char *path, char *buf, size_t size);

/*
 * Opens a trace: a file, or a directory that is a memfs mount, which is asked
 * for its trace. NULL when it cannot be; then that was said.
 */
struct trace_reader *open_trace(const char *path);

/* trace_next(), with errors said and made fatal: true while there are events. */
bool next_event(struct trace_reader *r, const char *path, struct trace_event *event);

/* "# 1,204,331 events, 0 lost, CLOCK_MONOTONIC, complete, checksums ok", after all was read. */
void print_verdict(const struct trace_reader *r);
void write_verdict(FILE *out, const struct trace_reader *r);

/* Nothing lost, nothing damaged, and complete? */
bool is_whole(const struct trace_reader *r);

/* The number of an operation by its name, -1 = none. */
int find_op(const struct trace_reader *r, const char *name, size_t length);

#endif
