/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile-workload - clones and builds real projects on several filesystems, and compares.
 *
 * The files, in the order in which a run passes through them; those with * know nothing of
 * projects and serve other workloads as well:
 *
 *   compile-workload.c  main(): prepare, run the turns, sum up
 *   options.c           the command line
 *   manifest.c          projects/NAME.manifest: what a project is and how it is built
 *   packages.c          * Debian packages: missing ones, installing
 *   source.c, debian.c  a bare repository of each project
 *   turn.c              one project on one filesystem: the phases
 *   filesystem.c        * mount, unmount, clean up
 *   server.c            * the memfs daemon as a child
 *   run.c               * runs a task, measures it
 *   interrupt.c         * Ctrl-C as something to ask for
 *   walk.c, treehash.c  * counting, stamping and hashing a tree
 *   results.c, table.c  rows for programs (CSV), a table for people
 *   progress.c, text.c  * what is going on, on stderr; strings and messages
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/directories.h"
#include "common/interrupt.h"
#include "common/packages.h"
#include "common/progress.h"
#include "common/run.h"
#include "options.h"
#include "table.h"
#include "turn.h"

#define SUFFIX ".manifest"

/* Everything main() owns. */
struct workload {
	struct options options;
	struct project *projects;
	size_t project_count;
	struct text_list names; /* of the projects, for the table */
	char *log_dir;
	struct results results;
};

/* The directory of this run, below --work; the exit handler removes it. */
static char *work_dir;

static void remove_work_dir(void)
{
	char *path = work_dir;

	work_dir = NULL;
	if (path)
		remove_tree(path);
	free(path);
}

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

static void missing_packages(const struct workload *w, bool sources_known,
			     struct text_list *missing)
{
	packages_missing("git gcc make libc6-dev", missing);
	for (size_t i = 0; i < w->project_count; i++) {
		const struct project *project = &w->projects[i];

		/* Before it is known which tree will be there, those of both kinds. */
		for (int origin = ORIGIN_GIT; origin <= ORIGIN_TARBALL; origin++)
			if (!sources_known || (enum origin)origin == project->source.origin)
				packages_missing(manifest_value(project->manifest, KEY_PACKAGES,
								(enum origin)origin), missing);
	}
}

static bool install_packages(const struct workload *w)
{
	struct text_list missing = { 0 };
	bool ok;

	missing_packages(w, false, &missing);
	ok = packages_install(&missing);
	text_list_free(&missing);
	return ok;
}

static bool check_packages(const struct workload *w)
{
	struct text_list missing = { 0 };
	char *all = text_copy("");
	bool ok;

	missing_packages(w, true, &missing);
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
static bool set_environment(void)
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
	FILE *file = fopen(path, "we");
	bool ok = file && fputs(config, file) >= 0;

	ok = (!file || fclose(file) == 0) && ok;
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		unsetenv(unwanted[i]);
	ok = ok && setenv("GIT_CONFIG_GLOBAL", path, 1) == 0 &&
	     setenv("GIT_CONFIG_NOSYSTEM", "1", 1) == 0 &&
	     setenv("GIT_TERMINAL_PROMPT", "0", 1) == 0 && setenv("LC_ALL", "C", 1) == 0 &&
	     setenv("CCACHE_DISABLE", "1", 1) == 0;
	if (!ok)
		complain("%s: %s", path, strerror(errno));
	free(path);
	return ok;
}

static bool make_work_dir(struct workload *w)
{
	const struct options *o = &w->options;
	char *path;

	if (!make_directories(o->work))
		return false;
	path = text_format("%s/compile-workload-XXXXXX", o->work);
	if (!mkdtemp(path)) {
		complain("%s: %s", path, strerror(errno));
		free(path);
		return false;
	}
	work_dir = path;
	w->log_dir = o->log_dir ? text_copy(o->log_dir) : text_format("%s/logs", work_dir);
	return make_directories(w->log_dir) && (!o->trace_dir || make_directories(o->trace_dir)) &&
	       set_environment();
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

static void run_turns(struct workload *w)
{
	struct options *o = &w->options;
	struct filesystem_options fs_options = {
		.work = work_dir, .memfs = o->memfs, .memfs_options = o->memfs_options,
		.trace_dir = o->trace_dir ? o->trace_dir : work_dir, .keep = o->keep,
	};
	unsigned n = o->filesystems.count, turns = 0;

	progress_start(o->runs * (unsigned)w->project_count * n * turn_weight());
	for (unsigned run = 0; run < o->runs; run++) {
		for (size_t p = 0; p < w->project_count; p++) {
			/* Each filesystem comes first in turn: none always meets a cool machine. */
			for (unsigned f = 0; f < n && !interrupted(); f++) {
				struct turn turn = {
					.project = &w->projects[p],
					.filesystem = &o->filesystems.items[(run + f) % n],
					.filesystem_options = &fs_options,
					.run = run + 1, .jobs = o->jobs,
					.verify = o->verify, .keep = o->keep,
					.log_dir = w->log_dir, .results = &w->results,
				};

				turn_run(&turn);
				progress_reach(++turns * turn_weight());
			}
		}
	}
}

static void keep_work_dir(void)
{
	free(work_dir);
	work_dir = NULL;
}

/* Logs without a place of their own stay only when there is something to look up in them. */
static void keep_logs(struct workload *w)
{
	if (w->options.log_dir || !w->results.failed)
		return;
	fprintf(stderr, "logs: %s\n", w->log_dir);
	keep_work_dir();
}

static int finish(struct workload *w)
{
	bool failed;

	progress_clear();
	if (interrupted()) {
		complain("interrupted; mounts and trees are removed");
		results_close(&w->results);
		return 130;
	}
	table_print(stdout, &w->results, &w->names, &w->options.filesystems.names);
	if (w->options.output)
		printf("\nresults: %s\n", w->options.output);
	failed = w->results.failed;
	keep_logs(w);
	if (!results_close(&w->results))
		failed = true;
	if (fflush(stdout) != 0 || ferror(stdout))
		failed = !complain("standard output: %s", strerror(errno));
	return failed ? 1 : 0;
}

static int run_workload(struct workload *w)
{
	struct options *o = &w->options;
	struct filesystem_options to_check = {
		.work = o->work, .memfs = o->memfs, .trace_dir = o->trace_dir ? o->trace_dir : "",
	};

	for (unsigned i = 0; i < o->filesystems.count; i++)
		if (!filesystem_check(&o->filesystems.items[i], &to_check))
			return 1;
	if (atexit(remove_work_dir) != 0)
		out_of_memory();
	if (!make_work_dir(w) || !get_sources(w) || !check_packages(w))
		return interrupted() ? 130 : 1;
	if (!results_open(&w->results, o->output))
		return 1;
	run_turns(w);
	if (o->keep)
		keep_work_dir(); /* and what is mounted below it */
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
		return 0;
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
	switch (options_parse(&w.options, argc, argv)) {
	case OPTIONS_DONE:
		status = 0;
		break;
	case OPTIONS_WRONG:
		status = 2;
		break;
	default:
		status = act(&w);
		break;
	}
	for (size_t i = 0; i < w.project_count; i++) {
		manifest_free(w.projects[i].manifest);
		source_free(&w.projects[i].source);
	}
	free(w.projects);
	free(w.log_dir);
	text_list_free(&w.names);
	options_free(&w.options);
	return status;
}
