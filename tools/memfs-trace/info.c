/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info - what a trace is of, and whether it is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"

static const char help[] =
	"Usage: memfs-trace info FILE|MOUNTPOINT\n"
	"Tell what the trace was made of and with, and whether all of it is there.\n"
	"Exit status 1 if it is damaged, incomplete, or has lost events.\n"
	"\n"
	"  -h, --help       show this text\n";

static void print_meta(void *context, const char *key, const char *value)
{
	(void)context;
	/* The tables of operations and fields are for programs. */
	if (strncmp(key, "op.", 3) == 0 || strncmp(key, "field.", 6) == 0)
		return;
	printf("%-24s %s\n", key, value);
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

static const char *seen(const char *cache)
{
	if (!cache)
		return "unknown";
	if (strcmp(cache, "never") == 0)
		return "every system call";
	if (strcmp(cache, "auto") == 0)
		return "what the kernel asks, and every write(2)";
	return "what the kernel asks; small writes arrive gathered";
}

int command_info(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct trace_event event;
	uint64_t first = 0, last = 0;
	struct trace_info info;
	struct trace_reader *r;
	const char *path;
	bool whole;
	int c = next_option(argc, argv, "h", options, help, &path);

	if (c != -1)
		return c == -3 ? 0 : 2;
	r = open_trace(path);
	if (!r)
		return 2;
	while (next_event(r, path, &event)) {
		if (!first)
			first = event.start_ns;
		last = event.start_ns + event.duration_ns;
	}
	print_verdict(r);
	trace_get_info(r, &info);
	print_began(&info);
	trace_each_meta(r, print_meta, NULL);
	printf("%-24s %s\n", "sees", seen(trace_meta(r, "cache")));
	printf("%-24s %.3f s\n", "from first to last event", (double)(last - first) / 1e9);
	printf("%-24s %" PRIu64 " in %" PRIu64 " blocks (%.1f an event)\n", "bytes", info.bytes,
	       info.blocks, info.events ? (double)info.bytes / (double)info.events : 0.0);
	whole = is_whole(r);
	trace_close(r);
	return whole ? 0 : 1;
}
