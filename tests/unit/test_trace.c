/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the recorder writes, the reader reads; and what is damaged, it survives. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memfs/trace_format.h>
#include <memfs/trace_reader.h>
#include <xxhash.h>

#include "trace/recorder.h"
#include "unit.h"

static char path[64];
static struct recorder *rec;

static void setup(void)
{
	struct recorder_options options = {
		.path = path,
		.mountpoint = "/mnt",
		.command_line = "test",
		.mount_options = "",
		.cache_mode = "never",
		.ring_bytes = 16u << 20, /* as much as a test records, if the writer gets no CPU */
	};

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-%d", (int)getpid());
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
}

static void teardown(void)
{
	unlink(path);
}

static void record(struct trace_call call)
{
	call.start_ns = recorder_enter(rec, call.pid, call.uid, call.gid);
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
}

static struct trace_reader *open_reader(void)
{
	struct trace_reader *r;
	const char *why;

	ck_assert_msg(trace_open(path, &r, &why) == 0, "%s", why);
	return r;
}

static struct trace_event next(struct trace_reader *r)
{
	struct trace_event e;

	ck_assert_int_eq(trace_next(r, &e), 1);
	return e;
}

START_TEST(an_event_comes_back_as_it_went)
{
	const struct trace_call call = {
		.op = TRACE_OP_RENAME, .error = ENOTEMPTY, .pid = (uint32_t)getpid(), .uid = 7,
		.gid = 8, .node = 1, .node2 = 1ull << 33, .result = 5, .replaced = 6, .fh = 9,
		.offset = UINT64_MAX, .offset2 = 11, .size = 12, .done = 13, .flags = 0x80000001u,
		.mode = 0100644, .new_uid = UINT32_MAX, .new_gid = 16, .rdev = 17,
		.name = "from\n\xff", .name2 = "to",
	};
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;

	record(call);
	ck_assert_int_eq(recorder_close(rec), 0);
	r = open_reader();
	ck_assert_str_eq(trace_meta(r, "cache"), "never");
	e = next(r);
	ck_assert_uint_eq(e.op, call.op);
	ck_assert_int_eq(e.error, call.error);
	ck_assert_uint_eq(e.process->pid, call.pid);
	ck_assert_uint_eq(e.process->uid, 7);
	ck_assert_str_eq(e.process->comm, "test-trace");
	ck_assert_uint_eq(e.node2, call.node2);
	ck_assert_uint_eq(e.result, 5);
	ck_assert_uint_eq(e.replaced, 6);
	ck_assert_uint_eq(e.fh, 9);
	ck_assert_uint_eq(e.offset, UINT64_MAX);
	ck_assert_uint_eq(e.offset2, 11);
	ck_assert_uint_eq(e.size, 12);
	ck_assert_uint_eq(e.done, 13);
	ck_assert_uint_eq(e.flags, call.flags);
	ck_assert_uint_eq(e.mode, call.mode);
	ck_assert_uint_eq(e.new_uid, UINT32_MAX);
	ck_assert_uint_eq(e.new_gid, 16);
	ck_assert_uint_eq(e.rdev, 17);
	ck_assert_str_eq(e.name, "from\n\xff");
	ck_assert_str_eq(e.name2, "to");
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(info.complete);
	ck_assert_uint_eq(info.gaps, 0);
	ck_assert_uint_eq(info.lost, 0);
	trace_close(r);
}
END_TEST

START_TEST(paths_follow_renames_links_and_removal)
{
	struct trace_reader *r;
	char buf[100];

	record((struct trace_call){ .op = TRACE_OP_MKDIR, .node = 1, .name = "d", .result = 2 });
	record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 2, .name = "f", .result = 3 });
	record((struct trace_call){ .op = TRACE_OP_RENAME, .node = 1, .name = "d", .node2 = 1,
				    .name2 = "e", .result = 2 });
	record((struct trace_call){ .op = TRACE_OP_LINK, .node = 3, .node2 = 1, .name = "g",
				    .result = 3 });
	record((struct trace_call){ .op = TRACE_OP_UNLINK, .node = 1, .name = "g", .result = 3 });
	record((struct trace_call){ .op = TRACE_OP_UNLINK, .node = 2, .name = "f", .result = 3 });
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 3 });
	record((struct trace_call){ .op = TRACE_OP_FORGET, .node = 3 });
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 3 });
	recorder_close(rec);
	r = open_reader();
	next(r);
	next(r);
	ck_assert_str_eq(trace_path(r, 2, "f", buf, sizeof(buf)), "/d/f");
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "/d/f");
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "/e/f");
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "/g");
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "/e/f");
	ck_assert_uint_eq(trace_node_type(r, 3), S_IFREG);
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "/e/f (deleted)");
	next(r);
	next(r);
	ck_assert_str_eq(trace_path(r, 3, NULL, buf, sizeof(buf)), "#3");
	trace_close(r);
}
END_TEST

/*
 * A call that makes a node can begin before the last call of the node that had
 * the same slot: in order of start the new one is there first.
 */
START_TEST(two_nodes_of_one_slot_overlap)
{
	const uint64_t old = 3, new = 1ull << 32 | 3, newer = 2ull << 32 | 3;
	struct trace_reader *r;
	char buf[100];

	record((struct trace_call){ .op = TRACE_OP_SYMLINK, .node = 1, .name = "l", .result = old });
	record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 1, .name = "f", .result = new });
	record((struct trace_call){ .op = TRACE_OP_UNLINK, .node = 1, .name = "l", .result = old });
	record((struct trace_call){ .op = TRACE_OP_FORGET, .node = old });
	record((struct trace_call){ .op = TRACE_OP_UNLINK, .node = 1, .name = "f", .result = new });
	record((struct trace_call){ .op = TRACE_OP_MKDIR, .node = 1, .name = "d", .result = newer });
	record((struct trace_call){ .op = TRACE_OP_LOOKUP, .node = 1, .name = "x", .result = old });
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_close(rec);
	r = open_reader();
	next(r);
	next(r);
	next(r);
	ck_assert_uint_eq(trace_node_type(r, old), S_IFLNK);
	ck_assert_uint_eq(trace_node_type(r, new), S_IFREG);
	next(r);
	ck_assert_str_eq(trace_path(r, old, NULL, buf, sizeof(buf)), "/l (deleted)");
	next(r);
	ck_assert_str_eq(trace_path(r, old, NULL, buf, sizeof(buf)), "#3");
	ck_assert_str_eq(trace_path(r, new, NULL, buf, sizeof(buf)), "/f");
	next(r);
	next(r);
	ck_assert_uint_eq(trace_node_type(r, newer), S_IFDIR);
	next(r);
	ck_assert_str_eq(trace_path(r, newer, NULL, buf, sizeof(buf)), "/d");
	trace_close(r);
}
END_TEST

START_TEST(a_release_by_the_kernel_is_the_openers)
{
	struct trace_reader *r;
	struct trace_event e;

	record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 1, .name = "f", .result = 2,
				    .fh = 4, .pid = (uint32_t)getpid(), .flags = O_WRONLY | O_APPEND });
	record((struct trace_call){ .op = TRACE_OP_RELEASE, .node = 2, .fh = 4 });
	record((struct trace_call){ .op = TRACE_OP_FORGET, .node = 2 });
	recorder_close(rec);
	r = open_reader();
	ck_assert(!next(r).inferred);
	e = next(r);
	ck_assert(e.inferred);
	ck_assert_uint_eq(e.process->pid, (uint32_t)getpid());
	ck_assert_ptr_nonnull(trace_handle(r, 4));
	ck_assert_uint_eq(trace_handle(r, 4)->node, 2);
	ck_assert_uint_eq(trace_handle(r, 4)->flags, O_WRONLY | O_APPEND);
	ck_assert_ptr_eq(trace_handle(r, 4)->process, e.process);
	ck_assert_ptr_null(next(r).process);
	ck_assert_ptr_null(trace_handle(r, 4));
	trace_close(r);
}
END_TEST

enum { THREADS = 4, CALLS = 30000 };

static void *record_many(void *context)
{
	uint64_t thread = (uint64_t)(uintptr_t)context;
	char name[32];

	for (uint64_t i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "t%u-%u", (unsigned)thread, (unsigned)(i % 1000));
		record((struct trace_call){ .op = TRACE_OP_LOOKUP, .node = thread + 2, .offset = i,
					    .name = name, .error = ENOENT, .pid = 1 });
		if (i % 1000 == 0)
			usleep(1000);
	}
	return NULL;
}

/* The file is there at once; the thread comes later, or never. */
START_TEST(the_thread_can_be_started_later)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/mnt", .command_line = "test", .mount_options = "",
		.cache_mode = "never", .start_later = true,
	};

	ck_assert_int_eq(recorder_close(rec), 0);
	for (int start = 0; start < 2; start++) {
		struct trace_info info;
		struct trace_reader *r;
		struct trace_event e;

		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(recorder_create(&options, &rec), 0);
		ck_assert_int_eq(access(path, F_OK), 0);
		if (start) {
			ck_assert_int_eq(recorder_start(rec), 0);
			record((struct trace_call){ .op = TRACE_OP_STATFS, .node = 1 });
			recorder_flush(rec);
		}
		ck_assert_int_eq(recorder_close(rec), 0);
		r = open_reader();
		ck_assert_int_eq(trace_next(r, &e), start);
		if (start)
			ck_assert_int_eq(trace_next(r, &e), 0);
		trace_get_info(r, &info);
		ck_assert(info.complete);
		trace_close(r);
	}
}
END_TEST

START_TEST(threads_lose_nothing_and_come_out_in_order)
{
	uint64_t seen[THREADS] = { 0 }, requests[THREADS] = { 0 }, last = 0;
	pthread_t threads[THREADS];
	struct trace_totals totals;
	struct trace_reader *r;
	struct trace_event e;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, record_many, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	recorder_close(rec);
	r = open_reader();
	while (trace_next(r, &e) == 1) {
		ck_assert_uint_ge(e.node, 2);
		ck_assert_uint_lt(e.node, THREADS + 2);
		ck_assert_uint_eq(e.offset, seen[e.node - 2]);
		seen[e.node - 2]++;
		ck_assert_uint_lt(e.worker, THREADS);
		ck_assert_uint_eq(e.request, ++requests[e.worker]);
		ck_assert_uint_ge(e.start_ns, last);
		last = e.start_ns;
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_uint_eq(seen[i], CALLS);
	ck_assert(trace_get_totals(r, TRACE_OP_LOOKUP, &totals));
	ck_assert_uint_eq(totals.calls, THREADS * CALLS);
	ck_assert_uint_eq(totals.errors, THREADS * CALLS);
	trace_close(r);
}
END_TEST

START_TEST(loss_is_counted_exactly)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/", .command_line = "", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 4096,
	};
	struct trace_totals totals;
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;
	uint64_t seen = 0, request = 0, jumped = 0;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	for (int i = 0; i < 99999; i++)
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	/* There is room again, for one behind those that were lost, however late the writer's thread comes. */
	recorder_flush(rec);
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_close(rec);
	r = open_reader();
	while (trace_next(r, &e) == 1) {
		seen++;
		ck_assert_uint_gt(e.request, request);
		jumped += e.request - request - 1;
		request = e.request;
	}
	trace_get_info(r, &info);
	/* Where they were lost, too. */
	ck_assert_uint_eq(request, 100000);
	ck_assert_uint_eq(jumped, info.lost);
	ck_assert_uint_gt(info.lost, 0);
	ck_assert_uint_eq(seen + info.lost, 100000);
	ck_assert(trace_get_totals(r, TRACE_OP_GETATTR, &totals));
	ck_assert_uint_eq(totals.calls, 100000);
	trace_close(r);
}
END_TEST

/* What tells of a process is no call, and is told later if there is no room for it now. */
START_TEST(only_calls_are_lost)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/", .command_line = "", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 4096,
	};
	const uint32_t pid = 1u << 30; /* of no process */
	struct trace_event e = { 0 };
	struct trace_reader *r;
	struct trace_info info;
	uint64_t seen = 0;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	for (uint32_t i = 0; i < 30000; i++)
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1, .pid = pid + i % 300 });
	for (uint32_t i = 0; i < 300; i++) {
		recorder_flush(rec);
		record((struct trace_call){ .op = TRACE_OP_STATFS, .node = 1, .pid = pid + i });
	}
	recorder_close(rec);
	r = open_reader();
	for (; trace_next(r, &e) == 1; seen++)
		ck_assert(e.op != TRACE_OP_STATFS || e.process);
	trace_get_info(r, &info);
	ck_assert_uint_gt(info.lost, 0);
	ck_assert_uint_eq(seen + info.lost, 30300);
	trace_close(r);
}
END_TEST

START_TEST(what_was_flushed_can_be_read_while_recording_goes_on)
{
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;

	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_flush(rec);
	r = open_reader();
	next(r);
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(!info.complete);
	record((struct trace_call){ .op = TRACE_OP_STATFS, .node = 1 });
	recorder_flush(rec);
	ck_assert_uint_eq(next(r).op, TRACE_OP_STATFS);
	recorder_close(rec);
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(info.complete);
	trace_close(r);
}
END_TEST

static _Atomic int slow_state; /* of the thread below: 1 in its call, 2 asked to end it */

/* Has answered, as it were, and is slow to record. */
static void *slow_call(void *unused)
{
	struct trace_call call = { .op = TRACE_OP_STATFS, .node = 1 };

	(void)unused;
	call.start_ns = recorder_enter(rec, 0, 0, 0);
	slow_state = 1;
	while (slow_state != 2)
		usleep(1000);
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
	return NULL;
}

static void *flush(void *seen)
{
	struct trace_reader *r;
	struct trace_event e;

	recorder_flush(rec);
	r = open_reader();
	while (trace_next(r, &e) == 1)
		*(bool *)seen |= e.op == TRACE_OP_STATFS;
	trace_close(r);
	return NULL;
}

START_TEST(what_is_being_recorded_is_flushed_too)
{
	pthread_t slow, flushes;
	bool seen = false;

	slow_state = 0;
	ck_assert_int_eq(pthread_create(&slow, NULL, slow_call, NULL), 0);
	while (slow_state != 1)
		usleep(1000);
	ck_assert_int_eq(pthread_create(&flushes, NULL, flush, &seen), 0);
	usleep(100000); /* less than it waits; enough for one that does not */
	slow_state = 2;
	pthread_join(flushes, NULL);
	pthread_join(slow, NULL);
	ck_assert_msg(seen, "a call that was being recorded is not in the file");
	recorder_close(rec);
}
END_TEST

/* Two that are in calls of their own, as handlers are: neither waits for the other. */
static void *flush_in_call(void *unused)
{
	struct trace_call call = { .op = TRACE_OP_SETXATTR, .node = 1 };

	(void)unused;
	call.start_ns = recorder_enter(rec, 0, 0, 0);
	for (int i = 0; i < 20; i++)
		recorder_flush(rec);
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
	return NULL;
}

START_TEST(who_flushes_waits_for_nobody_who_does)
{
	pthread_t threads[4];
	uint64_t begin = recorder_clock();

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flush_in_call, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* 80 times; with a second's patience each it would be minutes. */
	ck_assert_uint_lt(recorder_clock() - begin, 20000000000u);
	recorder_close(rec);
}
END_TEST

/* What came after the reader met the end is no damage. */
START_TEST(a_file_that_grows_is_not_torn)
{
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;

	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_flush(rec);
	r = open_reader();
	while (trace_next(r, &e) == 1)
		;
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_close(rec);
	trace_get_info(r, &info);
	ck_assert_uint_lt(info.read_bytes, info.bytes);
	ck_assert_uint_eq(info.gaps, 0);
	ck_assert_uint_eq(info.gap_bytes, 0);
	trace_close(r);
}
END_TEST

START_TEST(the_file_is_never_made_through_a_link_or_in_place_of_a_device)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "", .command_line = "", .mount_options = "",
		.cache_mode = "",
	};

	recorder_close(rec);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/full", path), 0);
	ck_assert_int_eq(recorder_create(&options, &rec), -ELOOP);
	options.path = "/dev/full";
	ck_assert_int_eq(recorder_create(&options, &rec), -EINVAL);
}
END_TEST

/* A call that is under way when a later one ends still comes before it, whoever follows. */
START_TEST(who_follows_gets_all_in_order_and_soon)
{
	struct trace_call early = { .op = TRACE_OP_FSYNC, .node = 1 };
	struct trace_event e = { 0 };
	struct trace_reader *r;
	pthread_t thread;
	int tries = 0;

	early.start_ns = recorder_enter(rec, 0, 0, 0);
	pthread_create(&thread, NULL, record_many, NULL);
	pthread_join(thread, NULL);
	recorder_flush(rec);
	r = open_reader();
	trace_set_follow(r, true);
	ck_assert_int_eq(trace_next(r, &e), 0);
	early.end_ns = recorder_clock();
	recorder_record(rec, &early);
	/* Nobody asks for a flush: at rest, too, all comes. */
	for (int given = 0; given <= CALLS;) {
		if (trace_next(r, &e) == 1) {
			ck_assert_uint_eq(e.op, given ? TRACE_OP_LOOKUP : TRACE_OP_FSYNC);
			given++;
			continue;
		}
		ck_assert_int_lt(tries++, 10000);
		usleep(1000);
	}
	ck_assert_int_eq(trace_next(r, &e), 0);
	recorder_close(rec);
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_close(r);
}
END_TEST

/* --- a series of files ------------------------------------------------------ */

static void tell_tree(void *context, recorder_tell_fn tell, void *tell_context)
{
	ck_assert_ptr_eq(context, path);
	tell(tell_context, 1, "dir", 2, S_IFDIR);
	tell(tell_context, 2, "file", 3, S_IFREG);
}

static void expect_path(struct trace_reader *r, uint64_t node, const char *wanted)
{
	char buf[256];

	ck_assert_str_eq(trace_path(r, node, NULL, buf, sizeof(buf)), wanted);
}

START_TEST(a_later_file_of_a_series_stands_for_itself)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/mnt", .command_line = "", .mount_options = "",
		.cache_mode = "never", .snapshot = tell_tree, .snapshot_context = path,
		.rotate_files = 2,
	};
	struct trace_reader *r;
	struct trace_info info;
	struct trace_event e;
	char aside[80];

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	record((struct trace_call){ .op = TRACE_OP_MKDIR, .node = 1, .name = "dir", .result = 2,
				    .pid = (uint32_t)getpid() });
	record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 2, .name = "file", .result = 3,
				    .pid = (uint32_t)getpid() });
	ck_assert_int_eq(recorder_rotate(rec), 0);
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 3, .pid = (uint32_t)getpid() });
	recorder_close(rec);

	r = open_reader();
	e = next(r);
	ck_assert_uint_eq(e.op, TRACE_OP_GETATTR);
	ck_assert_uint_eq(e.request, 3);
	ck_assert_ptr_nonnull(e.process); /* defined in the first file, and here again */
	ck_assert_uint_eq(e.process->pid, (uint32_t)getpid());
	expect_path(r, 3, "/dir/file");
	ck_assert_uint_eq(trace_node_type(r, 2), S_IFDIR);
	ck_assert_int_eq(trace_next(r, &e), 0);
	ck_assert_str_eq(trace_meta(r, "mountpoint"), "/mnt");
	trace_get_info(r, &info);
	ck_assert(info.complete && info.segment == 1 && !info.continued && info.snapshot == 2);
	trace_close(r);

	snprintf(aside, sizeof(aside), "%s.1", path);
	ck_assert_int_eq(rename(aside, path), 0);
	r = open_reader();
	ck_assert_uint_eq(next(r).op, TRACE_OP_MKDIR);
	ck_assert_uint_eq(next(r).op, TRACE_OP_CREATE);
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(info.complete && info.segment == 0 && info.continued && !info.snapshot);
	trace_close(r);
}
END_TEST

START_TEST(no_more_files_are_kept_than_asked_for)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "", .command_line = "", .mount_options = "",
		.cache_mode = "", .rotate_bytes = 100000, .rotate_files = 3,
	};
	char aside[80];
	struct stat st;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	for (uint64_t i = 0; i < 100000; i++) {
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = i << 40 });
		if (i % 10000 == 0)
			recorder_flush(rec);
	}
	recorder_close(rec);
	for (int i = 1; i <= 3; i++) {
		snprintf(aside, sizeof(aside), "%s.%d", path, i);
		ck_assert_int_eq(stat(aside, &st), i < 3 ? 0 : -1);
		unlink(aside);
	}
}
END_TEST

START_TEST(switched_on_again_names_are_known)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "", .command_line = "", .mount_options = "",
		.cache_mode = "", .snapshot = tell_tree, .snapshot_context = path,
	};
	struct trace_reader *r;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 1, .name = "old", .result = 3 });
	recorder_set_enabled(rec, false);
	recorder_set_enabled(rec, true);
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 3 });
	recorder_close(rec);
	r = open_reader();
	next(r);
	ck_assert_uint_eq(next(r).op, TRACE_OP_GETATTR);
	expect_path(r, 3, "/dir/file");
	trace_close(r);
}
END_TEST

static int reports;

static void count_report(const char *text)
{
	reports += strstr(text, path) && strstr(text, "File too large");
}

/* A limit on the size of files stands for a full disk. */
START_TEST(a_full_disk_is_reported_and_harms_nothing)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "", .command_line = "", .mount_options = "",
		.cache_mode = "", .ring_bytes = 16u << 20, .report = count_report,
	};
	struct recorder_stats stats;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	/* Before the limit: it would hold for the memory of the ring as well. */
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100000, 100000 }), 0);
	for (uint64_t i = 1; i < 50000; i++)
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1, .offset = i << 40 });
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	ck_assert_int_eq(stats.error, EFBIG);
	ck_assert_uint_eq(stats.recorded + stats.lost, 50000);
	ck_assert_uint_le(stats.written, 100000);
	ck_assert_int_eq(recorder_close(rec), -EFBIG);
	ck_assert_int_eq(reports, 1);
}
END_TEST

/* --- limits, and none ---------------------------------------------------------- */

START_TEST(without_a_recorder_nothing_is_recorded)
{
	const struct trace_call call = { .op = TRACE_OP_GETATTR };

	ck_assert_uint_eq(recorder_enter(NULL, 1, 2, 3), 0);
	recorder_record(NULL, &call);
	recorder_flush(NULL);
	ck_assert_int_eq(recorder_close(rec), 0);
}
END_TEST

/* Who has no room waits: nothing is lost, however small the ring. */
START_TEST(who_waits_loses_nothing)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/", .command_line = "", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 4096, .block = true,
	};
	const uint32_t pid = 1u << 30; /* of no process */
	struct trace_event e = { 0 };
	struct trace_reader *r;
	struct trace_info info;
	uint64_t seen = 0;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	for (uint32_t i = 0; i < 20000; i++)
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1, .pid = pid + i % 300, .offset = i });
	recorder_close(rec);
	r = open_reader();
	for (; trace_next(r, &e) == 1; seen++) {
		ck_assert_uint_eq(e.offset, seen);
		ck_assert_uint_eq(e.request, seen + 1);
		ck_assert_uint_eq(e.process->pid, pid + seen % 300);
	}
	ck_assert_uint_eq(seen, 20000);
	trace_get_info(r, &info);
	ck_assert_uint_eq(info.lost, 0);
	trace_close(r);
}
END_TEST

/* A name longer than half of the ring never fits: that call is lost, and nobody waits for ever. */
START_TEST(what_never_fits_is_not_waited_for)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/", .command_line = "", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 4096, .block = true,
	};
	static char name[4000];
	struct recorder_stats stats;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	memset(name, 'n', sizeof(name) - 1);
	record((struct trace_call){ .op = TRACE_OP_SYMLINK, .node = 1, .name = "a", .name2 = name });
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	ck_assert_uint_eq(stats.lost, 1);
	ck_assert_uint_eq(stats.recorded, 1);
	recorder_close(rec);
}
END_TEST

/* The detail ends there; counting goes on, and says how much was left out. */
START_TEST(a_file_that_is_full)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/", .command_line = "", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 1 << 20, .max_bytes = 20000,
	};
	struct recorder_stats stats;
	struct trace_totals totals;
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;
	uint64_t seen = 0;
	struct stat st;

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1, .offset = (uint64_t)i << 40,
					    .pid = (1u << 30) + i % 600 });
		if (i % 100 == 0)
			recorder_flush(rec);
	}
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	ck_assert_uint_eq(stats.recorded, 5000);
	ck_assert_uint_gt(stats.skipped, 1000);
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_lt(st.st_size, 20000 + 65536);
	r = open_reader();
	for (; trace_next(r, &e) == 1; seen++)
		ck_assert_uint_eq(e.request, seen + 1); /* all up to there, and then none */
	trace_get_info(r, &info);
	ck_assert(info.complete);
	ck_assert_uint_eq(info.skipped, stats.skipped);
	ck_assert_uint_eq(seen + info.skipped, 5000);
	ck_assert(trace_get_totals(r, TRACE_OP_GETATTR, &totals));
	ck_assert_uint_eq(totals.calls, 5000);
	trace_close(r);
}
END_TEST

#define TOLD 5000

static void tell_many(void *context, recorder_tell_fn tell, void *tell_context)
{
	char name[16];

	ck_assert_ptr_eq(context, path);
	for (unsigned i = 0; i < TOLD; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		tell(tell_context, 1, name, i + 2, S_IFREG);
		if (i % 100 == 0) /* as others go on meanwhile, here between two names */
			record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = i + 2 });
	}
}

/* While many names are told, calls come, and their rings are looked at. */
START_TEST(many_names_are_told_while_calls_come)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "", .command_line = "", .mount_options = "",
		.cache_mode = "", .ring_bytes = 4096, .snapshot = tell_many, .snapshot_context = path,
	};
	struct trace_reader *r;
	struct trace_info info;
	struct trace_event e;
	uint64_t seen = 0;
	char aside[80], wanted[32];

	recorder_close(rec);
	ck_assert_int_eq(recorder_create(&options, &rec), 0);
	ck_assert_int_eq(recorder_rotate(rec), 0);
	recorder_close(rec);
	snprintf(aside, sizeof(aside), "%s.1", path);
	unlink(aside);
	r = open_reader();
	for (; trace_next(r, &e) == 1; seen++) {
		snprintf(wanted, sizeof(wanted), "/n%u", (unsigned)e.node - 2);
		expect_path(r, e.node, wanted);
	}
	trace_get_info(r, &info);
	ck_assert_uint_eq(info.snapshot, TOLD);
	ck_assert_uint_eq(info.lost, 0);
	ck_assert_uint_eq(seen, TOLD / 100);
	trace_close(r);
}
END_TEST

/* --- damage --------------------------------------------------------------- */

static uint8_t *whole;
static size_t whole_size;

static void load_whole(void)
{
	int fd = open(path, O_RDONLY);

	whole_size = (size_t)lseek(fd, 0, SEEK_END);
	whole = malloc(whole_size);
	ck_assert_int_eq(pread(fd, whole, whole_size, 0), (ssize_t)whole_size);
	close(fd);
}

static void make_whole(void)
{
	char name[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d", i % 500);
		record((struct trace_call){ .op = i % 2 ? TRACE_OP_CREATE : TRACE_OP_UNLINK, .node = 1,
					    .name = name, .result = (uint64_t)(i / 2 % 500) + 2 });
	}
	recorder_close(rec);
	load_whole();
}

static void write_file(const uint8_t *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* Reads all that can be read; returns the number of events, -1 if it could not be opened. */
static int64_t read_all(struct trace_info *info)
{
	struct trace_reader *r;
	struct trace_event e;
	const char *why;
	int64_t n = 0;
	char buf[64];

	if (trace_open(path, &r, &why) < 0)
		return -1;
	while (trace_next(r, &e) == 1) {
		trace_path(r, e.node, e.name, buf, sizeof(buf));
		n++;
	}
	trace_get_info(r, info);
	trace_close(r);
	return n;
}

START_TEST(cut_off_anywhere_it_is_read_as_far_as_it_goes)
{
	uint64_t state = unit_seed("trace cut");
	struct trace_info info;

	make_whole();
	for (int i = 0; i < 1000; i++) {
		size_t size = unit_random(&state) % whole_size;
		int64_t n;

		write_file(whole, size);
		n = read_all(&info);
		ck_assert(size >= 16 || n < 0);
		ck_assert_int_le(n, 20000);
		if (n >= 0)
			ck_assert(!info.complete);
	}
	free(whole);
}
END_TEST

/* Where the block that has these bytes in its payload ends. */
static size_t end_of_block_with(const char *bytes)
{
	struct trace_block_header header;
	size_t at = sizeof(struct trace_file_header), payload;

	for (; at < whole_size; at = payload + header.size) {
		memcpy(&header, whole + at, sizeof(header));
		payload = at + sizeof(header);
		if (memmem(whole + payload, header.size, bytes, strlen(bytes)))
			return payload + header.size;
	}
	ck_abort_msg("no block with %s", bytes);
	return 0;
}

/* Half of a block is there, and in it the four bytes that a block begins with. */
START_TEST(a_name_like_a_block_is_no_block)
{
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;
	char after[100];
	size_t cut;
	int fd;

	/* Long enough for a block's header to end in it. */
	memset(after, 'a', sizeof(after) - 1);
	after[sizeof(after) - 1] = '\0';
	record((struct trace_call){ .op = TRACE_OP_LOOKUP, .node = 1, .name = "before" });
	recorder_flush(rec);
	record((struct trace_call){ .op = TRACE_OP_RENAME, .node = 1, .name = "TBLK", .node2 = 1,
				    .name2 = after, .error = ENOENT });
	recorder_close(rec);
	load_whole();
	cut = end_of_block_with("TBLK") - 3;
	write_file(whole, cut);
	r = open_reader();
	ck_assert_str_eq(next(r).name, "before");
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert_uint_eq(info.gap_bytes, info.bytes - info.read_bytes); /* all of the torn one */
	fd = open(path, O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, whole + cut, whole_size - cut), (ssize_t)(whole_size - cut));
	close(fd);
	e = next(r);
	ck_assert_str_eq(e.name, "TBLK");
	ck_assert_str_eq(e.name2, after);
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(info.complete);
	ck_assert_uint_eq(info.gaps, 0);
	trace_close(r);
	free(whole);
}
END_TEST

START_TEST(a_flipped_bit_costs_one_block_and_is_told)
{
	uint64_t state = unit_seed("trace flip");
	struct trace_info info;

	make_whole();
	for (int i = 0; i < 300; i++) {
		size_t at = 16 + unit_random(&state) % (whole_size - 16);
		int64_t n;

		uint8_t bit = (uint8_t)(1u << unit_random(&state) % 8);

		whole[at] ^= bit;
		write_file(whole, whole_size);
		whole[at] ^= bit;
		n = read_all(&info);
		ck_assert_int_ge(n, 0);
		ck_assert_int_lt(n, 20001);
		ck_assert_msg(info.gaps == 1, "bit flipped at %zu: %u gaps", at, (unsigned)info.gaps);
	}
	free(whole);
}
END_TEST

/* Good checksums around nonsense: what a hostile file would have. */
START_TEST(nonsense_in_a_good_block_is_survived)
{
	uint64_t state = unit_seed("trace nonsense");
	struct trace_info info;

	make_whole();
	for (int i = 0; i < 300; i++) {
		struct trace_block_header header;
		uint8_t *copy = malloc(whole_size), *block = copy + 16;

		memcpy(copy, whole, whole_size);
		/* The second block: the first holds the facts. */
		memcpy(&header, block, sizeof(header));
		block += sizeof(header) + header.size;
		memcpy(&header, block, sizeof(header));
		for (int j = 0; j < 20; j++)
			block[sizeof(header) + unit_random(&state) % header.size] =
				(uint8_t)unit_random(&state);
		header.checksum = 0;
		memcpy(block, &header, sizeof(header));
		header.checksum = XXH3_64bits(block, sizeof(header) + header.size);
		memcpy(block, &header, sizeof(header));
		write_file(copy, whole_size);
		ck_assert_int_ge(read_all(&info), 0);
		free(copy);
	}
	free(whole);
}
END_TEST

/* A file of one block with a true checksum. */
static void write_block(const uint8_t *payload, uint32_t size)
{
	struct trace_file_header file = { .magic = TRACE_FILE_MAGIC, .major = TRACE_VERSION_MAJOR,
					  .header_size = sizeof(file) };
	struct trace_block_header header = { .magic = TRACE_BLOCK_MAGIC, .size = size };
	uint8_t bytes[1024], *block = bytes + sizeof(file);

	memcpy(bytes, &file, sizeof(file));
	memcpy(block, &header, sizeof(header));
	memcpy(block + sizeof(header), payload, size);
	header.checksum = XXH3_64bits(block, sizeof(header) + size);
	memcpy(block, &header, sizeof(header));
	write_file(bytes, sizeof(file) + sizeof(header) + size);
}

/* A table of names as long as the greatest id would be memory for the asking. */
START_TEST(a_name_may_have_any_number)
{
	static const uint8_t payload[] = {
		TRACE_RECORD_NAME, 7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 'n', /* id 2^40 */
		TRACE_RECORD_EVENT, 9, TRACE_OP_LOOKUP, 0x40, 2, 0x81, 0x80, 0x80, 0x80, 0x80, 0x20,
		TRACE_RECORD_NAME, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'm',
	};
	struct trace_reader *r;
	struct trace_event e;

	recorder_close(rec);
	write_block(payload, sizeof(payload));
	r = open_reader();
	ck_assert_str_eq(next(r).name, "n");
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_close(r);
}
END_TEST

START_TEST(what_is_no_trace_is_refused)
{
	struct trace_reader *r;
	const char *why;

	recorder_close(rec);
	write_file((const uint8_t *)"hello, world, this is text", 26);
	ck_assert_int_eq(trace_open(path, &r, &why), -EPROTO);
	write_file((const uint8_t *)"", 0);
	ck_assert_int_eq(trace_open(path, &r, &why), -EPROTO);
	write_file((const uint8_t *)"MEMFSTRC\x09\x00\x00\x00\x10\x00\x00\x00", 16);
	ck_assert_int_eq(trace_open(path, &r, &why), -ENOTSUP);
	ck_assert_int_eq(trace_open("/tmp", &r, &why), -EINVAL);
	ck_assert_int_eq(trace_open("/no/such", &r, &why), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tc = tcase_create("trace"), *reader = tcase_create("reader");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	/* What is read only, by one thread: nothing for ThreadSanitizer. */
	tcase_add_checked_fixture(reader, setup, teardown);
	tcase_set_timeout(reader, 240);
	tcase_set_tags(reader, "reader");
	tcase_add_test(tc, an_event_comes_back_as_it_went);
	tcase_add_test(tc, paths_follow_renames_links_and_removal);
	tcase_add_test(tc, two_nodes_of_one_slot_overlap);
	tcase_add_test(tc, a_release_by_the_kernel_is_the_openers);
	tcase_add_test(tc, the_thread_can_be_started_later);
	tcase_add_test(tc, threads_lose_nothing_and_come_out_in_order);
	tcase_add_test(tc, loss_is_counted_exactly);
	tcase_add_test(tc, only_calls_are_lost);
	tcase_add_test(tc, what_was_flushed_can_be_read_while_recording_goes_on);
	tcase_add_test(tc, what_is_being_recorded_is_flushed_too);
	tcase_add_test(tc, who_flushes_waits_for_nobody_who_does);
	tcase_add_test(tc, who_follows_gets_all_in_order_and_soon);
	tcase_add_test(tc, a_later_file_of_a_series_stands_for_itself);
	tcase_add_test(tc, no_more_files_are_kept_than_asked_for);
	tcase_add_test(tc, without_a_recorder_nothing_is_recorded);
	tcase_add_test(tc, who_waits_loses_nothing);
	tcase_add_test(tc, what_never_fits_is_not_waited_for);
	tcase_add_test(tc, a_file_that_is_full);
	tcase_add_test(tc, many_names_are_told_while_calls_come);
	tcase_add_test(tc, switched_on_again_names_are_known);
	tcase_add_test(tc, a_file_that_grows_is_not_torn);
	tcase_add_test(tc, the_file_is_never_made_through_a_link_or_in_place_of_a_device);
	tcase_add_test(tc, a_full_disk_is_reported_and_harms_nothing);
	tcase_add_test(reader, cut_off_anywhere_it_is_read_as_far_as_it_goes);
	tcase_add_test(reader, a_name_like_a_block_is_no_block);
	tcase_add_test(reader, a_flipped_bit_costs_one_block_and_is_told);
	tcase_add_test(reader, nonsense_in_a_good_block_is_survived);
	tcase_add_test(reader, a_name_may_have_any_number);
	tcase_add_test(reader, what_is_no_trace_is_refused);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, reader);
	return unit_run(suite);
}
