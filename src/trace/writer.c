/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - the recorder's thread: from the rings into blocks, see recorder.c for the whole. */
#include "trace/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "trace/varint.h"

#define FACTS_MAX 32
#define TELL_BATCH 1024 /* names told between two looks at the rings */
#define PERIOD_NS 50000000 /* between two looks at the rings; each ends with what there is in the file */

/* --- records ------------------------------------------------------------ */

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
	uint8_t *p, *at;
	uint32_t id;

	if (intern_name(&rec->names, name, length, &id)) {
		p = block_record_begin(&rec->block, VARINT_MAX + length);
		at = varint_put(p, id);
		memcpy(at, name, length);
		block_record_end(&rec->block, TRACE_RECORD_NAME, at + length);
	}
	return (uint64_t)id + 1;
}

static void put_definition(struct recorder *rec, const struct process *process)
{
	size_t length = strlen(process->comm);
	uint8_t *p = block_record_begin(&rec->block, 6 * VARINT_MAX + length), *at = p;

	at = varint_put(at, process->id);
	at = varint_put(at, process->pid);
	at = varint_put(at, process->ppid);
	at = varint_put(at, process->uid);
	at = varint_put(at, process->gid);
	at = varint_put(at, process->start);
	memcpy(at, process->comm, length);
	block_record_end(&rec->block, TRACE_RECORD_PROCESS, at + length);
}

static void put_process(struct recorder *rec, struct worker *w, struct process *process)
{
	/*
	 * May wait for a process that waits for a worker. Where workers wait for
	 * this thread, nobody would ever go on.
	 */
	if (!rec->blocks)
		process_complete(process);
	put_definition(rec, process);
	/* What the worker takes for known, a later file of the series must know as well. */
	if (!w->defined)
		w->defined = calloc(PROCESS_SLOTS, sizeof(*w->defined));
	if (w->defined)
		w->defined[process->pid % PROCESS_SLOTS] = *process;
}

static void put_known_processes(struct recorder *rec)
{
	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		for (unsigned i = 0; w->defined && i < PROCESS_SLOTS; i++)
			if (w->defined[i].id)
				put_definition(rec, &w->defined[i]);
}

static uint8_t *copy(uint8_t *to, const uint8_t *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

/*
 * The field REQUEST, where it does not follow from the event before: a reader knows the
 * number of a worker's last event in the same block.
 */
static uint8_t *put_request(const struct recorder *rec, struct worker *w, uint8_t *out)
{
	return w->request_block == rec->block.sequence + 1 ? out : varint_put(out, w->request);
}

static void put_call(struct recorder *rec, struct worker *w, const struct entry *e)
{
	const uint8_t *before = e->bytes, *between = before + e->before;
	const uint8_t *after = between + e->between;
	const char *name = (const char *)after + e->after, *name2 = name + e->name_length;
	uint64_t id = 0, id2 = 0;
	uint8_t *p, *out;

	/* Both names need ids of the same generation: forget before, not between. */
	if (!intern_reserve(&rec->names, 2)) {
		p = block_record_begin(&rec->block, 0);
		block_record_end(&rec->block, TRACE_RECORD_NAMES_RESET, p);
		intern_reset(&rec->names);
	}
	if (e->has_name)
		id = put_name(rec, name, e->name_length);
	if (e->has_name2)
		id2 = put_name(rec, name2, e->name2_length);
	p = block_record_begin(&rec->block, 1 + 5 * VARINT_MAX + e->before + e->between + e->after);
	w->request += 1 + e->dropped;
	if (e->dropped)
		w->request_block = 0;
	*p = e->op;
	out = varint_put(p + 1, e->mask | (id ? 1u << TRACE_FIELD_NAME : 0) |
			 (id2 ? 1u << TRACE_FIELD_NAME2 : 0) |
			 (w->request_block != rec->block.sequence + 1 ? 1u << TRACE_FIELD_REQUEST : 0));
	out = varint_put(out, zigzag(block_event_start(&rec->block, e->start_ns)));
	out = copy(out, before, e->before);
	if (id)
		out = varint_put(out, id);
	out = copy(out, between, e->between);
	if (id2)
		out = varint_put(out, id2);
	out = put_request(rec, w, copy(out, after, e->after));
	w->request_block = rec->block.sequence + 1;
	block_record_end(&rec->block, TRACE_RECORD_EVENT, out);
}

static void put_watermark(struct recorder *rec, uint64_t ns)
{
	uint8_t *p = block_record_begin(&rec->block, VARINT_MAX);

	block_record_end(&rec->block, TRACE_RECORD_WATERMARK, varint_put(p, ns));
}

uint64_t writer_count_lost(struct recorder *rec)
{
	uint64_t lost = atomic_load(&rec->unheard);

	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		lost += atomic_load_explicit(&w->ring.lost, memory_order_relaxed);
	return lost;
}

static void put_end(struct recorder *rec)
{
	uint8_t *p = block_record_begin(&rec->block, TRACE_OP_LIMIT * (1 + 4 * VARINT_MAX));
	uint8_t *at = varint_put(p, writer_count_lost(rec));

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

/* --- facts of the whole -------------------------------------------------- */

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

static void free_fact(struct fact *f)
{
	free(f->key);
	free(f->value);
	free(f);
}

/* A fact that each file of a series shall have; without memory only this one has it. */
static void put_fact(struct recorder *rec, const char *key, const char *value)
{
	struct fact *f = calloc(1, sizeof(*f));

	put_meta(rec, key, value);
	if (!f)
		return;
	f->key = strdup(key);
	f->value = strdup(value);
	if (!f->key || !f->value) {
		free_fact(f);
		return;
	}
	f->next = rec->facts;
	rec->facts = f;
}

void writer_free_facts(struct recorder *rec)
{
	while (rec->facts) {
		struct fact *next = rec->facts->next;

		free_fact(rec->facts);
		rec->facts = next;
	}
}

static void put_beginning(struct recorder *rec)
{
	put_meta_number(rec, "clock.monotonic", clock_ns(CLOCK_MONOTONIC));
	put_meta_number(rec, "clock.boottime", clock_ns(CLOCK_BOOTTIME));
	put_meta_number(rec, "clock.realtime", clock_ns(CLOCK_REALTIME));
	put_meta_number(rec, "clock.ticks_per_second", (uint64_t)sysconf(_SC_CLK_TCK));
	put_tables(rec);
}

void writer_header(struct recorder *rec, const struct recorder_options *options)
{
	struct utsname uts;

	put_fact(rec, "memfs.version", MEMFS_VERSION);
	put_fact(rec, "mountpoint", options->mountpoint);
	put_fact(rec, "command_line", options->command_line);
	put_fact(rec, "mount_options", options->mount_options);
	put_fact(rec, "cache", options->cache_mode);
	if (uname(&uts) == 0) {
		put_fact(rec, "kernel", uts.release);
		put_fact(rec, "host", uts.nodename);
		put_fact(rec, "machine", uts.machine);
	}
	put_beginning(rec);
}

void writer_free_session(struct recorder_session *session)
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
	put_fact(rec, "transport", session->transport);
	snprintf(text, sizeof(text), "%u.%u", session->proto_major, session->proto_minor);
	put_fact(rec, "protocol", text);
	snprintf(text, sizeof(text), "0x%" PRIx64, session->capabilities);
	put_fact(rec, "capabilities", text);
	writer_free_session(session);
}

/* --- the loop ------------------------------------------------------------ */

/* No call that is recorded from now on has started earlier. 0 = that cannot be told just now. */
static uint64_t take_watermark(struct recorder *rec)
{
	uint64_t watermark = recorder_clock();

	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next) {
		uint64_t active = atomic_load(&w->active);

		if (active == ACTIVE_BEGINS)
			return 0;
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

/* What is in the ring in one piece. Was there anything? */
static bool drain_piece(struct recorder *rec, struct worker *w)
{
	const uint8_t *bytes;
	size_t size = ring_peek(&w->ring, &bytes), at = 0;
	uint64_t calls = 0;

	while (at < size) {
		const struct entry *e = (const struct entry *)(const void *)(bytes + at);

		if (e->kind == ENTRY_CALL && is_full(rec)) {
			atomic_fetch_add_explicit(&rec->skipped, 1, memory_order_relaxed);
			w->request += 1 + e->dropped;
			w->request_block = 0;
			calls++;
		} else if (e->kind == ENTRY_CALL) {
			put_call(rec, w, e);
			calls++;
		} else if (!is_full(rec)) {
			struct process definition;

			memcpy(&definition, e->bytes, sizeof(definition));
			put_process(rec, w, &definition);
		}
		at += (e->length + 7u) & ~7u;
	}
	ring_consume(&w->ring, size);
	atomic_fetch_add_explicit(&rec->recorded, calls, memory_order_relaxed);
	return size > 0;
}

/* All that was in the ring when this began. Was there anything? */
static bool drain_worker(struct recorder *rec, struct worker *w)
{
	bool any = drain_piece(rec, w);

	if (any)
		drain_piece(rec, w);
	return any;
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
	rec->block.lost = writer_count_lost(rec);
	/* One more when all is quiet: it covers what came while the last was taken. */
	rec->owes_watermark |= any;
	if (rec->owes_watermark && watermark) {
		put_watermark(rec, watermark);
		rec->owes_watermark = any;
	}
	return any;
}

/* The filesystem goes on, but somebody ought to know. */
void writer_report(struct recorder *rec, int error)
{
	bool is_over = atomic_load(&rec->block.error);
	bool *reported = is_over ? &rec->error_reported : &rec->aside_reported;
	char text[PATH_MAX + 128];

	if (!error || *reported || !rec->report)
		return;
	*reported = true;
	snprintf(text, sizeof(text), "trace %s: %s%s", rec->path, strerror(error),
		 is_over ? "; nothing more is recorded" : "; it cannot be put aside");
	rec->report(text);
}

static bool flush_wanted(struct recorder *rec)
{
	bool wanted;

	pthread_mutex_lock(&rec->mutex);
	wanted = rec->flush_asked != rec->flush_done || rec->session;
	pthread_mutex_unlock(&rec->mutex);
	return wanted;
}

/* --- a series of files ---------------------------------------------------- */

struct telling {
	struct recorder *rec;
	unsigned told;
};

static void put_node(void *context, uint64_t parent, const char *name, uint64_t node, mode_t type)
{
	struct telling *t = context;
	size_t length = strlen(name);
	uint8_t *p = block_record_begin(&t->rec->block, 3 * VARINT_MAX + length);
	uint8_t *at = varint_put(varint_put(varint_put(p, node), parent), type);

	memcpy(at, name, length);
	block_record_end(&t->rec->block, TRACE_RECORD_NODE, at + length);
	/*
	 * The rings must not run full meanwhile. What is recorded while the names are told may
	 * come before or behind them: both say the same of what a node is called in the end.
	 */
	if (++t->told % TELL_BATCH == 0)
		drain(t->rec);
}

/* What has a name already, for a reader that has not seen it made. */
static void put_snapshot(struct recorder *rec)
{
	struct telling telling = { .rec = rec };
	uint8_t *p;

	if (!rec->snapshot)
		return;
	p = block_record_begin(&rec->block, 3 * VARINT_MAX);
	block_record_end(&rec->block, TRACE_RECORD_NODE,
			 varint_put(varint_put(varint_put(p, 0), 0), 0));
	rec->snapshot(rec->snapshot_context, put_node, &telling);
}

static void numbered(const struct recorder *rec, unsigned number, char *text, size_t size)
{
	snprintf(text, size, number ? "%s.%u" : "%s", rec->path, number);
}

/* PATH becomes PATH.1, that PATH.2 and so on; what is beyond those to be kept goes. 0 or an errno. */
static int put_aside(const struct recorder *rec)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];
	unsigned last = 0;

	/* No new one could be made the last time, or somebody has removed it. */
	if (access(rec->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	do
		numbered(rec, ++last, to, sizeof(to));
	while (access(to, F_OK) == 0 && last != rec->rotate_files);
	for (unsigned i = last; i > 0; i--) {
		numbered(rec, i - 1, from, sizeof(from));
		numbered(rec, i, to, sizeof(to));
		if ((i == rec->rotate_files ? unlink(from) : rename(from, to)) < 0)
			return errno;
	}
	return 0;
}

/* A new file, in which the series goes on. 0 or an errno. */
static int rotate(struct recorder *rec)
{
	struct fact *facts[FACTS_MAX];
	unsigned count = 0;
	int fd, err;

	err = put_aside(rec);
	rec->rotate_from = atomic_load(&rec->block.written);
	if (err) {
		writer_report(rec, err); /* and goes on in the one that is there */
		return err;
	}
	put_meta(rec, "continued", "1");
	put_end(rec);
	block_writer_flush(&rec->block);
	fd = writer_open_file(rec->path);
	if (fd < 0) {
		atomic_store(&rec->block.error, -fd);
		return -fd;
	}
	close(rec->block.fd);
	block_writer_init(&rec->block, fd);
	rec->error_reported = rec->aside_reported = false;
	intern_reset(&rec->names);
	for (struct worker *w = atomic_load(&rec->workers); w; w = w->next)
		w->request_block = 0;
	for (struct fact *f = rec->facts; f && count < FACTS_MAX; f = f->next)
		facts[count++] = f;
	while (count--)
		put_meta(rec, facts[count]->key, facts[count]->value);
	put_meta_number(rec, "segment", ++rec->segment);
	put_beginning(rec);
	put_known_processes(rec);
	put_snapshot(rec);
	block_writer_flush(&rec->block);
	rec->rotate_from = atomic_load(&rec->block.written);
	return 0;
}

static bool is_due(const struct recorder *rec)
{
	return rec->rotate_bytes &&
	       atomic_load(&rec->block.written) - rec->rotate_from >= rec->rotate_bytes;
}

/*
 * All that there is goes into the file, each time: what a reader that follows waits for, and what a killed
 * daemon leaves, is as new as the period is long. True when there was anything.
 */
static bool work(struct recorder *rec)
{
	uint64_t ticket, rotate_ticket;
	bool any;

	pthread_mutex_lock(&rec->mutex);
	ticket = rec->flush_asked;
	rotate_ticket = rec->rotate_asked;
	pthread_mutex_unlock(&rec->mutex);
	any = drain(rec); /* what was recorded before the ticket was drawn */
	if (rotate_ticket != rec->rotated || is_due(rec))
		rec->rotate_error = rotate(rec);
	rec->rotated = rotate_ticket;
	if (atomic_exchange(&rec->snapshot_wanted, false))
		put_snapshot(rec);
	block_writer_flush(&rec->block);
	writer_report(rec, atomic_load(&rec->block.error));
	pthread_mutex_lock(&rec->mutex);
	rec->flush_done = ticket;
	pthread_cond_broadcast(&rec->flushed);
	pthread_mutex_unlock(&rec->mutex);
	return any;
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
	if (all_empty(rec) && !flush_wanted(rec) && !atomic_load(&rec->stop))
		futex_wait(&rec->armed, 1, 0);
	atomic_store(&rec->armed, 0);
}

void writer_finish(struct recorder *rec)
{
	drain(rec);
	if (atomic_load(&rec->skipped))
		put_meta_number(rec, "skipped", atomic_load(&rec->skipped));
	put_end(rec);
	block_writer_flush(&rec->block);
	writer_report(rec, atomic_load(&rec->block.error));
}

void *writer_main(void *context)
{
	struct recorder *rec = context;

	pthread_setname_np(pthread_self(), "memfs-trace");
	while (!atomic_load(&rec->stop)) {
		bool any;

		atomic_store(&rec->urgent, 0);
		any = work(rec);
		if (any || rec->owes_watermark)
			futex_wait(&rec->urgent, 0, PERIOD_NS);
		else
			rest(rec);
	}
	writer_finish(rec);
	return NULL;
}
