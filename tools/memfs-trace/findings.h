/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings.h - what of a trace could have been spared.
 *
 * findings_collect.c goes through the events and keeps what they say of nodes, and of each process
 * with each node; findings_judge.c makes findings of that at the end; findings.c prints
 * them. All thresholds stand here, and in memfs-trace(1).
 */
#ifndef MEMFS_TRACE_FINDINGS_H
#define MEMFS_TRACE_FINDINGS_H

#include "actors.h"
#include "nodes.h"

#define ABSENT_MIN 50u          /* lookups of absent names, of a command */
#define GETATTR_MIN 32u         /* of all processes together */
#define TINY_WRITES_MIN 64u     /* to a file, */
#define TINY_WRITE_BYTES 4096u  /* so small that in pieces of that size, */
#define TINY_SPARED_PART 4u     /* one of so many would be spared, */
#define TINY_ORDER_PART 4u      /* all but one of so many where the one before ended */
#define UNREAD_FILES_MIN 8u     /* so many files, */
#define UNREAD_BYTES_MIN (1u << 20) /* or so many bytes */
#define REREAD_FACTOR 4u        /* bytes read, for each that there was to be read, */
#define REREAD_CALLS_MIN 16u    /* in so many calls */
#define FSYNC_MIN 16u           /* of a command */
#define REPLACE_MIN 4u          /* of a path */
#define POLL_MIN 10u            /* in a row, of a process and a name */
#define REOPEN_MIN 10u          /* of a process and a file */
#define RELIST_MIN 4u           /* of a process and a directory, nothing changed between */

enum finding_kind {
	FINDING_ABSENT,
	FINDING_GETATTR,
	FINDING_TINY_WRITES,
	FINDING_UNREAD_REMOVED,
	FINDING_UNREAD,
	FINDING_REREAD,
	FINDING_FSYNC,
	FINDING_REPLACE,
	FINDING_POLL,
	FINDING_REOPEN,
	FINDING_RELIST,
	FINDING_KINDS
};

/* --- what is kept ----------------------------------------------------------------- */

struct watched {
	struct node node;        /* must be first */
	uint32_t version;        /* changes with whatever may change the attributes */
	uint32_t entries_version; /* of a directory: with its entries */
	uint32_t writers;        /* opens that may write */
	uint32_t runs;           /* struct pair with a run of lookups that found this node */
	bool may_be_read;        /* was opened so that pages of the cache could be read, or was read */
	bool was_read;
	bool may_have_grown;     /* while recording was switched off */
	uint64_t all_written;    /* bytes, whatever the filters say */
	/* Of the events that pass: */
	uint64_t reads, read_bytes, read_ns;
	uint64_t small_writes, small_bytes, small_ns, small_in_order, next_offset; /* not put off */
	uint64_t written_bytes, write_ns;
	struct few writer_commands, reader_commands;
};

/* A run of lookups of one name, which is there, by a process that does nothing with it. */
struct run {
	uint32_t name; /* plus 1; 0 = none */
	uint32_t count;
	uint64_t ns, last_ns; /* last_ns: of the last call alone */
	struct watched *node; /* NULL = not known */
};

/* What is rarely needed of a pair. */
struct pair_more {
	struct run run;              /* the node is the directory */
	uint32_t lists, list_version; /* version plus 1 at the last listing; 0 = none */
	uint64_t list_ns;
	bool listing_again;
	struct pair *run_in;         /* the pair whose run found this node; NULL = none */
};

/* A process and a node. */
struct pair {
	struct watched *node;
	struct pair_more *more;  /* NULL = none yet */
	uint32_t actor, command;
	uint32_t told_version;   /* plus 1: when attributes were last asked for; 0 = never */
	uint32_t opens;
	uint64_t open_ns;
};

/* An absent name, and a command that looked for it. */
struct absent {
	struct absent *next; /* another command */
	struct watched *dir;
	uint32_t name, command;
	uint32_t actor;      /* the last one; it did those pending: if it makes the name, it had to */
	uint64_t count, ns, pending, pending_ns;
};

/* A path that was replaced by renames. */
struct replaced {
	uint64_t count, ns, bytes;
	struct few commands;
};

/* A run that was long enough. */
struct poll {
	struct watched *dir;
	uint32_t name, command, count;
	uint64_t ns;
};

/* Calls of one kind, by command and node. */
struct tally {
	struct tally *next; /* of the same command */
	struct watched *node;
	uint64_t count, ns;
};

struct tallies {
	struct map by_key;        /* command and node */
	struct tally **by_command;
	size_t capacity;
};

struct collection {
	const struct trace_reader *reader;
	bool caches;           /* cache=auto or always: reads and looks may not come to be seen */
	bool opens_unseen, bytes_unseen;
	struct nodes nodes;    /* struct watched */
	struct actors actors;
	struct names names;    /* of directory entries */
	struct names paths;    /* replaced ones */
	struct map pair_map, absent_map, open_map;
	struct map found_map;  /* by command and name: number of the actor, as a pointer */
	struct pair **pairs;
	size_t pair_count, pair_capacity;
	struct absent **absents;
	size_t absent_count, absent_capacity;
	struct replaced *replaced; /* by number of path */
	size_t replaced_capacity;
	struct tallies getattrs; /* those that told nothing new */
	struct tallies fsyncs;
	struct poll *polls;
	size_t poll_count, poll_capacity;
	uint64_t ns;           /* of all that passed */
};

/* Without memory these end the program. The reader stays the caller's. */
void collect_init(struct collection *c, const struct trace_reader *r);
void collect_free(struct collection *c);

/* For every event of the trace; and after that for those that pass the filters. */
void collect_watch(struct collection *c, const struct trace_event *e);
void collect_count(struct collection *c, const struct trace_event *e);

/* After the last event. */
void collect_end(struct collection *c);

/* The last actor of this command that found the name in some directory; 0 = none did. */
uint32_t collect_finder(const struct collection *c, uint32_t command, uint32_t name);

/* --- what comes of it --------------------------------------------------------------- */

#define FINDING_SHOWN 3 /* places and commands named */

/* Things by number, with what they cost. */
struct share {
	uint32_t number;
	uint64_t count, ns;
};

struct shares {
	struct share *all; /* after judge(): the most costly first */
	size_t count, capacity;
	struct map by_number;
};

struct finding {
	enum finding_kind kind;
	uint64_t count;        /* calls, or whatever `what` says */
	uint64_t cost_ns;      /* that could be spared */
	char *what, *advice;
	struct shares places;  /* of struct findings.places */
	struct shares commands; /* of collection.actors.commands */
};

struct findings {
	struct names places;   /* paths */
	struct finding **all;  /* the most costly first */
	size_t count, capacity;
};

/* Makes findings of what was collected, after collect_end(); findings_free() ends *f. */
void judge(struct findings *f, struct collection *c);
void findings_free(struct findings *f);

/* "absent-names", ... */
const char *finding_name(enum finding_kind kind);

#endif
