/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records that no recorder writes, in blocks that are good: each is passed over, and does nothing to the others. */
#include <errno.h>
#include <sys/stat.h>

#include <memfs/trace_reader.h>

#include "made.h"

static char path[64];
static struct made m;
static struct trace_reader *r;
static const char *why;

static void setup(void)
{
	snprintf(path, sizeof(path), "/tmp/memfs-test-reader-%d", (int)getpid());
	made_file(&m);
	r = NULL;
}

static void teardown(void)
{
	if (r)
		trace_close(r);
	unlink(path);
}

static void open_made(void)
{
	made_write(path, m.bytes, m.size);
	ck_assert_msg(trace_open(path, &r, &why) == 0, "%s", why);
}

static struct trace_event next(void)
{
	struct trace_event e;

	ck_assert_int_eq(trace_next(r, &e), 1);
	return e;
}

static void no_more(void)
{
	struct trace_event e;

	ck_assert_int_eq(trace_next(r, &e), 0);
}

static struct trace_info info(void)
{
	struct trace_info result;

	trace_get_info(r, &result);
	return result;
}

static void expect_path(uint64_t node, const char *wanted)
{
	char buf[300];

	ck_assert_str_eq(trace_path(r, node, NULL, buf, sizeof(buf)), wanted);
}

#define RECORD(type, ...) \
	do { \
		const uint8_t body[] = { __VA_ARGS__ }; \
		made_record(&m, type, body, sizeof(body)); \
	} while (0)

/* An event of one byte of mask: the operation, the mask, how much later than the last, the fields. */
#define EVENT(...) RECORD(TRACE_RECORD_EVENT, __VA_ARGS__)

static void meta(const char *text, size_t size)
{
	made_record(&m, TRACE_RECORD_META, text, size);
}

/* --- facts ------------------------------------------------------------------- */

static void count_fact(void *context, const char *key, const char *value)
{
	static const char *const expected[][2] = {
		{ "key", "value" }, { "empty", "" }, { "op.1", "peek" }, { "op.64", "beyond" }, { "op.x", "none" },
		{ "key", "again" }, { "late", "1" },
	};
	unsigned *n = context;

	ck_assert_uint_lt(*n, 7);
	ck_assert_str_eq(key, expected[*n][0]);
	ck_assert_str_eq(value, expected[*n][1]);
	++*n;
}

START_TEST(facts)
{
	unsigned n = 0;

	made_block(&m);
	meta("key\0value", 9);
	meta("no NUL", 6);
	meta("", 0);
	meta("empty\0", 6);
	meta("op.1\0peek", 9);
	meta("op.64\0beyond", 12);
	meta("op.x\0none", 9);
	meta("key\0again", 9);
	made_lookup(&m, 0);
	meta("late\0" "1", 6);
	made_block_end(&m);
	open_made();
	/* Those before the first event are there at once. */
	ck_assert_str_eq(trace_meta(r, "key"), "value");
	ck_assert_ptr_null(trace_meta(r, "late"));
	ck_assert_ptr_null(trace_meta(r, "no NUL"));
	ck_assert_str_eq(trace_op_name(r, 1), "peek");
	ck_assert_str_eq(trace_op_name(r, TRACE_OP_FORGET), "forget");
	ck_assert_str_eq(trace_op_name(r, 63), "unknown");
	ck_assert_str_eq(trace_op_name(r, 64), "unknown");
	ck_assert_str_eq(trace_op_name(r, UINT32_MAX), "unknown");
	next();
	no_more();
	ck_assert_str_eq(trace_meta(r, "late"), "1");
	trace_each_meta(r, count_fact, &n);
	ck_assert_uint_eq(n, 7);
}
END_TEST

/* --- names and processes ------------------------------------------------------- */

START_TEST(names_that_are_none)
{
	struct trace_event e;

	made_block(&m);
	RECORD(TRACE_RECORD_NAME, 0x80); /* a number that is cut off */
	RECORD(TRACE_RECORD_NAME, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'x');
	made_name(&m, 0, "a");
	made_name(&m, 0, "a"); /* said twice */
	made_lookup(&m, 0);
	made_lookup(&m, 7); /* of which nothing was said */
	EVENT(TRACE_OP_RENAME, 0x80, 0x80, 1, 2, 1); /* only a second name */
	made_block_end(&m);
	open_made();
	ck_assert_str_eq(next().name, "a");
	ck_assert_str_eq(next().name, "?");
	e = next();
	ck_assert_ptr_null(e.name);
	ck_assert_str_eq(e.name2, "a");
	no_more();
}
END_TEST

/* Without a NAMES_RESET, a number has another name: then all numbers are of another time. */
START_TEST(a_number_that_has_another_name)
{
	struct trace_event e;

	made_block(&m);
	made_name(&m, 0, "a");
	made_name(&m, 1, "b");
	made_lookup(&m, 0);
	made_name(&m, 1, "bc"); /* begins like it */
	made_lookup(&m, 1);
	made_lookup(&m, 0);
	made_name(&m, 1, "b");
	made_lookup(&m, 1);
	made_block_end(&m);
	open_made();
	e = next();
	ck_assert_str_eq(e.name, "a");
	ck_assert_str_eq(next().name, "bc");
	ck_assert_str_eq(next().name, "?");
	ck_assert_str_eq(next().name, "b");
	no_more();
}
END_TEST

START_TEST(processes)
{
	struct trace_event e;

	made_block(&m);
	RECORD(TRACE_RECORD_PROCESS, 1, 10, 9, 8, 7, 6, 'c', 'c'); /* id, pid, ppid, uid, gid, start */
	RECORD(TRACE_RECORD_PROCESS, 1, 20, 9, 8, 7, 6, 'l', 'd'); /* that id has been given */
	RECORD(TRACE_RECORD_PROCESS, 0, 30, 9, 8, 7, 6, 'n', 'o');
	RECORD(TRACE_RECORD_PROCESS, 2, 40, 9, 8, 7, 6); /* no name is a name */
	RECORD(TRACE_RECORD_PROCESS, 3, 50, 9, 8, 7);
	RECORD(TRACE_RECORD_PROCESS, 3, 50);
	RECORD(TRACE_RECORD_PROCESS, 0x80);
	for (uint8_t id = 0; id < 4; id++)
		EVENT(TRACE_OP_GETATTR, 1 << TRACE_FIELD_PROCESS, 2, id);
	made_block_end(&m);
	open_made();
	ck_assert_ptr_null(next().process);
	e = next();
	ck_assert_str_eq(e.process->comm, "cc");
	ck_assert_uint_eq(e.process->pid, 10);
	ck_assert_uint_eq(e.process->ppid, 9);
	ck_assert_uint_eq(e.process->uid, 8);
	ck_assert_uint_eq(e.process->gid, 7);
	ck_assert_uint_eq(e.process->start, 6);
	ck_assert_str_eq(next().process->comm, "");
	e = next();
	ck_assert_str_eq(e.process->comm, "?"); /* who it was is lost; it was not the kernel */
	ck_assert_uint_eq(e.process->pid, 0);
	no_more();
}
END_TEST

/* --- events ---------------------------------------------------------------------- */

START_TEST(events_that_are_cut_off)
{
	made_block(&m);
	made_record(&m, TRACE_RECORD_EVENT, "", 0);
	EVENT(TRACE_OP_GETATTR);
	EVENT(TRACE_OP_GETATTR, 0);
	EVENT(TRACE_OP_GETATTR, 0x80);
	EVENT(TRACE_OP_GETATTR, 3, 2, 5);       /* two fields are promised */
	EVENT(TRACE_OP_GETATTR, 1, 2, 0x80);
	EVENT(TRACE_OP_GETATTR, 1, 2, 77);
	made_block_end(&m);
	open_made();
	ck_assert_uint_eq(next().duration_ns, 77);
	no_more();
	ck_assert_uint_eq(info().events, 1);
}
END_TEST

/* Of a newer minor version: fields, records and operations that are not known yet. */
START_TEST(what_is_new_is_passed_over)
{
	struct trace_event e;

	m.bytes[10] = 9;
	made_block(&m);
	RECORD(200, 1, 2, 3);
	made_record(&m, 0, "", 0);
	/* Bits 0, 22, 63 of the mask. */
	EVENT(255, 0x81, 0x80, 0x80, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 11, 22, 33);
	made_block_end(&m);
	open_made();
	e = next();
	ck_assert_uint_eq(e.op, 255);
	ck_assert_uint_eq(e.duration_ns, 11);
	ck_assert_str_eq(trace_op_name(r, e.op), "unknown");
	no_more();
}
END_TEST

START_TEST(errors_are_numbers_of_errors)
{
	made_block(&m);
	EVENT(TRACE_OP_GETATTR, 1 << TRACE_FIELD_ERROR, 2, 0xff, 0xff, 0xff, 0xff, 0x0f);
	made_block_end(&m);
	open_made();
	ck_assert_int_eq(next().error, 0xffff); /* never negative */
	no_more();
}
END_TEST

/* A number of its own, or one more than the worker's before in the same block; else not known. */
START_TEST(numbers_of_requests)
{
	static const uint64_t expected[] = { 0, 5, 6, 0, 7, 0, 0 };

	made_block(&m);
	EVENT(TRACE_OP_GETATTR, 0, 2);
	EVENT(TRACE_OP_GETATTR, 0x80, 0x80, 0x80, 1, 2, 5); /* REQUEST */
	EVENT(TRACE_OP_GETATTR, 0, 2);
	EVENT(TRACE_OP_GETATTR, 1 << TRACE_FIELD_WORKER, 2, 1);
	EVENT(TRACE_OP_GETATTR, 0, 2);
	EVENT(TRACE_OP_GETATTR, 1 << TRACE_FIELD_WORKER, 2, 0x80, 0x08); /* 1024: more than are followed */
	made_block_end(&m);
	made_block(&m);
	EVENT(TRACE_OP_GETATTR, 0, 50);
	made_block_end(&m);
	open_made();
	for (int i = 0; i < 7; i++)
		ck_assert_uint_eq(next().request, expected[i]);
	no_more();
}
END_TEST

/* Watermarks: what started before comes before, whatever stands first. */
START_TEST(watermarks_only_grow)
{
	made_block(&m);
	EVENT(TRACE_OP_READ, 0, 0x80, 0x89, 0x7a);  /* 1,000,000 ns */
	RECORD(TRACE_RECORD_WATERMARK, 0xff, 0xff, 0xff, 0x7f);
	RECORD(TRACE_RECORD_WATERMARK, 5);
	RECORD(TRACE_RECORD_WATERMARK, 0x80);
	made_block_end(&m);
	made_block(&m);
	EVENT(TRACE_OP_WRITE, 0, 4); /* 2 ns: too late, the other is given already */
	made_block_end(&m);
	open_made();
	trace_set_follow(r, true);
	ck_assert_uint_eq(next().op, TRACE_OP_READ);
	ck_assert_uint_eq(next().op, TRACE_OP_WRITE);
	no_more();
}
END_TEST

START_TEST(a_record_longer_than_its_block_ends_it)
{
	made_block(&m);
	made_name(&m, 0, "a");
	made_lookup(&m, 0);
	made_bytes(&m, (uint8_t[]){ TRACE_RECORD_EVENT, 100, TRACE_OP_GETATTR, 0, 2 }, 5);
	made_block_end(&m);
	made_simple_block(&m, 1, "b", 1);
	open_made();
	ck_assert_str_eq(next().name, "a");
	ck_assert_str_eq(next().name, "b");
	no_more();
}
END_TEST

/* --- the end ---------------------------------------------------------------------- */

START_TEST(totals)
{
	struct trace_totals t = { 0 };

	made_block(&m);
	EVENT(TRACE_OP_GETATTR, 0, 2);
	made_block_end(&m);
	made_block(&m);
	RECORD(TRACE_RECORD_END, 3, TRACE_OP_GETATTR, 4, 2, 0, 100, 64, 1, 1, 1, 1, TRACE_OP_READ, 7, 0);
	made_block_end(&m);
	open_made();
	ck_assert(!trace_get_totals(r, TRACE_OP_GETATTR, &t)); /* not read yet */
	next();
	no_more();
	ck_assert(info().complete);
	ck_assert_uint_eq(info().lost, 3);
	ck_assert(trace_get_totals(r, TRACE_OP_GETATTR, &t));
	ck_assert(t.calls == 4 && t.errors == 2 && t.bytes == 0 && t.ns == 100);
	ck_assert(!trace_get_totals(r, 64, &t));
	ck_assert(trace_get_totals(r, TRACE_OP_READ, &t)); /* cut off: as if there were none */
	ck_assert_uint_eq(t.calls, 0);
}
END_TEST

START_TEST(an_end_that_says_nothing)
{
	made_block(&m);
	RECORD(TRACE_RECORD_END, 0x80);
	made_block_end(&m);
	open_made();
	no_more();
	ck_assert(info().complete);
}
END_TEST

/* --- names that were there before ---------------------------------------------------- */

START_TEST(nodes)
{
	uint8_t long_name[300] = { 9, 1, 0 };

	made_block(&m);
	RECORD(TRACE_RECORD_NODE, 2, 1, 0x80, 0x80, 1, 'd'); /* node, parent, S_IFDIR */
	RECORD(TRACE_RECORD_NODE, 3, 2, 0x80, 0x80, 2, 'f');
	RECORD(TRACE_RECORD_NODE, 4, 2);
	RECORD(TRACE_RECORD_NODE, 4);
	RECORD(TRACE_RECORD_NODE, 0x80);
	memset(long_name + 3, 'n', sizeof(long_name) - 3);
	made_record(&m, TRACE_RECORD_NODE, long_name, 3 + 256);
	EVENT(TRACE_OP_GETATTR, 0, 2);
	made_block_end(&m);
	made_block(&m);
	RECORD(TRACE_RECORD_NODE, 0, 0, 0); /* forget all; the event is given first */
	made_record(&m, TRACE_RECORD_NODE, long_name, 3 + 255);
	EVENT(TRACE_OP_GETATTR, 0, 4);
	made_block_end(&m);
	open_made();
	next();
	expect_path(3, "/d/f");
	expect_path(4, "#4");
	expect_path(9, "#9");
	ck_assert_uint_eq(trace_node_type(r, 2), S_IFDIR);
	ck_assert_uint_eq(info().snapshot, 2);
	ck_assert_uint_eq(trace_names_told(r), 2);
	next();
	expect_path(3, "#3");
	long_name[3 + 255] = '\0';
	long_name[2] = '/';
	expect_path(9, (char *)long_name + 2);
	no_more();
	ck_assert_uint_eq(trace_names_told(r), 3 + 1);
}
END_TEST

/* --- opens ------------------------------------------------------------------------------ */

#define FH (1 << TRACE_FIELD_FH >> 7) /* in the second byte of the mask */
#define NODE (0x80 | 1 << TRACE_FIELD_NODE)

/* The number of an open may come again, when the release is lost: then it is the newer one. */
START_TEST(opens)
{
	made_block(&m);
	RECORD(TRACE_RECORD_PROCESS, 1, 10, 0, 0, 0, 0, 'c');
	EVENT(TRACE_OP_OPEN, NODE | 1 << TRACE_FIELD_PROCESS, FH, 2, 1, 5, 3);
	EVENT(TRACE_OP_OPEN, NODE, FH, 2, 6, 3);
	EVENT(TRACE_OP_OPEN, NODE | 1 << TRACE_FIELD_ERROR, FH, 2, 13, 7, 4);
	EVENT(TRACE_OP_READ, NODE, FH, 2, 6, 3);
	EVENT(TRACE_OP_TMPFILE, NODE | 1 << TRACE_FIELD_RESULT, FH, 2, 1, 8, 4);
	EVENT(TRACE_OP_RELEASE, NODE, FH, 2, 8, 4);
	EVENT(TRACE_OP_OPENDIR, NODE, FH, 2, 1, 9);
	EVENT(TRACE_OP_RELEASEDIR, NODE, FH, 2, 1, 9);
	EVENT(TRACE_OP_RELEASEDIR, NODE, FH, 2, 1, 9);
	EVENT(TRACE_OP_GETATTR, 0, 2);
	made_block_end(&m);
	open_made();
	next();
	ck_assert_ptr_null(trace_handle(r, 0));
	ck_assert_ptr_null(trace_handle(r, 3));
	ck_assert(next().inferred); /* by the process of before, as far as is known */
	ck_assert_uint_eq(trace_handle(r, 3)->node, 5);
	next();
	ck_assert_uint_eq(trace_handle(r, 3)->node, 6);
	ck_assert_ptr_null(trace_handle(r, 3)->process);
	ck_assert_ptr_null(next().process);
	ck_assert_ptr_null(trace_handle(r, 4));
	next();
	next();
	ck_assert_uint_eq(trace_handle(r, 4)->node, 8);
	next();
	ck_assert_ptr_null(trace_handle(r, 4));
	next();
	ck_assert_uint_eq(trace_handle(r, 9)->node, 1);
	next();
	next();
	ck_assert_ptr_null(trace_handle(r, 9));
	no_more();
}
END_TEST

/* --- the file -------------------------------------------------------------------------- */

START_TEST(headers_of_files)
{
	struct trace_file_header *header = (struct trace_file_header *)(void *)m.bytes;

	/* A longer one, of a newer minor version. */
	header->header_size = 40;
	made_bytes(&m, "what is new in the header", 24);
	made_simple_block(&m, 0, "a", 1);
	open_made();
	ck_assert_str_eq(next().name, "a");
	no_more();
	ck_assert_uint_eq(info().gaps, 0);
	trace_close(r);
	header->header_size = 15;
	made_write(path, m.bytes, m.size);
	ck_assert_int_eq(trace_open(path, &r, &why), -EPROTO);
	header->header_size = TRACE_BLOCK_MAX + 1;
	made_write(path, m.bytes, m.size);
	ck_assert_int_eq(trace_open(path, &r, &why), -EPROTO);
	ck_assert_str_eq(why, "is no memfs trace");
	header->header_size = TRACE_BLOCK_MAX; /* behind the end */
	open_made();
	no_more();
}
END_TEST

/* In the middle: what waits, and what it refers to, is given back (sanitizers look). */
START_TEST(who_closes_early)
{
	made_block(&m);
	made_name(&m, 0, "a");
	for (int i = 0; i < 5; i++)
		made_lookup(&m, 0);
	made_record(&m, TRACE_RECORD_NAMES_RESET, "", 0);
	made_name(&m, 0, "b");
	for (int i = 0; i < 5; i++)
		made_lookup(&m, 0);
	made_block_end(&m);
	for (int given = 0; given < 10; given++) {
		open_made();
		for (int i = 0; i < given; i++)
			ck_assert_str_eq(next().name, i < 5 ? "a" : "b");
		trace_close(r);
	}
	r = NULL;
}
END_TEST

/* A name made of so many zeros that the next mark lies across two looks for one. */
START_TEST(a_mark_at_each_place_behind_damage)
{
	static uint8_t zeros[5000];

	for (size_t gap = 4080; gap < 4100; gap++) {
		made_file(&m);
		made_simple_block(&m, 0, "a", 1);
		made_bytes(&m, zeros, gap);
		made_simple_block(&m, 1, "b", 1);
		open_made();
		ck_assert_str_eq(next().name, "a");
		ck_assert_str_eq(next().name, "b");
		no_more();
		ck_assert_uint_eq(info().gap_bytes, gap);
		ck_assert_uint_eq(info().gaps, 1);
		trace_close(r);
	}
	r = NULL;
}
END_TEST

/* One gap, whether blocks are missing without a trace, or left some bytes as well. */
START_TEST(gaps)
{
	made_simple_block(&m, 0, "a", 1);
	m.sequence = 5;
	made_simple_block(&m, 1, "b", 1);
	made_bytes(&m, "some bytes", 10);
	m.sequence = 9;
	made_simple_block(&m, 2, "c", 1);
	made_bytes(&m, "TBLK and a torn end of a block", 30);
	open_made();
	next();
	next();
	next();
	no_more();
	ck_assert_uint_eq(info().gaps, 3);
	ck_assert_uint_eq(info().gap_bytes, 10 + 30);
	ck_assert_uint_eq(info().blocks, 3);
	ck_assert(!info().complete && info().at_end);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reader");
	TCase *tc = tcase_create("reader");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, facts);
	tcase_add_test(tc, names_that_are_none);
	tcase_add_test(tc, a_number_that_has_another_name);
	tcase_add_test(tc, processes);
	tcase_add_test(tc, events_that_are_cut_off);
	tcase_add_test(tc, what_is_new_is_passed_over);
	tcase_add_test(tc, errors_are_numbers_of_errors);
	tcase_add_test(tc, numbers_of_requests);
	tcase_add_test(tc, watermarks_only_grow);
	tcase_add_test(tc, a_record_longer_than_its_block_ends_it);
	tcase_add_test(tc, totals);
	tcase_add_test(tc, an_end_that_says_nothing);
	tcase_add_test(tc, nodes);
	tcase_add_test(tc, opens);
	tcase_add_test(tc, headers_of_files);
	tcase_add_test(tc, who_closes_early);
	tcase_add_test(tc, a_mark_at_each_place_behind_damage);
	tcase_add_test(tc, gaps);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
