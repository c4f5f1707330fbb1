/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memfs/trace_reader.h>

#include "common/text.h"
#include "methods.h"
#include "pattern.h"

#define ROOT_NODE 1
#define SUBJECT_SIZE (2 * PATH_MAX)

enum phase { PREPARING, WRITING, SETTLING, VERIFYING };

/* Bytes that a node got. */
struct node {
	uint64_t number, before_close, in_time, late;
};

struct reading {
	struct trace_reader *trace;
	struct analysis *result;
	pid_t driver, marker;
	enum phase phase;
	uint64_t seen[TRACE_OP_LIMIT]; /* events of the whole trace */
	uint64_t *opens;               /* handles that the method opened */
	size_t open_count;
	struct node *nodes;
	size_t node_count;
	struct pattern *pattern;
	bool over;                     /* the pattern has the sign that the method was over */
};

const struct operation operations[] = {
#define X(constant, opcode, name) { opcode, name },
	TRACE_OPS(X)
#undef X
};

const size_t operation_count = sizeof(operations) / sizeof(operations[0]);

/* --- whose call is it? -------------------------------------------------- */

static bool is_of(const struct trace_event *e, pid_t pid)
{
	return pid && e->process && !e->inferred && e->process->pid == (uint32_t)pid;
}

/* What is there before the file is closed? */
static void notice_close(struct reading *r, const struct trace_event *e)
{
	if (r->phase != WRITING || e->op != TRACE_OP_FSYNCDIR || !is_of(e, r->marker))
		return;
	r->result->close_known = true;
	for (size_t i = 0; i < r->node_count; i++)
		r->nodes[i].before_close = r->nodes[i].in_time;
	pattern_add(r->pattern, "[close]", PATTERN_NO_BYTES, "");
}

static void notice_mark(struct reading *r, const struct trace_event *e)
{
	static const struct {
		const char *mark;
		enum phase next;
	} marks[] = {
		{ MARK_WRITE, WRITING }, { MARK_WRITTEN, SETTLING }, { MARK_VERIFY, VERIFYING },
	};

	if (e->op != TRACE_OP_SETXATTR || e->node != ROOT_NODE || !e->name || !e->name2 ||
	    strcmp(e->name, "memfs.trace.mark") != 0)
		return;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(e->name2, marks[i].mark) == 0)
			r->phase = marks[i].next;
}

static bool is_open(const struct reading *r, uint64_t fh)
{
	for (size_t i = r->open_count; i > 0; i--)
		if (r->opens[i - 1] == fh)
			return true;
	return false;
}

static void notice_open(struct reading *r, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_OPEN:
	case TRACE_OP_OPENDIR:
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
		if (e->error)
			return;
		r->opens = enlarge(r->opens, r->open_count + 1, sizeof(*r->opens));
		r->opens[r->open_count++] = e->fh;
	}
}

static bool is_release(const struct trace_event *e)
{
	return e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR;
}

static bool is_forget(const struct trace_event *e)
{
	return e->op == TRACE_OP_FORGET || e->op == TRACE_OP_BATCH_FORGET;
}

static bool belongs(const struct reading *r, const struct trace_event *e)
{
	bool ours = is_of(e, r->driver) || is_of(e, r->marker);

	switch (r->phase) {
	case WRITING:
		/* Nobody waits for a RELEASE: it may be one of what was closed before. */
		return !ours && (!is_release(e) || is_open(r, e->fh));
	case SETTLING:
	case VERIFYING:
		return (is_release(e) || r->phase == SETTLING) && is_open(r, e->fh);
	default:
		return false;
	}
}

/* --- what is it on? ----------------------------------------------------- */

/* A path without its first slash; "." is the root; nothing in it that would be taken for more. */
static void put_path(const struct reading *r, uint64_t node, const char *name, char **at, char *end)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	char path[PATH_MAX];
	const char *from;
	size_t length;

	trace_path(r->trace, node, name, path, sizeof(path));
	length = strlen(path);
	if (length > tail && strcmp(path + length - tail, deleted) == 0)
		memmove(path + length - tail, path + length - tail + 1, tail); /* one word */
	from = *path == '/' ? path + 1 : path;
	if (!*from)
		from = ".";
	for (; *from && end - *at > 5; from++) {
		unsigned char c = (unsigned char)*from;

		if (isgraph(c) && c != '\\')
			*(*at)++ = (char)c;
		else
			*at += snprintf(*at, 5, "\\x%02x", c);
	}
	**at = '\0';
}

/* Does the name that the event bears stand in its first node? */
static const char *entry_name(const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
	case TRACE_OP_LINK:
		return NULL;
	default:
		return e->name;
	}
}

/* The empty text for the target. */
static void subject_of(const struct reading *r, const struct trace_event *e, char *subject)
{
	char *at = subject, *end = subject + SUBJECT_SIZE;

	if (e->op == TRACE_OP_COPY_FILE_RANGE) {
		put_path(r, e->node2, NULL, &at, end);
	} else {
		put_path(r, e->node, entry_name(e), &at, end);
	}
	if (e->op == TRACE_OP_RENAME || e->op == TRACE_OP_LINK) {
		*at++ = '>';
		put_path(r, e->node2, e->op == TRACE_OP_LINK ? e->name : e->name2, &at, end);
	}
	if (strcmp(subject, TARGET_NAME) == 0)
		*subject = '\0';
}

/* --- what is it? -------------------------------------------------------- */

/* Which attributes, as far as it matters here. */
static void put_attributes(const struct trace_event *e, FILE *out)
{
	static const struct {
		uint32_t bits; /* FATTR_ of the kernel */
		const char *name;
	} kinds[] = {
		{ 1 << 0, "mode" }, { 1 << 1 | 1 << 2, "owner" }, { 1 << 3, "size" },
		{ 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10, "times" },
	};
	char separator = ' ';

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!(e->flags & kinds[i].bits))
			continue;
		fprintf(out, "%c%s", separator, kinds[i].name);
		separator = ',';
	}
}

/* "SETATTR size", "FSYNC data", "LOOKUP!ENOENT" */
static void call_of(const struct reading *r, const struct trace_event *e, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	const char *error;

	if (!out)
		out_of_memory();
	for (const char *c = trace_op_name(r->trace, e->op); *c; c++)
		putc(toupper((unsigned char)*c), out);
	if (e->op == TRACE_OP_SETATTR)
		put_attributes(e, out);
	if (e->op == TRACE_OP_FSYNC && e->flags & 1)
		fputs(" data", out);
	if (e->error) {
		error = strerrorname_np(e->error);
		fprintf(out, "!%s", error ? error : "?");
	}
	fclose(out);
	text[size - 1] = '\0';
}

static bool moves_bytes(const struct trace_event *e)
{
	return !e->error && (e->op == TRACE_OP_WRITE || e->op == TRACE_OP_READ ||
			     e->op == TRACE_OP_COPY_FILE_RANGE);
}

static void add_to_pattern(struct reading *r, const struct trace_event *e)
{
	char call[64], subject[SUBJECT_SIZE + 1];

	if (r->phase != WRITING && !r->over && !is_release(e)) {
		r->over = true;
		pattern_add(r->pattern, "|", PATTERN_NO_BYTES, "");
	}
	call_of(r, e, call, sizeof(call));
	subject_of(r, e, subject);
	pattern_add(r->pattern, call, moves_bytes(e) ? e->done : PATTERN_NO_BYTES, subject);
}

/* --- counting ----------------------------------------------------------- */

static struct node *node_of(struct reading *r, uint64_t number)
{
	for (size_t i = r->node_count; i > 0; i--)
		if (r->nodes[i - 1].number == number)
			return &r->nodes[i - 1];
	r->nodes = enlarge(r->nodes, r->node_count + 1, sizeof(*r->nodes));
	r->nodes[r->node_count] = (struct node){ .number = number };
	return &r->nodes[r->node_count++];
}

static void count_bytes(struct reading *r, const struct trace_event *e)
{
	struct analysis *a = r->result;
	struct node *node;

	if (e->error || (e->op != TRACE_OP_WRITE && e->op != TRACE_OP_COPY_FILE_RANGE))
		return;
	node = node_of(r, e->op == TRACE_OP_WRITE ? e->node : e->node2);
	if (r->phase == WRITING)
		node->in_time += e->done;
	else
		node->late += e->done;
	if (e->op != TRACE_OP_WRITE)
		return;
	if (!a->write_bytes || e->done < a->write_least)
		a->write_least = e->done;
	if (e->done > a->write_most)
		a->write_most = e->done;
	a->write_bytes += e->done;
}

static void take(struct reading *r, const struct trace_event *e)
{
	if (r->phase == WRITING)
		notice_open(r, e);
	r->result->calls[e->op % TRACE_OP_LIMIT]++;
	if (is_forget(e))
		return; /* the kernel's own housekeeping, at any time or never */
	r->result->all_calls++;
	count_bytes(r, e);
	add_to_pattern(r, e);
}

/* At the end: which of the nodes is the target? */
static void count_target(struct reading *r)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < r->node_count; i++) {
		trace_path(r->trace, r->nodes[i].number, NULL, path, sizeof(path));
		if (strcmp(path, "/" TARGET_NAME) != 0)
			continue;
		r->result->target_before_close = r->nodes[i].before_close;
		r->result->target_in_time = r->nodes[i].in_time;
		r->result->target_late = r->nodes[i].late;
	}
}

/* --- the whole ---------------------------------------------------------- */

static int read_events(struct reading *r)
{
	enum phase before = PREPARING;
	struct trace_event e;
	int result;

	while ((result = trace_next(r->trace, &e)) > 0) {
		r->seen[e.op % TRACE_OP_LIMIT]++;
		notice_mark(r, &e);
		notice_close(r, &e);
		if (r->phase == before && belongs(r, &e))
			take(r, &e);
		if (r->phase != before && r->phase == VERIFYING)
			count_target(r);
		if (r->phase == VERIFYING && e.op == TRACE_OP_READ && !e.error)
			r->result->verify_read += e.done;
		before = r->phase;
	}
	return result;
}

/* Nothing lost, nothing damaged, and as many events as the daemon says there were? */
static char *doubts(const struct reading *r)
{
	struct trace_totals totals;
	struct trace_info info;

	trace_get_info(r->trace, &info);
	if (!info.complete)
		return text_copy("the trace has no end");
	if (info.lost || info.skipped || info.gaps)
		return text_format("the trace is not whole: %" PRIu64 " events lost, %" PRIu64
				   " skipped, %" PRIu64 " gaps", info.lost, info.skipped, info.gaps);
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		if (trace_get_totals(r->trace, op, &totals) && totals.calls != r->seen[op])
			return text_format("the trace has %" PRIu64 " %s, the daemon counted %"
					   PRIu64, r->seen[op], trace_op_name(r->trace, op),
					   totals.calls);
	if (r->phase != VERIFYING)
		return text_copy("the trace lacks a mark");
	return NULL;
}

bool analysis_read(struct analysis *a, const char *path, pid_t driver, pid_t marker, char **why)
{
	struct reading r = { .result = a, .driver = driver, .marker = marker };
	const char *reason = NULL;
	int error;

	*a = (struct analysis){ 0 };
	*why = NULL;
	error = trace_open(path, &r.trace, &reason);
	if (error) {
		*why = text_format("%s: %s", path, reason ? reason : strerror(-error));
		return false;
	}
	r.pattern = pattern_new();
	error = read_events(&r);
	*why = error ? text_format("%s: %s", path, strerror(-error)) : doubts(&r);
	if (!*why) {
		a->pattern = pattern_text(r.pattern);
		a->known = true;
	}
	pattern_free(r.pattern);
	trace_close(r.trace);
	free(r.opens);
	free(r.nodes);
	return a->known;
}

void analysis_free(struct analysis *a)
{
	free(a->pattern);
	*a = (struct analysis){ 0 };
}
