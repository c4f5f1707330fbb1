/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_run.c - the planner, and the threads that run its steps. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "follow.h"
#include "replay.h"

#define THREADS_MAX 64
#define STEPS_MAX 4096 /* planned and not done */

struct worker {
	struct replay *replay;
	pthread_t thread;
	pthread_cond_t work;
	struct replay_step *first, **last;
	bool started;
};

/* All below is guarded by the replay's lock. */
struct replay_run {
	struct worker workers[THREADS_MAX];
	pthread_cond_t progress; /* a step is done */
	unsigned waiting;        /* for that */
	size_t steps;            /* planned and not done */
	bool stop;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *need_buffer(void)
{
	void *buf = malloc(REPLAY_BUFFER);

	if (!buf)
		exit(complain("replay", "out of memory"));
	return buf;
}

static void run_step(struct replay *r, struct replay_step *s, void *buf)
{
	uint64_t began = now_ns();

	replay_call(r, s, buf);
	s->ns = now_ns() - began;
}

static bool is_ready(const struct replay_step *s)
{
	for (unsigned i = 0; i < s->wait_count; i++)
		if (s->waits[i].node->done != s->waits[i].turn)
			return false;
	return true;
}

static void end_step(const struct replay_step *s)
{
	for (unsigned i = 0; i < s->wait_count; i++)
		s->waits[i].node->done++;
}

/* --- threads -------------------------------------------------------------------- */

static void wait_for_progress(struct replay *r)
{
	r->run->waiting++;
	pthread_cond_wait(&r->run->progress, &r->lock);
	r->run->waiting--;
}

/*
 * The oldest step that is not done stands first in its queue, and waits for nothing: so there
 * is always one that goes on.
 */
static struct replay_step *next_step(struct worker *w)
{
	struct replay_run *run = w->replay->run;
	struct replay_step *s;

	while (!w->first && !run->stop)
		pthread_cond_wait(&w->work, &w->replay->lock);
	s = w->first;
	if (!s)
		return NULL;
	while (!is_ready(s))
		wait_for_progress(w->replay);
	w->first = s->next;
	if (!w->first)
		w->last = &w->first;
	return s;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct replay *r = w->replay;
	void *buf = need_buffer();
	struct replay_step *s;

	pthread_mutex_lock(&r->lock);
	while ((s = next_step(w))) {
		pthread_mutex_unlock(&r->lock);
		run_step(r, s, buf);
		pthread_mutex_lock(&r->lock);
		end_step(s);
		replay_finish(r, s);
		r->run->steps--;
		if (r->run->waiting)
			pthread_cond_broadcast(&r->run->progress);
	}
	pthread_mutex_unlock(&r->lock);
	free(buf);
	return NULL;
}

static void start(struct replay *r, struct worker *w)
{
	int err;

	if (w->started)
		return;
	w->replay = r;
	w->last = &w->first;
	pthread_cond_init(&w->work, NULL);
	err = pthread_create(&w->thread, NULL, work, w);
	if (err)
		exit(complain("a thread", strerror(err)));
	w->started = true;
}

static void enqueue(struct replay *r, struct replay_step *s)
{
	unsigned count = r->threads ? r->threads : THREADS_MAX;
	struct worker *w = &r->run->workers[s->event.worker % count];

	start(r, w);
	pthread_mutex_lock(&r->lock);
	while (r->run->steps >= STEPS_MAX)
		wait_for_progress(r);
	s->next = NULL;
	*w->last = s;
	w->last = &s->next;
	r->run->steps++;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&r->lock);
}

void replay_drain(struct replay *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->run->steps)
		wait_for_progress(r);
	pthread_mutex_unlock(&r->lock);
}

static void stop(struct replay *r)
{
	replay_drain(r);
	pthread_mutex_lock(&r->lock);
	r->run->stop = true;
	for (int i = 0; i < THREADS_MAX; i++)
		if (r->run->workers[i].started)
			pthread_cond_signal(&r->run->workers[i].work);
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < THREADS_MAX; i++)
		if (r->run->workers[i].started)
			pthread_join(r->run->workers[i].thread, NULL);
}

/* --- the planner ------------------------------------------------------------------ */

/* Waits until it is time for an event that began so long after the first one. */
static void wait_until(const struct replay *r, uint64_t began, uint64_t after)
{
	double ns = (double)after / r->speed;
	/* A damaged trace may have any start; 30 years are long enough. */
	uint64_t due = began + (ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18);
	struct timespec when = { .tv_sec = (time_t)(due / 1000000000u),
				 .tv_nsec = (long)(due % 1000000000u) };

	while (!follow_interrupted() &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

static void run_event(struct replay *r, const struct trace_event *e, void *buf)
{
	unsigned op = e->op % TRACE_OP_LIMIT;
	enum replay_skip skip;
	struct replay_step *s = replay_plan(r, e, &skip);

	if (r->threads != 1)
		pthread_mutex_lock(&r->lock);
	r->ops[op].calls++;
	r->ops[op].recorded_ns += s ? e->duration_ns : 0;
	r->ops[op].skipped += !s;
	r->skips[skip]++;
	if (r->threads != 1)
		pthread_mutex_unlock(&r->lock);
	if (s && r->threads != 1) {
		enqueue(r, s);
	} else if (s) {
		run_step(r, s, buf);
		end_step(s);
		replay_finish(r, s);
	}
}

/* What is recorded while we run, on the very mount that we read, is not ours to repeat. */
static bool is_ours(const struct replay *r, const struct trace_event *e, uint64_t began)
{
	struct stat st;

	return e->start_ns >= began && stat(r->q.path, &st) == 0 && S_ISDIR(st.st_mode);
}

void replay_run(struct replay *r)
{
	struct replay_run run = { 0 };
	uint64_t began = now_ns(), first = 0;
	struct trace_event e;
	void *buf = need_buffer();

	r->run = &run;
	pthread_cond_init(&run.progress, NULL);
	while (!follow_interrupted() && query_next(&r->q, &e) && !is_ours(r, &e, began)) {
		if (!first)
			first = e.start_ns;
		if (r->speed > 0 && e.start_ns > first)
			wait_until(r, began, e.start_ns - first);
		if (follow_interrupted())
			break;
		run_event(r, &e, buf);
	}
	stop(r);
	r->wall_ns = now_ns() - began;
	r->run = NULL;
	free(buf);
}
