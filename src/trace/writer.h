/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writer.h - what the two sides of the recorder share: recorder.c, the workers'
 * side and its beginning and end, and writer.c, the thread that drains the
 * rings into the file. Nobody else includes it.
 */
#ifndef MEMFS_TRACE_WRITER_H
#define MEMFS_TRACE_WRITER_H

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trace/block.h"
#include "trace/intern.h"
#include "trace/process.h"
#include "trace/recorder.h"
#include "trace/ring.h"

/* Totals of one operation, by one worker. Stored by the worker alone. */
struct totals {
	_Atomic uint64_t calls, errors, bytes, ns;
};

/* A call begins whose start is not known yet. */
#define ACTIVE_BEGINS 1u

/* A thread that records. Kept when the thread ends, for the next one. */
struct worker {
	struct ring ring;
	uint32_t number;
	_Atomic uint64_t active;     /* start of the call under way, 0 = none, or ACTIVE_BEGINS */
	_Atomic bool flushes;        /* waits in recorder_flush() */
	_Atomic bool in_use;         /* some thread records through it */
	bool enabled;                /* recording was, when the call under way began */
	struct process *process;     /* of the call under way, NULL = the kernel */
	uint32_t dropped;            /* calls since the last one that went into the ring */
	struct process_table processes;
	struct totals totals[TRACE_OP_LIMIT];
	/* the writer thread's: */
	uint64_t request;            /* number of the call that was written last */
	uint64_t request_block;      /* the block in which it stands, plus 1 */
	struct process *defined;     /* copy of the table processes, as far as it is in the file;
					NULL = not needed: files are not rotated */
	struct worker *next;         /* constant once it is in the list */
};

enum entry_kind {
	ENTRY_CALL,
	ENTRY_PROCESS,
};

/*
 * What lies in a ring: of a process its definition; of a call its fields,
 * encoded as they will stand in the file, but for the two names, whose ids
 * only the writer knows. Their bytes come last, without NUL.
 *
 *   header | fields before NAME | between the two | after NAME2 | name | name2
 */
struct entry {
	uint32_t length;             /* of all, as reserved */
	uint32_t mask;               /* TRACE_FIELD_ bits, without those of names */
	uint64_t start_ns;
	uint32_t dropped;            /* calls of this worker just before, that had no room */
	uint16_t name_length, name2_length;
	uint8_t kind;
	uint8_t op;
	uint8_t before, between, after;
	bool has_name, has_name2;
	uint8_t bytes[];
};

struct recorder {
	uint64_t serial;                   /* tells this recorder from one before at the same address */
	char *path;
	size_t ring_bytes;
	uint64_t max_bytes;
	bool blocks;                       /* workers wait for room */
	_Atomic bool disabled;
	_Atomic(struct worker *) workers;  /* a list that only grows, at its head */
	pthread_mutex_t mutex;             /* adding workers; session; flush */
	pthread_cond_t flushed;
	pthread_key_t key;                 /* frees a thread's worker when it ends */
	pthread_t thread;
	bool started;                      /* the thread was */

	_Atomic uint32_t armed;            /* futex: the writer sleeps until somebody records */
	_Atomic uint32_t urgent;           /* futex: the writer shall look at once */
	_Atomic bool stop;
	uint64_t flush_asked, flush_done;  /* [mutex] tickets */
	struct recorder_session *session;  /* [mutex] to be written, strings copied */
	uint64_t rotate_asked;             /* [mutex] a ticket, as for a flush */
	_Atomic bool snapshot_wanted;
	_Atomic uint64_t recorded;
	_Atomic uint64_t skipped;          /* of these, not in the file: max_bytes */
	_Atomic uint64_t unheard;          /* lost because a thread got no worker */

	/* the writer thread's */
	struct block_writer block;
	struct intern names;
	bool owes_watermark;               /* events were written that none has covered yet */
	bool error_reported, aside_reported;
	void (*report)(const char *text);
	struct fact *facts;                /* META of the beginning, for each file of a series */
	uint64_t rotated;                  /* tickets served */
	_Atomic int rotate_error;          /* errno of the last time, 0 = none */
	uint64_t rotate_bytes, rotate_from; /* of the file; beyond what stands at its beginning */
	unsigned rotate_files;
	uint64_t segment;
	void (*snapshot)(void *context, recorder_tell_fn tell, void *tell_context);
	void *snapshot_context;
};

static inline void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Sleeps while *word is `value`; timeout 0 = without end. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, long timeout_ns)
{
	struct timespec ts = { .tv_nsec = timeout_ns };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &ts : NULL, NULL, 0);
}

/* A fact of the whole, kept to be written again. */
struct fact {
	struct fact *next;
	char *key, *value;
};

void writer_free_facts(struct recorder *rec);

/* Opens the file anew: mode 0600, not through a link, not in place of somebody else's. */
int writer_open_file(const char *path);

/* The first block of the file: what is known before anything has happened. */
void writer_header(struct recorder *rec, const struct recorder_options *options);

/* The thread, until rec->stop: start it with pthread_create(). */
void *writer_main(void *recorder);

/* What the thread does last: all that there is goes into the file, with the totals. */
void writer_finish(struct recorder *rec);

/* Calls dropped so far, by any thread. */
uint64_t writer_count_lost(struct recorder *rec);

/* Tells the owner of an error of the file, once; 0 = none. */
void writer_report(struct recorder *rec, int error);

void writer_free_session(struct recorder_session *session);

#endif
