/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each fault of a file of blocks is told where it is, by its name; and each byte belongs to one tale. */
#include <errno.h>
#include <sys/stat.h>

#include <memfs/trace_blocks.h>

#include "made.h"

#define BLOCKS 6
#define TOLD_MAX 4000

static char path[64];
static struct made m;
static size_t at[BLOCKS + 1]; /* where blocks begin; the last is the end */
static struct trace_block told[TOLD_MAX];
static size_t count;

static void setup(void)
{
	char name[16];

	snprintf(path, sizeof(path), "/tmp/memfs-test-scan-%d", (int)getpid());
	made_file(&m);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		snprintf(name, sizeof(name), "name-%u", (unsigned)i);
		at[i] = made_simple_block(&m, i, name, 30);
	}
	at[BLOCKS] = m.size;
}

static void teardown(void)
{
	unlink(path);
}

static void keep(void *context, const struct trace_block *block)
{
	(void)context;
	ck_assert_uint_lt(count, TOLD_MAX);
	told[count++] = *block;
}

/* What is told of the file as it is now. */
static void scan(void)
{
	const char *why;

	made_write(path, m.bytes, m.size);
	count = 0;
	ck_assert_msg(trace_scan(path, keep, NULL, &why) == 0, "%s", why);
}

static void expect(size_t number, enum trace_fault fault, size_t from, size_t to, uint64_t sequence)
{
	ck_assert_uint_lt(number, count);
	ck_assert_int_eq(told[number].fault, fault);
	ck_assert_uint_eq(told[number].offset, from);
	ck_assert_uint_eq(told[number].length, to - from);
	ck_assert_uint_eq(told[number].sequence, sequence);
}

static void expect_good(size_t number, size_t block)
{
	expect(number, TRACE_FAULT_NONE, at[block], at[block + 1], block);
	ck_assert_uint_eq(told[number].found, block);
	ck_assert_uint_eq(told[number].events, 30);
}

/* One is at fault, all others are good; nothing is told but that. */
static void expect_one(size_t block, enum trace_fault fault)
{
	scan();
	ck_assert_uint_eq(count, BLOCKS);
	for (size_t i = 0; i < BLOCKS; i++)
		if (i != block)
			expect_good(i, i);
	expect(block, fault, at[block], at[block + 1], block);
}

START_TEST(of_a_whole_file_all_blocks_are_good)
{
	scan();
	ck_assert_uint_eq(count, BLOCKS);
	for (size_t i = 0; i < BLOCKS; i++)
		expect_good(i, i);
}
END_TEST

START_TEST(a_block_whose_bytes_have_changed)
{
	m.bytes[at[2] + MADE_HEADER + 3] ^= 1;
	expect_one(2, TRACE_FAULT_CHECKSUM);
}
END_TEST

START_TEST(the_first_and_the_last)
{
	m.bytes[at[0] + MADE_HEADER] ^= 1;
	expect_one(0, TRACE_FAULT_CHECKSUM);
	m.bytes[at[0] + MADE_HEADER] ^= 1;
	m.bytes[at[BLOCKS] - 1] ^= 1;
	expect_one(BLOCKS - 1, TRACE_FAULT_CHECKSUM);
}
END_TEST

START_TEST(a_block_that_does_not_begin_as_one)
{
	m.bytes[at[3]] ^= 0x20;
	expect_one(3, TRACE_FAULT_MAGIC);
}
END_TEST

/* More than a block may have; and as much as one may have, but not as there is: good ones follow. */
START_TEST(a_length_that_cannot_be)
{
	static const uint32_t sizes[] = { UINT32_MAX, TRACE_BLOCK_MAX, TRACE_BLOCK_MAX - MADE_HEADER };

	for (int i = 0; i < 3; i++) {
		memcpy(m.bytes + at[1] + offsetof(struct trace_block_header, size), &sizes[i], sizeof(sizes[i]));
		expect_one(1, TRACE_FAULT_LENGTH);
	}
}
END_TEST

START_TEST(a_file_that_ends_within_a_block)
{
	m.size -= 5;
	scan();
	ck_assert_uint_eq(count, BLOCKS);
	expect(BLOCKS - 1, TRACE_FAULT_TORN, at[BLOCKS - 1], m.size, BLOCKS - 1);
	m.size = at[BLOCKS - 1] + 3; /* not so much as the header */
	scan();
	ck_assert_uint_eq(count, BLOCKS);
	expect(BLOCKS - 1, TRACE_FAULT_TORN, at[BLOCKS - 1], m.size, BLOCKS - 1);
	m.size = at[BLOCKS - 1];
	scan();
	ck_assert_uint_eq(count, BLOCKS - 1);
}
END_TEST

/* Too short behind the damage to be told apart from it; and long enough, and with the mark of a block. */
START_TEST(what_stands_behind_damage_at_the_end)
{
	static const char tail[] = "abc", block[] = "TBLK and more";

	m.bytes[at[BLOCKS - 1]] ^= 1;
	made_bytes(&m, tail, 3);
	scan();
	ck_assert_uint_eq(count, BLOCKS);
	expect(BLOCKS - 1, TRACE_FAULT_MAGIC, at[BLOCKS - 1], m.size, BLOCKS - 1);
	m.size -= 3;
	made_bytes(&m, block, sizeof(block));
	scan();
	ck_assert_uint_eq(count, BLOCKS + 1);
	expect(BLOCKS - 1, TRACE_FAULT_MAGIC, at[BLOCKS - 1], at[BLOCKS], BLOCKS - 1);
	expect(BLOCKS, TRACE_FAULT_TORN, at[BLOCKS], m.size, BLOCKS);
}
END_TEST

START_TEST(blocks_that_are_missing_leave_no_bytes)
{
	size_t gone = at[4] - at[2];

	memmove(m.bytes + at[2], m.bytes + at[4], m.size - at[4]);
	m.size -= gone;
	scan();
	ck_assert_uint_eq(count, BLOCKS - 2 + 1);
	expect_good(0, 0);
	expect_good(1, 1);
	expect(2, TRACE_FAULT_SEQUENCE, at[2], at[2], 2);
	ck_assert_uint_eq(told[2].found, 4);
	expect(3, TRACE_FAULT_NONE, at[2], at[2] + at[5] - at[4], 4);
	expect(4, TRACE_FAULT_NONE, at[5] - gone, m.size, 5);
}
END_TEST

/* Two files, one behind the other. */
START_TEST(numbers_that_go_back)
{
	m.sequence = 2;
	at[0] = made_simple_block(&m, 9, "again", 1);
	scan();
	ck_assert_uint_eq(count, BLOCKS + 2);
	expect(BLOCKS, TRACE_FAULT_SEQUENCE, at[0], at[0], BLOCKS);
	ck_assert_uint_eq(told[BLOCKS].found, 2);
	expect(BLOCKS + 1, TRACE_FAULT_NONE, at[0], m.size, 2);
}
END_TEST

/* How many blocks stood there cannot be known: a stretch of damage may be as long as all of them. */
START_TEST(one_stretch_of_damage_may_have_been_several_blocks)
{
	memset(m.bytes + at[1], 'x', at[4] - at[1]);
	scan();
	ck_assert_uint_eq(count, BLOCKS - 3 + 2);
	expect(1, TRACE_FAULT_MAGIC, at[1], at[4], 1);
	expect(2, TRACE_FAULT_SEQUENCE, at[4], at[4], 2);
	ck_assert_uint_eq(told[2].found, 4);
	expect_good(3, 4);
	expect_good(4, 5);
}
END_TEST

/* The four bytes that a block begins with may stand in a name. They are not taken for one. */
START_TEST(a_mark_inside_of_what_is_damaged_is_no_block)
{
	made_file(&m);
	at[0] = made_simple_block(&m, 0, "whole", 1);
	at[1] = made_simple_block(&m, 1, "TBLK and TBLK, a name that is long enough for a header to be in it, as "
				  "bytes go, and then some", 1);
	at[2] = made_simple_block(&m, 2, "whole again", 1);
	m.bytes[at[2] - 2] ^= 1;
	scan();
	ck_assert_uint_eq(count, 3);
	expect(0, TRACE_FAULT_NONE, at[0], at[1], 0);
	expect(1, TRACE_FAULT_CHECKSUM, at[1], at[2], 1);
	expect(2, TRACE_FAULT_NONE, at[2], m.size, 2);
}
END_TEST

/* The checksum is right: whoever wrote them did so wrong. */
START_TEST(records_that_do_not_fit_their_block)
{
	static const uint8_t too_long[] = { TRACE_RECORD_NAME, 100, 0, 'n' };
	static const uint8_t no_length[] = { TRACE_RECORD_NAME };

	made_file(&m);
	made_block(&m);
	made_name(&m, 0, "n");
	made_lookup(&m, 0);
	made_bytes(&m, too_long, sizeof(too_long));
	at[0] = made_block_end(&m);
	made_block(&m);
	made_bytes(&m, no_length, sizeof(no_length));
	at[1] = made_block_end(&m);
	made_block(&m);
	made_lookup(&m, 0);
	m.events = 7;
	at[2] = made_block_end(&m);
	at[3] = made_simple_block(&m, 0, "n", 2);
	scan();
	ck_assert_uint_eq(count, 4);
	for (size_t i = 0; i < 3; i++)
		expect(i, TRACE_FAULT_RECORDS, at[i], at[i + 1], i);
	ck_assert_uint_eq(told[2].events, 7);
	expect(3, TRACE_FAULT_NONE, at[3], m.size, 3);
}
END_TEST

START_TEST(what_is_no_trace_is_refused)
{
	const char *why = NULL;

	ck_assert_int_eq(trace_scan("/no/such", keep, NULL, &why), -ENOENT);
	ck_assert_str_eq(why, "cannot be opened");
	ck_assert_int_eq(trace_scan("/tmp", keep, NULL, &why), -EISDIR);
	ck_assert_str_eq(why, "cannot be read");
	made_write(path, "hello, this is text", 19);
	ck_assert_int_eq(trace_scan(path, keep, NULL, &why), -EPROTO);
	ck_assert_str_eq(why, "is no memfs trace");
	m.bytes[8] = 9; /* the major version */
	made_write(path, m.bytes, m.size);
	ck_assert_int_eq(trace_scan(path, keep, NULL, &why), -ENOTSUP);
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* However a file is damaged: what is told lies side by side, from the first block to the end. */
START_TEST(each_byte_belongs_to_one_tale)
{
	uint64_t state = unit_seed("scan damage");
	static struct made whole;

	whole = m;
	for (int round = 0; round < 1000; round++) {
		uint64_t end = sizeof(struct trace_file_header), good = 0;

		m = whole;
		for (uint64_t flips = unit_random(&state) % 5; flips; flips--)
			m.bytes[16 + unit_random(&state) % (m.size - 16)] ^=
				(uint8_t)(1 + unit_random(&state) % 255);
		if (unit_random(&state) % 2)
			m.size -= unit_random(&state) % (m.size - 16);
		scan();
		for (size_t i = 0; i < count; i++) {
			ck_assert_msg(told[i].offset == end, "round %d, tale %zu: at %llu, not at %llu", round,
				      i, (unsigned long long)told[i].offset, (unsigned long long)end);
			end += told[i].length;
			good += told[i].fault == TRACE_FAULT_NONE;
			ck_assert((told[i].length == 0) == (told[i].fault == TRACE_FAULT_SEQUENCE));
		}
		ck_assert_uint_eq(end, m.size);
		ck_assert_uint_le(good, BLOCKS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scan");
	TCase *tc = tcase_create("scan");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, of_a_whole_file_all_blocks_are_good);
	tcase_add_test(tc, a_block_whose_bytes_have_changed);
	tcase_add_test(tc, the_first_and_the_last);
	tcase_add_test(tc, a_block_that_does_not_begin_as_one);
	tcase_add_test(tc, a_length_that_cannot_be);
	tcase_add_test(tc, a_file_that_ends_within_a_block);
	tcase_add_test(tc, what_stands_behind_damage_at_the_end);
	tcase_add_test(tc, blocks_that_are_missing_leave_no_bytes);
	tcase_add_test(tc, numbers_that_go_back);
	tcase_add_test(tc, one_stretch_of_damage_may_have_been_several_blocks);
	tcase_add_test(tc, a_mark_inside_of_what_is_damaged_is_no_block);
	tcase_add_test(tc, records_that_do_not_fit_their_block);
	tcase_add_test(tc, what_is_no_trace_is_refused);
	tcase_add_test(tc, each_byte_belongs_to_one_tale);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
