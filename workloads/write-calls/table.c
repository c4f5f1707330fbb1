/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "pattern.h"

#define LONGEST_PATTERN 480 /* characters on the terminal; the files have all of it */

/* --- the table of counts ------------------------------------------------ */

/* "64 KiB", or "4 KiB/950 KiB/1 MiB": least, mean, most */
static void put_sizes(FILE *out, const struct analysis *a)
{
	uint64_t writes = a->calls[TRACE_OP_WRITE];
	char least[32], most[32], text[96] = "";

	if (writes && a->write_least == a->write_most)
		snprintf(text, sizeof(text), "%s", pattern_bytes(a->write_least, least));
	else if (writes)
		snprintf(text, sizeof(text), "%s/%.0f B/%s", pattern_bytes(a->write_least, least),
			 (double)a->write_bytes / (double)writes,
			 pattern_bytes(a->write_most, most));
	fprintf(out, "  %-28s ", text);
}

static void put_others(FILE *out, const struct analysis *a)
{
	for (size_t i = 0; i < operation_count; i++)
		if (operations[i].number != TRACE_OP_WRITE && a->calls[operations[i].number])
			fprintf(out, " %s %" PRIu64, operations[i].name,
				a->calls[operations[i].number]);
}

/* "cache=auto" on memfs; else the name of the filesystem. */
static void put_place(FILE *out, const struct result *row, int width)
{
	char *name = row->cache ? text_format("cache=%s", row->cache) :
				  text_visible(row->filesystem);

	fprintf(out, "%-*s", width, name);
	free(name);
}

static void put_counts(FILE *out, const struct results *results)
{
	fprintf(out, "\n%-22s %-12s %9s %8s %8s  %-28s  %s\n", "method", "on", "seconds", "calls",
		"WRITEs", "bytes: least/mean/most", "other calls");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->status != RESULT_OK)
			continue;
		fprintf(out, "%-22s ", row->method->name);
		put_place(out, row, 12);
		fprintf(out, " %9.3f", row->wall);
		if (row->analysis.known) {
			fprintf(out, " %8" PRIu64 " %8" PRIu64, row->analysis.all_calls,
				row->analysis.calls[TRACE_OP_WRITE]);
			put_sizes(out, &row->analysis);
			put_others(out, &row->analysis);
		}
		putc('\n', out);
	}
}

/* --- the patterns ------------------------------------------------------- */

static bool same_pattern(const struct result *a, const struct result *b)
{
	return a->method == b->method && a->analysis.known && b->analysis.known &&
	       a->filesystem == b->filesystem &&
	       strcmp(a->analysis.pattern, b->analysis.pattern) == 0;
}

/* One line for all cache modes that have this pattern, at the first of them. */
static void put_pattern(FILE *out, const struct results *results, size_t index)
{
	const struct result *row = &results->rows[index];
	const char *pattern = row->analysis.pattern;
	char modes[64] = "";

	for (size_t i = 0; i < results->count; i++) {
		if (!same_pattern(row, &results->rows[i]))
			continue;
		if (i < index)
			return;
		snprintf(modes + strlen(modes), sizeof(modes) - strlen(modes), "%s%s",
			 *modes ? "," : "", results->rows[i].cache);
	}
	fprintf(out, "%-22s %-18s %.*s%s\n", row->method->name, modes, LONGEST_PATTERN, pattern,
		strlen(pattern) > LONGEST_PATTERN ? " ..." : "");
}

static void put_patterns(FILE *out, const struct results *results)
{
	bool any = false;

	for (size_t i = 0; i < results->count; i++) {
		if (!results->rows[i].analysis.known)
			continue;
		if (!any)
			fputs("\nIn their order; on the file itself where no name stands:\n\n", out);
		any = true;
		put_pattern(out, results, i);
	}
}

/* --- what has no numbers ------------------------------------------------ */

static void put_rest(FILE *out, const struct results *results, enum result_status status)
{
	bool any = false;

	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->status != status)
			continue;
		if (!any)
			putc('\n', out);
		any = true;
		fprintf(out, "%s: %s on ", result_status_name(status), row->method->name);
		put_place(out, row, 0);
		fprintf(out, ": %s\n", row->why);
	}
}

void table_print(FILE *out, const struct results *results)
{
	put_counts(out, results);
	put_patterns(out, results);
	put_rest(out, results, RESULT_SKIPPED);
	put_rest(out, results, RESULT_FAILED);
}
