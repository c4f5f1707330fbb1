/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one task in a process group of its own, and measures it.
 *
 * A task is a program, or a function of ours, which then runs in a process of its own too: so
 * that its CPU time is counted the same way as a program's, and so that a filesystem under test
 * that never answers can hang the task but not us.
 */
#ifndef WORKLOADS_RUN_H
#define WORKLOADS_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct task {
	const char *const *argv;   /* a program and its arguments, or ... */
	int (*function)(void *);   /* ... a function; what it returns is the exit status */
	void *argument;            /* its argument; results go into shared_alloc() memory */
	const char *dir;           /* where to run; NULL = here */
	const char *log;           /* file to which its output is appended; NULL = none */
	int capture;               /* descriptor that gets stdout instead; 0 = none */
	bool capture_errors;       /* ... and stderr too */
	double timeout;            /* seconds; 0 = none */
	bool to_the_end;           /* part of cleaning up: an interrupt does not end it */
};

enum run_end {
	RUN_OK,          /* exit status 0 */
	RUN_FAILED,      /* another status, or a signal */
	RUN_TIMEOUT,
	RUN_INTERRUPTED, /* we were told to stop */
};

struct outcome {
	enum run_end end;
	int status;        /* as of waitpid() */
	double wall;       /* seconds */
	double user, sys;  /* CPU seconds of it and all its children */
};

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

/*
 * Called when a task that was killed has not ended after some seconds: it waits inside a filesystem
 * that does not answer, where no signal reaches it. To end that filesystem; NULL = none.
 */
extern void (*run_stuck)(void);

/* Runs it and waits for it; whatever of its group is left is killed. */
struct outcome run(const struct task *task);

/* Runs it and returns what it printed, for the caller to free; NULL = did not end well. */
char *run_capture(const struct task *task);

/* "exit status 2", "killed by signal 11 (Segmentation fault)", ...; a static buffer. */
const char *outcome_text(const struct outcome *outcome);

/* Zeroed memory that tasks share with us; exits when there is none. */
void *shared_alloc(size_t size);
void shared_free(void *memory, size_t size);

#endif
