/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h - a file that is there when it is whole, and not before.
 *
 * What is written goes to a new file beside it, which takes its name at the end. If the program
 * ends before that, by exit(3) or by a signal that asks it to, the new file is removed. One output
 * at a time.
 */
#ifndef MEMFS_TRACE_OUTPUT_H
#define MEMFS_TRACE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
	FILE *file;           /* stdout without a path */
	const char *path;     /* what the user asked for; NULL = stdout */
	char *temporary;      /* what is written meanwhile; NULL = path itself */
	bool replace;
	int error;            /* errno of the first write that failed */
};

/*
 * Begins to write `path`, which stays the caller's; NULL = standard output. What is there already
 * and no regular file (/dev/null, a pipe) is written directly; a regular file is replaced at the end
 * if `replace`, else that is an error. False: said.
 */
bool output_open(struct output *o, const char *path, bool replace);

/*
 * The same for what is written by name and not through o->file, which is NULL then: makes an
 * empty o->temporary. The path must not be NULL, nor what is no regular file.
 */
bool output_open_name(struct output *o, const char *path, bool replace);

/* Nothing more can be written: there is no use in going on. */
bool output_failed(struct output *o);

/*
 * Ends it. With `good`, and if all could be written, the file gets its name; else nothing is left.
 * Returns `good` and no error; errors are said, but not that nobody reads a pipe any more.
 */
bool output_close(struct output *o, bool good);

#endif
