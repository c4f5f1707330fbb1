/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"

static void *need(void *memory)
{
	if (!memory)
		exit(complain("report", "out of memory"));
	return memory;
}

/* Makes room for an element behind `count` others, all zero. */
static void *enlarge(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	array = need(reallocarray(array, 2 * count + 64, size));
	memset((char *)array + *capacity * size, 0, (2 * count + 64 - *capacity) * size);
	*capacity = 2 * count + 64;
	return array;
}

static void add_sums(struct report_sums *s, const struct trace_event *e)
{
	s->calls++;
	s->errors += e->error != 0;
	s->ns += e->duration_ns;
	if (e->op == TRACE_OP_READ)
		s->bytes_read += e->done;
	else if (e->op == TRACE_OP_WRITE)
		s->bytes_written += e->done;
}

static void add_op(struct report *r, const struct trace_event *e)
{
	struct report_op *op = &r->ops[e->op % TRACE_OP_LIMIT];

	if (!op->histogram)
		op->histogram = need(calloc(1, sizeof(*op->histogram)));
	histogram_add(op->histogram, e->duration_ns);
	op->errors += e->error != 0;
	op->bytes += e->done;
}

/* --- over time -------------------------------------------------------------------- */

/* Two pieces of time become one. */
static void fold_times(struct report *r)
{
	for (size_t i = 0; i < REPORT_TIMES; i++) {
		bool there = 2 * i < REPORT_TIMES;

		for (size_t op = 0; op < TRACE_OP_LIMIT; op++)
			r->times[i][op] = there ? r->times[2 * i][op] + r->times[2 * i + 1][op] : 0;
		r->time_read[i] = there ? r->time_read[2 * i] + r->time_read[2 * i + 1] : 0;
		r->time_written[i] = there ? r->time_written[2 * i] + r->time_written[2 * i + 1] : 0;
	}
	r->time_shift++;
}

static void add_time(struct report *r, const struct trace_event *e)
{
	uint64_t began = r->query.filter.began_ns;
	uint64_t t = e->start_ns > began ? e->start_ns - began : 0;

	while (t >> r->time_shift >= REPORT_TIMES)
		fold_times(r);
	r->times[t >> r->time_shift][e->op % TRACE_OP_LIMIT]++;
	if (e->op == TRACE_OP_READ)
		r->time_read[t >> r->time_shift] += e->done;
	else if (e->op == TRACE_OP_WRITE)
		r->time_written[t >> r->time_shift] += e->done;
	/* An end outside of time does not count. */
	if (t + e->duration_ns >= t && t + e->duration_ns > r->end_ns)
		r->end_ns = t + e->duration_ns;
}

static void add_size(struct report *r, const struct trace_event *e)
{
	unsigned size = e->done ? 64u - (unsigned)__builtin_clzll(e->done) : 0;

	if (e->error)
		return;
	if (e->op == TRACE_OP_READ)
		r->reads[size]++;
	else if (e->op == TRACE_OP_WRITE)
		r->writes[size]++;
}

/* --- by file ------------------------------------------------------------------------ */

static void set_last_path(struct report_file *file, const char *path)
{
	free(file->last_path);
	file->last_path = need(strdup(path));
}

/* The path of the node that an event counts for, as the event has it. NULL = it tells none. */
static const char *path_of(const struct report *r, const struct trace_event *e, uint64_t node,
			   char buf[EVENT_PATH_SIZE])
{
	if (e->op == TRACE_OP_TMPFILE)
		return NULL;
	if (e->result)
		return event_path(r->query.reader, e, buf, EVENT_PATH_SIZE);
	return trace_path(r->query.reader, node, NULL, buf, EVENT_PATH_SIZE);
}

static struct report_file *file_of(struct report *r, const struct trace_event *e, uint64_t node)
{
	char buf[EVENT_PATH_SIZE];
	const char *path;
	bool is_new;
	uint32_t id = ids_get(&r->file_ids, &node, sizeof(node), &is_new);

	r->files = enlarge(r->files, id - 1, &r->file_capacity, sizeof(*r->files));
	path = is_new ? path_of(r, e, node, buf) : NULL;
	if (path)
		set_last_path(&r->files[id - 1], path);
	return &r->files[id - 1];
}

static void add_file(struct report *r, const struct trace_event *e)
{
	uint64_t node = e->result ? e->result : e->node;
	struct report_file *file;

	if (!node)
		return;
	file = file_of(r, e, node);
	add_sums(&file->sums, e);
	if (!file->type)
		file->type = e->error ? 0 : event_made_type(e);
	if (!file->type)
		file->type = trace_node_type(r->query.reader, node);
}

static void keep_path(struct report *r, uint64_t node, uint64_t parent, const char *name)
{
	uint32_t id = node ? ids_find(&r->file_ids, &node, sizeof(node)) : 0;
	char path[EVENT_PATH_SIZE];

	if (id)
		set_last_path(&r->files[id - 1],
			      trace_path(r->query.reader, parent, name, path, sizeof(path)));
}

/*
 * For every event, whether it counts or not: a node that loses its name may be forgotten before the
 * end, and then nobody can tell any more what it was called.
 */
static void watch_file(struct report *r, const struct trace_event *e)
{
	if (e->error)
		return;
	if (e->op == TRACE_OP_UNLINK || e->op == TRACE_OP_RMDIR)
		keep_path(r, e->result, e->node, e->name);
	else if (e->op == TRACE_OP_RENAME)
		keep_path(r, e->replaced, e->node2, e->name2);
}

const char *report_path(const struct report *r, uint32_t file, char *buf, size_t size)
{
	uint64_t node;

	memcpy(&node, ids_entry(&r->file_ids, file)->bytes, sizeof(node));
	trace_path(r->query.reader, node, NULL, buf, size);
	return *buf != '/' && r->files[file - 1].last_path ? r->files[file - 1].last_path : buf;
}

static void add_names(struct report *r, const struct trace_event *e)
{
	if (e->error)
		return;
	r->made += (event_made_type(e) && e->op != TRACE_OP_TMPFILE) || e->op == TRACE_OP_LINK;
	r->removed += e->op == TRACE_OP_UNLINK || e->op == TRACE_OP_RMDIR;
}

/* --- by command --------------------------------------------------------------------- */

/* A process, under one of the names that it had. */
struct caller {
	uint32_t actor, command;
};

static void add_command(struct report *r, const struct trace_event *e)
{
	const char *comm = !e->process ? "" : *e->process->comm ? e->process->comm : "?";
	struct report_command *command;
	bool is_new;

	if (!r->last_command || e->process != r->last_process) {
		/* No process is called "": that is the kernel. */
		r->last_command = ids_get(&r->command_ids, comm, strlen(comm), &is_new);
		r->last_process = e->process;
	}
	r->commands = enlarge(r->commands, r->last_command - 1, &r->command_capacity,
			      sizeof(*r->commands));
	command = &r->commands[r->last_command - 1];
	add_sums(&command->sums, e);
	if (e->process) {
		const struct caller caller = {
			.actor = actors_of(&r->actors, e)->number,
			.command = r->last_command,
		};

		ids_get(&r->caller_ids, &caller, sizeof(caller), &is_new);
		command->processes += is_new;
	}
}

const char *report_command_name(const struct report *r, uint32_t command)
{
	const char *comm = ids_entry(&r->command_ids, command)->bytes;

	return *comm ? comm : "(kernel)";
}

/* --- what is told one by one -------------------------------------------------------- */

static void add_failure(struct report *r, const struct trace_event *e)
{
	const struct report_failure failure = { .error = e->error, .op = e->op };
	bool is_new;

	if (e->error)
		ids_entry(&r->failures,
			  ids_get(&r->failures, &failure, sizeof(failure), &is_new))->value++;
}

static void add_absent(struct report *r, const struct trace_event *e)
{
	char key[sizeof(e->node) + 4096], path[EVENT_PATH_SIZE];
	struct report_absent *absent;
	size_t length;
	bool is_new;
	uint32_t id;

	if (e->op != TRACE_OP_LOOKUP || e->error != ENOENT || !e->name)
		return;
	length = strnlen(e->name, sizeof(key) - sizeof(e->node));
	memcpy(key, &e->node, sizeof(e->node));
	memcpy(key + sizeof(e->node), e->name, length);
	id = ids_get(&r->absent_ids, key, sizeof(e->node) + length, &is_new);
	r->absents = enlarge(r->absents, id - 1, &r->absent_capacity, sizeof(*r->absents));
	absent = &r->absents[id - 1];
	if (is_new)
		absent->path = need(strdup(event_path(r->query.reader, e, path, sizeof(path))));
	absent->lookups++;
	absent->ns += e->duration_ns;
}

static void add_slow(struct report *r, const struct trace_event *e)
{
	size_t i = r->slowest_count;
	char path[EVENT_PATH_SIZE];

	if (i == REPORT_SLOWEST) {
		if (e->duration_ns <= r->slowest[--i].duration_ns)
			return;
		free(r->slowest[i].path);
	} else {
		r->slowest_count++;
	}
	for (; i > 0 && r->slowest[i - 1].duration_ns < e->duration_ns; i--)
		r->slowest[i] = r->slowest[i - 1];
	r->slowest[i] = (struct report_call){
		.start_ns = e->start_ns,
		.duration_ns = e->duration_ns,
		.op = e->op,
		.error = e->error,
		.inferred = e->inferred,
		.process = e->process,
	};
	if (event_has_path(e))
		r->slowest[i].path = need(strdup(event_path(r->query.reader, e, path, sizeof(path))));
}

static void add_mark(struct report *r, const struct trace_event *e)
{
	if (!event_mark(e))
		return;
	if (r->mark_count < REPORT_MARKS)
		r->marks[r->mark_count] = (struct report_mark){
			.start_ns = e->start_ns,
			.text = need(strdup(event_mark(e))),
		};
	r->mark_count++;
}

/* --- the whole ------------------------------------------------------------------------ */

static void watch(void *context, const struct trace_event *e)
{
	struct report *r = context;

	collect_watch(&r->collection, e);
	watch_file(r, e);
}

void report_watch(struct report *r)
{
	r->query.watch = watch;
	r->query.watch_context = r;
}

void report_read(struct report *r)
{
	struct trace_event e;

	collect_init(&r->collection, r->query.reader);
	while (query_next(&r->query, &e)) {
		collect_count(&r->collection, &e);
		add_sums(&r->sums, &e);
		add_op(r, &e);
		add_time(r, &e);
		add_size(r, &e);
		add_file(r, &e);
		add_names(r, &e);
		add_command(r, &e);
		add_failure(r, &e);
		add_absent(r, &e);
		add_slow(r, &e);
		add_mark(r, &e);
	}
	collect_end(&r->collection);
	judge(&r->findings, &r->collection);
}

void report_free(struct report *r)
{
	for (size_t i = 0; i < TRACE_OP_LIMIT; i++)
		free(r->ops[i].histogram);
	for (size_t i = 0; i < r->file_ids.count; i++)
		free(r->files[i].last_path);
	for (size_t i = 0; i < r->absent_ids.count; i++)
		free(r->absents[i].path);
	for (size_t i = 0; i < r->slowest_count; i++)
		free(r->slowest[i].path);
	for (size_t i = 0; i < r->mark_count && i < REPORT_MARKS; i++)
		free(r->marks[i].text);
	free(r->files);
	free(r->commands);
	free(r->absents);
	ids_free(&r->file_ids);
	ids_free(&r->command_ids);
	ids_free(&r->absent_ids);
	ids_free(&r->caller_ids);
	actors_free(&r->actors);
	ids_free(&r->failures);
	findings_free(&r->findings);
	collect_free(&r->collection);
}

size_t report_main_ops(const struct report *r, bool by_time, unsigned *ops, size_t max)
{
	uint64_t weights[TRACE_OP_LIMIT] = { 0 };
	size_t count = 0;

	for (size_t op = 0; op < TRACE_OP_LIMIT; op++)
		if (r->ops[op].histogram)
			weights[op] = by_time ? r->ops[op].histogram->sum + 1 :
				      r->ops[op].histogram->count;
	while (count < max) {
		unsigned best = 0;

		for (unsigned op = 1; op < TRACE_OP_LIMIT; op++)
			if (weights[op] > weights[best])
				best = op;
		if (!weights[best])
			break;
		weights[best] = 0;
		ops[count++] = best;
	}
	return count;
}
