/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace on a disk that fails: each system call of reader, scan, recovery and recorder fails once, the others work
 * (faulty.h). What comes is that errno, in the words meant for it, and no descriptor is left open; and
 * calls that are interrupted or come short change nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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

static uint64_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
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
		faulty_in_pieces();
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

int main(void)
{
	Suite *suite = suite_create("trace_io");
	TCase *tc = tcase_create("trace_io");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	add_reading(tc);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
