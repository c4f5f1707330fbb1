/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary - one line an operation, path, process..., as strace -c has it, with percentiles. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "nodes.h"
#include "histogram.h"
#include "keys.h"
#include "query.h"

#define BY_ALLOWED ((1u << KEY_NONE) - 1) /* all but that */

enum { OPTION_BY = 1 };

static const struct option options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace summary [OPTION...] FILE|MOUNTPOINT\n"
		"Count the calls of each operation, and the time the daemon took for them.\n"
		"\n"
		"% time is the share of all time in handlers; times of single calls are in\n"
		"microseconds, from the call's arrival until its reply was sent. A call that waits\n"
		"in the kernel's queue is not counted before it arrives.\n"
		"\n"
		"      --by=KEY         a line for each op (default), path, dir, process, command, errno\n"
		"                       or worker\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column all_columns[] = {
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
	{ .key = "read_bytes", .title = "read", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .kind = COLUMN_TEXT }, /* the key */
	/* Only by process: */
	{ .key = "pid", .title = "pid", .kind = COLUMN_COUNT, .hidden = true, .ascending = true },
	{ .key = "ppid", .title = "ppid", .kind = COLUMN_COUNT, .hidden = true, .ascending = true },
	{ .key = "uid", .title = "uid", .kind = COLUMN_COUNT, .hidden = true, .ascending = true },
	{ .key = "gid", .title = "gid", .kind = COLUMN_COUNT, .hidden = true, .ascending = true },
	{ .key = "command", .title = "command", .kind = COLUMN_TEXT, .hidden = true },
};

enum {
	PERCENT, TIME, CALLS, ERRORS, P50, P95, P99, MAX, MEAN, BYTES, READ, WRITTEN, KEY,
	PID, PPID, UID, GID, COMMAND, COLUMNS
};

_Static_assert(sizeof(all_columns) / sizeof(all_columns[0]) == COLUMNS, "one constant a column");

struct row {
	struct small_histogram ns;
	uint64_t errors, bytes, read, written;
};

struct summary {
	struct query query;
	enum key_kind kind;
	struct column columns[COLUMNS];
	struct table *table;
	struct keys *keys;
	struct row *rows; /* by key; those without calls are none */
	size_t row_count;
	uint64_t calls, ns;
	struct row sums;  /* without the histogram */
};

/* --- counting --------------------------------------------------------------- */

static struct row *row_of(struct summary *s, uint32_t key)
{
	if (key >= s->row_count) {
		size_t count = s->row_count ? s->row_count + s->row_count / 2 : 64;

		if (count <= key)
			count = (size_t)key + 1;
		s->rows = realloc(s->rows, count * sizeof(*s->rows));
		if (!s->rows)
			exit(complain("summary", "out of memory"));
		memset(s->rows + s->row_count, 0, (count - s->row_count) * sizeof(*s->rows));
		s->row_count = count;
	}
	return &s->rows[key];
}

static void count(struct row *row, const struct trace_event *e)
{
	row->errors += e->error != 0;
	row->bytes += e->done;
	if (e->op == TRACE_OP_READ)
		row->read += e->done;
	else if (e->op == TRACE_OP_WRITE)
		row->written += e->done;
}

static void add(struct summary *s, uint32_t key, const struct trace_event *e)
{
	struct row *row = row_of(s, key);

	small_histogram_add(&row->ns, e->duration_ns);
	count(row, e);
	count(&s->sums, e);
	s->calls++;
	s->ns += e->duration_ns;
}

/* --- the table -------------------------------------------------------------- */

static bool make_table(struct summary *s)
{
	size_t count = s->kind == KEY_PROCESS ? COLUMNS : KEY + 1;

	memcpy(s->columns, all_columns, sizeof(all_columns));
	s->columns[KEY].key = s->columns[KEY].title = key_names[s->kind];
	/* By operation they would be one number each. */
	s->columns[READ].hidden = s->columns[WRITTEN].hidden = s->kind == KEY_OP;
	s->table = table_create(s->columns, count, &s->query.table, "time");
	return s->table != NULL;
}

static void fill_row(struct summary *s, uint32_t key)
{
	const struct row *row = &s->rows[key];
	const struct small_histogram *h = &row->ns;
	const struct trace_process *p = keys_process(s->keys, key);
	const char *name = keys_text(s->keys, key);

	table_add(s->table, (struct value[COLUMNS]){
		[PERCENT].d = s->ns ? 100.0 * (double)h->sum / (double)s->ns : 0.0,
		[TIME].n = h->sum,
		[CALLS].n = h->count,
		[ERRORS].n = row->errors,
		[P50].n = small_histogram_percentile(h, 0.5),
		[P95].n = small_histogram_percentile(h, 0.95),
		[P99].n = small_histogram_percentile(h, 0.99),
		[MAX].n = h->max,
		[MEAN].n = small_histogram_mean(h),
		[BYTES].n = row->bytes,
		[READ].n = row->read,
		[WRITTEN].n = row->written,
		[KEY].text = name || s->query.json ? name : "-",
		[PID].n = p ? p->pid : 0,
		[PPID].n = p ? p->ppid : 0,
		[UID].n = p ? p->uid : 0,
		[GID].n = p ? p->gid : 0,
		[COMMAND].text = p ? p->comm : "kernel",
	});
}

static void fill(struct summary *s)
{
	for (size_t key = 0; key < s->row_count; key++) {
		if (s->rows[key].ns.count)
			fill_row(s, (uint32_t)key);
		small_histogram_free(&s->rows[key].ns);
	}
	table_set_total(s->table, (struct value[COLUMNS]){
		[PERCENT].d = s->ns ? 100.0 : 0.0,
		[TIME].n = s->ns,
		[CALLS].n = s->calls,
		[ERRORS].n = s->sums.errors,
		[MEAN].n = s->calls ? s->ns / s->calls : 0,
		[BYTES].n = s->sums.bytes,
		[READ].n = s->sums.read,
		[WRITTEN].n = s->sums.written,
		[KEY].text = "total",
	});
}

static void print(struct summary *s)
{
	const char *cache = trace_meta(s->query.reader, "cache");
	char shown[64];

	fill(s);
	query_print_table(&s->query, s->table);
	if (!s->query.json)
		printf("bytes read %" PRIu64 ", written %" PRIu64 " (cache=%s%s)\n", s->sums.read,
		       s->sums.written, format_escaped(cache ? cache : "?", shown, sizeof(shown)),
		       nodes_bytes_are_unseen(s->query.reader) ? ", passthrough" : "");
}

/* --- the command ------------------------------------------------------------ */

static int end(struct summary *s, int status)
{
	for (size_t key = 0; key < s->row_count; key++)
		small_histogram_free(&s->rows[key].ns);
	free(s->rows);
	if (s->keys)
		keys_free(s->keys);
	if (s->table)
		table_free(s->table);
	return query_end(&s->query, status);
}

int command_summary(int argc, char **argv)
{
	static struct summary s;
	struct query *q = &s.query;
	struct trace_event event;
	bool wanted;
	int c;

	while ((c = query_option(q, &spec, argc, argv)) >= 0) {
		s.kind = key_parse(optarg, BY_ALLOWED);
		if (s.kind == KEY_KINDS)
			return end(&s, QUERY_MISUSE);
	}
	if (c != QUERY_READY)
		return end(&s, c);
	if (!make_table(&s) || !query_open(q, argv[optind]))
		return end(&s, QUERY_MISUSE);
	s.keys = keys_create(s.kind, q->reader);
	while (query_next_any(q, &event, &wanted)) {
		uint32_t key = keys_next(s.keys, &event, wanted);

		if (wanted)
			add(&s, key, &event);
	}
	print(&s);
	return end(&s, 0);
}
