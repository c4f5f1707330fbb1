/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dist - how calls are spread over latencies or sizes, in powers of two. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "keys.h"
#include "query.h"

#define BY_ALLOWED (1u << KEY_OP | 1u << KEY_PROCESS | 1u << KEY_COMMAND | 1u << KEY_NONE)
#define BUCKETS 63 /* 0..1, 2..3, 4..7...; the last one also has what is above it */
#define STARS 40
#define NAME_SIZE 1024

enum { OPTION_OF = 1, OPTION_BY, OPTION_TOP };

static const struct option options[] = {
	{ "of", required_argument, NULL, OPTION_OF },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace dist [OPTION...] FILE|MOUNTPOINT\n"
		"Show how many calls took how long, or moved how many bytes: histograms in powers of\n"
		"two.\n"
		"\n"
		"      --of=WHAT        latency (default), or size: bytes that read and write moved\n"
		"      --by=KEY         a histogram for each op (default), process, command; or none:\n"
		"                       one of all\n"
		"      --top=N          the N histograms with the most time or bytes\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_JSON | QUERY_RAW,
	.operands = 1,
};

/* Times are counted in all of them: which one fits is known at the end. */
enum unit { NS, US, MS, UNITS };

static const struct {
	const char *name;
	uint64_t ns;
} units[UNITS] = { { "nsecs", 1 }, { "usecs", 1000 }, { "msecs", 1000000 } };

struct spread {
	uint64_t count, sum, max;
	uint64_t buckets[UNITS][BUCKETS];
	uint32_t key;
};

struct dist {
	struct query query;
	bool of_size;
	enum key_kind kind;
	uint64_t top;
	struct keys *keys;
	struct spread **spreads; /* by key; NULL = none */
	size_t count;
	struct spread all;
};

/* --- counting --------------------------------------------------------------- */

static void *need(void *memory)
{
	if (!memory)
		exit(complain("dist", "out of memory"));
	return memory;
}

static struct spread *spread_of(struct dist *d, uint32_t key)
{
	if (key >= d->count) {
		size_t count = 2 * (size_t)key + 16;

		d->spreads = need(realloc(d->spreads, count * sizeof(struct spread *)));
		memset(d->spreads + d->count, 0, (count - d->count) * sizeof(struct spread *));
		d->count = count;
	}
	if (!d->spreads[key]) {
		d->spreads[key] = need(calloc(1, sizeof(*d->spreads[key])));
		d->spreads[key]->key = key;
	}
	return d->spreads[key];
}

static unsigned bucket_of(uint64_t value)
{
	unsigned bits = value ? 63u - (unsigned)__builtin_clzll(value) : 0;

	return bits < BUCKETS ? bits : BUCKETS - 1;
}

static void count(struct spread *s, uint64_t value, bool is_time)
{
	s->count++;
	s->sum += value;
	if (value > s->max)
		s->max = value;
	for (int unit = NS; unit < (is_time ? UNITS : US); unit++)
		s->buckets[unit][bucket_of(value / units[unit].ns)]++;
}

static bool has_size(const struct trace_event *e)
{
	return !e->error && (e->op == TRACE_OP_READ || e->op == TRACE_OP_WRITE);
}

static void add(struct dist *d, uint32_t key, const struct trace_event *e)
{
	uint64_t value = d->of_size ? e->done : e->duration_ns;

	count(spread_of(d, key), value, !d->of_size);
	count(&d->all, value, !d->of_size);
}

/* --- what is shown ---------------------------------------------------------- */

static int compare_spreads(const void *a, const void *b)
{
	const struct spread *x = *(struct spread *const *)a, *y = *(struct spread *const *)b;

	/* Those that are none come last. */
	if (!x || !y)
		return !x - !y;
	if (x->sum != y->sum)
		return x->sum < y->sum ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

/* Sorts; how many are to be shown. */
static size_t choose(struct dist *d)
{
	size_t count = 0;

	if (d->count)
		qsort(d->spreads, d->count, sizeof(d->spreads[0]), compare_spreads);
	while (count < d->count && d->spreads[count])
		count++;
	return d->top && d->top < count ? d->top : count;
}

/* One unit for all, so that they can be compared: in which half of the calls have some digits. */
static enum unit choose_unit(const struct dist *d)
{
	const uint64_t *buckets = d->all.buckets[NS];
	uint64_t seen = 0;
	unsigned i = 0;

	if (d->of_size || d->query.raw)
		return NS;
	while (i < BUCKETS - 1 && 2 * (seen + buckets[i]) < d->all.count)
		seen += buckets[i++];
	return i < 12 ? NS : i < 22 ? US : MS;
}

static uint64_t first_of(unsigned bucket)
{
	return bucket ? (uint64_t)1 << bucket : 0;
}

static uint64_t last_of(unsigned bucket)
{
	return ((uint64_t)1 << (bucket + 1)) - 1;
}

/* --- text ------------------------------------------------------------------- */

static void print_buckets(const uint64_t *buckets, const char *unit)
{
	unsigned first = 0, last = BUCKETS - 1;
	uint64_t most = 0;

	while (first < last && !buckets[first])
		first++;
	while (last > first && !buckets[last])
		last--;
	for (unsigned i = first; i <= last; i++)
		most = buckets[i] > most ? buckets[i] : most;
	printf("     %-19s : count     distribution\n", unit);
	for (unsigned i = first; i <= last; i++) {
		int stars = most ? (int)((double)buckets[i] * STARS / (double)most) : 0;

		printf("%10" PRIu64 " -> %-10" PRIu64 " : %-9" PRIu64 "|%-*.*s|\n", first_of(i),
		       last_of(i), buckets[i], STARS, stars,
		       "****************************************");
	}
}

static void print_spread(struct dist *d, const struct spread *s, enum unit unit)
{
	char shown[4 * NAME_SIZE], count_text[FORMAT_SIZE], sum[FORMAT_SIZE], mean[FORMAT_SIZE],
		max[FORMAT_SIZE];
	const char *(*format)(uint64_t, char *) = d->query.raw ? format_count :
						  d->of_size ? format_bytes : format_duration;

	printf("\n%s: %s call%s, %s in all, mean %s, at most %s\n",
	       format_escaped(keys_text(d->keys, s->key), shown, sizeof(shown)),
	       format_count(s->count, count_text), s->count == 1 ? "" : "s", format(s->sum, sum),
	       format(s->sum / s->count, mean), format(s->max, max));
	print_buckets(s->buckets[unit], d->of_size ? "bytes" : units[unit].name);
}

static void print_text(struct dist *d)
{
	size_t count = choose(d);
	enum unit unit = choose_unit(d);

	query_print_head(&d->query);
	for (size_t i = 0; i < count; i++)
		print_spread(d, d->spreads[i], unit);
}

/* --- JSON ------------------------------------------------------------------- */

static json_t *json_of_spread(struct dist *d, const struct spread *s)
{
	const char *unit = d->of_size ? "bytes" : "ns";
	json_t *object = json_object(), *buckets = json_array();
	char from[16], to[16], sum[16], max[16];

	snprintf(from, sizeof(from), "from_%s", unit);
	snprintf(to, sizeof(to), "to_%s", unit);
	snprintf(sum, sizeof(sum), "sum_%s", unit);
	snprintf(max, sizeof(max), "max_%s", unit);
	for (unsigned i = 0; i < BUCKETS; i++)
		if (s->buckets[NS][i])
			json_array_append_new(buckets, json_pack("{s:I, s:I, s:I}", from,
				(json_int_t)first_of(i), to, (json_int_t)last_of(i), "calls",
				(json_int_t)s->buckets[NS][i]));
	if (d->kind != KEY_NONE)
		json_set_name(object, key_names[d->kind], keys_text(d->keys, s->key));
	json_object_set_new(object, "calls", json_integer((json_int_t)s->count));
	json_object_set_new(object, sum, json_integer((json_int_t)s->sum));
	json_object_set_new(object, max, json_integer((json_int_t)s->max));
	json_object_set_new(object, "buckets", buckets);
	return object;
}

static void print_json(struct dist *d)
{
	json_t *object = query_json(&d->query), *rows = json_array();
	size_t count = choose(d);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, json_of_spread(d, d->spreads[i]));
	json_object_set_new(object, "rows", rows);
	query_print_json(object);
}

/* --- the command ------------------------------------------------------------ */

static int take_option(struct dist *d, int c)
{
	switch (c) {
	case OPTION_OF:
		d->of_size = strcmp(optarg, "size") == 0;
		return d->of_size || strcmp(optarg, "latency") == 0 ? 0 :
		       complain(optarg, "is none of latency size");
	case OPTION_BY:
		d->kind = key_parse(optarg, BY_ALLOWED);
		return d->kind == KEY_KINDS ? 2 : 0;
	default:
		return parse_number(optarg, UINT64_MAX, &d->top) && d->top ? 0 :
		       complain(optarg, "is no number of histograms");
	}
}

static int end(struct dist *d, int status)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->spreads[i]);
	free(d->spreads);
	if (d->keys)
		keys_free(d->keys);
	return query_end(&d->query, status);
}

int command_dist(int argc, char **argv)
{
	static struct dist d = { .kind = KEY_OP };
	struct trace_event event;
	int c;

	while ((c = query_option(&d.query, &spec, argc, argv)) >= 0)
		if (take_option(&d, c) != 0)
			return end(&d, QUERY_MISUSE);
	if (c != QUERY_READY || !query_open(&d.query, argv[optind]))
		return end(&d, c);
	d.keys = keys_create(d.kind, d.query.reader);
	while (query_next(&d.query, &event)) {
		bool wanted = !d.of_size || has_size(&event);
		uint32_t key = keys_next(d.keys, &event, wanted);

		if (wanted)
			add(&d, key, &event);
	}
	if (d.query.json)
		print_json(&d);
	else
		print_text(&d);
	return end(&d, 0);
}
