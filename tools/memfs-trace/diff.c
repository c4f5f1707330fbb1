/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff - two traces: what one has more of, what it no longer has, what is new. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "query.h"
#include "tally.h"

enum { OPTION_BY = 0x100, OPTION_EXIT_CODE, OPTION_ALL };

static const struct option own_options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ "exit-code", no_argument, NULL, OPTION_EXIT_CODE },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace diff [OPTION...] A B\n"
		"Compare two traces, files or mount points: calls, failed calls, bytes and time in A\n"
		"and in B, the difference (B less A) and the ratio (B by A). Paths are those at the\n"
		"moment of the call, from the root of the mount; of two paths, the first.\n"
		"\n"
		"      --by=WHAT        op (default), path or command\n"
		"      --all            also paths and commands of which nothing but the time differs\n"
		"      --exit-code      exit status 1 if counts or bytes differ; times never count\n",
	.short_options = "",
	.options = own_options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 2,
};

static const struct column columns[] = {
	{ .key = "calls_a", .title = "calls A", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "calls_b", .title = "calls B", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "delta", .title = "delta", .kind = COLUMN_DELTA, .blank_zero = true },
	{ .key = "ratio", .title = "ratio", .kind = COLUMN_RATIO },
	{ .key = "errors_a", .title = "errors A", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "errors_b", .title = "errors B", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "errors_delta", .title = "delta errors", .kind = COLUMN_DELTA, .hidden = true },
	{ .key = "bytes_a", .title = "bytes A", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "bytes_b", .title = "bytes B", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "bytes_delta", .title = "delta bytes", .kind = COLUMN_DELTA, .hidden = true },
	{ .key = "time_a_ns", .title = "A sec", .kind = COLUMN_SECONDS },
	{ .key = "time_b_ns", .title = "B sec", .kind = COLUMN_SECONDS },
	{ .key = "time_delta_ns", .title = "delta sec", .kind = COLUMN_DELTA_SECONDS, .hidden = true },
	{ .key = "time_ratio", .title = "ratio", .kind = COLUMN_RATIO },
	{ .key = "state", .title = "state", .kind = COLUMN_TEXT },
	{ .key = "what", .title = "op", .kind = COLUMN_TEXT },
};

enum {
	CALLS_A, CALLS_B, DELTA, RATIO, ERRORS_A, ERRORS_B, ERRORS_DELTA, BYTES_A, BYTES_B,
	BYTES_DELTA, TIME_A, TIME_B, TIME_DELTA, TIME_RATIO, STATE, WHAT, COLUMNS
};

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

enum by { BY_OP, BY_PATH, BY_COMMAND };

static const char *const by_names[] = { "op", "path", "command" };

struct comparison {
	enum by by;
	bool exit_code, all;
	struct column columns[COLUMNS];
	struct table *table;
	struct tally sides[2];
	size_t gone, new, changed, same;
};

/* --- taking in ---------------------------------------------------------------- */

static void take_in(struct comparison *c, struct tally *t, struct query *q)
{
	char path[EVENT_PATH_SIZE];
	struct trace_event e;

	while (query_next(q, &e)) {
		const char *key = trace_op_name(q->reader, e.op);

		if (c->by == BY_PATH)
			key = event_has_path(&e) ? event_path(q->reader, &e, path, sizeof(path)) : "";
		else if (c->by == BY_COMMAND)
			key = e.process ? e.process->comm : "kernel";
		tally_add(&tally_get(t, key, 0)->sums, &e);
	}
}

/* --- comparing ---------------------------------------------------------------- */

static double ratio(uint64_t a, uint64_t b)
{
	return a ? (double)b / (double)a : NAN;
}

static void set_values(struct value *v, const struct tally_sums *a, const struct tally_sums *b)
{
	v[CALLS_A].n = a->calls;
	v[CALLS_B].n = b->calls;
	v[DELTA].n = b->calls - a->calls;
	v[RATIO].d = ratio(a->calls, b->calls);
	v[ERRORS_A].n = a->errors;
	v[ERRORS_B].n = b->errors;
	v[ERRORS_DELTA].n = b->errors - a->errors;
	v[BYTES_A].n = a->bytes;
	v[BYTES_B].n = b->bytes;
	v[BYTES_DELTA].n = b->bytes - a->bytes;
	v[TIME_A].n = a->ns;
	v[TIME_B].n = b->ns;
	v[TIME_DELTA].n = b->ns - a->ns;
	v[TIME_RATIO].d = ratio(a->ns, b->ns);
}

static void add_sums(struct tally_sums *to, const struct tally_sums *from)
{
	to->calls += from->calls;
	to->errors += from->errors;
	to->bytes += from->bytes;
	to->ns += from->ns;
}

static void compare_row(struct comparison *c, const char *what, const struct tally_sums *a,
			const struct tally_sums *b)
{
	struct value values[COLUMNS] = { 0 };
	bool same = a->calls == b->calls && a->errors == b->errors && a->bytes == b->bytes;

	set_values(values, a, b);
	values[WHAT].text = what;
	values[STATE].text = !a->calls ? "new" : !b->calls ? "gone" : same ? NULL : "changed";
	c->new += !a->calls;
	c->gone += !b->calls;
	c->same += same;
	c->changed += a->calls && b->calls && !same;
	if (!same || c->all || c->by == BY_OP)
		table_add(c->table, values);
}

static void compare(struct comparison *c)
{
	static const struct tally_sums nothing;
	const struct tally *a = &c->sides[0], *b = &c->sides[1];
	struct value total[COLUMNS] = { 0 };
	struct tally_sums all[2] = { 0 };

	for (size_t i = 0; i < a->count; i++) {
		const struct tally_row *row = a->rows[i], *other = tally_find(b, row->text, 0);

		add_sums(&all[0], &row->sums);
		compare_row(c, row->text, &row->sums, other ? &other->sums : &nothing);
	}
	for (size_t i = 0; i < b->count; i++) {
		const struct tally_row *row = b->rows[i];

		add_sums(&all[1], &row->sums);
		if (!tally_find(a, row->text, 0))
			compare_row(c, row->text, &nothing, &row->sums);
	}
	set_values(total, &all[0], &all[1]);
	total[WHAT].text = "total";
	table_set_total(c->table, total);
}

/* --- results ------------------------------------------------------------------ */

static void print_text(const struct comparison *c, const struct query *a, const struct query *b)
{
	char shown[4096];

	query_print_head(a);
	query_print_head(b);
	printf("# A = %s", format_escaped(a->path, shown, sizeof(shown)));
	printf(", B = %s\n", format_escaped(b->path, shown, sizeof(shown)));
	printf("# by %s: %zu new, %zu gone, %zu changed, %zu the same\n", by_names[c->by], c->new,
	       c->gone, c->changed, c->same);
	table_print(c->table, stdout, a->raw);
}

static void print_as_json(const struct comparison *c, const struct query *a, const struct query *b)
{
	json_t *root = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "by", by_names[c->by],
				 "a", query_json(a), "b", query_json(b),
				 "new", (json_int_t)c->new, "gone", (json_int_t)c->gone,
				 "changed", (json_int_t)c->changed, "same", (json_int_t)c->same,
				 "rows", table_json(c->table));

	json_set_name(json_object_get(root, "a"), "trace", a->path);
	json_set_name(json_object_get(root, "b"), "trace", b->path);
	query_print_json(root);
}

static bool take_by(struct comparison *c, const char *text)
{
	for (c->by = BY_OP; c->by <= BY_COMMAND; c->by++)
		if (strcmp(text, by_names[c->by]) == 0)
			return true;
	complain(text, "traces are compared by op, path or command");
	return false;
}

static int take_options(struct query *q, struct comparison *c, int argc, char **argv)
{
	int option;

	while ((option = query_option(q, &spec, argc, argv)) >= 0) {
		if (option == OPTION_EXIT_CODE)
			c->exit_code = true;
		else if (option == OPTION_ALL)
			c->all = true;
		else if (!take_by(c, optarg))
			return QUERY_MISUSE;
	}
	if (option != QUERY_READY)
		return option;
	memcpy(c->columns, columns, sizeof(columns));
	c->columns[WHAT].title = by_names[c->by];
	c->table = table_create(c->columns, COLUMNS, &q->table, "delta");
	return c->table ? option : QUERY_MISUSE;
}

/* B is asked the same as A: its query shares what the options have set. */
static bool run(struct comparison *c, struct query *a, struct query *b, char **paths)
{
	*b = *a;
	if (!query_open(a, paths[0]) || !query_open(b, paths[1]))
		return false;
	take_in(c, &c->sides[0], a);
	take_in(c, &c->sides[1], b);
	compare(c);
	if (a->json)
		print_as_json(c, a, b);
	else
		print_text(c, a, b);
	return filter_end(&b->filter);
}

int command_diff(int argc, char **argv)
{
	struct comparison c = { 0 };
	struct query a = { 0 }, b = { 0 };
	int status = take_options(&a, &c, argc, argv);

	if (status == QUERY_READY && !run(&c, &a, &b, argv + optind))
		status = QUERY_MISUSE;
	else if (status == QUERY_READY)
		status = c.exit_code && (c.new || c.gone || c.changed);
	if (b.reader)
		trace_close(b.reader);
	if (c.table)
		table_free(c.table);
	tally_clear(&c.sides[0]);
	tally_clear(&c.sides[1]);
	return query_end(&a, status);
}
