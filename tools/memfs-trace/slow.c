/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow - each call over a threshold, with what was running beside it.
 *
 * Events come in order of their start. So of the calls beside a slow one, those that began earlier are
 * the last ones of the other workers, and those that begin later come
 * until one begins after its end. A worker has one call at a time: what must be kept is
 * one call and one slow call for each worker.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "paths.h"
#include "query.h"

#define THRESHOLD_NS 1000000u
#define WORKERS_MAX 1024 /* a damaged trace could tell of any number */
#define BESIDE_MAX 1000

enum { OPTION_BESIDE = 1 };

static const struct option options[] = {
	{ "beside", required_argument, NULL, OPTION_BESIDE },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace slow [OPTION...] FILE|MOUNTPOINT\n"
		"Show every call that took 1 ms or longer (--min-lat), the longest first: when it began,\n"
		"since the trace did; what it moved, where; how long it took; how many calls of other\n"
		"workers ran beside it, and how long the longest of those took.\n"
		"~NAME is inferred: the kernel called by itself, for what that process had opened.\n"
		"\n"
		"      --beside=N       below each, the N longest of the calls beside it: when they began,\n"
		"                       counted from the slow one, how long they took, and what they were\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "time_ns", .title = "time", .kind = COLUMN_SECONDS, .ascending = true },
	{ .key = "command", .title = "comm", .kind = COLUMN_TEXT },
	{ .key = "pid", .title = "pid", .kind = COLUMN_COUNT, .ascending = true },
	{ .key = "inferred", .title = "inferred", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "op", .title = "op", .kind = COLUMN_TEXT },
	{ .key = "error", .title = "error", .kind = COLUMN_TEXT, .hidden = true },
	{ .key = "bytes", .title = "bytes", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "offset", .title = "off", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "latency_ns", .title = "lat", .kind = COLUMN_NS },
	{ .key = "beside", .title = "beside", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "beside_max_ns", .title = "longest", .kind = COLUMN_NS, .blank_zero = true },
	{ .key = "worker", .title = "worker", .kind = COLUMN_COUNT, .hidden = true, .ascending = true },
	{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
};

enum {
	TIME, COMMAND, PID, INFERRED, OP, ERROR, BYTES, OFFSET, LATENCY, BESIDE, LONGEST, WORKER, PATH,
	COLUMNS
};

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

/* What is kept of an event. */
struct call {
	uint64_t start_ns, duration_ns, done, offset;
	const struct trace_process *process;
	int error;
	uint32_t worker, path;
	uint8_t op;
	bool inferred;
};

struct slow_call {
	struct call call;
	uint64_t beside, longest_ns;
	struct call *calls; /* the longest beside it, in that order */
	size_t call_count;
};

struct slow {
	struct query query;
	struct table *table;
	struct paths *paths;
	uint64_t list_max;              /* --beside */
	struct call running[WORKERS_MAX]; /* the last one of each worker */
	size_t running_count;
	struct slow_call open[WORKERS_MAX]; /* whose neighbours are not all known yet */
	size_t open_count;
	char path[EVENT_PATH_SIZE];
};

/* --- what ran beside ---------------------------------------------------------- */

static uint64_t end_of(const struct call *c)
{
	return c->start_ns + c->duration_ns;
}

/* Puts a call where it belongs among the longest. */
static void enlist(const struct slow *s, struct slow_call *slow, const struct call *c)
{
	size_t i = slow->call_count;

	if (i == s->list_max && (!i || slow->calls[i - 1].duration_ns >= c->duration_ns))
		return;
	if (i < s->list_max) {
		slow->calls = realloc(slow->calls, (i + 1) * sizeof(*slow->calls));
		if (!slow->calls)
			exit(complain("slow", "out of memory"));
		slow->call_count++;
	} else {
		i--;
	}
	for (; i > 0 && slow->calls[i - 1].duration_ns < c->duration_ns; i--)
		slow->calls[i] = slow->calls[i - 1];
	slow->calls[i] = *c;
}

static void meet(const struct slow *s, struct slow_call *slow, const struct call *c)
{
	if (c->start_ns >= end_of(&slow->call) || end_of(c) <= slow->call.start_ns)
		return;
	slow->beside++;
	if (c->duration_ns > slow->longest_ns)
		slow->longest_ns = c->duration_ns;
	enlist(s, slow, c);
}

/* --- rows --------------------------------------------------------------------- */

static const char *command_of(const struct call *c)
{
	return c->process ? c->process->comm : "kernel";
}

static const char *path_of(struct slow *s, const struct call *c)
{
	return paths_text(s->paths, c->path, s->path, sizeof(s->path));
}

static void print_beside(struct slow *s, FILE *out, const struct slow_call *slow,
			 const struct call *c)
{
	const uint64_t start_ns = slow->call.start_ns;
	bool before = c->start_ns < start_ns;
	uint64_t distance = before ? start_ns - c->start_ns : c->start_ns - start_ns;
	char shown[4 * EVENT_PATH_SIZE], text[FORMAT_SIZE], duration[FORMAT_SIZE];
	const char *path = path_of(s, c);

	if (s->query.raw)
		fprintf(out, "      %c%-12" PRIu64 " %12" PRIu64, before ? '-' : '+', distance,
			c->duration_ns);
	else
		fprintf(out, "      %c%-9s %9s", before ? '-' : '+', format_duration(distance, text),
			format_duration(c->duration_ns, duration));
	fprintf(out, "  %s%s/%u", c->inferred ? "~" : "",
		format_escaped(command_of(c), shown, sizeof(shown)), c->process ? c->process->pid : 0);
	fprintf(out, " %s",
		format_escaped(trace_op_name(s->query.reader, c->op), shown, sizeof(shown)));
	fprintf(out, " %s", path ? format_escaped(path, shown, sizeof(shown)) : "-");
	if (c->error)
		fprintf(out, " (%s)", format_errno(c->error, text));
	putc('\n', out);
}

static json_t *json_of_beside(struct slow *s, const struct slow_call *slow, const struct call *c)
{
	char error[FORMAT_SIZE];
	const char *path = path_of(s, c);
	json_t *object = json_pack("{s:I, s:I, s:i, s:b, s:I}",
		"after_ns", (json_int_t)(c->start_ns - slow->call.start_ns),
		"latency_ns", (json_int_t)c->duration_ns,
		"pid", (int)(c->process ? c->process->pid : 0),
		"inferred", (int)c->inferred,
		"worker", (json_int_t)c->worker);

	json_set_name(object, "command", command_of(c));
	json_set_name(object, "op", trace_op_name(s->query.reader, c->op));
	json_object_set_new(object, "error",
			    c->error ? json_string(format_errno(c->error, error)) : json_null());
	if (path)
		json_set_name(object, "path", path);
	else
		json_object_set_new(object, "path", json_null());
	return object;
}

static void add_list(struct slow *s, const struct slow_call *slow)
{
	json_t *array = s->query.json ? json_array() : NULL;
	size_t size;
	char *lines = NULL;
	FILE *out = open_memstream(&lines, &size);

	if (!out)
		exit(complain("slow", "out of memory"));
	for (size_t i = 0; i < slow->call_count; i++) {
		if (array)
			json_array_append_new(array, json_of_beside(s, slow, &slow->calls[i]));
		else
			print_beside(s, out, slow, &slow->calls[i]);
	}
	if (fclose(out) != 0)
		exit(complain("slow", "out of memory"));
	table_add_below(s->table, lines, "calls_beside", array);
	free(lines);
}

/* All that ran beside it is known. */
static void finish(struct slow *s, struct slow_call *slow)
{
	const struct call *c = &slow->call;
	uint64_t began_ns = s->query.filter.began_ns;
	char command[256], error[FORMAT_SIZE];
	const char *path = path_of(s, c);

	snprintf(command, sizeof(command), "%s%s", c->inferred && !s->query.json ? "~" : "",
		 command_of(c));
	table_add(s->table, (struct value[COLUMNS]){
		/* What a trace holds need not be true: it may seem to lie before its beginning. */
		[TIME].n = c->start_ns > began_ns ? c->start_ns - began_ns : 0,
		[COMMAND].text = command,
		[PID].n = c->process ? c->process->pid : 0,
		[INFERRED].n = c->inferred,
		[OP].text = trace_op_name(s->query.reader, c->op),
		[ERROR].text = c->error ? format_errno(c->error, error) : NULL,
		[BYTES].n = c->done,
		[OFFSET].n = c->offset,
		[LATENCY].n = c->duration_ns,
		[BESIDE].n = slow->beside,
		[LONGEST].n = slow->longest_ns,
		[WORKER].n = c->worker,
		[PATH].text = path || s->query.json ? path : "-",
	});
	if (s->list_max)
		add_list(s, slow);
	free(slow->calls);
}

/* --- events ------------------------------------------------------------------- */

static void close_open(struct slow *s, size_t i)
{
	finish(s, &s->open[i]);
	s->open[i] = s->open[--s->open_count];
}

static void open_slow(struct slow *s, const struct call *c)
{
	struct slow_call *slow;

	if (s->open_count == WORKERS_MAX)
		close_open(s, 0);
	slow = &s->open[s->open_count++];
	*slow = (struct slow_call){ .call = *c };
	for (size_t i = 0; i < s->running_count; i++)
		if (s->running[i].worker != c->worker)
			meet(s, slow, &s->running[i]);
}

static void run(struct slow *s, const struct call *c)
{
	size_t i = 0;

	while (i < s->running_count && s->running[i].worker != c->worker)
		i++;
	if (i == WORKERS_MAX)
		i = c->worker % WORKERS_MAX;
	else if (i == s->running_count)
		s->running_count++;
	s->running[i] = *c;
}

static void add(struct slow *s, const struct call *c, bool is_slow)
{
	for (size_t i = 0; i < s->open_count;) {
		const struct call *o = &s->open[i].call;

		if (c->worker == o->worker || c->start_ns >= end_of(o))
			close_open(s, i);
		else
			meet(s, &s->open[i++], c);
	}
	if (is_slow)
		open_slow(s, c);
	run(s, c);
}

static struct call call_of(struct slow *s, const struct trace_event *e, bool is_slow)
{
	return (struct call){
		.start_ns = e->start_ns,
		.duration_ns = e->duration_ns,
		.done = e->done,
		.offset = e->offset,
		.process = e->process,
		.error = e->error,
		.worker = e->worker,
		.path = paths_next(s->paths, e, is_slow || s->list_max),
		.op = e->op,
		.inferred = e->inferred,
	};
}

/* --- the command -------------------------------------------------------------- */

static void print(struct slow *s)
{
	char threshold[FORMAT_SIZE];

	if (s->query.json) {
		query_print_table(&s->query, s->table);
		return;
	}
	query_print_head(&s->query);
	printf("# calls of %s or longer\n", format_duration(s->query.filter.min_ns, threshold));
	table_print(s->table, stdout, s->query.raw);
}

static int end(struct slow *s, int status)
{
	if (s->paths)
		paths_free(s->paths);
	if (s->table)
		table_free(s->table);
	return query_end(&s->query, status);
}

int command_slow(int argc, char **argv)
{
	static struct slow s;
	struct query *q = &s.query;
	struct trace_event event;
	bool is_slow;
	int c;

	q->filter.min_ns = THRESHOLD_NS;
	q->filter.active = true;
	while ((c = query_option(q, &spec, argc, argv)) >= 0)
		if (!parse_number(optarg, BESIDE_MAX, &s.list_max) || !s.list_max)
			return end(&s, complain(optarg, "is no number of calls beside a slow one"));
	if (c != QUERY_READY)
		return end(&s, c);
	s.table = table_create(columns, COLUMNS, &q->table, "latency");
	if (!s.table || !query_open(q, argv[optind]))
		return end(&s, QUERY_MISUSE);
	s.paths = paths_create(q->reader);
	while (query_next_any(q, &event, &is_slow)) {
		struct call call = call_of(&s, &event, is_slow);

		add(&s, &call, is_slow);
	}
	while (s.open_count)
		close_open(&s, 0);
	print(&s);
	return end(&s, 0);
}
