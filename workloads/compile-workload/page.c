/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/callbacks.h"
#include "common/json_text.h"
#include "common/quantiles.h"
#include "statistics.h"

#define MOST_OPERATIONS 12

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:1120px;"
	"margin:2em auto;padding:0 1em}\n"
	"h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin-top:2em}\n"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.8em 0}\n"
	"th,td{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}\n"
	"th{border-bottom:2px solid #888;vertical-align:bottom}\n"
	".t{text-align:left}.s{color:#777;font-size:.85em}.f{color:#b00020}\n"
	"tr.p td{border-top:1px solid #888}\n"
	"figure{margin:1.5em 0;overflow-x:auto}figcaption{color:#555}svg{max-width:100%;height:auto}\n";

/* --- words ------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
	json_t *valid = json_text(text);

	for (const char *at = json_string_value(valid); *at; at++) {
		switch (*at) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: fputc((unsigned char)*at < ' ' ? ' ' : *at, out);
		}
	}
	json_decref(valid);
}

static void put_cell(FILE *out, const char *class, const char *text)
{
	fprintf(out, "<td class=\"%s\">", class);
	put_text(out, text);
	fputs("</td>", out);
}

static void put_heading(FILE *out, const char *class, const char *text)
{
	fprintf(out, "<th class=\"%s\">", class);
	put_text(out, text);
	fputs("</th>", out);
}

/* --- the ratios -------------------------------------------------------- */

static void put_seconds(FILE *out, const struct statistics *s)
{
	int digits = statistics_digits(s->median);

	if (s->failed)
		fputs("<td class=\"f\">failed</td>", out);
	else if (!s->count)
		fputs("<td>-</td>", out);
	else if (s->count == 1)
		fprintf(out, "<td>%.*f</td>", digits, s->median);
	else
		fprintf(out, "<td>%.*f <span class=\"s\">%.*f&ndash;%.*f</span></td>", digits,
			s->median, digits, s->min, digits, s->max);
}

static bool has_row(const struct figures *f, const char *project, enum phase phase)
{
	for (size_t i = 0; i < f->results->count; i++)
		if (f->results->rows[i].phase == phase &&
		    strcmp(f->results->rows[i].project, project) == 0)
			return true;
	return false;
}

static void put_ratio_row(FILE *out, const struct figures *f, const char *project,
			  enum phase phase, bool first)
{
	const char *numerator = statistics_numerator(&f->filesystems);

	fprintf(out, "<tr%s>", first ? " class=\"p\"" : "");
	put_cell(out, "t", first ? project : "");
	put_cell(out, "t", phase_name(phase));
	for (size_t i = 0; i < f->filesystems.count; i++) {
		struct statistics s = statistics_seconds(f->results, project,
							 f->filesystems.items[i], phase);

		put_seconds(out, &s);
	}
	for (size_t i = 0; i < f->filesystems.count; i++) {
		struct statistics s = statistics_ratio(f->results, project, numerator,
						       f->filesystems.items[i], phase);

		if (strcmp(f->filesystems.items[i], numerator) == 0)
			continue;
		if (s.count && !s.failed)
			fprintf(out, "<td>%.2f&times;</td>", s.median);
		else
			fputs("<td>-</td>", out);
	}
	fputs("</tr>\n", out);
}

static void put_ratios(FILE *out, const struct figures *f)
{
	const char *numerator = statistics_numerator(&f->filesystems);

	fputs("<h2>Times and ratios</h2>\n<p>Seconds: the median, and of several runs the least "
	      "and the most. A ratio is the median of the ratios within each run.</p>\n<table>\n<tr>"
	      "<th class=\"t\">project</th><th class=\"t\">phase</th>", out);
	for (size_t i = 0; i < f->filesystems.count; i++)
		put_heading(out, "", f->filesystems.items[i]);
	for (size_t i = 0; i < f->filesystems.count; i++) {
		char *title = text_format("%s / %s", numerator, f->filesystems.items[i]);

		if (strcmp(f->filesystems.items[i], numerator) != 0)
			put_heading(out, "", title);
		free(title);
	}
	fputs("</tr>\n", out);
	for (size_t p = 0; p < f->projects.count; p++) {
		bool first = true;

		for (int phase = 0; phase < PHASE_COUNT; phase++) {
			if (!has_row(f, f->projects.items[p], (enum phase)phase))
				continue;
			put_ratio_row(out, f, f->projects.items[p], (enum phase)phase, first);
			first = false;
		}
	}
	fputs("</table>\n", out);
}

/* The middle of the projects' ratios in a phase; 0 = there are none. */
static double middle_ratio(const struct figures *f, const char *other, enum phase phase)
{
	double *values = zalloc(f->projects.count + 1, sizeof(*values)), middle = 0;
	size_t count = 0;

	for (size_t p = 0; p < f->projects.count; p++) {
		struct statistics s = statistics_ratio(f->results, f->projects.items[p],
						       statistics_numerator(&f->filesystems),
						       other, phase);

		if (s.count && !s.failed)
			values[count++] = s.median;
	}
	values_sort(values, count);
	if (count)
		middle = values_median(values, count);
	free(values);
	return middle;
}

/* The first thing to be read: what came out, against each other filesystem. */
static void put_summary(FILE *out, const struct figures *f)
{
	const char *numerator = statistics_numerator(&f->filesystems);
	size_t failed = 0;

	for (size_t i = 0; i < f->results->count; i++)
		failed += !f->results->rows[i].ok;
	fprintf(out, "<p>Projects: %zu; runs: %u; phases that failed: %zu.", f->projects.count,
		statistics_runs(f->results), failed);
	for (size_t i = 0; i < f->filesystems.count; i++) {
		const char *other = f->filesystems.items[i];
		double build = middle_ratio(f, other, PHASE_BUILD);
		double clone = middle_ratio(f, other, PHASE_CLONE);

		if (strcmp(other, numerator) == 0 || build <= 0 || clone <= 0)
			continue;
		fputs(" ", out);
		put_text(out, numerator);
		fputs(" / ", out);
		put_text(out, other);
		fprintf(out, ", median over the projects: build %.2f&times;, clone %.2f&times;.",
			build, clone);
	}
	fputs("</p>\n", out);
}

/* --- sizes, the daemon, its calls -------------------------------------- */

/* The row of a phase in the last run that has one which went well; NULL = none. */
static const struct result *last_row(const struct figures *f, const char *project,
				     const char *filesystem, enum phase phase)
{
	const struct result *found = NULL;

	for (unsigned run = statistics_runs(f->results); run && !found; run--) {
		found = statistics_find(f->results, run, project, filesystem, phase);
		if (found && !found->ok)
			found = NULL;
	}
	return found;
}

static bool has_daemon(const struct figures *f)
{
	for (size_t i = 0; i < f->results->count; i++)
		if (f->results->rows[i].daemon_peak_kib >= 0)
			return true;
	return false;
}

static void put_daemon_row(FILE *out, const struct figures *f, const char *project)
{
	const char *memfs = statistics_numerator(&f->filesystems);
	const struct result *row = last_row(f, project, memfs, PHASE_STAT2);
	double cpu = 0;
	int64_t calls = 0;

	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		const struct result *of = last_row(f, project, memfs, (enum phase)phase);

		if (of && of->daemon_cpu >= 0)
			cpu += of->daemon_cpu;
		if (of)
			calls = of->calls < 0 || calls < 0 ? -1 : calls + of->calls;
	}
	fputs("<tr>", out);
	put_cell(out, "t", project);
	if (row)
		fprintf(out, "<td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%.1f</td>", row->files,
			row->dirs, (double)row->bytes / 1e6);
	else
		fputs("<td>-</td><td>-</td><td>-</td>", out);
	if (row && row->daemon_peak_kib >= 0)
		fprintf(out, "<td>%.1f</td><td>%.2f</td>",
			(double)row->daemon_peak_kib * 1024 / 1e6, cpu);
	else
		fputs("<td>-</td><td>-</td>", out);
	if (row && calls >= 0)
		fprintf(out, "<td>%" PRId64 "</td></tr>\n", calls);
	else
		fputs("<td>-</td></tr>\n", out);
}

static void put_daemon(FILE *out, const struct figures *f)
{
	if (!has_daemon(f))
		return;
	fputs("<h2>The memfs daemon</h2>\n<p>Of the last run. Sizes are those of the tree after the "
	      "build; CPU time and calls are of all phases together.</p>\n<table>\n<tr>"
	      "<th class=\"t\">project</th><th>files</th><th>directories</th><th>MB in files</th>"
	      "<th>peak memory, MB</th><th>CPU, s</th><th>calls</th></tr>\n", out);
	for (size_t p = 0; p < f->projects.count; p++)
		put_daemon_row(out, f, f->projects.items[p]);
	fputs("</table>\n", out);
}

static uint64_t calls_of(const struct figures *f, const char *project, unsigned op)
{
	const struct result *row = last_row(f, project, statistics_numerator(&f->filesystems),
					    PHASE_BUILD);

	return row && row->operations ? row->operations->calls[op] : 0;
}

/* The operation that was called most, of those not shown yet; TRACE_OP_LIMIT = no more. */
static unsigned next_operation(const struct figures *f, const bool *shown)
{
	unsigned best = TRACE_OP_LIMIT;
	uint64_t most = 0;

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		uint64_t sum = 0;

		for (size_t p = 0; p < f->projects.count; p++)
			sum += calls_of(f, f->projects.items[p], op);
		if (!shown[op] && sum > most) {
			most = sum;
			best = op;
		}
	}
	return best;
}

static void put_operations(FILE *out, const struct figures *f)
{
	bool shown[TRACE_OP_LIMIT] = { false };
	unsigned op = next_operation(f, shown);

	if (op == TRACE_OP_LIMIT)
		return;
	fputs("<h2>Calls of the kernel to memfs in the build</h2>\n<p>By operation, of the last "
	      "run; the most frequent ones.</p>\n<table>\n<tr><th class=\"t\">operation</th>", out);
	for (size_t p = 0; p < f->projects.count; p++)
		put_heading(out, "", f->projects.items[p]);
	fputs("</tr>\n", out);
	for (int lines = 0; lines < MOST_OPERATIONS && op < TRACE_OP_LIMIT; lines++) {
		fputs("<tr>", out);
		put_cell(out, "t", callback_name(op));
		for (size_t p = 0; p < f->projects.count; p++)
			fprintf(out, "<td>%" PRIu64 "</td>", calls_of(f, f->projects.items[p], op));
		fputs("</tr>\n", out);
		shown[op] = true;
		op = next_operation(f, shown);
	}
	fputs("</table>\n", out);
}

/* --- figures ----------------------------------------------------------- */

/* gnuplot's drawing without what only a file of its own needs. False after a complaint. */
static bool put_drawing(FILE *out, const char *dir, const char *name)
{
	char *path = text_format("%s/%s.svg", dir, name), *text = text_from_file(path);
	const char *svg = text ? strstr(text, "<svg") : NULL;
	bool ok = svg != NULL;

	if (ok)
		fputs(svg, out);
	else
		complain("%s: %s", path, text ? "is no SVG" : strerror(errno));
	free(text);
	free(path);
	return ok;
}

static bool put_figures(FILE *out, const struct figures *f, const char *dir)
{
	bool ok = true;

	fputs("<h2>Figures</h2>\n", out);
	for (size_t i = 0; ok && i < f->names.count; i++) {
		fputs("<figure>\n", out);
		ok = put_drawing(out, dir, f->names.items[i]);
		if (strcmp(f->names.items[i], "memory") == 0)
			fputs("<figcaption>Memory along the first run. Of memfs what its daemon holds "
			      "(PSS), and the same with what the page cache has grown by; of "
			      "tmpfs, what shared memory has grown by; of others, the page "
			      "cache. Dashed: the bytes stored, as statfs(2) says.</figcaption>\n",
			      out);
		fputs("</figure>\n", out);
	}
	return ok;
}

/* --- what it was measured on ------------------------------------------- */

static void put_value(FILE *out, const char *key, const json_t *value)
{
	char *dumped = json_is_string(value) ? NULL :
		       json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	fputs("<tr>", out);
	put_cell(out, "t", key);
	put_cell(out, "t", dumped ? dumped : json_string_value(value));
	fputs("</tr>\n", out);
	free(dumped);
}

static void put_object(FILE *out, const json_t *object)
{
	const char *key;
	json_t *value;

	/* The library's iterators take objects that may be changed; this one is not. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		put_value(out, key, value);
}

static void put_conditions(FILE *out, const json_t *record)
{
	static const char *const parts[][2] = {
		{ "machine", "Machine" }, { "mount", "memfs" }, { "parameters", "Parameters" },
	};

	fputs("<h2>Measured on</h2>\n", out);
	if (!record) {
		fputs("<p>Not known: the JSON file that was written with these results is not "
		      "there.</p>\n", out);
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!json_is_object(json_object_get(record, parts[i][0])))
			continue;
		fprintf(out, "<h3>%s</h3>\n<table>\n", parts[i][1]);
		put_object(out, json_object_get(record, parts[i][0]));
		fputs("</table>\n", out);
	}
}

static void put_date(FILE *out, const json_t *record)
{
	const char *date = record ? json_string_value(json_object_get(record, "date")) : NULL;
	const char *version = record ? json_string_value(json_object_get(record, "version")) : NULL;

	if (!date)
		return;
	fputs("<p class=\"s\">", out);
	put_text(out, date);
	fputs(", compile-workload ", out);
	put_text(out, version ? version : "?");
	fputs("</p>\n", out);
}

bool page_write(const struct figures *f, const json_t *record, const char *dir)
{
	char *path = text_format("%s/index.html", dir);
	FILE *out = fopen(path, "we");
	bool ok = out != NULL;

	if (ok) {
		fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width\">\n"
			"<title>compile-workload</title>\n<style>\n%s</style>\n</head>\n<body>\n"
			"<h1>Cloning and building on several filesystems</h1>\n", style);
		put_date(out, record);
		put_summary(out, f);
		put_ratios(out, f);
		ok = put_figures(out, f, dir);
		put_daemon(out, f);
		put_operations(out, f);
		put_conditions(out, record);
		fputs("</body>\n</html>\n", out);
	}
	if (out && (ferror(out) | (fclose(out) != 0)) && ok)
		ok = complain("%s: %s", path, strerror(errno));
	if (!out)
		complain("%s: %s", path, strerror(errno));
	free(path);
	return ok;
}
