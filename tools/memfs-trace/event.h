/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - what the fields of an event mean, for all who look at one. */
#ifndef MEMFS_TRACE_EVENT_H
#define MEMFS_TRACE_EVENT_H

#include <memfs/trace_reader.h>
#include <stdio.h>

#define EVENT_PATH_SIZE 8192

/*
 * The names of an event that are entries of directories: the first one stands in `node`, the
 * second in `node2`. NULL = the node itself is meant. (The name of a link is its second; that
 * of an extended attribute is none.)
 */
const char *event_first_name(const struct trace_event *e);
const char *event_second_name(const struct trace_event *e);

/* Does it have a node at all? A batch_forget has not. */
static inline bool event_has_path(const struct trace_event *e)
{
	return e->node != 0;
}

/* Its first path, just before it; as trace_path(). Valid while it is the last one given. */
const char *event_path(const struct trace_reader *r, const struct trace_event *e, char *buf,
		       size_t size);

/* The text of a mark that was set (memfs.trace.mark), NULL = it is no such event. */
const char *event_mark(const struct trace_event *e);

/* "cc1/101", inferred "~cc1/101", or "kernel/0"; raw bytes, cut off at size. Returns buf. */
const char *event_caller(const struct trace_process *process, bool inferred, char *buf, size_t size);

/* S_IFMT bits of what the operation makes, 0 = nothing. */
mode_t event_made_type(const struct trace_event *e);

struct event_style {
	bool raw;           /* times in ns, CLOCK_MONOTONIC */
	bool color;         /* failed calls stand out */
	uint64_t began_ns;  /* times are shown since then */
};

/* One line as strace(1) has it: time, process, operation, arguments, result, duration. */
void event_print(FILE *out, const struct trace_reader *r, const struct trace_event *e,
		 const struct event_style *style);

/* Of that line the operation with its arguments, and the error if it failed. */
void event_print_call(FILE *out, const struct trace_reader *r, const struct trace_event *e);

#endif
