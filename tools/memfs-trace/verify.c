/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify - looks at each block of a trace: which are whole, and what is wrong with the others. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <memfs/trace_blocks.h>

#include "command.h"
#include "format.h"
#include "query.h"

static const struct option options[] = {
	{ "verbose", no_argument, NULL, 'v' },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace verify [OPTION...] FILE|MOUNTPOINT\n"
		"Check each block of the file, the closing record, and that the recorder's totals\n"
		"are those of the events. Lists what is damaged or missing. Exit status 0 if the\n"
		"file is whole, else 1; `recover` saves what is good.\n"
		"\n"
		"  -v, --verbose        list good blocks too\n",
	.short_options = "v",
	.options = options,
	.shared = QUERY_TABLE | QUERY_JSON,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "offset", .title = "offset", .kind = COLUMN_COUNT },
	{ .key = "length", .title = "length", .kind = COLUMN_COUNT },
	{ .key = "sequence", .title = "block", .kind = COLUMN_COUNT },
	{ .key = "found", .title = "found", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "count", .title = "events", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "first_ns", .title = "first_ns", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "last_ns", .title = "last_ns", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "lost", .title = "lost", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "state", .title = "state", .kind = COLUMN_TEXT },
	{ .key = "what", .title = "what", .kind = COLUMN_TEXT },
};

enum { OFFSET, LENGTH, SEQUENCE, FOUND, COUNT, FIRST, LAST, LOST, STATE, WHAT, COLUMNS };

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

enum agreement { NOT_COMPARED, AGREE, DISAGREE };

static const char *const agreement_names[] = { "not compared", "agree", "disagree" };

struct findings {
	struct table *table;
	bool verbose;
	uint64_t good, damaged, missing, out_of_order, torn_bytes, events;
	enum agreement totals, counts;
};

/* --- blocks --------------------------------------------------------------------- */

static const struct {
	const char *state, *what;
} faults[] = {
	[TRACE_FAULT_NONE] = { "good", "" },
	[TRACE_FAULT_MAGIC] = { "magic", "no block begins here" },
	[TRACE_FAULT_LENGTH] = { "length", "its length cannot be right" },
	[TRACE_FAULT_CHECKSUM] = { "checksum", "its bytes are not those that were written" },
	[TRACE_FAULT_TORN] = { "torn", "the file ends within it" },
	[TRACE_FAULT_SEQUENCE] = { "missing", "" },
	[TRACE_FAULT_RECORDS] = { "records", "was written wrong" },
};

static void count(struct findings *f, const struct trace_block *b)
{
	switch (b->fault) {
	case TRACE_FAULT_NONE:
		f->good++;
		f->events += b->events;
		break;
	case TRACE_FAULT_TORN:
		f->torn_bytes += b->length;
		break;
	case TRACE_FAULT_SEQUENCE:
		f->missing += b->found > b->sequence ? b->found - b->sequence : 0;
		f->out_of_order += b->found < b->sequence;
		break;
	default:
		f->damaged++;
		break;
	}
}

static void on_block(void *context, const struct trace_block *b)
{
	struct findings *f = context;
	const char *state = faults[b->fault].state, *what = faults[b->fault].what;
	char text[80];

	count(f, b);
	if (b->fault == TRACE_FAULT_NONE && !f->verbose)
		return;
	if (b->fault == TRACE_FAULT_SEQUENCE && b->found < b->sequence) {
		state = "order";
		what = "an earlier block stands here";
	} else if (b->fault == TRACE_FAULT_SEQUENCE) {
		snprintf(text, sizeof(text), "%" PRIu64 " block%s missing", b->found - b->sequence,
			 b->found - b->sequence == 1 ? " is" : "s are");
		what = text;
	}
	table_add(f->table, (struct value[COLUMNS]){
		[OFFSET].n = b->offset,
		[LENGTH].n = b->length,
		[SEQUENCE].n = b->sequence,
		[FOUND].n = b->found,
		[COUNT].n = b->events,
		[FIRST].n = b->first_ns,
		[LAST].n = b->last_ns,
		[LOST].n = b->lost,
		[STATE].text = state,
		[WHAT].text = what,
	});
}

/* --- totals --------------------------------------------------------------------- */

static void add(struct trace_totals *sums, const struct trace_event *e)
{
	struct trace_totals *t = &sums[e->op % TRACE_OP_LIMIT];

	t->calls++;
	t->errors += e->error != 0;
	t->bytes += e->done;
	t->ns += e->duration_ns;
}

/* Only where all events that were counted are in this file. */
static enum agreement compare(const struct trace_reader *r, const struct trace_totals *sums)
{
	struct trace_totals t;
	struct trace_info info;

	trace_get_info(r, &info);
	if (info.lost || info.skipped || info.segment || info.continued)
		return NOT_COMPARED;
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		const struct trace_totals *s = &sums[op];

		if (!trace_get_totals(r, op, &t))
			return NOT_COMPARED;
		if (t.calls != s->calls || t.errors != s->errors || t.bytes != s->bytes || t.ns != s->ns)
			return DISAGREE;
	}
	return AGREE;
}

static void read_events(struct query *q, struct findings *f)
{
	struct trace_totals sums[TRACE_OP_LIMIT] = { 0 };
	struct trace_event event;
	struct trace_info info;

	while (query_next(q, &event))
		add(sums, &event);
	trace_get_info(q->reader, &info);
	f->totals = compare(q->reader, sums);
	f->counts = info.events == f->events ? AGREE : DISAGREE;
}

/* --- saying it ------------------------------------------------------------------ */

static bool is_good(const struct query *q, const struct findings *f)
{
	struct trace_info info;

	trace_get_info(q->reader, &info);
	return info.complete && !f->damaged && !f->missing && !f->out_of_order && !f->torn_bytes &&
	       f->totals != DISAGREE && f->counts != DISAGREE;
}

static void print_text(const struct query *q, const struct findings *f)
{
	const char *end = "missing: still being recorded, or cut off";
	struct trace_info info;

	query_print_head(q);
	trace_get_info(q->reader, &info);
	if (info.complete)
		end = "there";
	else if (info.recovered)
		end = "not to be relied on: the trace was recovered from damage";
	printf("blocks           %" PRIu64 " good, %" PRIu64 " damaged, %" PRIu64 " missing, %" PRIu64
	       " out of order\n", f->good, f->damaged, f->missing, f->out_of_order);
	printf("torn at the end  %" PRIu64 " bytes\n", f->torn_bytes);
	printf("closing record   %s\n", end);
	printf("totals, events   %s\n", agreement_names[f->totals]);
	printf("blocks, events   %s\n", agreement_names[f->counts]);
	if (table_rows(f->table)) {
		putchar('\n');
		table_print(f->table, stdout, q->raw);
	}
	puts(is_good(q, f) ? "WHOLE" : "NOT WHOLE");
}

static void print_json(const struct query *q, const struct findings *f)
{
	json_t *object = query_json(q);

	json_object_set_new(object, "whole", json_boolean(is_good(q, f)));
	json_object_set_new(object, "good", json_integer((json_int_t)f->good));
	json_object_set_new(object, "damaged", json_integer((json_int_t)f->damaged));
	json_object_set_new(object, "missing", json_integer((json_int_t)f->missing));
	json_object_set_new(object, "out_of_order", json_integer((json_int_t)f->out_of_order));
	json_object_set_new(object, "torn_bytes", json_integer((json_int_t)f->torn_bytes));
	json_object_set_new(object, "totals", json_string(agreement_names[f->totals]));
	json_object_set_new(object, "counts", json_string(agreement_names[f->counts]));
	json_object_set_new(object, "rows", table_json(f->table));
	query_print_json(object);
}

static int verify(struct query *q, struct findings *f, const char *path)
{
	char file[PATH_MAX];
	const char *why;
	int err;

	f->table = table_create(columns, COLUMNS, &q->table, NULL);
	if (!f->table || !query_open(q, path))
		return QUERY_MISUSE;
	err = trace_scan(find_trace(path, file, sizeof(file)), on_block, f, &why);
	if (err)
		return complain(path, why);
	read_events(q, f);
	if (q->json)
		print_json(q, f);
	else
		print_text(q, f);
	return is_good(q, f) ? 0 : 1;
}

int command_verify(int argc, char **argv)
{
	struct findings f = { 0 };
	struct query q = { 0 };
	int c;

	while ((c = query_option(&q, &spec, argc, argv)) >= 0)
		f.verbose = true;
	if (c == QUERY_READY)
		c = verify(&q, &f, argv[optind]);
	if (f.table)
		table_free(f.table);
	return query_end(&q, c);
}
