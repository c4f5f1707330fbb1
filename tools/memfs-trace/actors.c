/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "actors.h"

#include <stdlib.h>

#include "command.h"

/* One record of the reader's. */
struct definition {
	struct actor *actor;
	uint32_t command;
};

static void set(struct map *m, uint64_t key, void *value)
{
	void *old;

	if (map_set(m, key, value, &old) < 0)
		exit(complain("processes", "out of memory"));
}

static struct actor *make_actor(struct actors *a, uint32_t pid)
{
	struct actor *actor = make_zeroed(sizeof(*actor));

	actor->number = (uint32_t)a->count;
	actor->pid = pid;
	if (a->count == a->capacity) {
		a->capacity = a->capacity ? 2 * a->capacity : 64;
		a->all = make_bigger(a->all, a->capacity * sizeof(*a->all));
	}
	a->all[a->count++] = actor;
	return actor;
}

void actors_init(struct actors *a)
{
	*a = (struct actors){ 0 };
	make_actor(a, 0)->command = names_number(&a->commands, "kernel");
}

void actors_free(struct actors *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->all[i]);
	free(a->all);
	map_destroy(&a->by_pid, NULL);
	map_destroy(&a->by_process, free);
	names_free(&a->commands);
}

static bool is_same(const struct actor *actor, const struct trace_process *p)
{
	return actor && (!actor->start || !p->start || actor->start == p->start);
}

/* One more process of a pid: the newest. */
static struct actor *add_actor(struct actors *a, uint32_t pid)
{
	struct actor *before = map_get(&a->by_pid, pid), *actor = make_actor(a, pid);

	actor->before = before;
	set(&a->by_pid, pid, actor);
	return actor;
}

/* Threads of the daemon tell of a process at about the same time: so an earlier one may come again. */
static struct actor *find_actor(struct actors *a, const struct trace_process *p)
{
	struct actor *actor = map_get(&a->by_pid, p->pid);

	while (actor && !is_same(actor, p))
		actor = actor->before;
	return actor ? actor : add_actor(a, p->pid);
}

static struct definition *define(struct actors *a, const struct trace_process *p)
{
	struct definition *d = make_zeroed(sizeof(*d));

	d->command = names_number(&a->commands, p->comm);
	/* A real process with pid 0 is in no trace but a damaged one. */
	d->actor = p->pid ? find_actor(a, p) : a->all[0];
	if (p->pid) {
		d->actor->command = d->command;
		if (p->start)
			d->actor->start = p->start;
		if (p->ppid)
			d->actor->ppid = p->ppid;
	}
	set(&a->by_process, (uintptr_t)p, d);
	return d;
}

static struct definition *definition_of(struct actors *a, const struct trace_process *p)
{
	struct definition *d;

	if (p == a->last)
		return a->last_definition;
	d = map_get(&a->by_process, (uintptr_t)p);
	if (!d)
		d = define(a, p);
	a->last = p;
	a->last_definition = d;
	return d;
}

struct actor *actors_of(struct actors *a, const struct trace_event *e)
{
	return e->process ? definition_of(a, e->process)->actor : a->all[0];
}

uint32_t actors_command(struct actors *a, const struct trace_event *e)
{
	return e->process ? definition_of(a, e->process)->command : a->all[0]->command;
}

const char *actor_comm(const struct actors *a, const struct actor *actor)
{
	return names_text(&a->commands, actor->command);
}

struct actor *actors_parent(const struct actors *a, const struct actor *child)
{
	struct actor *actor = child->ppid ? map_get(&a->by_pid, child->ppid) : NULL;

	/* The one that had begun when the child did. */
	while (actor && actor->start && child->start && actor->start > child->start)
		actor = actor->before;
	return actor == child ? NULL : actor;
}

struct actor *actors_add_unknown(struct actors *a, uint32_t pid)
{
	struct actor *actor = add_actor(a, pid);

	actor->command = names_number(&a->commands, "?");
	return actor;
}
