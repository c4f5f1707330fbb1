/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turn.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/sampler.h"
#include "common/text.h"
#include "common/walk.h"

/*
 * One time for all files, in the past: whatever a build makes is newer. The same in all runs, so
 * that what is built from it can be the same too.
 */
#define STAMP_TIME 946684800 /* 2000-01-01 00:00:00 UTC */

#define USUAL_BUILD 30 /* seconds that a project's build takes if its manifest does not tell */

/* About how many seconds that phase takes. What is over at once has no weight. */
static unsigned phase_weight(const struct manifest *manifest, enum phase phase)
{
	const char *given = manifest_value(manifest, KEY_WEIGHT, ORIGIN_ANY);
	unsigned build = given ? (unsigned)strtoul(given, NULL, 10) : USUAL_BUILD;

	switch (phase) {
	case PHASE_BUILD:
		return build;
	case PHASE_CLONE:
	case PHASE_VERIFY:
		return 1 + build / 60;
	case PHASE_REMOVE:
		return 1;
	default:
		return 0;
	}
}

unsigned turn_weight(const struct manifest *manifest, bool verify)
{
	unsigned sum = 0;

	for (int phase = 0; phase < PHASE_COUNT; phase++)
		if (phase != PHASE_VERIFY || verify)
			sum += phase_weight(manifest, (enum phase)phase);
	return sum;
}

/* Does a turn that goes well have a row of that phase? */
static bool has_row(const struct turn *t, enum phase phase)
{
	switch (phase) {
	case PHASE_MOUNT:
	case PHASE_UNMOUNT:
		return false;
	case PHASE_VERIFY:
		return t->verify;
	case PHASE_REMOVE:
		return !t->keep;
	default:
		return true;
	}
}

bool turn_is_done(const struct turn *t)
{
	bool there[PHASE_COUNT] = { false };

	for (size_t i = 0; i < t->results->count; i++) {
		const struct result *row = &t->results->rows[i];

		if (row->run != t->run || strcmp(row->filesystem, t->filesystem->name) != 0 ||
		    strcmp(row->project, manifest_name(t->project->manifest)) != 0)
			continue;
		if (!row->ok)
			return false;
		there[row->phase] = true;
	}
	for (int phase = 0; phase < PHASE_COUNT; phase++)
		if (has_row(t, (enum phase)phase) && !there[phase])
			return false;
	return true;
}

/* --- one phase --------------------------------------------------------- */

#define ANSWER_PATIENCE 30 /* seconds in which memfs must answer a question of ours */

/* What a task asks memfs, or tells it: so that one that hangs does not hang us. */
struct question {
	char root[PATH_MAX];
	char text[PATH_MAX]; /* of the mark; or the answer */
};

static int mark_task(void *argument)
{
	const struct question *q = argument;

	/* Without a trace it is refused, and nobody needs it. */
	setxattr(q->root, "memfs.trace.mark", q->text, strlen(q->text), 0);
	return 0;
}

static int find_trace_task(void *argument)
{
	struct question *q = argument;
	char *path = calls_trace_of(q->root);

	if (path)
		snprintf(q->text, sizeof(q->text), "%s", path);
	free(path);
	return 0;
}

/* Asks the memfs of this turn, if it is one; what it answers is to be freed, NULL = nothing. */
static char *ask(const struct turn *t, int (*task)(void *), const char *text)
{
	struct question *q;
	char *answer = NULL;

	if (!t->filesystem->root || !t->filesystem->server.pid)
		return NULL;
	q = shared_alloc(sizeof(*q));
	snprintf(q->root, sizeof(q->root), "%s", t->filesystem->root);
	snprintf(q->text, sizeof(q->text), "%s", text);
	if (run(&(struct task){ .function = task, .argument = q, .log = t->log,
				.timeout = ANSWER_PATIENCE }).end == RUN_OK && *q->text)
		answer = text_copy(q->text);
	shared_free(q, sizeof(*q));
	return answer;
}

/* Marks the moment in the trace of memfs, if there is one. */
static void mark(const struct turn *t, enum phase phase, const char *suffix)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", phase_name(phase), suffix);
	free(ask(t, mark_task, text));
}

static struct result begin(const struct turn *t, enum phase phase)
{
	const struct server *server = &t->filesystem->server;

	mark(t, phase, "");
	sampler_phase(t->sampler, (int)phase);
	progress_step(phase_weight(t->project->manifest, phase), "run %u: %s on %s: %s", t->run,
		      manifest_name(t->project->manifest), t->filesystem->name,
		      phase_name(phase));
	return (struct result){
		.run = t->run, .project = manifest_name(t->project->manifest),
		.filesystem = t->filesystem->name, .phase = phase, .ok = true,
		.daemon_cpu = server->pid ? server_cpu(server) : -1, .daemon_peak_kib = -1,
		.calls = -1,
	};
}

/* One task of the phase, added to what the phase has taken already. */
static bool step(const struct turn *t, struct result *row, struct task task)
{
	struct outcome outcome;

	task.log = t->log;
	outcome = run(&task);
	row->wall += outcome.wall;
	row->user += outcome.user;
	row->sys += outcome.sys;
	if (outcome.end == RUN_OK)
		return true;
	row->ok = false;
	if (outcome.end != RUN_INTERRUPTED)
		complain("%s on %s, run %u: %s: %s; see %s", row->project, row->filesystem,
			 row->run, phase_name(row->phase), outcome_text(&outcome), t->log);
	return false;
}

/* Reads the daemon's clocks: what comes after it does not count for the phase. */
static void stop_counting(const struct turn *t, struct result *row)
{
	const struct server *server = &t->filesystem->server;
	double cpu = server->pid ? server_cpu(server) : -1;

	row->daemon_cpu = row->daemon_cpu >= 0 && cpu >= 0 ? cpu - row->daemon_cpu : -1;
	row->daemon_peak_kib = server->pid ? server_peak_kib(server) : -1;
	mark(t, row->phase, " end");
}

static bool end(const struct turn *t, const struct result *row)
{
	char text[64];

	if (interrupted()) {
		progress_abandon();
		return false; /* says nothing about the filesystem: no row */
	}
	snprintf(text, sizeof(text), row->ok ? "%.2f s" : "failed", row->wall);
	progress_done(text);
	results_add(t->results, row);
	return row->ok;
}

static bool simple_phase(const struct turn *t, enum phase phase, struct task task)
{
	struct result row = begin(t, phase);

	step(t, &row, task);
	stop_counting(t, &row);
	return end(t, &row);
}

/* A phase that has no row unless it failed. */
static void failed_phase(const struct turn *t, enum phase phase)
{
	struct result row = begin(t, phase);

	row.ok = false;
	if (!interrupted())
		complain("%s on %s, run %u: %s failed; see %s", row.project, row.filesystem,
			 row.run, phase_name(phase), t->log);
	end(t, &row);
}

/* --- the phases -------------------------------------------------------- */

/* Where the tree of that repository is; to be freed. */
static char *place_of(const struct turn *t, const struct source *source)
{
	return source->dir ? text_format("%s/%s", t->tree, source->dir) : text_copy(t->tree);
}

static bool clone_one(const struct turn *t, struct result *row, const struct source *source)
{
	const char *argv[10] = { "git", "clone", "--quiet", "--no-local" };
	char *place = place_of(t, source);
	size_t n = 4;
	bool ok;

	if (source->tag) {
		argv[n++] = "--branch";
		argv[n++] = source->tag;
	}
	argv[n++] = "--";
	argv[n++] = source->repository;
	argv[n++] = place;
	ok = step(t, row, (struct task){ .argv = argv, .dir = t->filesystem->root });
	free(place);
	return ok;
}

static bool clone_phase(const struct turn *t)
{
	struct result row = begin(t, PHASE_CLONE);
	const struct source *source = &t->project->source;

	for (; source && clone_one(t, &row, source); source = source->next_part)
		;
	stop_counting(t, &row);
	return end(t, &row);
}

static bool stat_phase(const struct turn *t, enum phase phase)
{
	struct walk_count *count = shared_alloc(sizeof(*count));
	struct result row = begin(t, phase);
	bool ok;

	snprintf(count->root, sizeof(count->root), "%s", t->tree);
	row.counted = step(t, &row, (struct task){ .function = walk_count_task,
						   .argument = count });
	stop_counting(t, &row);
	row.files = count->files;
	row.dirs = count->dirs;
	row.bytes = count->bytes;
	ok = end(t, &row);
	shared_free(count, sizeof(*count));
	return ok;
}

static bool stamp_phase(const struct turn *t)
{
	struct walk_stamp *stamp = shared_alloc(sizeof(*stamp));
	bool ok;

	snprintf(stamp->root, sizeof(stamp->root), "%s", t->tree);
	stamp->seconds = STAMP_TIME;
	ok = simple_phase(t, PHASE_STAMP,
			  (struct task){ .function = walk_stamp_task, .argument = stamp });
	shared_free(stamp, sizeof(*stamp));
	return ok;
}

/* Is it the tree that the other filesystems got? */
static bool compare(const struct turn *t, const char *hash)
{
	struct project *project = t->project;

	if (!project->reference_from) {
		strcpy(project->reference, hash);
		project->reference_from = t->filesystem->name;
		return true;
	}
	return strcmp(project->reference, hash) == 0 ||
	       complain("%s on %s, run %u: the clone differs: hash %s, on %s it was %s",
			manifest_name(project->manifest), t->filesystem->name, t->run, hash,
			project->reference_from, project->reference);
}

static bool check_one(const struct turn *t, struct result *row, const struct source *source)
{
	static const char *const fsck[] = { "git", "fsck", "--full", "--no-progress", NULL };
	char *place = place_of(t, source);
	bool ok = step(t, row, (struct task){ .argv = fsck, .dir = place });

	free(place);
	return ok;
}

static bool verify_phase(const struct turn *t)
{
	const struct source *source = &t->project->source;
	struct treehash *hash = shared_alloc(sizeof(*hash));
	struct result row = begin(t, PHASE_VERIFY);
	bool ok;

	snprintf(hash->root, sizeof(hash->root), "%s", t->tree);
	for (; source && check_one(t, &row, source); source = source->next_part)
		;
	if (row.ok &&
	    step(t, &row, (struct task){ .function = treehash_task, .argument = hash }))
		row.ok = compare(t, hash->text);
	stop_counting(t, &row);
	ok = end(t, &row);
	shared_free(hash, sizeof(*hash));
	return ok;
}

/* Runs what was built; its output goes to the log as well. */
static bool self_check(const struct turn *t)
{
	const struct manifest *m = t->project->manifest;
	const char *command = manifest_value(m, KEY_CHECK, ORIGIN_ANY);
	const char *const argv[] = { "sh", "-c", command, NULL };
	char *output = run_capture(&(struct task){
		.argv = argv, .dir = t->tree, .log = t->log, .capture_errors = true,
	});
	bool ok = output && manifest_expects(m, output);
	FILE *log = fopen(t->log, "ae");

	if (log) {
		fprintf(log, "self-check: %s\n%s", command,
			output ? output : "(did not end well)\n");
		fclose(log);
	}
	if (!ok && !interrupted())
		complain("%s on %s, run %u: self-check '%s': %s; see %s", manifest_name(m),
			 t->filesystem->name, t->run, command,
			 output ? "other output than expected" : "failed", t->log);
	free(output);
	return ok;
}

static bool build_phase(const struct turn *t)
{
	static const enum manifest_key steps[] = { KEY_CONFIGURE, KEY_BUILD };
	const struct project *project = t->project;
	struct result row = begin(t, PHASE_BUILD);

	for (size_t i = 0; row.ok && i < sizeof(steps) / sizeof(steps[0]); i++) {
		char *command = manifest_command(project->manifest, steps[i],
						 project->source.origin, t->jobs);
		const char *const argv[] = { "sh", "-c", command, NULL };

		if (command)
			step(t, &row, (struct task){ .argv = argv, .dir = t->tree });
		free(command);
	}
	stop_counting(t, &row);
	row.ok = row.ok && self_check(t);
	return end(t, &row);
}

static bool remove_phase(const struct turn *t)
{
	const char *const argv[] = { "rm", "-rf", "--", t->tree, NULL };

	return simple_phase(t, PHASE_REMOVE, (struct task){ .argv = argv });
}

/* Stops at the first phase that fails: what would come after it has nothing to measure. */
static bool all_phases(const struct turn *t)
{
	return clone_phase(t) && stat_phase(t, PHASE_STAT) && stamp_phase(t) &&
	       (!t->verify || verify_phase(t)) && build_phase(t) &&
	       stat_phase(t, PHASE_STAT2) && (t->keep || remove_phase(t));
}

/* --- what can be told only when the phases are over --------------------- */

static void start_sampler(struct turn *t)
{
	if (t->samples->csv.file)
		t->sampler = sampler_start(t->filesystem->root, t->filesystem->server.pid);
}

static void stop_sampler(struct turn *t)
{
	struct memory_sample *samples;
	size_t count;

	if (!t->sampler)
		return;
	samples = sampler_stop(t->sampler, &count);
	t->sampler = NULL;
	if (!interrupted() &&
	    !samples_add(t->samples, manifest_name(t->project->manifest), t->filesystem->name,
			 t->run, samples, count))
		t->results->failed = true;
	free(samples);
}

/* Where the trace is, all of it in the file: also when the mount is to stay. */
static void find_trace(struct turn *t)
{
	t->trace = ask(t, find_trace_task, "");
}

/* Is the trace in the work directory, where nobody is to have it? It may be big. */
static bool is_passing(const struct turn *t)
{
	const char *work = t->filesystem_options->work;
	size_t length = strlen(work);

	return strncmp(t->trace, work, length) == 0 && t->trace[length] == '/';
}

/* Gives the rows of this turn, which begin with that one, their calls. */
static void count_calls(const struct turn *t, size_t first)
{
	struct calls *calls;

	if (!t->trace || interrupted())
		return;
	calls = zalloc(1, sizeof(*calls));
	if (calls_count(t->trace, calls, t->facts))
		for (size_t i = first; i < t->results->count; i++)
			if (t->results->rows[i].ok && calls->known[t->results->rows[i].phase])
				results_set_operations(t->results, i,
						       &calls->phases[t->results->rows[i].phase]);
	free(calls);
	if (!t->keep && is_passing(t))
		unlink(t->trace);
}

static void run_phases(struct turn *t)
{
	t->tree = text_format("%s/%s", t->filesystem->root, manifest_name(t->project->manifest));
	start_sampler(t);
	all_phases(t);
	stop_sampler(t);
	find_trace(t);
	if (t->keep && !interrupted())
		filesystem_leave(t->filesystem);
	else if (!filesystem_close(t->filesystem, t->log))
		failed_phase(t, PHASE_UNMOUNT);
}

void turn_run(struct turn *t)
{
	char *label = text_format("%s-%u", manifest_name(t->project->manifest), t->run);
	size_t first = t->results->count;

	t->log = text_format("%s/%s-%s.log", t->log_dir, label, t->filesystem->name);
	unlink(t->log);
	sync();
	if (filesystem_open(t->filesystem, t->filesystem_options, label, t->log))
		run_phases(t);
	else
		failed_phase(t, PHASE_MOUNT);
	count_calls(t, first);
	if (interrupted())
		results_forget(t->results);
	free(t->tree);
	free(t->log);
	free(t->trace);
	free(label);
	t->tree = t->log = t->trace = NULL;
}
