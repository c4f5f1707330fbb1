/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.c - the workers' side and the writer thread.
 *
 *   worker 0 --> ring 0 --.
 *   worker 1 --> ring 1 ---+--> writer thread --> blocks --> file
 *   worker 2 --> ring 2 --'
 *
 * Waking. While events come, the writer looks at all rings every PERIOD by
 * itself: no worker has to wake it. When it finds nothing at all, it arms
 * itself and sleeps without end; the next worker that records sees `armed`
 * and wakes it, once. So at rest nothing runs, and under load a worker makes
 * no system call but when its ring is more than half full.
 *
 * For this each side stores first and looks then (the worker: head, then
 * armed; the writer: armed, then the heads), with a full fence between: at
 * least one of them sees the other, and no event lies unseen.
 *
 * Order. Before it empties the rings, the writer takes the watermark: the
 * start of the oldest call under way, or the time now. Whatever is recorded
 * later started no earlier, which is what lets a reader sort by start with
 * little memory. (A worker between reading the clock and storing `active`
 * may be missed: nanoseconds, unless it is preempted right there. The
 * reader allows for a millisecond.)
 */
#include "trace/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "trace/block.h"
#include "trace/intern.h"
#include "trace/process.h"
#include "trace/ring.h"
#include "trace/varint.h"

#define PERIOD_NS 50000000        /* between two looks at the rings */
#define FLUSH_NS 250000000u       /* a block waits no longer to be full */
#define RING_DEFAULT (4u << 20)
#define NAME_LIMIT 4096           /* of one name in the trace: PATH_MAX for symlink targets */

/* Totals of one operation, by one worker. Stored by the worker alone. */
struct totals {
	_Atomic uint64_t calls, errors, bytes, ns;
};

/* A thread that records. Kept when the thread ends, for the next one. */
struct worker {
	struct ring ring;
	uint32_t number;
	_Atomic uint64_t active;     /* start of the call under way, 0 = none */
	_Atomic bool in_use;         /* some thread records through it */
	bool enabled;                /* recording was, when the call under way began */
	struct process *process;     /* of the call under way, NULL = the kernel */
	struct process_table processes;
	struct totals totals[TRACE_OP_LIMIT];
	struct worker *next;         /* constant once it is in the list */
};

enum entry_kind {
	ENTRY_CALL,
	ENTRY_PROCESS,
};

/* What lies in a ring. Of a call, two names follow, without NUL. */
struct entry {
	uint32_t length;             /* of all, as reserved */
	uint16_t kind;
	uint16_t name_length, name2_length;
	bool has_name, has_name2;
	uint32_t process;
	union {
		struct trace_call call;
		struct process definition;
	};
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

	_Atomic uint32_t armed;            /* futex: the writer sleeps until somebody records */
	_Atomic uint32_t urgent;           /* futex: the writer shall look at once */
	_Atomic bool stop;
	uint64_t flush_asked, flush_done;  /* [mutex] tickets */
	struct recorder_session *session;  /* [mutex] to be written, strings copied */
	_Atomic uint64_t recorded;
	_Atomic uint64_t skipped;          /* of these, not in the file: max_bytes */
	_Atomic uint64_t unheard;          /* lost because a thread got no worker */

	/* the writer thread's */
	struct block_writer block;
	struct intern names;
	uint64_t flushed_ns;
};

static _Thread_local struct {
	uint64_t serial;
	struct worker *worker;
} mine;

uint64_t recorder_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Sleeps while *word is `value`; timeout 0 = without end. */
static void futex_wait(_Atomic uint32_t *word, uint32_t value, long timeout_ns)
{
	struct timespec ts = { .tv_nsec = timeout_ns };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &ts : NULL, NULL, 0);
}

/* --- workers ----------------------------------------------------------- */

static void release_worker(void *worker)
{
	atomic_store_explicit(&((struct worker *)worker)->in_use, false, memory_order_release);
}

/* One that a thread left behind, or a new one. NULL without memory. */
static struct worker *take_worker(struct recorder *rec)
{
	struct worker *w;
	uint32_t count = 0;

	pthread_mutex_lock(&rec->mutex);
	for (w = atomic_load(&rec->workers); w; w = w->next, count++) {
		bool in_use = false;

		if (atomic_compare_exchange_strong(&w->in_use, &in_use, true))
			break;
	}
	if (!w) {
		w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
		if (w) {
			memset(w, 0, sizeof(*w));
			w->number = count;
			w->in_use = true;
			w->next = atomic_load(&rec->workers);
			if (ring_init(&w->ring, rec->ring_bytes) < 0) {
				free(w);
				w = NULL;
			}
		}
		if (w)
			atomic_store_explicit(&rec->workers, w, memory_order_release);
	}
	pthread_mutex_unlock(&rec->mutex);
	return w;
}

static struct worker *my_worker(struct recorder *rec)
{
	if (mine.serial == rec->serial)
		return mine.worker;
	mine.worker = take_worker(rec);
	mine.serial = mine.worker ? rec->serial : 0;
	if (mine.worker)
		pthread_setspecific(rec->key, mine.worker);
	return mine.worker;
}

static void commit(struct recorder *rec, struct worker *w, struct entry *e)
{
	bool half = ring_commit(&w->ring, e->length);

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&rec->armed, memory_order_relaxed) &&
	    atomic_exchange(&rec->armed, 0))
		futex_wake(&rec->armed);
	if (half && !atomic_exchange(&rec->urgent, 1))
		futex_wake(&rec->urgent);
}

/* Room for an entry, NULL when it is to be dropped (and was counted). */
static struct entry *reserve(struct recorder *rec, struct worker *w, size_t n)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	while (rec->blocks && n < w->ring.size && !ring_has_room(&w->ring, n)) {
		if (!atomic_exchange(&rec->urgent, 1))
			futex_wake(&rec->urgent);
		nanosleep(&pause, NULL);
	}
	return ring_reserve(&w->ring, n);
}

static void define_process(struct recorder *rec, struct worker *w, const struct process *p)
{
	struct entry *e = reserve(rec, w, sizeof(*e));

	if (!e)
		return; /* counted; its events then name a process that nobody knows */
	*e = (struct entry){ .length = sizeof(*e), .kind = ENTRY_PROCESS };
	e->definition = *p;
	commit(rec, w, e);
}

uint64_t recorder_enter(struct recorder *rec, uint32_t pid, uint32_t uid, uint32_t gid)
{
	uint64_t now;
	struct worker *w;
	bool fresh;

	if (!rec)
		return 0;
	now = recorder_clock();
	w = my_worker(rec);
	if (!w)
		return now;
	atomic_store_explicit(&w->active, now, memory_order_release);
	w->process = NULL;
	w->enabled = !atomic_load_explicit(&rec->disabled, memory_order_relaxed);
	if (pid) {
		w->process = process_find(&w->processes, pid, uid, gid, now, &fresh);
		if (fresh)
			define_process(rec, w, w->process);
	}
	return now;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One thread stores, so no locked instruction is needed. */
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void count(struct worker *w, const struct trace_call *call)
{
	struct totals *t = &w->totals[call->op % TRACE_OP_LIMIT];

	add(&t->calls, 1);
	add(&t->errors, call->error != 0);
	add(&t->bytes, call->done);
	add(&t->ns, call->end_ns - call->start_ns);
}

static size_t name_length(const char *name)
{
	return name ? strnlen(name, NAME_LIMIT) : 0;
}

void recorder_record(struct recorder *rec, const struct trace_call *call)
{
	size_t length, length2;
	struct worker *w;
	struct entry *e;
	char *names;

	if (!rec)
		return;
	w = my_worker(rec);
	if (!w) {
		atomic_fetch_add(&rec->unheard, 1);
		return;
	}
	if (!w->enabled && atomic_load_explicit(&rec->disabled, memory_order_relaxed)) {
		atomic_store_explicit(&w->active, 0, memory_order_release);
		return;
	}
	count(w, call);
	length = name_length(call->name);
	length2 = name_length(call->name2);
	e = reserve(rec, w, sizeof(*e) + length + length2);
	if (e) {
		e->length = (uint32_t)(sizeof(*e) + length + length2);
		e->kind = ENTRY_CALL;
		e->name_length = (uint16_t)length;
		e->name2_length = (uint16_t)length2;
		e->has_name = call->name != NULL;
		e->has_name2 = call->name2 != NULL;
		e->process = call->pid && w->process ? w->process->id : 0;
		e->call = *call;
		names = (char *)(e + 1);
		if (length)
			memcpy(names, call->name, length);
		if (length2)
			memcpy(names + length, call->name2, length2);
		commit(rec, w, e);
	}
	atomic_store_explicit(&w->active, 0, memory_order_release);
}

/* --- the writer: records ------------------------------------------------ */

static void put_meta(struct recorder *rec, const char *key, const char *value)
{
	size_t key_length = strlen(key) + 1, length = strnlen(value, 16384);
	uint8_t *p = block_record_begin(&rec->block, key_length + length);

	memcpy(p, key, key_length);
	memcpy(p + key_length, value, length);
	block_record_end(&rec->block, TRACE_RECORD_META, p + key_length + length);
}

/* The id of a name plus 1, defined before if it is new. */
static uint64_t put_name(struct recorder *rec, const char *name, size_t length)
{
	enum intern_result result;
	uint8_t *p, *at;
	uint32_t id;

	result = intern_name(&rec->names, name, length, &id);
	if (result == INTERN_NEW) {
		p = block_record_begin(&rec->block, VARINT_MAX + length);
		at = varint_put(p, id);
		memcpy(at, name, length);
		block_record_end(&rec->block, TRACE_RECORD_NAME, at + length);
	}
	return (uint64_t)id + 1;
}

static void put_process(struct recorder *rec, struct process process)
{
	size_t length = strlen(process.comm);
	uint8_t *p = block_record_begin(&rec->block, 6 * VARINT_MAX + length), *at = p;

	/*
	 * May wait for a process that waits for a worker. Where workers wait for
	 * this thread, nobody would ever go on.
	 */
	if (!rec->blocks)
		process_complete(&process);
	at = varint_put(at, process.id);
	at = varint_put(at, process.pid);
	at = varint_put(at, process.ppid);
	at = varint_put(at, process.uid);
	at = varint_put(at, process.gid);
	at = varint_put(at, process.start);
	memcpy(at, process.comm, length);
	block_record_end(&rec->block, TRACE_RECORD_PROCESS, at + length);
}

static uint8_t *put_field(uint8_t *at, uint32_t *mask, enum trace_field field, uint64_t value)
{
	if (!value)
		return at;
	*mask |= 1u << field;
	return varint_put(at, value);
}

static void put_call(struct recorder *rec, const struct worker *w, const struct entry *e)
{
	const struct trace_call *c = &e->call;
	const char *names = (const char *)(e + 1);
	uint8_t fields[TRACE_FIELD_COUNT * VARINT_MAX], *at = fields, *p, *out;
	uint64_t name = 0, name2 = 0;
	uint32_t mask = 0;

	/* Both names need ids of the same generation: forget before, not between. */
	if (rec->names.count + 2 > INTERN_MAX) {
		p = block_record_begin(&rec->block, 0);
		block_record_end(&rec->block, TRACE_RECORD_NAMES_RESET, p);
		intern_reset(&rec->names);
	}
	if (e->has_name)
		name = put_name(rec, names, e->name_length);
	if (e->has_name2)
		name2 = put_name(rec, names + e->name_length, e->name2_length);
	at = put_field(at, &mask, TRACE_FIELD_DURATION, c->end_ns - c->start_ns);
	at = put_field(at, &mask, TRACE_FIELD_ERROR, (uint32_t)c->error);
	at = put_field(at, &mask, TRACE_FIELD_PROCESS, e->process);
	at = put_field(at, &mask, TRACE_FIELD_WORKER, w->number);
	at = put_field(at, &mask, TRACE_FIELD_NODE, c->node);
	at = put_field(at, &mask, TRACE_FIELD_RESULT, c->result);
	at = put_field(at, &mask, TRACE_FIELD_NAME, name);
	at = put_field(at, &mask, TRACE_FIELD_FH, c->fh);
	at = put_field(at, &mask, TRACE_FIELD_OFFSET, c->offset);
	at = put_field(at, &mask, TRACE_FIELD_SIZE, c->size);
	at = put_field(at, &mask, TRACE_FIELD_DONE, c->done);
	at = put_field(at, &mask, TRACE_FIELD_FLAGS, c->flags);
	at = put_field(at, &mask, TRACE_FIELD_MODE, c->mode);
	at = put_field(at, &mask, TRACE_FIELD_NODE2, c->node2);
	at = put_field(at, &mask, TRACE_FIELD_NAME2, name2);
	at = put_field(at, &mask, TRACE_FIELD_REPLACED, c->replaced);
	at = put_field(at, &mask, TRACE_FIELD_OFFSET2, c->offset2);
	at = put_field(at, &mask, TRACE_FIELD_NEW_UID, c->new_uid);
	at = put_field(at, &mask, TRACE_FIELD_NEW_GID, c->new_gid);
	at = put_field(at, &mask, TRACE_FIELD_RDEV, c->rdev);
	at = put_field(at, &mask, TRACE_FIELD_WHITEOUT, c->whiteout);

	p = block_record_begin(&rec->block, 1 + 2 * VARINT_MAX + sizeof(fields));
	*p = c->op;
	out = varint_put(p + 1, mask);
	out = varint_put(out, zigzag(block_event_start(&rec->block, c->start_ns)));
	memcpy(out, fields, (size_t)(at - fields));
	block_record_end(&rec->block, TRACE_RECORD_EVENT, out + (at - fields));
}

static void put_watermark(struct recorder *rec, uint64_t ns)
{
	uint8_t *p = block_record_begin(&rec->block, VARINT_MAX);

	block_record_end(&rec->block, TRACE_RECORD_WATERMARK, varint_put(p, ns));
}

static uint64_t count_lost(struct recorder *rec)
{
	uint64_t lost = atomic_load(&rec->unheard);

	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		lost += atomic_load_explicit(&w->ring.lost, memory_order_relaxed);
	return lost;
}

static void put_end(struct recorder *rec)
{
	uint8_t *p = block_record_begin(&rec->block, TRACE_OP_LIMIT * (1 + 4 * VARINT_MAX));
	uint8_t *at = varint_put(p, count_lost(rec));

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		uint64_t calls = 0, errors = 0, bytes = 0, ns = 0;

		for (struct worker *w = atomic_load(&rec->workers); w; w = w->next) {
			calls += atomic_load(&w->totals[op].calls);
			errors += atomic_load(&w->totals[op].errors);
			bytes += atomic_load(&w->totals[op].bytes);
			ns += atomic_load(&w->totals[op].ns);
		}
		if (!calls)
			continue;
		*at++ = (uint8_t)op;
		at = varint_put(at, calls);
		at = varint_put(at, errors);
		at = varint_put(at, bytes);
		at = varint_put(at, ns);
	}
	block_record_end(&rec->block, TRACE_RECORD_END, at);
}

/* --- the writer: header facts ------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put_meta_number(struct recorder *rec, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	put_meta(rec, key, text);
}

static void put_tables(struct recorder *rec)
{
	char key[32];

#define X(constant, opcode, name) \
	snprintf(key, sizeof(key), "op.%d", opcode); \
	put_meta(rec, key, name);
	TRACE_OPS(X)
#undef X
#define X(constant, bit, name, what) \
	snprintf(key, sizeof(key), "field.%d", bit); \
	put_meta(rec, key, name);
	TRACE_FIELDS(X)
#undef X
}

static void put_header(struct recorder *rec, const struct recorder_options *options)
{
	struct utsname uts;

	put_meta(rec, "memfs.version", MEMFS_VERSION);
	put_meta(rec, "mountpoint", options->mountpoint);
	put_meta(rec, "command_line", options->command_line);
	put_meta(rec, "mount_options", options->mount_options);
	put_meta(rec, "cache", options->cache_mode);
	if (uname(&uts) == 0) {
		put_meta(rec, "kernel", uts.release);
		put_meta(rec, "host", uts.nodename);
		put_meta(rec, "machine", uts.machine);
	}
	put_meta_number(rec, "clock.monotonic", clock_ns(CLOCK_MONOTONIC));
	put_meta_number(rec, "clock.boottime", clock_ns(CLOCK_BOOTTIME));
	put_meta_number(rec, "clock.realtime", clock_ns(CLOCK_REALTIME));
	put_meta_number(rec, "clock.ticks_per_second", (uint64_t)sysconf(_SC_CLK_TCK));
	put_tables(rec);
}

static void free_session(struct recorder_session *session)
{
	if (session)
		free((char *)(uintptr_t)session->transport);
	free(session);
}

static void put_session(struct recorder *rec)
{
	struct recorder_session *session;
	char text[64];

	pthread_mutex_lock(&rec->mutex);
	session = rec->session;
	rec->session = NULL;
	pthread_mutex_unlock(&rec->mutex);
	if (!session)
		return;
	put_meta(rec, "transport", session->transport);
	snprintf(text, sizeof(text), "%u.%u", session->proto_major, session->proto_minor);
	put_meta(rec, "protocol", text);
	snprintf(text, sizeof(text), "0x%" PRIx64, session->capabilities);
	put_meta(rec, "capabilities", text);
	free_session(session);
}

/* --- the writer: its loop ------------------------------------------------ */

static uint64_t take_watermark(struct recorder *rec)
{
	uint64_t watermark = recorder_clock();

	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next) {
		uint64_t active = atomic_load_explicit(&w->active, memory_order_acquire);

		if (active && active < watermark)
			watermark = active;
	}
	return watermark;
}

/* Has the file all the detail that it may have? */
static bool is_full(const struct recorder *rec)
{
	return rec->max_bytes && atomic_load_explicit(&rec->block.written,
						      memory_order_relaxed) >= rec->max_bytes;
}

static bool drain_worker(struct recorder *rec, struct worker *w)
{
	const uint8_t *bytes;
	size_t size = ring_peek(&w->ring, &bytes), at = 0;
	uint64_t calls = 0;

	while (at < size) {
		const struct entry *e = (const struct entry *)(const void *)(bytes + at);

		if (e->kind == ENTRY_CALL && is_full(rec)) {
			atomic_fetch_add_explicit(&rec->skipped, 1, memory_order_relaxed);
			calls++;
		} else if (e->kind == ENTRY_CALL) {
			put_call(rec, w, e);
			calls++;
		} else if (!is_full(rec)) {
			put_process(rec, e->definition);
		}
		at += (e->length + 7u) & ~7u;
	}
	ring_consume(&w->ring, size);
	atomic_fetch_add_explicit(&rec->recorded, calls, memory_order_relaxed);
	return size > 0;
}

/* Empties all rings once. Was there anything? */
static bool drain(struct recorder *rec)
{
	uint64_t watermark = take_watermark(rec);
	bool any = false;

	put_session(rec);
	for (struct worker *w = atomic_load_explicit(&rec->workers, memory_order_acquire); w;
	     w = w->next)
		any |= drain_worker(rec, w);
	rec->block.lost = count_lost(rec);
	if (any)
		put_watermark(rec, watermark);
	return any;
}

static bool flush_wanted(struct recorder *rec)
{
	bool wanted;

	pthread_mutex_lock(&rec->mutex);
	wanted = rec->flush_asked != rec->flush_done || rec->session;
	pthread_mutex_unlock(&rec->mutex);
	return wanted;
}

static void write_out(struct recorder *rec)
{
	uint64_t ticket;

	pthread_mutex_lock(&rec->mutex);
	ticket = rec->flush_asked;
	pthread_mutex_unlock(&rec->mutex);
	drain(rec); /* what was recorded before the ticket was drawn */
	block_writer_flush(&rec->block);
	rec->flushed_ns = recorder_clock();
	pthread_mutex_lock(&rec->mutex);
	rec->flush_done = ticket;
	pthread_cond_broadcast(&rec->flushed);
	pthread_mutex_unlock(&rec->mutex);
}

static bool all_empty(struct recorder *rec)
{
	const uint8_t *bytes;

	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		if (ring_peek(&w->ring, &bytes) > 0)
			return false;
	return true;
}

/* Nothing came for a whole period: sleep until something does. */
static void rest(struct recorder *rec)
{
	atomic_store(&rec->armed, 1);
	atomic_thread_fence(memory_order_seq_cst);
	if (all_empty(rec) && !flush_wanted(rec) && !atomic_load(&rec->stop))
		futex_wait(&rec->armed, 1, 0);
	atomic_store(&rec->armed, 0);
}

static void *writer(void *context)
{
	struct recorder *rec = context;

	pthread_setname_np(pthread_self(), "memfs-trace");
	while (!atomic_load(&rec->stop)) {
		bool any;

		atomic_store(&rec->urgent, 0);
		any = drain(rec);
		if (flush_wanted(rec) || !any || recorder_clock() - rec->flushed_ns > FLUSH_NS)
			write_out(rec);
		if (any)
			futex_wait(&rec->urgent, 0, PERIOD_NS);
		else
			rest(rec);
	}
	drain(rec);
	if (atomic_load(&rec->skipped))
		put_meta_number(rec, "skipped", atomic_load(&rec->skipped));
	put_end(rec);
	block_writer_flush(&rec->block);
	return NULL;
}

/* --- beginning and end --------------------------------------------------- */

/*
 * The file is made anew; one that is there is replaced only if it is ours and
 * a plain file: in a directory for everybody, a link may lead elsewhere.
 */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	else if (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static char *absolute(const char *path)
{
	char *dir, *result;

	if (path[0] == '/')
		return strdup(path);
	dir = getcwd(NULL, 0);
	if (!dir || asprintf(&result, "%s/%s", dir, path) < 0)
		result = NULL;
	free(dir);
	return result;
}

static void free_recorder(struct recorder *rec)
{
	struct worker *w = atomic_load(&rec->workers);

	while (w) {
		struct worker *next = w->next;

		ring_destroy(&w->ring);
		free(w);
		w = next;
	}
	pthread_cond_destroy(&rec->flushed);
	pthread_mutex_destroy(&rec->mutex);
	intern_destroy(&rec->names);
	free_session(rec->session);
	free(rec->path);
	free(rec);
}

int recorder_create(const struct recorder_options *options, struct recorder **out)
{
	static _Atomic uint64_t serials = 1;
	struct recorder *rec = calloc(1, sizeof(*rec));
	int fd, err;

	if (!rec)
		return -ENOMEM;
	rec->serial = atomic_fetch_add(&serials, 1);
	rec->ring_bytes = options->ring_bytes ? options->ring_bytes : RING_DEFAULT;
	rec->max_bytes = options->max_bytes;
	rec->blocks = options->block;
	pthread_mutex_init(&rec->mutex, NULL);
	pthread_cond_init(&rec->flushed, NULL);
	rec->path = absolute(options->path);
	err = rec->path ? intern_init(&rec->names) : -ENOMEM;
	fd = err ? err : open_file(rec->path);
	if (fd < 0) {
		free_recorder(rec);
		return fd;
	}
	block_writer_init(&rec->block, fd);
	put_header(rec, options);
	block_writer_flush(&rec->block);
	err = atomic_load(&rec->block.error);
	if (!err)
		err = pthread_key_create(&rec->key, release_worker);
	if (!err) {
		err = pthread_create(&rec->thread, NULL, writer, rec);
		if (err)
			pthread_key_delete(rec->key);
	}
	if (err) {
		close(fd);
		free_recorder(rec);
		return -err;
	}
	*out = rec;
	return 0;
}

static void wake_writer(struct recorder *rec)
{
	atomic_store(&rec->urgent, 1);
	futex_wake(&rec->urgent);
	atomic_store(&rec->armed, 0);
	futex_wake(&rec->armed);
}

void recorder_set_session(struct recorder *rec, const struct recorder_session *session)
{
	struct recorder_session *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	*copy = *session;
	copy->transport = strdup(session->transport);
	if (!copy->transport) {
		free(copy);
		return;
	}
	pthread_mutex_lock(&rec->mutex);
	free_session(rec->session);
	rec->session = copy;
	pthread_mutex_unlock(&rec->mutex);
	wake_writer(rec);
}

void recorder_flush(struct recorder *rec)
{
	uint64_t ticket;

	if (!rec)
		return;
	pthread_mutex_lock(&rec->mutex);
	ticket = ++rec->flush_asked;
	pthread_mutex_unlock(&rec->mutex);
	wake_writer(rec);
	pthread_mutex_lock(&rec->mutex);
	while (rec->flush_done < ticket)
		pthread_cond_wait(&rec->flushed, &rec->mutex);
	pthread_mutex_unlock(&rec->mutex);
}

void recorder_get_stats(struct recorder *rec, struct recorder_stats *stats)
{
	*stats = (struct recorder_stats){
		.recorded = atomic_load(&rec->recorded),
		.lost = count_lost(rec),
		.skipped = atomic_load(&rec->skipped),
		.written = atomic_load(&rec->block.written),
		.error = atomic_load(&rec->block.error),
	};
}

void recorder_set_enabled(struct recorder *rec, bool enabled)
{
	atomic_store(&rec->disabled, !enabled);
}

bool recorder_is_enabled(const struct recorder *rec)
{
	return !atomic_load(&rec->disabled);
}

const char *recorder_path(const struct recorder *rec)
{
	return rec->path;
}

int recorder_close(struct recorder *rec)
{
	int err;

	atomic_store(&rec->stop, true);
	wake_writer(rec);
	pthread_join(rec->thread, NULL);
	pthread_key_delete(rec->key);
	err = atomic_load(&rec->block.error);
	if (close(rec->block.fd) < 0 && !err)
		err = errno;
	free_recorder(rec);
	return -err;
}
