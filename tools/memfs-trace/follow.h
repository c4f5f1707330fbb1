/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow.h - going on at the end of a trace that still grows. */
#ifndef MEMFS_TRACE_FOLLOW_H
#define MEMFS_TRACE_FOLLOW_H

#include "query.h"

/* From here on SIGINT, SIGTERM and SIGHUP end the following, and not the program. */
void follow_catch_signals(void);
bool follow_interrupted(void);

/*
 * As query_next(), but at the end of a trace that is not complete it prints what stdout
 * holds, and waits for more; behind a file of a series it goes on in the next. False when the trace is complete, no later event can pass the filter,
 * stdout is gone, or it was interrupted. For a reader that follows (trace_set_follow()).
 */
bool follow_next(struct query *q, struct trace_event *event);

/*
 * The next event that is there already; false at the end for now. To be asked often: it also lets go
 * what the reader held back when its daemon seems to be gone.
 */
bool follow_poll(struct query *q, struct trace_event *event);

/* Is there nothing more to come in this file? */
bool follow_ended(const struct query *q);

/* If so, goes on in the next file of a series; false where there is none. */
bool follow_continue(struct query *q);

#endif
