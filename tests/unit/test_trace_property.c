/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever goes into the recorder comes out of the reader: random calls of
 * several threads, all fields at random and often at their ends, names of any
 * bytes, and the reader's answer compared call by call, in order.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <memfs/trace_format.h>
#include <memfs/trace_reader.h>

#include "trace/recorder.h"
#include "unit.h"

/* A further field of an event: give it values in make_call(), and compare it in check_event(). */
_Static_assert(TRACE_FIELD_COUNT == 22, "all fields are compared");

enum { THREADS_MAX = 6, FHS = 40 };

/* What one thread is to do, and in what manner. */
struct plan {
	struct recorder *rec;
	uint64_t seed;
	unsigned calls;
	unsigned name_max;    /* bytes */
	unsigned name_kinds;  /* how many different ones; 0 = never the same twice */
	struct trace_call *done;
	pthread_barrier_t *all_done;
};

/* --- what is recorded ---------------------------------------------------- */

/* Zero, the ends of each length that a varint can have, and anything. */
static uint64_t any_number(uint64_t *state)
{
	uint64_t n = unit_random(state), bits = n >> 8 & 63;

	switch (n & 7) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return (uint64_t)1 << bits;
	case 3: return ((uint64_t)1 << bits) - 1;
	case 4: return n >> 16 & 0xff;
	default: return unit_random(state) >> bits;
	}
}

/* Bytes but NUL; often none at all, often the longest. */
static char *any_name(const struct plan *plan, uint64_t *state)
{
	uint64_t kind = unit_random(state), of = kind >> 8;
	size_t length = plan->name_max;
	char *name;

	if (kind % 8 == 0)
		return NULL;
	if (plan->name_kinds)
		of %= plan->name_kinds;
	if (of % 8)
		length = of % (plan->name_max + 1u);
	of = 2 * of + 1;
	name = malloc(length + 1);
	if (!name)
		abort();
	for (size_t i = 0; i < length; i++)
		name[i] = (char)(unit_random(&of) % 255 + 1);
	name[length] = '\0';
	return name;
}

static struct trace_call make_call(const struct plan *plan, uint64_t *state)
{
	static const uint8_t often[] = { TRACE_OP_OPEN, TRACE_OP_CREATE, TRACE_OP_OPENDIR,
					 TRACE_OP_RELEASE, TRACE_OP_RELEASEDIR, TRACE_OP_READ };
	uint64_t n = unit_random(state);
	struct trace_call call = {
		.op = n & 1 ? often[n >> 1 & 0xff % sizeof(often)] : (uint8_t)(n >> 16),
		.error = n & 2 ? 0 : (int32_t)(any_number(state) & 0xffff),
		.pid = n & 4 ? 0 : n & 8 ? (uint32_t)any_number(state) : 1u << 30 | (n >> 24 & 7),
		.uid = (uint32_t)any_number(state),
		.gid = (uint32_t)any_number(state),
		.node = any_number(state),
		.node2 = any_number(state),
		.result = any_number(state),
		.replaced = any_number(state),
		.whiteout = any_number(state),
		.fh = n & 16 ? n >> 32 & 0xffff % FHS : any_number(state),
		.offset = any_number(state),
		.offset2 = any_number(state),
		.size = any_number(state),
		.done = any_number(state),
		.flags = (uint32_t)any_number(state),
		.mode = (uint32_t)any_number(state),
		.new_uid = (uint32_t)any_number(state),
		.new_gid = (uint32_t)any_number(state),
		.rdev = any_number(state),
	};

	call.name = any_name(plan, state);
	call.name2 = any_name(plan, state);
	return call;
}

static void *record_plan(void *context)
{
	struct plan *plan = context;
	uint64_t state = plan->seed;

	for (unsigned i = 0; i < plan->calls; i++) {
		struct trace_call *call = &plan->done[i];

		*call = make_call(plan, &state);
		call->start_ns = recorder_enter(plan->rec, call->pid, call->uid, call->gid);
		/* How long it took is anything, also what no call ever took. */
		call->end_ns = call->start_ns + any_number(&state);
		recorder_record(plan->rec, call);
		if (unit_random(&state) % 4096 == 0)
			usleep(unit_random(&state) % 60000);
	}
	/* A thread that ends leaves its number to the next one that begins. */
	pthread_barrier_wait(plan->all_done);
	return NULL;
}

/* --- what is read -------------------------------------------------------- */

/* Who has which open, as docs/trace-format.md has it: for calls of the kernel itself. */
struct opener {
	uint64_t fh;
	uint32_t pid, uid, gid;
	bool open;
};

struct openers {
	struct opener *all;
	size_t count;
};

static struct opener *find_opener(const struct openers *o, uint64_t fh)
{
	/* The newest of that number. */
	for (size_t i = o->count; i-- > 0;)
		if (o->all[i].fh == fh)
			return o->all[i].open ? &o->all[i] : NULL;
	return NULL;
}

static void note_opener(struct openers *o, const struct trace_call *c)
{
	struct opener *known = find_opener(o, c->fh);
	bool opens = c->op == TRACE_OP_OPEN || c->op == TRACE_OP_CREATE || c->op == TRACE_OP_OPENDIR ||
		     c->op == TRACE_OP_TMPFILE;

	if (known && (c->op == TRACE_OP_RELEASE || c->op == TRACE_OP_RELEASEDIR))
		known->open = false;
	if (!opens || c->error || !c->fh)
		return;
	if (!known)
		known = &o->all[o->count++];
	*known = (struct opener){ c->fh, c->pid, c->uid, c->gid, true };
}

static void check_process(const struct trace_event *e, const struct trace_call *c,
			  const struct openers *openers)
{
	const struct opener *o = c->pid || !c->fh ? NULL : find_opener(openers, c->fh);

	if (!c->pid && (!o || !o->pid)) {
		if (e->process || e->inferred)
			ck_abort_msg("a process, of a call of the kernel's");
		return;
	}
	if (!e->process || e->inferred != !c->pid)
		ck_abort_msg("no process, or inferred wrongly");
	if (e->process->pid != (o ? o->pid : c->pid) || e->process->uid != (o ? o->uid : c->uid) ||
	    e->process->gid != (o ? o->gid : c->gid))
		ck_abort_msg("another process");
}

static void check_name(const char *what, const char *got, const char *expected)
{
	if (!got != !expected || (got && strcmp(got, expected) != 0))
		ck_abort_msg("%s is another one", what);
}

/* Assertions of Check's are messages to its parent: here only failures speak. */
static void check_event(const struct trace_event *e, const struct trace_call *c, uint64_t request,
			const struct openers *openers)
{
#define SAME(field, expected) \
	if (e->field != (expected)) \
		ck_abort_msg(#field " is %#llx, not %#llx", (unsigned long long)e->field, \
			     (unsigned long long)(expected))
	SAME(op, c->op);
	SAME(start_ns, c->start_ns);
	SAME(duration_ns, c->end_ns - c->start_ns);
	SAME(error, c->error);
	SAME(node, c->node);
	SAME(node2, c->node2);
	SAME(result, c->result);
	SAME(replaced, c->replaced);
	SAME(whiteout, c->whiteout);
	SAME(fh, c->fh);
	SAME(offset, c->offset);
	SAME(offset2, c->offset2);
	SAME(size, c->size);
	SAME(done, c->done);
	SAME(flags, c->flags);
	SAME(mode, c->mode);
	SAME(new_uid, c->new_uid);
	SAME(new_gid, c->new_gid);
	SAME(rdev, c->rdev);
	SAME(request, request);
#undef SAME
	check_name("name", e->name, c->name);
	check_name("name2", e->name2, c->name2);
	check_process(e, c, openers);
}

/* Which thread records as which worker shows with its first call: no two are alike. */
static int thread_of(uint32_t worker, int *threads, const unsigned *next, const struct plan *plans,
		     int count, const struct trace_event *e)
{
	ck_assert_uint_lt(worker, THREADS_MAX);
	for (int t = 0; threads[worker] < 0 && t < count; t++)
		if (next[t] == 0 && plans[t].calls && plans[t].done[0].start_ns == e->start_ns &&
		    plans[t].done[0].node == e->node && plans[t].done[0].offset == e->offset &&
		    plans[t].done[0].rdev == e->rdev)
			threads[worker] = t;
	ck_assert_msg(threads[worker] >= 0, "worker %u is nobody", worker);
	return threads[worker];
}

static void check_totals(const struct trace_reader *r, const struct plan *plans, int count)
{
	static struct trace_totals expected[TRACE_OP_LIMIT];
	struct trace_totals got;

	memset(expected, 0, sizeof(expected));
	for (int t = 0; t < count; t++) {
		for (unsigned i = 0; i < plans[t].calls; i++) {
			const struct trace_call *c = &plans[t].done[i];
			struct trace_totals *sum = &expected[c->op % TRACE_OP_LIMIT];

			sum->calls++;
			sum->errors += c->error != 0;
			sum->bytes += c->done;
			sum->ns += c->end_ns - c->start_ns;
		}
	}
	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		ck_assert(trace_get_totals(r, op, &got));
		ck_assert_mem_eq(&got, &expected[op], sizeof(got));
	}
}

static void read_back(const char *path, const struct plan *plans, int count)
{
	unsigned next[THREADS_MAX] = { 0 }, expected = 0, read = 0;
	int threads[THREADS_MAX], more;
	struct openers openers = { 0 };
	struct trace_reader *r;
	struct trace_info info;
	struct trace_event e;
	uint64_t last = 0;
	const char *why;

	memset(threads, -1, sizeof(threads));
	for (int t = 0; t < count; t++)
		expected += plans[t].calls;
	openers.all = calloc(expected + 1, sizeof(*openers.all));
	ck_assert_ptr_nonnull(openers.all);
	ck_assert_msg(trace_open(path, &r, &why) == 0, "%s", why);
	for (; (more = trace_next(r, &e)) == 1; read++) {
		int t = thread_of(e.worker, threads, next, plans, count, &e);

		if (next[t] >= plans[t].calls)
			ck_abort_msg("more events than calls");
		if (e.start_ns < last)
			ck_abort_msg("events out of order");
		last = e.start_ns;
		check_event(&e, &plans[t].done[next[t]], next[t] + 1u, &openers);
		note_opener(&openers, &plans[t].done[next[t]]);
		next[t]++;
	}
	ck_assert_int_eq(more, 0);
	ck_assert_uint_eq(read, expected);
	trace_get_info(r, &info);
	ck_assert(info.complete && info.gaps == 0 && info.lost == 0);
	ck_assert_uint_gt(info.blocks, 2);
	check_totals(r, plans, count);
	trace_close(r);
	free(openers.all);
}

/* --- a round ------------------------------------------------------------- */

static void play_round(uint64_t *state, int count, struct plan model)
{
	struct plan plans[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	pthread_barrier_t all_done;
	char path[64];
	/* Blocking: nothing may be lost. Ring sizes from the smallest on: entries go over its end. */
	struct recorder_options options = {
		.path = path, .mountpoint = "/mnt", .command_line = "test", .mount_options = "",
		.cache_mode = "never", .block = true, .ring_bytes = 65536u << unit_random(state) % 4,
	};
	struct recorder *rec;

	snprintf(path, sizeof(path), "/tmp/memfs-test-property-%d", (int)getpid());
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	pthread_barrier_init(&all_done, NULL, (unsigned)count);
	for (int t = 0; t < count; t++) {
		plans[t] = model;
		plans[t].rec = rec;
		plans[t].all_done = &all_done;
		plans[t].seed = unit_random(state) | 1;
		plans[t].done = calloc(model.calls, sizeof(*plans[t].done));
		ck_assert_ptr_nonnull(plans[t].done);
		ck_assert_int_eq(pthread_create(&threads[t], NULL, record_plan, &plans[t]), 0);
	}
	for (int t = 0; t < count; t++)
		pthread_join(threads[t], NULL);
	pthread_barrier_destroy(&all_done);
	ck_assert_int_eq(recorder_close(rec), 0);
	read_back(path, plans, count);
	unlink(path);
	for (int t = 0; t < count; t++) {
		for (unsigned i = 0; i < plans[t].calls; i++) {
			free((char *)(uintptr_t)plans[t].done[i].name);
			free((char *)(uintptr_t)plans[t].done[i].name2);
		}
		free(plans[t].done);
	}
}

START_TEST(what_is_recorded_is_read)
{
	uint64_t state = unit_seed("trace property");

	for (int round = 0; round < 8; round++)
		play_round(&state, 1 + (int)(unit_random(&state) % THREADS_MAX),
			   (struct plan){ .calls = 2000 + (unsigned)(unit_random(&state) % 4000),
					  .name_max = 300, .name_kinds = 1000 });
}
END_TEST

/* Of 4096 bytes, which is the longest: a handful to a block, and rings that are always full. */
START_TEST(names_as_long_as_can_be)
{
	uint64_t state = unit_seed("trace property, long names");

	for (int round = 0; round < 3; round++)
		play_round(&state, 4, (struct plan){ .calls = 1000, .name_max = 4096 });
}
END_TEST

/* More than the table of names holds: it is forgotten, and ids begin anew. */
START_TEST(more_names_than_are_remembered)
{
	uint64_t state = unit_seed("trace property, many names");

	play_round(&state, 3, (struct plan){ .calls = 70000, .name_max = 12 });
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_property");
	TCase *tc = tcase_create("trace_property");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, what_is_recorded_is_read);
	tcase_add_test(tc, names_as_long_as_can_be);
	tcase_add_test(tc, more_names_than_are_remembered);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
