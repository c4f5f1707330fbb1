/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace on a disk that fails: each system call of reader, scan, recovery and recorder fails once, the others work
 * (faulty.h). What comes is that errno, in the words meant for it, and no descriptor is left open; and
 * calls that are interrupted or come short change nothing.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <memfs/trace_blocks.h>
#include <memfs/trace_reader.h>

#include "faulty.h"
#include "made.h"
#include "trace/recorder.h"

static char path[64], saved[80], aside[80];
static struct made m;

static void setup(void)
{
	snprintf(path, sizeof(path), "/tmp/memfs-test-trace-io-%d", (int)getpid());
	snprintf(saved, sizeof(saved), "%s.saved", path);
	snprintf(aside, sizeof(aside), "%s.1", path);
}

static void teardown(void)
{
	unlink(path);
	unlink(saved);
	unlink(aside);
}

/* --- reading ------------------------------------------------------------------- */

/* What is to fail: the n-th call of it. */
struct fault {
	const char *function; /* "" = none fails, but all come in pieces */
	uint64_t n;
	int error;
};

/* What reading comes to. */
struct outcome {
	int err;
	const char *why;     /* NULL: it was open already */
	uint64_t sum;        /* of all that was told */
	bool out_failed;
	const char *failed;  /* the function that did */
};

typedef struct outcome way_fn(struct fault fault);

static void arm(struct fault fault)
{
	if (fault.function && !*fault.function)
		faulty_in_pieces(true);
	else
		faulty_at(fault.function, fault.n, fault.error);
}

static void add_to(struct outcome *o, const void *bytes, size_t size)
{
	o->sum = XXH3_64bits_withSeed(bytes, size, o->sum);
}

/* Who goes on after an error gets what is left; none is passed over. */
static struct outcome read_events(struct fault fault)
{
	struct outcome o = { 0 };
	struct trace_reader *r;
	struct trace_event e;
	int more;

	arm(fault);
	o.err = trace_open(path, &r, &o.why);
	if (!o.err) {
		o.why = NULL;
		while ((more = trace_next(r, &e)) != 0) {
			if (more < 0) {
				o.err = more;
				continue;
			}
			add_to(&o, &e.start_ns, sizeof(e.start_ns));
			add_to(&o, e.name, strlen(e.name));
		}
		trace_close(r);
	}
	o.failed = faulty_stop();
	return o;
}

static void add_block(void *context, const struct trace_block *block)
{
	add_to(context, &block->fault, sizeof(block->fault));
	add_to(context, &block->offset, sizeof(block->offset));
	add_to(context, &block->length, sizeof(block->length));
}

static struct outcome scan(struct fault fault)
{
	struct outcome o = { 0 };

	arm(fault);
	o.err = trace_scan(path, add_block, &o, &o.why);
	o.failed = faulty_stop();
	return o;
}

static struct outcome recover(struct fault fault)
{
	static uint8_t bytes[sizeof(m.bytes)];
	struct trace_recovery result;
	struct outcome o = { 0 };
	int out = open(saved, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(out, 0);
	arm(fault);
	o.err = trace_recover(path, out, &result, &o.why);
	o.failed = faulty_stop();
	o.out_failed = result.out_failed;
	if (!o.err)
		add_to(&o, bytes, (size_t)pread(out, bytes, sizeof(bytes), 0));
	close(out);
	return o;
}

static way_fn *const ways[] = { read_events, scan, recover };

/* With damage of all kinds, so that the reader has all to do that it can. */
static void make_damaged(void)
{
	size_t at[6];

	made_file(&m);
	m.bytes[10] = 7; /* a newer minor version */
	for (uint64_t i = 0; i < 6; i++)
		at[i] = made_simple_block(&m, i, "TBLK: a name that looks like a block, and is none", 20);
	m.bytes[at[1] + MADE_HEADER] ^= 1;
	m.bytes[at[2]] ^= 1;
	memset(m.bytes + at[3] + 4, 0xff, 2);
	m.size -= 7;
	made_write(path, m.bytes, m.size);
}

/* The n-th call fails, and with it all: in these words. False: there were not so many. */
static bool fails(way_fn *way, const char *function, uint64_t n, const char *why)
{
	uint64_t descriptors = count_descriptors();
	struct outcome o = way((struct fault){ function, n, EIO });

	ck_assert_uint_eq(count_descriptors(), descriptors);
	if (!o.failed)
		return false;
	ck_assert_int_eq(o.err, -EIO);
	ck_assert_str_eq(o.why, why);
	ck_assert(o.out_failed == (strcmp(function, "write") == 0));
	return true;
}

START_TEST(a_file_that_cannot_be_opened)
{
	make_damaged();
	for (int i = 0; i < 3; i++) {
		ck_assert(fails(ways[i], "open", 1, "cannot be opened"));
		ck_assert(!fails(ways[i], "open", 2, ""));
	}
	ck_assert(fails(read_events, "fstat", 1, "cannot be opened"));
}
END_TEST

START_TEST(each_look_at_the_size_fails_a_scan_and_a_recovery)
{
	make_damaged();
	for (int i = 1; i < 3; i++) {
		uint64_t n = 1;

		while (fails(ways[i], "fstat", n, "cannot be read"))
			n++;
		ck_assert_uint_gt(n, 2);
	}
}
END_TEST

START_TEST(each_read_fails_a_scan)
{
	uint64_t n = 1;

	make_damaged();
	while (fails(scan, "pread", n, "cannot be read"))
		n++;
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(each_read_fails_a_recovery)
{
	uint64_t n = 1;

	make_damaged();
	while (fails(recover, "pread", n, "cannot be read"))
		n++;
	ck_assert_uint_gt(n, 40);
}
END_TEST

START_TEST(each_write_fails_a_recovery)
{
	uint64_t n = 1;

	make_damaged();
	while (fails(recover, "write", n, "cannot be written"))
		n++;
	ck_assert_uint_eq(n, 1 + 2 + 1 + 1); /* the header, two blocks, what is missing; and one that there is not */
}
END_TEST

/* Each is told, and does no harm: asked again, the reader goes on where it was. */
START_TEST(a_read_that_fails_loses_no_event)
{
	static const char *const functions[] = { "pread", "fstat" };
	struct outcome good, o;

	make_damaged();
	good = read_events((struct fault){ 0 });
	ck_assert_int_eq(good.err, 0);
	for (int i = 0; i < 2; i++) {
		uint64_t within = 0;

		for (uint64_t n = 1; (o = read_events((struct fault){ functions[i], n, EIO })).failed; n++) {
			ck_assert_int_eq(o.err, -EIO);
			if (o.why)
				continue;
			ck_assert_uint_eq(o.sum, good.sum);
			within++;
		}
		ck_assert_uint_gt(within, 1);
	}
}
END_TEST

START_TEST(reads_that_are_interrupted_and_short_are_made_whole)
{
	make_damaged();
	for (int i = 0; i < 3; i++) {
		struct outcome good = ways[i]((struct fault){ 0 });
		struct outcome o = ways[i]((struct fault){ .function = "" });

		ck_assert_int_eq(good.err, 0);
		ck_assert_int_eq(o.err, 0);
		ck_assert_uint_ne(good.sum, 0);
		ck_assert_msg(o.sum == good.sum, "way %d", i);
	}
}
END_TEST

/* --- recording ----------------------------------------------------------------- */

#define CALLS 3000

static struct recorder *rec;
static char told[4][300];
static _Atomic int reports;

static void keep_report(const char *text)
{
	int n = atomic_fetch_add(&reports, 1);

	if (n < 4)
		snprintf(told[n], sizeof(told[n]), "%s", text);
}

static struct recorder_options options(void)
{
	return (struct recorder_options){
		.path = path, .mountpoint = "/mnt", .command_line = "test", .mount_options = "",
		.cache_mode = "never", .ring_bytes = 1 << 20, .report = keep_report,
	};
}

static void begin(void)
{
	struct recorder_options o = options();

	atomic_store(&reports, 0);
	ck_assert_int_eq(recorder_create(&o, &rec), 0);
}

static void record(uint64_t offset)
{
	struct trace_call call = { .op = TRACE_OP_READ, .node = 1, .offset = offset };

	call.start_ns = recorder_enter(rec, 0, 0, 0);
	call.end_ns = recorder_clock();
	recorder_record(rec, &call);
}

/* Blocks small and large. */
static void record_all(void)
{
	for (uint64_t i = 0; i < CALLS; i++) {
		record(i << 40);
		if (i == 10 || i == 1000)
			recorder_flush(rec);
	}
}

/* Events that are in a file, each behind the one before it. */
static uint64_t count_events(const char *file, struct trace_info *info)
{
	struct trace_reader *r;
	struct trace_event e;
	uint64_t n = 0, last = 0;
	const char *why;

	ck_assert_msg(trace_open(file, &r, &why) == 0, "%s: %s", file, why);
	for (; trace_next(r, &e) == 1; n++) {
		ck_assert(e.offset >> 40 >= last);
		last = e.offset >> 40;
	}
	trace_get_info(r, info);
	trace_close(r);
	return n;
}

/* The recorder cannot be made when this fails; but can be, when it does not. */
static void refuses(const char *function, int error)
{
	uint64_t descriptors = count_descriptors();
	struct recorder_options o = options();
	const char *failed;
	int err;

	rec = NULL;
	faulty_at(function, 1, error);
	err = recorder_create(&o, &rec);
	failed = faulty_stop();
	ck_assert_str_eq(failed, function);
	ck_assert_int_eq(err, -error);
	ck_assert_ptr_null(rec);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	begin();
	ck_assert_int_eq(recorder_close(rec), 0);
}

START_TEST(a_file_that_cannot_be_made)
{
	refuses("open", EACCES);
	refuses("fstat", EIO);
	refuses("fchmod", EPERM);
	refuses("ftruncate", EIO);
	refuses("write", ENOSPC);
}
END_TEST

START_TEST(a_file_of_another_user)
{
	struct recorder_options o = options();
	char bytes[8];
	int fd;

	made_write(path, "precious", 8);
	if (geteuid() != 0 || chown(path, 1, 1) < 0)
		return; /* then open(2) refuses it already */
	ck_assert_int_eq(recorder_create(&o, &rec), -EPERM);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, 8), 8);
	ck_assert_mem_eq(bytes, "precious", 8);
	close(fd);
}
END_TEST

/* --- a file in use: the pauses take no time here -------------------------------- */

int __real_nanosleep(const struct timespec *pause, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *rest);

static bool no_pauses;
static uint64_t paused_ns;
static uint64_t ends_after_ns;
static int holder = -1;

int __wrap_nanosleep(const struct timespec *pause, struct timespec *rest)
{
	if (!no_pauses)
		return __real_nanosleep(pause, rest);
	paused_ns += (uint64_t)pause->tv_sec * 1000000000u + (uint64_t)pause->tv_nsec;
	if (ends_after_ns && paused_ns >= ends_after_ns && holder >= 0) {
		close(holder);
		holder = -1;
	}
	return 0;
}

static int create_beside_holder(uint64_t ends_after)
{
	struct recorder_options o = options();
	int err;

	made_write(path, "held", 4);
	holder = open(path, O_RDONLY);
	ck_assert_int_eq(flock(holder, LOCK_EX), 0);
	paused_ns = 0;
	ends_after_ns = ends_after;
	no_pauses = true;
	err = recorder_create(&o, &rec);
	no_pauses = false;
	return err;
}

START_TEST(a_file_that_another_writes_to)
{
	char bytes[4];

	ck_assert_int_eq(create_beside_holder(0), -EBUSY);
	ck_assert_uint_eq(paused_ns, 5000000000u);
	ck_assert_int_eq(pread(holder, bytes, 4, 0), 4);
	ck_assert_mem_eq(bytes, "held", 4);
	close(holder);
}
END_TEST

START_TEST(another_that_is_about_to_end)
{
	struct trace_info info;

	ck_assert_int_eq(create_beside_holder(3000000000u), 0);
	ck_assert_uint_eq(paused_ns, 3000000000u);
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_uint_eq(count_events(path, &info), 0);
	ck_assert(info.complete);
}
END_TEST

/* Without locks it does without; a signal is no answer. */
START_TEST(a_filesystem_without_locks)
{
	struct recorder_options o = options();
	const char *failed;
	int err, fd;

	faulty_at("flock", 1, ENOLCK);
	err = recorder_create(&o, &rec);
	failed = faulty_stop();
	ck_assert_ptr_nonnull(failed);
	ck_assert_int_eq(err, 0);
	recorder_close(rec);
	faulty_at("flock", 1, EINTR);
	err = recorder_create(&o, &rec);
	faulty_stop();
	ck_assert_int_eq(err, 0);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), -1);
	close(fd);
	recorder_close(rec);
}
END_TEST

START_TEST(a_relative_path)
{
	struct recorder_options o = options();
	char wanted[100];

	ck_assert_int_eq(chdir("/tmp"), 0);
	o.path = path + 5;
	ck_assert_int_eq(recorder_create(&o, &rec), 0);
	snprintf(wanted, sizeof(wanted), "/tmp/%s", o.path);
	ck_assert_str_eq(recorder_path(rec), wanted);
	ck_assert(recorder_is_enabled(rec));
	recorder_set_enabled(rec, false);
	ck_assert(!recorder_is_enabled(rec));
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* It is not memory that is missing. */
START_TEST(a_path_relative_to_a_directory_that_is_gone)
{
	struct recorder_options o = options();

	ck_assert_int_eq(mkdir(saved, 0700), 0);
	ck_assert_int_eq(chdir(saved), 0);
	ck_assert_int_eq(rmdir(saved), 0);
	o.path = "trace";
	ck_assert_int_eq(recorder_create(&o, &rec), -ENOENT);
}
END_TEST

/* --- errors while it is written -------------------------------------------------- */

/* The n-th write finds no space. False: there were not so many. */
static bool write_fails(uint64_t n)
{
	struct recorder_stats stats;
	struct trace_info info;
	const char *failed;
	int err;

	begin();
	faulty_at("write", n, ENOSPC);
	record_all();
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	err = recorder_close(rec);
	failed = faulty_stop();
	ck_assert_uint_eq(stats.recorded, CALLS);
	if (!failed) {
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(reports, 0);
		ck_assert_uint_eq(count_events(path, &info), CALLS);
		ck_assert(info.complete);
		return false;
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(told[0], path));
	ck_assert_ptr_nonnull(strstr(told[0], "No space left on device; nothing more is recorded"));
	ck_assert_uint_le(count_events(path, &info), CALLS);
	ck_assert(!info.complete);
	ck_assert_uint_eq(info.gaps, 0);
	return true;
}

START_TEST(each_write_of_the_recorder_fails)
{
	uint64_t n = 1;

	while (write_fails(n))
		n++;
	ck_assert_uint_gt(n, 4);
}
END_TEST

START_TEST(writes_that_are_interrupted_and_short_are_made_whole)
{
	struct recorder_stats stats;
	struct trace_info info;
	struct stat st;
	int err;

	begin();
	faulty_in_pieces(true);
	record_all();
	recorder_flush(rec);
	recorder_get_stats(rec, &stats);
	err = recorder_close(rec);
	faulty_stop();
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(count_events(path, &info), CALLS);
	ck_assert(info.complete);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_le(stats.written, (uint64_t)st.st_size);
}
END_TEST

/* Some filesystems tell only now that there was no room for what they took. */
START_TEST(an_error_of_close)
{
	struct trace_info info;
	const char *failed;
	int err;

	begin();
	record_all();
	recorder_flush(rec);
	faulty_at("close", 1, EDQUOT);
	err = recorder_close(rec);
	failed = faulty_stop();
	ck_assert_ptr_nonnull(failed);
	ck_assert_int_eq(err, -EDQUOT);
	ck_assert_int_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(told[0], "Disk quota exceeded; nothing more is recorded"));
	ck_assert_uint_eq(count_events(path, &info), CALLS);
}
END_TEST

/* --- a series ---------------------------------------------------------------------- */

/* It cannot be put aside: it goes on in the file that is there, and can be put aside later. */
START_TEST(a_rotation_that_is_refused)
{
	struct trace_info info;
	int err, again;

	begin();
	record(1ull << 40);
	faulty_at("rename", 1, EACCES);
	err = recorder_rotate(rec);
	faulty_stop();
	ck_assert_int_eq(err, -EACCES);
	ck_assert_int_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(told[0], "Permission denied; it cannot be put aside"));
	record(2ull << 40);
	faulty_at("rename", 1, EACCES);
	again = recorder_rotate(rec);
	faulty_stop();
	ck_assert_int_eq(again, -EACCES);
	ck_assert_int_eq(reports, 1); /* it has been said */
	ck_assert_int_eq(recorder_rotate(rec), 0);
	record(3ull << 40);
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_uint_eq(count_events(aside, &info), 2);
	ck_assert(info.complete && info.continued);
	ck_assert_uint_eq(count_events(path, &info), 1);
	ck_assert(info.complete && info.segment == 1);
}
END_TEST

/* What was told of a rotation does not keep back what is worse. */
START_TEST(a_full_disk_after_a_refused_rotation)
{
	int err;

	begin();
	faulty_at("rename", 1, EACCES);
	err = recorder_rotate(rec);
	faulty_stop();
	ck_assert_int_eq(err, -EACCES);
	faulty_at("write", 1, ENOSPC);
	record(1ull << 40);
	recorder_flush(rec);
	err = recorder_close(rec);
	faulty_stop();
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(reports, 2);
	ck_assert_ptr_nonnull(strstr(told[1], "nothing more is recorded"));
}
END_TEST

/* The old file is whole, and nothing follows. */
START_TEST(a_new_file_that_cannot_be_opened)
{
	struct trace_info info;
	int err, closed;

	begin();
	record(1ull << 40);
	faulty_at("open", 1, EMFILE);
	err = recorder_rotate(rec);
	faulty_stop();
	record(2ull << 40);
	recorder_flush(rec);
	closed = recorder_close(rec);
	ck_assert_int_eq(err, -EMFILE);
	ck_assert_int_eq(closed, -EMFILE);
	ck_assert_int_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(told[0], "Too many open files; nothing more is recorded"));
	ck_assert_uint_eq(count_events(aside, &info), 1);
	ck_assert(info.complete && info.continued);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* Of each file it is told anew. */
START_TEST(a_full_disk_after_one_that_was_full)
{
	int err;

	begin();
	faulty_at("write", 1, ENOSPC);
	record(1ull << 40);
	recorder_flush(rec);
	faulty_stop();
	ck_assert_int_eq(reports, 1);
	ck_assert_int_eq(recorder_rotate(rec), 0);
	faulty_at("write", 1, EIO);
	record(2ull << 40);
	recorder_flush(rec);
	err = recorder_close(rec);
	faulty_stop();
	ck_assert_int_eq(err, -EIO);
	ck_assert_int_eq(reports, 2);
	ck_assert_ptr_nonnull(strstr(told[1], "Input/output error; nothing more is recorded"));
}
END_TEST

/* Nor is the old one there any more, and those before it stay what they are. */
START_TEST(another_rotation_tries_again)
{
	struct recorder_stats stats;
	struct trace_info info;

	begin();
	record(1ull << 40);
	faulty_at("open", 1, EMFILE);
	recorder_rotate(rec);
	ck_assert_ptr_nonnull(faulty_stop());
	record(2ull << 40);
	recorder_flush(rec);
	ck_assert_int_eq(recorder_rotate(rec), 0);
	record(3ull << 40);
	recorder_get_stats(rec, &stats);
	ck_assert_int_eq(stats.error, 0);
	ck_assert_int_eq(recorder_close(rec), 0);
	ck_assert_uint_eq(count_events(aside, &info), 1);
	ck_assert_uint_eq(count_events(path, &info), 1);
	ck_assert(info.complete && info.segment == 1);
}
END_TEST

static void add_reading(TCase *tc)
{
	tcase_add_test(tc, a_file_that_cannot_be_opened);
	tcase_add_test(tc, each_look_at_the_size_fails_a_scan_and_a_recovery);
	tcase_add_test(tc, each_read_fails_a_scan);
	tcase_add_test(tc, each_read_fails_a_recovery);
	tcase_add_test(tc, each_write_fails_a_recovery);
	tcase_add_test(tc, a_read_that_fails_loses_no_event);
	tcase_add_test(tc, reads_that_are_interrupted_and_short_are_made_whole);
}

static void add_recording(TCase *tc)
{
	tcase_add_test(tc, a_file_that_cannot_be_made);
	tcase_add_test(tc, a_file_of_another_user);
	tcase_add_test(tc, a_file_that_another_writes_to);
	tcase_add_test(tc, another_that_is_about_to_end);
	tcase_add_test(tc, a_filesystem_without_locks);
	tcase_add_test(tc, a_relative_path);
	tcase_add_test(tc, a_path_relative_to_a_directory_that_is_gone);
	tcase_add_test(tc, each_write_of_the_recorder_fails);
	tcase_add_test(tc, writes_that_are_interrupted_and_short_are_made_whole);
	tcase_add_test(tc, an_error_of_close);
	tcase_add_test(tc, a_rotation_that_is_refused);
	tcase_add_test(tc, a_full_disk_after_a_refused_rotation);
	tcase_add_test(tc, a_new_file_that_cannot_be_opened);
	tcase_add_test(tc, a_full_disk_after_one_that_was_full);
	tcase_add_test(tc, another_rotation_tries_again);
}

int main(void)
{
	Suite *suite = suite_create("trace_io");
	TCase *tc = tcase_create("trace_io");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	add_reading(tc);
	add_recording(tc);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
