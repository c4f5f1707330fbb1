/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tail - the last calls of a trace, and then those that come.
 *
 * Which ones are the last is known at the end only, and the path of a call is that of its
 * moment: so a trace is read twice up to there, first to count and then to show.
 */
#include <limits.h>
#include <stdio.h>

#include "command.h"
#include "event.h"
#include "follow.h"
#include "format.h"
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace tail [OPTION...] FILE|MOUNTPOINT\n"
		"Show the last calls, one a line, and then each that comes, until the filesystem is\n"
		"unmounted or the command is interrupted. For lines and filters, see show.\n"
		"\n"
		"  -n, --lines=N        begin with the last N (default 10); +N: with the Nth of all\n",
	.short_options = "n:",
	.options = (const struct option[]){ { "lines", required_argument, NULL, 'n' }, { 0 } },
	.shared = QUERY_FILTER | QUERY_RAW | QUERY_STREAM,
	.operands = 1,
};

struct tail {
	uint64_t number;
	bool from_start;  /* number counts from there, from 1 */
	uint64_t skip;    /* events that pass the filter, and are not shown */
	uint64_t max;     /* of those shown; 0 = all */
};

static bool take_number(struct tail *t, const char *text)
{
	t->from_start = *text == '+';
	if (parse_number(text + t->from_start, UINT64_MAX, &t->number))
		return true;
	complain(text, "is no number of lines");
	return false;
}

/* How many events pass that are there already, with a reader of its own. */
static bool count(const struct query *asked, const char *path, uint64_t *passed)
{
	struct query q = *asked;
	struct trace_event event;

	if (!query_open(&q, path))
		return false;
	while (!follow_interrupted() && query_next(&q, &event))
		(*passed)++;
	trace_close(q.reader);
	return true;
}

static void show(struct tail *t, struct query *q)
{
	struct event_style style = {
		.raw = q->raw,
		.color = q->color,
		.began_ns = q->filter.began_ns,
	};
	struct trace_event event;
	uint64_t shown = 0;

	while (!(t->max && shown >= t->max) && follow_next(q, &event)) {
		if (t->skip) {
			t->skip--;
			continue;
		}
		event_print(stdout, q->reader, &event, &style);
		shown++;
	}
}

static bool run(struct tail *t, struct query *q, const char *path)
{
	uint64_t passed = 0;
	char asked[PATH_MAX];

	path = find_trace(path, asked, sizeof(asked));
	if (!path)
		return false;
	/* --max-events is of what is shown. */
	t->max = q->filter.max;
	q->filter.max = 0;
	if (t->from_start)
		t->skip = t->number ? t->number - 1 : 0;
	else if (!count(q, path, &passed))
		return false;
	else
		t->skip = passed > t->number ? passed - t->number : 0;
	if (!query_open(q, path))
		return false;
	trace_set_follow(q->reader, true);
	show(t, q);
	fflush(stdout);
	query_warn_of_loss(q);
	return true;
}

int command_tail(int argc, char **argv)
{
	struct tail t = { .number = 10 };
	struct query q = { 0 };
	int c;

	while ((c = query_option(&q, &spec, argc, argv)) >= 0)
		if (!take_number(&t, optarg))
			return query_end(&q, QUERY_MISUSE);
	if (c != QUERY_READY)
		return query_end(&q, c);
	follow_catch_signals();
	if (!run(&t, &q, argv[optind]))
		return query_end(&q, QUERY_MISUSE);
	/* Marks that have not come yet, may come when nobody looks any more. */
	q.filter.first = NULL;
	return query_end(&q, 0);
}
