/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is being done, on stderr: on a terminal one line with a bar that moves, else a plain line
 * when a step ends and every half minute of a long one.
 */
#ifndef WORKLOADS_PROGRESS_H
#define WORKLOADS_PROGRESS_H

/*
 * All of the work, in any unit that the steps share. What is left is estimated from it: the better
 * the weights agree with the times, the better the estimate.
 */
void progress_start(unsigned total);

/* A step begins: it counts `weight` of the total. */
void progress_step(unsigned weight, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Called often while waiting: redraws when it is time to. */
void progress_tick(void);

/* The step is over; `result` says how, e.g. "1.25 s". */
void progress_done(const char *result);

/* The step is over without a result. */
void progress_abandon(void);

/* So much of the total is behind us, also what a failure has left undone. */
void progress_reach(unsigned done);

/* Takes the moving line off, before something else is printed. */
void progress_clear(void);

#endif
