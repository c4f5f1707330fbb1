/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keys.h - what events are counted by: --by=op, path, process...
 *
 * Each key is a small number, so that a command keeps its counts in an array. Processes are told
 * apart by pid, name and start: what a process does after an execve(2) counts for its new
 * name. What the kernel does by itself counts for whoever had opened the file.
 */
#ifndef MEMFS_TRACE_KEYS_H
#define MEMFS_TRACE_KEYS_H

#include <memfs/trace_reader.h>
#include <stdint.h>

enum key_kind {
	KEY_OP,
	KEY_PATH,      /* see paths.h */
	KEY_DIRECTORY, /* of the path */
	KEY_PROCESS,
	KEY_COMMAND,
	KEY_ERRNO,
	KEY_WORKER,
	KEY_NONE,      /* all in one */
	KEY_KINDS
};

/* "op", "path", "dir", "process", "command", "errno", "worker", "none". */
extern const char *const key_names[KEY_KINDS];

/* A kind by its name, one of `allowed` (bits 1 << KEY_...). KEY_KINDS = it is none; said. */
enum key_kind key_parse(const char *name, unsigned allowed);

struct keys;

/* Without memory the program ends. */
struct keys *keys_create(enum key_kind kind, const struct trace_reader *r);
void keys_free(struct keys *k);

/*
 * To be called for every event of the trace, also those that are of no interest; if it is
 * `wanted`, the number of its key, else 0.
 */
uint32_t keys_next(struct keys *k, const struct trace_event *e, bool wanted);

/*
 * How a key is called, NULL = the events are about nothing of the kind (no path). Valid until the
 * next call.
 */
const char *keys_text(struct keys *k, uint32_t key);

/* KEY_PROCESS, KEY_COMMAND: one of the processes; NULL = the kernel. */
const struct trace_process *keys_process(const struct keys *k, uint32_t key);

#endif
