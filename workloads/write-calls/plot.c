/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/directories.h"
#include "common/gnuplot.h"
#include "common/text.h"
#include "options.h"
#include "pattern.h"

/*
 * A row for each method, a column for each kind of call, and that for each cache mode side by side. The
 * colour of a cell is the logarithm of the number of calls, since one method makes 3 and another
 * 50,000.
 */
enum column { WRITES, SYNCS, FLUSHES, READS, ATTRIBUTES, NAMES, OTHERS, COLUMNS };

static const char *const titles[COLUMNS] = {
	[WRITES] = "WRITE", [SYNCS] = "FSYNC", [FLUSHES] = "FLUSH", [READS] = "READ",
	[ATTRIBUTES] = "attributes", [NAMES] = "names", [OTHERS] = "other",
};

#define FEW 3           /* calls: their colour says it, without a number */
#define PANEL (COLUMNS + 1) /* one column stays free between two modes */

static enum column column_of(unsigned op)
{
	switch (op) {
	case TRACE_OP_WRITE:
		return WRITES;
	case TRACE_OP_FSYNC:
	case TRACE_OP_FSYNCDIR:
		return SYNCS;
	case TRACE_OP_FLUSH:
		return FLUSHES;
	case TRACE_OP_READ:
		return READS;
	case TRACE_OP_GETATTR:
	case TRACE_OP_SETATTR:
	case TRACE_OP_STATX:
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_LISTXATTR:
	case TRACE_OP_REMOVEXATTR:
	case TRACE_OP_ACCESS:
		return ATTRIBUTES;
	case TRACE_OP_LOOKUP:
	case TRACE_OP_CREATE:
	case TRACE_OP_OPEN:
	case TRACE_OP_RELEASE:
	case TRACE_OP_TMPFILE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
	case TRACE_OP_LINK:
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
	case TRACE_OP_RENAME:
	case TRACE_OP_READLINK:
		return NAMES;
	default:
		return OTHERS;
	}
}

/* --- the data ----------------------------------------------------------- */

/* Modes and methods that have calls, each once and in their order. */
struct axes {
	const char *caches[CACHE_MODES];
	unsigned cache_count;
	const struct method **methods;
	unsigned method_count;
};

static unsigned panel_of(struct axes *axes, const char *cache)
{
	unsigned i = 0;

	while (i < axes->cache_count && strcmp(axes->caches[i], cache) != 0)
		i++;
	if (i == axes->cache_count)
		axes->caches[axes->cache_count++] = cache;
	return i;
}

static unsigned row_of(struct axes *axes, const struct method *method)
{
	unsigned i = 0;

	while (i < axes->method_count && axes->methods[i] != method)
		i++;
	if (i == axes->method_count)
		axes->methods[axes->method_count++] = method;
	return i;
}

/* In three characters or so. */
static void count_text(uint64_t count, char text[static 24])
{
	if (count < 1000)
		snprintf(text, 24, "%" PRIu64, count);
	else if (count < 9950)
		snprintf(text, 24, "%.1fk", (double)count / 1e3);
	else if (count < 999500)
		snprintf(text, 24, "%.0fk", (double)count / 1e3);
	else
		snprintf(text, 24, "%.1fM", (double)count / 1e6);
}

static void put_cells(FILE *out, struct axes *axes, const struct result *row)
{
	unsigned x = panel_of(axes, row->cache) * PANEL, y = row_of(axes, row->method);
	uint64_t counts[COLUMNS] = { 0 };
	char text[24];

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		if (op != TRACE_OP_FORGET && op != TRACE_OP_BATCH_FORGET)
			counts[column_of(op)] += row->analysis.calls[op];
	for (unsigned column = 0; column < COLUMNS; column++) {
		if (!counts[column])
			continue;
		count_text(counts[column], text);
		fprintf(out, "%u %u %" PRIu64 " %s\n", x + column, y, counts[column], text);
	}
}

static void put_data(FILE *out, struct axes *axes, const struct results *results)
{
	fputs("# column, row, calls, text\n", out);
	for (size_t i = 0; i < results->count; i++)
		if (results->rows[i].analysis.known)
			put_cells(out, axes, &results->rows[i]);
}

/* --- the script --------------------------------------------------------- */

static void put_axes(FILE *out, const struct axes *axes)
{
	const char *separator = "";

	fputs("set ytics (", out);
	for (unsigned i = 0; i < axes->method_count; i++)
		fprintf(out, "%s\"%s\" %u", i ? ", " : "", axes->methods[i]->name, i);
	fputs(")\nset xtics (", out);
	for (unsigned panel = 0; panel < axes->cache_count; panel++) {
		for (unsigned column = 0; column < COLUMNS; column++) {
			fprintf(out, "%s\"%s\" %u", separator, titles[column],
				panel * PANEL + column);
			separator = ", ";
		}
	}
	fputs(") rotate by 45 right\n", out);
	for (unsigned panel = 0; panel < axes->cache_count; panel++)
		fprintf(out, "set label \"cache=%s\" at first %.1f, graph 1 center offset 0,0.7 "
			"font \",13\"\n", axes->caches[panel], panel * PANEL + (COLUMNS - 1) / 2.0);
}

static void put_script(FILE *out, const struct axes *axes, uint64_t size)
{
	char bytes[32];
	unsigned width = 190 + 42 * PANEL * axes->cache_count, rows = axes->method_count;

	fputs("# gnuplot -d write-calls.gp\n"
	      "unset key\nset border 0\n"
	      "set tics scale 0\nset logscale cb\nset cbrange [1:100000]\n"
	      "set palette defined (0 \"#fff5d6\", 1 \"#fee199\", 2 \"#fdbb63\", 3 \"#f68b4a\", "
	      "4 \"#e55a3c\", 5 \"#b92b2f\")\n"
	      "set colorbox horizontal user origin graph 0, screen 0.022 size graph 0.35, "
	      "screen 0.012\n"
	      "set cbtics (\"1 call\" 1, \"10\" 10, \"100\" 100, \"1k\" 1000, \"10k\" 10000, "
	      "\"100k\" 100000) offset 0,0.4\n", out);
	put_axes(out, axes);
	fprintf(out, "set title \"Calls that reach memfs when a file of %s is written\" "
		"offset 0,1.6 font \",14\"\n", pattern_bytes(size, bytes));
	fprintf(out, "set xrange [-0.6:%.1f]\nset yrange [%.1f:-0.6]\n",
		axes->cache_count * PANEL - 1.4, rows - 0.4);
	fputs("set lmargin 23\nset rmargin 2\nset tmargin 5\nset bmargin 7\n"
	      "set style fill solid noborder\n", out);
	fprintf(out, "draw = \"plot 'write-calls.dat' using 1:2:($1-0.47):($1+0.47):($2-0.44):($2+0.44):3 "
	      "with boxxyerror linecolor palette, "
	      "'' using ($3 > %d ? $1 : NaN):2:4 with labels font ',9' textcolor rgb '#202020'\"\n",
		FEW);
	fprintf(out, "set terminal svg size %u,%u noenhanced font \"sans,11\" background \"white\"\n"
		"set output 'write-calls.svg'\neval draw\n"
		"set terminal pngcairo noenhanced size %u,%u font \"sans,11\"\n"
		"set output 'write-calls.png'\neval draw\n",
		width, 180 + 19 * rows, width, 180 + 19 * rows);
}

/* --- making it ---------------------------------------------------------- */

/* Opens DIR/NAME for writing; NULL after a complaint. */
static FILE *open_in(const char *dir, const char *name)
{
	char *path = text_format("%s/%s", dir, name);
	FILE *file = fopen(path, "we");

	if (!file)
		complain("%s: %s", path, strerror(errno));
	free(path);
	return file;
}

static bool close_in(const char *dir, const char *name, FILE *file)
{
	bool ok = !ferror(file);

	ok = fclose(file) == 0 && ok;
	return ok || complain("%s/%s: %s", dir, name, strerror(errno));
}

static bool write_input(const struct results *results, const char *dir, uint64_t size,
			struct axes *axes)
{
	FILE *data = open_in(dir, "write-calls.dat"), *script;

	if (!data)
		return false;
	put_data(data, axes, results);
	if (!close_in(dir, "write-calls.dat", data))
		return false;
	script = open_in(dir, "write-calls.gp");
	if (!script)
		return false;
	put_script(script, axes, size);
	return close_in(dir, "write-calls.gp", script);
}

bool plot_make(const struct results *results, const char *dir, uint64_t size)
{
	struct axes axes = { .methods = zalloc(method_count, sizeof(struct method *)) };
	bool ok = make_directories(dir) && write_input(results, dir, size, &axes);

	if (ok && axes.method_count)
		ok = gnuplot_run(dir, "write-calls.gp");
	free(axes.methods);
	return ok;
}
