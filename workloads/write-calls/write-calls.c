/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write-calls - writes a file in many ways and shows which calls reach the filesystem.
 *
 * The files, in the order in which a run passes through them:
 *
 *   write-calls.c             main(): prepare, run the turns, sum up
 *   options.c                 the command line
 *   methods.c                 the table of methods, and the programs among them
 *   write.c, map.c, copy.c    the methods that are system calls of ours
 *   marker.c                  marks in the trace, for those methods
 *   content.c                 what is written: made from a seed, and hashed
 *   turn.c                    one method on one filesystem
 *   analysis.c                the trace of a turn: whose calls, how many, how large
 *   pattern.c                 a sequence of calls in few words
 *   results.c, table.c        rows for programs (CSV, JSON), a table for people
 *   plot.c                    the figure
 *
 * What mounts, runs and tells of progress is shared with other workloads, in ../common.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/git_environment.h"
#include "common/gnuplot.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/workspace.h"
#include "options.h"
#include "plot.h"
#include "table.h"
#include "turn.h"

static void print_methods(const struct options *o)
{
	for (size_t i = 0; i < o->method_count; i++) {
		const struct method *m = o->methods[i];
		char *obstacle = turn_obstacle(m);

		printf("%-22s %-9s %s%s%s%s\n", m->name,
		       method_is_program(m) ? "program" : "syscalls", m->what,
		       obstacle ? " (" : "", obstacle ? obstacle : "", obstacle ? ")" : "");
		free(obstacle);
	}
}

/* --- preparing ---------------------------------------------------------- */

/* Nothing of the user's own settings; the same commit whenever and by whomever it is made. */
static bool set_environment(void)
{
	static const char *const unwanted[] = {
		"TAR_OPTIONS", "RSYNC_RSH", "VIMINIT", "EXINIT", "PYTHONPATH",
	};
	static const char *const settings[][2] = {
		{ "LC_ALL", "C" }, { "TERM", "dumb" },
		{ "GIT_CONFIG_GLOBAL", "/dev/null" }, { "GIT_CONFIG_NOSYSTEM", "1" },
		{ "GIT_AUTHOR_NAME", "write-calls" }, { "GIT_AUTHOR_EMAIL", "write-calls@localhost" },
		{ "GIT_COMMITTER_NAME", "write-calls" },
		{ "GIT_COMMITTER_EMAIL", "write-calls@localhost" },
		{ "GIT_AUTHOR_DATE", "2000-01-01T00:00:00Z" },
		{ "GIT_COMMITTER_DATE", "2000-01-01T00:00:00Z" },
	};

	git_forget_variables();
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		unsetenv(unwanted[i]);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (setenv(settings[i][0], settings[i][1], 1) < 0)
			return complain("environment: %s", strerror(errno));
	return true;
}

static char *make_inside(const char *work_dir, const char *name)
{
	char *path = text_format("%s/%s", work_dir, name);

	if (make_directories(path))
		return path;
	free(path);
	return NULL;
}

/* Better now than when all has been run: what is only written at the end. */
static bool can_write_results(const struct options *o)
{
	FILE *file = o->json ? fopen(o->json, "ae") : NULL;

	if (o->json && (!file || fclose(file) != 0))
		return complain("%s: %s", o->json, strerror(errno));
	return !o->plot || (make_directories(o->plot) && gnuplot_check());
}

/* Which of the files to copy from are needed, by what can be run. */
static bool make_sources(const struct options *o, const struct turns *turns)
{
	bool needed[2] = { false, false };

	for (size_t i = 0; i < o->method_count; i++) {
		char *obstacle = turn_obstacle(o->methods[i]);

		if (o->methods[i]->needs_source && !obstacle)
			needed[o->methods[i]->text] = true;
		free(obstacle);
	}
	return turns_make_sources(turns, needed[false], needed[true]);
}

/* --- running ------------------------------------------------------------ */

static unsigned turns_of(const struct options *o, const struct filesystem *fs)
{
	return fs->kind == FILESYSTEM_MEMFS ? o->cache_count : 1;
}

static void run_method(const struct options *o, const struct turns *turns,
		       const struct method *method)
{
	for (unsigned f = 0; f < o->filesystems.count; f++) {
		struct filesystem *fs = &o->filesystems.items[f];
		bool memfs = fs->kind == FILESYSTEM_MEMFS;

		for (unsigned i = 0; i < turns_of(o, fs) && !interrupted(); i++)
			turn_run(turns, method, fs, memfs ? o->caches[i] : NULL);
	}
}

static void run_methods(const struct options *o, const struct turns *turns)
{
	unsigned each = 0;

	for (unsigned f = 0; f < o->filesystems.count; f++)
		each += turns_of(o, &o->filesystems.items[f]);
	progress_start(each * (unsigned)o->method_count);
	for (size_t i = 0; i < o->method_count && !interrupted(); i++)
		run_method(o, turns, o->methods[i]);
	progress_clear();
}

/* --- the end ------------------------------------------------------------ */

/* The logs stay only when there is something to look up in them; all else goes. */
static void keep_logs(const char *work_dir, const char *log_dir, const char *scratch)
{
	remove_tree(scratch);
	fprintf(stderr, "logs: %s\n", log_dir);
	workspace_keep(work_dir);
}

static bool report(const struct options *o, struct results *results)
{
	char hash[CONTENT_HASH];
	const struct content content = { .seed = o->seed, .size = o->size };
	bool ok = true;

	content_hash(&content, hash);
	table_print(stdout, results);
	printf("\n%" PRIu64 " bytes, seed %" PRIu64 ", XXH3-128 %s\n", o->size, o->seed, hash);
	if (o->json)
		ok = results_write_json(results, o->json, o->seed, o->size);
	if (o->plot)
		ok = plot_make(results, o->plot, o->size) && ok;
	return flush_output() && ok;
}

static int finish(const struct options *o, struct results *results, const char *work_dir,
		  const struct turns *turns)
{
	bool ok;

	if (interrupted()) {
		complain("interrupted; mounts and files are removed");
		results_close(results);
		return 130;
	}
	ok = report(o, results) && !results->failed;
	if (results->failed)
		keep_logs(work_dir, turns->log_dir, turns->scratch);
	return results_close(results) && ok ? 0 : 1;
}

static int run_in(const char *work_dir, const struct options *o)
{
	char *log_dir = make_inside(work_dir, "logs"), *scratch = make_inside(work_dir, "scratch");
	struct results results = { 0 };
	struct filesystem_options fs_options = filesystem_arguments_in(&o->filesystems, work_dir);
	struct turns turns = {
		.filesystem_options = &fs_options, .results = &results, .seed = o->seed,
		.size = o->size, .scratch = scratch, .log_dir = log_dir,
		.keep_traces = o->filesystems.trace_dir,
	};
	int status = 1;

	if (log_dir && scratch && make_sources(o, &turns) && results_open(&results, o->output)) {
		run_methods(o, &turns);
		status = finish(o, &results, work_dir, &turns);
	} else if (interrupted()) {
		status = 130;
	}
	free(log_dir);
	free(scratch);
	return status;
}

static int run_workload(const struct options *o)
{
	const struct filesystem_arguments *on = &o->filesystems;
	char *work_dir;
	int status = 1;

	if (!filesystem_arguments_check(on) || !can_write_results(o))
		return 1;
	work_dir = workspace_make(on->work);
	if (work_dir && (!on->trace_dir || make_directories(on->trace_dir)) && set_environment())
		status = run_in(work_dir, o);
	free(work_dir);
	return status;
}

static int act(const struct options *o)
{
	if (o->action == ACTION_LIST) {
		print_methods(o);
		return flush_output() ? 0 : 1;
	}
	interrupt_init();
	return run_workload(o);
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	program_name = "write-calls";
	status = options_parse(&options, argc, argv);
	if (status == OPTIONS_RUN)
		status = act(&options);
	options_free(&options);
	return status;
}
