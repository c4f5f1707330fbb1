/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to write a file: system calls of ours, and programs.
 *
 * A method is one row of the table in methods.c. It writes job->content into job->target, in a
 * process of its own, which must have closed the file when it ends. A row of system calls has a
 * function; one of programs has commands for sh(1), which find in their environment
 *
 *   TARGET   the file to write
 *   DIR      its directory, the root of the filesystem
 *   SOURCE   a file on another filesystem that holds the content
 *   SCRATCH  a directory on that other filesystem, which all runs share
 */
#ifndef WRITE_CALLS_METHODS_H
#define WRITE_CALLS_METHODS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "content.h"

#define TARGET_NAME "file" /* in the root of the filesystem */

/* fsync(2) never, before close(2), after each chunk; fdatasync(2) before close(2). */
enum method_sync { SYNC_NEVER, SYNC_END, SYNC_EACH, SYNC_DATA };

/* What a method's function returns, and the status that its process ends with. */
enum {
	METHOD_OK = 0,
	METHOD_FAILED = 1,
	METHOD_REFUSED = 77, /* the filesystem does not have it */
	METHOD_ABSENT = 78,  /* the kernel does not allow it */
};

struct job; /* a method's run */

struct program {
	const char *tool;    /* must be in PATH */
	const char *prepare; /* before the trace is looked at; NULL = nothing */
	const char *write;
	const char *read;    /* prints the content; NULL = the target itself holds it */
};

struct method {
	const char *name;
	const char *what;      /* for --list */
	int (*write)(struct job *job);
	struct program program; /* tool = NULL: system calls */
	size_t chunk;          /* bytes; 0 = all at once */
	enum method_sync sync;
	int flags;             /* of open(2), beside O_CREAT */
	bool text;             /* content is text */
	bool exists;           /* the target is there already: with other content, or for an editor */
	const char *first;     /* what an editor puts before the content it finds; NULL = no editor */
	bool needs_source;
};

/* In memory that all processes of a run share. */
struct job {
	const struct method *method;
	struct content content;
	char target[PATH_MAX];
	char root[PATH_MAX];    /* of a memfs, for marks in its trace; "" = there is none */
	pid_t marker;           /* the process that sets marks for the method; 0 = none */
	char inside[PATH_MAX];  /* of copy_file_range: the source, in the same filesystem */
	char source[PATH_MAX];
	char why[256];          /* set when it failed or was refused */
	char hash[CONTENT_HASH]; /* of what was read back */
	uint64_t size;
};

extern const struct method methods[];
extern const size_t method_count;

/* NULL = no such. */
const struct method *method_find(const char *name, size_t length);

bool method_is_program(const struct method *method);

/* --- for the functions ---------------------------------------------------------------- */

/* Notes "what: why" of errno, and tells METHOD_REFUSED from METHOD_FAILED. */
int method_error(struct job *job, const char *what);

/* A buffer aligned for O_DIRECT; NULL with errno. */
void *method_buffer(size_t size);

/* The size of the piece that begins at `offset`. */
size_t method_part(const struct job *job, uint64_t offset);

/* Opens the target with O_CREAT and the method's flags; negative after noting the reason. */
int method_open(struct job *job);

/* Marks the moment in the trace: the target, or what will become it, is about to be closed. */
void method_will_close(void);

/* Closes it after that; returns `status`, or if that is METHOD_OK what became of the close. */
int method_close(struct job *job, int fd, int status);

/* write.c */
int write_chunks(struct job *job);
int write_stdio(struct job *job);
int write_vectors(struct job *job);
int write_allocated(struct job *job);
int write_renamed(struct job *job);
int write_renamed_synced(struct job *job);
int write_uring(struct job *job);

/* map.c */
int map_closed_last(struct job *job);
int map_synced(struct job *job);
int map_closed_first(struct job *job);

/* copy.c */
int copy_range(struct job *job);
int copy_sendfile(struct job *job);
int copy_splice(struct job *job);

#endif
