/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline - how much happened when: a row of bars for each measure, a table, or a picture. */
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "command.h"
#include "event.h"
#include "format.h"
#include "plot.h"
#include "query.h"
#include "timeline.h"

#define MARK_SIZE 1024

enum { OPTION_INTERVAL = 1, OPTION_TABLE, OPTION_SVG, OPTION_PNG };

static const struct option options[] = {
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "table", no_argument, NULL, OPTION_TABLE },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "png", required_argument, NULL, OPTION_PNG },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace timeline [OPTION...] FILE|MOUNTPOINT\n"
		"Show how much happened when: calls, bytes read and written, errors, and latency, in\n"
		"rows of bars, one an interval. Calls count for the interval in which they began. Below\n"
		"stand the marks (memfs.trace.mark).\n"
		"\n"
		"      --interval=TIME  so long (default: a round length of which there are up to 60)\n"
		"      --table          a line for each interval; so do -S, -U, --top\n"
		"      --svg=FILE       draw a picture, with gnuplot(1), instead\n"
		"      --png=FILE       the same\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

static const struct column columns[] = {
	{ .key = "time_ns", .title = "time", .kind = COLUMN_SECONDS, .ascending = true },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "calls_per_s", .title = "calls/s", .kind = COLUMN_RATIO, .blank_zero = true },
	{ .key = "errors", .title = "errors", .kind = COLUMN_COUNT, .blank_zero = true },
	{ .key = "read_bytes", .title = "read", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "written_bytes", .title = "written", .kind = COLUMN_BYTES, .blank_zero = true },
	{ .key = "mean_ns", .title = "mean_us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "p50_ns", .title = "p50us", .kind = COLUMN_US, .blank_zero = true, .hidden = true },
	{ .key = "p99_ns", .title = "p99us", .kind = COLUMN_US, .blank_zero = true },
	{ .key = "max_ns", .title = "max_us", .kind = COLUMN_US, .blank_zero = true },
};

enum { TIME, CALLS, CALLS_PER_S, ERRORS, READ, WRITTEN, MEAN, P50, P99, MAX, COLUMNS };

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

struct timeline {
	struct query query;
	struct activity activity;
	struct table *table;
	uint64_t interval_ns;  /* 0 = what fits */
	bool as_table;
	const char *svg, *png; /* files; NULL = none */
	bool begun, too_many;
};

static uint64_t offset_of(const struct timeline *t)
{
	uint64_t began_ns = t->query.filter.began_ns;

	return t->activity.origin_ns > began_ns ? t->activity.origin_ns - began_ns : 0;
}

/* --- rows of bars --------------------------------------------------------------- */

static uint64_t per_second(const struct activity *a, uint64_t amount)
{
	return (uint64_t)(activity_rate(a, amount) + 0.5);
}

static uint64_t calls_of(const struct activity *a, const struct interval *i)
{
	return per_second(a, i->ns.count);
}

static uint64_t errors_of(const struct activity *a, const struct interval *i)
{
	return per_second(a, i->errors);
}

static uint64_t read_of(const struct activity *a, const struct interval *i)
{
	return per_second(a, i->read);
}

static uint64_t written_of(const struct activity *a, const struct interval *i)
{
	return per_second(a, i->written);
}

static uint64_t mean_of(const struct activity *a, const struct interval *i)
{
	(void)a;
	return small_histogram_mean(&i->ns);
}

static uint64_t p99_of(const struct activity *a, const struct interval *i)
{
	(void)a;
	return small_histogram_percentile(&i->ns, 0.99);
}

static const struct measure {
	const char *title;
	uint64_t (*of)(const struct activity *a, const struct interval *i);
	const char *(*format)(uint64_t n, char buf[FORMAT_SIZE]);
} measures[] = {
	{ "calls/s", calls_of, format_count },
	{ "errors/s", errors_of, format_count },
	{ "read/s", read_of, format_bytes },
	{ "written/s", written_of, format_bytes },
	{ "latency, mean", mean_of, format_duration },
	{ "latency, p99", p99_of, format_duration },
};

#define MEASURES (sizeof(measures) / sizeof(measures[0]))

static bool is_utf8(void)
{
	/* Not setlocale(3), which would change more than that. */
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

	if (locale)
		freelocale(locale);
	return utf8;
}

/* 0 is nothing, and anything more is something. */
static const char *bar_of(uint64_t n, uint64_t most, bool utf8)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	unsigned level = n ? (unsigned)((double)n * 8 / (double)most) : 0;

	if (n && level < 8)
		level++;
	return (utf8 ? blocks : ascii)[level];
}

static const char *format_raw(uint64_t n, char buf[FORMAT_SIZE])
{
	snprintf(buf, FORMAT_SIZE, "%" PRIu64, n);
	return buf;
}

static uint64_t highest(const struct activity *a, const struct measure *m)
{
	uint64_t most = 0;

	for (size_t i = 0; i < a->count; i++) {
		uint64_t n = m->of(a, &a->intervals[i]);

		most = n > most ? n : most;
	}
	return most;
}

static void print_measure(const struct timeline *t, const struct measure *m, uint64_t most,
			  size_t from, size_t to, bool utf8)
{
	const struct activity *a = &t->activity;
	char shown[FORMAT_SIZE];

	while (to > from && m->of(a, &a->intervals[to - 1]) == 0)
		to--;
	printf("%-13s %10s%s", m->title, t->query.raw ? format_raw(most, shown) : m->format(most, shown),
	       to > from ? "  " : "");
	for (size_t i = from; i < to; i++)
		fputs(bar_of(m->of(a, &a->intervals[i]), most, utf8), stdout);
	putchar('\n');
}

/* "1.25s", with as many digits as steps of that length need. */
static const char *format_moment(uint64_t ns, uint64_t step_ns, char buf[FORMAT_SIZE])
{
	int digits = 9;

	for (uint64_t power = 10; digits > 0 && step_ns % power == 0; power *= 10)
		digits--;
	snprintf(buf, FORMAT_SIZE, "%.*fs", digits, (double)ns / 1e9);
	return buf;
}

/* Below the bars: a time every ten of them, or twenty where it takes more room. */
static void print_axis(const struct timeline *t, size_t from, size_t to)
{
	const struct activity *a = &t->activity;
	char last[FORMAT_SIZE], moment[FORMAT_SIZE];
	size_t every, at = 0;

	format_moment(offset_of(t) + to * a->step_ns, a->step_ns, last);
	every = strlen(last) < 9 ? 10 : 20;
	printf("%26s", "");
	for (size_t i = from; i < to; i += every) {
		format_moment(offset_of(t) + i * a->step_ns, a->step_ns, moment);
		printf("%*s|%s", (int)(i - from - at), "", moment);
		at = i - from + 1 + strlen(moment);
	}
	putchar('\n');
}

/* a to z, A to Z, and then all over again. */
static char letter_of(size_t mark)
{
	return (char)(mark % 52 < 26 ? 'a' + mark % 52 : 'A' + mark % 52 - 26);
}

static void print_mark_letters(const struct activity *a, size_t from, size_t to)
{
	char letters[ACTIVITY_COLUMNS + 1];
	bool any = false;

	memset(letters, ' ', sizeof(letters));
	for (size_t i = 0; i < a->mark_count; i++) {
		size_t column = (size_t)(a->marks[i].ns / a->step_ns);

		if (column < from || column >= to)
			continue;
		any = true;
		letters[column - from] = letters[column - from] == ' ' ? letter_of(i) : '+';
	}
	letters[to - from] = '\0';
	for (size_t i = to - from; i > 0 && letters[i - 1] == ' '; i--)
		letters[i - 1] = '\0';
	if (any)
		printf("%-24s  %s\n", "marks (+: several)", letters);
}

static void print_marks(const struct timeline *t)
{
	const struct activity *a = &t->activity;
	char shown[MARK_SIZE];

	if (a->mark_count)
		puts("\nmarks:");
	for (size_t i = 0; i < a->mark_count; i++)
		printf("  %c %12.6f  %s\n", letter_of(i),
		       (double)(offset_of(t) + a->marks[i].ns) / 1e9,
		       format_escaped(a->marks[i].text, shown, sizeof(shown)));
}

static void print_bars(const struct timeline *t)
{
	const struct activity *a = &t->activity;
	uint64_t most[MEASURES];
	char step[FORMAT_SIZE];
	bool utf8 = is_utf8();

	query_print_head(&t->query);
	if (!t->begun)
		return;
	printf("# a column is %s, from 0 up to the highest, which stands before the row\n",
	       t->query.raw ? format_raw(a->step_ns, step) : format_duration(a->step_ns, step));
	for (size_t i = 0; i < MEASURES; i++)
		most[i] = highest(a, &measures[i]);
	for (size_t from = 0; from < a->count; from += ACTIVITY_COLUMNS) {
		size_t to = from + ACTIVITY_COLUMNS < a->count ? from + ACTIVITY_COLUMNS : a->count;

		putchar('\n');
		for (size_t i = 0; i < MEASURES; i++)
			print_measure(t, &measures[i], most[i], from, to, utf8);
		print_axis(t, from, to);
		print_mark_letters(a, from, to);
	}
	print_marks(t);
}

/* --- table and JSON --------------------------------------------------------------- */

static void fill(struct timeline *t)
{
	const struct activity *a = &t->activity;

	for (size_t i = 0; i < a->count; i++) {
		const struct interval *in = &a->intervals[i];

		table_add(t->table, (struct value[COLUMNS]){
			[TIME].n = offset_of(t) + i * a->step_ns,
			[CALLS].n = in->ns.count,
			[CALLS_PER_S].d = activity_rate(a, in->ns.count),
			[ERRORS].n = in->errors,
			[READ].n = in->read,
			[WRITTEN].n = in->written,
			[MEAN].n = small_histogram_mean(&in->ns),
			[P50].n = small_histogram_percentile(&in->ns, 0.5),
			[P99].n = small_histogram_percentile(&in->ns, 0.99),
			[MAX].n = in->ns.max,
		});
	}
}

static void print_json(struct timeline *t)
{
	const struct activity *a = &t->activity;
	json_t *object = query_json(&t->query), *marks = json_array();

	for (size_t i = 0; i < a->mark_count; i++) {
		json_t *mark = json_pack("{s:I}", "time_ns",
					 (json_int_t)(offset_of(t) + a->marks[i].ns));

		json_set_name(mark, "mark", a->marks[i].text);
		json_array_append_new(marks, mark);
	}
	json_object_set_new(object, "interval_ns", json_integer((json_int_t)a->step_ns));
	json_object_set_new(object, "rows", table_json(t->table));
	json_object_set_new(object, "marks", marks);
	query_print_json(object);
}

/* --- pictures --------------------------------------------------------------------- */

static const char *make_title(const struct timeline *t, char *buf, size_t size)
{
	const char *cache = trace_meta(t->query.reader, "cache");
	const char *name = strrchr(t->query.path, '/');
	char passed[FORMAT_SIZE], lost[FORMAT_SIZE], step[FORMAT_SIZE];
	struct trace_info info;

	trace_get_info(t->query.reader, &info);
	snprintf(buf, size, "%.60s: %s calls, %s lost, cache=%.16s, in intervals of %s",
		 name && name[1] ? name + 1 : t->query.path,
		 format_count(t->query.filter.active ? t->query.filter.passed : info.events, passed),
		 format_count(info.lost, lost), cache ? cache : "?",
		 format_duration(t->activity.step_ns, step));
	return buf;
}

static bool draw(const struct timeline *t, enum plot_kind kind, const char *file)
{
	struct plot *p;
	char title[256];

	if (!t->activity.count) {
		complain(t->query.path, "there is nothing to be drawn");
		return false;
	}
	p = plot_begin(&(struct plot_options){
		.kind = kind,
		.width = TIMELINE_WIDTH,
		.height = TIMELINE_HEIGHT,
	});
	if (!p)
		return false;
	timeline_plot(plot_script(p), &t->activity, offset_of(t), make_title(t, title, sizeof(title)));
	return plot_end_file(p, file);
}

/* --- events ------------------------------------------------------------------------ */

/* Where the picture begins: with the trace, or where the filters let it. */
static void begin(struct timeline *t, const struct trace_event *e)
{
	const struct filter *f = &t->query.filter;

	if (f->first && f->between == BETWEEN_BEFORE)
		return;
	activity_begin(&t->activity, f->first ? e->start_ns : f->began_ns + f->since_ns,
		       t->interval_ns);
	t->begun = true;
}

/* Every event of the trace in turn; `ended`: it is behind the last one that could pass. */
static void follow(struct timeline *t, const struct trace_event *e, bool passes, bool ended)
{
	const struct filter *f = &t->query.filter;
	uint64_t until_ns = f->until_ns ? f->began_ns + f->until_ns : UINT64_MAX;

	if (!t->begun)
		begin(t, e);
	if (!t->begun || e->start_ns < t->activity.origin_ns)
		return;
	if (!ended) {
		activity_extend(&t->activity, e->start_ns < until_ns ? e->start_ns : until_ns);
		if (e->start_ns < until_ns)
			activity_mark(&t->activity, e);
	}
	if (passes && !activity_add(&t->activity, e))
		t->too_many = true;
}

static int show(struct timeline *t)
{
	if (t->begun && (!activity_finish(&t->activity) || t->too_many))
		return complain("--interval", "too short: there would be more than 1,000,000 of them");
	if (t->svg && !draw(t, PLOT_SVG, t->svg))
		return 2;
	if (t->png && !draw(t, PLOT_PNG, t->png))
		return 2;
	if (t->query.json || t->as_table)
		fill(t);
	if (t->query.json)
		print_json(t);
	else if (t->as_table)
		query_print_table(&t->query, t->table);
	else if (!t->svg && !t->png)
		print_bars(t);
	return 0;
}

/* --- the command -------------------------------------------------------------------- */

static bool take_option(struct timeline *t, int c)
{
	switch (c) {
	case OPTION_INTERVAL:
		if (parse_duration(optarg, &t->interval_ns) && t->interval_ns)
			return true;
		complain(optarg, "is no time such as 50us, 1ms or 2.5s");
		return false;
	case OPTION_TABLE: t->as_table = true; break;
	case OPTION_SVG: t->svg = optarg; break;
	default: t->png = optarg; break;
	}
	return true;
}

static int end(struct timeline *t, int status)
{
	activity_free(&t->activity);
	if (t->table)
		table_free(t->table);
	return query_end(&t->query, status);
}

int command_timeline(int argc, char **argv)
{
	static struct timeline t;
	struct query *q = &t.query;
	struct trace_event event;
	bool passes, ended = false;
	int c;

	while ((c = query_option(q, &spec, argc, argv)) >= 0)
		if (!take_option(&t, c))
			return end(&t, QUERY_MISUSE);
	if (c != QUERY_READY)
		return end(&t, c);
	t.as_table |= q->table.sort || q->table.columns || q->table.top;
	t.table = table_create(columns, COLUMNS, &q->table, NULL);
	if (!t.table || !query_open(q, argv[optind]))
		return end(&t, QUERY_MISUSE);
	while (query_next_any(q, &event, &passes)) {
		follow(&t, &event, passes, ended);
		ended = q->filter_ended;
	}
	return end(&t, show(&t));
}
