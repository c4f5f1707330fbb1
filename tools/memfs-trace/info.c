/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info - what a trace is of, and whether it is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "format.h"
#include "nodes.h"
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace info [OPTION...] FILE|MOUNTPOINT\n"
		"Tell what the trace was made of and with, and whether all of it is there.\n"
		"Exit status 1 if it is damaged, incomplete, or has lost events.\n"
		"\n",
	.short_options = "",
	.shared = QUERY_FILTER | QUERY_JSON,
	.operands = 1,
};

static void print_meta(void *context, const char *key, const char *value)
{
	static char shown[4 * 65536]; /* a block holds no more */
	char shown_key[128];

	(void)context;
	/* The tables of operations and fields are for programs. */
	if (strncmp(key, "op.", 3) == 0 || strncmp(key, "field.", 6) == 0)
		return;
	printf("%-24s %s\n", format_escaped(key, shown_key, sizeof(shown_key)),
	       format_escaped(value, shown, sizeof(shown)));
}

static void print_began(const struct trace_info *info)
{
	time_t seconds = (time_t)(info->clock_realtime / 1000000000u);
	struct tm tm;
	char text[64];

	if (!seconds || !localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		return;
	printf("%-24s %s\n", "began", text);
}

static const char *seen(const struct trace_reader *r)
{
	const char *cache = trace_meta(r, "cache");

	if (nodes_bytes_are_unseen(r))
		return "what the kernel asks; not the reads and writes that it does by itself";
	if (!cache)
		return "unknown";
	if (strcmp(cache, "never") == 0)
		return "every system call";
	if (strcmp(cache, "auto") == 0)
		return "what the kernel asks, and every write(2)";
	return "what the kernel asks; small writes arrive gathered";
}

static void print_text(const struct query *q, uint64_t first, uint64_t last)
{
	const struct trace_reader *r = q->reader;
	struct trace_info info;

	query_print_head(q);
	trace_get_info(r, &info);
	print_began(&info);
	trace_each_meta(r, print_meta, NULL);
	printf("%-24s %s\n", "sees", seen(r));
	printf("%-24s %.3f s\n", "from first to last event", (double)(last - first) / 1e9);
	printf("%-24s %" PRIu64 " in %" PRIu64 " blocks (%.1f an event)\n", "bytes", info.bytes,
	       info.blocks, info.events ? (double)info.bytes / (double)info.events : 0.0);
}

static void add_meta(void *context, const char *key, const char *value)
{
	json_set_name(context, key, value);
}

static void print_as_json(const struct query *q, uint64_t first, uint64_t last)
{
	json_t *object = query_json(q), *meta = json_object();
	struct trace_info info;

	trace_get_info(q->reader, &info);
	trace_each_meta(q->reader, add_meta, meta);
	json_object_set_new(object, "meta", meta);
	json_object_set_new(object, "first_ns", json_integer((json_int_t)first));
	json_object_set_new(object, "last_ns", json_integer((json_int_t)last));
	json_object_set_new(object, "bytes", json_integer((json_int_t)info.bytes));
	json_object_set_new(object, "blocks", json_integer((json_int_t)info.blocks));
	query_print_json(object);
}

int command_info(int argc, char **argv)
{
	struct query q = { 0 };
	uint64_t first = 0, last = 0;
	struct trace_event event;
	bool whole;
	int c = query_option(&q, &spec, argc, argv);

	if (c != QUERY_READY || !query_open(&q, argv[optind]))
		return query_end(&q, c);
	while (query_next(&q, &event)) {
		uint64_t end = event.start_ns + event.duration_ns;

		if (!first)
			first = event.start_ns;
		last = end > last ? end : last;
	}
	if (q.json)
		print_as_json(&q, first, last);
	else
		print_text(&q, first, last);
	whole = is_whole(q.reader);
	return query_end(&q, whole ? 0 : 1);
}
