/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "command.h"

#define WAIT_MS 100
#define QUIET_NS 1000000000 /* a daemon that lives writes something much more often */

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

void follow_catch_signals(void)
{
	/* Without SA_RESTART: what waits, ends. */
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool follow_interrupted(void)
{
	return interrupted;
}

bool follow_ended(const struct query *q)
{
	struct trace_info info;

	trace_get_info(q->reader, &info);
	return info.complete || q->filter_ended || ferror(stdout);
}

/* Has the file not grown for so long that nobody can be writing it? */
static bool is_quiet(struct query *q)
{
	struct trace_info info;
	struct timespec now;
	int64_t ns;

	trace_get_info(q->reader, &info);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (info.bytes != q->seen_bytes) {
		q->seen_bytes = info.bytes;
		q->seen_at = now;
		return false;
	}
	ns = (now.tv_sec - q->seen_at.tv_sec) * 1000000000 + now.tv_nsec - q->seen_at.tv_nsec;
	return ns > QUIET_NS;
}

bool follow_poll(struct query *q, struct trace_event *event)
{
	bool more = query_next(q, event);

	if (more || !is_quiet(q))
		return more;
	trace_set_follow(q->reader, false);
	more = query_next(q, event);
	trace_set_follow(q->reader, true);
	return more;
}

bool follow_next(struct query *q, struct trace_event *event)
{
	while (!interrupted) {
		if (follow_poll(q, event))
			return true;
		fflush(stdout);
		if (follow_ended(q))
			return false;
		poll(NULL, 0, WAIT_MS);
	}
	return false;
}
