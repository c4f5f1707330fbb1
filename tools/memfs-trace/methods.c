/* SPDX-License-Identifier: GPL-2.0-or-later */
/* methods - how files were written: at once, by a temporary and a rename, in place... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "methods_classify.h"
#include "query.h"

#define COMMANDS_SHOWN 4

enum { OPTION_FILES = 1 };

static const struct option options[] = {
	{ "files", no_argument, NULL, OPTION_FILES },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace methods [OPTION...] FILE|MOUNTPOINT\n"
		"Tell how files were written. A file may have been written in several ways, and then\n"
		"counts in each. Filters choose the files: those that an event that passes is about.\n"
		"\n"
		"      --files          a row per file, with its ways\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column method_columns[] = {
	{ .key = "files", .title = "files", .kind = COLUMN_COUNT },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES },
	{ .key = "mean_size_bytes", .title = "mean_size", .kind = COLUMN_BYTES },
	{ .key = "method", .title = "method", .kind = COLUMN_TEXT },
	{ .key = "commands", .title = "commands", .kind = COLUMN_TEXT },
	{ .key = "example", .title = "example", .kind = COLUMN_TEXT },
};

enum { M_FILES, M_WRITTEN, M_MEAN, M_METHOD, M_COMMANDS, M_EXAMPLE, M_COLUMNS };

static const struct column file_columns[] = {
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES },
	{ .key = "writes", .title = "writes", .kind = COLUMN_COUNT },
	{ .key = "size_bytes", .title = "size", .kind = COLUMN_BYTES },
	{ .key = "methods", .title = "methods", .kind = COLUMN_TEXT },
	{ .key = "commands", .title = "commands", .kind = COLUMN_TEXT },
	{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
};

enum { F_WRITTEN, F_WRITES, F_SIZE, F_METHODS, F_COMMANDS, F_PATH, F_COLUMNS };

_Static_assert(sizeof(method_columns) / sizeof(method_columns[0]) == M_COLUMNS, "one constant a column");
_Static_assert(sizeof(file_columns) / sizeof(file_columns[0]) == F_COLUMNS, "one constant a column");

struct sums {
	uint64_t files, bytes, sizes;
	struct few commands;
	const struct written *example;
};

struct report {
	struct query q;
	bool by_file;
	struct classify classify;
	struct map chosen; /* nodes, where there are filters */
	struct table *table;
};

static void watch(void *context, const struct trace_event *e)
{
	struct report *report = context;

	classify_add(&report->classify, report->q.reader, e);
}

static void choose(struct report *report, const struct trace_event *e)
{
	uint64_t id = nodes_subject(e);
	void *old;

	if (report->q.filter.active && id && map_set(&report->chosen, id, report, &old) < 0)
		exit(complain("methods", "out of memory"));
}

static uint32_t methods_of(const struct report *report, const struct written *w)
{
	if (report->q.filter.active && !map_get(&report->chosen, w->node.id))
		return 0;
	return classify_methods(&report->classify, w);
}

/* --- rows -------------------------------------------------------------------------- */

static void add_sums(struct sums *s, const struct written *w)
{
	s->files++;
	s->bytes += w->bytes;
	s->sizes += w->node.size;
	for (uint32_t i = 0; i < w->commands.count; i++)
		few_add(&s->commands, few_numbers(&w->commands)[i]);
	if (!s->example)
		s->example = w;
}

static void fill_row(const struct report *report, const struct sums *s, const char *name,
		     struct value row[M_COLUMNS], char commands[1024], char path[EVENT_PATH_SIZE])
{
	*path = '\0';
	if (s->example)
		nodes_path(&s->example->node, report->q.reader, path, EVENT_PATH_SIZE);
	row[M_FILES].n = s->files;
	row[M_WRITTEN].n = s->bytes;
	row[M_MEAN].n = s->files ? s->sizes / s->files : 0;
	row[M_METHOD].text = name;
	row[M_COMMANDS].text = few_text(&s->commands, &report->classify.actors.commands,
					COMMANDS_SHOWN, commands, 1024);
	row[M_EXAMPLE].text = path;
}

static void fill_methods(struct report *report)
{
	struct sums sums[METHODS] = { 0 }, total = { 0 };
	struct value row[M_COLUMNS] = { 0 };
	char commands[1024], path[EVENT_PATH_SIZE];

	for (size_t i = 0; i < report->classify.nodes.count; i++) {
		const struct written *w = (struct written *)report->classify.nodes.all[i];
		uint32_t methods = methods_of(report, w);

		if (methods)
			add_sums(&total, w);
		for (unsigned m = 0; m < METHODS; m++)
			if (methods >> m & 1)
				add_sums(&sums[m], w);
	}
	for (unsigned m = 0; m < METHODS; m++) {
		if (sums[m].files) {
			fill_row(report, &sums[m], method_names[m], row, commands, path);
			table_add(report->table, row);
		}
		few_free(&sums[m].commands);
	}
	total.example = NULL;
	fill_row(report, &total, "all files", row, commands, path);
	few_free(&total.commands);
	table_set_total(report->table, row);
}

/* "temp-replace, direct" */
static const char *list_methods(uint32_t methods, char *buf, size_t size)
{
	size_t at = 0;

	*buf = '\0';
	for (unsigned m = 0; m < METHODS; m++)
		if (methods >> m & 1)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "",
					       method_names[m]);
	return buf;
}

static void fill_files(struct report *report)
{
	char list[256], commands[1024], path[EVENT_PATH_SIZE];

	for (size_t i = 0; i < report->classify.nodes.count; i++) {
		const struct written *w = (struct written *)report->classify.nodes.all[i];
		uint32_t methods = methods_of(report, w);

		if (!methods)
			continue;
		table_add(report->table, (struct value[F_COLUMNS]){
			[F_WRITTEN].n = w->bytes,
			[F_WRITES].n = w->writes,
			[F_SIZE].n = w->node.size,
			[F_METHODS].text = list_methods(methods, list, sizeof(list)),
			[F_COMMANDS].text = few_text(&w->commands, &report->classify.actors.commands,
						     COMMANDS_SHOWN, commands, sizeof(commands)),
			[F_PATH].text = nodes_path(&w->node, report->q.reader, path, sizeof(path)),
		});
	}
}

static void print(struct report *report)
{
	const char *cache = trace_meta(report->q.reader, "cache");

	nodes_finish(&report->classify.nodes, report->q.reader);
	if (report->by_file)
		fill_files(report);
	else
		fill_methods(report);
	query_print_table(&report->q, report->table);
	if (!report->q.json && report->classify.gathered)
		printf("cache=%s: the kernel puts writes off and gathers them, so mmap and random writes "
		       "cannot be told\n", cache ? cache : "?");
}

/* --- the command ------------------------------------------------------------------- */

static int run(struct report *report, const char *trace)
{
	struct trace_event event;

	report->table = report->by_file ?
		table_create(file_columns, F_COLUMNS, &report->q.table, "written") :
		table_create(method_columns, M_COLUMNS, &report->q.table, "files");
	if (!report->table)
		return QUERY_MISUSE;
	if (query_open(&report->q, trace)) {
		classify_init(&report->classify, report->q.reader);
		while (query_next(&report->q, &event))
			choose(report, &event);
		print(report);
		classify_free(&report->classify);
		map_destroy(&report->chosen, NULL);
	}
	table_free(report->table);
	return report->q.reader ? 0 : QUERY_MISUSE;
}

int command_methods(int argc, char **argv)
{
	struct report report = { 0 };
	int c;

	while ((c = query_option(&report.q, &spec, argc, argv)) >= 0)
		report.by_file |= c == OPTION_FILES;
	if (c != QUERY_READY)
		return query_end(&report.q, c);
	report.q.watch = watch;
	report.q.watch_context = &report;
	return query_end(&report.q, run(&report, argv[optind]));
}
