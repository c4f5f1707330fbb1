/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "format.h"
#include "nodes.h"

#define OPTIONS_MAX 64
#define PROGRESS_EVERY 65536 /* events between two looks at the clock */
#define PROGRESS_AFTER 1.0   /* seconds */

enum { OPTION_JSON = 0x3000, OPTION_RAW };

static const struct option json_option[] = { { "json", no_argument, NULL, OPTION_JSON }, { 0 } };
static const struct option raw_option[] = { { "raw", no_argument, NULL, OPTION_RAW }, { 0 } };
static const struct option help_option[] = { { "help", no_argument, NULL, 'h' }, { 0 } };

/* --- options ---------------------------------------------------------------- */

static size_t merge(struct option *all, size_t count, const struct option *more)
{
	for (; more && more->name; more++)
		if (count < OPTIONS_MAX - 1)
			all[count++] = *more;
	all[count] = (struct option){ 0 };
	return count;
}

static void print_help(const struct query_spec *spec)
{
	fputs(spec->help, stdout);
	if (spec->shared & QUERY_JSON)
		fputs("      --json           as JSON\n", stdout);
	if (spec->shared & QUERY_RAW)
		fputs("      --raw            times in ns, sizes in bytes\n", stdout);
	fputs("  -h, --help           show this text\n", stdout);
	if (spec->shared & QUERY_TABLE)
		fputs(table_help, stdout);
	if (spec->shared & QUERY_FILTER)
		fputs(filter_help, stdout);
}

static int check_operands(const struct query_spec *spec, int argc, char **argv)
{
	if (argc >= optind + spec->operands && argc <= optind + spec->operands + spec->optional)
		return QUERY_READY;
	if (optind == argc)
		complain(argv[0], spec->operands == 1 ? "no trace given; see --help" :
			 "something is missing; see --help");
	else
		complain(argv[0], optind + spec->operands > argc ? "something is missing; see --help" :
			 spec->operands + spec->optional == 1 ? "more than one trace given; see --help" :
			 "too many arguments; see --help");
	return QUERY_MISUSE;
}

/* An option that all commands share: 1 = taken, 0 = the command's own, -1 = misuse. */
static int take_shared(struct query *q, const struct query_spec *spec, int c, int argc, char **argv)
{
	int taken = 0;

	if (spec->shared & QUERY_FILTER)
		taken = filter_take(&q->filter, c, argc, argv);
	if (!taken && spec->shared & QUERY_TABLE)
		taken = table_take(&q->table, c);
	if (!taken && c == OPTION_JSON)
		taken = q->json = true;
	if (!taken && c == OPTION_RAW)
		taken = q->raw = true;
	return taken;
}

int query_option(struct query *q, const struct query_spec *spec, int argc, char **argv)
{
	struct option all[OPTIONS_MAX];
	char short_options[64];
	size_t count = 0;
	int c, taken;

	q->shared = spec->shared;
	snprintf(short_options, sizeof(short_options), "h%s%s%s", spec->short_options,
		 spec->shared & QUERY_FILTER ? FILTER_SHORT : "",
		 spec->shared & QUERY_TABLE ? TABLE_SHORT : "");
	count = merge(all, count, spec->options);
	count = merge(all, count, spec->shared & QUERY_FILTER ? filter_options : NULL);
	count = merge(all, count, spec->shared & QUERY_TABLE ? table_options : NULL);
	count = merge(all, count, spec->shared & QUERY_JSON ? json_option : NULL);
	count = merge(all, count, spec->shared & QUERY_RAW ? raw_option : NULL);
	merge(all, count, help_option);
	while ((c = getopt_long(argc, argv, short_options, all, NULL)) != -1) {
		if (c == '?')
			return QUERY_MISUSE;
		if (c == 'h') {
			print_help(spec);
			return QUERY_HELPED;
		}
		taken = take_shared(q, spec, c, argc, argv);
		if (taken < 0)
			return QUERY_MISUSE;
		if (!taken)
			return c;
	}
	return check_operands(spec, argc, argv);
}

/* --- events ----------------------------------------------------------------- */

static bool may_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

bool query_open(struct query *q, const char *path)
{
	q->path = path;
	q->reader = open_trace(path);
	if (!q->reader)
		return false;
	q->color = may_color();
	clock_gettime(CLOCK_MONOTONIC, &q->began);
	return filter_begin(&q->filter, q->reader);
}

static void show_progress(struct query *q)
{
	struct trace_info info;
	struct timespec now;

	if (q->shared & QUERY_STREAM || !isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((double)(now.tv_sec - q->began.tv_sec) +
	    (double)(now.tv_nsec - q->began.tv_nsec) / 1e9 < PROGRESS_AFTER)
		return;
	trace_get_info(q->reader, &info);
	fprintf(stderr, "\rmemfs-trace: %3.0f %% read ",
		info.bytes ? 100.0 * (double)info.read_bytes / (double)info.bytes : 100.0);
	q->progress_shown = true;
}

static void clear_progress(struct query *q)
{
	if (q->progress_shown)
		fputs("\r                         \r", stderr);
	q->progress_shown = false;
}

bool query_next_any(struct query *q, struct trace_event *event, bool *passes)
{
	enum filter_verdict verdict = FILTER_END;

	if (!next_event(q->reader, q->path, event)) {
		clear_progress(q);
		return false;
	}
	if (++q->events % PROGRESS_EVERY == 0)
		show_progress(q);
	if (q->watch)
		q->watch(q->watch_context, event);
	if (!q->filter_ended)
		verdict = filter_wants(&q->filter, q->reader, event);
	if (verdict == FILTER_END)
		q->filter_ended = true;
	*passes = verdict == FILTER_PASS;
	if (!q->filter_ended || !(q->shared & QUERY_STREAM))
		return true;
	clear_progress(q);
	return false;
}

bool query_next(struct query *q, struct trace_event *event)
{
	bool passes;

	while (query_next_any(q, event, &passes))
		if (passes)
			return true;
	return false;
}

/* --- results ---------------------------------------------------------------- */

void query_print_head(const struct query *q)
{
	char count[FORMAT_SIZE];

	print_verdict(q->reader);
	if (nodes_bytes_are_unseen(q->reader))
		puts("# passthrough: the kernel reads and writes files by itself, and this is not in the trace");
	if (q->filter.active)
		printf("# %s events pass the filters\n", format_count(q->filter.passed, count));
}

/* Not on stdout: there it could be mistaken for a line of what is shown. */
void query_warn_of_loss(const struct query *q)
{
	struct trace_info info;

	trace_get_info(q->reader, &info);
	if (info.lost || info.gaps || info.skipped)
		fprintf(stderr, "memfs-trace: %s: %" PRIu64 " events lost, %" PRIu64
			" gaps, %" PRIu64 " left out by trace_max: what is shown is not all\n",
			q->path, info.lost, info.gaps, info.skipped);
}

json_t *query_json(const struct query *q)
{
	struct trace_info info;
	json_t *object;

	trace_get_info(q->reader, &info);
	object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:b, s:I}", "events", (json_int_t)info.events,
			   "lost", (json_int_t)info.lost, "skipped", (json_int_t)info.skipped,
			   "gaps", (json_int_t)info.gaps, "gap_bytes", (json_int_t)info.gap_bytes,
			   "complete", (int)info.complete, "segment", (json_int_t)info.segment,
			   "continued", (int)info.continued, "snapshot",
			   (json_int_t)info.snapshot);
	if (object && info.recovered)
		json_object_set_new(object, "recovered", json_true());
	if (object && nodes_bytes_are_unseen(q->reader))
		json_object_set_new(object, "passthrough", json_true());
	if (object && q->filter.active)
		json_object_set_new(object, "passed", json_integer((json_int_t)q->filter.passed));
	if (!object)
		exit(complain("JSON", "out of memory"));
	return object;
}

void query_print_json(json_t *object)
{
	if (json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) < 0 && !ferror(stdout))
		exit(complain("JSON", "out of memory"));
	putchar('\n');
	json_decref(object);
}

/* The object that query_print_json() would print, with "rows" in it. */
static void print_json_rows(const struct query *q, struct table *t)
{
	json_t *object = query_json(q);
	char *head = json_dumps(object, JSON_INDENT(2));

	if (!head)
		exit(complain("JSON", "out of memory"));
	/* It ends in a line with the closing brace. */
	printf("%.*s,\n  \"rows\": ", (int)strlen(head) - 2, head);
	table_print_json(t, stdout);
	puts("\n}");
	free(head);
	json_decref(object);
}

void query_print_table(const struct query *q, struct table *t)
{
	if (q->json) {
		print_json_rows(q, t);
		return;
	}
	query_print_head(q);
	table_print(t, stdout, q->raw);
}

const char *query_path(const struct query *q, const char *path)
{
	const char *mount = trace_meta(q->reader, "mountpoint");
	size_t length = mount ? strlen(mount) : 0;

	while (length && mount[length - 1] == '/')
		length--;
	if (length && strncmp(path, mount, length) == 0 &&
	    (path[length] == '/' || path[length] == '\0'))
		return path[length] ? path + length : "/";
	return path;
}

int query_end(struct query *q, int status)
{
	if (status == QUERY_HELPED)
		status = 0;
	else if (status < 0)
		status = 2;
	else if (q->reader && !filter_end(&q->filter))
		status = 2;
	clear_progress(q);
	if (q->reader)
		trace_close(q->reader);
	filter_free(&q->filter);
	return status;
}
