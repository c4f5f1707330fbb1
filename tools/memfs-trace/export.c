/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export - writes the events out for other programs. */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"

enum { OPTION_FORMAT = 'f', OPTION_OUTPUT = 'o', OPTION_FORCE = 1, OPTION_WEIGHT };

static const struct option options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "weight", required_argument, NULL, OPTION_WEIGHT },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace export --format=FORMAT [-o FILE] [OPTION...] FILE|MOUNTPOINT\n"
		"Write the events out for other programs. FORMAT is one of\n"
		"  jsonl   a JSON object a line\n"
		"  csv     RFC 4180, with a header\n"
		"  sqlite  a database, with views ready for use; needs -o\n"
		"  chrome  for Perfetto and chrome://tracing: a track for each thread of the daemon\n"
		"  folded  for flame graphs: command;operation;path... and a weight\n"
		"\n"
		"  -f, --format=FORMAT\n"
		"  -o, --output=FILE    not to standard output; FILE is there when it is whole\n"
		"      --force          write over FILE if there is one\n"
		"      --weight=WHAT    folded: ns (default), calls or bytes\n",
	.short_options = "f:o:",
	.options = options,
	.shared = QUERY_FILTER,
	.operands = 1,
};

static const struct export_format *const formats[] = {
	&export_jsonl, &export_csv, &export_sqlite, &export_chrome, &export_folded,
};

struct choices {
	const struct export_format *format;
	const char *output;
	bool force, weighted;
};

void *export_memory(void *memory)
{
	if (!memory)
		exit(complain("export", "out of memory"));
	return memory;
}

/* --- options ------------------------------------------------------------------- */

static bool choose_format(struct choices *choices, const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i]->name, name) == 0) {
			choices->format = formats[i];
			return true;
		}
	}
	complain(name, "no such format; there are jsonl, csv, sqlite, chrome, folded");
	return false;
}

static bool choose_weight(struct export *x, const char *name)
{
	static const char *const names[] = {
		[WEIGHT_NS] = "ns", [WEIGHT_CALLS] = "calls", [WEIGHT_BYTES] = "bytes",
	};

	for (int i = 0; i < 3; i++) {
		if (strcmp(names[i], name) == 0) {
			x->weight = i;
			return true;
		}
	}
	complain(name, "no such weight; there are ns, calls, bytes");
	return false;
}

static bool take(struct export *x, struct choices *choices, int c)
{
	switch (c) {
	case OPTION_FORMAT:
		return choose_format(choices, optarg);
	case OPTION_OUTPUT:
		choices->output = optarg;
		return true;
	case OPTION_FORCE:
		choices->force = true;
		return true;
	default:
		choices->weighted = true;
		return choose_weight(x, optarg);
	}
}

static bool check(const struct choices *choices)
{
	const char *why = NULL;

	if (!choices->format)
		why = "no --format given: jsonl, csv, sqlite, chrome or folded";
	else if (choices->format->by_name && !choices->output)
		why = "sqlite needs -o FILE";
	else if (choices->weighted && choices->format != &export_folded)
		why = "--weight is for folded";
	if (why)
		complain("export", why);
	return !why;
}

/* --- events -------------------------------------------------------------------- */

static bool export_events(struct export *x, const struct export_format *format)
{
	char path[EVENT_PATH_SIZE], path2[EVENT_PATH_SIZE], name[FORMAT_SIZE];
	struct trace_reader *r = x->query.reader;
	struct trace_event e;

	while (!output_failed(&x->output) && query_next(&x->query, &e)) {
		struct exported exported = { .e = &e, .id = x->query.events };

		if (event_has_path(&e))
			exported.path = event_path(r, &e, path, sizeof(path));
		if (e.node2)
			exported.path2 = trace_path(r, e.node2, event_second_name(&e), path2,
						    sizeof(path2));
		if (e.error)
			exported.errno_name = format_errno(e.error, name);
		if (!format->event(x, &exported))
			return false;
	}
	return true;
}

/* What other programs get must not be taken for all, where it is not. */
static void warn_of_loss(const struct query *q)
{
	struct trace_info info;

	trace_get_info(q->reader, &info);
	if (info.lost || info.gaps || info.skipped || info.recovered)
		fprintf(stderr, "memfs-trace: %s: %" PRIu64 " events lost, %" PRIu64
			" gaps, %" PRIu64 " left out by trace_max%s: what was exported is not all\n",
			q->path, info.lost, info.gaps, info.skipped,
			info.recovered ? ", recovered from damage" : "");
}

static bool export_all(struct export *x, const struct choices *choices)
{
	const struct export_format *format = choices->format;
	bool good = format->by_name ?
		    output_open_name(&x->output, choices->output, choices->force) :
		    output_open(&x->output, choices->output, choices->force);

	if (!good)
		return false;
	good = (!format->begin || format->begin(x)) && export_events(x, format) &&
	       filter_end(&x->query.filter) && (!format->end || format->end(x));
	if (format->release)
		format->release(x);
	good = output_close(&x->output, good);
	if (good)
		warn_of_loss(&x->query);
	return good;
}

int command_export(int argc, char **argv)
{
	struct choices choices = { 0 };
	struct export x = { 0 };
	bool good, broken_pipe;
	int c;

	while ((c = query_option(&x.query, &spec, argc, argv)) >= 0)
		if (!take(&x, &choices, c))
			return query_end(&x.query, QUERY_MISUSE);
	if (c == QUERY_READY && !check(&choices))
		c = QUERY_MISUSE;
	if (c != QUERY_READY || !query_open(&x.query, argv[optind]))
		return query_end(&x.query, c == QUERY_READY ? QUERY_MISUSE : c);
	good = export_all(&x, &choices);
	broken_pipe = x.output.error == EPIPE;
	if (!good)
		x.query.filter.first = NULL; /* said already */
	return query_end(&x.query, good || broken_pipe ? 0 : 2);
}
