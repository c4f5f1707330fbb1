/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.h - what the formats share that `export` can write. docs/trace-export.md describes them. */
#ifndef MEMFS_TRACE_EXPORT_H
#define MEMFS_TRACE_EXPORT_H

#include "output.h"
#include "query.h"

struct export {
	struct query query;
	struct output output;
	enum { WEIGHT_NS, WEIGHT_CALLS, WEIGHT_BYTES } weight; /* folded */
	void *state;               /* the format's own */
};

/* An event with what is not in itself. */
struct exported {
	const struct trace_event *e;
	uint64_t id;               /* its number in the whole trace, from 1 */
	const char *path, *path2;  /* at that time; NULL = none */
	const char *errno_name;    /* NULL = no error */
};

/*
 * All but event() may be NULL. Those that return bool return false for an error that was said; errors
 * of output.file are looked after by the caller. release() is called also after an error.
 */
struct export_format {
	const char *name;
	bool by_name;              /* writes output.temporary, not output.file */
	bool (*begin)(struct export *x);
	bool (*event)(struct export *x, const struct exported *e);
	bool (*end)(struct export *x);
	void (*release)(struct export *x);
};

extern const struct export_format export_chrome, export_csv, export_folded, export_jsonl,
	export_sqlite;

/* Memory that must be had: without, the program ends. */
void *export_memory(void *memory);

#endif
