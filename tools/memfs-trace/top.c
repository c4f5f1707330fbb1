/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top - what is going on, interval by interval.
 *
 * An interval is one of the trace's clock. While a memfs runs that is the clock of this
 * machine: a frame is shown when its time is over, and the daemon has had time to write it. A trace
 * that is complete is played back: on a screen in its own time, in a batch at once.
 */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "follow.h"
#include "format.h"
#include "top.h"

#define TICK_MS 50
#define SLACK_NS 200000000u    /* after so long a call is in the file */
#define INTERVAL_MIN 100000000u
#define INTERVAL_MAX 3600000000000u

enum { OPTION_BY = 0x100, OPTION_PLAY };

static const struct option own_options[] = {
	{ "interval", required_argument, NULL, 'i' },
	{ "iterations", required_argument, NULL, 'n' },
	{ "batch", no_argument, NULL, 'b' },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "play", no_argument, NULL, OPTION_PLAY },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace top [OPTION...] FILE|MOUNTPOINT\n"
		"Show which processes, files or operations keep memfs busy, interval by interval. A\n"
		"trace that is complete is played back. The keys are told by h.\n"
		"\n"
		"  -i, --interval=TIME  of so long a time (default 1s)\n"
		"  -n, --iterations=N   stop after N intervals\n"
		"      --by=WHAT        process (default), file or op\n"
		"  -b, --batch          print each interval on stdout, and take no keys\n"
		"      --play           play back from the start, also what is not complete\n",
	.short_options = "i:n:b",
	.options = own_options,
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_RAW | QUERY_STREAM,
	.operands = 1,
};

struct top {
	struct query q;
	struct top_style style;
	uint64_t interval_ns, iterations;
	bool batch, play;
	bool paused, help, quit;
	bool over;                   /* nothing more will come */
	bool finished;               /* and all of it has been shown */
	struct top_frame current, shown;
	struct trace_event waiting;  /* of a later frame */
	bool has_waiting;
	uint64_t frames;
	uint64_t due_ns;             /* played back on a screen: when the next frame is */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- options ------------------------------------------------------------------ */

static bool take_interval(struct top *t, const char *text)
{
	if (parse_duration(text, &t->interval_ns) && t->interval_ns >= INTERVAL_MIN &&
	    t->interval_ns <= INTERVAL_MAX)
		return true;
	complain(text, "is no time from 100ms to 1h");
	return false;
}

static bool take_view(struct top *t, const char *text)
{
	for (t->style.view = 0; t->style.view < TOP_VIEWS; t->style.view++)
		if (strcmp(text, top_view_names[t->style.view]) == 0)
			return true;
	complain(text, "can be seen by process, file or op");
	return false;
}

static bool take_iterations(struct top *t, const char *text)
{
	if (parse_number(text, UINT64_MAX, &t->iterations) && t->iterations)
		return true;
	complain(text, "is no number of intervals");
	return false;
}

static int take_options(struct top *t, int argc, char **argv)
{
	bool good = true;
	int c;

	while (good && (c = query_option(&t->q, &spec, argc, argv)) >= 0) {
		switch (c) {
		case 'i': good = take_interval(t, optarg); break;
		case 'n': good = take_iterations(t, optarg); break;
		case 'b': t->batch = true; break;
		case OPTION_BY: good = take_view(t, optarg); break;
		default: t->play = true; break;
		}
	}
	return good ? c : QUERY_MISUSE;
}

/* --- frames ------------------------------------------------------------------- */

static void begin_frame(struct top *t, uint64_t start_ns)
{
	t->current.start_ns = start_ns;
	t->current.end_ns = start_ns + t->interval_ns;
}

static bool next(struct top *t)
{
	if (!t->has_waiting)
		t->has_waiting = follow_poll(&t->q, &t->waiting);
	return t->has_waiting;
}

/* Takes in what belongs to the current frame. False: what there is now is not all of it. */
static bool fill_frame(struct top *t)
{
	while (!t->over && !follow_interrupted() && next(t)) {
		if (t->waiting.start_ns >= t->current.end_ns)
			return true;
		top_frame_add(&t->current, t->q.reader, &t->waiting);
		t->has_waiting = false;
	}
	/* Played back, also a file that is not complete has an end. */
	if (!t->over)
		t->over = !follow_continue(&t->q) || (t->play && !next(t));
	return t->over;
}

/* Is the time of the current frame over? */
static bool is_due(const struct top *t, bool full)
{
	if (t->play)
		return full && (t->batch || now_ns() >= t->due_ns);
	return t->over || (full && now_ns() >= t->current.end_ns) ||
	       now_ns() >= t->current.end_ns + SLACK_NS;
}

static void end_frame(struct top *t)
{
	uint64_t end = t->current.end_ns;

	if (!t->paused) {
		top_frame_clear(&t->shown);
		t->shown = t->current;
		t->current = (struct top_frame){ 0 };
		t->frames++;
	} else {
		top_frame_clear(&t->current);
	}
	t->due_ns = now_ns() + t->interval_ns;
	begin_frame(t, end);
	t->finished = t->over;
	t->quit |= t->iterations && t->frames >= t->iterations;
	t->style.state = t->over ? "complete" : t->play ? "played back" : "live";
	if (t->over && !t->q.filter_ended) {
		struct trace_info info;

		trace_get_info(t->q.reader, &info);
		t->style.state = info.complete ? "complete" : "at the end";
	}
}

/* --- in a batch ---------------------------------------------------------------- */

static void run_batch(struct top *t)
{
	while (!t->quit && !t->finished && !follow_interrupted() && !ferror(stdout)) {
		bool full = fill_frame(t);

		if (!is_due(t, full)) {
			poll(NULL, 0, TICK_MS);
			continue;
		}
		end_frame(t);
		if (t->frames > 1)
			putchar('\n');
		top_frame_print(&t->shown, &t->q, &t->style, stdout);
		fflush(stdout);
	}
}

/* --- on a screen ---------------------------------------------------------------- */

static void draw(struct top *t)
{
	char state[64], *text = NULL;
	const char *saved = t->style.state;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(complain("top", "out of memory"));
	snprintf(state, sizeof(state), "%s%s", saved, t->paused ? ", HELD" : "");
	t->style.state = state;
	t->style.rows = top_screen_rows();
	top_frame_print(&t->shown, &t->q, &t->style, out);
	t->style.state = saved;
	fclose(out);
	top_screen_show(text, t->help);
	free(text);
}

static void change_interval(struct top *t, bool longer)
{
	uint64_t interval = longer ? 2 * t->interval_ns : t->interval_ns / 2;

	if (interval < INTERVAL_MIN || interval > INTERVAL_MAX)
		return;
	t->interval_ns = interval;
	t->current.end_ns = t->current.start_ns + interval;
}

static void take_key(struct top *t, int key)
{
	switch (key) {
	case 'p': t->style.view = TOP_PROCESS; break;
	case 'f': t->style.view = TOP_FILE; break;
	case 'o': t->style.view = TOP_OP; break;
	case 't': t->q.table.sort = "time"; break;
	case 'c': t->q.table.sort = "calls"; break;
	case 'b': t->q.table.sort = "bytes"; break;
	case 'e': t->q.table.sort = "errors"; break;
	case '+': case '-': change_interval(t, key == '+'); break;
	case ' ': t->paused = !t->paused; break;
	case 'h': case '?': t->help = !t->help; break;
	case 'q': case 'Q': t->quit = true; break;
	default: break;
	}
}

static bool run_screen(struct top *t)
{
	int key;

	if (!top_screen_open())
		return false;
	draw(t);
	while (!t->quit && !follow_interrupted()) {
		key = top_screen_key(TICK_MS);
		if (key >= 0)
			take_key(t, key);
		if (!t->finished && !(t->play && t->paused) && is_due(t, fill_frame(t))) {
			end_frame(t);
			key = t->paused ? key : 'r';
		}
		if (key >= 0)
			draw(t);
	}
	top_screen_close();
	return true;
}

/* --- the command ----------------------------------------------------------------- */

/* Passes over what has happened before; a trace that is complete is played back instead. */
static bool begin(struct top *t, const char *path)
{
	struct query fresh = t->q;
	struct trace_event event;

	if (!query_open(&t->q, path))
		return false;
	trace_set_follow(t->q.reader, true);
	while (!t->play && query_next(&t->q, &event))
		;
	if (!t->play && !follow_ended(&t->q)) {
		begin_frame(t, now_ns());
		return true;
	}
	trace_close(t->q.reader);
	t->q = fresh;
	t->play = true;
	if (!query_open(&t->q, path))
		return false;
	begin_frame(t, next(t) ? t->waiting.start_ns : t->q.filter.began_ns);
	return true;
}

int command_top(int argc, char **argv)
{
	struct top t = { .interval_ns = 1000000000, .style.state = "waiting" };
	char asked[PATH_MAX];
	const char *path;
	int status = take_options(&t, argc, argv);

	if (status != QUERY_READY)
		return query_end(&t.q, status);
	if (!top_frame_check(&t.q))
		return query_end(&t.q, QUERY_MISUSE);
	follow_catch_signals();
	path = find_trace(argv[optind], asked, sizeof(asked));
	if (!path || !begin(&t, path))
		status = QUERY_MISUSE;
	else if (t.batch)
		run_batch(&t);
	else if (!run_screen(&t))
		status = QUERY_MISUSE;
	top_frame_clear(&t.current);
	top_frame_clear(&t.shown);
	t.q.filter.first = NULL; /* a mark may still come when nobody looks any more */
	return query_end(&t.q, status == QUERY_READY ? 0 : status);
}
