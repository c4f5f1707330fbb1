/* SPDX-License-Identifier: GPL-2.0-or-later */
/* procs - a row per process or command: its calls, what they cost, and on which files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors.h"
#include "command.h"
#include "event.h"
#include "names.h"
#include "nodes.h"
#include "query.h"

#define TOP_FILES 3
#define TOP_LOOKED_AT 8 /* to find so many different paths */
#define DEPTH_MAX 64 /* of the tree: a damaged trace could tell of a loop */
#define INDENT 2
#define NAME_SIZE (EVENT_PATH_SIZE + DEPTH_MAX * INDENT)

enum { OPTION_BY = 1, OPTION_TREE };

static const struct option options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ "tree", no_argument, NULL, OPTION_TREE },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace procs [OPTION...] FILE|MOUNTPOINT\n"
		"Show a row for each process: its calls, what they cost, and the files that cost most.\n"
		"What the kernel does by itself counts for whom it was opened by.\n"
		"\n"
		"      --by=WHAT        a row per process (default), or per command: its name\n"
		"      --tree           processes below their parents; numbers are with all below\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
	{ .key = "time_ns", .title = "total_s", .kind = COLUMN_SECONDS },
	{ .key = "own_ns", .title = "own_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "processes", .title = "procs", .kind = COLUMN_COUNT, .blank_zero = true,
	  .hidden = true },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "errors", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "read_bytes", .title = "read", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "files", .title = "files", .kind = COLUMN_COUNT },
	{ .key = "first_ns", .title = "first_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "last_ns", .title = "last_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "ppid", .title = "ppid", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "pid", .title = "pid", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "depth", .title = "depth", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "command", .title = "command", .kind = COLUMN_TEXT },
	{ .key = "top_files", .title = "top files", .kind = COLUMN_TEXT },
};

enum {
	PERCENT, TIME, OWN, PROCESSES, CALLS, ERRORS, READ, WRITTEN, FILES, FIRST, LAST, PPID, PID,
	DEPTH, COMMAND, TOP, COLUMNS
};

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

/* What one process or command did to one file. */
struct touch {
	struct touch *next_of_row, *next_of_file;
	struct file *file;
	struct row *row;
	uint64_t ns;
};

struct file {
	struct node node; /* must be first */
	uint32_t number;  /* from 1 in order of use; 0 = unused */
	struct touch *touches;
	struct touch *last;
};

/* Of a process or a command. In a tree, with all below it. */
struct row {
	uint64_t ns, own_ns, calls, errors, read_bytes, written_bytes, files;
	uint64_t first_ns, last_ns;
	uint64_t own_calls, own_errors, own_read_bytes, own_written_bytes;
	struct touch *touches;
	uint64_t processes;   /* of a command */
	uint32_t number;      /* of actor or command, plus 1: 0 = no such row */
	uint32_t counted;     /* number of the last file that `files` has */
	struct row *parent, *child, *last_child, *sibling;
};

struct report {
	struct query q;
	bool by_command, tree;
	struct nodes nodes;
	struct actors actors;
	struct row **rows; /* by number of actor or command */
	size_t row_count;
	struct map touches; /* by number of row and file */
	struct map seen;    /* processes of commands */
	const struct trace_process *last;
	uint32_t file_count;
	uint64_t ns;
	struct table *table;
};

static void watch(void *context, const struct trace_event *e)
{
	struct report *report = context;

	nodes_apply(&report->nodes, report->q.reader, e);
}

/* --- counting ----------------------------------------------------------------- */

static struct row *find_row(struct report *report, uint32_t number)
{
	if (number >= report->row_count) {
		size_t count = report->row_count ? report->row_count : 64;

		while (count <= number)
			count *= 2;
		report->rows = make_bigger(report->rows, count * sizeof(struct row *));
		memset(report->rows + report->row_count, 0,
		       (count - report->row_count) * sizeof(struct row *));
		report->row_count = count;
	}
	if (!report->rows[number]) {
		report->rows[number] = make_zeroed(sizeof(struct row));
		report->rows[number]->number = number + 1;
	}
	return report->rows[number];
}

static struct touch *find_touch(struct report *report, struct row *row, struct file *file)
{
	struct touch *touch;
	uint64_t key;
	void *old;

	if (file->last && file->last->row == row)
		return file->last;
	if (!file->number)
		file->number = ++report->file_count;
	key = (uint64_t)row->number << 32 | file->number;
	touch = map_get(&report->touches, key);
	if (!touch) {
		touch = make_zeroed(sizeof(*touch));
		*touch = (struct touch){
			.file = file,
			.row = row,
			.next_of_row = row->touches,
			.next_of_file = file->touches,
		};
		row->touches = file->touches = touch;
		if (map_set(&report->touches, key, touch, &old) < 0)
			exit(complain("procs", "out of memory"));
	}
	file->last = touch;
	return touch;
}

static void add(struct report *report, const struct trace_event *e)
{
	struct actor *actor = actors_of(&report->actors, e);
	struct row *row = find_row(report, report->by_command ?
					   actors_command(&report->actors, e) : actor->number);
	struct file *file = nodes_get(&report->nodes, nodes_subject(e));

	report->ns += e->duration_ns;
	if (!row->own_calls++)
		row->first_ns = e->start_ns;
	row->last_ns = e->start_ns;
	row->own_ns += e->duration_ns;
	row->own_errors += e->error != 0;
	if (e->op == TRACE_OP_READ || e->op == TRACE_OP_COPY_FILE_RANGE)
		row->own_read_bytes += e->done;
	if (e->op == TRACE_OP_WRITE || e->op == TRACE_OP_COPY_FILE_RANGE)
		row->own_written_bytes += e->done;
	if (file && file->node.type != S_IFDIR && e->op != TRACE_OP_FORGET)
		find_touch(report, row, file)->ns += e->duration_ns;
}

/* A command has as many processes as made calls under that name. */
static void count_process(struct report *report, const struct trace_event *e)
{
	uint64_t key;
	void *old;

	if (!report->by_command || e->process == report->last)
		return;
	report->last = e->process;
	key = ((uint64_t)actors_command(&report->actors, e) + 1) << 32 |
	      actors_of(&report->actors, e)->number;
	if (map_get(&report->seen, key))
		return;
	if (map_set(&report->seen, key, report, &old) < 0)
		exit(complain("procs", "out of memory"));
	find_row(report, actors_command(&report->actors, e))->processes++;
}

/* --- the tree ------------------------------------------------------------------ */

static bool is_below(const struct row *row, const struct row *above)
{
	for (int depth = 0; row; row = row->parent, depth++)
		if (row == above || depth == DEPTH_MAX)
			return true;
	return false;
}

/* Parents that made no calls are rows too, so that their children stand together. */
static void place(struct report *report, struct row *row)
{
	struct actor *actor = report->actors.all[row->number - 1], *parent;
	struct row *above;

	if (!actor->pid || !actor->ppid)
		return;
	parent = actors_parent(&report->actors, actor);
	if (!parent)
		parent = actors_add_unknown(&report->actors, actor->ppid);
	above = find_row(report, parent->number);
	if (is_below(above, row))
		return;
	row->parent = above;
	if (above->last_child)
		above->last_child->sibling = row;
	else
		above->child = row;
	above->last_child = row;
}

/* Of itself and all above it. */
static void add_up(struct row *row)
{
	for (struct row *above = row; above; above = above->parent) {
		above->ns += row->own_ns;
		above->calls += row->own_calls;
		above->errors += row->own_errors;
		above->read_bytes += row->own_read_bytes;
		above->written_bytes += row->own_written_bytes;
		if (!above->first_ns || (row->first_ns && row->first_ns < above->first_ns))
			above->first_ns = row->first_ns;
		if (row->last_ns > above->last_ns)
			above->last_ns = row->last_ns;
	}
}

static void build_tree(struct report *report)
{
	const size_t count = report->row_count;

	for (size_t i = 0; i < count; i++)
		if (report->rows[i])
			place(report, report->rows[i]);
}

/* A file that several processes of a subtree used counts once in it. */
static void count_files(struct report *report)
{
	for (size_t i = 0; i < report->nodes.count; i++) {
		const struct file *file = (struct file *)report->nodes.all[i];

		for (struct touch *t = file->touches; t; t = t->next_of_file) {
			for (struct row *row = t->row; row && row->counted != file->number;
			     row = row->parent) {
				row->counted = file->number;
				row->files++;
			}
		}
	}
}

/* --- rows -------------------------------------------------------------------- */

/* Those of its own calls that cost most. Fewer than asked for, where it has no more. */
static void find_top(const struct row *row, const struct touch *top[TOP_LOOKED_AT])
{
	for (const struct touch *t = row->touches; t; t = t->next_of_row) {
		const struct touch *in = t;

		/* Touches stand the newest first; among equals the first one counts. */
		for (int i = 0; in && i < TOP_LOOKED_AT; i++) {
			const struct touch *out = top[i];

			if (out && (out->ns > in->ns ||
				    (out->ns == in->ns && out->file->number < in->file->number)))
				continue;
			top[i] = in;
			in = out;
		}
	}
}

/* "/src/a.c, /src/a.h, /lib/x". Several files may have had the same path one after the other. */
static void list_top_files(const struct report *report, const struct row *row, char *buf, size_t size)
{
	const struct touch *top[TOP_LOOKED_AT] = { 0 };
	char path[EVENT_PATH_SIZE];
	size_t starts[TOP_FILES], at = 0, ends[TOP_FILES];
	int listed = 0;

	find_top(row, top);
	*buf = '\0';
	for (int i = 0; listed < TOP_FILES && i < TOP_LOOKED_AT && top[i]; i++) {
		bool known = false;

		nodes_path(&top[i]->file->node, report->q.reader, path, sizeof(path));
		for (int k = 0; k < listed; k++)
			known |= strlen(path) == ends[k] - starts[k] &&
				 memcmp(path, buf + starts[k], ends[k] - starts[k]) == 0;
		if (known || at + strlen(path) + 3 > size)
			continue;
		starts[listed] = at + (listed ? 2 : 0);
		at += (size_t)snprintf(buf + at, size - at, "%s%s", listed ? ", " : "", path);
		ends[listed++] = at;
	}
}

static void add_row(struct report *report, const struct row *row, uint32_t depth)
{
	char top[TOP_FILES * EVENT_PATH_SIZE], name[NAME_SIZE];
	struct actor *actor = report->by_command ? NULL : report->actors.all[row->number - 1];
	const uint64_t began = report->q.filter.began_ns;

	list_top_files(report, row, top, sizeof(top));
	snprintf(name, sizeof(name), "%*s%s", (int)depth * INDENT, "",
		 actor ? actor_comm(&report->actors, actor) :
			 names_text(&report->actors.commands, row->number - 1));
	table_add(report->table, (struct value[COLUMNS]){
		[PERCENT].d = report->ns ? 100.0 * (double)row->ns / (double)report->ns : 0,
		[TIME].n = row->ns,
		[OWN].n = row->own_ns,
		[PROCESSES].n = row->processes,
		[CALLS].n = row->calls,
		[ERRORS].n = row->errors,
		[READ].n = row->read_bytes,
		[WRITTEN].n = row->written_bytes,
		[FILES].n = row->files,
		[FIRST].n = row->first_ns > began ? row->first_ns - began : 0,
		[LAST].n = row->last_ns > began ? row->last_ns - began : 0,
		[PPID].n = actor ? actor->ppid : 0,
		[PID].n = actor ? actor->pid : 0,
		[DEPTH].n = depth,
		[COMMAND].text = name,
		[TOP].text = top,
	});
}

/* No deeper than DEPTH_MAX: is_below() sees to it. */
static void add_subtree(struct report *report, const struct row *row, uint32_t depth)
{
	add_row(report, row, depth);
	for (const struct row *child = row->child; child; child = child->sibling)
		add_subtree(report, child, depth + 1);
}

static void fill(struct report *report)
{
	struct row total = { 0 };

	nodes_finish(&report->nodes, report->q.reader);
	if (report->tree)
		build_tree(report);
	for (size_t i = 0; i < report->row_count; i++)
		if (report->rows[i])
			add_up(report->rows[i]);
	count_files(report);
	for (size_t i = 0; i < report->row_count; i++) {
		const struct row *row = report->rows[i];

		if (!row)
			continue;
		total.calls += row->own_calls;
		total.errors += row->own_errors;
		total.read_bytes += row->own_read_bytes;
		total.written_bytes += row->own_written_bytes;
		if (!row->parent)
			add_subtree(report, row, 0);
	}
	table_set_total(report->table, (struct value[COLUMNS]){
		[PERCENT].d = report->ns ? 100.0 : 0,
		[TIME].n = report->ns,
		[OWN].n = report->ns,
		[CALLS].n = total.calls,
		[ERRORS].n = total.errors,
		[READ].n = total.read_bytes,
		[WRITTEN].n = total.written_bytes,
		[FILES].n = report->file_count,
		[COMMAND].text = "total",
	});
}

/* --- the command --------------------------------------------------------------- */

static struct table *make_table(struct report *report)
{
	static struct column chosen[COLUMNS];

	memcpy(chosen, columns, sizeof(columns));
	chosen[PROCESSES].hidden = !report->by_command;
	chosen[PID].hidden = report->by_command;
	chosen[OWN].hidden = !report->tree;
	return table_create(chosen, COLUMNS, &report->q.table, report->tree ? NULL : "time");
}

static void free_report(struct report *report)
{
	for (size_t i = 0; i < report->row_count; i++)
		free(report->rows[i]);
	free(report->rows);
	map_destroy(&report->touches, free);
	map_destroy(&report->seen, NULL);
	nodes_free(&report->nodes);
	actors_free(&report->actors);
}

static int run(struct report *report, const char *trace)
{
	struct trace_event event;

	report->table = make_table(report);
	if (!report->table)
		return QUERY_MISUSE;
	if (query_open(&report->q, trace)) {
		while (query_next(&report->q, &event)) {
			add(report, &event);
			count_process(report, &event);
		}
		fill(report);
		query_print_table(&report->q, report->table);
	}
	table_free(report->table);
	return report->q.reader ? 0 : QUERY_MISUSE;
}

static bool take(struct report *report, int option, const char *text)
{
	if (option == OPTION_TREE) {
		report->tree = true;
	} else if (strcmp(text, "command") == 0) {
		report->by_command = true;
	} else if (strcmp(text, "process") != 0) {
		complain(text, "is neither process nor command");
		return false;
	} else {
		report->by_command = false;
	}
	return true;
}

int command_procs(int argc, char **argv)
{
	struct report report = { 0 };
	int c;

	while ((c = query_option(&report.q, &spec, argc, argv)) >= 0)
		if (!take(&report, c, optarg))
			return query_end(&report.q, QUERY_MISUSE);
	if (c == QUERY_READY && report.tree && report.by_command) {
		complain("--tree", "is of processes, not of commands");
		c = QUERY_MISUSE;
	}
	if (c != QUERY_READY)
		return query_end(&report.q, c);
	nodes_init(&report.nodes, sizeof(struct file));
	actors_init(&report.actors);
	report.q.watch = watch;
	report.q.watch_context = &report;
	c = run(&report, argv[optind]);
	c = query_end(&report.q, c);
	free_report(&report);
	return c;
}
