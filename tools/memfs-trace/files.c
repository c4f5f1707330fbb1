/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files - a row per file, path, directory or extension: what was done to it, by whom, what it cost. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors.h"
#include "command.h"
#include "event.h"
#include "names.h"
#include "nodes.h"
#include "query.h"

#define WRITERS_SHOWN 3

enum by { BY_NODE, BY_PATH, BY_DIR, BY_EXT };

static const char *const by_names[] = { "node", "path", "dir", "ext" };

enum { OPTION_BY = 1, OPTION_ALL = 'a' };

static const struct option options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace files [OPTION...] FILE|MOUNTPOINT\n"
		"Show a row for each file: what was done to it, by whom, and what it cost.\n"
		"\n"
		"      --by=WHAT        a row per node (default): a file, under whatever names; per path;\n"
		"                       per dir: the directory that the file is in; per ext: what follows\n"
		"                       the last dot of its name\n"
		"  -a, --all            directories too, with the calls on names that are not in them\n",
	.short_options = "a",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
	{ .key = "time_ns", .title = "total_s", .kind = COLUMN_SECONDS },
	{ .key = "files", .title = "files", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "errors", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "lookups", .title = "lookups", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "creates", .title = "creates", .kind = COLUMN_COUNT, .blank_zero = true, .hidden = true },
	{ .key = "opens", .title = "opens", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "reads", .title = "reads", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "read_bytes", .title = "read", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "reread", .title = "reread", .kind = COLUMN_RATIO, .blank_zero = true },
	{ .key = "writes", .title = "writes", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "write_min_bytes", .title = "min_write", .kind = COLUMN_BYTES, .blank_zero = true,
	  .hidden = true },
	{ .key = "write_mean_bytes", .title = "mean_write", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "write_max_bytes", .title = "max_write", .kind = COLUMN_BYTES, .blank_zero = true,
	  .hidden = true },
	{ .key = "size_bytes", .title = "size", .kind = COLUMN_BYTES, .hidden = true },
	{ .key = "first_ns", .title = "first_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "last_ns", .title = "last_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "lifetime_ns", .title = "lifetime_s", .kind = COLUMN_SECONDS, .blank_zero = true,
	  .hidden = true },
	{ .key = "removed", .title = "removed", .kind = COLUMN_COUNT, .blank_zero = true, .hidden = true },
	{ .key = "writers", .title = "writers", .kind = COLUMN_TEXT },
	{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
};

enum {
	PERCENT, TIME, FILES, CALLS, ERRORS, LOOKUPS, CREATES, OPENS, READS, READ_BYTES, REREAD,
	WRITES, WRITTEN, WRITE_MIN, WRITE_MEAN, WRITE_MAX, SIZE, FIRST, LAST, LIFETIME, REMOVED,
	WRITERS, PATH, COLUMNS
};

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

/* Of one file, or of all that share a row. */
struct counts {
	uint64_t files, removed, ns, calls, errors, lookups, creates, opens;
	uint64_t reads, read_bytes, writes, written_bytes, write_min, write_max;
	uint64_t size, largest;      /* sums, where there are several */
	uint64_t first_ns, last_ns;  /* of use: what is done in somebody's name */
	uint64_t lifetime_ns;        /* longest of those removed */
	struct few writers;          /* commands */
};

struct file {
	struct node node; /* must be first */
	struct counts counts;
};

/* One row of several files. */
struct group {
	struct counts counts;
	uint32_t name;
};

struct report {
	enum by by;
	bool all;
	struct query q;
	struct nodes nodes;
	struct actors actors;
	uint64_t ns; /* of all calls */
	/* --by: */
	struct names group_names;
	struct group *groups; /* by number of the name */
	size_t group_capacity;
};

static void watch(void *context, const struct trace_event *e)
{
	struct report *report = context;

	nodes_apply(&report->nodes, report->q.reader, e);
}

/* --- counting ----------------------------------------------------------------- */

static void add_write(struct counts *c, struct actors *actors, const struct trace_event *e)
{
	if (!c->writes || e->done < c->write_min)
		c->write_min = e->done;
	if (e->done > c->write_max)
		c->write_max = e->done;
	c->writes++;
	c->written_bytes += e->done;
	few_add(&c->writers, actors_command(actors, e));
}

static void add_op(struct counts *c, struct actors *actors, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_LOOKUP:
		c->lookups++;
		break;
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
		c->creates += !e->error;
		break;
	case TRACE_OP_OPEN:
	case TRACE_OP_OPENDIR:
		c->opens++;
		break;
	case TRACE_OP_READ:
		c->reads++;
		c->read_bytes += e->done;
		break;
	case TRACE_OP_WRITE:
	case TRACE_OP_COPY_FILE_RANGE:
		if (!e->error)
			add_write(c, actors, e);
		break;
	default:
		break;
	}
}

static void add(struct report *report, const struct trace_event *e)
{
	struct file *file = nodes_get(&report->nodes, nodes_subject(e));
	struct counts *c;

	report->ns += e->duration_ns;
	if (!file)
		return;
	c = &file->counts;
	c->calls++;
	c->errors += e->error != 0;
	c->ns += e->duration_ns;
	add_op(c, &report->actors, e);
	if (e->process) {
		if (!c->first_ns)
			c->first_ns = e->start_ns;
		c->last_ns = e->start_ns;
	}
	/* A copy reads from one file what it writes into another: its time is counted there. */
	if (e->op == TRACE_OP_COPY_FILE_RANGE && !e->error && e->node) {
		file = nodes_get(&report->nodes, e->node);
		file->counts.reads++;
		file->counts.read_bytes += e->done;
	}
}

/* --- several files in a row ------------------------------------------------------ */

/* What the row of a path is called. May change it. */
static const char *group_of(enum by by, char *path)
{
	char *slash = strrchr(path, '/'), *dot;

	if (by == BY_PATH || !slash)
		return path;
	if (by == BY_DIR) {
		slash[slash == path] = '\0';
		return path;
	}
	dot = strrchr(slash, '.');
	/* What begins with a dot is hidden, and no extension. */
	return dot && dot != slash + 1 && dot[1] ? dot : "(none)";
}

static struct counts *find_group(struct report *report, const char *name)
{
	uint32_t number = names_number(&report->group_names, name);

	if (number >= report->group_capacity) {
		size_t capacity = report->group_capacity ? 2 * report->group_capacity : 256;

		report->groups = make_bigger(report->groups, capacity * sizeof(*report->groups));
		memset(report->groups + report->group_capacity, 0,
		       (capacity - report->group_capacity) * sizeof(*report->groups));
		report->group_capacity = capacity;
	}
	return &report->groups[number].counts;
}

static void merge(struct counts *into, const struct counts *c)
{
	if (c->writes && (!into->writes || c->write_min < into->write_min))
		into->write_min = c->write_min;
	if (c->write_max > into->write_max)
		into->write_max = c->write_max;
	if (c->first_ns && (!into->first_ns || c->first_ns < into->first_ns))
		into->first_ns = c->first_ns;
	if (c->last_ns > into->last_ns)
		into->last_ns = c->last_ns;
	if (c->lifetime_ns > into->lifetime_ns)
		into->lifetime_ns = c->lifetime_ns;
	into->files += c->files;
	into->removed += c->removed;
	into->ns += c->ns;
	into->calls += c->calls;
	into->errors += c->errors;
	into->lookups += c->lookups;
	into->creates += c->creates;
	into->opens += c->opens;
	into->reads += c->reads;
	into->read_bytes += c->read_bytes;
	into->writes += c->writes;
	into->written_bytes += c->written_bytes;
	into->size += c->size;
	into->largest += c->largest;
	for (uint32_t i = 0; i < c->writers.count; i++)
		few_add(&into->writers, few_numbers(&c->writers)[i]);
}

/* --- rows -------------------------------------------------------------------- */

static void fill_row(const struct report *report, const struct counts *c, const char *path,
		     struct value values[COLUMNS], char *writers, size_t size)
{
	const uint64_t began = report->q.filter.began_ns;

	values[PERCENT].d = report->ns ? 100.0 * (double)c->ns / (double)report->ns : 0;
	values[TIME].n = c->ns;
	values[FILES].n = c->files;
	values[CALLS].n = c->calls;
	values[ERRORS].n = c->errors;
	values[LOOKUPS].n = c->lookups;
	values[CREATES].n = c->creates;
	values[OPENS].n = c->opens;
	values[READS].n = c->reads;
	values[READ_BYTES].n = c->read_bytes;
	values[REREAD].d = c->largest ? (double)c->read_bytes / (double)c->largest : 0;
	values[WRITES].n = c->writes;
	values[WRITTEN].n = c->written_bytes;
	values[WRITE_MIN].n = c->write_min;
	values[WRITE_MEAN].n = c->writes ? c->written_bytes / c->writes : 0;
	values[WRITE_MAX].n = c->write_max;
	values[SIZE].n = c->size;
	values[FIRST].n = c->first_ns > began ? c->first_ns - began : 0;
	values[LAST].n = c->last_ns > began ? c->last_ns - began : 0;
	values[LIFETIME].n = c->lifetime_ns;
	values[REMOVED].n = c->removed;
	values[WRITERS].text = few_text(&c->writers, &report->actors.commands, WRITERS_SHOWN,
					writers, size);
	values[PATH].text = path;
}

static void add_row(const struct report *report, struct table *t, const struct counts *c,
		    const char *path)
{
	struct value values[COLUMNS] = { 0 };
	char writers[1024];

	fill_row(report, c, path, values, writers, sizeof(writers));
	table_add(t, values);
}

static void finish_file(const struct node *node, struct counts *c)
{
	c->files = 1;
	c->size = node->size;
	c->largest = node->largest;
	c->removed = node->removed_ns != 0;
	if (node->created_ns && node->removed_ns > node->created_ns)
		c->lifetime_ns = node->removed_ns - node->created_ns;
}

static void fill(struct report *report, struct table *t)
{
	struct value values[COLUMNS] = { 0 };
	struct counts total = { 0 };
	char path[EVENT_PATH_SIZE], writers[1024];

	nodes_finish(&report->nodes, report->q.reader);
	for (size_t i = 0; i < report->nodes.count; i++) {
		struct file *file = (struct file *)report->nodes.all[i];
		struct counts *c = &file->counts;

		if ((!c->calls && !c->reads) || (file->node.type == S_IFDIR && !report->all))
			continue;
		finish_file(&file->node, c);
		nodes_path(&file->node, report->q.reader, path, sizeof(path));
		merge(&total, c);
		if (report->by == BY_NODE)
			add_row(report, t, c, path);
		else
			merge(find_group(report, group_of(report->by, path)), c);
	}
	for (uint32_t i = 0; i < report->group_names.count; i++)
		add_row(report, t, &report->groups[i].counts, names_text(&report->group_names, i));
	fill_row(report, &total, "total", values, writers, sizeof(writers));
	table_set_total(t, values);
	few_free(&total.writers);
}

static struct table *make_table(struct report *report)
{
	static struct column chosen[COLUMNS];

	memcpy(chosen, columns, sizeof(columns));
	chosen[FILES].hidden = report->by == BY_NODE;
	if (report->by == BY_EXT)
		chosen[PATH].title = "extension";
	else if (report->by == BY_DIR)
		chosen[PATH].title = "directory";
	return table_create(chosen, COLUMNS, &report->q.table, "time");
}

static void free_report(struct report *report)
{
	for (size_t i = 0; i < report->nodes.count; i++)
		few_free(&((struct file *)report->nodes.all[i])->counts.writers);
	for (size_t i = 0; i < report->group_names.count; i++)
		few_free(&report->groups[i].counts.writers);
	free(report->groups);
	names_free(&report->group_names);
	nodes_free(&report->nodes);
	actors_free(&report->actors);
}

static int run(struct report *report, const char *trace)
{
	struct trace_event event;
	struct table *t = make_table(report);

	if (!t)
		return QUERY_MISUSE;
	if (!query_open(&report->q, trace)) {
		table_free(t);
		return QUERY_MISUSE;
	}
	while (query_next(&report->q, &event))
		add(report, &event);
	fill(report, t);
	query_print_table(&report->q, t);
	table_free(t);
	return 0;
}

static bool take_by(struct report *report, const char *text)
{
	for (unsigned i = 0; i < sizeof(by_names) / sizeof(by_names[0]); i++) {
		if (strcmp(text, by_names[i]) != 0)
			continue;
		report->by = (enum by)i;
		return true;
	}
	complain(text, "is none of node, path, dir, ext");
	return false;
}

int command_files(int argc, char **argv)
{
	struct report report = { 0 };
	int c;

	while ((c = query_option(&report.q, &spec, argc, argv)) >= 0) {
		if (c == OPTION_ALL)
			report.all = true;
		else if (!take_by(&report, optarg))
			return query_end(&report.q, QUERY_MISUSE);
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
