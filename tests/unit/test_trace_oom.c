/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recorder without memory: it cannot be made, or what it does not record it counts. The reader
 * without memory: an errno, and no harm. Each allocation of a session fails, alone and with all
 * behind it (failing.h); sanitizers look for what is lost on the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memfs/trace_blocks.h>
#include <memfs/trace_reader.h>

#include "failing.h"
#include "trace/recorder.h"
#include "unit.h"

#define NAMES 700 /* more than the table of names begins with */
#define THREADS 2
#define CALLS (THREADS * (NAMES + 1) + 3)

static char path[64];
static struct recorder *rec;

static void record(struct trace_call call)
{
	call.start_ns = recorder_enter(rec, call.pid, call.uid, call.gid);
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
}

static void *record_many(void *context)
{
	uint64_t first = *(const uint64_t *)context;
	char name[32];

	for (uint64_t i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "name-%" PRIu64, first + i);
		record((struct trace_call){ .op = TRACE_OP_CREATE, .node = 1, .name = name, .fh = first + i,
					    .result = first + i, .pid = (uint32_t)getpid() });
	}
	record((struct trace_call){ .op = TRACE_OP_RENAME, .node = 1, .name = name, .node2 = 1,
				    .name2 = "other", .result = first + NAMES - 1 });
	return NULL;
}

static int begin(void)
{
	struct recorder_options options = {
		.path = path, .mountpoint = "/mnt", .command_line = "test", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 1 << 20,
	};

	rec = NULL;
	return recorder_create(&options, &rec);
}

/*
 * Two threads, each with a ring of its own; and this one, with a third. What Check does allocates as
 * well, so it has to wait. Returns what rotating does.
 */
static int record_session(void)
{
	static const uint64_t first[THREADS] = { 2, 2 + NAMES };
	const struct recorder_session session = { .transport = "/dev/fuse", .proto_major = 7 };
	pthread_t threads[THREADS];
	bool started[THREADS];
	int err;

	recorder_set_session(rec, &session);
	for (int i = 0; i < THREADS; i++) {
		started[i] = pthread_create(&threads[i], NULL, record_many, (void *)(uintptr_t)&first[i]) == 0;
		if (!started[i])
			record_many((void *)(uintptr_t)&first[i]);
	}
	for (int i = 0; i < THREADS; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
	record((struct trace_call){ .op = TRACE_OP_MKDIR, .node = 1, .name = "d", .result = 5000 });
	recorder_flush(rec);
	err = recorder_rotate(rec);
	record((struct trace_call){ .op = TRACE_OP_RELEASE, .node = 2, .fh = 2 });
	record((struct trace_call){ .op = TRACE_OP_UNLINK, .node = 1, .name = "name-2", .result = 2 });
	return err;
}

/* Events of one file, which is whole; *lost is what it says itself. */
static uint64_t count_events(const char *file, uint64_t *lost)
{
	struct trace_reader *r;
	struct trace_event e;
	struct trace_info info;
	const char *why;

	ck_assert_msg(trace_open(file, &r, &why) == 0, "%s: %s", file, why);
	while (trace_next(r, &e) == 1)
		;
	trace_get_info(r, &info);
	trace_close(r);
	ck_assert(info.complete);
	ck_assert_uint_eq(info.gaps, 0);
	*lost = info.lost;
	return info.events;
}

/* Each call is in one of the files of the series, or was counted as lost. */
static void adds_up(const struct recorder_stats *stats)
{
	char before[80];
	uint64_t lost, events;

	ck_assert_uint_eq(stats->recorded + stats->lost, CALLS);
	ck_assert_int_eq(stats->error, 0);
	snprintf(before, sizeof(before), "%s.1", path);
	events = count_events(before, &lost) + count_events(path, &lost);
	ck_assert_uint_eq(events, stats->recorded);
	ck_assert_uint_eq(lost, stats->lost);
	unlink(before);
	unlink(path);
}

/* Returns whether anything failed. */
static bool record_without(uint64_t n, bool all_behind, uint64_t *lost)
{
	uint64_t descriptors = count_descriptors();
	struct recorder_stats stats;
	bool failed;
	int err, closed;

	failing_at(n, all_behind);
	err = begin();
	if (err) {
		ck_assert(failing_stop());
		ck_assert_ptr_null(rec);
		ck_assert_msg(err == -ENOMEM || err == -EAGAIN, "%s", strerror(-err));
		failed = true;
	} else {
		err = record_session();
		recorder_flush(rec);
		recorder_get_stats(rec, &stats);
		closed = recorder_close(rec);
		failed = failing_stop();
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(closed, 0);
		adds_up(&stats);
		*lost += stats.lost;
	}
	ck_assert_uint_eq(count_descriptors(), descriptors);
	return failed;
}

static void record_without_each(bool all_behind)
{
	uint64_t lost = 0;

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-oom-%d", (int)getpid());
	/*
	 * Threads do not come in the same order each time: until there is nothing that could fail; and again
	 * if the few that cost a call, those for rings, were all missed.
	 */
	for (int round = 0; round < 50 && lost <= (all_behind ? CALLS : 0); round++) {
		uint64_t n = 1;

		while (record_without(n, all_behind, &lost))
			n++;
		ck_assert_uint_gt(n, 40);
	}
	ck_assert_uint_gt(lost, all_behind ? CALLS : 0);
	unlink(path);
}

START_TEST(each_allocation_of_the_recorder_fails)
{
	record_without_each(false);
}
END_TEST

START_TEST(each_allocation_of_the_recorder_is_the_last)
{
	record_without_each(true);
}
END_TEST

/* A worker that could not be made when the call began, but when it ended. */
START_TEST(memory_that_comes_back_within_a_call)
{
	struct trace_call call = { .op = TRACE_OP_GETATTR, .node = 1 };
	struct recorder_stats stats;
	uint64_t lost;

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-oom-%d", (int)getpid());
	ck_assert_int_eq(begin(), 0);
	failing_at(1, true);
	call.start_ns = recorder_enter(rec, 0, 0, 0);
	failing_stop();
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
	record(call);
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	ck_assert_uint_eq(stats.recorded + stats.lost, 2);
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_uint_eq(count_events(path, &lost), stats.recorded);
	ck_assert_uint_eq(lost, stats.lost);
	unlink(path);
}
END_TEST

/* While nothing is to be recorded, nothing is lost. */
START_TEST(a_call_that_nobody_wanted_to_record)
{
	struct recorder_stats stats;

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-oom-%d", (int)getpid());
	ck_assert_int_eq(begin(), 0);
	failing_at(1, true);
	recorder_set_enabled(rec, false);
	record((struct trace_call){ .op = TRACE_OP_GETATTR, .node = 1 });
	ck_assert(failing_stop());
	recorder_get_stats(rec, &stats);
	ck_assert_uint_eq(stats.recorded + stats.lost, 0);
	ck_assert_int_eq(recorder_close(rec), 0);
	unlink(path);
}
END_TEST

/* --- the reader ------------------------------------------------------------ */

/* Returns whether anything failed. */
static bool read_without(uint64_t n, bool all_behind)
{
	uint64_t descriptors = count_descriptors(), events = 0;
	struct trace_reader *r;
	struct trace_event e;
	char buf[100];
	const char *why = NULL;
	bool failed;
	int err;

	failing_at(n, all_behind);
	err = trace_open(path, &r, &why);
	if (err) {
		ck_assert(failing_stop());
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_str_eq(why, "out of memory");
		ck_assert_uint_eq(count_descriptors(), descriptors);
		return true;
	}
	while ((err = trace_next(r, &e)) == 1) {
		events++;
		trace_path(r, e.node, e.name, buf, sizeof(buf));
	}
	failed = failing_stop();
	ck_assert_int_eq(err, failed ? -ENOMEM : 0);
	/* Who goes on all the same gets what is left. */
	while ((err = trace_next(r, &e)) == 1) {
		events++;
		trace_path(r, e.node, e.name, buf, sizeof(buf));
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_ge(events, CALLS - 3);
	trace_close(r);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	return failed;
}

static void read_without_each(bool all_behind)
{
	char before[80];
	uint64_t n = 1;

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-oom-%d", (int)getpid());
	ck_assert_int_eq(begin(), 0);
	ck_assert_int_eq(record_session(), 0);
	ck_assert_int_eq(recorder_close(rec), 0);
	snprintf(before, sizeof(before), "%s.1", path);
	ck_assert_int_eq(rename(before, path), 0);
	while (read_without(n, all_behind))
		n++;
	ck_assert_uint_gt(n, 2 * CALLS);
	unlink(path);
}

START_TEST(each_allocation_of_the_reader_fails)
{
	read_without_each(false);
}
END_TEST

START_TEST(each_allocation_of_the_reader_is_the_last)
{
	read_without_each(true);
}
END_TEST

static void tell_nobody(void *context, const struct trace_block *block)
{
	(void)block;
	++*(int *)context;
}

START_TEST(neither_scanned_nor_recovered)
{
	int told = 0, err, err_recover, out = open("/dev/null", O_WRONLY);
	const char *why, *why_recover;
	struct trace_recovery recovery;

	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-oom-%d", (int)getpid());
	ck_assert_int_eq(begin(), 0);
	ck_assert_int_eq(recorder_close(rec), 0);
	failing_at(1, true);
	err = trace_scan(path, tell_nobody, &told, &why);
	err_recover = trace_recover(path, out, &recovery, &why_recover);
	ck_assert(failing_stop());
	close(out);
	unlink(path);
	ck_assert_int_eq(err, -ENOMEM);
	ck_assert_str_eq(why, "out of memory");
	ck_assert_int_eq(told, 0);
	ck_assert_int_eq(err_recover, -ENOMEM);
	ck_assert_str_eq(why_recover, "out of memory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_oom");
	TCase *tc = tcase_create("trace_oom");

	tcase_set_timeout(tc, 250);
	tcase_add_test(tc, memory_that_comes_back_within_a_call);
	tcase_add_test(tc, a_call_that_nobody_wanted_to_record);
	tcase_add_test(tc, each_allocation_of_the_recorder_fails);
	tcase_add_test(tc, each_allocation_of_the_recorder_is_the_last);
	tcase_add_test(tc, each_allocation_of_the_reader_fails);
	tcase_add_test(tc, each_allocation_of_the_reader_is_the_last);
	tcase_add_test(tc, neither_scanned_nor_recovered);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
