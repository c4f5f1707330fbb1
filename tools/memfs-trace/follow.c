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

/* The next file of a series, which is where this one was. False: it is not there (yet). */
static bool go_on_in_next(struct query *q, uint64_t segment)
{
	struct trace_reader *next;
	struct trace_info info;
	const char *why;

	if (trace_open(q->path, &next, &why) < 0)
		return false;
	trace_get_info(next, &info);
	if (info.segment <= segment) {
		trace_close(next);
		return false;
	}
	if (info.segment > segment + 1)
		fprintf(stderr, "memfs-trace: %s: files of the series have gone by unread\n", q->path);
	trace_close(q->reader);
	q->reader = next;
	trace_set_follow(next, true);
	return true;
}

bool follow_continue(struct query *q)
{
	struct trace_info info;

	if (!follow_ended(q))
		return true;
	trace_get_info(q->reader, &info);
	/* Between the end of one file and the beginning of the next there is a moment. */
	for (int i = 0; i < 10 && info.continued && !interrupted && !ferror(stdout); i++) {
		if (go_on_in_next(q, info.segment))
			return true;
		poll(NULL, 0, WAIT_MS);
	}
	return false;
}

bool follow_next(struct query *q, struct trace_event *event)
{
	while (!interrupted) {
		if (follow_poll(q, event))
			return true;
		fflush(stdout);
		if (!follow_continue(q))
			return false;
		poll(NULL, 0, WAIT_MS);
	}
	return false;
}
