/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/callback_text.h"

#define NAME_WIDTH 18
#define TIMES_WIDTH 21 /* median and 99th percentile */
#define RATIO_WIDTH 9

/* --- times -------------------------------------------------------------- */

static int width_of(unsigned directory)
{
	return TIMES_WIDTH + (directory ? RATIO_WIDTH : 0);
}

/* The names of all directories; where one does not fit over its column, numbers that are told first. */
static void print_labels(FILE *out, const struct results *r)
{
	char **shown = zalloc(r->place_count, sizeof(*shown));
	bool fit = true;

	for (unsigned d = 0; d < r->place_count; d++) {
		shown[d] = text_visible(r->places[d].label);
		fit = fit && strlen(shown[d]) < (size_t)width_of(d);
	}
	for (unsigned d = 0; !fit && d < r->place_count; d++) {
		fprintf(out, "(%u) %s\n", d + 1, shown[d]);
		free(shown[d]);
		shown[d] = text_format("(%u)", d + 1);
	}
	fprintf(out, "%s%-*s %7s", fit ? "" : "\n", NAME_WIDTH, "ns per operation", "threads");
	for (unsigned d = 0; d < r->place_count; d++) {
		fprintf(out, " %*s", width_of(d) - 1, shown[d]);
		free(shown[d]);
	}
	free(shown);
}

static void print_head(FILE *out, const struct results *r)
{
	print_labels(out, r);
	fprintf(out, "\n%-*s %7s", NAME_WIDTH, "", "");
	for (unsigned d = 0; d < r->place_count; d++)
		fprintf(out, " %9s %10s%s", "median", "p99", d ? "    ratio" : "");
	putc('\n', out);
}

static void print_times(FILE *out, const struct results *r, unsigned directory,
			const struct op *op, unsigned threads)
{
	struct summary sum = results_summary(r, directory, op, threads);

	if (sum.failed || !sum.count) {
		fprintf(out, " %*s", width_of(directory) - 1, sum.failed ? "failed" : "-");
		return;
	}
	fprintf(out, " %9.0f %10.0f", sum.median, sum.p99);
	if (directory && sum.ratio > 0)
		fprintf(out, " %7.*fx", sum.ratio < 10 ? 2 : sum.ratio < 1000 ? 1 : 0, sum.ratio);
	else if (directory)
		fprintf(out, " %8s", "-");
}

/* Why some have no values: once each. */
static void print_reasons(FILE *out, const struct results *r)
{
	struct text_list said = { 0 };

	for (size_t i = 0; i < r->count; i++) {
		const struct result *row = &r->rows[i];
		char *place = text_visible(r->places[row->directory].label);
		char *line = text_format("%s in %s: %s", row->op->name, place, row->error);

		if (*row->error && !text_list_has(&said, line)) {
			fprintf(out, "%s\n", line);
			text_list_add(&said, line);
		}
		free(line);
		free(place);
	}
	text_list_free(&said);
}

/* --- callbacks ---------------------------------------------------------- */

/* Those of all runs; returns how many. */
static size_t samples_of(const struct results *r, unsigned directory, const struct op *op,
			 unsigned threads, struct callback_sample *samples)
{
	size_t count = 0;

	for (unsigned run = 1; run <= r->options->runs; run++) {
		const struct result *row = results_find(r, run, directory, op, threads);

		if (row && row->counted)
			samples[count++] = (struct callback_sample){ row->counts, row->counted };
	}
	return count;
}

static void print_callbacks(FILE *out, const struct results *r, unsigned directory)
{
	const struct options *o = r->options;
	struct callback_sample *samples = zalloc(o->runs, sizeof(*samples));
	char *shown = text_visible(r->places[directory].label);

	fprintf(out, "\ncallbacks per operation in %s (cache=%s)\n", shown,
		r->places[directory].cache);
	free(shown);
	for (unsigned i = 0; i < o->op_count; i++) {
		for (unsigned t = 0; t < o->thread_counts; t++) {
			const struct op *op = o->ops[i];
			size_t count = samples_of(r, directory, op, o->threads[t], samples);

			if (!count)
				continue;
			fprintf(out, "%-*s %7u  ", NAME_WIDTH, op->name, o->threads[t]);
			callback_print(out, samples, count);
			putc('\n', out);
		}
	}
	free(samples);
}

void table_print(FILE *out, const struct results *r)
{
	const struct options *o = r->options;

	fprintf(out, "%u run%s, random order from seed %" PRIu64 "; reading the clock is %.0f ns of each time\n\n",
		o->runs, o->runs == 1 ? "" : "s", o->seed, r->clock_ns);
	print_head(out, r);
	for (unsigned i = 0; i < o->op_count; i++) {
		for (unsigned t = 0; t < o->thread_counts; t++) {
			fprintf(out, "%-*s %7u", NAME_WIDTH, o->ops[i]->name, o->threads[t]);
			for (unsigned d = 0; d < r->place_count; d++)
				print_times(out, r, d, o->ops[i], o->threads[t]);
			putc('\n', out);
		}
	}
	print_reasons(out, r);
	for (unsigned d = 0; d < r->place_count; d++)
		if (r->places[d].cache)
			print_callbacks(out, r, d);
}
