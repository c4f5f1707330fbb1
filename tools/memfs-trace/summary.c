/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary - one line an operation, as strace -c has it, with percentiles. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "histogram.h"
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace summary [OPTION...] FILE|MOUNTPOINT\n"
		"Count the calls of each operation, and the time the daemon took for them.\n"
		"\n"
		"% time is the share of all time in handlers; times of single calls are in\n"
		"microseconds, from the call's arrival until its reply was sent. A call that waits\n"
		"in the kernel's queue is not counted before it arrives.\n"
		"\n",
	.short_options = "",
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
	{ .key = "time_ns", .title = "total_s", .kind = COLUMN_SECONDS },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "errors", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "p50_ns", .title = "p50us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "p95_ns", .title = "p95us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "p99_ns", .title = "p99us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "max_ns", .title = "max_us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "mean_ns", .title = "mean_us", .kind = COLUMN_US, .hidden = true },
	{ .key = "bytes", .title = "bytes", .kind = COLUMN_BYTES, .hidden = true },
	{ .key = "op", .title = "op", .kind = COLUMN_TEXT },
};

enum { PERCENT, TIME, CALLS, ERRORS, P50, P95, P99, MAX, MEAN, BYTES, OP, COLUMNS };

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

struct row {
	struct histogram *histogram; /* NULL = no calls */
	uint64_t errors, bytes;
};

struct sums {
	struct row rows[TRACE_OP_LIMIT];
	uint64_t calls, errors, bytes, ns;
};

static void add(struct sums *s, const struct trace_event *e)
{
	struct row *row = &s->rows[e->op % TRACE_OP_LIMIT];

	if (!row->histogram) {
		row->histogram = calloc(1, sizeof(*row->histogram));
		if (!row->histogram)
			exit(complain("summary", "out of memory"));
	}
	histogram_add(row->histogram, e->duration_ns);
	row->errors += e->error != 0;
	row->bytes += e->done;
	s->calls++;
	s->errors += e->error != 0;
	s->bytes += e->done;
	s->ns += e->duration_ns;
}

static void fill(struct table *t, const struct query *q, const struct sums *s)
{
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		const struct row *row = &s->rows[op];
		const struct histogram *h = row->histogram;

		if (!h)
			continue;
		table_add(t, (struct value[COLUMNS]){
			[PERCENT].d = s->ns ? 100.0 * (double)h->sum / (double)s->ns : 0.0,
			[TIME].n = h->sum,
			[CALLS].n = h->count,
			[ERRORS].n = row->errors,
			[P50].n = histogram_percentile(h, 0.5),
			[P95].n = histogram_percentile(h, 0.95),
			[P99].n = histogram_percentile(h, 0.99),
			[MAX].n = h->max,
			[MEAN].n = h->sum / h->count,
			[BYTES].n = row->bytes,
			[OP].text = trace_op_name(q->reader, op),
		});
	}
	table_set_total(t, (struct value[COLUMNS]){
		[PERCENT].d = s->ns ? 100.0 : 0.0,
		[TIME].n = s->ns,
		[CALLS].n = s->calls,
		[ERRORS].n = s->errors,
		[BYTES].n = s->bytes,
		[OP].text = "total",
	});
}

static void print(const struct query *q, struct table *t, const struct sums *s)
{
	const char *cache = trace_meta(q->reader, "cache");

	fill(t, q, s);
	query_print_table(q, t);
	if (!q->json)
		printf("bytes read %" PRIu64 ", written %" PRIu64 " (cache=%s)\n",
		       s->rows[TRACE_OP_READ].bytes, s->rows[TRACE_OP_WRITE].bytes,
		       cache ? cache : "?");
}

int command_summary(int argc, char **argv)
{
	static struct sums sums;
	struct query q = { 0 };
	struct trace_event event;
	struct table *t;
	int c = query_option(&q, &spec, argc, argv);

	if (c != QUERY_READY)
		return query_end(&q, c);
	t = table_create(columns, COLUMNS, &q.table, "time");
	if (!t || !query_open(&q, argv[optind])) {
		if (t)
			table_free(t);
		return query_end(&q, QUERY_MISUSE);
	}
	while (query_next(&q, &event))
		add(&sums, &event);
	print(&q, t, &sums);
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		free(sums.rows[op].histogram);
	table_free(t);
	return query_end(&q, 0);
}
