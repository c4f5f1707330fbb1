/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/text.h"
#include "tree.h"

#define ARGUMENTS_MAX 8

/* A command and where it runs. */
struct step {
	enum command command;
	const char *argv[ARGUMENTS_MAX];
};

/* --- one command -------------------------------------------------------- */

static bool callbacks_begin(const struct turn *t, const char *label)
{
	int err = t->callbacks ? callbacks_start(callbacks_root(t->callbacks), label) : 0;

	return err == 0 || complain("%s: memfs.trace.mark: %s", t->filesystem->name, strerror(err));
}

static bool callbacks_finish(const struct turn *t, const char *label, struct result *row)
{
	int err;

	if (!t->callbacks)
		return true;
	err = callbacks_end(callbacks_root(t->callbacks), label);
	if (err)
		return complain("%s: memfs.trace.mark: %s", t->filesystem->name, strerror(err));
	row->counts = zalloc(1, sizeof(*row->counts));
	return callbacks_read(t->callbacks, label, row->counts);
}

/* Says why a command has failed, unless we were told to stop. */
static void complain_of(const struct turn *t, enum command command, const struct outcome *outcome)
{
	if (outcome->end != RUN_INTERRUPTED)
		complain("%s on %s, run %u: %s; see %s", command_name(command),
			 t->filesystem->name, t->run, outcome_text(outcome), t->log);
}

static bool add_row(const struct turn *t, struct result *row)
{
	progress_abandon();
	if (interrupted()) {
		free(row->counts);
		return false; /* says nothing about the filesystem: no row */
	}
	results_add(t->results, row);
	return row->ok;
}

static bool timed(const struct turn *t, enum command command, const char *const *argv,
		  const char *dir)
{
	const struct server *server = &t->filesystem->server;
	char *label = text_format("%s %d %u", command_name(command), (int)getpid(), t->run);
	struct result row = { .run = t->run, .filesystem = t->filesystem->name,
			      .command = command, .daemon_cpu = -1 };
	struct outcome outcome;
	double cpu;

	progress_step(1, "run %u on %s: git %s", t->run, t->filesystem->name,
		      command_name(command));
	row.ok = callbacks_begin(t, label);
	cpu = server->pid ? server_cpu(server) : -1;
	outcome = run(&(struct task){ .argv = argv, .dir = dir, .log = t->log });
	if (cpu >= 0)
		row.daemon_cpu = server_cpu(server) - cpu;
	row.wall = outcome.wall;
	row.user = outcome.user;
	row.sys = outcome.sys;
	if (outcome.end != RUN_OK)
		complain_of(t, command, &outcome);
	row.ok = row.ok && outcome.end == RUN_OK && callbacks_finish(t, label, &row);
	free(label);
	return add_row(t, &row);
}

/* A row that is there only since something failed. */
static void failed_row(const struct turn *t, enum command command)
{
	struct result row = { .run = t->run, .filesystem = t->filesystem->name,
			      .command = command, .daemon_cpu = -1 };

	add_row(t, &row);
}

static bool write_tree(const struct turn *t, bool edit)
{
	struct tree *tree = shared_alloc(sizeof(*tree));
	struct outcome outcome;

	snprintf(tree->root, sizeof(tree->root), "%s", t->repository);
	tree->files = t->files;
	tree->edit = edit;
	outcome = run(&(struct task){ .function = tree_task, .argument = tree, .log = t->log });
	shared_free(tree, sizeof(*tree));
	if (outcome.end == RUN_OK)
		return true;
	if (outcome.end != RUN_INTERRUPTED)
		complain("%s, run %u: writing the tree: %s; see %s", t->filesystem->name, t->run,
			 outcome_text(&outcome), t->log);
	failed_row(t, COMMAND_CHECK);
	return false;
}

/* --- afterwards --------------------------------------------------------- */

static bool is_sound(const struct turn *t, const char *repository)
{
	static const char *const fsck[] = {
		"git", "fsck", "--full", "--strict", "--no-progress", NULL
	};
	static const char *const status[] = { "git", "status", "--porcelain", NULL };
	struct outcome outcome = run(&(struct task){ .argv = fsck, .dir = repository,
						     .log = t->log });
	char *changes;
	bool clean;

	if (outcome.end != RUN_OK) {
		if (outcome.end != RUN_INTERRUPTED)
			complain("%s, run %u: git fsck of %s: %s; see %s", t->filesystem->name,
				 t->run, repository, outcome_text(&outcome), t->log);
		return false;
	}
	changes = run_capture(&(struct task){ .argv = status, .dir = repository, .log = t->log });
	clean = changes && !*changes;
	free(changes);
	return clean || interrupted() ||
	       complain("%s, run %u: files of %s are not as committed", t->filesystem->name,
			t->run, repository);
}

static char *hash_of(const char *repository, const char *what)
{
	const char *const argv[] = { "git", "rev-parse", "--verify", what, NULL };

	return run_capture(&(struct task){ .argv = argv, .dir = repository });
}

static bool has_same_hashes(const struct turn *t)
{
	struct reference *reference = t->reference;
	char *first = hash_of(t->repository, "main"), *second = hash_of(t->repository, "change");
	char *cloned = hash_of(t->clone, "HEAD"), *hashes = NULL;
	bool ok = true;

	if (first && second && cloned)
		hashes = text_format("%s%s%s", first, second, cloned);
	if (hashes && !reference->hashes) {
		reference->hashes = text_copy(hashes);
		reference->from = text_copy(t->filesystem->name);
	}
	if (!hashes)
		ok = interrupted() || complain("%s, run %u: a commit is missing",
					       t->filesystem->name, t->run);
	else if (strcmp(hashes, reference->hashes) != 0 || strcmp(first, cloned) != 0)
		ok = complain("%s, run %u: the commits differ from those on %s",
			      t->filesystem->name, t->run, reference->from);
	free(first);
	free(second);
	free(cloned);
	free(hashes);
	return ok;
}

static void check(const struct turn *t)
{
	if (!is_sound(t, t->repository) || !is_sound(t, t->clone) || !has_same_hashes(t))
		failed_row(t, COMMAND_CHECK);
}

/* --- the whole ----------------------------------------------------------- */

static bool all_steps(const struct turn *t, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!timed(t, steps[i].command, steps[i].argv, t->repository))
			return false;
	return true;
}

/* Stops at the first command that fails: what would come after it has nothing to measure. */
static void all_commands(const struct turn *t)
{
	static const struct step first[] = {
		{ COMMAND_ADD, { "git", "add", "--all" } },
		{ COMMAND_COMMIT, { "git", "commit", "-q", "-m", "first" } },
		{ COMMAND_STATUS, { "git", "status", "--porcelain" } },
		{ COMMAND_BRANCH, { "git", "checkout", "-q", "-b", "change" } },
	};
	static const struct step second[] = {
		{ COMMAND_COMMIT_CHANGE, { "git", "commit", "-q", "-a", "-m", "second" } },
		{ COMMAND_CHECKOUT, { "git", "checkout", "-q", "main" } },
	};
	static const struct step last[] = { { COMMAND_GC, { "git", "gc", "-q" } } };
	const char *const init[] = { "git", "init", "-q", t->repository, NULL };
	const char *const clone[] = { "git", "clone", "-q", "--no-local", t->repository, t->clone,
				      NULL };

	if (timed(t, COMMAND_INIT, init, t->filesystem->root) && write_tree(t, false) &&
	    all_steps(t, first, sizeof(first) / sizeof(first[0])) && write_tree(t, true) &&
	    all_steps(t, second, sizeof(second) / sizeof(second[0])) &&
	    timed(t, COMMAND_CLONE, clone, t->filesystem->root) && all_steps(t, last, 1))
		check(t);
}

static void open_callbacks(struct turn *t)
{
	const char *why;

	t->callbacks = callbacks_open(t->filesystem->root, &why);
	if (why)
		complain("%s: %s", t->filesystem->name, why);
}

void turn_run(struct turn *t)
{
	char *label = text_format("run-%u", t->run);

	t->log = text_format("%s/%s-%s.log", t->work, label, t->filesystem->name);
	sync(); /* no turn pays for what the one before has left to write */
	if (!filesystem_open(t->filesystem, t->filesystem_options, label, t->log)) {
		failed_row(t, COMMAND_MOUNT);
	} else {
		t->repository = text_format("%s/repository", t->filesystem->root);
		t->clone = text_format("%s/clone", t->filesystem->root);
		open_callbacks(t);
		all_commands(t);
		callbacks_close(t->callbacks);
		if (!filesystem_close(t->filesystem, t->log))
			failed_row(t, COMMAND_UNMOUNT);
	}
	free(t->repository);
	free(t->clone);
	free(t->log);
	free(label);
}
