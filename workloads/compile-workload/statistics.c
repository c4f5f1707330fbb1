/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantiles.h"

enum measure { MEASURE_SECONDS, MEASURE_RATIO, MEASURE_CALLS };

const struct result *statistics_find(const struct results *results, unsigned run,
				     const char *project, const char *filesystem,
				     enum phase phase)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->run == run && row->phase == phase &&
		    strcmp(row->project, project) == 0 &&
		    strcmp(row->filesystem, filesystem) == 0)
			return row;
	}
	return NULL;
}

unsigned statistics_runs(const struct results *results)
{
	unsigned runs = 0;

	for (size_t i = 0; i < results->count; i++)
		if (results->rows[i].run > runs)
			runs = results->rows[i].run;
	return runs;
}

/* Negative = there is none. */
static double value_of(const struct result *row, const struct result *base, enum measure measure)
{
	if (!row || !row->ok)
		return -1;
	switch (measure) {
	case MEASURE_SECONDS:
		return row->wall;
	case MEASURE_RATIO:
		return base && base->ok && base->wall > 0 ? row->wall / base->wall : -1;
	default:
		return (double)row->calls;
	}
}

static struct statistics collect(const struct results *results, const char *project,
				 const char *filesystem, const char *other, enum phase phase,
				 enum measure measure)
{
	unsigned runs = statistics_runs(results);
	double *values = zalloc(runs + 1, sizeof(double)), value;
	struct statistics s = { 0 };

	for (unsigned run = 1; run <= runs; run++) {
		const struct result *row = statistics_find(results, run, project, filesystem,
							   phase);

		s.failed = s.failed || (row && !row->ok);
		value = value_of(row, other ? statistics_find(results, run, project, other,
							      phase) : NULL, measure);
		if (value >= 0)
			values[s.count++] = value;
	}
	values_sort(values, s.count);
	if (s.count) {
		s.median = values_median(values, s.count);
		s.min = values[0];
		s.max = values[s.count - 1];
	}
	free(values);
	return s;
}

struct statistics statistics_seconds(const struct results *results, const char *project,
				     const char *filesystem, enum phase phase)
{
	return collect(results, project, filesystem, NULL, phase, MEASURE_SECONDS);
}

struct statistics statistics_ratio(const struct results *results, const char *project,
				   const char *filesystem, const char *other, enum phase phase)
{
	return collect(results, project, filesystem, other, phase, MEASURE_RATIO);
}

struct statistics statistics_calls(const struct results *results, const char *project,
				   const char *filesystem, enum phase phase)
{
	return collect(results, project, filesystem, NULL, phase, MEASURE_CALLS);
}

static void add_once(struct text_list *names, const char *name)
{
	if (!text_list_has(names, name))
		text_list_add(names, name);
}

void statistics_projects(const struct results *results, struct text_list *names)
{
	for (size_t i = 0; i < results->count; i++)
		add_once(names, results->rows[i].project);
}

void statistics_filesystems(const struct results *results, struct text_list *names)
{
	for (size_t i = 0; i < results->count; i++)
		add_once(names, results->rows[i].filesystem);
}

const char *statistics_numerator(const struct text_list *filesystems)
{
	return text_list_has(filesystems, "memfs") ? "memfs" : filesystems->items[0];
}

int statistics_digits(double seconds)
{
	return seconds < 1 ? 3 : seconds < 100 ? 2 : 1;
}

void statistics_text(const struct statistics *s, char text[static STATISTICS_TEXT])
{
	int precision = statistics_digits(s->median);

	if (s->failed)
		snprintf(text, STATISTICS_TEXT, "failed");
	else if (s->count > 1)
		snprintf(text, STATISTICS_TEXT, "%.*f (%.*f-%.*f)", precision, s->median,
			 precision, s->min, precision, s->max);
	else if (s->count)
		snprintf(text, STATISTICS_TEXT, "%.*f", precision, s->median);
	else
		snprintf(text, STATISTICS_TEXT, "-");
}
