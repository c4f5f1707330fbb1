/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace event format of Chrome, for Perfetto. A track is a thread of the daemon: it does one call at a
 * time, so on its track calls never overlap. Where a trace says otherwise (it may be damaged), what
 * overlaps goes to a further track.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "event.h"
#include "export.h"
#include "ids.h"
#include "json_writer.h"

#define LANES_MAX 8 /* tracks of one thread */
#define PID 1

struct state {
	struct json_writer json;
	struct ids workers;        /* by number */
	struct lanes {
		uint64_t end_ns[LANES_MAX];
		unsigned count;
	} *lanes;                  /* by id of the worker, less 1 */
	size_t lane_capacity;
};

/* --- who is who ------------------------------------------------------------------ */

static void open_event(struct json_writer *w, const char *phase, unsigned tid)
{
	jw_open_map(w, NULL);
	jw_put_text(w, "ph", phase);
	jw_put_number(w, "pid", PID);
	jw_put_number(w, "tid", tid);
}

static void close_event(struct json_writer *w)
{
	jw_close_map(w);
	jw_flush(w);
	putc('\n', w->file);
}

/* Process and threads have names, and an order. */
static void put_label(struct json_writer *w, unsigned tid, const char *what, const char *name)
{
	open_event(w, "M", tid);
	jw_put_text(w, "name", what);
	jw_open_map(w, "args");
	jw_put_name(w, "name", name);
	jw_close_map(w);
	close_event(w);
}

static void put_order(struct json_writer *w, unsigned tid)
{
	open_event(w, "M", tid);
	jw_put_text(w, "name", "thread_sort_index");
	jw_open_map(w, "args");
	jw_put_number(w, "sort_index", tid);
	jw_close_map(w);
	close_event(w);
}

static bool begin(struct export *x)
{
	struct state *s = export_memory(calloc(1, sizeof(*s)));
	const char *mount = trace_meta(x->query.reader, "mountpoint");
	char name[EVENT_PATH_SIZE];

	x->state = s;
	jw_begin(&s->json, x->output.file);
	jw_open_map(&s->json, NULL);
	jw_put_text(&s->json, "displayTimeUnit", "ns");
	jw_open_array(&s->json, "traceEvents");
	snprintf(name, sizeof(name), "memfs %s", mount ? mount : "");
	put_label(&s->json, 0, "process_name", name);
	return true;
}

/* --- tracks ---------------------------------------------------------------------- */

static struct lanes *lanes_of(struct state *s, uint32_t worker, unsigned *id)
{
	bool is_new;

	*id = ids_get(&s->workers, &worker, sizeof(worker), &is_new);
	if (*id > s->lane_capacity) {
		s->lane_capacity = s->lane_capacity ? 2 * s->lane_capacity : 16;
		s->lanes = export_memory(realloc(s->lanes, s->lane_capacity * sizeof(*s->lanes)));
	}
	if (is_new)
		s->lanes[*id - 1] = (struct lanes){ 0 };
	return &s->lanes[*id - 1];
}

/* The track for a call: the first one that is free by then. 0 = there is none. */
static unsigned choose_track(struct state *s, const struct trace_event *e)
{
	unsigned id, lane = 0, tid;
	struct lanes *lanes = lanes_of(s, e->worker, &id);
	char name[64];

	while (lane < lanes->count && lanes->end_ns[lane] > e->start_ns)
		lane++;
	if (lane == LANES_MAX || e->start_ns + e->duration_ns < e->start_ns)
		return 0;
	lanes->end_ns[lane] = e->start_ns + e->duration_ns;
	tid = (id - 1) * LANES_MAX + lane + 1;
	if (lane == lanes->count) {
		lanes->count++;
		snprintf(name, sizeof(name), lane ? "worker %u (overlap %u)" : "worker %u",
			 e->worker, lane);
		put_label(&s->json, tid, "thread_name", name);
		put_order(&s->json, tid);
	}
	return tid;
}

/* --- events ---------------------------------------------------------------------- */

static void put_arguments(struct json_writer *w, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	char caller[512];

	jw_open_map(w, "args");
	if (exported->path)
		jw_put_name(w, "path", exported->path);
	if (exported->path2)
		jw_put_name(w, "path2", exported->path2);
	jw_put_name(w, "caller", event_caller(e->process, e->inferred, caller, sizeof(caller)));
	jw_put_text(w, "result", exported->errno_name ? exported->errno_name : "ok");
	if (e->size)
		jw_put_number(w, "size", e->size);
	if (e->done)
		jw_put_number(w, "done", e->done);
	if (e->offset)
		jw_put_number(w, "offset", e->offset);
	if (e->fh)
		jw_put_number(w, "fh", e->fh);
	jw_put_number(w, "id", exported->id);
	jw_close_map(w);
}

static bool event(struct export *x, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	int64_t ts = (int64_t)(e->start_ns - x->query.filter.began_ns);
	struct state *s = x->state;
	unsigned tid = choose_track(s, e);

	open_event(&s->json, tid ? "X" : "i", tid);
	jw_put_name(&s->json, "name", trace_op_name(x->query.reader, e->op));
	jw_put_text(&s->json, "cat", e->error ? "failed" : "call");
	jw_put_us(&s->json, "ts", ts);
	if (tid)
		jw_put_us(&s->json, "dur", (int64_t)e->duration_ns);
	put_arguments(&s->json, exported);
	close_event(&s->json);
	if (event_mark(e)) {
		open_event(&s->json, "i", tid);
		jw_put_name(&s->json, "name", event_mark(e));
		jw_put_text(&s->json, "cat", "mark");
		jw_put_text(&s->json, "s", "g");
		jw_put_us(&s->json, "ts", ts);
		close_event(&s->json);
	}
	return true;
}

static bool end(struct export *x)
{
	struct state *s = x->state;
	struct trace_info info;

	trace_get_info(x->query.reader, &info);
	jw_close_array(&s->json);
	jw_open_map(&s->json, "otherData");
	jw_put_text(&s->json, "recorder", "memfs");
	jw_put_number(&s->json, "clock_monotonic_ns", x->query.filter.began_ns);
	jw_put_number(&s->json, "clock_realtime_ns", info.clock_realtime);
	jw_put_number(&s->json, "events", info.events);
	jw_put_number(&s->json, "lost", info.lost);
	jw_put_number(&s->json, "skipped", info.skipped);
	jw_put_number(&s->json, "gaps", info.gaps);
	jw_put_bool(&s->json, "complete", info.complete);
	jw_close_map(&s->json);
	jw_close_map(&s->json);
	jw_end_line(&s->json);
	return true;
}

static void release(struct export *x)
{
	struct state *s = x->state;

	jw_free(&s->json);
	ids_free(&s->workers);
	free(s->lanes);
	free(s);
}

const struct export_format export_chrome = {
	.name = "chrome",
	.begin = begin,
	.event = event,
	.end = end,
	.release = release,
};
