/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings_collect.c - what the events say of nodes, and of each process with each node.
 *
 * collect_watch() sees all events, and keeps what makes a claim true or not: what changed, what was
 * read. collect_count() sees those that pass the filters, and counts calls and what they cost.
 */
#include "findings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"

static void set(struct map *m, uint64_t key, void *value)
{
	void *old;

	if (map_set(m, key, value, &old) < 0)
		exit(complain("findings", "out of memory"));
}

/* Room for one more at the end of an array. */
static void *enlarge(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? 2 * *capacity : 64;
	return make_bigger(array, *capacity * size);
}

/* Room for a zeroed element of that number. */
static void *reach(void *array, size_t number, size_t *capacity, size_t size)
{
	size_t old = *capacity;

	if (number < old)
		return array;
	while (number >= *capacity)
		*capacity = *capacity ? 2 * *capacity : 64;
	array = make_bigger(array, *capacity * size);
	memset((char *)array + old * size, 0, (*capacity - old) * size);
	return array;
}

void collect_init(struct collection *c, const struct trace_reader *r)
{
	const char *cache = trace_meta(r, "cache");

	*c = (struct collection){
		.reader = r,
		.caches = !cache || strcmp(cache, "never") != 0,
		.opens_unseen = nodes_opens_are_unseen(r),
		.bytes_unseen = nodes_bytes_are_unseen(r),
	};
	nodes_init(&c->nodes, sizeof(struct watched));
	actors_init(&c->actors);
}

static void free_tallies(struct tallies *t)
{
	map_destroy(&t->by_key, free);
	free(t->by_command);
}

void collect_free(struct collection *c)
{
	for (size_t i = 0; i < c->pair_count; i++) {
		free(c->pairs[i]->more);
		free(c->pairs[i]);
	}
	for (size_t i = 0; i < c->absent_count; i++)
		free(c->absents[i]);
	for (size_t i = 0; i < c->nodes.count; i++) {
		few_free(&((struct watched *)c->nodes.all[i])->writer_commands);
		few_free(&((struct watched *)c->nodes.all[i])->reader_commands);
	}
	for (size_t i = 0; i < c->replaced_capacity; i++)
		few_free(&c->replaced[i].commands);
	free(c->pairs);
	free(c->absents);
	free(c->replaced);
	free(c->polls);
	free_tallies(&c->getattrs);
	free_tallies(&c->fsyncs);
	map_destroy(&c->pair_map, NULL);
	map_destroy(&c->absent_map, NULL);
	map_destroy(&c->found_map, NULL);
	map_destroy(&c->open_map, NULL);
	names_free(&c->names);
	names_free(&c->paths);
	nodes_free(&c->nodes);
	actors_free(&c->actors);
}

static struct watched *node_of(struct collection *c, uint64_t id)
{
	return nodes_get(&c->nodes, id);
}

/* --- pairs -------------------------------------------------------------------------- */

static uint64_t pair_key(const struct actor *actor, const struct watched *node)
{
	return (uint64_t)actor->number << 32 | node->node.number;
}

static struct pair *find_pair(struct collection *c, const struct trace_event *e,
			      const struct watched *node)
{
	return node ? map_get(&c->pair_map, pair_key(actors_of(&c->actors, e), node)) : NULL;
}

static struct pair *make_pair(struct collection *c, const struct trace_event *e, struct watched *node)
{
	struct actor *actor = actors_of(&c->actors, e);
	struct pair *p = find_pair(c, e, node);

	if (p)
		return p;
	p = make_zeroed(sizeof(*p));
	p->node = node;
	p->actor = actor->number;
	p->command = actors_command(&c->actors, e);
	c->pairs = enlarge(c->pairs, c->pair_count, &c->pair_capacity, sizeof(struct pair *));
	c->pairs[c->pair_count++] = p;
	set(&c->pair_map, pair_key(actor, node), p);
	return p;
}

static struct pair_more *more_of(struct pair *p)
{
	if (!p->more)
		p->more = make_zeroed(sizeof(*p->more));
	return p->more;
}

static void tally(struct tallies *t, uint32_t command, struct watched *node, uint64_t ns)
{
	const uint64_t key = (uint64_t)command << 32 | node->node.number;
	struct tally *one = map_get(&t->by_key, key);

	if (!one) {
		one = make_zeroed(sizeof(*one));
		one->node = node;
		set(&t->by_key, key, one);
		t->by_command = reach(t->by_command, command, &t->capacity, sizeof(struct tally *));
		one->next = t->by_command[command];
		t->by_command[command] = one;
	}
	one->count++;
	one->ns += ns;
}

/* --- runs of lookups ------------------------------------------------------------------ */

static bool makes_name(const struct trace_event *e)
{
	return e->op == TRACE_OP_CREATE || e->op == TRACE_OP_MKNOD || e->op == TRACE_OP_MKDIR ||
	       e->op == TRACE_OP_SYMLINK;
}

/* A call that finds a name where it wants none, or the lookup by which the kernel finds that out. */
static bool is_poll(const struct trace_event *e)
{
	if (!e->name || !e->process)
		return false;
	return (e->op == TRACE_OP_LOOKUP && !e->error) || (makes_name(e) && e->error == EEXIST) ||
	       (e->op == TRACE_OP_LINK && e->error == EEXIST);
}

static uint64_t name_dir(const struct trace_event *e)
{
	return e->op == TRACE_OP_LINK ? e->node2 : e->node;
}

static void leave_node(struct collection *c, struct pair *dir_pair)
{
	struct run *run = &dir_pair->more->run;
	struct pair *found;

	if (!run->node)
		return;
	found = map_get(&c->pair_map, (uint64_t)dir_pair->actor << 32 | run->node->node.number);
	if (found && found->more && found->more->run_in == dir_pair) {
		found->more->run_in = NULL;
		run->node->runs--;
	}
	run->node = NULL;
}

/* last_led_on: something was done after the last lookup, so that one was needed. */
static void end_run(struct collection *c, struct pair *dir_pair, bool last_led_on)
{
	struct run *run = &dir_pair->more->run;

	if (!run->name)
		return;
	leave_node(c, dir_pair);
	if (last_led_on) {
		run->count--;
		run->ns -= run->last_ns;
	}
	if (run->count >= POLL_MIN) {
		c->polls = enlarge(c->polls, c->poll_count, &c->poll_capacity, sizeof(*c->polls));
		c->polls[c->poll_count++] = (struct poll){
			.dir = dir_pair->node,
			.name = run->name - 1,
			.command = dir_pair->command,
			.count = run->count,
			.ns = run->ns,
		};
	}
	*run = (struct run){ 0 };
}

static void go_on_with_run(struct collection *c, const struct trace_event *e)
{
	struct watched *dir = node_of(c, name_dir(e)), *found = node_of(c, e->error ? 0 : e->result);
	struct pair *p;
	struct run *run;
	uint32_t name;

	if (!dir)
		return;
	name = names_number(&c->names, e->name) + 1;
	p = make_pair(c, e, dir);
	run = &more_of(p)->run;
	if (run->name != name)
		end_run(c, p, false);
	run->name = name;
	run->count++;
	run->ns += e->duration_ns;
	run->last_ns = e->duration_ns;
	if (found && found != run->node) {
		struct pair *q = make_pair(c, e, found);

		leave_node(c, p);
		/* By another name of the same file: that one is left to itself. */
		if (more_of(q)->run_in)
			leave_node(c, q->more->run_in);
		run->node = found;
		q->more->run_in = p;
		found->runs++;
	}
}

/* Does this call, of the same process, do something with the name or the node of a run? */
static void look_for_end(struct collection *c, const struct trace_event *e)
{
	struct watched *node = node_of(c, nodes_subject(e));
	struct pair *p;

	if (!e->process || e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR ||
	    e->op == TRACE_OP_FLUSH || e->op == TRACE_OP_FORGET)
		return;
	if (node && node->runs) {
		p = find_pair(c, e, node);
		if (p && p->more && p->more->run_in)
			end_run(c, p->more->run_in, true);
	}
	node = e->op == TRACE_OP_RENAME ? node_of(c, e->replaced) : NULL;
	if (node && node->runs) {
		p = find_pair(c, e, node);
		if (p && p->more && p->more->run_in)
			end_run(c, p->more->run_in, true);
	}
	p = e->name ? find_pair(c, e, node_of(c, name_dir(e))) : NULL;
	if (p && p->more && p->more->run.name &&
	    strcmp(names_text(&c->names, p->more->run.name - 1), e->name) == 0)
		end_run(c, p, e->op != TRACE_OP_LOOKUP);
}

/* --- what changed, for all events -------------------------------------------------------- */

static void change(struct collection *c, uint64_t id)
{
	struct watched *node = node_of(c, id);

	if (node)
		node->version++;
}

static void change_entries(struct collection *c, uint64_t id)
{
	struct watched *dir = node_of(c, id);

	if (!dir)
		return;
	dir->version++;
	dir->entries_version++;
}

static void opened(struct collection *c, const struct trace_event *e, struct watched *node)
{
	const uint32_t access = e->flags & O_ACCMODE;

	if (!node)
		return;
	if (access != O_WRONLY || e->op == TRACE_OP_TMPFILE)
		node->may_be_read = true;
	if (e->flags & O_TRUNC)
		node->version++;
	if (!e->fh || (access == O_RDONLY && e->op != TRACE_OP_TMPFILE))
		return;
	if (!map_get(&c->open_map, e->fh))
		node->writers++;
	set(&c->open_map, e->fh, node);
}

static void released(struct collection *c, uint64_t fh)
{
	struct watched *node = fh ? map_remove(&c->open_map, fh) : NULL;

	if (!node)
		return;
	node->writers--;
	node->version++;
}

static void was_read(struct collection *c, uint64_t id, uint64_t bytes)
{
	struct watched *node = node_of(c, id);

	/* At its end there was nothing to be read. */
	if (node && bytes)
		node->was_read = node->may_be_read = true;
	change(c, id); /* the time of last access */
}

/* What somebody looked for in vain, and then made: it had to look. */
static void name_made(struct collection *c, const struct trace_event *e, uint64_t dir_id, const char *name)
{
	struct watched *dir = node_of(c, dir_id);
	const uint32_t actor = actors_of(&c->actors, e)->number;
	struct absent *a;

	if (!dir || !name || !c->absent_count)
		return;
	a = map_get(&c->absent_map, (uint64_t)dir->node.number << 32 |
				    (names_number(&c->names, name) + 1));
	for (; a; a = a->next)
		if (a->actor == actor)
			a->pending = a->pending_ns = 0;
}

static void watch_names(struct collection *c, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_CREATE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
		change_entries(c, e->node);
		name_made(c, e, e->node, e->name);
		break;
	case TRACE_OP_LINK:
		change(c, e->result);
		change_entries(c, e->node2);
		name_made(c, e, e->node2, e->name);
		break;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		change(c, e->result);
		change_entries(c, e->node);
		break;
	case TRACE_OP_RENAME:
		change(c, e->result);
		change(c, e->replaced);
		change_entries(c, e->node);
		change_entries(c, e->node2);
		name_made(c, e, e->node2, e->name2);
		break;
	default:
		break;
	}
}

/* Recording is switched off for a while: what happens then is not known. */
static void may_change(struct collection *c, const struct trace_event *e)
{
	if (e->op != TRACE_OP_SETXATTR || !e->name || !e->name2 || strcmp(e->name, "memfs.trace.enabled") != 0 ||
	    strcmp(e->name2, "0") != 0)
		return;
	for (size_t i = 0; i < c->nodes.count; i++) {
		struct watched *node = (struct watched *)c->nodes.all[i];

		node->was_read = node->may_be_read = node->may_have_grown = true;
		node->version++;
		node->entries_version++;
	}
}

static void watch_data(struct collection *c, const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_OPEN:
	case TRACE_OP_CREATE:
	case TRACE_OP_TMPFILE:
		opened(c, e, node_of(c, nodes_subject(e)));
		break;
	case TRACE_OP_RELEASE:
		released(c, e->fh);
		break;
	case TRACE_OP_READ:
		was_read(c, e->node, e->done);
		break;
	case TRACE_OP_COPY_FILE_RANGE:
		was_read(c, e->node, e->done);
		change(c, e->node2);
		if (e->node2)
			node_of(c, e->node2)->all_written += e->done;
		break;
	case TRACE_OP_WRITE:
		if (e->node)
			node_of(c, e->node)->all_written += e->done;
		change(c, e->node);
		break;
	case TRACE_OP_SETATTR:
	case TRACE_OP_FALLOCATE:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
	case TRACE_OP_IOCTL:
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS:
	case TRACE_OP_READLINK:
		change(c, e->node);
		break;
	default:
		break;
	}
}

void collect_watch(struct collection *c, const struct trace_event *e)
{
	if (!is_poll(e))
		look_for_end(c, e);
	if (!e->error) {
		watch_names(c, e);
		watch_data(c, e);
		may_change(c, e);
	}
	nodes_apply(&c->nodes, c->reader, e);
}

/* --- what it cost, for those that pass ------------------------------------------------- */

static void add_absent(struct collection *c, const struct trace_event *e)
{
	const uint32_t command = actors_command(&c->actors, e), actor = actors_of(&c->actors, e)->number;
	struct watched *dir = node_of(c, e->node);
	const uint32_t name = names_number(&c->names, e->name);
	const uint64_t key = (uint64_t)(dir ? dir->node.number : 0) << 32 | (name + 1);
	struct absent *first = map_get(&c->absent_map, key), *a = first;

	if (!dir)
		return;
	while (a && a->command != command)
		a = a->next;
	if (!a) {
		a = make_zeroed(sizeof(*a));
		*a = (struct absent){ .next = first, .dir = dir, .name = name, .command = command };
		set(&c->absent_map, key, a);
		c->absents = enlarge(c->absents, c->absent_count, &c->absent_capacity,
				     sizeof(struct absent *));
		c->absents[c->absent_count++] = a;
	}
	if (a->actor != actor) {
		a->count += a->pending;
		a->ns += a->pending_ns;
		a->pending = a->pending_ns = 0;
		a->actor = actor;
	}
	a->pending++;
	a->pending_ns += e->duration_ns;
}

static uint64_t found_key(uint32_t command, uint32_t name)
{
	return (uint64_t)(command + 1) << 32 | name;
}

uint32_t collect_finder(const struct collection *c, uint32_t command, uint32_t name)
{
	return (uint32_t)(uintptr_t)map_get(&c->found_map, found_key(command, name));
}

static void count_lookup(struct collection *c, const struct trace_event *e)
{
	if (!e->name || !e->process)
		return;
	if (e->error == ENOENT)
		add_absent(c, e);
	else if (!e->error)
		set(&c->found_map, found_key(actors_command(&c->actors, e),
					     names_number(&c->names, e->name)),
		    (void *)(uintptr_t)actors_of(&c->actors, e)->number);
}

static void count_getattr(struct collection *c, const struct trace_event *e, struct watched *node)
{
	struct pair *p;

	if (e->error || !e->process)
		return;
	p = make_pair(c, e, node);
	/* What programs write into pages of the cache is not seen before it is written back, or at all. */
	if (node->writers ||
	    ((c->opens_unseen || c->bytes_unseen) && node->node.type != S_IFDIR)) {
		p->told_version = 0;
		return;
	}
	if (p->told_version == node->version + 1)
		tally(&c->getattrs, actors_command(&c->actors, e), node, e->duration_ns);
	p->told_version = node->version + 1;
}

static void count_write(struct collection *c, const struct trace_event *e, struct watched *node)
{
	if (e->error)
		return;
	node->written_bytes += e->done;
	node->write_ns += e->duration_ns;
	few_add(&node->writer_commands, actors_command(&c->actors, e));
	if (e->op != TRACE_OP_WRITE || e->flags & 1)
		return;
	node->small_in_order += e->offset == node->next_offset;
	node->next_offset = nodes_end(e->offset, e->done);
	node->small_writes++;
	node->small_bytes += e->done;
	node->small_ns += e->duration_ns;
}

static void count_read(struct collection *c, const struct trace_event *e, struct watched *node)
{
	if (e->error || !e->done)
		return;
	node->reads++;
	node->read_bytes += e->done;
	node->read_ns += e->duration_ns;
	few_add(&node->reader_commands, actors_command(&c->actors, e));
}

static void count_list(struct collection *c, const struct trace_event *e, struct watched *dir)
{
	struct pair_more *more;

	if (e->error || !e->process)
		return;
	more = more_of(make_pair(c, e, dir));
	if (!e->offset) {
		more->listing_again = more->list_version == dir->entries_version + 1;
		more->list_version = dir->entries_version + 1;
		more->lists += more->listing_again;
	}
	if (more->listing_again)
		more->list_ns += e->duration_ns;
}

static void count_open(struct collection *c, const struct trace_event *e, struct watched *node)
{
	struct pair *p;

	if (e->error || !e->process || node->node.type == S_IFDIR)
		return;
	p = make_pair(c, e, node);
	p->opens += e->op == TRACE_OP_OPEN;
	p->open_ns += e->duration_ns;
}

/* The one that is replaced was written in vain. */
static void count_replace(struct collection *c, const struct trace_event *e)
{
	struct watched *before = e->error ? NULL : node_of(c, e->replaced);
	struct replaced *replaced;
	uint32_t path;

	if (!before || e->flags & RENAME_EXCHANGE || !before->node.path || before->node.type != S_IFREG)
		return;
	path = names_number(&c->paths, before->node.path);
	c->replaced = reach(c->replaced, path, &c->replaced_capacity, sizeof(*c->replaced));
	replaced = &c->replaced[path];
	replaced->count++;
	replaced->ns += e->duration_ns + before->write_ns;
	replaced->bytes += before->written_bytes;
	few_add(&replaced->commands, actors_command(&c->actors, e));
}

static void count_on_node(struct collection *c, const struct trace_event *e, struct watched *node)
{
	switch (e->op) {
	case TRACE_OP_GETATTR:
	case TRACE_OP_STATX:
		count_getattr(c, e, node);
		break;
	case TRACE_OP_WRITE:
	case TRACE_OP_COPY_FILE_RANGE:
		count_write(c, e, node);
		break;
	case TRACE_OP_READ:
		count_read(c, e, node);
		break;
	case TRACE_OP_OPEN:
	case TRACE_OP_FLUSH:
	case TRACE_OP_RELEASE:
		count_open(c, e, node);
		break;
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS:
		count_list(c, e, node);
		break;
	case TRACE_OP_FSYNC:
	case TRACE_OP_FSYNCDIR:
		tally(&c->fsyncs, actors_command(&c->actors, e), node, e->duration_ns);
		break;
	default:
		break;
	}
}

void collect_count(struct collection *c, const struct trace_event *e)
{
	struct watched *node = node_of(c, nodes_subject(e));

	c->ns += e->duration_ns;
	if (is_poll(e))
		go_on_with_run(c, e);
	if (e->op == TRACE_OP_LOOKUP)
		count_lookup(c, e);
	else if (e->op == TRACE_OP_RENAME)
		count_replace(c, e);
	else if (node)
		count_on_node(c, e, node);
}

void collect_end(struct collection *c)
{
	nodes_finish(&c->nodes, c->reader);
	for (size_t i = 0; i < c->absent_count; i++) {
		struct absent *a = c->absents[i];

		a->count += a->pending;
		a->ns += a->pending_ns;
		a->pending = a->pending_ns = 0;
	}
	for (size_t i = 0; i < c->pair_count; i++)
		if (c->pairs[i]->more)
			end_run(c, c->pairs[i], false);
}
