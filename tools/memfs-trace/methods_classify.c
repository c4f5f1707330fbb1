/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods_classify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define PAGE 4096u      /* the kernel puts off whole pages */
#define JUMPS_MIN 4u    /* writes out of order that make a file one of random writes, */
#define JUMPS_PART 4u   /* if they are at least this part of all */
#define LOCK_BYTES 128u /* a lock file holds a pid and a host name, not more */

const char *const method_names[METHODS] = {
	[METHOD_CREATE] = "create",
	[METHOD_REWRITE] = "truncate-rewrite",
	[METHOD_REPLACE] = "temp-replace",
	[METHOD_RENAME] = "temp-rename",
	[METHOD_APPEND] = "append",
	[METHOD_IN_PLACE] = "in-place",
	[METHOD_RANDOM] = "random",
	[METHOD_SPARSE] = "sparse",
	[METHOD_MMAP] = "mmap",
	[METHOD_DIRECT] = "direct",
	[METHOD_PREALLOCATE] = "preallocate",
	[METHOD_COPY_RANGE] = "copy-range",
	[METHOD_LOCK] = "lock",
	[METHOD_EMPTY] = "empty",
	[METHOD_UNKNOWN] = "unknown",
};

static void see(struct written *w, enum method method)
{
	w->seen |= 1u << method;
}

static bool has(const struct written *w, enum method method)
{
	return w->seen >> method & 1;
}

void classify_init(struct classify *c, const struct trace_reader *r)
{
	const char *cache = trace_meta(r, "cache");

	*c = (struct classify){
		.gathered = (!cache || strcmp(cache, "always") == 0) && !nodes_bytes_are_unseen(r),
		.opens_unseen = nodes_opens_are_unseen(r),
		.bytes_unseen = nodes_bytes_are_unseen(r),
	};
	nodes_init(&c->nodes, sizeof(struct written));
	actors_init(&c->actors);
}

static void close_writer(struct written *w, uint64_t fh)
{
	for (struct writer **at = &w->writers; *at; at = &(*at)->next) {
		struct writer *writer = *at;

		if (writer->fh != fh)
			continue;
		*at = writer->next;
		free(writer);
		return;
	}
}

void classify_free(struct classify *c)
{
	for (size_t i = 0; i < c->nodes.count; i++) {
		struct written *w = (struct written *)c->nodes.all[i];

		while (w->writers)
			close_writer(w, w->writers->fh);
		few_free(&w->commands);
	}
	nodes_free(&c->nodes);
	actors_free(&c->actors);
}

/* --- opens and sizes ------------------------------------------------------------ */

static void cut(struct written *w, uint64_t size)
{
	if (!size && w->node.size)
		w->emptied = true;
	if (size > w->node.size)
		w->grown = true;
	if (!size)
		w->allocated = w->grown = false;
	if (w->covered > size)
		w->covered = size;
	w->reach = size;
	for (struct writer *writer = w->writers; writer; writer = writer->next)
		if (writer->base > size)
			writer->base = size;
}

static struct writer *add_writer(struct written *w, uint64_t fh)
{
	struct writer *writer = make_zeroed(sizeof(*writer));

	writer->next = w->writers;
	writer->fh = fh;
	writer->base = w->node.size;
	w->writers = writer;
	return writer;
}

static void open_file(struct written *w, const struct trace_event *e)
{
	const bool may_write = (e->flags & O_ACCMODE) != O_RDONLY || e->op == TRACE_OP_TMPFILE;
	uint64_t size = w->node.size;
	struct writer *writer;

	if (nodes_sets_size(e, &size))
		cut(w, size);
	if (!may_write || !e->fh)
		return;
	writer = add_writer(w, e->fh);
	writer->base = size;
	writer->direct = e->flags & O_DIRECT;
}

static void make(struct classify *c, struct written *w, const struct trace_event *e)
{
	/* O_CREAT may meet a file that is there, where another process was faster. */
	if (w->node.created_ns)
		return;
	w->maker = actors_of(&c->actors, e)->number + 1;
	w->exclusive = e->op == TRACE_OP_CREATE && e->flags & O_EXCL;
	w->fresh = true;
}

static void allocate(struct written *w, const struct trace_event *e)
{
	const uint32_t others = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
				FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE;

	if (e->flags & others || nodes_end(e->offset, e->size) <= w->node.size)
		return;
	w->allocated = true;
	see(w, METHOD_PREALLOCATE);
}

/* --- writes ----------------------------------------------------------------------- */

static struct writer *find_writer(const struct written *w, uint64_t fh)
{
	struct writer *writer = w->writers;

	while (writer && writer->fh != fh)
		writer = writer->next;
	return writer;
}

/*
 * What was put off comes in whole pages, of several threads, so not always in order: then what
 * begins in the page where the file ended before the open, and goes on past that end, is an append.
 */
static void put_after(struct written *w, uint64_t base, uint64_t offset, uint64_t end, bool put_off)
{
	const bool appends = put_off ? offset >= base - base % PAGE && end > base :
				       offset >= w->node.size;

	if (appends)
		see(w, METHOD_APPEND);
	else if (offset < base)
		see(w, METHOD_IN_PLACE);
}

/* What the bytes say; who wrote them, and how, has been seen to. */
static void put(struct written *w, struct writer *writer, uint64_t offset, uint64_t done, bool put_off)
{
	const uint64_t size = w->node.size, end = nodes_end(offset, done);
	const bool extends_page = put_off && offset < size && offset >= size - size % PAGE && end > size;

	if (writer->base) {
		put_after(w, writer->base, offset, end, put_off);
	} else {
		writer->rewrites |= w->emptied;
		see(w, writer->rewrites ? METHOD_REWRITE : METHOD_CREATE);
	}
	w->emptied = false;
	w->covered += extends_page ? end - size : done;
	if (end > w->reach)
		w->reach = end;
	/*
	 * More was written than there is room for: some of it went over what was there. Whole pages
	 * say less: one may come twice since a program filled it in two steps.
	 */
	if (offset < size && w->covered > (put_off ? nodes_end(w->reach, w->reach) : w->reach))
		see(w, METHOD_IN_PLACE);
}

static void count_order(struct written *w, struct writer *writer, const struct trace_event *e)
{
	const uint64_t expected = writer->began ? writer->next_offset : writer->base;

	w->ordered++;
	w->jumps += e->offset != expected && e->offset != w->node.size;
	writer->began = true;
	writer->next_offset = nodes_end(e->offset, e->done);
}

static void write_file(struct classify *c, struct written *w, const struct trace_event *e)
{
	const bool put_off = e->flags & 1;
	struct writer unknown = { .base = w->node.size }, *writer = find_writer(w, e->fh);

	if (!writer && c->opens_unseen)
		writer = find_writer(w, 0);
	few_add(&w->commands, actors_command(&c->actors, e));
	w->writes++;
	w->bytes += e->done;
	w->fresh = true;
	if (put_off && !c->gathered) {
		see(w, METHOD_MMAP);
		w->covered += e->done;
		w->emptied = false;
		return;
	}
	/* All opens that are not seen are one to us: an append by a later one cannot be told. */
	if (!writer)
		writer = c->opens_unseen ? add_writer(w, 0) : &unknown;
	if (!put_off) {
		if (writer->direct)
			see(w, METHOD_DIRECT);
		count_order(w, writer, e);
	}
	put(w, writer, e->offset, e->done, put_off);
}

/* The call names the open of the source only. */
static void copy_file(struct classify *c, struct written *w, const struct trace_event *e)
{
	struct writer unknown = { .base = w->node.size };

	few_add(&w->commands, actors_command(&c->actors, e));
	w->writes++;
	w->bytes += e->done;
	w->fresh = true;
	see(w, METHOD_COPY_RANGE);
	if (!w->writers && c->opens_unseen)
		add_writer(w, 0);
	put(w, w->writers ? w->writers : &unknown, e->offset2, e->done, false);
}

/* --- names ------------------------------------------------------------------------ */

static bool is_maker(struct classify *c, const struct written *w, const struct trace_event *e)
{
	return w->maker && w->maker == actors_of(&c->actors, e)->number + 1;
}

static void rename_file(struct classify *c, struct written *w, const struct trace_event *e)
{
	if (w->fresh && e->replaced)
		see(w, METHOD_REPLACE);
	else if (w->fresh && is_maker(c, w, e))
		see(w, METHOD_RENAME);
	w->fresh = false;
}

static void link_file(struct classify *c, struct written *w, const struct trace_event *e)
{
	if (!w->fresh || !is_maker(c, w, e))
		return;
	if (!w->node.links)
		see(w, METHOD_RENAME);
	w->linked = true;
}

static void unlink_file(struct classify *c, struct written *w, const struct trace_event *e)
{
	if (w->node.links > 1 && w->linked && is_maker(c, w, e))
		see(w, METHOD_RENAME);
	w->unmade |= w->node.links <= 1 && is_maker(c, w, e);
}

/* A name that is looked up, and nothing is done with it, is one that somebody else's O_EXCL has met. */
static void look_for_polling(struct classify *c, struct written *w, const struct trace_event *e)
{
	const uint32_t who = actors_of(&c->actors, e)->number + 1;

	if (e->op == TRACE_OP_LOOKUP) {
		w->polled |= w->looker != 0;
		w->looker = who;
	} else if (e->op == TRACE_OP_UNLINK || e->op == TRACE_OP_RENAME) {
		w->polled |= w->looker && w->looker != who;
		w->looker = 0;
	} else if (e->op != TRACE_OP_RELEASE && e->op != TRACE_OP_FLUSH && w->looker == who) {
		w->looker = 0;
	}
}

static void classify(struct classify *c, struct written *w, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
		make(c, w, e);
		open_file(w, e);
		break;
	case TRACE_OP_MKNOD:
		make(c, w, e);
		break;
	case TRACE_OP_OPEN:
		open_file(w, e);
		break;
	case TRACE_OP_RELEASE:
		close_writer(w, e->fh);
		break;
	case TRACE_OP_SETATTR:
		if (nodes_sets_size(e, &(uint64_t){ 0 }))
			cut(w, e->size);
		break;
	case TRACE_OP_WRITE:
		write_file(c, w, e);
		break;
	case TRACE_OP_COPY_FILE_RANGE:
		copy_file(c, w, e);
		break;
	case TRACE_OP_FALLOCATE:
		allocate(w, e);
		break;
	case TRACE_OP_RENAME:
		rename_file(c, w, e);
		break;
	case TRACE_OP_LINK:
		link_file(c, w, e);
		break;
	case TRACE_OP_UNLINK:
		unlink_file(c, w, e);
		break;
	default:
		break;
	}
}

void classify_add(struct classify *c, const struct trace_reader *r, const struct trace_event *e)
{
	struct written *w = e->error ? NULL : nodes_get(&c->nodes, nodes_subject(e));

	/* Sizes and names are still as they were before. */
	if (w && w->node.type != S_IFDIR) {
		classify(c, w, e);
		look_for_polling(c, w, e);
	}
	nodes_apply(&c->nodes, r, e);
}

/* --- the answer ---------------------------------------------------------------------- */

static bool is_named_lock(const struct node *node)
{
	const char *name = node->path ? strrchr(node->path, '/') : NULL;

	return name && (strcasestr(name, "lock") || strcasestr(name, "lck"));
}

static bool is_lock(const struct written *w)
{
	return w->exclusive && w->unmade && w->node.removed_ns && w->bytes <= LOCK_BYTES &&
	       !has(w, METHOD_REPLACE) && !has(w, METHOD_RENAME) &&
	       (w->polled || is_named_lock(&w->node));
}

/* For certain: not as many bytes were written as there are. What is still open may get them yet. */
static bool is_sparse(const struct written *w)
{
	return w->maker && !w->allocated && !w->writers && w->reach >= w->covered &&
	       w->reach - w->covered >= PAGE && (w->bytes || w->grown);
}

uint32_t classify_methods(const struct classify *c, const struct written *w)
{
	uint32_t methods = w->seen;

	if (w->node.type && w->node.type != S_IFREG)
		return 0;
	if (c->bytes_unseen)
		return methods || !w->maker ? methods : 1u << METHOD_UNKNOWN;
	if (w->jumps >= JUMPS_MIN && w->jumps * JUMPS_PART >= w->ordered)
		methods |= 1u << METHOD_RANDOM;
	if (is_sparse(w))
		methods |= 1u << METHOD_SPARSE;
	if (is_lock(w))
		methods |= 1u << METHOD_LOCK;
	else if (w->maker && !w->bytes && !w->grown && !w->allocated)
		methods |= 1u << METHOD_EMPTY;
	/* What it was before it came to its place, or what it is for, says more. */
	if (methods & (1u << METHOD_REPLACE | 1u << METHOD_RENAME | 1u << METHOD_LOCK))
		methods &= ~(1u << METHOD_CREATE);
	/* Where events were lost, it may have been anything before. */
	if (!w->maker)
		methods &= ~(1u << METHOD_CREATE);
	if (!methods && w->bytes)
		methods = 1u << METHOD_UNKNOWN;
	return methods;
}
