/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/callback_text.h"
#include "common/quantiles.h"

#define NAME_WIDTH 14

struct table {
	FILE *out;
	const struct results *results;
	const struct text_list *filesystems;
	unsigned runs;
	double *values; /* one a run */
};

/* What of a row a column shows; negative = nothing. */
typedef double value_fn(const struct result *row);

static double wall_of(const struct result *row)
{
	return row->wall;
}

static double cpu_of(const struct result *row)
{
	return row->user + row->sys;
}

static double daemon_of(const struct result *row)
{
	return row->daemon_cpu;
}

static const struct result *find(const struct table *t, unsigned run, const char *filesystem,
				 enum command command)
{
	for (size_t i = 0; i < t->results->count; i++) {
		const struct result *row = &t->results->rows[i];

		if (row->run == run && row->command == command &&
		    strcmp(row->filesystem, filesystem) == 0)
			return row;
	}
	return NULL;
}

/* Collects values of all runs, sorted; with `other` the ratios to that filesystem. */
static size_t collect(const struct table *t, const char *filesystem, const char *other,
		      enum command command, value_fn *value)
{
	size_t count = 0;

	for (unsigned run = 1; run <= t->runs; run++) {
		const struct result *row = find(t, run, filesystem, command);
		const struct result *base = other ? find(t, run, other, command) : row;

		if (!row || !row->ok || !base || !base->ok || value(row) < 0)
			continue;
		if (!other)
			t->values[count++] = value(row);
		else if (value(base) > 0)
			t->values[count++] = value(row) / value(base);
	}
	values_sort(t->values, count);
	return count;
}

/* Milliseconds: the median, and in brackets the least and the most. */
static void print_ms(const struct table *t, size_t count)
{
	char text[64] = "-";

	if (count > 1)
		snprintf(text, sizeof(text), "%.1f (%.1f-%.1f)",
			 values_median(t->values, count) * 1e3, t->values[0] * 1e3,
			 t->values[count - 1] * 1e3);
	else if (count)
		snprintf(text, sizeof(text), "%.1f", t->values[0] * 1e3);
	fprintf(t->out, "  %20s", text);
}

static bool has_failed(const struct table *t, const char *filesystem, enum command command)
{
	for (unsigned run = 1; run <= t->runs; run++) {
		const struct result *row = find(t, run, filesystem, command);

		if (row && !row->ok)
			return true;
	}
	return false;
}

static void print_walls(const struct table *t, enum command command)
{
	const char *first = t->filesystems->items[0];

	fprintf(t->out, "%-*s", NAME_WIDTH, command_name(command));
	for (size_t i = 0; i < t->filesystems->count; i++) {
		const char *name = t->filesystems->items[i];

		if (has_failed(t, name, command))
			fprintf(t->out, "  %20s", "failed");
		else
			print_ms(t, collect(t, name, NULL, command, wall_of));
	}
	for (size_t i = 1; i < t->filesystems->count; i++) {
		const char *other = t->filesystems->items[i];
		int width = (int)(strlen(first) + 1 + strlen(other));
		size_t count = collect(t, first, other, command, wall_of);

		if (count)
			fprintf(t->out, "  %*.2fx", width - 1, values_median(t->values, count));
		else
			fprintf(t->out, "  %*s", width, "-");
	}
	putc('\n', t->out);
}

static void print_cpu(const struct table *t, enum command command)
{
	fprintf(t->out, "%-*s", NAME_WIDTH, command_name(command));
	for (size_t i = 0; i < t->filesystems->count; i++) {
		const char *name = t->filesystems->items[i];
		size_t count = collect(t, name, NULL, command, cpu_of);
		char text[64] = "-";

		if (count)
			snprintf(text, sizeof(text), "%.1f", values_median(t->values, count) * 1e3);
		count = collect(t, name, NULL, command, daemon_of);
		if (count)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " + %.1f",
				 values_median(t->values, count) * 1e3);
		fprintf(t->out, "  %20s", text);
	}
	putc('\n', t->out);
}

static bool was_tried(const struct table *t, enum command command)
{
	for (size_t i = 0; i < t->results->count; i++)
		if (t->results->rows[i].command == command)
			return true;
	return false;
}

static void print_head(const struct table *t, const char *what)
{
	fprintf(t->out, "\n%-*s", NAME_WIDTH, what);
	for (size_t i = 0; i < t->filesystems->count; i++) {
		char *shown = text_visible(t->filesystems->items[i]);

		fprintf(t->out, "  %20s", shown);
		free(shown);
	}
}

static void print_ratio_heads(const struct table *t)
{
	char *first = text_visible(t->filesystems->items[0]);

	for (size_t i = 1; i < t->filesystems->count; i++) {
		char *other = text_visible(t->filesystems->items[i]);

		fprintf(t->out, "  %s/%s", first, other);
		free(other);
	}
	putc('\n', t->out);
	free(first);
}

static void print_callbacks_head(const struct table *t, const char *filesystem)
{
	char *shown = text_visible(filesystem);

	fprintf(t->out, "\ncallbacks on %s\n", shown);
	free(shown);
}

static void print_callbacks(const struct table *t, const char *filesystem)
{
	struct callback_sample *samples = zalloc(t->runs, sizeof(*samples));
	bool headed = false;

	for (int command = 0; command < COMMAND_COUNT; command++) {
		size_t count = 0;

		for (unsigned run = 1; run <= t->runs; run++) {
			const struct result *row = find(t, run, filesystem, (enum command)command);

			if (row && row->ok && row->counts)
				samples[count++] = (struct callback_sample){ row->counts, 1 };
		}
		if (!count)
			continue;
		if (!headed)
			print_callbacks_head(t, filesystem);
		headed = true;
		fprintf(t->out, "%-*s  ", NAME_WIDTH, command_name((enum command)command));
		callback_print(t->out, samples, count);
		putc('\n', t->out);
	}
	free(samples);
}

void table_print(FILE *out, const struct results *results, const struct text_list *filesystems,
		 unsigned runs)
{
	struct table t = { .out = out, .results = results, .filesystems = filesystems,
			   .runs = runs, .values = zalloc(runs, sizeof(double)) };

	print_head(&t, "wall, ms");
	print_ratio_heads(&t);
	for (int command = 0; command < COMMAND_COUNT; command++)
		if (was_tried(&t, (enum command)command))
			print_walls(&t, (enum command)command);
	print_head(&t, "CPU, ms");
	fputs("  (git, user and system + daemon)\n", out);
	for (int command = 0; command < COMMAND_COUNT; command++)
		if (was_tried(&t, (enum command)command))
			print_cpu(&t, (enum command)command);
	for (size_t i = 0; i < filesystems->count; i++)
		print_callbacks(&t, filesystems->items[i]);
	free(t.values);
}
