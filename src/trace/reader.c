/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.c - from blocks to events in order.
 *
 * Records come in the order in which the writer met them, ring by ring. Events
 * wait in a heap, the earliest start on top, until a watermark says that
 * nothing earlier will come. The tree is brought up to date with an event when
 * the next one is asked for: so paths are those just before the event.
 */
#include <memfs/trace_reader.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/blocks.h"
#include "trace/map.h"
#include "trace/tree.h"
#include "trace/varint.h"

#define WORKERS_MAX 1024 /* of which numbers of requests are followed */
#define SLACK_NS 1000000u /* what a watermark may be wrong by, see recorder.c */

/* What an event refers to whose PROCESS record was lost. It is not the kernel. */
static const struct trace_process unknown_process = { .comm = "?" };

struct meta {
	struct meta *next;
	char *value;
	char key[];
};

struct process_record {
	struct trace_process process;
	char comm[];
};

/* The names between two resets. */
struct names {
	struct map by_id;    /* plus 1: char * */
	uint64_t events;     /* that use them: in the heap, or given last */
};

struct pending {
	struct trace_event event;
	struct names *names; /* in which the event's are */
	uint64_t order;      /* of arrival: among equal starts */
	uint32_t process_id;
};

struct trace_reader {
	int fd;
	struct block_reader blocks;
	struct meta *meta, **meta_end;
	char *op_names[TRACE_OP_LIMIT];

	struct names *names; /* that hold now */
	bool forget_tree;    /* when the heap is empty: all of tree */
	uint64_t told;       /* names of the tree that were told, not made */
	uint64_t forgotten;  /* times that tree was */

	struct map processes; /* by id: struct process_record */
	struct map opens;     /* by fh: struct trace_handle */
	struct tree tree;

	struct pending *heap;
	size_t heap_count, heap_capacity;
	uint64_t order;
	uint64_t previous_ns; /* start of the last event in this block */
	struct worker_request {
		uint64_t block;   /* in which it stands, plus 1 */
		uint64_t request; /* number of the worker's last event */
	} requests[WORKERS_MAX];
	uint64_t watermark;
	bool at_end;
	bool follow;

	struct pending last; /* given, not yet in the tree */
	bool has_last;

	uint64_t events;
	bool complete;
	uint64_t end_lost;
	struct trace_totals totals[TRACE_OP_LIMIT];
};

/* --- the heap ------------------------------------------------------------ */

static bool earlier(const struct pending *a, const struct pending *b)
{
	if (a->event.start_ns != b->event.start_ns)
		return a->event.start_ns < b->event.start_ns;
	return a->order < b->order;
}

static int heap_push(struct trace_reader *r, const struct pending *p)
{
	size_t i = r->heap_count;

	if (i == r->heap_capacity) {
		size_t capacity = i ? 2 * i : 1024;
		struct pending *heap = realloc(r->heap, capacity * sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		r->heap = heap;
		r->heap_capacity = capacity;
	}
	r->heap_count++;
	for (; i > 0 && earlier(p, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = *p;
	return 0;
}

static struct pending heap_pop(struct trace_reader *r)
{
	struct pending top = r->heap[0], *last = &r->heap[--r->heap_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < r->heap_count) {
		if (child + 1 < r->heap_count && earlier(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (!earlier(&r->heap[child], last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = *last;
	return top;
}

/* --- records ------------------------------------------------------------- */

static int read_meta(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *nul = memchr(p, '\0', (size_t)(end - p));
	size_t key_length;
	struct meta *m;
	unsigned op;

	if (!nul)
		return 0;
	key_length = (size_t)(nul - p);
	m = malloc(sizeof(*m) + key_length + 1);
	if (!m)
		return -ENOMEM;
	memcpy(m->key, p, key_length + 1);
	m->value = strndup((const char *)nul + 1, (size_t)(end - nul - 1));
	m->next = NULL;
	if (!m->value) {
		free(m);
		return -ENOMEM;
	}
	*r->meta_end = m;
	r->meta_end = &m->next;
	if (sscanf(m->key, "op.%u", &op) == 1 && op < TRACE_OP_LIMIT)
		r->op_names[op] = m->value;
	return 0;
}

static void free_names(struct names *names)
{
	if (names)
		map_destroy(&names->by_id, free);
	free(names);
}

/* An event that uses them is gone. */
static void release_names(struct trace_reader *r, struct names *names)
{
	if (--names->events == 0 && names != r->names)
		free_names(names);
}

/* Ids begin anew. Events that wait go on to use the names of before. */
static int reset_names(struct trace_reader *r)
{
	struct names *before = r->names, *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	r->names = names;
	if (before && !before->events)
		free_names(before);
	return 0;
}

/*
 * A number that has another name already: the recorder does not do that, so the NAMES_RESET before was lost
 * in a gap, and the names that are known are those of another time.
 */
static bool is_renamed(const char *known, const uint8_t *p, const uint8_t *end)
{
	size_t length = (size_t)(end - p);

	return strncmp(known, (const char *)p, length) != 0 || strlen(known) > length;
}

static int read_name(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	const char *known;
	uint64_t id;
	char *name;
	void *old;
	int err;

	p = varint_get(p, end, &id);
	if (!p || id == UINT64_MAX)
		return 0;
	known = map_get(&r->names->by_id, id + 1);
	/* It may be in use by a waiting event: keep it. */
	if (known && !is_renamed(known, p, end))
		return 0;
	err = known ? reset_names(r) : 0;
	if (err)
		return err;
	name = strndup((const char *)p, (size_t)(end - p));
	if (!name)
		return -ENOMEM;
	if (map_set(&r->names->by_id, id + 1, name, &old) < 0) {
		free(name);
		return -ENOMEM;
	}
	return 0;
}

static void drop_tree(struct trace_reader *r)
{
	tree_destroy(&r->tree);
	r->tree = (struct tree){ 0 };
	r->forget_tree = false;
	r->forgotten++;
}

static const uint8_t *get32(const uint8_t *p, const uint8_t *end, uint32_t *n)
{
	uint64_t value = 0;

	if (p)
		p = varint_get(p, end, &value);
	*n = (uint32_t)value;
	return p;
}

static int read_process(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	struct trace_process process = { 0 };
	struct process_record *record;
	uint32_t id;
	void *old;

	p = get32(p, end, &id);
	p = get32(p, end, &process.pid);
	p = get32(p, end, &process.ppid);
	p = get32(p, end, &process.uid);
	p = get32(p, end, &process.gid);
	if (p)
		p = varint_get(p, end, &process.start);
	if (!p || !id || map_get(&r->processes, id))
		return 0;
	record = malloc(sizeof(*record) + (size_t)(end - p) + 1);
	if (!record)
		return -ENOMEM;
	memcpy(record->comm, p, (size_t)(end - p));
	record->comm[end - p] = '\0';
	record->process = process;
	record->process.comm = record->comm;
	if (map_set(&r->processes, id, record, &old) < 0) {
		free(record);
		return -ENOMEM;
	}
	return 0;
}

static const char *name_of(const struct trace_reader *r, uint64_t id_plus_1)
{
	const char *name = id_plus_1 ? map_get(&r->names->by_id, id_plus_1) : NULL;

	return id_plus_1 && !name ? "?" : name;
}

static void set_field(struct trace_reader *r, struct pending *p, enum trace_field field,
		      uint64_t value)
{
	struct trace_event *e = &p->event;

	switch (field) {
	case TRACE_FIELD_DURATION: e->duration_ns = value; break;
	case TRACE_FIELD_ERROR: e->error = (int)(value & 0xffff); break;
	case TRACE_FIELD_PROCESS: p->process_id = (uint32_t)value; break;
	case TRACE_FIELD_WORKER: e->worker = (uint32_t)value; break;
	case TRACE_FIELD_NODE: e->node = value; break;
	case TRACE_FIELD_RESULT: e->result = value; break;
	case TRACE_FIELD_NAME: e->name = name_of(r, value); break;
	case TRACE_FIELD_FH: e->fh = value; break;
	case TRACE_FIELD_OFFSET: e->offset = value; break;
	case TRACE_FIELD_SIZE: e->size = value; break;
	case TRACE_FIELD_DONE: e->done = value; break;
	case TRACE_FIELD_FLAGS: e->flags = (uint32_t)value; break;
	case TRACE_FIELD_MODE: e->mode = (uint32_t)value; break;
	case TRACE_FIELD_NODE2: e->node2 = value; break;
	case TRACE_FIELD_NAME2: e->name2 = name_of(r, value); break;
	case TRACE_FIELD_REPLACED: e->replaced = value; break;
	case TRACE_FIELD_OFFSET2: e->offset2 = value; break;
	case TRACE_FIELD_NEW_UID: e->new_uid = (uint32_t)value; break;
	case TRACE_FIELD_NEW_GID: e->new_gid = (uint32_t)value; break;
	case TRACE_FIELD_RDEV: e->rdev = value; break;
	case TRACE_FIELD_WHITEOUT: e->whiteout = value; break;
	case TRACE_FIELD_REQUEST: e->request = value; break;
	case TRACE_FIELD_COUNT: break;
	}
}

/* Where the number is not given, it is one more than that of the worker's event before in this block. */
static void number_request(struct trace_reader *r, struct trace_event *e)
{
	struct worker_request *last;

	if (e->worker >= WORKERS_MAX)
		return;
	last = &r->requests[e->worker];
	if (!e->request && last->request && last->block == r->blocks.sequence)
		e->request = last->request + 1;
	last->block = r->blocks.sequence;
	last->request = e->request;
}

static int read_event(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	struct pending pending = { .names = r->names, .order = r->order++ };
	uint64_t mask, start, value;
	int err;

	if (p == end)
		return 0;
	pending.event.op = *p++;
	p = varint_get(p, end, &mask);
	if (p)
		p = varint_get(p, end, &start);
	if (!p)
		return 0;
	r->previous_ns += (uint64_t)unzigzag(start);
	pending.event.start_ns = r->previous_ns;
	for (unsigned field = 0; mask; field++, mask >>= 1) {
		if (!(mask & 1))
			continue;
		p = varint_get(p, end, &value);
		if (!p)
			return 0;
		if (field < TRACE_FIELD_COUNT)
			set_field(r, &pending, (enum trace_field)field, value);
	}
	number_request(r, &pending.event);
	err = heap_push(r, &pending);
	if (!err)
		r->names->events++;
	return err;
}

static void read_watermark(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	uint64_t ns;

	if (varint_get(p, end, &ns) && ns > r->watermark)
		r->watermark = ns;
}

static void read_end(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	p = varint_get(p, end, &r->end_lost);
	while (p && p < end) {
		unsigned op = *p++;
		struct trace_totals t = { 0 };

		p = varint_get(p, end, &t.calls);
		p = p ? varint_get(p, end, &t.errors) : NULL;
		p = p ? varint_get(p, end, &t.bytes) : NULL;
		p = p ? varint_get(p, end, &t.ns) : NULL;
		if (p && op < TRACE_OP_LIMIT)
			r->totals[op] = t;
	}
	r->complete = true;
}

static int read_node(struct trace_reader *r, const uint8_t *p, const uint8_t *end)
{
	uint64_t node, parent, type;
	char name[256];

	p = varint_get(p, end, &node);
	p = p ? varint_get(p, end, &parent) : NULL;
	p = p ? varint_get(p, end, &type) : NULL;
	if (!p || (size_t)(end - p) >= sizeof(name))
		return 0;
	if (!node) {
		r->forget_tree = true;
		return 0;
	}
	memcpy(name, p, (size_t)(end - p));
	name[end - p] = '\0';
	r->told++;
	return tree_define(&r->tree, node, parent, (mode_t)type & S_IFMT, name);
}

/* The next record of the block. A length that points outside ends the block. */
static int read_record(struct trace_reader *r)
{
	struct block_reader *b = &r->blocks;
	const uint8_t *p = b->payload, *end;
	uint8_t type = *p++;
	uint64_t length;

	p = varint_get(p, b->end, &length);
	if (!p || length > (uint64_t)(b->end - p)) {
		b->payload = b->end;
		return 0;
	}
	end = p + length;
	b->payload = end;
	switch (type) {
	case TRACE_RECORD_META:
		return read_meta(r, p, end);
	case TRACE_RECORD_NAME:
		return read_name(r, p, end);
	case TRACE_RECORD_PROCESS:
		return read_process(r, p, end);
	case TRACE_RECORD_EVENT:
		return read_event(r, p, end);
	case TRACE_RECORD_WATERMARK:
		read_watermark(r, p, end);
		return 0;
	case TRACE_RECORD_NAMES_RESET:
		return reset_names(r);
	case TRACE_RECORD_END:
		read_end(r, p, end);
		return 0;
	case TRACE_RECORD_NODE:
		return read_node(r, p, end);
	default:
		return 0; /* of a newer minor version */
	}
}

/* --- events -------------------------------------------------------------- */

static int remember_open(struct trace_reader *r, const struct trace_event *e)
{
	struct trace_handle *handle = malloc(sizeof(*handle));
	void *old = NULL;

	if (!handle)
		return -ENOMEM;
	*handle = (struct trace_handle){
		.process = e->inferred ? NULL : e->process,
		.node = e->op == TRACE_OP_CREATE || e->op == TRACE_OP_TMPFILE ? e->result : e->node,
		.start_ns = e->start_ns,
		.flags = e->flags,
	};
	if (map_set(&r->opens, e->fh, handle, &old) < 0) {
		free(handle);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

static bool is_open(unsigned op)
{
	return op == TRACE_OP_OPEN || op == TRACE_OP_CREATE || op == TRACE_OP_OPENDIR ||
	       op == TRACE_OP_TMPFILE;
}

/* Brings tree and opens up to date with the event that was given last. */
static int settle(struct trace_reader *r)
{
	const struct trace_event *e = &r->last.event;
	int err = 0;

	if (!r->has_last)
		return 0;
	r->has_last = false;
	if (!e->error && e->fh && is_open(e->op))
		err = remember_open(r, e);
	else if (e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR)
		free(map_remove(&r->opens, e->fh));
	if (!err)
		err = tree_apply(&r->tree, e);
	release_names(r, r->last.names);
	return err;
}

static void give(struct trace_reader *r, struct trace_event *event)
{
	struct pending p = heap_pop(r);
	struct process_record *record = p.process_id ? map_get(&r->processes, p.process_id) : NULL;

	*event = p.event;
	if (record) {
		event->process = &record->process;
	} else if (p.process_id) {
		event->process = &unknown_process;
	} else if (event->fh) {
		const struct trace_handle *handle = map_get(&r->opens, event->fh);

		event->process = handle ? handle->process : NULL;
		event->inferred = event->process != NULL;
	}
	r->events++;
	r->last = p;
	r->last.event = *event;
	r->has_last = true;
}

/* Does somebody follow a file that still grows? */
static bool waits_for_more(const struct trace_reader *r)
{
	return r->follow && !r->complete;
}

static bool heap_is_due(const struct trace_reader *r)
{
	if (!r->heap_count)
		return false;
	return (r->at_end && !waits_for_more(r)) || r->forget_tree ||
	       r->heap[0].event.start_ns + SLACK_NS < r->watermark;
}

static int next_block(struct trace_reader *r)
{
	int more = block_reader_next(&r->blocks);

	r->previous_ns = 0;
	if (more == 0)
		r->at_end = true;
	else if (more > 0)
		r->at_end = false;
	return more < 0 ? more : 0;
}

int trace_next(struct trace_reader *r, struct trace_event *event)
{
	int err = settle(r);

	while (!err) {
		if (heap_is_due(r)) {
			give(r, event);
			return 1;
		}
		if (r->forget_tree)
			drop_tree(r);
		if (r->blocks.payload < r->blocks.end) {
			err = read_record(r);
			continue;
		}
		err = next_block(r);
		if (!err && r->at_end && (!r->heap_count || waits_for_more(r)))
			return 0;
	}
	return err;
}

/* --- the whole ------------------------------------------------------------ */

/* Reads the first block, so that the facts are there before the first event. */
static int read_facts(struct trace_reader *r)
{
	int err = next_block(r);

	while (!err && r->blocks.payload < r->blocks.end &&
	       *r->blocks.payload == TRACE_RECORD_META)
		err = read_record(r);
	return err;
}

int trace_open(const char *path, struct trace_reader **out, const char **why)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int err = 0;

	*why = "out of memory";
	if (!r)
		return -ENOMEM;
	r->meta_end = &r->meta;
	r->fd = -1;
	err = reset_names(r);
	if (err) {
		trace_close(r);
		return err;
	}
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	*why = "cannot be opened";
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode)) {
		*why = "is no regular file";
		err = -EINVAL;
	}
	if (!err)
		err = block_reader_init(&r->blocks, r->fd, why);
	if (!err) {
		*why = "cannot be read";
		err = read_facts(r);
	}
	if (err) {
		if (err == -ENOMEM)
			*why = "out of memory";
		trace_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void trace_close(struct trace_reader *r)
{
	while (r->meta) {
		struct meta *next = r->meta->next;

		free(r->meta->value);
		free(r->meta);
		r->meta = next;
	}
	for (size_t i = 0; i < r->heap_count; i++)
		release_names(r, r->heap[i].names);
	if (r->has_last)
		release_names(r, r->last.names);
	free_names(r->names);
	map_destroy(&r->opens, free);
	map_destroy(&r->processes, free);
	tree_destroy(&r->tree);
	free(r->heap);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static uint64_t meta_number(const struct trace_reader *r, const char *key)
{
	const char *value = trace_meta(r, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

void trace_set_follow(struct trace_reader *r, bool follow)
{
	r->follow = follow;
}

void trace_get_info(const struct trace_reader *r, struct trace_info *info)
{
	const struct block_reader *b = &r->blocks;
	struct stat st = { 0 };

	fstat(r->fd, &st);
	*info = (struct trace_info){
		.events = r->events,
		.lost = r->complete ? r->end_lost : b->lost,
		.blocks = b->blocks,
		.gaps = b->gaps,
		.gap_bytes = b->gap_bytes,
		.complete = r->complete && !trace_meta(r, "recovered.gaps"),
		.recovered = trace_meta(r, "recovered.gaps") != NULL,
		.at_end = r->at_end,
		.bytes = (uint64_t)st.st_size,
		.read_bytes = b->offset,
		.skipped = meta_number(r, "skipped"),
		.segment = meta_number(r, "segment"),
		.continued = meta_number(r, "continued") != 0,
		.snapshot = r->told,
		.clock_monotonic = meta_number(r, "clock.monotonic"),
		.clock_realtime = meta_number(r, "clock.realtime"),
	};
	/* What stood behind the last good block at the end; the file may have grown since. */
	if (r->at_end && b->torn) {
		info->gaps += !b->in_gap;
		info->gap_bytes += b->torn;
	}
}

const char *trace_meta(const struct trace_reader *r, const char *key)
{
	for (const struct meta *m = r->meta; m; m = m->next)
		if (strcmp(m->key, key) == 0)
			return m->value;
	return NULL;
}

void trace_each_meta(const struct trace_reader *r,
		     void (*each)(void *context, const char *key, const char *value),
		     void *context)
{
	for (const struct meta *m = r->meta; m; m = m->next)
		each(context, m->key, m->value);
}

const char *trace_op_name(const struct trace_reader *r, unsigned op)
{
	static const char *const known[TRACE_OP_LIMIT] = {
#define X(constant, opcode, name) [opcode] = name,
		TRACE_OPS(X)
#undef X
	};

	if (op < TRACE_OP_LIMIT && r->op_names[op])
		return r->op_names[op];
	return op < TRACE_OP_LIMIT && known[op] ? known[op] : "unknown";
}

bool trace_get_totals(const struct trace_reader *r, unsigned op, struct trace_totals *totals)
{
	if (!r->complete || op >= TRACE_OP_LIMIT)
		return false;
	*totals = r->totals[op];
	return true;
}

uint64_t trace_names_told(const struct trace_reader *r)
{
	return r->told + r->forgotten;
}

const struct trace_handle *trace_handle(const struct trace_reader *r, uint64_t fh)
{
	return fh ? map_get(&r->opens, fh) : NULL;
}

const char *trace_path(const struct trace_reader *r, uint64_t node, const char *name, char *buf,
		       size_t size)
{
	return tree_path(&r->tree, node, name, buf, size);
}

mode_t trace_node_type(const struct trace_reader *r, uint64_t node)
{
	return tree_type(&r->tree, node);
}
