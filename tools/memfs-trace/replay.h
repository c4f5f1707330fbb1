/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h - the parts of memfs-trace replay.
 *
 *	replay_tree.c   which node of the trace is which file of the directory
 *	replay_plan.c   from an event to a step: what it needs, and what it must wait for
 *	replay_run.c    runs steps, on one thread or several
 *	replay_call.c   one step as system calls
 *	replay_data.c   those that read and write
 *	replay.c        the command, and its report
 *
 * One thread, the planner, reads the trace, and it alone looks at the tree and changes it. Steps
 * hold what they need of it. A step waits for all earlier ones that touch one of its nodes:
 * each node is a queue, in the order of the trace.
 *
 * Nothing outside the directory is ever reached: every call is relative to the open descriptor of
 * a directory that was made here, with one name, and never follows a symbolic link.
 */
#ifndef MEMFS_TRACE_REPLAY_H
#define MEMFS_TRACE_REPLAY_H

#include <pthread.h>
#include <sys/types.h>

#include "replay_content.h"
#include "query.h"

/* --- the tree ------------------------------------------------------------------ */

struct entry {
	uint64_t key;
	struct entry *next;
};

/* A hash table of things that begin with an entry. */
struct index {
	struct entry **buckets;
	size_t capacity, count;
};

struct replay_link {
	struct replay_link *next;
	struct replay_node *parent;
	char name[];
};

struct replay_node {
	struct entry entry;          /* by node id */
	mode_t type;                 /* S_IFMT bits */
	struct replay_link *links;   /* the planner's */
	struct replay_open *opens;   /* likewise; the newest first */
	size_t children;             /* links that have it as parent */
	int fd;                      /* of a directory, O_PATH; -1 = it could not be made */
	bool failed;                 /* to make or to name it: what has its name is not ours */
	bool closed;                 /* fd was closed to spare descriptors */
	bool dead;                   /* in the list of those without name and open */
	struct replay_node *next_dead;
	uint64_t planned, done;      /* steps; done is guarded by the run's lock */
	struct ranges own, foreign;  /* bytes that we wrote, and copied ones: with --verify */
};

struct replay_open {
	struct entry entry;          /* by fh */
	struct replay_open *next;    /* of the node */
	struct replay_node *node;
	int fd;                      /* -1 = it could not be opened */
};

struct replay_tree {
	struct index nodes, opens;
	struct replay_node *root;
	struct replay_node *dead;    /* the newest first */
	size_t dead_count;
	size_t directories;          /* open descriptors of them */
	size_t directories_max;
};

/* `fd` is the root's, and stays the caller's. Without memory the program ends. */
void replay_tree_init(struct replay_tree *t, int fd);
void replay_tree_free(struct replay_tree *t);

/* NULL = not known. */
struct replay_node *replay_tree_node(const struct replay_tree *t, uint64_t id);
struct replay_open *replay_tree_open(const struct replay_tree *t, uint64_t fh);

/* A new node, without a name; the one of this number, if there is one already. */
struct replay_node *replay_tree_add(struct replay_tree *t, uint64_t id, mode_t type);

/* NULL when there is one of that number already, or it is 0. */
struct replay_open *replay_tree_add_open(struct replay_tree *t, uint64_t fh,
					 struct replay_node *n);

/* Takes it out of the tree; who has it then, closes and frees it. */
void replay_tree_remove_open(struct replay_tree *t, struct replay_open *o);

/* It gets this name, or loses it. Descriptors are the caller's business. */
void replay_tree_link(struct replay_tree *t, struct replay_node *n, struct replay_node *parent,
		      const char *name);
void replay_tree_unlink(struct replay_tree *t, struct replay_node *n, struct replay_node *parent,
			const char *name);

/* Has it this name? NULL has none. */
bool replay_tree_has(const struct replay_node *n, const struct replay_node *parent, const char *name);

/* Frees nodes without name and open when there are many: not those with steps under way. */
void replay_tree_sweep(struct replay_tree *t, pthread_mutex_t *lock);

/* The path from the root, as trace_path(); with name, of that entry in it. */
const char *replay_tree_path(const struct replay_tree *t, const struct replay_node *n,
			     const char *name, char *buf, size_t size);

/* Descriptors of directories: with no step under way. */
bool replay_tree_is_full(const struct replay_tree *t);
void replay_tree_close_directories(struct replay_tree *t);
void replay_tree_reopen(struct replay_tree *t, struct replay_node *directory);

/* --- steps ---------------------------------------------------------------------- */

enum replay_skip {
	SKIP_NOTHING, /* it is run */
	SKIP_KERNEL,  /* forget and the like: not from a program */
	SKIP_GONE,    /* of a file without name and open, of which the kernel still had a page */
	SKIP_UNKNOWN, /* of a node or an open that is not known, since events are missing */
	SKIP_NAME,    /* no name that a file can have */
	SKIP_ROOT,    /* only root may */
	SKIP_VALUE,   /* with a value that is not in the trace */
	SKIP_MEMFS,   /* told to memfs itself, or declined by it so that it is not asked again */
	SKIP_SIZE,    /* bigger than any call of a program */
	SKIP_FORCE,   /* it failed; here it could hit what was there before */
	SKIP_OTHER,   /* no call is known for it */
	SKIPS
};

#define REPLAY_WAITS 4

struct replay_step {
	struct replay_step *next;     /* in its thread's queue */
	struct trace_event event;     /* names are the step's own, process is none */
	struct replay_node *node, *node2, *result;
	struct replay_open *open;     /* of the event's fh */
	struct replay_open *any, *any2; /* some open of node, node2; NULL = none */
	struct replay_node *at;       /* node's name, where it has one */
	const char *at_name;
	struct {
		struct replay_node *node;
		uint64_t turn;
	} waits[REPLAY_WAITS];
	unsigned wait_count;
	bool replaces;                /* rename: something that was made here has the new name */
	int got;                      /* errno; 0 = well */
	uint64_t got_bytes;
	uint64_t ns;                  /* it took */
	bool content_differs;
	char *path;                   /* of threads: for the report; NULL = ask the tree */
	char storage[];               /* names */
};

struct replay_difference {
	uint8_t op;
	const char *kind;             /* "errno", "size", "content" */
	char *path;
	char recorded[32], got[32];
};

struct replay_sums {
	uint64_t calls, skipped, differ, recorded_ns, ns;
};

struct replay {
	struct query q;
	int root;                     /* of DIR */
	bool is_root, force, verify;
	uint64_t seed;
	unsigned threads;             /* 1 = none but the planner; 0 = as recorded */
	double speed;                 /* 0 = as fast as possible */
	uint64_t max_differences;

	struct replay_tree tree;
	struct replay_run *run;
	/* What came of it; guarded by `lock` while threads run. */
	pthread_mutex_t lock;
	struct replay_sums ops[TRACE_OP_LIMIT];
	uint64_t skips[SKIPS], errno_differs, size_differs, content_differs;
	uint64_t read, written, unchecked; /* bytes */
	struct replay_difference *differences;
	size_t difference_count;
	uint64_t wall_ns;
};

/* An event as a step; NULL where it is skipped, for the reason in *skip. The tree is then as after it. */
struct replay_step *replay_plan(struct replay *r, const struct trace_event *e,
				enum replay_skip *skip);

/* Does the call go through an open? */
bool replay_needs_open(const struct trace_event *e);

/* Runs the step's system calls: sets got, got_bytes, content_differs. buf: REPLAY_BUFFER bytes. */
#define REPLAY_BUFFER (1u << 20)
void replay_call(struct replay *r, struct replay_step *s, void *buf);

/* Those for data, of replay_data.c: an errno. */
int replay_read(struct replay *r, struct replay_step *s, void *buf);
int replay_write(struct replay *r, struct replay_step *s, void *buf);
int replay_copy(struct replay *r, struct replay_step *s);
int replay_fallocate(struct replay *r, struct replay_step *s);

/* With --verify: from here to there is nothing any more. An errno. */
int replay_forget_bytes(const struct replay *r, struct replay_node *n, uint64_t from, uint64_t to);

/* Compares a step that was run with what was recorded, notes that, and frees it. */
void replay_finish(struct replay *r, struct replay_step *s);

/* --- the run -------------------------------------------------------------------- */

/* Runs all events. */
void replay_run(struct replay *r);

/* Waits until no step is under way. */
void replay_drain(struct replay *r);

#endif
