/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/callback_text.h"
#include "common/json_text.h"
#include "common/quantiles.h"

static const char header[] =
	"run,directory,op,threads,shared,status,operations,median_ns,p99_ns,ops_per_s,"
	"counted_operations," CALLBACK_COLUMNS ",error";

/* --- CSV ---------------------------------------------------------------- */

static void put_row(const struct results *results, const struct result *row)
{
	FILE *file = results->csv.file;

	fprintf(file, "%u,", row->run);
	csv_put_text(file, results->places[row->directory].label);
	fprintf(file, ",%s,%u,%s,%s,", row->op->name, row->threads,
		results->options->shared ? "yes" : "no", measure_status_name(row->status));
	if (row->status == MEASURE_OK)
		fprintf(file, "%" PRIu64 ",%.1f,%.1f,%.1f,", row->operations, row->median,
			row->p99, row->per_second);
	else
		fputs(",,,,", file);
	if (row->counted)
		fprintf(file, "%" PRIu64, row->counted);
	putc(',', file);
	callback_put(file, row->counted ? row->counts : NULL);
	putc(',', file);
	csv_put_text(file, row->error);
	putc('\n', file);
}

bool results_open(struct results *results)
{
	return csv_writer_open(&results->csv, results->options->output, header);
}

void results_add(struct results *results, const struct result *row)
{
	results->rows = enlarge(results->rows, results->count + 1, sizeof(*results->rows));
	results->rows[results->count++] = *row;
	if (results->csv.file)
		put_row(results, row);
	if (!csv_writer_flush(&results->csv) || row->status == MEASURE_FAILED)
		results->failed = true;
}

bool results_close(struct results *results)
{
	bool ok = csv_writer_close(&results->csv);

	for (size_t i = 0; i < results->count; i++)
		free(results->rows[i].counts);
	free(results->rows);
	results->rows = NULL;
	results->count = 0;
	return ok;
}

/* --- summing up ---------------------------------------------------------- */

const struct result *results_find(const struct results *results, unsigned run,
				  unsigned directory, const struct op *op, unsigned threads)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->run == run && row->directory == directory && row->op == op &&
		    row->threads == threads)
			return row;
	}
	return NULL;
}

static double median_of(double *values, size_t count)
{
	values_sort(values, count);
	return count ? values_median(values, count) : 0;
}

struct summary results_summary(const struct results *results, unsigned directory,
			       const struct op *op, unsigned threads)
{
	unsigned runs = results->options->runs;
	double *medians = zalloc(3 * (size_t)runs, sizeof(double));
	double *p99s = medians + runs, *ratios = p99s + runs;
	struct summary sum = { 0 };
	size_t pairs = 0;

	for (unsigned run = 1; run <= runs; run++) {
		const struct result *row = results_find(results, run, directory, op, threads);
		const struct result *first = results_find(results, run, 0, op, threads);

		if (row && row->status != MEASURE_OK) {
			sum.error = row->error;
			sum.failed = sum.failed || row->status == MEASURE_FAILED;
		}
		if (!row || row->status != MEASURE_OK)
			continue;
		medians[sum.count] = row->median;
		p99s[sum.count++] = row->p99;
		if (first && first->status == MEASURE_OK && first->median > 0)
			ratios[pairs++] = row->median / first->median;
	}
	sum.median = median_of(medians, sum.count);
	sum.p99 = median_of(p99s, sum.count);
	sum.ratio = median_of(ratios, pairs);
	free(medians);
	return sum;
}

/* --- JSON ---------------------------------------------------------------- */

static json_t *json_of_row(const struct results *results, const struct result *row)
{
	json_t *object = json_pack("{s:i, s:o, s:s, s:i, s:b, s:s}", "run", (int)row->run,
				   "directory",
				   json_text(results->places[row->directory].label),
				   "op", row->op->name, "threads", (int)row->threads, "shared",
				   results->options->shared, "status",
				   measure_status_name(row->status));

	if (row->status == MEASURE_OK) {
		json_object_set_new(object, "operations", json_integer((json_int_t)row->operations));
		json_object_set_new(object, "median_ns", json_real(row->median));
		json_object_set_new(object, "p99_ns", json_real(row->p99));
		json_object_set_new(object, "ops_per_s", json_real(row->per_second));
	}
	if (row->counted) {
		json_object_set_new(object, "counted_operations",
				    json_integer((json_int_t)row->counted));
		json_object_set_new(object, "callbacks", callback_json(row->counts->during));
		json_object_set_new(object, "callbacks_later", callback_json(row->counts->later));
	}
	if (*row->error)
		json_object_set_new(object, "error", json_text(row->error));
	return object;
}

static json_t *json_of_summary(const struct results *results, unsigned directory,
			       const struct op *op, unsigned threads)
{
	struct summary sum = results_summary(results, directory, op, threads);

	if (!sum.count)
		return NULL;
	return json_pack("{s:o, s:s, s:i, s:f, s:f, s:f}", "directory",
			 json_text(results->places[directory].label), "op", op->name,
			 "threads", (int)threads, "median_ns", sum.median, "p99_ns", sum.p99,
			 "ratio", sum.ratio);
}

static json_t *json_of_summaries(const struct results *results)
{
	const struct options *o = results->options;
	json_t *array = json_array();

	for (unsigned i = 0; i < o->op_count; i++) {
		for (unsigned t = 0; t < o->thread_counts; t++) {
			for (unsigned d = 0; d < results->place_count; d++) {
				json_t *sum = json_of_summary(results, d, o->ops[i], o->threads[t]);

				if (sum)
					json_array_append_new(array, sum);
			}
		}
	}
	return array;
}

static json_t *json_of_places(const struct results *results)
{
	json_t *array = json_array();

	for (unsigned d = 0; d < results->place_count; d++) {
		json_t *place = json_pack("{s:o}", "name", json_text(results->places[d].label));

		if (results->places[d].cache)
			json_object_set_new(place, "cache", json_string(results->places[d].cache));
		json_array_append_new(array, place);
	}
	return array;
}

bool results_json(const struct results *results, FILE *out)
{
	json_t *all = json_pack("{s:s, s:s, s:I, s:f, s:i, s:o, s:o, s:o}", "program",
				program_name, "version", MEMFS_VERSION, "seed",
				(json_int_t)results->options->seed, "clock_ns", results->clock_ns,
				"runs", (int)results->options->runs, "directories",
				json_of_places(results), "summary", json_of_summaries(results),
				"results", json_array());
	json_t *rows = json_object_get(all, "results");
	bool ok;

	if (!rows)
		return complain("JSON: out of memory");
	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(rows, json_of_row(results, &results->rows[i]));
	ok = json_dumpf(all, out, JSON_INDENT(1)) == 0 && putc('\n', out) != EOF;
	json_decref(all);
	return ok || complain("standard output: %s", strerror(errno));
}
