/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.c - the whole, and the workers' side; writer.c is the writer thread.
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
 * armed; the writer: armed, then the heads), all sequentially consistent: at
 * least one of them sees the other, and no event lies unseen.
 *
 * Order. Before it empties the rings, the writer takes the watermark: the
 * start of the oldest call under way, or the time now. Whatever is recorded
 * later started no earlier, which is what lets a reader sort by start with
 * little memory. A worker first says that it begins and then reads the clock;
 * while one has said so and not yet told the time, the writer takes no
 * watermark. So none is missed, however long it is preempted in between.
 */
#include "trace/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "trace/varint.h"
#include "trace/writer.h"

#define LOCK_TRIES 50
#define LOCK_PAUSE_NS 100000000 /* so 5 s in all */
#define FLUSH_PAUSE_NS 50000
#define FLUSH_PATIENCE_NS 1000000000u
#define RING_DEFAULT (4u << 20)

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

	if (atomic_load(&rec->armed) && atomic_exchange(&rec->armed, 0))
		futex_wake(&rec->armed);
	if (half && !atomic_exchange(&rec->urgent, 1))
		futex_wake(&rec->urgent);
}

/* Room for an entry, NULL when it is to be dropped (and was counted). */
static struct entry *reserve(struct recorder *rec, struct worker *w, size_t n)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	while (rec->blocks && n <= w->ring.size / 2 && !ring_has_room(&w->ring, n)) {
		if (!atomic_exchange(&rec->urgent, 1))
			futex_wake(&rec->urgent);
		nanosleep(&pause, NULL);
	}
	return ring_reserve(&w->ring, n);
}

static void define_process(struct recorder *rec, struct worker *w, struct process *p)
{
	const size_t length = sizeof(struct entry) + sizeof(*p);
	struct entry *e = NULL;

	/* Without room it is not counted, since it is no call, and is tried again with the next one. */
	if (rec->blocks || ring_has_room(&w->ring, length))
		e = reserve(rec, w, length);
	if (!e) {
		p->pid = 0;
		return;
	}
	*e = (struct entry){ .length = (uint32_t)length, .kind = ENTRY_PROCESS };
	memcpy(e->bytes, p, sizeof(*p));
	commit(rec, w, e);
}

uint64_t recorder_enter(struct recorder *rec, uint32_t pid, uint32_t uid, uint32_t gid)
{
	uint64_t now;
	struct worker *w;
	bool fresh;

	if (!rec)
		return 0;
	w = my_worker(rec);
	if (!w)
		return recorder_clock();
	atomic_store(&w->active, ACTIVE_BEGINS); /* sequentially consistent: before the clock */
	now = recorder_clock();
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
	return name ? strnlen(name, TRACE_NAME_LIMIT) : 0;
}

static uint8_t *put_field(uint8_t *at, uint32_t *mask, enum trace_field field, uint64_t value)
{
	if (!value)
		return at;
	*mask |= 1u << field;
	return varint_put(at, value);
}

/* All fields but the names, in order; sets mask and lengths of the entry. Returns their length. */
static size_t put_fields(const struct worker *w, const struct trace_call *c, struct entry *e,
			 uint8_t fields[TRACE_FIELD_COUNT * VARINT_MAX])
{
	uint8_t *at = fields, *between, *after;
	uint32_t mask = 0;

	at = put_field(at, &mask, TRACE_FIELD_DURATION, c->end_ns - c->start_ns);
	at = put_field(at, &mask, TRACE_FIELD_ERROR, (uint32_t)c->error);
	at = put_field(at, &mask, TRACE_FIELD_PROCESS, c->pid && w->process ? w->process->id : 0);
	at = put_field(at, &mask, TRACE_FIELD_WORKER, w->number);
	at = put_field(at, &mask, TRACE_FIELD_NODE, c->node);
	at = put_field(at, &mask, TRACE_FIELD_RESULT, c->result);
	between = at;
	at = put_field(at, &mask, TRACE_FIELD_FH, c->fh);
	at = put_field(at, &mask, TRACE_FIELD_OFFSET, c->offset);
	at = put_field(at, &mask, TRACE_FIELD_SIZE, c->size);
	at = put_field(at, &mask, TRACE_FIELD_DONE, c->done);
	at = put_field(at, &mask, TRACE_FIELD_FLAGS, c->flags);
	at = put_field(at, &mask, TRACE_FIELD_MODE, c->mode);
	at = put_field(at, &mask, TRACE_FIELD_NODE2, c->node2);
	after = at;
	at = put_field(at, &mask, TRACE_FIELD_REPLACED, c->replaced);
	at = put_field(at, &mask, TRACE_FIELD_OFFSET2, c->offset2);
	at = put_field(at, &mask, TRACE_FIELD_NEW_UID, c->new_uid);
	at = put_field(at, &mask, TRACE_FIELD_NEW_GID, c->new_gid);
	at = put_field(at, &mask, TRACE_FIELD_RDEV, c->rdev);
	at = put_field(at, &mask, TRACE_FIELD_WHITEOUT, c->whiteout);
	e->mask = mask;
	e->before = (uint8_t)(between - fields);
	e->between = (uint8_t)(after - between);
	e->after = (uint8_t)(at - after);
	return (size_t)(at - fields);
}

static void put_entry(struct recorder *rec, struct worker *w, const struct trace_call *call)
{
	size_t length = name_length(call->name), length2 = name_length(call->name2), size;
	uint8_t fields[TRACE_FIELD_COUNT * VARINT_MAX];
	struct entry header = {
		.start_ns = call->start_ns,
		.kind = ENTRY_CALL,
		.op = call->op,
		.name_length = (uint16_t)length,
		.name2_length = (uint16_t)length2,
		.has_name = call->name != NULL,
		.has_name2 = call->name2 != NULL,
	};
	struct entry *e;
	uint8_t *at;

	size = put_fields(w, call, &header, fields);
	header.length = (uint32_t)(sizeof(header) + size + length + length2);
	e = reserve(rec, w, header.length);
	if (!e) {
		w->dropped++;
		return;
	}
	header.dropped = w->dropped;
	w->dropped = 0;
	*e = header;
	at = e->bytes;
	memcpy(at, fields, size);
	if (length)
		memcpy(at + size, call->name, length);
	if (length2)
		memcpy(at + size + length, call->name2, length2);
	commit(rec, w, e);
}

void recorder_record(struct recorder *rec, const struct trace_call *call)
{
	struct worker *w;

	if (!rec)
		return;
	/* Without memory when the call began: then nothing is known of it, also if there is some now. */
	if (mine.serial != rec->serial) {
		atomic_fetch_add(&rec->unheard, !atomic_load(&rec->disabled));
		return;
	}
	w = mine.worker;
	if (w->enabled) {
		count(w, call);
		put_entry(rec, w, call);
	}
	atomic_store_explicit(&w->active, 0, memory_order_release);
}

/* --- beginning and end --------------------------------------------------- */

/*
 * Another memfs may be writing to it still. One that was unmounted just now is about to end: so there is some patience.
 * 0 or -EBUSY; a filesystem without locks does without.
 */
static int lock_file(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/*
 * The file is made anew; one that is there is replaced only if it is ours and
 * a plain file: in a directory for everybody, a link may lead elsewhere.
 */
int writer_open_file(const char *path)
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
	else
		err = lock_file(fd);
	if (!err && (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* 0 or a negative errno: the directory that it is relative to may be gone. */
static int absolute(const char *path, char **out)
{
	char *dir;

	if (path[0] == '/') {
		*out = strdup(path);
		return *out ? 0 : -ENOMEM;
	}
	dir = getcwd(NULL, 0);
	if (!dir)
		return -errno;
	if (asprintf(out, "%s/%s", dir, path) < 0)
		*out = NULL;
	free(dir);
	return *out ? 0 : -ENOMEM;
}

static void free_recorder(struct recorder *rec)
{
	struct worker *w = atomic_load(&rec->workers);

	while (w) {
		struct worker *next = w->next;

		ring_destroy(&w->ring);
		free(w->defined);
		free(w);
		w = next;
	}
	pthread_cond_destroy(&rec->flushed);
	pthread_mutex_destroy(&rec->mutex);
	intern_destroy(&rec->names);
	writer_free_session(rec->session);
	writer_free_facts(rec);
	free(rec->path);
	free(rec);
}

int recorder_start(struct recorder *rec)
{
	int err = pthread_create(&rec->thread, NULL, writer_main, rec);

	rec->started = !err;
	return -err;
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
	rec->report = options->report;
	rec->rotate_bytes = options->rotate_bytes;
	rec->rotate_files = options->rotate_files;
	rec->snapshot = options->snapshot;
	rec->snapshot_context = options->snapshot_context;
	pthread_mutex_init(&rec->mutex, NULL);
	pthread_cond_init(&rec->flushed, NULL);
	err = absolute(options->path, &rec->path);
	if (!err)
		err = intern_init(&rec->names);
	fd = err ? err : writer_open_file(rec->path);
	if (fd < 0) {
		free_recorder(rec);
		return fd;
	}
	block_writer_init(&rec->block, fd);
	writer_header(rec, options);
	block_writer_flush(&rec->block);
	err = atomic_load(&rec->block.error);
	if (!err)
		err = pthread_key_create(&rec->key, release_worker);
	if (!err && !options->start_later) {
		err = -recorder_start(rec);
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
	writer_free_session(rec->session);
	rec->session = copy;
	pthread_mutex_unlock(&rec->mutex);
	wake_writer(rec);
}

static bool is_in_call(const struct worker *w, uint64_t before)
{
	uint64_t active = atomic_load(&w->active);

	return active && active != ACTIVE_BEGINS && active < before && !atomic_load(&w->flushes);
}

/*
 * A call is recorded when it has been answered: who was answered and now asks for what was recorded may be faster than the
 * worker. So each is given the time to end the call that it is in, but for one that waits likewise.
 */
static void wait_for_calls(struct recorder *rec, const struct worker *self)
{
	const struct timespec pause = { .tv_nsec = FLUSH_PAUSE_NS };
	uint64_t now = recorder_clock();

	for (const struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		while (w != self && is_in_call(w, now) && recorder_clock() - now < FLUSH_PATIENCE_NS)
			nanosleep(&pause, NULL);
}

void recorder_flush(struct recorder *rec)
{
	struct worker *self;
	uint64_t ticket;

	if (!rec)
		return;
	self = mine.serial == rec->serial ? mine.worker : NULL;
	if (self)
		atomic_store(&self->flushes, true);
	wait_for_calls(rec, self);
	pthread_mutex_lock(&rec->mutex);
	ticket = ++rec->flush_asked;
	pthread_mutex_unlock(&rec->mutex);
	wake_writer(rec);
	pthread_mutex_lock(&rec->mutex);
	while (rec->flush_done < ticket)
		pthread_cond_wait(&rec->flushed, &rec->mutex);
	pthread_mutex_unlock(&rec->mutex);
	if (self)
		atomic_store(&self->flushes, false);
}

int recorder_rotate(struct recorder *rec)
{
	pthread_mutex_lock(&rec->mutex);
	rec->rotate_asked++;
	pthread_mutex_unlock(&rec->mutex);
	recorder_flush(rec);
	return -atomic_load(&rec->rotate_error);
}

void recorder_get_stats(struct recorder *rec, struct recorder_stats *stats)
{
	*stats = (struct recorder_stats){
		.recorded = atomic_load(&rec->recorded),
		.lost = writer_count_lost(rec),
		.skipped = atomic_load(&rec->skipped),
		.written = atomic_load(&rec->block.written),
		.error = atomic_load(&rec->block.error),
	};
}

void recorder_set_enabled(struct recorder *rec, bool enabled)
{
	struct worker *w = my_worker(rec);

	/* What has happened in between, nobody has seen: the names are told anew. */
	if (enabled && atomic_load(&rec->disabled)) {
		atomic_store(&rec->snapshot_wanted, true);
		atomic_store(&rec->disabled, false);
		recorder_flush(rec);
	}
	atomic_store(&rec->disabled, !enabled);
	if (enabled && w)
		w->enabled = true;
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
	if (rec->started)
		pthread_join(rec->thread, NULL);
	else
		writer_finish(rec);
	pthread_key_delete(rec->key);
	err = atomic_load(&rec->block.error);
	if (close(rec->block.fd) < 0 && !err) {
		err = errno;
		atomic_store(&rec->block.error, err);
		writer_report(rec, err);
	}
	free_recorder(rec);
	return -err;
}
