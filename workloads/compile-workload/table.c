/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/sample.h"

/* The seconds of one phase in each run; a run that failed has none. */
struct sample {
	double *values;
	size_t count;
	bool failed;
};

struct table {
	FILE *out;
	const struct results *results;
	const struct text_list *filesystems;
	unsigned runs;
	const char *numerator; /* of the ratios */
	int width;             /* of a column of seconds */
};

static const struct result *find(const struct table *t, unsigned run, const char *project,
				 const char *filesystem, enum phase phase)
{
	for (size_t i = 0; i < t->results->count; i++) {
		const struct result *row = &t->results->rows[i];

		if (row->run == run && row->phase == phase &&
		    strcmp(row->project, project) == 0 &&
		    strcmp(row->filesystem, filesystem) == 0)
			return row;
	}
	return NULL;
}

static double median(const struct sample *sample)
{
	return sample_median(sample->values, sample->count);
}

/* Seconds of each run, or with `other` the ratios to that filesystem. Sorted. */
static struct sample collect(const struct table *t, const char *project, const char *filesystem,
			     const char *other, enum phase phase)
{
	struct sample sample = { .values = zalloc(t->runs + 1, sizeof(double)) };

	for (unsigned run = 1; run <= t->runs; run++) {
		const struct result *row = find(t, run, project, filesystem, phase);
		const struct result *base = other ? find(t, run, project, other, phase) : row;

		sample.failed = sample.failed || (row && !row->ok);
		if (row && row->ok && base && base->ok && base->wall > 0)
			sample.values[sample.count++] = other ? row->wall / base->wall : row->wall;
	}
	sample_sort(sample.values, sample.count);
	return sample;
}

/* Three digits that mean something. */
static int digits(double seconds)
{
	return seconds < 1 ? 3 : seconds < 100 ? 2 : 1;
}

static void print_seconds(const struct table *t, const struct sample *sample)
{
	char text[64] = "-";
	size_t last = sample->count - 1;
	int precision = sample->count ? digits(median(sample)) : 0;

	if (sample->failed)
		snprintf(text, sizeof(text), "failed");
	else if (sample->count > 1)
		snprintf(text, sizeof(text), "%.*f (%.*f-%.*f)", precision, median(sample),
			 precision, sample->values[0], precision, sample->values[last]);
	else if (sample->count)
		snprintf(text, sizeof(text), "%.*f", precision, sample->values[0]);
	fprintf(t->out, "  %*s", t->width, text);
}

static void print_phase(const struct table *t, const char *project, enum phase phase)
{
	bool any = false;

	for (unsigned run = 1; run <= t->runs && !any; run++)
		for (size_t i = 0; i < t->filesystems->count && !any; i++)
			any = find(t, run, project, t->filesystems->items[i], phase);
	if (!any)
		return;
	fprintf(t->out, "%-12s %-8s", project, phase_name(phase));
	for (size_t i = 0; i < t->filesystems->count; i++) {
		struct sample sample = collect(t, project, t->filesystems->items[i], NULL, phase);

		print_seconds(t, &sample);
		free(sample.values);
	}
	for (size_t i = 0; i < t->filesystems->count; i++) {
		const char *other = t->filesystems->items[i];
		struct sample sample;

		if (strcmp(other, t->numerator) == 0)
			continue;
		sample = collect(t, project, t->numerator, other, phase);
		if (sample.count && !sample.failed)
			fprintf(t->out, "  %*.2fx", (int)strlen(other) + 6, median(&sample));
		else
			fprintf(t->out, "  %*s", (int)strlen(other) + 7, "-");
		free(sample.values);
	}
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
	double cpu = 0;

	for (size_t i = 0; i < t->results->count; i++) {
		const struct result *row = &t->results->rows[i];

		if (!row->ok || strcmp(row->project, project) != 0)
			continue;
		if (row->phase == PHASE_STAT2)
			built = row;
		if (row->daemon_cpu < 0)
			continue;
		if (!served || row->run != served->run)
			cpu = 0;
		cpu += row->daemon_cpu;
		served = row;
	}
	if (built)
		fprintf(t->out, "%s: %" PRIu64 " files and %" PRIu64 " directories after the "
			"build, %.1f MB\n", project, built->files, built->dirs,
			(double)built->bytes / 1e6);
	if (served && served->daemon_peak_kib >= 0)
		fprintf(t->out, "%s: the memfs daemon used %.2f s of CPU and at most %.1f MB\n",
			project, cpu, (double)served->daemon_peak_kib * 1024 / 1e6);
}

void table_print(FILE *out, const struct results *results, const struct text_list *projects,
		 const struct text_list *filesystems)
{
	struct table t = { .out = out, .results = results, .filesystems = filesystems };

	for (size_t i = 0; i < results->count; i++)
		if (results->rows[i].run > t.runs)
			t.runs = results->rows[i].run;
	t.numerator = text_list_has(filesystems, "memfs") ? "memfs" : filesystems->items[0];
	t.width = t.runs > 1 ? 22 : 10;
	print_head(&t);
	for (size_t i = 0; i < projects->count; i++)
		for (int phase = 0; phase < PHASE_COUNT; phase++)
			print_phase(&t, projects->items[i], (enum phase)phase);
	putc('\n', out);
	for (size_t i = 0; i < projects->count; i++)
		print_sizes(&t, projects->items[i]);
}
