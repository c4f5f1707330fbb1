/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One JSON object a line and event; a field that is not there is 0. */
#include <stdlib.h>

#include "export.h"
#include "json_writer.h"

static bool begin(struct export *x)
{
	x->state = export_memory(calloc(1, sizeof(struct json_writer)));
	jw_begin(x->state, x->output.file);
	return true;
}

static void put_process(struct json_writer *w, const struct trace_event *e)
{
	const struct trace_process *p = e->process;

	if (!p)
		return;
	jw_open_map(w, "process");
	jw_put_number(w, "pid", p->pid);
	jw_put_name(w, "comm", p->comm);
	jw_put_number(w, "ppid", p->ppid);
	jw_put_number(w, "uid", p->uid);
	jw_put_number(w, "gid", p->gid);
	jw_put_number(w, "start", p->start);
	jw_close_map(w);
	if (e->inferred)
		jw_put_bool(w, "inferred", true);
}

static void put_if(struct json_writer *w, const char *key, uint64_t n)
{
	if (n)
		jw_put_number(w, key, n);
}

static void put_names(struct json_writer *w, const struct exported *x)
{
	if (x->path)
		jw_put_name(w, "path", x->path);
	if (x->path2)
		jw_put_name(w, "path2", x->path2);
	if (x->e->name)
		jw_put_name(w, "name", x->e->name);
	if (x->e->name2)
		jw_put_name(w, "name2", x->e->name2);
}

static void put_numbers(struct json_writer *w, const struct trace_event *e)
{
	put_if(w, "node", e->node);
	put_if(w, "result", e->result);
	put_if(w, "fh", e->fh);
	put_if(w, "offset", e->offset);
	put_if(w, "size", e->size);
	put_if(w, "done", e->done);
	put_if(w, "flags", e->flags);
	put_if(w, "mode", e->mode);
	put_if(w, "node2", e->node2);
	put_if(w, "replaced", e->replaced);
	put_if(w, "offset2", e->offset2);
	put_if(w, "new_uid", e->new_uid);
	put_if(w, "new_gid", e->new_gid);
	put_if(w, "rdev", e->rdev);
	put_if(w, "whiteout", e->whiteout);
}

static bool event(struct export *x, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	struct json_writer *w = x->state;

	jw_open_map(w, NULL);
	jw_put_number(w, "id", exported->id);
	jw_put_number(w, "start_ns", e->start_ns);
	jw_put_number(w, "duration_ns", e->duration_ns);
	jw_put_name(w, "op", trace_op_name(x->query.reader, e->op));
	if (e->error) {
		jw_put_number(w, "error", (uint64_t)e->error);
		jw_put_text(w, "errno", exported->errno_name);
	}
	put_process(w, e);
	jw_put_number(w, "worker", e->worker);
	put_if(w, "request", e->request);
	put_names(w, exported);
	put_numbers(w, e);
	jw_close_map(w);
	jw_end_line(w);
	return true;
}

static void release(struct export *x)
{
	jw_free(x->state);
	free(x->state);
}

const struct export_format export_jsonl = {
	.name = "jsonl",
	.begin = begin,
	.event = event,
	.release = release,
};
