/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"
#include "common/text.h"

const char *result_status_name(enum result_status status)
{
	static const char *const names[] = {
		[RESULT_OK] = "ok", [RESULT_FAILED] = "failed", [RESULT_SKIPPED] = "skipped",
	};

	return names[status];
}

static const char *kind(const struct result *row)
{
	return method_is_program(row->method) ? "program" : "syscalls";
}

/* --- CSV ---------------------------------------------------------------- */

/* To be freed. */
static char *header(void)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		out_of_memory();
	fputs("method,kind,filesystem,cache,status,reason,bytes,wall_s,calls,write_bytes,"
	      "write_min,write_mean,write_max,target_before_close,target_in_time,target_late,"
	      "verify_read", file);
	for (size_t i = 0; i < operation_count; i++)
		fprintf(file, ",%s", operations[i].name);
	fputs(",pattern", file);
	if (fclose(file) != 0)
		out_of_memory();
	return text;
}

static void put_analysis(FILE *file, const struct analysis *a)
{
	uint64_t writes = a->calls[TRACE_OP_WRITE];

	fprintf(file, "%" PRIu64 ",%" PRIu64 ",", a->all_calls, a->write_bytes);
	if (writes)
		fprintf(file, "%" PRIu64 ",%.1f,%" PRIu64, a->write_least,
			(double)a->write_bytes / (double)writes, a->write_most);
	else
		fputs(",,", file);
	putc(',', file);
	if (a->close_known)
		fprintf(file, "%" PRIu64, a->target_before_close);
	fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, a->target_in_time, a->target_late,
		a->verify_read);
	for (size_t i = 0; i < operation_count; i++)
		fprintf(file, ",%" PRIu64, a->calls[operations[i].number]);
	putc(',', file);
	csv_put_text(file, a->pattern);
}

static void put_row(FILE *file, const struct result *row)
{
	fprintf(file, "%s,%s,", row->method->name, kind(row));
	csv_put_text(file, row->filesystem);
	fprintf(file, ",%s,%s,", row->cache ? row->cache : "", result_status_name(row->status));
	csv_put_text(file, row->why ? row->why : "");
	if (row->status == RESULT_OK)
		fprintf(file, ",%" PRIu64 ",%.6f,", row->bytes, row->wall);
	else
		fputs(",,,", file);
	if (row->analysis.known) {
		put_analysis(file, &row->analysis);
	} else {
		for (size_t i = 0; i < 9 + operation_count; i++)
			putc(',', file);
	}
	putc('\n', file);
}

/* --- JSON --------------------------------------------------------------- */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_of_analysis(const struct analysis *a)
{
	json_t *calls = json_object(), *object;
	uint64_t writes = a->calls[TRACE_OP_WRITE];

	for (size_t i = 0; i < operation_count; i++)
		if (a->calls[operations[i].number])
			json_object_set_new(calls, operations[i].name,
					    number(a->calls[operations[i].number]));
	object = json_pack("{s:o, s:o, s:{s:o, s:o}, s:o, s:s}", "calls", number(a->all_calls),
			   "by_operation", calls,
			   "target", "in_time", number(a->target_in_time),
			   "late", number(a->target_late),
			   "verify_read", number(a->verify_read), "pattern", a->pattern);
	if (a->close_known)
		json_object_set_new(json_object_get(object, "target"), "before_close",
				    number(a->target_before_close));
	if (writes)
		json_object_set_new(object, "writes",
				    json_pack("{s:o, s:o, s:f, s:o}", "bytes", number(a->write_bytes),
					      "smallest", number(a->write_least),
					      "mean", (double)a->write_bytes / (double)writes,
					      "largest", number(a->write_most)));
	return object;
}

static json_t *json_of_row(const struct result *row)
{
	json_t *object = json_pack("{s:s, s:s, s:o, s:s}", "method", row->method->name,
				   "kind", kind(row), "filesystem", json_text(row->filesystem),
				   "status", result_status_name(row->status));

	if (row->cache)
		json_object_set_new(object, "cache", json_string(row->cache));
	if (row->why)
		json_object_set_new(object, "reason", json_text(row->why));
	if (row->status == RESULT_OK) {
		json_object_set_new(object, "bytes", number(row->bytes));
		json_object_set_new(object, "wall_s", json_real(row->wall));
		json_object_set_new(object, "xxh3_128", json_string(row->hash));
	}
	if (row->analysis.known)
		json_object_set_new(object, "trace", json_of_analysis(&row->analysis));
	return object;
}

bool results_write_json(const struct results *results, const char *path, uint64_t seed,
			uint64_t size)
{
	json_t *rows = json_array(), *root;
	FILE *file = fopen(path, "we");
	bool ok;

	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(rows, json_of_row(&results->rows[i]));
	/* A seed may be more than a number of JSON can be. */
	root = json_pack("{s:s, s:o, s:o, s:o}", "memfs", MEMFS_VERSION,
			 "seed", json_sprintf("%" PRIu64, seed), "size", number(size), "runs", rows);
	ok = file && json_dumpf(root, file, JSON_INDENT(1)) == 0 && putc('\n', file) != EOF;
	ok = (!file || fclose(file) == 0) && ok;
	json_decref(root);
	return ok || complain("%s: %s", path, strerror(errno));
}

/* --- the rows ----------------------------------------------------------- */

bool results_open(struct results *results, const char *path)
{
	char *names = header();
	bool ok;

	*results = (struct results){ 0 };
	ok = csv_writer_open(&results->csv, path, names);
	free(names);
	return ok;
}

void results_add(struct results *results, const struct result *row)
{
	results->rows = enlarge(results->rows, results->count + 1, sizeof(*results->rows));
	results->rows[results->count++] = *row;
	if (results->csv.file)
		put_row(results->csv.file, row);
	if (!csv_writer_flush(&results->csv) || row->status == RESULT_FAILED)
		results->failed = true;
}

bool results_close(struct results *results)
{
	bool ok = csv_writer_close(&results->csv);

	for (size_t i = 0; i < results->count; i++) {
		free(results->rows[i].why);
		analysis_free(&results->rows[i].analysis);
	}
	free(results->rows);
	*results = (struct results){ 0 };
	return ok;
}
