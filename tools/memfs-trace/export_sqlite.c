/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A database of SQLite. It is made in one transaction without a journal: the file has another name
 * until it is whole, so there is nothing that would have to be rolled back.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "command.h"
#include "event.h"
#include "export.h"
#include "export_schema.h"
#include "format.h"
#include "ids.h"

#define APPLICATION_ID 0x6d667374 /* "mfst": what file(1) can know it by */

/* Columns of events from 1 on, in the order of the table. */
enum {
	ID = 1, START, DURATION, OP, ERROR, PROCESS, INFERRED, WORKER, REQUEST, NODE, RESULT, PATH, PATH2,
	NAME, NAME2, FH, OFFSET, SIZE, DONE, FLAGS, MODE, NODE2, REPLACED, OFFSET2, NEW_UID,
	NEW_GID, RDEV, WHITEOUT, LIMIT
};

struct node {
	mode_t type;
	uint32_t path;
	uint64_t made;
};

struct state {
	sqlite3 *db;
	sqlite3_stmt *insert;      /* an event */
	struct ids names, paths, nodes;
	struct ids processes;      /* by address: the reader keeps them where they are */
	struct node *node;         /* by id in nodes, less 1 */
	size_t node_capacity;
	bool ops[256], errors[65536];
};

static bool check(const struct export *x, int result)
{
	const struct state *s = x->state;

	if (result == SQLITE_OK || result == SQLITE_DONE)
		return true;
	complain(x->output.path, sqlite3_errmsg(s->db));
	return false;
}

static bool run(const struct export *x, const char *sql)
{
	const struct state *s = x->state;

	return check(x, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static bool prepare(const struct export *x, const char *sql, sqlite3_stmt **statement)
{
	const struct state *s = x->state;

	return check(x, sqlite3_prepare_v2(s->db, sql, -1, statement, NULL));
}

/* Executes an insertion, and makes it ready for the next one. */
static bool step(const struct export *x, sqlite3_stmt *statement)
{
	bool good = check(x, sqlite3_step(statement));

	sqlite3_reset(statement);
	return good;
}

/* Numbers of 64 bits without a sign are kept as they are: above 2^63 they look negative. */
static void bind(sqlite3_stmt *statement, int column, uint64_t n)
{
	sqlite3_bind_int64(statement, column, (sqlite3_int64)n);
}

/* Text where it is UTF-8, else the bytes. */
static void bind_name(sqlite3_stmt *statement, int column, const char *name)
{
	if (name_is_utf8(name))
		sqlite3_bind_text(statement, column, name, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_blob(statement, column, name, (int)strlen(name), SQLITE_TRANSIENT);
}

static bool begin(struct export *x)
{
	struct state *s = export_memory(calloc(1, sizeof(*s)));
	char pragmas[160];

	x->state = s;
	snprintf(pragmas, sizeof(pragmas),
		 "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
		 "PRAGMA user_version = %d; PRAGMA application_id = %d; BEGIN",
		 EXPORT_SCHEMA_VERSION, APPLICATION_ID);
	return check(x, sqlite3_open_v2(x->output.temporary, &s->db, SQLITE_OPEN_READWRITE, NULL)) &&
	       run(x, pragmas) && run(x, export_tables) &&
	       prepare(x, "INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
		       "?,?,?,?,?)", &s->insert);
}

/* --- events ---------------------------------------------------------------------- */

static uint32_t text_id(struct ids *ids, const char *text)
{
	bool is_new;

	return text ? ids_get(ids, text, strlen(text), &is_new) : 0;
}

static uint32_t process_id(struct state *s, const struct trace_process *p)
{
	bool is_new;

	return p ? ids_get(&s->processes, &p, sizeof(p), &is_new) : 0;
}

static struct node *node_of(struct state *s, uint64_t node)
{
	bool is_new;
	uint32_t id = ids_get(&s->nodes, &node, sizeof(node), &is_new);

	if (id > s->node_capacity) {
		s->node_capacity = s->node_capacity ? 2 * s->node_capacity : 1024;
		s->node = export_memory(realloc(s->node, s->node_capacity * sizeof(*s->node)));
	}
	if (is_new)
		s->node[id - 1] = (struct node){ 0 };
	return &s->node[id - 1];
}

/* What an event tells of the nodes that it names. Those that are gone before the end keep it. */
static void note_nodes(struct export *x, const struct exported *exported, uint32_t path)
{
	const uint64_t others[] = { exported->e->node2, exported->e->replaced, exported->e->whiteout };
	const struct trace_event *e = exported->e;
	struct state *s = x->state;
	struct node *n;

	if (e->node) {
		n = node_of(s, e->node);
		if (!event_first_name(e))
			n->path = path;
		if (!n->type)
			n->type = trace_node_type(x->query.reader, e->node);
	}
	if (e->result && e->result != e->node) {
		mode_t type = e->error ? 0 : event_made_type(e);

		n = node_of(s, e->result);
		n->path = path;
		if (type)
			n->made = exported->id;
		if (!n->type)
			n->type = type ? type : trace_node_type(x->query.reader, e->result);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i])
			node_of(s, others[i]);
}

static bool event(struct export *x, const struct exported *exported)
{
	const struct trace_event *e = exported->e;
	struct state *s = x->state;
	const uint32_t path = text_id(&s->paths, exported->path);
	const uint64_t values[LIMIT] = {
		[ID] = exported->id, [START] = e->start_ns, [DURATION] = e->duration_ns,
		[OP] = e->op, [ERROR] = (uint64_t)e->error,
		[PROCESS] = process_id(s, e->process), [INFERRED] = e->inferred,
		[WORKER] = e->worker, [REQUEST] = e->request,
		[NODE] = e->node, [RESULT] = e->result,
		[PATH] = path, [PATH2] = text_id(&s->paths, exported->path2),
		[NAME] = text_id(&s->names, e->name), [NAME2] = text_id(&s->names, e->name2),
		[FH] = e->fh, [OFFSET] = e->offset, [SIZE] = e->size, [DONE] = e->done,
		[FLAGS] = e->flags, [MODE] = e->mode, [NODE2] = e->node2,
		[REPLACED] = e->replaced, [OFFSET2] = e->offset2, [NEW_UID] = e->new_uid,
		[NEW_GID] = e->new_gid, [RDEV] = e->rdev, [WHITEOUT] = e->whiteout,
	};
	/* Where 0 means that there is none: NULL. */
	static const bool refers[LIMIT] = {
		[PROCESS] = true, [REQUEST] = true, [NODE] = true, [RESULT] = true,
		[PATH] = true, [PATH2] = true, [NAME] = true, [NAME2] = true, [FH] = true, [NODE2] = true, [REPLACED] = true,
		[WHITEOUT] = true,
	};

	note_nodes(x, exported, path);
	s->ops[e->op] = true;
	s->errors[e->error & 0xffff] = true;
	for (int i = ID; i < LIMIT; i++) {
		if (refers[i] && !values[i])
			sqlite3_bind_null(s->insert, i);
		else
			bind(s->insert, i, values[i]);
	}
	return step(x, s->insert);
}

/* --- what the events refer to ------------------------------------------------------ */

static bool put_texts(struct export *x, const char *sql, const struct ids *ids)
{
	sqlite3_stmt *insert;
	bool good = prepare(x, sql, &insert);

	for (uint32_t id = 1; good && id <= ids->count; id++) {
		bind(insert, 1, id);
		bind_name(insert, 2, ids_entry(ids, id)->bytes);
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	return good;
}

static bool put_processes(struct export *x)
{
	struct state *s = x->state;
	sqlite3_stmt *insert;
	bool good = prepare(x, "INSERT INTO processes VALUES(?,?,?,?,?,?,?)", &insert);

	for (uint32_t id = 1; good && id <= s->processes.count; id++) {
		const struct trace_process *p;

		memcpy(&p, ids_entry(&s->processes, id)->bytes, sizeof(p));
		bind(insert, 1, id);
		bind(insert, 2, p->pid);
		bind(insert, 3, p->ppid);
		bind(insert, 4, p->uid);
		bind(insert, 5, p->gid);
		bind(insert, 6, p->start);
		bind_name(insert, 7, p->comm);
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	return good;
}

static const char *type_name(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symlink";
	case S_IFCHR: return "character device";
	case S_IFBLK: return "block device";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	default: return NULL;
	}
}

/* The last path of each node: where it is now, or else what the last event of it said. */
static void settle_nodes(struct export *x)
{
	struct state *s = x->state;
	char path[EVENT_PATH_SIZE];
	uint64_t node;

	for (uint32_t id = 1; id <= s->nodes.count; id++) {
		struct node *n = &s->node[id - 1];

		memcpy(&node, ids_entry(&s->nodes, id)->bytes, sizeof(node));
		trace_path(x->query.reader, node, NULL, path, sizeof(path));
		if (*path == '/' || !n->path)
			n->path = text_id(&s->paths, path);
		if (!n->type)
			n->type = trace_node_type(x->query.reader, node);
	}
}

static bool put_nodes(struct export *x)
{
	struct state *s = x->state;
	sqlite3_stmt *insert;
	bool good = prepare(x, "INSERT INTO nodes VALUES(?,?,?,nullif(?,0))", &insert);
	uint64_t node;

	for (uint32_t id = 1; good && id <= s->nodes.count; id++) {
		const struct node *n = &s->node[id - 1];

		memcpy(&node, ids_entry(&s->nodes, id)->bytes, sizeof(node));
		bind(insert, 1, node);
		sqlite3_bind_text(insert, 2, type_name(n->type), -1, SQLITE_STATIC);
		bind(insert, 3, n->path);
		bind(insert, 4, n->made);
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	return good;
}

/* Operations and errors that there were. An error of 0 has an empty name, so that all events join. */
static bool put_tables(struct export *x)
{
	struct state *s = x->state;
	sqlite3_stmt *insert;
	char name[FORMAT_SIZE];
	bool good = prepare(x, "INSERT INTO ops VALUES(?,?)", &insert);

	for (unsigned op = 0; good && op < sizeof(s->ops); op++) {
		struct trace_totals totals;

		if (!s->ops[op] && (!trace_get_totals(x->query.reader, op, &totals) || !totals.calls))
			continue;
		bind(insert, 1, op);
		bind_name(insert, 2, trace_op_name(x->query.reader, op));
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	if (!good || !prepare(x, "INSERT INTO errors VALUES(?,?)", &insert))
		return false;
	for (int error = 0; good && error < 65536; error++) {
		if (error && !s->errors[error])
			continue;
		bind(insert, 1, (uint64_t)error);
		bind_name(insert, 2, error ? format_errno(error, name) : "");
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	return good;
}

static bool put_totals(struct export *x)
{
	sqlite3_stmt *insert;
	bool good = prepare(x, "INSERT INTO totals VALUES(?,?,?,?,?)", &insert);
	struct trace_totals t;

	for (unsigned op = 0; good && op < TRACE_OP_LIMIT; op++) {
		if (!trace_get_totals(x->query.reader, op, &t) || !t.calls)
			continue;
		bind(insert, 1, op);
		bind(insert, 2, t.calls);
		bind(insert, 3, t.errors);
		bind(insert, 4, t.bytes);
		bind(insert, 5, t.ns);
		good = step(x, insert);
	}
	sqlite3_finalize(insert);
	return good;
}

/* --- facts -------------------------------------------------------------------------- */

struct facts {
	struct export *x;
	sqlite3_stmt *insert;
	bool good;
};

static void put_fact(void *context, const char *key, const char *value)
{
	struct facts *facts = context;
	uint64_t n;

	bind_name(facts->insert, 1, key);
	if (parse_number(value, INT64_MAX, &n))
		bind(facts->insert, 2, n);
	else
		bind_name(facts->insert, 2, value);
	facts->good = facts->good && step(facts->x, facts->insert);
}

static void put_number(struct facts *facts, const char *key, uint64_t n)
{
	sqlite3_bind_text(facts->insert, 1, key, -1, SQLITE_STATIC);
	bind(facts->insert, 2, n);
	facts->good = facts->good && step(facts->x, facts->insert);
}

static bool put_meta(struct export *x)
{
	struct facts facts = { .x = x };
	struct trace_info info;

	trace_get_info(x->query.reader, &info);
	facts.good = prepare(x, "INSERT INTO meta VALUES(?,?)", &facts.insert);
	if (facts.good)
		trace_each_meta(x->query.reader, put_fact, &facts);
	put_number(&facts, "trace.events", info.events);
	put_number(&facts, "trace.lost", info.lost);
	put_number(&facts, "trace.skipped", info.skipped);
	put_number(&facts, "trace.gaps", info.gaps);
	put_number(&facts, "trace.gap_bytes", info.gap_bytes);
	put_number(&facts, "trace.complete", info.complete);
	sqlite3_finalize(facts.insert);
	return facts.good;
}

static bool end(struct export *x)
{
	struct state *s = x->state;

	settle_nodes(x);
	return put_meta(x) && put_tables(x) &&
	       put_texts(x, "INSERT INTO names VALUES(?,?)", &s->names) &&
	       put_texts(x, "INSERT INTO paths VALUES(?,?)", &s->paths) &&
	       put_processes(x) && put_nodes(x) && put_totals(x) &&
	       run(x, export_indexes) && run(x, export_views) && run(x, "COMMIT");
}

static void release(struct export *x)
{
	struct state *s = x->state;

	sqlite3_finalize(s->insert);
	sqlite3_close(s->db);
	ids_free(&s->names);
	ids_free(&s->paths);
	ids_free(&s->nodes);
	ids_free(&s->processes);
	free(s->node);
	free(s);
}

const struct export_format export_sqlite = {
	.name = "sqlite",
	.by_name = true,
	.begin = begin,
	.event = event,
	.end = end,
	.release = release,
};
