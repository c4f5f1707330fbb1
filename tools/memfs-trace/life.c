/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life - the story of each file that ever had a path: what was done to it, when, by whom. */
#include "life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors.h"
#include "command.h"
#include "event.h"
#include "format.h"
#include "names.h"
#include "nodes.h"
#include "query.h"

static const struct query_spec spec = {
	.help = "Usage: memfs-trace life [OPTION...] PATH FILE|MOUNTPOINT\n"
		"Tell the story of a file: made, opened, written, renamed, removed, and by whom. PATH is\n"
		"where it was at any time, from the root of the mount or with the mount point before\n"
		"it. Where several files had it one after the other, each has its story.\n"
		"\n",
	.short_options = "",
	.shared = QUERY_FILTER | QUERY_TABLE | QUERY_JSON | QUERY_RAW,
	.operands = 2,
};

static const struct column columns[] = {
	{ .key = "start_ns", .title = "seconds", .kind = COLUMN_SECONDS },
	{ .key = "last_ns", .title = "last_s", .kind = COLUMN_SECONDS, .hidden = true },
	{ .key = "time_ns", .title = "took", .kind = COLUMN_NS },
	{ .key = "calls", .title = "calls", .kind = COLUMN_COUNT },
	{ .key = "errors", .title = "errors", .kind = COLUMN_COUNT, .blank_zero = true, .hidden = true },
	{ .key = "done_bytes", .title = "bytes", .kind = COLUMN_BYTES, .blank_zero = true, .hidden = true },
	{ .key = "pid", .title = "pid", .kind = COLUMN_COUNT, .hidden = true },
	{ .key = "op", .title = "op", .kind = COLUMN_TEXT, .hidden = true },
	{ .key = "who", .title = "who", .kind = COLUMN_TEXT },
	{ .key = "what", .title = "what", .kind = COLUMN_TEXT, .printable = true },
};

enum { START, LAST, TIME, CALLS, ERRORS, DONE, PID, OP, WHO, WHAT, COLUMNS };

_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "one constant a column");

/*
 * A row of a story: one call, or several of a kind in a row: reads or writes of one open; looks at
 * the file (lookup, getattr...) and, in a directory, calls on its entries.
 */
enum kind { KIND_CALL, KIND_DATA, KIND_LOOK };

struct step {
	enum kind kind;
	uint8_t op;
	bool in_order, inferred;
	uint32_t calls, errors;
	const struct actor *actor; /* who, */
	uint32_t command;          /* under which name */
	uint64_t fh, start_ns, last_ns, ns;
	uint64_t bytes, low, high, next; /* of data */
	uint32_t (*ops)[2];              /* of looks: by operation, and whether on an entry */
	char *text;                      /* of a single call */
};

/* An open of the file that has not been released yet. */
struct opened {
	struct opened *next;
	uint64_t fh, ns;
	size_t run; /* plus 1: the step that a read or write may go on with; 0 = none */
};

struct story {
	struct node node; /* must be first */
	struct step *steps;
	size_t count, capacity;
	struct opened *opens;
	size_t run; /* plus 1: the step that one more of the same may go on with */
};

struct report {
	struct query q;
	struct found found;
	struct nodes nodes;
	struct actors actors;
};

/* --- steps --------------------------------------------------------------------- */

static bool is_found(const struct report *report, uint64_t id)
{
	return id && map_get(&report->found.by_id, id);
}

static bool is_look(uint8_t op)
{
	return op == TRACE_OP_LOOKUP || op == TRACE_OP_GETATTR || op == TRACE_OP_STATX ||
	       op == TRACE_OP_ACCESS || op == TRACE_OP_GETXATTR || op == TRACE_OP_LISTXATTR;
}

/* Is it one on an entry of this node, and not on the node? */
static bool is_about_entry(const struct trace_event *e, uint64_t node)
{
	if (e->result == node || e->replaced == node || e->whiteout == node)
		return false;
	if (e->op == TRACE_OP_LINK)
		return e->node != node;
	return (event_first_name(e) && e->node == node) || (event_second_name(e) && e->node2 == node);
}

static enum kind kind_of(const struct trace_event *e, uint64_t node)
{
	if (is_about_entry(e, node) || is_look(e->op))
		return KIND_LOOK;
	if ((e->op == TRACE_OP_READ || e->op == TRACE_OP_WRITE) && !e->error)
		return KIND_DATA;
	return KIND_CALL;
}

static struct opened *find_open(struct story *story, uint64_t fh)
{
	struct opened *o = story->opens;

	while (o && o->fh != fh)
		o = o->next;
	return fh ? o : NULL;
}

static void opens(struct story *story, const struct trace_event *e)
{
	struct opened *o = make_zeroed(sizeof(*o));

	*o = (struct opened){ .next = story->opens, .fh = e->fh, .ns = e->start_ns };
	story->opens = o;
}

static void releases(struct story *story, uint64_t fh)
{
	for (struct opened **at = &story->opens; *at; at = &(*at)->next) {
		struct opened *o = *at;

		if (o->fh != fh)
			continue;
		*at = o->next;
		free(o);
		return;
	}
}

/* What a single call was, as text; with how long an open has lasted at its end. */
static char *describe(struct report *report, struct story *story, const struct trace_event *e)
{
	const struct opened *o = find_open(story, e->fh);
	char duration[FORMAT_SIZE], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(complain("life", "out of memory"));
	event_print_call(out, report->q.reader, e);
	if (o && (e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR))
		fprintf(out, ", open for %s",
			format_duration(e->start_ns > o->ns ? e->start_ns - o->ns : 0, duration));
	if (fclose(out) != 0)
		exit(complain("life", "out of memory"));
	return text;
}

static struct step *new_step(struct report *report, struct story *story,
			     const struct trace_event *e, enum kind kind)
{
	struct step *s;

	if (story->count == story->capacity) {
		story->capacity = story->capacity ? 2 * story->capacity : 16;
		story->steps = make_bigger(story->steps, story->capacity * sizeof(*story->steps));
	}
	s = &story->steps[story->count++];
	*s = (struct step){
		.kind = kind,
		.op = e->op,
		.actor = actors_of(&report->actors, e),
		.command = actors_command(&report->actors, e),
		.inferred = e->inferred,
		.in_order = true,
		.fh = e->fh,
		.start_ns = e->start_ns,
		.low = e->offset,
		.next = e->offset,
	};
	if (kind == KIND_LOOK)
		s->ops = make_zeroed(TRACE_OP_LIMIT * sizeof(*s->ops));
	return s;
}

static void go_on(struct step *s, const struct trace_event *e, uint64_t node)
{
	const uint64_t end = nodes_end(e->offset, e->done);

	s->calls++;
	s->errors += e->error != 0;
	s->ns += e->duration_ns;
	s->last_ns = e->start_ns;
	if (s->ops)
		s->ops[e->op % TRACE_OP_LIMIT][is_about_entry(e, node)]++;
	if (s->kind != KIND_DATA)
		return;
	s->bytes += e->done;
	s->in_order &= e->offset == s->next;
	s->next = end;
	if (e->offset < s->low)
		s->low = e->offset;
	if (end > s->high)
		s->high = end;
}

/* The step that this call goes on with; NULL = it begins one. */
static struct step *find_step(struct report *report, struct story *story,
			      const struct trace_event *e, enum kind kind)
{
	struct opened *o = find_open(story, e->fh);
	size_t run = kind == KIND_DATA && o ? o->run : story->run;
	struct step *s = run ? &story->steps[run - 1] : NULL;

	if (!s || s->kind != kind || s->actor != actors_of(&report->actors, e) ||
	    s->command != actors_command(&report->actors, e) || s->inferred != e->inferred)
		return NULL;
	if (kind == KIND_DATA)
		return s->op == e->op && s->fh == e->fh ? s : NULL;
	return kind == KIND_CALL ? NULL : s;
}

/* A look between two writes does not part them; nor does what is done by another open. */
static void remember_step(struct story *story, const struct trace_event *e, enum kind kind)
{
	struct opened *o = find_open(story, e->fh);

	if (kind == KIND_DATA && o) {
		o->run = story->count;
		return;
	}
	story->run = story->count;
	if (kind != KIND_CALL)
		return;
	if (o)
		o->run = 0;
	else if (!e->fh)
		for (o = story->opens; o; o = o->next)
			o->run = 0;
}

static void tell(struct report *report, uint64_t id, const struct trace_event *e)
{
	struct story *story = nodes_get(&report->nodes, id);
	enum kind kind = kind_of(e, id);
	struct step *s = find_step(report, story, e, kind);
	bool opening = !e->error && e->fh &&
		       (e->op == TRACE_OP_OPEN || e->op == TRACE_OP_CREATE ||
			e->op == TRACE_OP_TMPFILE || e->op == TRACE_OP_OPENDIR) && kind == KIND_CALL;

	if (!s) {
		s = new_step(report, story, e, kind);
		if (kind == KIND_CALL)
			s->text = describe(report, story, e);
		remember_step(story, e, kind);
	}
	go_on(s, e, id);
	if (opening)
		opens(story, e);
	else if (e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR)
		releases(story, e->fh);
}

static void add(struct report *report, const struct trace_event *e)
{
	const uint64_t ids[] = { e->node, e->result, e->node2, e->replaced, e->whiteout };

	if (e->op == TRACE_OP_FORGET)
		return;
	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= ids[k] == ids[i];
		if (!again && is_found(report, ids[i]))
			tell(report, ids[i], e);
	}
}

static void watch(void *context, const struct trace_event *e)
{
	struct report *report = context;

	nodes_apply(&report->nodes, report->q.reader, e);
}

/* --- as text -------------------------------------------------------------------- */

static const char *format_size(uint64_t bytes, char buf[2 * FORMAT_SIZE])
{
	char number[FORMAT_SIZE];

	snprintf(buf, 2 * FORMAT_SIZE, "%s%s", format_bytes(bytes, number),
		 bytes == 1 ? " byte" : bytes < 1024 ? " bytes" : "");
	return buf;
}

/* "12 writes, 48.0K, 4.0K each, 0..48.0K" */
static void print_data(FILE *out, const struct step *s)
{
	char all[2 * FORMAT_SIZE], low[FORMAT_SIZE], high[FORMAT_SIZE];
	const char *verb = s->op == TRACE_OP_READ ? "read" : "write";

	fprintf(out, "%u %s%s, %s", s->calls, verb, s->calls == 1 ? "" : "s",
		format_size(s->bytes, all));
	if (s->calls > 1)
		fprintf(out, ", %s each", format_size(s->bytes / s->calls, all));
	fprintf(out, ", %s..%s%s", format_bytes(s->low, low), format_bytes(s->high, high),
		s->in_order ? "" : ", not in order");
}

static void print_ops(FILE *out, const struct trace_reader *r, const struct step *s)
{
	static const char *const what[] = { "looked at", "in it" };

	for (unsigned entry = 0, all = 0; entry < 2; entry++) {
		unsigned kinds = 0;

		for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
			if (!s->ops[op][entry])
				continue;
			if (!kinds)
				fprintf(out, "%s%s:", all ? "; " : "", what[entry]);
			fprintf(out, "%s %u %s", kinds ? "," : "", s->ops[op][entry],
				trace_op_name(r, op));
			kinds++;
			all++;
		}
	}
}

static char *step_text(const struct report *report, const struct step *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(complain("life", "out of memory"));
	if (s->kind == KIND_DATA)
		print_data(out, s);
	else if (s->kind == KIND_CALL)
		fputs(s->text, out);
	else
		print_ops(out, report->q.reader, s);
	if (fclose(out) != 0)
		exit(complain("life", "out of memory"));
	return text;
}

static const char *step_op(const struct report *report, const struct step *s)
{
	return s->kind == KIND_LOOK ? "look" : trace_op_name(report->q.reader, s->op);
}

static uint64_t since_start(const struct report *report, uint64_t ns)
{
	return ns > report->q.filter.began_ns ? ns - report->q.filter.began_ns : 0;
}

static void fill(const struct report *report, struct table *t, const struct story *story)
{
	for (size_t i = 0; i < story->count; i++) {
		const struct step *s = &story->steps[i];
		char who[256], *what = step_text(report, s);

		snprintf(who, sizeof(who), "%s%s/%u", s->inferred ? "~" : "",
			 names_text(&report->actors.commands, s->command), s->actor->pid);
		table_add(t, (struct value[COLUMNS]){
			[START].n = since_start(report, s->start_ns),
			[LAST].n = since_start(report, s->last_ns),
			[TIME].n = s->ns,
			[CALLS].n = s->calls,
			[ERRORS].n = s->errors,
			[DONE].n = s->bytes,
			[PID].n = s->actor->pid,
			[OP].text = step_op(report, s),
			[WHO].text = who,
			[WHAT].text = what,
		});
		free(what);
	}
}

static const char *type_name(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symbolic link";
	case 0: return "node";
	default: return "special file";
	}
}

static void print_story(const struct report *report, struct table *t, const struct story *story)
{
	char path[EVENT_PATH_SIZE], shown[4 * EVENT_PATH_SIZE], size[2 * FORMAT_SIZE];
	const struct node *n = &story->node;

	nodes_path(n, report->q.reader, path, sizeof(path));
	printf("\n%s %s: node %" PRIu64, type_name(n->type), format_quoted(path, shown, sizeof(shown)),
	       n->id);
	if (n->type == S_IFREG)
		printf(", %s", format_size(n->size, size));
	if (n->created_ns)
		printf(", made at %.6f", (double)since_start(report, n->created_ns) / 1e9);
	if (n->removed_ns)
		printf(", removed at %.6f", (double)since_start(report, n->removed_ns) / 1e9);
	putchar('\n');
	table_print(t, stdout, report->q.raw);
}

static json_t *story_json(const struct report *report, struct table *t, const struct story *story)
{
	const struct node *n = &story->node;
	char path[EVENT_PATH_SIZE];
	json_t *object = json_pack("{s:I, s:s, s:I}", "node", (json_int_t)n->id, "type",
				   type_name(n->type), "size_bytes", (json_int_t)n->size);

	if (!object)
		exit(complain("JSON", "out of memory"));
	json_set_name(object, "last_path", nodes_path(n, report->q.reader, path, sizeof(path)));
	json_object_set_new(object, "made_ns", n->created_ns ?
			    json_integer((json_int_t)since_start(report, n->created_ns)) : json_null());
	json_object_set_new(object, "removed_ns", n->removed_ns ?
			    json_integer((json_int_t)since_start(report, n->removed_ns)) : json_null());
	json_object_set_new(object, "rows", table_json(t));
	return object;
}

/* --- the command ----------------------------------------------------------------- */

/* NULL when the user's options do not fit; run() has tried. */
static struct table *make_table(const struct report *report)
{
	return table_create(columns, COLUMNS, &report->q.table, NULL);
}

static void print(struct report *report, const char *path)
{
	json_t *stories = json_array(), *root;

	nodes_finish(&report->nodes, report->q.reader);
	if (!report->q.json)
		query_print_head(&report->q);
	for (size_t i = 0; i < report->found.count; i++) {
		struct story *story = nodes_get(&report->nodes, report->found.nodes[i]);
		struct table *t = make_table(report);

		fill(report, t, story);
		if (report->q.json)
			json_array_append_new(stories, story_json(report, t, story));
		else
			print_story(report, t, story);
		table_free(t);
	}
	if (report->q.json) {
		root = query_json(&report->q);
		json_set_name(root, "path", path);
		json_object_set(root, "stories", stories);
		query_print_json(root);
	}
	json_decref(stories);
}

/* The path as the reader says it: from the root of the mount, without a slash at its end. */
static char *clean_path(const struct query *q, const char *text)
{
	const char *path = query_path(q, text);
	char *clean;
	size_t length;

	if (asprintf(&clean, "%s%s", *path == '/' ? "" : "/", path) < 0)
		exit(complain("life", "out of memory"));
	for (length = strlen(clean); length > 1 && clean[length - 1] == '/'; length--)
		clean[length - 1] = '\0';
	return clean;
}

/* The first pass, with a reader of its own. NULL: said. */
static char *find(struct report *report, const char *text, const char *trace)
{
	struct query first = { .reader = open_trace(trace) };
	char *path;

	if (!first.reader)
		return NULL;
	path = clean_path(&first, text);
	life_find(first.reader, trace, path, &report->found);
	trace_close(first.reader);
	if (!report->found.count) {
		complain(text, "nothing in the trace ever had this path");
		free(path);
		return NULL;
	}
	return path;
}

static int run(struct report *report, const char *text, const char *trace)
{
	struct table *tried = make_table(report);
	struct trace_event event;
	char *path;

	if (!tried)
		return QUERY_MISUSE;
	table_free(tried);
	path = find(report, text, trace);
	if (path && query_open(&report->q, trace)) {
		while (query_next(&report->q, &event))
			add(report, &event);
		print(report, path);
	}
	free(path);
	return report->q.reader ? 0 : QUERY_MISUSE;
}

static void free_report(struct report *report)
{
	for (size_t i = 0; i < report->nodes.count; i++) {
		struct story *story = (struct story *)report->nodes.all[i];

		for (size_t k = 0; k < story->count; k++) {
			free(story->steps[k].ops);
			free(story->steps[k].text);
		}
		free(story->steps);
		while (story->opens)
			releases(story, story->opens->fh);
	}
	nodes_free(&report->nodes);
	actors_free(&report->actors);
	life_free_found(&report->found);
}

int command_life(int argc, char **argv)
{
	struct report report = { 0 };
	int c = query_option(&report.q, &spec, argc, argv);

	if (c != QUERY_READY)
		return query_end(&report.q, c);
	nodes_init(&report.nodes, sizeof(struct story));
	actors_init(&report.actors);
	report.q.watch = watch;
	report.q.watch_context = &report;
	c = run(&report, argv[optind], argv[optind + 1]);
	c = query_end(&report.q, c);
	free_report(&report);
	return c;
}
