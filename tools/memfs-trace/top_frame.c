/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_frame.c - what happened in one interval: summed up, and as text. */
#include <inttypes.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "top.h"

const char *const top_view_names[TOP_VIEWS] = { "process", "file", "op" };

/* Titles are as wide as values commonly are: columns should not jump from frame to frame. */
static const struct column columns[] = {
	{ .key = "percent", .title = "% time", .kind = COLUMN_PERCENT },
	{ .key = "time_ns", .title = "   seconds", .kind = COLUMN_SECONDS },
	{ .key = "calls", .title = "   calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "  errors", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "bytes", .title = "   bytes", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "mean_ns", .title = " mean_us", .kind = COLUMN_US },
	{ .key = "max_ns", .title = "  max_us", .kind = COLUMN_US },
	{ .key = "what", .title = "process", .kind = COLUMN_TEXT },
};

enum { PERCENT, TIME, CALLS, ERRORS, BYTES, MEAN, MAX, WHAT, COLUMNS };

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

void top_frame_add(struct top_frame *f, const struct trace_reader *r, const struct trace_event *e)
{
	const struct trace_process *p = e->process;
	char path[EVENT_PATH_SIZE];

	tally_add(&tally_get(&f->views[TOP_PROCESS], p ? p->comm : "kernel", p ? p->pid : 0)->sums, e);
	tally_add(&tally_get(&f->views[TOP_OP], trace_op_name(r, e->op), 0)->sums, e);
	if (event_has_path(e))
		tally_add(&tally_get(&f->views[TOP_FILE], event_path(r, e, path, sizeof(path)),
				     0)->sums, e);
	tally_add(&f->all, e);
	f->read += e->op == TRACE_OP_READ ? e->done : 0;
	f->written += e->op == TRACE_OP_WRITE ? e->done : 0;
}

void top_frame_clear(struct top_frame *f)
{
	for (int view = 0; view < TOP_VIEWS; view++)
		tally_clear(&f->views[view]);
	*f = (struct top_frame){ 0 };
}

static void print_rates(const struct top_frame *f, const struct query *q, const char *state,
			FILE *out)
{
	double seconds = (double)(f->end_ns - f->start_ns) / 1e9;
	char ops[FORMAT_SIZE], errors[FORMAT_SIZE], read[FORMAT_SIZE], written[FORMAT_SIZE];
	char mean[FORMAT_SIZE];

	if (seconds <= 0)
		seconds = 1;
	/* A trace that was damaged may be of any time. */
	fprintf(out, "%s, from %.3f s on %.3f s: %s ops/s, %s errors/s, read %s/s, written %s/s, "
		"mean %s\n", state, (double)(int64_t)(f->start_ns - q->filter.began_ns) / 1e9, seconds,
		format_count((uint64_t)((double)f->all.calls / seconds + 0.5), ops),
		format_count((uint64_t)((double)f->all.errors / seconds + 0.5), errors),
		format_bytes((uint64_t)((double)f->read / seconds), read),
		format_bytes((uint64_t)((double)f->written / seconds), written),
		format_duration(f->all.calls ? f->all.ns / f->all.calls : 0, mean));
}

static void add_row(struct table *t, const struct top_frame *f, const struct tally_row *row,
		    enum top_view view)
{
	const struct tally_sums *s = &row->sums;
	char name[512];

	if (view == TOP_PROCESS)
		snprintf(name, sizeof(name), "%s/%" PRIu64, row->text, row->number);
	table_add(t, (struct value[COLUMNS]){
		[PERCENT].d = f->all.ns ? 100.0 * (double)s->ns / (double)f->all.ns : 0.0,
		[TIME].n = s->ns,
		[CALLS].n = s->calls,
		[ERRORS].n = s->errors,
		[BYTES].n = s->bytes,
		[MEAN].n = s->ns / s->calls,
		[MAX].n = s->max_ns,
		[WHAT].text = view == TOP_PROCESS ? name : row->text,
	});
}

bool top_frame_check(const struct query *q)
{
	struct table *t = table_create(columns, COLUMNS, &q->table, "time");

	if (!t)
		return false;
	table_free(t);
	return true;
}

void top_frame_print(const struct top_frame *f, const struct query *q,
		     const struct top_style *style, FILE *out)
{
	const struct tally *rows = &f->views[style->view];
	struct table_options options = q->table;
	struct column shown[COLUMNS];
	struct table *t;

	for (int i = 0; i < COLUMNS; i++)
		shown[i] = columns[i];
	shown[WHAT].title = top_view_names[style->view];
	if (style->rows && (!options.top || style->rows < options.top))
		options.top = style->rows;
	t = table_create(shown, COLUMNS, &options, "time");
	if (!t) /* top_frame_check() has told */
		return;
	for (size_t i = 0; i < rows->count; i++)
		add_row(t, f, rows->rows[i], style->view);
	write_verdict(out, q->reader);
	print_rates(f, q, style->state, out);
	table_print(t, out, q->raw);
	table_free(t);
}
