/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile-workload - clones and builds real projects on several filesystems, and compares.
 *
 * The files, in the order in which a run passes through them; those with * know nothing of
 * projects and serve other workloads as well:
 *
 *   compile-workload.c  main(): prepare, run the turns, sum up
 *   options.c           the command line; arguments.c, filesystem_arguments.c * read it
 *   manifest.c          projects/NAME.manifest: what a project is and how it is built
 *   packages.c          * Debian packages: missing ones, installing
 *   source.c, debian.c  a bare repository of each project
 *   workspace.c         * the directory of this run
 *   turn.c              one project on one filesystem: the phases
 *   filesystem.c        * mount, unmount, clean up
 *   server.c            * the memfs daemon as a child
 *   run.c               * runs a task, measures it
 *   interrupt.c         * Ctrl-C as something to ask for
 *   walk.c, treehash.c  * counting, stamping and hashing a tree
 *   results.c           rows, and the CSV file of them (csv.c *)
 *   calls.c             the calls of each phase, by the trace
 *   samples.c           the file of memory samples; sampler.c * takes them
 *   record.c            results as JSON, with all that they depend on; machine.c * describes that
 *   statistics.c        medians and ratios of the rows
 *   table.c             a table for people
 *   compare.c           the subcommand: two files of results
 *   plot.c              the subcommand: figures (figures.c, through gnuplot.c *) and a page (page.c)
 *   progress.c, text.c  * what is going on, on stderr; strings and messages
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/git_environment.h"
#include "common/interrupt.h"
#include "common/packages.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/workspace.h"
#include "compare.h"
#include "options.h"
#include "plot.h"
#include "record.h"
#include "samples.h"
#include "table.h"
#include "turn.h"

#define SUFFIX ".manifest"

/* Everything main() owns. */
struct workload {
	struct options options;
	struct project *projects;
	size_t project_count;
	struct text_list names; /* of the projects, for the table */
	char *work_dir; /* of this run, below --work */
	char *log_dir;
	struct filesystem_options filesystem_options;
	struct results results;
	struct samples samples;
	struct record record;
	struct mount_facts facts;
	unsigned turns_done; /* in an earlier part, with --resume */
	unsigned weight_to_do, weight_done; /* of the others */
};

/* --- projects ---------------------------------------------------------- */

static int is_manifest(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* Without -p: all that there are. */
static bool list_projects(struct options *o)
{
	struct dirent **entries;
	int count = scandir(o->projects_dir, &entries, is_manifest, alphasort);

	if (count < 0)
		return complain("%s: %s", o->projects_dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = text_format("%s/%s", o->projects_dir, entries[i]->d_name);

		text_list_add(&o->projects, path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return count > 0 || complain("%s: no manifest in it", o->projects_dir);
}

static bool read_project(struct workload *w, const char *asked)
{
	const char *dir = w->options.projects_dir;
	struct manifest *manifest;
	char *path = strchr(asked, '/') ? text_copy(asked) :
		     text_format("%s/%s" SUFFIX, dir, asked);

	if (access(path, F_OK) < 0) {
		if (strchr(asked, '/'))
			complain("%s: %s", path, strerror(errno));
		else
			complain("%s: no such project in %s; see --list", asked, dir);
		free(path);
		return false;
	}
	manifest = manifest_read(path);
	free(path);
	if (!manifest)
		return false;
	w->projects = enlarge(w->projects, w->project_count + 1, sizeof(*w->projects));
	w->projects[w->project_count++] = (struct project){ .manifest = manifest };
	if (text_list_has(&w->names, manifest_name(manifest)))
		return complain("-p %s: is there twice", asked);
	text_list_add(&w->names, manifest_name(manifest));
	return true;
}

static bool read_projects(struct workload *w)
{
	if (!w->options.projects.count && !list_projects(&w->options))
		return false;
	for (size_t i = 0; i < w->options.projects.count; i++)
		if (!read_project(w, w->options.projects.items[i]))
			return false;
	return true;
}

static void print_projects(const struct workload *w)
{
	for (size_t i = 0; i < w->project_count; i++) {
		const struct manifest *m = w->projects[i].manifest;
		const char *title = manifest_value(m, KEY_TITLE, ORIGIN_ANY);
		const char *tag = manifest_value(m, KEY_TAG, ORIGIN_ANY);

		printf("%-12s %-16s %s\n", manifest_name(m), tag ? tag : "", title ? title : "");
	}
}

/* --- packages ---------------------------------------------------------- */

/* Of which trees: of either kind, of both kinds alike, of the one that is there. */
enum packages { PACKAGES_OF_ANY, PACKAGES_OF_ALL, PACKAGES_OF_SOURCE };

static void add_missing(const struct project *project, enum packages which,
			struct text_list *missing)
{
	const char *git = manifest_value(project->manifest, KEY_PACKAGES, ORIGIN_GIT);
	const char *tarball = manifest_value(project->manifest, KEY_PACKAGES, ORIGIN_TARBALL);
	struct text_list of_tarball = { 0 }, of_git = { 0 };

	text_list_split(&of_git, git ? git : "", " \t");
	text_list_split(&of_tarball, tarball ? tarball : "", " \t");
	for (size_t i = 0; i < of_git.count; i++)
		if (which == PACKAGES_OF_ANY || text_list_has(&of_tarball, of_git.items[i]) ||
		    (which == PACKAGES_OF_SOURCE && project->source.origin == ORIGIN_GIT))
			packages_missing(of_git.items[i], missing);
	for (size_t i = 0; i < of_tarball.count; i++)
		if (which == PACKAGES_OF_ANY ||
		    (which == PACKAGES_OF_SOURCE && project->source.origin == ORIGIN_TARBALL))
			packages_missing(of_tarball.items[i], missing);
	text_list_free(&of_git);
	text_list_free(&of_tarball);
}

static void missing_packages(const struct workload *w, enum packages which,
			     struct text_list *missing)
{
	packages_missing("git gcc make libc6-dev", missing);
	for (size_t i = 0; i < w->project_count; i++)
		add_missing(&w->projects[i], which, missing);
}

static bool install_packages(const struct workload *w)
{
	struct text_list missing = { 0 };
	bool ok;

	missing_packages(w, PACKAGES_OF_ANY, &missing);
	ok = packages_install(&missing);
	text_list_free(&missing);
	return ok;
}

/* Those that are needed in any case, before the sources are fetched; then the others. */
static bool check_packages(const struct workload *w, bool sources_known)
{
	struct text_list missing = { 0 };
	char *all = text_copy("");
	bool ok;

	missing_packages(w, sources_known ? PACKAGES_OF_SOURCE : PACKAGES_OF_ALL, &missing);
	for (size_t i = 0; i < missing.count; i++) {
		char *longer = text_format("%s %s", all, missing.items[i]);

		free(all);
		all = longer;
	}
	ok = !missing.count ||
	     complain("packages are missing:%s; --install-deps installs them", all);
	free(all);
	text_list_free(&missing);
	return ok;
}

/* --- preparing --------------------------------------------------------- */

/* What all that we start sees: nothing of the user's own git and make settings. */
static bool set_environment(const char *work_dir)
{
	static const char *const unwanted[] = {
		"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
		"GIT_TEMPLATE_DIR", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CDPATH", "LANGUAGE",
	};
	/* No helper that works on in the background, no question, no wrong owner. */
	static const char config[] =
		"[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
		"[advice]\n\tdetachedHead = false\n";
	char *path = text_format("%s/gitconfig", work_dir);
	bool ok;

	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		unsetenv(unwanted[i]);
	ok = git_use_config(path, config) &&
	     (setenv("CCACHE_DISABLE", "1", 1) == 0 || complain("environment: %s", strerror(errno)));
	free(path);
	return ok;
}

static bool make_work_dir(struct workload *w)
{
	const struct options *o = &w->options;

	w->work_dir = workspace_make(o->filesystems.work);
	if (!w->work_dir)
		return false;
	w->log_dir = o->log_dir ? text_copy(o->log_dir) : text_format("%s/logs", w->work_dir);
	return make_directories(w->log_dir) && (!o->filesystems.trace_dir || make_directories(o->filesystems.trace_dir)) &&
	       set_environment(w->work_dir);
}

static bool get_sources(struct workload *w)
{
	const struct options *o = &w->options;
	char *log = text_format("%s/sources.log", w->log_dir);
	struct source_options from = {
		.source = o->source, .cache = o->cache, .choice = o->choice, .log = log,
	};
	bool ok = true;

	unlink(log);
	for (size_t i = 0; ok && i < w->project_count; i++) {
		struct project *project = &w->projects[i];
		char *text;

		progress_step(0, "%s: source", manifest_name(project->manifest));
		ok = source_get(&from, project->manifest, &project->source);
		for (const struct source *part = &project->source; ok && part;
		     part = part->next_part) {
			if (part->dir)
				progress_step(0, "%s: source of %s",
					      manifest_name(project->manifest), part->dir);
			text = text_format("%s, commit %.12s", part->repository, part->commit);
			progress_done(text);
			free(text);
		}
	}
	progress_clear();
	free(log);
	return ok;
}

/* --- running ----------------------------------------------------------- */

/* Each filesystem comes first in turn: none always meets a cool machine. */
static struct turn turn_of(struct workload *w, unsigned run, size_t project, unsigned place)
{
	struct options *o = &w->options;

	return (struct turn){
		.project = &w->projects[project],
		.filesystem = &o->filesystems.items[(run - 1 + place) % o->filesystems.count],
		.filesystem_options = &w->filesystem_options,
		.run = run, .jobs = o->jobs, .verify = o->verify, .keep = o->keep,
		.log_dir = w->log_dir, .results = &w->results, .samples = &w->samples,
		.facts = &w->facts,
	};
}

/* Calls it for each turn, in their order, until an interrupt. */
static void each_turn(struct workload *w, void (*function)(struct workload *, struct turn *))
{
	for (unsigned run = 1; run <= w->options.runs; run++)
		for (size_t p = 0; p < w->project_count; p++)
			for (unsigned f = 0; f < w->options.filesystems.count; f++) {
				struct turn turn = turn_of(w, run, p, f);

				if (interrupted())
					return;
				function(w, &turn);
			}
}

static void add_weight(struct workload *w, struct turn *turn)
{
	if (turn_is_done(turn))
		w->turns_done++;
	else
		w->weight_to_do += turn_weight(turn->project->manifest, turn->verify);
}

static void write_down(struct workload *w)
{
	if (!record_write(&w->record, &w->results, &w->facts, w->projects, w->project_count))
		w->results.failed = true;
	results_write(&w->results);
}

static void run_turn(struct workload *w, struct turn *turn)
{
	if (turn_is_done(turn))
		return;
	turn_run(turn);
	w->weight_done += turn_weight(turn->project->manifest, turn->verify);
	progress_reach(w->weight_done);
	if (!interrupted())
		write_down(w);
}

static void run_turns(struct workload *w)
{
	each_turn(w, add_weight);
	if (w->turns_done)
		fprintf(stderr, "%u of %u turns are there already\n", w->turns_done,
			w->options.runs * (unsigned)w->project_count * w->options.filesystems.count);
	progress_start(w->weight_to_do);
	each_turn(w, run_turn);
}

/* --- going on ---------------------------------------------------------- */

/* The turn that a row belongs to. False: to none of ours; said. */
static bool find_turn(struct workload *w, const struct result *row, struct turn *turn)
{
	unsigned n = w->options.filesystems.count;

	if (row->run > w->options.runs)
		return complain("%s: has a run %u, more than --runs %u", w->options.output,
				row->run, w->options.runs);
	for (size_t p = 0; p < w->project_count; p++) {
		for (unsigned f = 0; f < n; f++) {
			*turn = turn_of(w, row->run, p, f);
			if (strcmp(row->project, manifest_name(turn->project->manifest)) == 0 &&
			    strcmp(row->filesystem, turn->filesystem->name) == 0)
				return true;
		}
	}
	return complain("%s: has rows of %s on %s, which is not to be run now", w->options.output,
			row->project, row->filesystem);
}

/* Reads what an earlier part has left, and keeps of it the turns that are whole and went well. */
static bool read_finished(struct workload *w)
{
	const char *path = w->options.output;
	struct turn turn;
	bool *wanted, ok = true;

	if (!w->options.resume)
		return true;
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		fprintf(stderr, "%s: is not there yet: all is to be done\n", path);
		return true;
	}
	if (!results_read(&w->results, path, true))
		return false;
	wanted = zalloc(w->results.count + 1, sizeof(*wanted));
	for (size_t i = 0; ok && i < w->results.count; i++) {
		ok = find_turn(w, &w->results.rows[i], &turn);
		wanted[i] = ok && turn_is_done(&turn);
	}
	if (ok)
		results_keep(&w->results, wanted);
	free(wanted);
	return ok;
}

/* Opens all files of results. Returns the exit status if that goes wrong, else 0. */
static int open_results(struct workload *w)
{
	struct options *o = &w->options;

	record_start(&w->record, o->json, o, w->projects, w->project_count);
	if (w->results.count && !w->record.path)
		return complain("--resume: %s: needs the JSON file that was written with it",
				o->output), 2;
	if (w->results.count &&
	    !record_resume(&w->record, &w->results, w->projects, w->project_count))
		return 2;
	if (!samples_open(&w->samples, o->samples, w->results.count ? &w->results : NULL) ||
	    !results_open(&w->results, o->output))
		return 1;
	write_down(w);
	return w->results.failed ? 1 : 0;
}

/* Logs without a place of their own stay only when there is something to look up in them. */
static void keep_logs(struct workload *w)
{
	if (w->options.log_dir || !w->results.failed)
		return;
	fprintf(stderr, "logs: %s\n", w->log_dir);
	workspace_keep(w->work_dir);
}

/* Which turns failed, below the table: on the way, what was said of it has long scrolled away. */
static void print_failures(const struct workload *w)
{
	unsigned failures = 0;

	for (size_t i = 0; i < w->results.count; i++) {
		const struct result *row = &w->results.rows[i];

		if (row->ok)
			continue;
		printf("%sfailed: %s on %s, run %u: %s; see %s/%s-%u-%s.log\n", failures ? "" : "\n",
		       row->project, row->filesystem, row->run, phase_name(row->phase), w->log_dir,
		       row->project, row->run, row->filesystem);
		failures++;
	}
	if (failures)
		printf("failures: %u, in %u turns\n", failures,
		       w->options.runs * (unsigned)w->project_count *
		       w->options.filesystems.count);
}

static void print_files(const struct options *o)
{
	if (o->output)
		printf("\nresults: %s\n", o->output);
	if (o->json)
		printf("as JSON: %s\n", o->json);
	if (o->samples)
		printf("memory:  %s\n", o->samples);
}

static bool close_files(struct workload *w)
{
	bool ok = samples_close(&w->samples);

	record_free(&w->record);
	mount_facts_free(&w->facts);
	return results_close(&w->results) && ok;
}

static int finish(struct workload *w)
{
	bool failed;

	progress_clear();
	if (interrupted()) {
		complain("interrupted; mounts and trees are removed%s", w->options.output ?
			 "; the same command with --resume goes on" : "");
		close_files(w);
		return 130;
	}
	table_print(stdout, &w->results, &w->names, &w->options.filesystems.names);
	print_failures(w);
	print_files(&w->options);
	failed = w->results.failed;
	keep_logs(w);
	if (!close_files(w))
		failed = true;
	if (!flush_output())
		failed = true;
	return failed ? 1 : 0;
}

static int run_workload(struct workload *w)
{
	struct options *o = &w->options;
	int status;

	if (!filesystem_arguments_check(&o->filesystems))
		return 1;
	if (!read_finished(w))
		return close_files(w), 2;
	if (!check_packages(w, false) || !make_work_dir(w) || !get_sources(w) ||
	    !check_packages(w, true))
		return close_files(w), interrupted() ? 130 : 1;
	w->filesystem_options = filesystem_arguments_in(&o->filesystems, w->work_dir);
	w->filesystem_options.keep = o->keep;
	status = open_results(w);
	if (status != 0)
		return close_files(w), status;
	run_turns(w);
	if (o->keep)
		workspace_keep(w->work_dir); /* and what is mounted below it */
	return finish(w);
}

static int hash_tree(const char *dir)
{
	struct treehash *hash = zalloc(1, sizeof(*hash));
	bool ok;

	snprintf(hash->root, sizeof(hash->root), "%s", dir);
	ok = treehash(hash);
	if (ok)
		printf("%s  %s\n", hash->text, dir);
	free(hash);
	return ok ? 0 : 1;
}

static int act(struct workload *w)
{
	if (w->options.action == ACTION_HASH)
		return hash_tree(w->options.hash_dir);
	if (!read_projects(w))
		return 2;
	interrupt_init();
	switch (w->options.action) {
	case ACTION_LIST:
		print_projects(w);
		return flush_output() ? 0 : 1;
	case ACTION_INSTALL:
		return install_packages(w) ? 0 : 1;
	default:
		return run_workload(w);
	}
}

int main(int argc, char **argv)
{
	struct workload w = { 0 };
	int status;

	program_name = "compile-workload";
	if (argc > 1 && strcmp(argv[1], "plot") == 0)
		return plot_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "compare") == 0)
		return compare_command(argc - 1, argv + 1);
	status = options_parse(&w.options, argc, argv);
	if (status == OPTIONS_RUN)
		status = act(&w);
	for (size_t i = 0; i < w.project_count; i++) {
		manifest_free(w.projects[i].manifest);
		source_free(&w.projects[i].source);
	}
	free(w.projects);
	free(w.log_dir);
	free(w.work_dir);
	text_list_free(&w.names);
	options_free(&w.options);
	return status;
}
