/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as one page: no script, nothing from elsewhere. What the trace holds gets into it through
 * html_text() and plot_quote() alone; the policy in the head forbids the rest, should that ever fail.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "html.h"
#include "report.h"

#define TABLE_ROWS 20
#define FINDINGS_MAX 12

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<style>\n"
	":root { --page: #f6f7f9; --card: #fff; --ink: #1c2128; --soft: #5b6572; --line: #dfe3e8; --grid: #e4e7eb;\n"
	"  --axis: #8a939e; --good: #1a7f4b; --bad: #b3261e; --stripe: #f3f5f7; }\n"
	"@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1c2025; --ink: #e3e6ea;\n"
	"  --soft: #9aa4b0; --line: #2f353c; --grid: #2b3138; --axis: #6b7683; --good: #5fce96; --bad: #ff8a80;\n"
	"  --stripe: #20252b; } }\n"
	"@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --grid: #ddd;\n"
	"  --axis: #777; --good: #064; --bad: #900; --stripe: #fff; }\n"
	"  section, figure, tr { break-inside: avoid; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }\n"
	"main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }\n"
	"h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 0 0 .2rem; }\n"
	"h3 { font-size: .95rem; margin: 0; } .finding { border-left: 3px solid var(--axis); padding-left: .8rem; margin: .9rem 0; }\n"
	".finding p { margin: .1rem 0; overflow-wrap: anywhere; unicode-bidi: isolate; }\n"
	"p { margin: .2rem 0 .6rem; color: var(--soft); }\n"
	"section, figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px;\n"
	"  padding: 1rem 1.2rem; margin: 1rem 0; }\n"
	".verdict { font-weight: 600; overflow-wrap: anywhere; } .whole { color: var(--good); } .broken { color: var(--bad); }\n"
	".numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem; margin: 1rem 0; }\n"
	".numbers div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }\n"
	".numbers b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }\n"
	".numbers span { color: var(--soft); font-size: .85rem; }\n"
	".table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .87rem; }\n"
	"th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }\n"
	"th { color: var(--soft); font-weight: 600; white-space: nowrap; }\n"
	"td { overflow-wrap: anywhere; unicode-bidi: isolate; min-width: 6.5rem; } td.n { min-width: 0; } tbody tr:nth-child(even) { background: var(--stripe); }\n"
	".n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } tfoot td { font-weight: 600; }\n"
	"svg { display: block; max-width: 100%; height: auto; margin-top: .4rem; }\n"
	"svg text { fill: var(--ink); font-family: system-ui, sans-serif; }\n"
	"svg .gridline { stroke: var(--grid); }\n"
	"svg path[stroke='rgb(136, 136, 136)'] { stroke: var(--axis); }\n"
	"</style>\n";

/* --- pictures ------------------------------------------------------------------------- */

/* Passes over what begins with `start` at p; NULL = something else stands there. */
static const char *skip(const char *p, const char *start, const char *end)
{
	const char *at;

	if (strncmp(p, start, strlen(start)) != 0)
		return NULL;
	at = strstr(p, end);
	return at ? at + strlen(end) : p + strlen(p);
}

/*
 * A picture of gnuplot's for a page with several: without the prologue, the markers and ids that
 * would be there several times, and the background, which is the page's.
 */
static void put_svg(FILE *out, const char *svg)
{
	static const char *const unwanted[][2] = {
		{ "<title>", "</title>" }, { "<desc>", "</desc>" }, { "<defs>", "</defs>" },
		{ " id=\"gnuplot_canvas\"", "\"gnuplot_canvas\"" },
		{ "<rect x=\"0\" y=\"0\"", "/>" },
		{ "xmlns:xlink=\"", "xlink\"" }, { "xmlns=\"", "svg\"" },
	};
	const char *p = strstr(svg, "<svg");

	while (p && *p) {
		const char *behind = NULL;

		for (size_t i = 0; !behind && i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
			behind = skip(p, unwanted[i][0], unwanted[i][1]);
		if (behind)
			p = behind;
		else
			putc(*p++, out);
	}
}

static bool put_figure(const struct report *r, FILE *out, const struct report_figure *f)
{
	struct plot *p;
	char *svg;
	size_t size;

	if (!f->height(r))
		return true;
	p = report_draw(r, f, PLOT_SVG, false);
	svg = p ? plot_end(p, &size) : NULL;
	if (!svg)
		return false;
	fprintf(out, "<figure id=\"%s\">\n<h2>%s</h2>\n<p>%s</p>\n", f->name, f->title, f->what);
	put_svg(out, svg);
	fputs("</figure>\n", out);
	free(svg);
	return true;
}

/* --- the top ---------------------------------------------------------------------------- */

static void put_number(FILE *out, const char *number, const char *what)
{
	fprintf(out, "<div><b>%s</b><span>%s</span></div>\n", number, what);
}

static void put_numbers(const struct report *r, FILE *out)
{
	char buf[FORMAT_SIZE];

	fputs("<div class=\"numbers\">\n", out);
	put_number(out, format_count(r->sums.calls, buf), "calls");
	put_number(out, format_count(r->sums.errors, buf), "of them failed");
	put_number(out, format_duration(r->end_ns, buf), "from start to end");
	put_number(out, format_duration(r->sums.ns, buf), "time in the daemon");
	put_number(out, format_bytes(r->sums.bytes_read, buf), "bytes read");
	put_number(out, format_bytes(r->sums.bytes_written, buf), "bytes written");
	put_number(out, format_count(r->made, buf), "names made");
	put_number(out, format_count(r->removed, buf), "names removed");
	put_number(out, format_count(r->actors.count - 1, buf), "processes");
	fputs("</div>\n", out);
}

/* As the first line of all reports, without the mark of a comment. */
static void put_verdict(const struct trace_reader *reader, FILE *out)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		exit(complain("report", "out of memory"));
	write_verdict(memory, reader);
	if (fclose(memory) != 0)
		exit(complain("report", "out of memory"));
	fprintf(out, "<p class=\"verdict %s\">", is_whole(reader) ? "whole" : "broken");
	text[strcspn(text, "\n")] = '\0';
	html_text(out, text + strspn(text, "# "));
	fputs("</p>\n", out);
	free(text);
}

static void put_top(const struct report *r, FILE *out)
{
	const char *mount = trace_meta(r->query.reader, "mountpoint");
	char count[FORMAT_SIZE];

	fputs("<title>memfs ", out);
	html_text(out, mount ? mount : r->query.path);
	fputs("</title>\n</head>\n<body>\n<main>\n<h1>What happened in ", out);
	html_text(out, mount ? mount : r->query.path);
	fputs("</h1>\n", out);
	put_verdict(r->query.reader, out);
	if (nodes_bytes_are_unseen(r->query.reader))
		fputs("<p>Mounted with passthrough: the kernel reads and writes files by itself, and this is "
		      "not in the trace.</p>\n", out);
	if (r->query.filter.active)
		fprintf(out, "<p>Only the %s events that pass the filters.</p>\n",
			format_count(r->query.filter.passed, count));
	put_numbers(r, out);
}

/* --- findings ----------------------------------------------------------------------------- */

/* "where: /src (400), /lib (12), 3 more" */
static void put_shares(FILE *out, const char *label, const struct shares *s,
		       const struct names *names)
{
	if (!s->count)
		return;
	fprintf(out, "<p>%s: ", label);
	for (size_t i = 0; i < s->count && i < FINDING_SHOWN; i++) {
		fputs(i ? ", " : "", out);
		html_text(out, names_text(names, s->all[i].number));
		fprintf(out, " (%" PRIu64 ")", s->all[i].count);
	}
	if (s->count > FINDING_SHOWN)
		fprintf(out, ", %zu more", s->count - FINDING_SHOWN);
	fputs("</p>\n", out);
}

static void put_finding(const struct report *r, FILE *out, const struct finding *f)
{
	const uint64_t all = r->collection.ns;
	char cost[FORMAT_SIZE];

	fprintf(out, "<div class=\"finding\">\n<h3>%s: %s, %.2f %% of the time</h3>\n<p>",
		finding_name(f->kind), format_duration(f->cost_ns, cost),
		all ? 100.0 * (double)f->cost_ns / (double)all : 0.0);
	html_text(out, f->what);
	fputs(".</p>\n", out);
	put_shares(out, "Where", &f->places, &r->findings.places);
	put_shares(out, "Who", &f->commands, &r->collection.actors.commands);
	fputs("<p><b>Do:</b> ", out);
	html_text(out, f->advice);
	fputs("</p>\n</div>\n", out);
}

static void put_findings(const struct report *r, FILE *out)
{
	char count[FORMAT_SIZE];

	if (!r->findings.count)
		return;
	fputs("<section id=\"findings\">\n<h2>What could have been spared</h2>\n"
	      "<p>The most costly first; findings may overlap.", out);
	if (r->findings.count > FINDINGS_MAX)
		fprintf(out, " The first %d of %s.", FINDINGS_MAX,
			format_count(r->findings.count, count));
	fputs("</p>\n", out);
	for (size_t i = 0; i < r->findings.count && i < FINDINGS_MAX; i++)
		put_finding(r, out, r->findings.all[i]);
	fputs("</section>\n", out);
}

/* --- tables ------------------------------------------------------------------------------- */

static struct table *begin_table(const struct column *columns, size_t count, const char *sort,
				 uint64_t top)
{
	struct table *t = table_create(columns, count, &(struct table_options){ .top = top }, sort);

	if (!t)
		exit(complain("report", "has a wrong table"));
	return t;
}

/* Nothing where there are no rows. `top` as for begin_table(). */
static void end_table(FILE *out, struct table *t, uint64_t top, const char *id, const char *title,
		      const char *what)
{
	char rows[FORMAT_SIZE];

	if (table_rows(t)) {
		fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n<p>%s", id, title, what);
		if (top && table_rows(t) > top)
			fprintf(out, " The first %d of %s.", (int)top,
				format_count(table_rows(t), rows));
		fputs("</p>\n", out);
		table_html(t, out);
		fputs("</section>\n", out);
	}
	table_free(t);
}

static void put_summary(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "op", .title = "operation", .kind = COLUMN_TEXT },
		{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
		{ .key = "time_ns", .title = "time", .kind = COLUMN_NS },
		{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
		{ .key = "errors", .title = "failed", .kind = COLUMN_COUNT, .blank_zero = true },
		{ .key = "bytes", .title = "bytes", .kind = COLUMN_BYTES, .blank_zero = true },
		{ .key = "p50_ns", .title = "p50", .kind = COLUMN_NS },
		{ .key = "p95_ns", .title = "p95", .kind = COLUMN_NS },
		{ .key = "p99_ns", .title = "p99", .kind = COLUMN_NS },
		{ .key = "max_ns", .title = "max", .kind = COLUMN_NS, .blank_zero = true },
	};
	struct table *t = begin_table(columns, 10, "time", 0);

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		const struct histogram *h = r->ops[op].histogram;

		if (h)
			table_add(t, (struct value[]){
				{ .text = trace_op_name(r->query.reader, op) },
				{ .d = r->sums.ns ? 100.0 * (double)h->sum / (double)r->sums.ns : 0 },
				{ .n = h->sum }, { .n = h->count }, { .n = r->ops[op].errors },
				{ .n = r->ops[op].bytes }, { .n = histogram_percentile(h, 0.5) },
				{ .n = histogram_percentile(h, 0.95) },
				{ .n = histogram_percentile(h, 0.99) }, { .n = h->max },
			});
	}
	end_table(out, t, 0, "summary", "Operations",
		  "Times are from a call's arrival in the daemon until its reply was sent.");
}

static const struct column sums_columns[] = {
	{ .key = "name", .title = "", .kind = COLUMN_TEXT },
	{ .key = "processes", .title = "processes", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
	{ .key = "time_ns", .title = "time", .kind = COLUMN_NS },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "failed", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "read_bytes", .title = "read", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES, .blank_zero = true },
};

enum { SUMS_COLUMNS = sizeof(sums_columns) / sizeof(sums_columns[0]) };

static void add_sums(const struct report *r, struct table *t, const char *name, uint64_t processes,
		     const struct report_sums *s)
{
	table_add(t, (struct value[SUMS_COLUMNS]){
		{ .text = name }, { .n = processes },
		{ .d = r->sums.ns ? 100.0 * (double)s->ns / (double)r->sums.ns : 0 }, { .n = s->ns },
		{ .n = s->calls }, { .n = s->errors }, { .n = s->bytes_read },
		{ .n = s->bytes_written },
	});
}

static void put_files(const struct report *r, FILE *out)
{
	struct table_options options = {
		.top = TABLE_ROWS,
		.columns = "name,percent,time,calls,errors,read,written",
	};
	struct table *t = table_create(sums_columns, SUMS_COLUMNS, &options, "time");
	char path[EVENT_PATH_SIZE];

	for (uint32_t id = 1; t && id <= r->file_ids.count; id++)
		if ((r->files[id - 1].type & S_IFMT) == S_IFREG)
			add_sums(r, t, report_path(r, id, path, sizeof(path)), 0, &r->files[id - 1].sums);
	if (t)
		end_table(out, t, TABLE_ROWS, "file-table", "Files by time",
			  "With what was asked about them by name; paths are the last ones.");
}

static void put_commands(const struct report *r, FILE *out)
{
	struct table *t = begin_table(sums_columns, SUMS_COLUMNS, "time", TABLE_ROWS);

	for (uint32_t id = 1; id <= r->command_ids.count; id++)
		add_sums(r, t, report_command_name(r, id), r->commands[id - 1].processes,
			 &r->commands[id - 1].sums);
	end_table(out, t, TABLE_ROWS, "command-table", "Commands by time",
		  "All processes of a name together. What the kernel does by itself counts for who had opened the file.");
}

static void put_slowest(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "time_ns", .title = "time", .kind = COLUMN_NS },
		{ .key = "start_ns", .title = "began after (s)", .kind = COLUMN_SECONDS },
		{ .key = "op", .title = "operation", .kind = COLUMN_TEXT },
		{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
		{ .key = "process", .title = "process", .kind = COLUMN_TEXT },
		{ .key = "result", .title = "result", .kind = COLUMN_TEXT },
	};
	struct table *t = begin_table(columns, 6, NULL, 0);

	for (size_t i = 0; i < r->slowest_count; i++) {
		const struct report_call *c = &r->slowest[i];
		uint64_t began = r->query.filter.began_ns;
		char process[512], error[FORMAT_SIZE];

		table_add(t, (struct value[]){
			{ .n = c->duration_ns }, { .n = c->start_ns > began ? c->start_ns - began : 0 },
			{ .text = trace_op_name(r->query.reader, c->op) }, { .text = c->path },
			{ .text = event_caller(c->process, c->inferred, process, sizeof(process)) },
			{ .text = c->error ? format_errno(c->error, error) : "" },
		});
	}
	end_table(out, t, 0, "slowest", "The slowest calls", "One by one.");
}

static void put_absent(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "path", .title = "path", .kind = COLUMN_TEXT },
		{ .key = "lookups", .title = "lookups", .kind = COLUMN_COUNT },
		{ .key = "time_ns", .title = "time", .kind = COLUMN_NS },
	};
	struct table *t = begin_table(columns, 3, "lookups", TABLE_ROWS);

	for (size_t i = 0; i < r->absent_ids.count; i++)
		table_add(t, (struct value[]){ { .text = r->absents[i].path },
			{ .n = r->absents[i].lookups }, { .n = r->absents[i].ns } });
	end_table(out, t, TABLE_ROWS, "absent", "Looked up in vain", "Names that were not there when they were asked for.");
}

static void put_failures(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "op", .title = "operation", .kind = COLUMN_TEXT },
		{ .key = "error", .title = "error", .kind = COLUMN_TEXT },
		{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	};
	struct table *t = begin_table(columns, 3, "calls", TABLE_ROWS);

	for (uint32_t id = 1; id <= r->failures.count; id++) {
		const struct id_entry *e = ids_entry(&r->failures, id);
		struct report_failure failure;
		char error[FORMAT_SIZE];

		memcpy(&failure, e->bytes, sizeof(failure));
		table_add(t, (struct value[]){
			{ .text = trace_op_name(r->query.reader, failure.op) },
			{ .text = format_errno(failure.error, error) }, { .n = e->value } });
	}
	end_table(out, t, TABLE_ROWS, "failures", "Failed calls", "By operation and error.");
}

static void put_marks(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "start_ns", .title = "after (s)", .kind = COLUMN_SECONDS },
		{ .key = "mark", .title = "mark", .kind = COLUMN_TEXT },
	};
	struct table *t = begin_table(columns, 2, NULL, 0);
	uint64_t began = r->query.filter.began_ns;

	for (size_t i = 0; i < r->mark_count && i < REPORT_MARKS; i++)
		table_add(t, (struct value[]){
			{ .n = r->marks[i].start_ns > began ? r->marks[i].start_ns - began : 0 },
			{ .text = r->marks[i].text } });
	end_table(out, t, 0, "marks", "Marks", r->mark_count > REPORT_MARKS ?
		  "The first 200 that were set by memfs.trace.mark." : "As set by memfs.trace.mark.");
}

/* --- facts ---------------------------------------------------------------------------------- */

static void add_fact(void *context, const char *key, const char *value)
{
	/* The tables of operations and fields are for programs. */
	if (strncmp(key, "op.", 3) != 0 && strncmp(key, "field.", 6) != 0)
		table_add(context, (struct value[]){ { .text = key }, { .text = value } });
}

static void put_facts(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ .key = "key", .title = "fact", .kind = COLUMN_TEXT },
		{ .key = "value", .title = "", .kind = COLUMN_TEXT },
	};
	struct table *t = begin_table(columns, 2, NULL, 0);
	struct trace_info info;
	char text[64];
	time_t seconds;
	struct tm tm;

	trace_get_info(r->query.reader, &info);
	seconds = (time_t)(info.clock_realtime / 1000000000u);
	if (seconds && localtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		table_add(t, (struct value[]){ { .text = "began" }, { .text = text } });
	trace_each_meta(r->query.reader, add_fact, t);
	end_table(out, t, 0, "facts", "Facts", "What the trace is of.");
}

/* --- the whole ------------------------------------------------------------------------------ */

bool report_write_html(struct report *r, FILE *out)
{
	static void (*const sections[])(const struct report *r, FILE *out) = {
		put_summary, put_commands, put_files, put_slowest, put_absent, put_failures, put_marks,
		put_facts,
	};

	fputs(head, out);
	put_top(r, out);
	put_findings(r, out);
	for (const struct report_figure *f = report_figures; f->name; f++)
		if (!put_figure(r, out, f))
			return false;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		sections[i](r, out);
	fputs("</main>\n</body>\n</html>\n", out);
	return true;
}
