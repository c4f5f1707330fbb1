/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/callback_text.h"
#include "common/json_text.h"
#include "common/machine.h"

/* What must be the same in a run that goes on: other things would be compared with each other. */
static const char *const fixed_parameters[] = {
	"filesystems", "jobs", "verify", "memfs_options",
};
static const char *const fixed_machine[] = {
	"cpu", "cpus", "architecture", "kernel", "distribution", "git", "gcc", "make", "memfs",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- the head ---------------------------------------------------------- */

static json_t *now_text(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *describe_filesystems(const struct options *o)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < o->filesystems.count; i++) {
		const struct filesystem *fs = &o->filesystems.items[i];
		const char *dir = fs->dir ? fs->dir : o->filesystems.work;
		json_t *item = json_object();
		char *type;

		json_object_set_new(item, "name", json_text(fs->name));
		if (fs->kind == FILESYSTEM_DIRECTORY) {
			type = machine_filesystem_type(dir);
			json_object_set_new(item, "directory", json_text(dir));
			if (type)
				json_object_set_new(item, "type", json_text(type));
			free(type);
		}
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *describe_projects(const struct project *projects, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		const struct source *source = &projects[i].source;
		json_t *commits = json_array();

		for (; source; source = source->next_part)
			json_array_append_new(commits, json_text(source->commit));
		json_object_set_new(object, manifest_name(projects[i].manifest), commits);
	}
	return object;
}

static json_t *describe_parameters(const struct options *o, const struct project *projects,
				   size_t count)
{
	const char *options = o->filesystems.memfs_options;
	json_t *p = json_object();

	json_object_set_new(p, "commits", describe_projects(projects, count));
	json_object_set_new(p, "filesystems", describe_filesystems(o));
	json_object_set_new(p, "runs", json_integer(o->runs));
	json_object_set_new(p, "jobs", json_integer(o->jobs));
	json_object_set_new(p, "verify", json_boolean(o->verify));
	json_object_set_new(p, "keep", json_boolean(o->keep));
	json_object_set_new(p, "memfs_options", json_text(options ? options : ""));
	return p;
}

void record_start(struct record *r, const char *path, const struct options *o,
		  const struct project *projects, size_t count)
{
	static const char *const programs[] = { "git", "gcc", "make", NULL };
	json_t *machine = machine_describe(programs);

	for (unsigned i = 0; i < o->filesystems.count; i++) {
		char *version = o->filesystems.items[i].kind == FILESYSTEM_MEMFS ?
				machine_version_of(o->filesystems.memfs) : NULL;

		if (version)
			json_object_set_new(machine, "memfs", json_text(version));
		free(version);
	}
	*r = (struct record){ .path = path, .head = json_object() };
	json_object_set_new(r->head, "program", json_string("compile-workload"));
	json_object_set_new(r->head, "version", json_string(MEMFS_VERSION));
	json_object_set_new(r->head, "date", now_text());
	json_object_set_new(r->head, "parameters", describe_parameters(o, projects, count));
	json_object_set_new(r->head, "machine", machine);
}

void record_free(struct record *r)
{
	json_decref(r->head);
	json_decref(r->before);
	*r = (struct record){ 0 };
}

/* --- rows -------------------------------------------------------------- */

/* Sizes and what the daemon did; what says nothing is left out. */
static void add_counts(json_t *object, const struct result *row)
{
	if (row->counted) {
		json_object_set_new(object, "files", json_integer((json_int_t)row->files));
		json_object_set_new(object, "dirs", json_integer((json_int_t)row->dirs));
		json_object_set_new(object, "bytes", json_integer((json_int_t)row->bytes));
	}
	if (row->daemon_cpu >= 0)
		json_object_set_new(object, "daemon_cpu_s", json_real(row->daemon_cpu));
	if (row->daemon_peak_kib >= 0)
		json_object_set_new(object, "daemon_peak_kib", json_integer(row->daemon_peak_kib));
	if (row->calls >= 0)
		json_object_set_new(object, "calls", json_integer((json_int_t)row->calls));
	if (row->operations)
		json_object_set_new(object, "operations", callback_json(row->operations->calls));
}

static json_t *row_json(const struct result *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "run", json_integer(row->run));
	json_object_set_new(object, "project", json_text(row->project));
	json_object_set_new(object, "filesystem", json_text(row->filesystem));
	json_object_set_new(object, "phase", json_string(phase_name(row->phase)));
	json_object_set_new(object, "status", json_string(row->ok ? "ok" : "failed"));
	if (!row->ok)
		return object;
	json_object_set_new(object, "wall_s", json_real(row->wall));
	json_object_set_new(object, "user_s", json_real(row->user));
	json_object_set_new(object, "sys_s", json_real(row->sys));
	add_counts(object, row);
	return object;
}

/* --- writing ----------------------------------------------------------- */

static void add_fact(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_text(value));
}

static json_t *facts_json(const struct mount_facts *facts)
{
	json_t *object = json_object();

	add_fact(object, "version", facts->version);
	add_fact(object, "mount_options", facts->mount_options);
	add_fact(object, "cache", facts->cache);
	add_fact(object, "transport", facts->transport);
	add_fact(object, "protocol", facts->protocol);
	return object;
}

static json_t *trees_json(const struct project *projects, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		if (projects[i].reference_from)
			json_object_set_new(object, manifest_name(projects[i].manifest),
					    json_string(projects[i].reference));
	return object;
}

bool record_write(const struct record *r, const struct results *results,
		  const struct mount_facts *facts, const struct project *projects, size_t count)
{
	json_t *file, *rows = json_array();
	char *new_path;
	bool ok;

	if (!r->path) {
		json_decref(rows);
		return true;
	}
	file = json_copy(r->head);
	/* What the mount said in an earlier part counts as long as nothing is mounted in this one. */
	if (facts->version || !json_object_get(file, "mount"))
		json_object_set_new(file, "mount", facts_json(facts));
	json_object_set_new(file, "trees", trees_json(projects, count));
	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(rows, row_json(&results->rows[i]));
	json_object_set_new(file, "rows", rows);
	new_path = results_is_plain(r->path) ? text_format("%s.new", r->path) : text_copy(r->path);
	errno = 0;
	ok = (json_dump_file(file, new_path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
	      (strcmp(new_path, r->path) == 0 || rename(new_path, r->path) == 0)) ||
	     complain("%s: %s", r->path, errno ? strerror(errno) : "cannot be written");
	if (!ok && strcmp(new_path, r->path) != 0)
		unlink(new_path);
	free(new_path);
	json_decref(file);
	return ok;
}

/* --- reading ----------------------------------------------------------- */

json_t *record_load(const char *path, char **why)
{
	json_error_t error;
	json_t *file = json_load_file(path, 0, &error);

	*why = NULL;
	if (file && !json_is_object(json_object_get(file, "parameters"))) {
		json_decref(file);
		file = NULL;
		*why = text_copy("is no record of compile-workload");
	} else if (!file) {
		*why = error.line > 0 ? text_format("line %d: %s", error.line, error.text) :
					text_copy(error.text);
	}
	return file;
}

static unsigned operation_by_name(const char *name)
{
	unsigned op = 0;

	while (op < TRACE_OP_LIMIT && strcmp(callback_name(op), name) != 0)
		op++;
	return op;
}

static void give(struct results *results, size_t row, json_t *from)
{
	struct operations operations = { 0 };
	int64_t calls = results->rows[row].calls, sum = 0;
	const char *name;
	json_t *value;

	json_object_foreach(from, name, value) {
		unsigned op = operation_by_name(name);

		if (op < TRACE_OP_LIMIT && json_integer_value(value) > 0)
			operations.calls[op] = (uint64_t)json_integer_value(value);
	}
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		sum += (int64_t)operations.calls[op];
	if (sum == calls)
		results_set_operations(results, row, &operations);
}

static bool is_of_row(const json_t *object, const struct result *row)
{
	const char *project = json_string_value(json_object_get(object, "project"));
	const char *filesystem = json_string_value(json_object_get(object, "filesystem"));
	const char *phase = json_string_value(json_object_get(object, "phase"));

	return project && filesystem && phase && strcmp(phase, phase_name(row->phase)) == 0 &&
	       json_integer_value(json_object_get(object, "run")) == (json_int_t)row->run &&
	       strcmp(project, row->project) == 0 && strcmp(filesystem, row->filesystem) == 0;
}

void record_give_operations(const json_t *file, struct results *results)
{
	json_t *object;
	size_t index;

	json_array_foreach(json_object_get(file, "rows"), index, object) {
		json_t *operations = json_object_get(object, "operations");

		for (size_t i = 0; operations && i < results->count; i++)
			if (results->rows[i].calls >= 0 && is_of_row(object, &results->rows[i]))
				give(results, i, operations);
	}
}

/* --- going on ---------------------------------------------------------- */

static char *value_text(json_t *value)
{
	char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) :
			       NULL;
	char *text = text_copy(dumped ? dumped : "nothing");

	free(dumped);
	return text;
}

static bool is_same(const struct record *r, json_t *before, json_t *now, const char *key)
{
	json_t *a = json_object_get(before, key), *b = json_object_get(now, key);
	char *was, *is;

	if ((!a && !b) || (a && b && json_equal(a, b)))
		return true;
	was = value_text(a);
	is = value_text(b);
	complain("%s: was measured with %s %s, now it is %s; without --resume all starts anew",
		 r->path, key, was, is);
	free(was);
	free(is);
	return false;
}

/* A project may be new; one that is known must be of the same commits. */
static bool has_same_commits(const struct record *r, json_t *before, json_t *now)
{
	const char *name;
	json_t *commits;

	json_object_foreach(json_object_get(now, "commits"), name, commits)
		if (json_object_get(json_object_get(before, "commits"), name) &&
		    !is_same(r, json_object_get(before, "commits"), json_object_get(now, "commits"),
			     name))
			return false;
	return true;
}

static bool fits(const struct record *r)
{
	json_t *before = json_object_get(r->before, "parameters");
	json_t *now = json_object_get(r->head, "parameters");

	for (size_t i = 0; i < LENGTH(fixed_parameters); i++)
		if (!is_same(r, before, now, fixed_parameters[i]))
			return false;
	if (!has_same_commits(r, before, now))
		return false;
	before = json_object_get(r->before, "machine");
	now = json_object_get(r->head, "machine");
	for (size_t i = 0; i < LENGTH(fixed_machine); i++)
		if (!is_same(r, before, now, fixed_machine[i]))
			return false;
	return true;
}

static void take_trees(const struct record *r, struct project *projects, size_t count)
{
	json_t *trees = json_object_get(r->before, "trees");

	for (size_t i = 0; i < count; i++) {
		const char *hash = json_string_value(
			json_object_get(trees, manifest_name(projects[i].manifest)));

		if (!hash || strlen(hash) >= sizeof(projects[i].reference))
			continue;
		strcpy(projects[i].reference, hash);
		projects[i].reference_from = "an earlier filesystem";
	}
}

bool record_resume(struct record *r, struct results *results, struct project *projects,
		   size_t count)
{
	json_t *resumed, *mount, *date;
	char *why;

	r->before = record_load(r->path, &why);
	if (!r->before) {
		complain("%s: %s; --resume needs it", r->path, why);
		free(why);
		return false;
	}
	if (!fits(r))
		return false;
	resumed = json_object_get(r->before, "resumed");
	resumed = json_is_array(resumed) ? json_incref(resumed) : json_array();
	json_array_append(resumed, json_object_get(r->head, "date"));
	json_object_set_new(r->head, "resumed", resumed);
	date = json_object_get(r->before, "date");
	mount = json_object_get(r->before, "mount");
	if (date)
		json_object_set(r->head, "date", date);
	if (mount)
		json_object_set(r->head, "mount", mount);
	record_give_operations(r->before, results);
	take_trees(r, projects, count);
	return true;
}
