/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show - one call a line, as strace has it. */
#include <stdio.h>

#include "command.h"
#include "event.h"
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace show [OPTION...] FILE|MOUNTPOINT\n"
		"Show one call a line: time since the trace began, process, operation, result, time\n"
		"it took. Paths are those at the moment of the call, from the root of the mount.\n"
		"~NAME/PID is inferred: the kernel called by itself, for what that process had opened.\n"
		"\n",
	.short_options = "",
	.shared = QUERY_FILTER | QUERY_RAW | QUERY_STREAM,
	.operands = 1,
};

int command_show(int argc, char **argv)
{
	struct event_style style = { 0 };
	struct query q = { 0 };
	struct trace_event event;
	int c = query_option(&q, &spec, argc, argv);

	if (c != QUERY_READY || !query_open(&q, argv[optind]))
		return query_end(&q, c);
	style = (struct event_style){
		.raw = q.raw,
		.color = q.color,
		.began_ns = q.filter.began_ns,
	};
	while (query_next(&q, &event))
		event_print(stdout, q.reader, &event, &style);
	query_warn_of_loss(&q);
	return query_end(&q, 0);
}
