/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/progress.h"
#include "common/run.h"
#include "common/text.h"
#include "marker.h"

#define PATIENCE 1800 /* seconds for one task */

struct turn {
	const struct turns *turns;
	const struct method *method;
	struct filesystem *filesystem;
	const char *cache;
	struct job *job;        /* shared with the tasks */
	char *label, *log;
	char *shown;            /* the name of the filesystem, for people */
	double wall;            /* of the last task */
	struct result row;
};

/* --- what is there ------------------------------------------------------ */

static bool is_in_path(const char *tool)
{
	const char *path = getenv("PATH");
	struct text_list dirs = { 0 };
	bool found = false;

	text_list_split(&dirs, path ? path : "/usr/bin:/bin", ":");
	for (size_t i = 0; !found && i < dirs.count; i++) {
		char *file = text_format("%s/%s", dirs.items[i], tool);

		found = access(file, X_OK) == 0;
		free(file);
	}
	text_list_free(&dirs);
	return found;
}

char *turn_obstacle(const struct method *method)
{
	if (!method_is_program(method) || is_in_path(method->program.tool))
		return NULL;
	return text_format("%s is not installed", method->program.tool);
}

static struct content content_of(const struct turns *t, bool text)
{
	/* Text in whole lines, one at least. */
	uint64_t lines = t->size / CONTENT_LINE ? t->size / CONTENT_LINE : 1;

	return (struct content){
		.seed = t->seed, .text = text, .size = text ? lines * CONTENT_LINE : t->size,
	};
}

static char *source_of(const struct turns *t, bool text)
{
	return text_format("%s/source.%s", t->scratch, text ? "txt" : "bin");
}

struct source_file {
	struct content content;
	char path[PATH_MAX];
};

static int source_task(void *argument)
{
	const struct source_file *source = argument;

	if (content_write(&source->content, source->path))
		return 0;
	complain("%s: %s", source->path, strerror(errno));
	return 1;
}

static bool make_source(const struct turns *t, bool text)
{
	struct source_file *source = shared_alloc(sizeof(*source));
	char *path = source_of(t, text);
	struct outcome outcome;

	source->content = content_of(t, text);
	snprintf(source->path, sizeof(source->path), "%s", path);
	progress_step(0, "the file to copy from");
	outcome = run(&(struct task){ .function = source_task, .argument = source,
				      .log = "/dev/stderr", .timeout = PATIENCE });
	progress_abandon();
	shared_free(source, sizeof(*source));
	free(path);
	return outcome.end == RUN_OK;
}

bool turns_make_sources(const struct turns *t, bool binary, bool text)
{
	return (!binary || make_source(t, false)) && (!text || make_source(t, true));
}

/* --- tasks, in processes of their own ------------------------------------ */

static bool warm_up(const struct job *job)
{
	char path[PATH_MAX + 16];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s.first", job->target);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ok = fd >= 0 && write(fd, "x", 1) == 1;
	return (fd < 0 || close(fd) == 0) && ok && unlink(path) == 0;
}

static int prepare_task(void *argument)
{
	struct job *job = argument;
	struct content before = job->content;

	if (!job->method->first)
		before.seed++; /* what is there must not be what shall be there */
	if (!warm_up(job) || (job->method->exists && !content_write(&before, job->target)) ||
	    (*job->inside && !content_write(&job->content, job->inside)))
		return method_error(job, "preparing");
	return METHOD_OK;
}

static int write_task(void *argument)
{
	struct job *job = argument;

	if (*job->root) {
		job->marker = marker_start(job->root);
		if (job->marker < 0)
			return method_error(job, "marker");
	}
	return job->method->write(job);
}

static int settle_task(void *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return 1;
	result = syncfs(fd);
	return close(fd) == 0 && result == 0 ? 0 : 1;
}

static int verify_task(void *argument)
{
	struct job *job = argument;

	if (content_hash_file(job->target, job->hash, &job->size))
		return METHOD_OK;
	return method_error(job, "reading it back");
}

/* --- running them ------------------------------------------------------- */

static bool fail(struct turn *t, enum result_status status, char *why)
{
	if (t->row.status == RESULT_OK && why) {
		t->row.status = status;
		t->row.why = text_visible(why); /* a program may have said it */
	}
	free(why);
	return false;
}

/* Why a task ended badly: by its own words, else those of a program, else by its status. */
static bool fail_by(struct turn *t, const char *what, const struct outcome *outcome)
{
	int status = WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status) : -1;
	bool refused = status == METHOD_ABSENT ||
		       (status == METHOD_REFUSED && t->filesystem->kind != FILESYSTEM_MEMFS);
	char *said;

	if (outcome->end == RUN_INTERRUPTED)
		return false;
	if (*t->job->why)
		return fail(t, refused ? RESULT_SKIPPED : RESULT_FAILED, text_copy(t->job->why));
	said = text_last_line(t->log);
	fail(t, RESULT_FAILED, text_format("%s: %s%s%s", what, outcome_text(outcome),
					   said ? ": " : "", said ? said : ""));
	free(said);
	return false;
}

static bool run_task(struct turn *t, const char *what, struct task task)
{
	struct outcome outcome;

	task.log = t->log;
	task.timeout = PATIENCE;
	outcome = run(&task);
	t->wall = outcome.wall;
	return outcome.end == RUN_OK || fail_by(t, what, &outcome);
}

static bool run_function(struct turn *t, const char *what, int (*function)(void *))
{
	return run_task(t, what, (struct task){ .function = function, .argument = t->job });
}

static bool run_script(struct turn *t, const char *what, const char *script, int capture)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return run_task(t, what, (struct task){ .argv = argv, .dir = t->turns->scratch,
						.capture = capture });
}

static bool settle(struct turn *t)
{
	return run_task(t, "syncfs", (struct task){ .function = settle_task,
						    .argument = t->filesystem->root });
}

/* The daemon learns which of the calls are for what. */
static bool mark(struct turn *t, const char *text)
{
	if (t->filesystem->kind != FILESYSTEM_MEMFS ||
	    setxattr(t->filesystem->root, "memfs.trace.mark", text, strlen(text), 0) == 0)
		return true;
	return fail(t, RESULT_FAILED, text_format("mark: %s", strerror(errno)));
}

static bool write_it(struct turn *t)
{
	const struct program *program = &t->method->program;

	bool ok = program->tool ? run_script(t, "write", program->write, 0) :
				  run_function(t, "write", write_task);

	t->row.wall = t->wall;
	return ok;
}

static bool prepare(struct turn *t)
{
	const struct program *program = &t->method->program;

	return run_function(t, "prepare", prepare_task) &&
	       (!program->prepare || run_script(t, "prepare", program->prepare, 0)) && settle(t);
}

/* --- verifying ---------------------------------------------------------- */

/* What the program prints, hashed. */
static bool read_by_program(struct turn *t)
{
	int fd = memfd_create("content", MFD_CLOEXEC);
	bool ok;

	if (fd < 0)
		return fail(t, RESULT_FAILED, text_format("memfd_create: %s", strerror(errno)));
	ok = run_script(t, "read", t->method->program.read, fd);
	if (ok && (lseek(fd, 0, SEEK_SET) < 0 ||
		   !content_hash_fd(fd, t->job->hash, &t->job->size)))
		ok = fail(t, RESULT_FAILED, text_format("what was read: %s", strerror(errno)));
	close(fd);
	return ok;
}

static bool verify(struct turn *t)
{
	struct job *job = t->job;
	struct content wanted = job->content;
	char hash[CONTENT_HASH];

	if (!(t->method->program.read ? read_by_program(t) :
					run_function(t, "verify", verify_task)))
		return false;
	if (t->method->first)
		snprintf(wanted.first, sizeof(wanted.first), "%s", t->method->first);
	content_hash(&wanted, hash);
	memcpy(t->row.hash, job->hash, sizeof(hash));
	t->row.bytes = wanted.size + strlen(wanted.first);
	if (job->size != t->row.bytes)
		return fail(t, RESULT_FAILED, text_format("%" PRIu64 " bytes instead of %" PRIu64,
							  job->size, t->row.bytes));
	return (*hash && strcmp(job->hash, hash) == 0) ||
	       fail(t, RESULT_FAILED, text_copy("the content is another one than was written"));
}

/* --- the turn ----------------------------------------------------------- */

static void all_steps(struct turn *t)
{
	if (prepare(t) && mark(t, MARK_WRITE) && write_it(t) && mark(t, MARK_WRITTEN) &&
	    settle(t) && mark(t, MARK_VERIFY))
		verify(t);
}

static void set_environment(const struct turn *t)
{
	if (setenv("TARGET", t->job->target, 1) < 0 || setenv("DIR", t->filesystem->root, 1) < 0 ||
	    setenv("SOURCE", t->job->source, 1) < 0 || setenv("SCRATCH", t->turns->scratch, 1) < 0)
		out_of_memory();
}

static void fill_job(struct turn *t)
{
	const struct method *m = t->method;
	const char *root = t->filesystem->root;
	char *source = source_of(t->turns, m->text);

	*t->job = (struct job){ .method = m, .content = content_of(t->turns, m->text) };
	snprintf(t->job->target, sizeof(t->job->target), "%s/" TARGET_NAME, root);
	snprintf(t->job->source, sizeof(t->job->source), "%s", source);
	if (t->cache)
		snprintf(t->job->root, sizeof(t->job->root), "%s", root);
	if (m->write == copy_range)
		snprintf(t->job->inside, sizeof(t->job->inside), "%s/source", root);
	free(source);
	set_environment(t);
}

static bool open_and_write(struct turn *t)
{
	struct filesystem_options options = *t->turns->filesystem_options;
	char *memfs_options = t->cache ? text_format("cache=%s", t->cache) : NULL;
	bool opened;

	options.memfs_options = memfs_options;
	if (t->filesystem->kind != FILESYSTEM_MEMFS)
		sync(); /* what is still to be written of other files is not this method's */
	opened = filesystem_open(t->filesystem, &options, t->label, t->log);
	free(memfs_options);
	if (!opened)
		return fail(t, RESULT_FAILED, text_copy("it could not be mounted"));
	fill_job(t);
	all_steps(t);
	return filesystem_close(t->filesystem, t->log) ||
	       fail(t, RESULT_FAILED, text_copy("it could not be unmounted in order"));
}

static void read_trace(struct turn *t)
{
	char *trace = text_format("%s/%s.trace", t->turns->filesystem_options->trace_dir, t->label);
	char *why = NULL;

	if (t->row.status == RESULT_OK &&
	    !analysis_read(&t->row.analysis, trace, getpid(), t->job->marker, &why))
		fail(t, RESULT_FAILED, why);
	if (!t->turns->keep_traces)
		unlink(trace);
	free(trace);
}

static void report(struct turn *t)
{
	const struct result *row = &t->row;
	char *text = row->status == RESULT_OK ? text_format("%.2f s", row->wall) :
		     text_format("%s: %s", result_status_name(row->status), row->why);

	if (row->status == RESULT_FAILED)
		complain("%s on %s%s%s: %s", t->method->name, t->shown,
			 t->cache ? ", cache=" : "", t->cache ? t->cache : "", row->why);
	progress_done(row->status == RESULT_FAILED ? "failed" : text);
	free(text);
	results_add(t->turns->results, row);
}

void turn_run(const struct turns *turns, const struct method *method,
	      struct filesystem *filesystem, const char *cache)
{
	struct turn t = {
		.turns = turns, .method = method, .filesystem = filesystem, .cache = cache,
		.job = shared_alloc(sizeof(struct job)),
		.label = text_format("%s-%s", method->name, cache ? cache : filesystem->name),
		.shown = text_visible(filesystem->name),
		.row = { .method = method, .filesystem = filesystem->name, .cache = cache },
	};
	char *obstacle = turn_obstacle(method);

	t.log = text_format("%s/%s.log", turns->log_dir, t.label);
	progress_step(1, "%s on %s%s%s", method->name, t.shown, cache ? ", cache=" : "",
		      cache ? cache : "");
	if (obstacle)
		fail(&t, RESULT_SKIPPED, obstacle);
	else if (open_and_write(&t) && cache && !interrupted())
		read_trace(&t);
	if (interrupted()) {
		progress_abandon();
		free(t.row.why);
		analysis_free(&t.row.analysis);
	} else {
		report(&t);
	}
	shared_free(t.job, sizeof(struct job));
	free(t.label);
	free(t.shown);
	free(t.log);
}
