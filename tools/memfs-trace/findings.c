/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings - in words, what could have been spared, the most costly first. */
#include "findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "query.h"

enum { OPTION_TOP = 1 };

static const struct option options[] = {
	{ "top", required_argument, NULL, OPTION_TOP },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace findings [OPTION...] FILE|MOUNTPOINT\n"
		"Say in words what could have been spared, the most costly first: names looked for in\n"
		"vain, attributes asked for again, tiny writes, files written for nobody... The cost is\n"
		"the time in handlers that would not have been spent. Findings may overlap.\n"
		"\n"
		"      --top=N          the first N findings\n",
	.short_options = "",
	.options = options,
	.shared = QUERY_FILTER | QUERY_JSON,
	.operands = 1,
};

struct report {
	struct query q;
	uint64_t top; /* 0 = all */
	struct collection collection;
	struct findings findings;
};

static void watch(void *context, const struct trace_event *e)
{
	struct report *report = context;

	collect_watch(&report->collection, e);
}

static double percent(const struct report *report, const struct finding *f)
{
	const uint64_t all = report->collection.ns;

	return all ? 100.0 * (double)f->cost_ns / (double)all : 0;
}

static size_t shown(const struct report *report)
{
	const size_t count = report->findings.count;

	return report->top && report->top < count ? (size_t)report->top : count;
}

/* --- text ----------------------------------------------------------------------------- */

/* "    where: /src (400), /lib (12), 3 more" */
static void print_shares(const char *label, const struct shares *s, const struct names *names)
{
	char name[4 * EVENT_PATH_SIZE];

	printf("   %s: ", label);
	for (size_t i = 0; i < s->count && i < FINDING_SHOWN; i++)
		printf("%s%s (%" PRIu64 ")", i ? ", " : "",
		       format_escaped(names_text(names, s->all[i].number), name, sizeof(name)),
		       s->all[i].count);
	if (s->count > FINDING_SHOWN)
		printf(", %zu more", s->count - FINDING_SHOWN);
	putchar('\n');
}

static void print_finding(const struct report *report, size_t i)
{
	const struct finding *f = report->findings.all[i];

	printf("\n%zu. %s: %.2f ms, %.2f %% of the time\n", i + 1, finding_name(f->kind),
	       (double)f->cost_ns / 1e6, percent(report, f));
	printf("   %s.\n", f->what);
	print_shares("where", &f->places, &report->findings.places);
	print_shares("who", &f->commands, &report->collection.actors.commands);
	printf("   do: %s\n", f->advice);
}

static void print_text(const struct report *report)
{
	query_print_head(&report->q);
	if (!report->findings.count)
		puts("Nothing found: nothing of what is looked for comes to its threshold.");
	for (size_t i = 0; i < shown(report); i++)
		print_finding(report, i);
}

/* --- JSON ----------------------------------------------------------------------------- */

static json_t *shares_json(const struct shares *s, const struct names *names, const char *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->count && i < FINDING_SHOWN; i++) {
		json_t *object = json_object();

		json_set_name(object, key, names_text(names, s->all[i].number));
		json_object_set_new(object, "count", json_integer((json_int_t)s->all[i].count));
		json_object_set_new(object, "time_ns", json_integer((json_int_t)s->all[i].ns));
		json_array_append_new(list, object);
	}
	return list;
}

static json_int_t more_than_shown(const struct shares *s)
{
	return s->count > FINDING_SHOWN ? (json_int_t)(s->count - FINDING_SHOWN) : 0;
}

static void print_json(const struct report *report)
{
	json_t *root = query_json(&report->q), *list = json_array();

	for (size_t i = 0; i < shown(report); i++) {
		const struct finding *f = report->findings.all[i];
		json_t *object = json_pack("{s:s, s:f, s:I, s:I, s:s, s:s}", "kind",
					   finding_name(f->kind), "percent", percent(report, f),
					   "cost_ns", (json_int_t)f->cost_ns, "count",
					   (json_int_t)f->count, "what", f->what, "do", f->advice);

		if (!object)
			exit(complain("JSON", "out of memory"));
		json_object_set_new(object, "where", shares_json(&f->places, &report->findings.places,
								 "path"));
		json_object_set_new(object, "where_more", json_integer(more_than_shown(&f->places)));
		json_object_set_new(object, "who", shares_json(&f->commands,
							       &report->collection.actors.commands,
							       "command"));
		json_object_set_new(object, "who_more", json_integer(more_than_shown(&f->commands)));
		json_array_append_new(list, object);
	}
	json_object_set_new(root, "findings", list);
	query_print_json(root);
}

/* --- the command ------------------------------------------------------------------------ */

static int run(struct report *report, const char *trace)
{
	struct trace_event event;

	if (!query_open(&report->q, trace))
		return QUERY_MISUSE;
	collect_init(&report->collection, report->q.reader);
	while (query_next(&report->q, &event))
		collect_count(&report->collection, &event);
	collect_end(&report->collection);
	judge(&report->findings, &report->collection);
	if (report->q.json)
		print_json(report);
	else
		print_text(report);
	findings_free(&report->findings);
	collect_free(&report->collection);
	return 0;
}

int command_findings(int argc, char **argv)
{
	struct report report = { 0 };
	int c;

	while ((c = query_option(&report.q, &spec, argc, argv)) >= 0) {
		if (parse_number(optarg, UINT64_MAX, &report.top) && report.top)
			continue;
		complain(optarg, "is no number of findings");
		return query_end(&report.q, QUERY_MISUSE);
	}
	if (c != QUERY_READY)
		return query_end(&report.q, c);
	report.q.watch = watch;
	report.q.watch_context = &report;
	return query_end(&report.q, run(&report, argv[optind]));
}
