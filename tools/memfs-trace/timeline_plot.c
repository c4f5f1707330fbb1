/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timeline.h"

#include <inttypes.h>
#include <math.h>

#include "plot.h"

#define LABEL_GAP 0.014 /* of the width: so far apart labels of marks can be read */
#define LABELS_MAX 60   /* marks that are labelled: more have no room */
#define LINES_MAX 500   /* marks that are drawn */
#define BYTE_TICS 6     /* at most, and 0 */

/* Columns: time, calls/s, errors/s, bytes read/s, written/s, mean and p99 latency in seconds. */
static void print_row(FILE *out, double time, const struct activity *a, const struct interval *i)
{
	fprintf(out, "%.9f %.9g %.9g %.9g %.9g", time, activity_rate(a, i->ns.count),
		activity_rate(a, i->errors), activity_rate(a, i->read),
		activity_rate(a, i->written));
	if (i->ns.count)
		fprintf(out, " %.9f %.9f\n", (double)small_histogram_mean(&i->ns) / 1e9,
			(double)small_histogram_percentile(&i->ns, 0.99) / 1e9);
	else
		fputs(" NaN NaN\n", out);
}

/* Each interval from its beginning to its end: the lines are steps. */
static void print_data(FILE *out, const struct activity *a, double offset)
{
	const double step = (double)a->step_ns / 1e9;

	fputs("$data << EOD\n", out);
	for (size_t i = 0; i < a->count; i++) {
		print_row(out, offset + (double)i * step, a, &a->intervals[i]);
		print_row(out, offset + (double)(i + 1) * step, a, &a->intervals[i]);
	}
	fputs("EOD\n", out);
}

static void print_lines(FILE *out, const struct activity *a, double offset)
{
	for (size_t i = 0; i < a->mark_count && i < LINES_MAX; i++)
		fprintf(out, "set arrow %zu from first %.9f, graph 0 to first %.9f, graph 1 nohead "
			"lw 1 lc rgb '#999999' dt 2 front\n", i + 1,
			offset + (double)a->marks[i].ns / 1e9, offset + (double)a->marks[i].ns / 1e9);
}

/* Upwards along the lines, in the first of the panels. */
static void print_labels(FILE *out, const struct activity *a, double offset)
{
	const double width = (double)(a->count * a->step_ns) / 1e9;
	const size_t count = a->mark_count < LABELS_MAX ? a->mark_count : LABELS_MAX;
	double places[LABELS_MAX];

	for (size_t i = 0; i < count; i++)
		places[i] = (double)a->marks[i].ns / 1e9;
	plot_place_labels(places, count, width, LABEL_GAP * width);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "set label %zu ", i + 1);
		plot_quote(out, a->marks[i].text);
		fprintf(out, " at first %.9f, graph 0.97 right rotate by 90 front font ',10' "
			"tc rgb '#444444'\n", offset + places[i]);
	}
}

static void remove_labels(FILE *out, const struct activity *a)
{
	for (size_t i = 0; i < a->mark_count && i < LABELS_MAX; i++)
		fprintf(out, "unset label %zu\n", i + 1);
}

static bool any_errors(const struct activity *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->intervals[i].errors)
			return true;
	return false;
}

/* Powers of two, where gnuplot would take those of ten. */
static void print_byte_tics(FILE *out, const struct activity *a)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double most = 1;
	uint64_t step = 1;
	size_t unit = 0;

	for (size_t i = 0; i < a->count; i++) {
		most = fmax(most, activity_rate(a, a->intervals[i].read));
		most = fmax(most, activity_rate(a, a->intervals[i].written));
	}
	while ((double)step * BYTE_TICS < most && step < (uint64_t)1 << 60)
		step *= 2;
	while (unit < 5 && step >> 10 * (unit + 1))
		unit++;
	fputs("set ytics ('0' 0", out);
	for (uint64_t i = 1; i <= BYTE_TICS; i++)
		fprintf(out, ", '%" PRIu64 " %s' %" PRIu64, i * step >> 10 * unit, units[unit], i * step);
	fprintf(out, ")\nset yrange [0:%.9g]\n", most * 1.05);
}

static bool any_calls(const struct activity *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->intervals[i].ns.count)
			return true;
	return false;
}

/* From the lower left corner, in parts of the picture. */
static void print_panel(FILE *out, double bottom, double top, const char *label, const char *format)
{
	fprintf(out, "set bmargin at screen %.3f\nset tmargin at screen %.3f\n"
		"set key at screen 0.97, screen %.3f right center horizontal samplen 2\n"
		"set ylabel '%s'\nset format y '%s'\n", bottom, top, top + 0.018, label, format);
}

static void plot_calls(FILE *out, const struct activity *a)
{
	print_panel(out, 0.665, 0.92, "per second", "%.0s%c");
	fputs("set yrange [0:*]\n"
	      "plot $data using 1:2 with filledcurves y=0 ls 1 notitle, "
	      "$data using 1:2 with lines ls 1 title 'calls'", out);
	if (any_errors(a))
		fputs(", $data using 1:3 with lines ls 2 title 'of these, failed'", out);
	putc('\n', out);
}

static void plot_bytes(FILE *out, const struct activity *a)
{
	print_panel(out, 0.375, 0.615, "bytes per second", "%g");
	print_byte_tics(out, a);
	fputs("plot $data using 1:4 with filledcurves y=0 ls 3 notitle, "
	      "$data using 1:4 with lines ls 3 title 'read', "
	      "$data using 1:5 with filledcurves y=0 ls 4 notitle, "
	      "$data using 1:5 with lines ls 4 title 'written'\n", out);
}

static void plot_latency(FILE *out, const struct activity *a)
{
	print_panel(out, 0.085, 0.325, "latency", "%.0s%cs");
	/* An axis with nothing on it needs a range. */
	fputs("set ytics autofreq\n", out);
	if (any_calls(a))
		fputs("set logscale y\nset yrange [*:*]\n", out);
	else
		fputs("set yrange [0:1]\n", out);
	fputs("set xlabel 'seconds since the trace began'\nset format x\n"
	      "plot $data using 1:7 with lines ls 6 title '99th percentile', "
	      "$data using 1:6 with lines ls 1 title 'mean'\n", out);
}

void timeline_plot(FILE *script, const struct activity *a, uint64_t offset_ns, const char *title)
{
	const double offset = (double)offset_ns / 1e9;

	print_data(script, a, offset);
	print_lines(script, a, offset);
	print_labels(script, a, offset);
	fprintf(script, "set multiplot\n"
		"set lmargin at screen 0.095\nset rmargin at screen 0.97\n"
		"set xrange [%.9f:%.9f]\n"
		"set format x ''\nset title offset 0,1.2 ", offset,
		offset + (double)(a->count * a->step_ns) / 1e9);
	plot_quote(script, title);
	putc('\n', script);
	plot_calls(script, a);
	fputs("unset title\n", script);
	remove_labels(script, a);
	plot_bytes(script, a);
	plot_latency(script, a);
	fputs("unset multiplot\n", script);
}
