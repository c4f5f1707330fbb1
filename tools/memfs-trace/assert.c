/* SPDX-License-Identifier: GPL-2.0-or-later */
/* assert - does a trace keep the rules? For tests that must fail when a program does what it should not. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "glob.h"
#include "histogram.h"
#include "query.h"
#include "rules.h"
#include "set.h"

enum { OPTION_ALLOW_LOSS = 0x100 };

static const struct option own_options[] = {
	{ "rule", required_argument, NULL, 'r' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "allow-loss", no_argument, NULL, OPTION_ALLOW_LOSS },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace assert [OPTION...] FILE|MOUNTPOINT [RULES]\n"
		"Check that the trace keeps the rules in the file RULES (- = standard input), one a\n"
		"line, such as\n"
		"\n"
		"  count(create) == 404\n"
		"  count(fsync|fsyncdir, path=\"**/*.db\") > 0\n"
		"  errors(rename) == 0\n"
		"  bytes(write, command=\"cc1\") <= 10M\n"
		"  p99(lookup) < 1ms\n"
		"  lost == 0\n"
		"\n"
		"with count, errors, bytes, files (different ones), total, mean, p50, p95, p99, max\n"
		"of operations (* = all); filters path, command, pid, uid, errno, with = or !=; and\n"
		"events, lost, skipped, gaps, complete of the trace as a whole.\n"
		"Exit status 1 if one is false, or if events are missing in the trace; 2 for a rule\n"
		"that cannot be understood.\n"
		"\n"
		"  -r, --rule=RULE      this rule too; may be given several times\n"
		"  -q, --quiet          only what is wrong\n"
		"      --allow-loss     believe a trace that lost events, or is damaged\n",
	.short_options = "r:q",
	.options = own_options,
	.shared = QUERY_FILTER | QUERY_JSON,
	.operands = 1,
	.optional = 1,
};

/* What has been found for one rule. */
struct finding {
	uint64_t count, errors, bytes, ns, max;
	struct histogram *histogram; /* of percentiles only */
	struct set nodes;            /* of files() only */
	struct glob **globs;         /* one a filter; NULL where it is none of a path */
};

struct check {
	struct rules rules;
	struct finding *findings;
	uint64_t ops;                /* that any rule asks for */
	bool quiet, allow_loss, missing;
	size_t failed;
	char *text;                  /* of the file of rules */
};

/* --- rules ------------------------------------------------------------------ */

static bool parse(struct check *c, const char *source, const char *text, size_t length)
{
	struct rules_error error;
	char what[32], where[4096];
	int err = rules_parse(&c->rules, source, text, length, &error);

	if (!err)
		return true;
	if (err == -ENOMEM)
		exit(complain("rules", "out of memory"));
	snprintf(what, sizeof(what), ":%u:%u", error.line, error.column);
	snprintf(where, sizeof(where), "%s%s", source, what);
	complain(where, error.what);
	return false;
}

static bool read_rules(struct check *c, const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	const char *source = in == stdin ? "standard input" : path;
	size_t size = 0;
	ssize_t length;
	bool good;

	if (!in) {
		complain(path, strerror(errno));
		return false;
	}
	errno = 0;
	/* No text has a NUL in it: this takes all of it. */
	length = getdelim(&c->text, &size, '\0', in);
	good = !ferror(in);
	if (!good)
		complain(source, strerror(errno));
	if (in != stdin)
		fclose(in);
	return good && (length <= 0 || parse(c, source, c->text, (size_t)length));
}

static void *need(void *memory)
{
	if (!memory)
		exit(complain("assert", "out of memory"));
	return memory;
}

static void prepare(struct check *c)
{
	c->findings = need(calloc(c->rules.count, sizeof(*c->findings)));
	for (size_t i = 0; i < c->rules.count; i++) {
		const struct rule *rule = &c->rules.list[i];
		struct finding *f = &c->findings[i];

		c->ops |= rule->ops;
		if (rule->function >= RULE_P50 && rule->function <= RULE_P99)
			f->histogram = need(calloc(1, sizeof(*f->histogram)));
		f->globs = need(calloc(rule->filter_count + 1, sizeof(f->globs[0])));
		for (size_t k = 0; k < rule->filter_count; k++)
			if (rule->filters[k].key == RULE_PATH)
				f->globs[k] = need(glob_compile(rule->filters[k].text));
	}
}

static void release(struct check *c)
{
	for (size_t i = 0; c->findings && i < c->rules.count; i++) {
		struct finding *f = &c->findings[i];

		for (size_t k = 0; k < c->rules.list[i].filter_count; k++)
			glob_free(f->globs[k]);
		free(f->globs);
		free(f->histogram);
		set_free(&f->nodes);
	}
	free(c->findings);
	rules_free(&c->rules);
	free(c->text);
}

/* --- events ----------------------------------------------------------------- */

/* An event, with its paths once somebody has asked for them. */
struct subject {
	const struct trace_reader *reader;
	const struct trace_event *event;
	bool has_paths;
	char first[EVENT_PATH_SIZE], second[EVENT_PATH_SIZE];
};

static void find_paths(struct subject *s)
{
	const struct trace_event *e = s->event;

	if (s->has_paths)
		return;
	s->has_paths = true;
	s->first[0] = s->second[0] = '\0';
	if (e->node)
		event_path(s->reader, e, s->first, sizeof(s->first));
	if (e->node2)
		trace_path(s->reader, e->node2, event_second_name(e), s->second,
			   sizeof(s->second));
}

static bool filter_matches(const struct rule_filter *f, const struct glob *glob, struct subject *s)
{
	const struct trace_process *process = s->event->process;

	switch (f->key) {
	case RULE_PATH:
		find_paths(s);
		return (s->first[0] && glob_matches(glob, s->first)) ||
		       (s->second[0] && glob_matches(glob, s->second));
	case RULE_COMMAND: return process && fnmatch(f->text, process->comm, 0) == 0;
	case RULE_PID: return process && process->pid == f->number;
	case RULE_UID: return process && process->uid == f->number;
	case RULE_ERRNO: return (uint64_t)s->event->error == f->number;
	case RULE_KEYS: break;
	}
	return false;
}

/* Of one key: any of those with =, none of those with !=. Of different keys: all. */
static bool rule_wants(const struct rule *rule, const struct finding *found, struct subject *s)
{
	unsigned asked = 0, met = 0;

	for (size_t i = 0; i < rule->filter_count; i++) {
		const struct rule_filter *f = &rule->filters[i];
		bool matches;

		if (!f->negated && met & 1u << f->key)
			continue;
		matches = filter_matches(f, found->globs[i], s);
		if (f->negated && matches)
			return false;
		if (f->negated)
			continue;
		asked |= 1u << f->key;
		met |= (unsigned)matches << f->key;
	}
	return asked == met;
}

/* The node that an event is about; 0 = none, as of a name that is absent. */
static uint64_t node_of(const struct trace_event *e)
{
	return event_first_name(e) || e->op == TRACE_OP_TMPFILE ? e->result : e->node;
}

static void add(struct finding *f, const struct rule *rule, const struct trace_event *e)
{
	f->count++;
	f->errors += e->error != 0;
	f->bytes += e->done;
	f->ns += e->duration_ns;
	if (e->duration_ns > f->max)
		f->max = e->duration_ns;
	if (f->histogram)
		histogram_add(f->histogram, e->duration_ns);
	if (rule->function == RULE_FILES && node_of(e))
		set_add(&f->nodes, node_of(e));
}

static void look_at(struct check *c, const struct trace_reader *r, const struct trace_event *e)
{
	static struct subject s; /* too big for the stack of every event */
	uint64_t bit = (uint64_t)1 << e->op % TRACE_OP_LIMIT;

	if (!(c->ops & bit))
		return;
	s.reader = r;
	s.event = e;
	s.has_paths = false;
	for (size_t i = 0; i < c->rules.count; i++) {
		const struct rule *rule = &c->rules.list[i];

		if (rule->ops & bit && rule_wants(rule, &c->findings[i], &s))
			add(&c->findings[i], rule, e);
	}
}

/* --- results ---------------------------------------------------------------- */

static uint64_t result(const struct rule *rule, const struct finding *f,
		       const struct trace_info *info)
{
	switch (rule->function) {
	case RULE_COUNT: return f->count;
	case RULE_ERRORS: return f->errors;
	case RULE_BYTES: return f->bytes;
	case RULE_FILES: return f->nodes.count;
	case RULE_TOTAL: return f->ns;
	case RULE_MEAN: return f->count ? f->ns / f->count : 0;
	case RULE_P50: return histogram_percentile(f->histogram, 0.5);
	case RULE_P95: return histogram_percentile(f->histogram, 0.95);
	case RULE_P99: return histogram_percentile(f->histogram, 0.99);
	case RULE_MAX: return f->max;
	case RULE_EVENTS: return info->events;
	case RULE_LOST: return info->lost;
	case RULE_SKIPPED: return info->skipped;
	case RULE_GAPS: return info->gaps;
	case RULE_COMPLETE: return info->complete;
	case RULE_FUNCTIONS: break;
	}
	return 0;
}

static void print_rule(const struct check *c, const struct rule *rule, uint64_t found, bool holds)
{
	char value[FORMAT_SIZE];

	if (holds && c->quiet)
		return;
	if (rule_kind(rule->function) == RULE_TIME)
		format_duration(found, value);
	else if (rule_kind(rule->function) == RULE_TRUTH)
		snprintf(value, sizeof(value), "%s", found ? "true" : "false");
	else
		snprintf(value, sizeof(value), "%" PRIu64, found);
	if (holds)
		printf("ok      %s\n", rule->text);
	else
		printf("FAILED  %s  (was %s)\n", rule->text, value);
}

static json_t *rule_json(const struct rule *rule, uint64_t found, bool holds)
{
	json_t *object = json_pack("{s:b, s:i}", "ok", holds, "line", (int)rule->line);

	json_set_name(object, "rule", rule->text);
	json_set_name(object, "source", rule->source);
	json_object_set_new(object, "was", rule_kind(rule->function) == RULE_TRUTH ?
			    json_boolean(found != 0) : json_integer((json_int_t)found));
	return object;
}

static void print_head(const struct query *q, const struct check *c)
{
	if (!c->quiet || c->missing)
		query_print_head(q);
	if (c->missing)
		puts("FAILED  the trace is not whole, and cannot be relied upon (--allow-loss)");
}

static void print_results(const struct query *q, struct check *c)
{
	json_t *list = json_array(), *object;
	struct trace_info info;

	trace_get_info(q->reader, &info);
	c->missing = !c->allow_loss && (info.lost || info.gaps || info.skipped);
	if (!q->json)
		print_head(q, c);
	for (size_t i = 0; i < c->rules.count; i++) {
		const struct rule *rule = &c->rules.list[i];
		uint64_t found = result(rule, &c->findings[i], &info);
		bool holds = rule_holds(rule, found);

		c->failed += !holds;
		if (q->json)
			json_array_append_new(list, rule_json(rule, found, holds));
		else
			print_rule(c, rule, found, holds);
	}
	if (q->json) {
		object = query_json(q);
		json_object_set_new(object, "ok", json_boolean(!c->failed && !c->missing));
		json_object_set_new(object, "reliable", json_boolean(!c->missing));
		json_object_set(object, "rules", list);
		query_print_json(object);
	} else if (!c->quiet) {
		printf("%zu of %zu rules hold\n", c->rules.count - c->failed, c->rules.count);
	}
	json_decref(list);
}

static int take_options(struct query *q, struct check *check, int argc, char **argv)
{
	int c;

	while ((c = query_option(q, &spec, argc, argv)) >= 0) {
		if (c == 'q')
			check->quiet = true;
		else if (c == OPTION_ALLOW_LOSS)
			check->allow_loss = true;
		else if (!parse(check, "-r", optarg, strlen(optarg)))
			return QUERY_MISUSE;
	}
	if (c != QUERY_READY)
		return c;
	if (optind + 1 < argc && !read_rules(check, argv[optind + 1]))
		return QUERY_MISUSE;
	if (check->rules.count)
		return c;
	complain("assert", "no rules given; see --help");
	return QUERY_MISUSE;
}

int command_assert(int argc, char **argv)
{
	struct check check = { 0 };
	struct query q = { 0 };
	struct trace_event event;
	int c = take_options(&q, &check, argc, argv);

	if (c != QUERY_READY || !query_open(&q, argv[optind])) {
		release(&check);
		return query_end(&q, c);
	}
	prepare(&check);
	while (query_next(&q, &event))
		look_at(&check, q.reader, &event);
	print_results(&q, &check);
	c = check.failed || check.missing;
	release(&check);
	return query_end(&q, c);
}
