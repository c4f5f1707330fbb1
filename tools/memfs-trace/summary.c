/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary - one line an operation, as strace -c has it, with percentiles. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "histogram.h"

static const char help[] =
	"Usage: memfs-trace summary [-S KEY] FILE|MOUNTPOINT\n"
	"Count the calls of each operation, and the time the daemon took for them.\n"
	"\n"
	"  -S, --sort=KEY   time (default), calls, errors, or name\n"
	"      --between FIRST LAST\n"
	"                   only what happened between two marks (memfs.trace.mark)\n"
	"  -h, --help       show this text\n"
	"\n"
	"% time is the share of all time in handlers; times of single calls are in\n"
	"microseconds, from the call's arrival until its reply was sent. A call that waits\n"
	"in the kernel's queue is not counted before it arrives.\n";

struct row {
	struct histogram *histogram;
	uint64_t errors, bytes;
	unsigned op;
};

struct sums {
	struct row rows[TRACE_OP_LIMIT];
	uint64_t calls, errors, ns;
};

static const struct trace_reader *sort_reader;

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static uint64_t calls_of(const struct row *r)
{
	return r->histogram ? r->histogram->count : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return by_number(x->histogram ? x->histogram->sum : 0,
			 y->histogram ? y->histogram->sum : 0);
}

static int by_calls(const void *a, const void *b)
{
	return by_number(calls_of(a), calls_of(b));
}

static int by_errors(const void *a, const void *b)
{
	return by_number(((const struct row *)a)->errors, ((const struct row *)b)->errors);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(trace_op_name(sort_reader, ((const struct row *)a)->op),
		      trace_op_name(sort_reader, ((const struct row *)b)->op));
}

typedef int (*compare_fn)(const void *, const void *);

static compare_fn find_order(const char *key)
{
	static const struct {
		const char *key;
		compare_fn compare;
	} orders[] = {
		{ "time", by_time }, { "calls", by_calls }, { "errors", by_errors },
		{ "name", by_name },
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(key, orders[i].key) == 0)
			return orders[i].compare;
	return NULL;
}

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
	s->ns += e->duration_ns;
}

static void print_row(const struct trace_reader *r, const struct sums *s, const struct row *row)
{
	const struct histogram *h = row->histogram;
	char errors[24] = "";

	if (row->errors)
		snprintf(errors, sizeof(errors), "%" PRIu64, row->errors);
	printf("%6.2f %11.6f %9" PRIu64 " %8s %8.1f %8.1f %8.1f %9.1f  %s\n",
	       s->ns ? 100.0 * (double)h->sum / (double)s->ns : 0.0, (double)h->sum / 1e9,
	       h->count, errors, (double)histogram_percentile(h, 0.5) / 1e3,
	       (double)histogram_percentile(h, 0.95) / 1e3,
	       (double)histogram_percentile(h, 0.99) / 1e3, (double)h->max / 1e3,
	       trace_op_name(r, row->op));
}

static void print_table(const struct trace_reader *r, const struct sums *s)
{
	static const char rule[] =
		"------ ----------- --------- -------- -------- -------- -------- ---------  ---------------";
	uint64_t read = 0, written = 0;
	char errors[24] = "";

	printf("%6s %11s %9s %8s %8s %8s %8s %9s  %s\n%s\n", "% time", "total_s", "calls", "errors",
	       "p50us", "p95us", "p99us", "max_us", "op", rule);
	for (unsigned i = 0; i < TRACE_OP_LIMIT; i++) {
		const struct row *row = &s->rows[i];

		if (!row->histogram)
			continue;
		print_row(r, s, row);
		if (row->op == TRACE_OP_READ)
			read = row->bytes;
		if (row->op == TRACE_OP_WRITE)
			written = row->bytes;
	}
	if (s->errors)
		snprintf(errors, sizeof(errors), "%" PRIu64, s->errors);
	printf("%s\n%6.2f %11.6f %9" PRIu64 " %8s %8s %8s %8s %9s  total\n", rule,
	       s->ns ? 100.0 : 0.0, (double)s->ns / 1e9, s->calls, errors, "", "", "", "");
	printf("bytes read %" PRIu64 ", written %" PRIu64 " (cache=%s)\n", read, written,
	       trace_meta(r, "cache") ? trace_meta(r, "cache") : "?");
}

int command_summary(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sort", required_argument, NULL, 'S' },
		{ "between", required_argument, NULL, 'B' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	compare_fn compare = by_time;
	struct between between = { 0 };
	struct trace_event event;
	struct trace_reader *r;
	struct sums *s;
	const char *path;
	int c;

	while ((c = next_option(argc, argv, "S:h", options, help, &path)) >= 0) {
		if (c == 'B') {
			if (!between_parse(&between, argc, argv))
				return 2;
			continue;
		}
		compare = find_order(optarg);
		if (!compare)
			return complain(optarg, "sort key is one of time, calls, errors, name");
	}
	if (c < -1)
		return c == -3 ? 0 : 2;
	r = open_trace(path);
	if (!r)
		return 2;
	s = calloc(1, sizeof(*s));
	if (!s)
		return complain("summary", "out of memory");
	for (unsigned i = 0; i < TRACE_OP_LIMIT; i++)
		s->rows[i].op = i;
	while (next_event(r, path, &event))
		if (between_wants(&between, &event))
			add(s, &event);
	sort_reader = r;
	qsort(s->rows, TRACE_OP_LIMIT, sizeof(s->rows[0]), compare);
	print_verdict(r);
	print_table(r, s);
	for (unsigned i = 0; i < TRACE_OP_LIMIT; i++)
		free(s->rows[i].histogram);
	free(s);
	trace_close(r);
	return between_verdict(&between);
}
