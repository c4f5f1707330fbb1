/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folded stacks, for flame graphs: command;operation;directory;...;name WEIGHT. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "export.h"
#include "ids.h"

#define STACK_SIZE (5 * EVENT_PATH_SIZE)

static bool begin(struct export *x)
{
	x->state = export_memory(calloc(1, sizeof(struct ids)));
	return true;
}

/* A frame ends at a semicolon and a line at its end: those, and what is not text, are escaped. */
static char *put_frame(char *at, char *limit, const char *text, size_t length)
{
	for (size_t i = 0; i < length && at + 5 < limit; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f || c == ';' || c == '\\')
			at += sprintf(at, "\\x%02x", c);
		else
			*at++ = (char)c;
	}
	return at;
}

/* Each component of a path is a frame; the root is "/". */
static char *put_path(char *at, char *limit, const char *path)
{
	const char *p = path + (*path == '/');

	if (!*p) {
		*at++ = ';';
		return put_frame(at, limit, "/", 1);
	}
	while (*p && at + 5 < limit) {
		size_t length = strcspn(p, "/");

		*at++ = ';';
		at = put_frame(at, limit, p, length);
		p += length + (p[length] == '/');
	}
	return at;
}

static uint64_t weigh(const struct export *x, const struct trace_event *e)
{
	switch (x->weight) {
	case WEIGHT_CALLS:
		return 1;
	case WEIGHT_BYTES:
		return e->done;
	default:
		return e->duration_ns;
	}
}

static bool event(struct export *x, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	const char *comm = !e->process ? "kernel" : *e->process->comm ? e->process->comm : "?";
	const char *op = trace_op_name(x->query.reader, e->op);
	char stack[STACK_SIZE], *at = stack, *limit = stack + sizeof(stack);
	struct ids *stacks = x->state;
	uint64_t weight = weigh(x, e);
	uint32_t id;
	bool is_new;

	if (!weight)
		return true;
	/* Half of the room is more than these can take, and the path has the rest. */
	at = put_frame(at, stack + 4096, comm, strlen(comm));
	*at++ = ';';
	at = put_frame(at, stack + 2 * 4096, op, strlen(op));
	if (exported->path)
		at = put_path(at, limit, exported->path);
	id = ids_get(stacks, stack, (size_t)(at - stack), &is_new);
	ids_entry(stacks, id)->value += weight;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct id_entry *x = a, *y = b;

	return strcmp(x->bytes, y->bytes);
}

static bool end(struct export *x)
{
	struct ids *stacks = x->state;

	if (stacks->count)
		qsort(stacks->entries, stacks->count, sizeof(*stacks->entries), compare);
	for (size_t i = 0; i < stacks->count; i++)
		fprintf(x->output.file, "%s %" PRIu64 "\n", (const char *)stacks->entries[i].bytes,
			stacks->entries[i].value);
	return true;
}

static void release(struct export *x)
{
	ids_free(x->state);
	free(x->state);
}

const struct export_format export_folded = {
	.name = "folded",
	.begin = begin,
	.event = event,
	.end = end,
	.release = release,
};
