/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"
#include "format.h"
#include "interned.h"
#include "numbers.h"
#include "paths.h"

const char *const key_names[KEY_KINDS] = {
	"op", "path", "dir", "process", "command", "errno", "worker", "none",
};

struct keys {
	enum key_kind kind;
	const struct trace_reader *reader;
	struct paths *paths;
	struct interned *names;     /* of processes: parent is the pid; of commands: none */
	struct numbers latest;   /* the last key of such a name */
	struct numbers known;    /* the key of a process record; of a worker, plus 1 */
	uint32_t count, capacity;
	struct {
		const struct trace_process *process; /* one of them */
		uint32_t before;             /* process: of the same pid and name; 0 = none */
		uint32_t worker;
	} *keys;
	char text[EVENT_PATH_SIZE];
};

enum key_kind key_parse(const char *name, unsigned allowed)
{
	char why[128] = "is none of";

	for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
		size_t at = strlen(why);

		if (!(allowed & 1u << kind))
			continue;
		if (strcmp(name, key_names[kind]) == 0)
			return (enum key_kind)kind;
		snprintf(why + at, sizeof(why) - at, " %s", key_names[kind]);
	}
	complain(name, why);
	return KEY_KINDS;
}

static uint32_t add_key(struct keys *k)
{
	if (k->count == k->capacity) {
		k->capacity = k->capacity ? 2 * k->capacity : 16;
		k->keys = realloc(k->keys, k->capacity * sizeof(*k->keys));
		if (!k->keys)
			exit(complain("keys", "out of memory"));
	}
	memset(&k->keys[k->count], 0, sizeof(*k->keys));
	return k->count++;
}

struct keys *keys_create(enum key_kind kind, const struct trace_reader *r)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		exit(complain("keys", "out of memory"));
	k->kind = kind;
	k->reader = r;
	if (kind == KEY_PATH || kind == KEY_DIRECTORY)
		k->paths = paths_create(r);
	if (kind == KEY_PROCESS || kind == KEY_COMMAND) {
		k->names = interned_create();
		add_key(k); /* 0 is the kernel */
	}
	return k;
}

void keys_free(struct keys *k)
{
	if (k->paths)
		paths_free(k->paths);
	if (k->names)
		interned_free(k->names);
	numbers_free(&k->latest);
	numbers_free(&k->known);
	free(k->keys);
	free(k);
}

/* Was a pid used again? The start is 0 in records that came too late to know it. */
static bool is_another(const struct keys *k, const struct trace_process *a,
		       const struct trace_process *b)
{
	return k->kind == KEY_PROCESS && a->start && b->start && a->start != b->start;
}

/* Each worker tells of a process by a record of its own. */
static uint32_t key_of_record(struct keys *k, const struct trace_process *p)
{
	uint32_t parent = k->kind == KEY_PROCESS ? p->pid : 0;
	uint32_t name = interned_number(k->names, parent, p->comm, strlen(p->comm));
	uint64_t *latest = numbers_at(&k->latest, name);
	uint32_t key = (uint32_t)*latest;

	while (key && is_another(k, k->keys[key].process, p))
		key = k->keys[key].before;
	if (!key) {
		key = add_key(k);
		k->keys[key].process = p;
		k->keys[key].before = (uint32_t)*latest;
		*latest = key;
	}
	if (!k->keys[key].process->start)
		k->keys[key].process = p;
	return key;
}

static uint32_t key_of_process(struct keys *k, const struct trace_process *p)
{
	uint64_t *known;

	if (!p)
		return 0;
	known = numbers_at(&k->known, (uintptr_t)p);
	if (!*known)
		*known = key_of_record(k, p);
	return (uint32_t)*known;
}

static uint32_t key_of_worker(struct keys *k, uint32_t worker)
{
	uint64_t *known = numbers_at(&k->known, (uint64_t)worker + 1);
	uint32_t key;

	if (!*known) {
		key = add_key(k);
		k->keys[key].worker = worker;
		*known = (uint64_t)key + 1;
	}
	return (uint32_t)*known - 1;
}

uint32_t keys_next(struct keys *k, const struct trace_event *e, bool wanted)
{
	uint32_t path = k->paths ? paths_next(k->paths, e, wanted) : PATHS_NONE;

	if (!wanted)
		return 0;
	switch (k->kind) {
	case KEY_OP: return e->op % TRACE_OP_LIMIT;
	case KEY_PATH: return path;
	case KEY_DIRECTORY: return paths_directory(k->paths, path);
	case KEY_PROCESS:
	case KEY_COMMAND: return key_of_process(k, e->process);
	case KEY_ERRNO: return (uint32_t)e->error;
	case KEY_WORKER: return key_of_worker(k, e->worker);
	case KEY_NONE:
	case KEY_KINDS: break;
	}
	return 0;
}

static const char *process_text(struct keys *k, const struct trace_process *p)
{
	if (!p)
		return k->kind == KEY_PROCESS ? "kernel/0" : "kernel";
	if (k->kind == KEY_COMMAND)
		return p->comm;
	snprintf(k->text, sizeof(k->text), "%s/%u", p->comm, p->pid);
	return k->text;
}

const char *keys_text(struct keys *k, uint32_t key)
{
	switch (k->kind) {
	case KEY_OP: return trace_op_name(k->reader, key);
	case KEY_PATH:
	case KEY_DIRECTORY: return paths_text(k->paths, key, k->text, sizeof(k->text));
	case KEY_PROCESS:
	case KEY_COMMAND: return process_text(k, k->keys[key].process);
	case KEY_ERRNO: return key ? format_errno((int)key, k->text) : "ok";
	case KEY_WORKER:
		snprintf(k->text, sizeof(k->text), "%u", k->keys[key].worker);
		return k->text;
	case KEY_NONE:
	case KEY_KINDS: break;
	}
	return "all";
}

const struct trace_process *keys_process(const struct keys *k, uint32_t key)
{
	return k->names ? k->keys[key].process : NULL;
}
