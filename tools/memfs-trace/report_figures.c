/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_figures.c - the pictures of the report, as scripts for gnuplot(1). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "event.h"
#include "report.h"

#define WIDTH 820
#define HEIGHT 280
#define OPS_SHOWN 5
#define FEW_CALLS 20
#define LEVEL_LABELS 13  /* more have no room side by side */
#define BARS_MAX 12
#define BAR_HEIGHT 22
#define LABEL_MAX 44      /* characters of a path below a picture's bars */
#define LABEL_GAP 0.025   /* of the width: so far apart labels of marks can be read */
#define MARKS_DRAWN 12
#define MARK_MAX 24       /* bytes of its text */
#define DURATION_BINS 128 /* two for each power of two */

static unsigned usual_height(const struct report *r)
{
	return r->sums.calls ? HEIGHT : 0;
}

/*
 * Numbers at an axis, with k, M... so that no two of them look the same: ticks are at least a tenth of the
 * largest apart.
 */
static void write_format(FILE *out, char axis, double max, const char *unit)
{
	double size = max;

	while (size >= 1000)
		size /= 1000;
	while (size > 0 && size < 1)
		size *= 1000;
	if (max >= 1 && max < 1000)
		fprintf(out, "set format %c '%%g%s'\n", axis, unit);
	else
		fprintf(out, "set format %c '%%.%ds%%c%s'\n", axis, size < 10, unit);
}

/* --- over time ----------------------------------------------------------------------- */

static size_t count_times(const struct report *r)
{
	return (size_t)(r->end_ns >> r->time_shift) + 1 < REPORT_TIMES ?
	       (size_t)(r->end_ns >> r->time_shift) + 1 : REPORT_TIMES;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double time_of(const struct report *r, size_t i)
{
	return seconds((uint64_t)i << r->time_shift);
}

/* When a mark was set, in the unit of the axis. */
static double mark_time(const struct report *r, size_t i, double unit)
{
	uint64_t at = r->marks[i].start_ns, began = r->query.filter.began_ns;

	return at > began ? seconds(at - began) * unit : 0;
}

/* A line from top to bottom for each mark, and beside it the beginning of its text. */
static void write_marks(const struct report *r, FILE *out, double end, double unit)
{
	size_t count = r->mark_count < MARKS_DRAWN ? r->mark_count : MARKS_DRAWN;
	double places[MARKS_DRAWN];
	char text[MARK_MAX + 1];

	for (size_t i = 0; i < count; i++)
		places[i] = mark_time(r, i, unit);
	plot_place_labels(places, count, end, LABEL_GAP * end);
	for (size_t i = 0; i < count; i++) {
		double x = mark_time(r, i, unit);

		snprintf(text, sizeof(text), "%s", r->marks[i].text);
		fprintf(out, "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead "
			"lc rgb '#888888' front\nset label ", x, x);
		plot_quote(out, text);
		fprintf(out, " at first %.9g, graph 0.98 rotate by 90 right font ',9' front\n",
			places[i]);
	}
}

/* Axis of time, and a line for each mark. */
static void write_time_axis(const struct report *r, FILE *out)
{
	double end = time_of(r, count_times(r));

	fprintf(out, "set xrange [0:%.9g]\nset format x '%%.4g'\n", end < 1 ? end * 1e3 : end);
	fprintf(out, "set xlabel 'time in %s'\n", end < 1 ? "ms" : "s");
	fputs("set yrange [0:*]\nset key outside right top vertical reverse Left samplen 1.5\n", out);
	write_marks(r, out, end < 1 ? end * 1e3 : end, end < 1 ? 1e3 : 1);
}

/* Times are written in the unit of the axis. */
static double axis_time(const struct report *r, size_t i)
{
	return time_of(r, count_times(r)) < 1 ? time_of(r, i) * 1e3 : time_of(r, i);
}

/* In one piece of time. */
static uint64_t most_calls(const struct report *r)
{
	uint64_t most = 0;

	for (size_t i = 0; i < REPORT_TIMES; i++) {
		uint64_t calls = 0;

		for (size_t op = 0; op < TRACE_OP_LIMIT; op++)
			calls += r->times[i][op];
		most = calls > most ? calls : most;
	}
	return most;
}

static uint64_t largest(const uint64_t *a, const uint64_t *b, size_t count)
{
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		most = a[i] > most ? a[i] : most;
		most = b[i] > most ? b[i] : most;
	}
	return most;
}

/* One column an operation, each on top of those before; the last is all of them. */
static void write_operations(const struct report *r, FILE *out)
{
	unsigned ops[OPS_SHOWN];
	size_t count = report_main_ops(r, false, ops, OPS_SHOWN), times = count_times(r);
	double piece = time_of(r, 1);

	write_time_axis(r, out);
	write_format(out, 'y', (double)most_calls(r) / piece, "");
	fputs("set ylabel 'calls per second'\n$data << EOD\n", out);
	for (size_t i = 0; i <= times; i++) {
		/* fillsteps needs the end of the last one too. */
		const uint32_t *calls = r->times[i < times ? i : times - 1];
		uint64_t sum = 0, all = 0;

		fprintf(out, "%.9g", axis_time(r, i));
		for (size_t k = 0; k < count; k++) {
			sum += calls[ops[k]];
			fprintf(out, " %.9g", (double)sum / piece);
		}
		for (size_t op = 0; op < TRACE_OP_LIMIT; op++)
			all += calls[op];
		fprintf(out, " %.9g\n", (double)all / piece);
	}
	fputs("EOD\nset style fill solid 1.0 noborder\nplot ", out);
	fprintf(out, "$data using 1:%zu with fillsteps lc rgb '#999999' title 'others'", count + 2);
	for (size_t k = count; k-- > 0;) {
		fprintf(out, ", $data using 1:%zu with fillsteps ls %zu title ", k + 2, k + 1);
		plot_quote(out, trace_op_name(r->query.reader, ops[k]));
	}
	putc('\n', out);
}

static unsigned bytes_height(const struct report *r)
{
	return r->sums.bytes_read || r->sums.bytes_written ? HEIGHT : 0;
}

static void write_bytes(const struct report *r, FILE *out)
{
	size_t times = count_times(r);
	double piece = time_of(r, 1);

	write_time_axis(r, out);
	write_format(out, 'y', (double)largest(r->time_read, r->time_written, REPORT_TIMES) / piece,
		     "B");
	fputs("set ylabel 'bytes per second'\n$data << EOD\n", out);
	for (size_t i = 0; i <= times; i++) {
		size_t from = i < times ? i : times - 1;

		fprintf(out, "%.9g %.9g %.9g\n", axis_time(r, i), (double)r->time_read[from] / piece,
			(double)r->time_written[from] / piece);
	}
	fputs("EOD\nset style fill solid 0.8 noborder\n"
	      "plot $data using 1:2 with fillsteps ls 1 title 'read', "
	      "$data using 1:3 with fillsteps ls 2 title 'written'\n", out);
}

/* --- distributions ---------------------------------------------------------------------- */

/* Where a bucket of a histogram begins. */
static uint64_t bucket_start(unsigned bucket)
{
	unsigned octave = bucket / HISTOGRAM_SUB;

	return octave ? (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << (octave - 1) : bucket;
}

/* Two for each power of two: 1, 1.5, 2, 3, 4, 6... */
static unsigned duration_bin(uint64_t ns)
{
	unsigned top = ns ? 63u - (unsigned)__builtin_clzll(ns) : 0;

	return 2 * top + (top ? (unsigned)(ns >> (top - 1)) & 1 : 0);
}

static double bin_start(unsigned bin)
{
	return (double)((uint64_t)1 << bin / 2) * (bin % 2 ? 1.5 : 1.0) / 1e9;
}

static void gather_durations(const struct histogram *h, double bins[DURATION_BINS])
{
	memset(bins, 0, DURATION_BINS * sizeof(*bins));
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		bins[duration_bin(bucket_start(i))] += 100.0 * h->buckets[i] / (double)h->count;
}

/* A few calls have no distribution; they are only drawn where there is nothing else. */
static size_t choose_latencies(const struct report *r, unsigned ops[OPS_SHOWN])
{
	unsigned all[TRACE_OP_LIMIT];
	size_t count = report_main_ops(r, true, all, TRACE_OP_LIMIT), chosen = 0;

	for (size_t i = 0; i < count && chosen < OPS_SHOWN; i++)
		if (r->ops[all[i]].histogram->count >= FEW_CALLS)
			ops[chosen++] = all[i];
	for (size_t i = 0; !chosen && i < count && i < OPS_SHOWN; i++)
		ops[i] = all[i];
	return chosen ? chosen : count < OPS_SHOWN ? count : OPS_SHOWN;
}

static void write_latencies(const struct report *r, FILE *out)
{
	unsigned ops[OPS_SHOWN], first = DURATION_BINS, last = 0;
	size_t count = choose_latencies(r, ops);
	double bins[OPS_SHOWN][DURATION_BINS];

	for (size_t k = 0; k < count; k++) {
		gather_durations(r->ops[ops[k]].histogram, bins[k]);
		for (unsigned i = 0; i < DURATION_BINS; i++) {
			if (bins[k][i] <= 0)
				continue;
			first = i < first ? i : first;
			last = i > last ? i : last;
		}
	}
	first -= first > 0;
	last += last < DURATION_BINS - 1;
	fputs("set logscale x\nset format x '%.0s%cs'\nset xlabel 'time of a call'\n"
	      "set ylabel '% of the calls'\nset yrange [0:*]\n"
	      "set key outside right top vertical reverse Left samplen 1.5\n$data << EOD\n", out);
	for (unsigned i = first; i <= last; i++) {
		fprintf(out, "%.6g", bin_start(i));
		for (size_t k = 0; k < count; k++)
			fprintf(out, " %.6g", bins[k][i]);
		putc('\n', out);
	}
	fprintf(out, "EOD\nset xrange [%.6g:%.6g]\nplot ", bin_start(first), bin_start(last));
	for (size_t k = 0; k < count; k++) {
		fprintf(out, "%s$data using 1:%zu with steps ls %zu lw 2 title ", k ? ", " : "", k + 2,
			k + 1);
		plot_quote(out, trace_op_name(r->query.reader, ops[k]));
	}
	putc('\n', out);
}

static bool find_sizes(const struct report *r, unsigned *first, unsigned *last)
{
	*first = REPORT_SIZES;
	for (unsigned i = 0; i < REPORT_SIZES; i++) {
		if (!r->reads[i] && !r->writes[i])
			continue;
		*first = *first < REPORT_SIZES ? *first : i;
		*last = i;
	}
	return *first < REPORT_SIZES;
}

static unsigned sizes_height(const struct report *r)
{
	unsigned first, last;

	return find_sizes(r, &first, &last) ? HEIGHT : 0;
}

static void write_sizes(const struct report *r, FILE *out)
{
	static const char units[] = " KMGTPE";
	unsigned first, last;

	if (!find_sizes(r, &first, &last))
		return;
	write_format(out, 'y', (double)largest(r->reads, r->writes, REPORT_SIZES), "");
	fputs("set ylabel 'calls'\nset yrange [0:*]\nset boxwidth 0.38\n"
	      "set key outside right top vertical reverse Left samplen 1.5\n"
	      "set style fill solid 0.85 noborder\nset xlabel 'bytes read or written by a call'\n"
	      "set xtics scale 0 ", out);
	fputs(last - first > LEVEL_LABELS ? "rotate by 45 right (" : "(", out);
	/* Bin n holds 2^(n-1) to 2^n - 1 bytes. */
	for (unsigned i = first; i <= last; i++) {
		unsigned power = i ? i - 1 : 0;

		fprintf(out, "%s'%s%u%.*s' %u", i > first ? ", " : "", i > 1 ? "≥" : "",
			i ? 1u << power % 10 : 0, i && power >= 10, &units[power / 10], i);
	}
	fputs(")\n$data << EOD\n", out);
	for (unsigned i = first; i <= last; i++)
		fprintf(out, "%u %" PRIu64 " %" PRIu64 "\n", i, r->reads[i], r->writes[i]);
	fprintf(out, "EOD\nset xrange [%g:%g]\n", first - 0.7, last + 0.7);
	fputs("plot $data using ($1-0.2):2 with boxes ls 1 title 'reads', "
	      "$data using ($1+0.2):3 with boxes ls 2 title 'writes'\n", out);
}

/* --- bars ----------------------------------------------------------------------------------- */

struct bars {
	uint32_t ids[BARS_MAX]; /* by time */
	size_t count;
};

/* Puts an id among those with the most time. */
static void add_bar(struct bars *bars, uint32_t id, uint64_t (*ns)(const struct report *, uint32_t),
		    const struct report *r)
{
	size_t i = bars->count;

	if (i == BARS_MAX && ns(r, bars->ids[--i]) >= ns(r, id))
		return;
	for (; i > 0 && ns(r, bars->ids[i - 1]) < ns(r, id); i--)
		bars->ids[i] = bars->ids[i - 1];
	bars->ids[i] = id;
	bars->count += bars->count < BARS_MAX;
}

static uint64_t file_ns(const struct report *r, uint32_t id)
{
	return r->files[id - 1].sums.ns;
}

static uint64_t command_ns(const struct report *r, uint32_t id)
{
	return r->commands[id - 1].sums.ns;
}

static struct bars choose_files(const struct report *r)
{
	struct bars bars = { 0 };

	for (uint32_t id = 1; id <= r->file_ids.count; id++)
		if ((r->files[id - 1].type & S_IFMT) == S_IFREG)
			add_bar(&bars, id, file_ns, r);
	return bars;
}

static struct bars choose_commands(const struct report *r)
{
	struct bars bars = { 0 };

	for (uint32_t id = 1; id <= r->command_ids.count; id++)
		add_bar(&bars, id, command_ns, r);
	return bars;
}

static unsigned bars_height(size_t count)
{
	return count ? 60 + BAR_HEIGHT * (unsigned)count : 0;
}

static unsigned files_height(const struct report *r)
{
	return bars_height(choose_files(r).count);
}

static unsigned commands_height(const struct report *r)
{
	return bars_height(choose_commands(r).count);
}

/* The end of a path says most. */
static void write_label(FILE *out, const char *text)
{
	size_t length = strlen(text);
	char shown[LABEL_MAX + 8];

	if (length > LABEL_MAX)
		snprintf(shown, sizeof(shown), "...%s", text + length - LABEL_MAX + 3);
	else
		snprintf(shown, sizeof(shown), "%s", text);
	plot_quote(out, shown);
}

static void write_bars(const struct report *r, FILE *out, const struct bars *bars, bool files)
{
	char path[EVENT_PATH_SIZE];

	fputs("unset grid\nset grid x lt 1 lw 0.5 lc rgb '#dddddd'\nset border 1\nunset key\n"
	      "set xlabel 'time in the daemon'\nset xrange [0:*]\n"
	      "set style fill solid 0.85 noborder\nset ytics scale 0 (", out);
	for (size_t i = 0; i < bars->count; i++) {
		fputs(i ? ", " : "", out);
		if (files)
			write_label(out, report_path(r, bars->ids[i], path, sizeof(path)));
		else
			write_label(out, report_command_name(r, bars->ids[i]));
		fprintf(out, " %zu", i);
	}
	fputs(")\n$data << EOD\n", out);
	for (size_t i = 0; i < bars->count; i++)
		fprintf(out, "%zu %.9g\n", i,
			seconds(files ? file_ns(r, bars->ids[i]) : command_ns(r, bars->ids[i])));
	fprintf(out, "EOD\nset yrange [%g:-0.6]\n", (double)bars->count - 0.4);
	write_format(out, 'x', seconds(files ? file_ns(r, bars->ids[0]) : command_ns(r, bars->ids[0])),
		     "s");
	fprintf(out, "plot $data using 2:1:(0):2:($1-0.38):($1+0.38) with boxxyerror ls %d\n",
		files ? 1 : 3);
}

static void write_files(const struct report *r, FILE *out)
{
	struct bars bars = choose_files(r);

	write_bars(r, out, &bars, true);
}

static void write_commands(const struct report *r, FILE *out)
{
	struct bars bars = choose_commands(r);

	write_bars(r, out, &bars, false);
}

/* --- all of them ---------------------------------------------------------------------------- */

const struct report_figure report_figures[] = {
	{ "operations", "Calls over time", "Calls per second; lines from top to bottom are marks.", usual_height,
	  write_operations },
	{ "bytes", "Bytes over time", "What read and write calls moved.", bytes_height, write_bytes },
	{ "latency", "Time of a call",
	  "Of the operations that took most time: how many of their calls took how long.",
	  usual_height, write_latencies },
	{ "sizes", "Sizes of reads and writes", "What each call moved, in powers of two.", sizes_height,
	  write_sizes },
	{ "files", "Files", "Those on which most time was spent.", files_height, write_files },
	{ "commands", "Commands", "Those for which most time was spent, all processes of a name together.",
	  commands_height, write_commands },
	{ 0 },
};

struct plot *report_draw(const struct report *r, const struct report_figure *f, enum plot_kind kind,
			 bool titled)
{
	struct plot *p = plot_begin(&(struct plot_options){
		.kind = kind,
		.width = WIDTH,
		.height = f->height(r) + (titled ? 30 : 0),
		.name = f->name,
	});

	if (!p)
		return NULL;
	if (titled) {
		fputs("set title ", plot_script(p));
		plot_quote(plot_script(p), f->title);
		putc('\n', plot_script(p));
	}
	f->write(r, plot_script(p));
	return p;
}
