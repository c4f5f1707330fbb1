/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "statistics.h"

struct table {
	FILE *out;
	const struct results *results;
	const struct text_list *filesystems;
	unsigned runs;
	const char *numerator; /* of the ratios */
	int width;             /* of a column of seconds */
};

static void print_seconds(const struct table *t, const struct statistics *s)
{
	char text[STATISTICS_TEXT];

	statistics_text(s, text);
	fprintf(t->out, "  %*s", t->width, text);
}

static void print_ratio(const struct table *t, const char *project, const char *other,
			enum phase phase)
{
	struct statistics s = statistics_ratio(t->results, project, t->numerator, other, phase);

	if (s.count && !s.failed)
		fprintf(t->out, "  %*.2fx", (int)(strlen(t->numerator) + strlen(other)), s.median);
	else
		fprintf(t->out, "  %*s", (int)(strlen(t->numerator) + strlen(other)) + 1, "-");
}

static void print_phase(const struct table *t, const char *project, enum phase phase)
{
	bool any = false;

	for (unsigned run = 1; run <= t->runs && !any; run++)
		for (size_t i = 0; i < t->filesystems->count && !any; i++)
			any = statistics_find(t->results, run, project, t->filesystems->items[i],
					      phase);
	if (!any)
		return;
	fprintf(t->out, "%-12s %-8s", project, phase_name(phase));
	for (size_t i = 0; i < t->filesystems->count; i++) {
		struct statistics s = statistics_seconds(t->results, project,
							 t->filesystems->items[i], phase);

		print_seconds(t, &s);
	}
	for (size_t i = 0; i < t->filesystems->count; i++)
		if (strcmp(t->filesystems->items[i], t->numerator) != 0)
			print_ratio(t, project, t->filesystems->items[i], phase);
	putc('\n', t->out);
}

static void print_head(const struct table *t)
{
	fprintf(t->out, "\n%-12s %-8s", "project", "phase");
	for (size_t i = 0; i < t->filesystems->count; i++)
		fprintf(t->out, "  %*s", t->width, t->filesystems->items[i]);
	for (size_t i = 0; i < t->filesystems->count; i++)
		if (strcmp(t->filesystems->items[i], t->numerator) != 0)
			fprintf(t->out, "  %s/%s", t->numerator, t->filesystems->items[i]);
	fprintf(t->out, "\n%-21s", "");
	for (size_t i = 0; i < t->filesystems->count; i++)
		fprintf(t->out, "  %*s", t->width, "seconds");
	putc('\n', t->out);
}

/* How much was built, and what the daemon needed for it: of the last run that tells. */
static void print_sizes(const struct table *t, const char *project)
{
	const struct result *built = NULL, *served = NULL;
	int64_t calls = 0;
	double cpu = 0;

	for (size_t i = 0; i < t->results->count; i++) {
		const struct result *row = &t->results->rows[i];

		if (!row->ok || strcmp(row->project, project) != 0)
			continue;
		if (row->phase == PHASE_STAT2)
			built = row;
		if (row->daemon_cpu < 0)
			continue;
		if (!served || row->run != served->run) {
			cpu = 0;
			calls = 0;
		}
		cpu += row->daemon_cpu;
		/* One phase that is not counted, and the sum is not known. */
		calls = row->calls >= 0 && calls >= 0 ? calls + row->calls : -1;
		served = row;
	}
	if (built)
		fprintf(t->out, "%s: %" PRIu64 " files and %" PRIu64 " directories after the "
			"build, %.1f MB\n", project, built->files, built->dirs,
			(double)built->bytes / 1e6);
	if (served && served->daemon_peak_kib >= 0)
		fprintf(t->out, "%s: the memfs daemon used %.2f s of CPU and at most %.1f MB\n",
			project, cpu, (double)served->daemon_peak_kib * 1024 / 1e6);
	if (served && calls >= 0)
		fprintf(t->out, "%s: the kernel made %" PRId64 " calls to memfs\n", project,
			calls);
}

void table_print(FILE *out, const struct results *results, const struct text_list *projects,
		 const struct text_list *filesystems)
{
	struct table t = { .out = out, .results = results, .filesystems = filesystems };

	t.runs = statistics_runs(results);
	t.numerator = statistics_numerator(filesystems);
	t.width = t.runs > 1 ? 22 : 10;
	print_head(&t);
	for (size_t i = 0; i < projects->count; i++)
		for (int phase = 0; phase < PHASE_COUNT; phase++)
			print_phase(&t, projects->items[i], (enum phase)phase);
	putc('\n', out);
	for (size_t i = 0; i < projects->count; i++)
		print_sizes(&t, projects->items[i]);
}
