/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/callbacks.h"
#include "common/quantiles.h"
#include "common/run.h"
#include "common/text.h"

#define WARM_UPS 2 /* operations before those that are counted */
#define MAKING_MOST 20 /* times as long as it is to operate, with all that is made and removed */
#define TIMES_MAX (4u << 20)        /* of one measurement */
#define THREAD_TIMES_MAX (1u << 20) /* of one thread */

/* The threads and what they share while one measurement lasts. */
struct team {
	struct measurement *m;
	pthread_barrier_t barrier;
	_Atomic bool failed;
	bool stop;           /* set while all others wait */
	unsigned batch;      /* operations of each thread in this batch */
	uint64_t started_ns; /* this batch */
	uint64_t begun_ns;   /* the first one, with what is made for it */
	struct member {
		struct team *team;
		struct worker worker;
		pthread_t thread;
	} members[THREADS_MAX];
};

const char *measure_status_name(enum measure_status status)
{
	static const char *const names[] = {
		[MEASURE_OK] = "ok", [MEASURE_UNSUPPORTED] = "unsupported",
		[MEASURE_FAILED] = "failed",
	};

	return names[status];
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double measure_clock(void)
{
	double costs[1001];

	for (size_t i = 0; i < 1001; i++) {
		uint64_t before = now_ns();

		costs[i] = (double)(now_ns() - before);
	}
	values_sort(costs, 1001);
	return values_median(costs, 1001);
}

/* --- memory ------------------------------------------------------------- */

static size_t capacity_for(unsigned threads)
{
	size_t each = TIMES_MAX / threads;

	return each < THREAD_TIMES_MAX ? each : THREAD_TIMES_MAX;
}

struct measurement *measurement_new(unsigned most_threads)
{
	struct measurement *m = shared_alloc(sizeof(*m));

	m->capacity = capacity_for(most_threads);
	m->times = shared_alloc(most_threads * m->capacity * sizeof(*m->times));
	return m;
}

void measurement_free(struct measurement *m, unsigned most_threads)
{
	shared_free(m->times, most_threads * m->capacity * sizeof(*m->times));
	shared_free(m, sizeof(*m));
}

/* --- what went wrong ---------------------------------------------------- */

static bool is_lack(int err)
{
	return err == EOPNOTSUPP || err == ENOSYS || err == ENODEV || err == EPERM;
}

/* The first failure of all threads is what is told; with it the measurement is over. */
static void fail(struct team *team, const char *what, int err)
{
	struct measurement *m = team->m;
	bool expected = false;

	if (!atomic_compare_exchange_strong(&team->failed, &expected, true))
		return;
	m->status = is_lack(err) ? MEASURE_UNSUPPORTED : MEASURE_FAILED;
	snprintf(m->error, sizeof(m->error), "%s: %s", what ? what : m->op->name, strerror(err));
}

static bool step(struct member *member, int (*function)(struct worker *))
{
	int err = function ? function(&member->worker) : 0;

	if (err)
		fail(member->team, member->worker.what, err);
	return err == 0;
}

/* --- a thread ----------------------------------------------------------- */

/* Makes what the batch needs, and brings the caches into the state that the operation wants. */
static bool prepare(struct member *member)
{
	struct team *team = member->team;
	const struct op *op = team->m->op;
	struct worker *w = &member->worker;
	bool counting = team->m->root, ok = true;
	int err;

	if (!op->lasting || !w->batches) {
		w->items = (op->lasting ? op->batch : team->batch) + WARM_UPS;
		ok = step(member, op->make);
	}
	w->batches++;
	for (unsigned i = 1; ok && counting && i <= WARM_UPS; i++) {
		err = op->run(w, w->items - i);
		if (err)
			fail(team, w->what, err);
		ok = !err;
	}
	pthread_barrier_wait(&team->barrier);
	return ok && !atomic_load(&team->failed) && step(member, op->ready);
}

static void operate(struct member *member)
{
	struct team *team = member->team;
	struct measurement *m = team->m;
	struct worker *w = &member->worker;
	uint64_t *times = m->times + w->index * m->capacity, limit = UINT64_MAX, before, after;
	size_t done = m->done[w->index];

	if (m->time_ns)
		limit = team->started_ns + (m->time_ns - m->wall_ns);
	for (unsigned i = 0; i < team->batch && done < m->capacity; i++) {
		int err;

		before = now_ns();
		err = m->op->run(w, i);
		after = now_ns();
		if (err) {
			fail(team, w->what, err);
			break;
		}
		times[done++] = after - before;
		if (after >= limit)
			break;
	}
	m->done[w->index] = done;
}

static void *thread_main(void *argument)
{
	struct member *member = argument;
	struct team *team = member->team;
	const struct op *op = team->m->op;
	struct worker *w = &member->worker;

	do {
		bool ready = prepare(member);

		pthread_barrier_wait(&team->barrier); /* all are ready */
		pthread_barrier_wait(&team->barrier); /* and off they go */
		if (ready && !atomic_load(&team->failed))
			operate(member);
		pthread_barrier_wait(&team->barrier); /* all are through */
		pthread_barrier_wait(&team->barrier); /* and it is known whether that was all */
		if (op->clear && (!op->lasting || team->stop))
			op->clear(w);
	} while (!team->stop);
	return NULL;
}

/* --- all of them --------------------------------------------------------- */

static bool is_enough(const struct team *team)
{
	const struct measurement *m = team->m;

	if (m->root)
		return true;
	for (unsigned i = 0; i < m->threads; i++)
		if (m->done[i] >= m->capacity)
			return true;
	if (m->count)
		return m->done[0] >= m->count;
	return m->wall_ns >= m->time_ns || now_ns() - team->begun_ns >= MAKING_MOST * m->time_ns;
}

static unsigned next_batch(const struct measurement *m)
{
	unsigned batch = m->op->batch;

	if (m->root && batch > COUNT_OPERATIONS)
		batch = COUNT_OPERATIONS;
	if (m->count && m->count - m->done[0] < batch)
		batch = (unsigned)(m->count - m->done[0]);
	return batch;
}

/* Marks, unless something has failed already. */
static void mark(struct team *team, int (*function)(const char *, const char *))
{
	struct measurement *m = team->m;
	int err = m->root && !atomic_load(&team->failed) ? function(m->root, m->label) : 0;

	if (err)
		fail(team, "memfs.trace.mark", err);
}

/* Leads them through the batches; between two barriers the others wait. */
static void lead(struct team *team)
{
	struct measurement *m = team->m;

	team->begun_ns = now_ns();
	do {
		pthread_barrier_wait(&team->barrier); /* things are made */
		pthread_barrier_wait(&team->barrier); /* all are ready */
		mark(team, callbacks_start);
		team->started_ns = now_ns();
		pthread_barrier_wait(&team->barrier);
		pthread_barrier_wait(&team->barrier); /* all are through */
		m->wall_ns += now_ns() - team->started_ns;
		mark(team, callbacks_end);
		team->stop = atomic_load(&team->failed) || is_enough(team);
		if (!team->stop)
			team->batch = next_batch(m);
		pthread_barrier_wait(&team->barrier);
	} while (!team->stop);
}

static int begin_member(struct team *team, unsigned index)
{
	struct measurement *m = team->m;
	struct member *member = &team->members[index];
	char *dir = text_format("%s/%u", m->dir, m->shared ? 0 : index);
	int err;

	member->team = team;
	member->worker = (struct worker){ .index = index, .serial = m->serial };
	err = worker_begin(&member->worker, dir, m->seed);
	if (err)
		fail(team, member->worker.what, err);
	free(dir);
	return err;
}

/* Either all threads run or none: they count on each other at the barrier. */
static bool start_threads(struct team *team)
{
	unsigned n = team->m->threads;
	int err = pthread_barrier_init(&team->barrier, NULL, n + 1);

	for (unsigned i = 0; !err && i < n; i++)
		err = pthread_create(&team->members[i].thread, NULL, thread_main,
				     &team->members[i]);
	if (err)
		fail(team, "threads", err);
	return !err;
}

int measure_task(void *argument)
{
	struct measurement *m = argument;
	struct team *team = zalloc(1, sizeof(*team));
	unsigned begun = 0;
	bool ok = true;

	team->m = m;
	m->status = MEASURE_OK;
	team->batch = next_batch(m);
	for (; ok && begun < m->threads; begun++)
		ok = begin_member(team, begun) == 0;
	if (ok) {
		if (!start_threads(team))
			return 0; /* those that did start end with this process */
		lead(team);
		for (unsigned i = 0; i < m->threads; i++)
			pthread_join(team->members[i].thread, NULL);
	}
	for (unsigned i = 0; i < begun; i++) {
		worker_end(&team->members[i].worker);
		m->operations += m->done[i];
	}
	free(team);
	return 0;
}
