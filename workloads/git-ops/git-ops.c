/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * git-ops - times git commands on a small tree on several filesystems, and counts what each asks
 * of memfs.
 *
 *   git-ops.c   main(): prepare, run the turns, sum up
 *   options.c   the command line
 *   tree.c      the files
 *   turn.c      one run on one filesystem: the commands
 *   results.c   rows for programs (CSV)
 *   table.c     the table for people
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/directories.h"
#include "common/git_environment.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/workspace.h"
#include "options.h"
#include "table.h"
#include "turn.h"

/* Everything main() owns. */
struct workload {
	struct options options;
	char *work_dir; /* of this run, below --work */
	struct reference reference;
	struct results results;
};

/* --- preparing ---------------------------------------------------------- */

/* Nothing that the user has set for git is to be seen in hashes or in counts. */
static bool set_environment(const char *work_dir)
{
	/* One thread of each kind: the order of calls, and so their number, is the same each time. */
	static const char config[] =
		"[user]\n\tname = git-ops\n\temail = git-ops@localhost\n"
		"[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n"
		"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[core]\n\tpreloadIndex = false\n"
		"[pack]\n\tthreads = 1\n[index]\n\tthreads = 1\n[advice]\n\tdetachedHead = false\n";
	static const char date[] = "2000-01-01T00:00:00 +0000";
	char *path = text_format("%s/gitconfig", work_dir);
	bool ok;

	git_forget_variables();
	ok = git_use_config(path, config);
	free(path);
	if (!ok)
		return false;
	return (setenv("GIT_DEFAULT_HASH", "sha1", 1) == 0 &&
		setenv("GIT_AUTHOR_DATE", date, 1) == 0 &&
		setenv("GIT_COMMITTER_DATE", date, 1) == 0) ||
	       complain("environment: %s", strerror(errno));
}

static bool make_work_dir(struct workload *w)
{
	const struct options *o = &w->options;

	w->work_dir = workspace_make(o->filesystems.work);
	return w->work_dir && (!o->filesystems.trace_dir || make_directories(o->filesystems.trace_dir)) &&
	       set_environment(w->work_dir);
}

/* --- running ------------------------------------------------------------ */

static void run_turn(struct turn *turn)
{
	double started = clock_seconds();
	char text[32];

	turn_run(turn);
	if (interrupted())
		return;
	progress_step(TURN_STEPS, "run %u on %s", turn->run, turn->filesystem->name);
	snprintf(text, sizeof(text), "%.1f s", clock_seconds() - started);
	progress_done(text);
}

static void run_turns(struct workload *w)
{
	struct options *o = &w->options;
	struct filesystem_options fs_options =
		filesystem_arguments_in(&o->filesystems, w->work_dir);
	unsigned n = o->filesystems.count, turns = 0;

	progress_start(o->runs * n * TURN_STEPS);
	for (unsigned run = 0; run < o->runs; run++) {
		/* Each filesystem comes first in turn. */
		for (unsigned f = 0; f < n && !interrupted(); f++) {
			struct turn turn = {
				.filesystem = &o->filesystems.items[(run + f) % n],
				.filesystem_options = &fs_options, .run = run + 1,
				.files = o->files, .work = w->work_dir,
				.reference = &w->reference, .results = &w->results,
			};

			run_turn(&turn);
			progress_reach(++turns * TURN_STEPS);
		}
	}
	progress_clear();
}

/* Logs stay when there is something to look up in them. */
static void keep_logs(const struct workload *w)
{
	fprintf(stderr, "logs: %s\n", w->work_dir);
	workspace_keep(w->work_dir);
}

static int finish(struct workload *w)
{
	bool failed;

	if (interrupted()) {
		complain("interrupted; mounts and trees are removed");
		results_close(&w->results);
		return 130;
	}
	table_print(stdout, &w->results, &w->options.filesystems.names, w->options.runs);
	failed = w->results.failed;
	if (w->reference.hashes && !failed)
		printf("\ncommits %.12s and %.12s in each of them\n", w->reference.hashes,
		       strchr(w->reference.hashes, '\n') + 1);
	if (failed)
		keep_logs(w);
	if (!results_close(&w->results))
		failed = true;
	if (!flush_output())
		failed = true;
	return failed ? 1 : 0;
}

static int run_workload(struct workload *w)
{
	if (!filesystem_arguments_check(&w->options.filesystems))
		return 1;
	interrupt_init();
	if (!make_work_dir(w) || !results_open(&w->results, w->options.output))
		return 1;
	run_turns(w);
	return finish(w);
}

int main(int argc, char **argv)
{
	struct workload w = { 0 };
	int status;

	program_name = "git-ops";
	status = options_parse(&w.options, argc, argv);
	if (status == OPTIONS_RUN)
		status = run_workload(&w);
	free(w.reference.hashes);
	free(w.reference.from);
	free(w.work_dir);
	options_free(&w.options);
	return status;
}
