/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op-bench - times single filesystem operations in several directories, side by side, and counts
 * what each asks of a memfs.
 *
 *   op-bench.c   main(): makes the directories, leads through the runs
 *   options.c    the command line
 *   ops.c        the operations
 *   measure.c    one of them, in one directory, by so many threads
 *   results.c    rows for programs: CSV, JSON
 *   table.c      the table for people
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/quantiles.h"
#include "common/run.h"
#include "common/workspace.h"
#include "measure.h"
#include "options.h"
#include "results.h"
#include "table.h"

#define PATIENCE 600 /* seconds that a measurement may take beyond its time */

/* A directory that is measured, beside its struct place. */
struct ground {
	char *dir;                   /* one of ours in it */
	struct callbacks *callbacks; /* NULL = is on no memfs that records */
};

/* Everything main() owns. */
struct bench {
	struct options options;
	struct place *places;
	struct ground *grounds;
	unsigned count;
	struct results results;
	struct measurement *measurement;
	unsigned serial; /* of measurements */
};

/* --- grounds ------------------------------------------------------------ */

static bool add_ground(struct bench *b, const char *label, const char *in)
{
	char *dir = workspace_make(in);
	struct callbacks *callbacks;
	const char *why;

	if (!dir)
		return false;
	callbacks = callbacks_open(dir, &why);
	if (why)
		complain("%s: %s", label, why);
	b->places = enlarge(b->places, b->count + 1, sizeof(*b->places));
	b->grounds = enlarge(b->grounds, b->count + 1, sizeof(*b->grounds));
	b->places[b->count] = (struct place){
		.label = text_copy(label),
		.cache = callbacks ? callbacks_cache(callbacks) : NULL,
	};
	b->grounds[b->count++] = (struct ground){ .dir = dir, .callbacks = callbacks };
	return true;
}

static bool open_mounts(struct bench *b)
{
	struct filesystem_arguments *mounts = &b->options.mounts;
	struct filesystem_options fs;
	char *work, *log;
	bool ok = true;

	work = filesystem_arguments_check(mounts) ? workspace_make(mounts->work) : NULL;
	if (!work)
		return false;
	fs = filesystem_arguments_in(mounts, work);
	log = text_format("%s/log", work);
	for (unsigned i = 0; ok && i < mounts->count; i++) {
		struct filesystem *mount = &mounts->items[i];

		ok = filesystem_open(mount, &fs, mount->name, log) &&
		     add_ground(b, mount->name, mount->root);
	}
	free(log);
	free(work);
	return ok;
}

static bool open_grounds(struct bench *b)
{
	if (b->options.mount && !open_mounts(b))
		return false;
	for (size_t i = 0; i < b->options.directories.count; i++)
		if (!add_ground(b, b->options.directories.items[i], b->options.directories.items[i]))
			return false;
	return true;
}

static bool close_grounds(struct bench *b)
{
	bool ok = true;

	for (unsigned i = 0; i < b->count; i++) {
		callbacks_close(b->grounds[i].callbacks);
		free(b->grounds[i].dir);
		free(b->places[i].label);
	}
	free(b->grounds);
	free(b->places);
	for (unsigned i = 0; i < b->options.mounts.count; i++)
		ok = filesystem_close(&b->options.mounts.items[i], "/dev/stderr") && ok;
	return ok;
}

/* --- measuring ---------------------------------------------------------- */

/* Prepares the structure for one more; the rest is up to the caller. */
static void set_up(struct bench *b, const struct result *row, const struct ground *ground)
{
	struct measurement *m = b->measurement;

	m->op = row->op;
	m->dir = ground->dir;
	m->threads = row->threads;
	m->shared = b->options.shared;
	m->time_ns = (uint64_t)(b->options.seconds * 1e9);
	m->count = b->options.count;
	m->seed = b->options.seed + row->run;
	m->serial = b->serial++;
	m->root = m->label = NULL;
	m->status = MEASURE_OK;
	m->error[0] = '\0';
	m->operations = m->wall_ns = 0;
	memset(m->done, 0, sizeof(m->done));
}

/* Runs what is set up. False when it has no values, with the reason in the row. */
static bool perform(struct bench *b, struct result *row)
{
	struct measurement *m = b->measurement;
	struct outcome outcome = run(&(struct task){
		.function = measure_task, .argument = m,
		.timeout = PATIENCE + b->options.seconds,
	});

	row->status = m->status;
	snprintf(row->error, sizeof(row->error), "%s", m->error);
	if (outcome.end != RUN_OK) {
		row->status = MEASURE_FAILED;
		snprintf(row->error, sizeof(row->error), "%s", outcome_text(&outcome));
	}
	return row->status == MEASURE_OK;
}

/* Puts the times of all threads together. */
static void sum_up(const struct measurement *m, struct result *row)
{
	double *times = zalloc(m->operations + 1, sizeof(*times));
	size_t n = 0;

	for (unsigned t = 0; t < m->threads; t++)
		for (size_t i = 0; i < m->done[t]; i++)
			times[n++] = (double)m->times[t * m->capacity + i];
	values_sort(times, n);
	row->operations = n;
	if (n) {
		row->median = values_median(times, n);
		row->p99 = values_quantile(times, n, 0.99);
	}
	if (m->wall_ns)
		row->per_second = (double)n / ((double)m->wall_ns / 1e9);
	free(times);
}

static void count_callbacks(struct bench *b, struct result *row, const struct ground *ground)
{
	struct measurement *m = b->measurement;
	char *label;

	set_up(b, row, ground);
	label = text_format("op-bench %d %u", (int)getpid(), m->serial);
	m->root = callbacks_root(ground->callbacks);
	m->label = label;
	m->time_ns = 0;
	if (perform(b, row)) {
		row->counts = zalloc(1, sizeof(*row->counts));
		row->counted = m->operations;
		if (!callbacks_read(ground->callbacks, label, row->counts)) {
			row->status = MEASURE_FAILED;
			row->counted = 0;
			snprintf(row->error, sizeof(row->error), "callbacks cannot be counted");
		}
	}
	free(label);
}

static void measure(struct bench *b, unsigned run, unsigned directory, const struct op *op,
		    unsigned threads)
{
	const struct ground *ground = &b->grounds[directory];
	struct result row = { .run = run, .directory = directory, .op = op, .threads = threads };
	char *shown;

	set_up(b, &row, ground);
	if (perform(b, &row)) {
		sum_up(b->measurement, &row);
		if (ground->callbacks)
			count_callbacks(b, &row, ground);
	}
	if (interrupted())
		return;
	if (row.status == MEASURE_FAILED) {
		shown = text_visible(b->places[directory].label);
		complain("%s in %s, run %u: %s", op->name, shown, run, row.error);
		free(shown);
	}
	results_add(&b->results, &row);
}

static void run_once(struct bench *b, unsigned run, unsigned *steps)
{
	const struct options *o = &b->options;

	for (unsigned i = 0; i < o->op_count; i++) {
		for (unsigned t = 0; t < o->thread_counts && !interrupted(); t++) {
			progress_step(1, "run %u of %u: %s", run, o->runs, o->ops[i]->name);
			/* Each directory comes first in turn. */
			for (unsigned d = 0; d < b->count && !interrupted(); d++)
				measure(b, run, (run - 1 + d) % b->count, o->ops[i], o->threads[t]);
			progress_reach(++*steps);
		}
	}
}

static void run_all(struct bench *b)
{
	const struct options *o = &b->options;
	unsigned steps = 0;
	char text[32];

	progress_start(o->runs * o->op_count * o->thread_counts);
	for (unsigned run = 1; run <= o->runs && !interrupted(); run++) {
		double started = clock_seconds();

		run_once(b, run, &steps);
		if (interrupted())
			break;
		progress_step(0, "run %u of %u", run, o->runs);
		snprintf(text, sizeof(text), "%.1f s", clock_seconds() - started);
		progress_done(text);
	}
	progress_clear();
}

/* --- the whole ----------------------------------------------------------- */

static int finish(struct bench *b)
{
	bool ok = true;

	if (interrupted()) {
		complain("interrupted; mounts and directories are removed");
		return 130;
	}
	if (b->options.json)
		ok = results_json(&b->results, stdout);
	else
		table_print(stdout, &b->results);
	return flush_output() && ok && !b->results.failed ? 0 : 1;
}

static int list_ops(void)
{
	for (unsigned i = 0; i < op_count; i++)
		printf("%-18s %s\n", ops[i].name, ops[i].what);
	return flush_output() ? 0 : 1;
}

static int run_bench(struct bench *b)
{
	int status = 1;

	interrupt_init();
	b->results = (struct results){ .options = &b->options, .clock_ns = measure_clock() };
	if (open_grounds(b)) {
		b->results.places = b->places;
		b->results.place_count = b->count;
		b->measurement = measurement_new(b->options.most_threads);
		if (results_open(&b->results)) {
			run_all(b);
			status = finish(b);
		}
		measurement_free(b->measurement, b->options.most_threads);
		if (!results_close(&b->results) && !status)
			status = 1;
	}
	if (interrupted())
		status = 130;
	if (!close_grounds(b) && !status)
		status = 1;
	return status;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	int status;

	program_name = "op-bench";
	status = options_parse(&bench.options, argc, argv);
	if (status == OPTIONS_RUN)
		status = bench.options.list ? list_ops() : run_bench(&bench);
	options_free(&bench.options);
	return status;
}
