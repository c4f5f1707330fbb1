/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "memfs-trace/replay_content.h"
#include "unit.h"

/* Any piece is what it is as a part of the whole. */
START_TEST(bytes_depend_on_their_place_alone)
{
	uint64_t state = unit_seed("content");
	uint8_t whole[5000], piece[5000];

	content_fill(7, 3, 1000, whole, sizeof(whole));
	for (int round = 0; round < 2000; round++) {
		size_t from = unit_random(&state) % sizeof(whole);
		size_t size = unit_random(&state) % (sizeof(whole) - from + 1);

		content_fill(7, 3, 1000 + from, piece, size);
		ck_assert_mem_eq(piece, whole + from, size);
		ck_assert(content_matches(7, 3, 1000 + from, whole + from, size));
	}
}
END_TEST

START_TEST(another_seed_file_or_place_has_other_bytes)
{
	uint8_t bytes[4096], one;

	content_fill(1, 2, 0, bytes, sizeof(bytes));
	ck_assert(content_matches(1, 2, 0, bytes, sizeof(bytes)));
	ck_assert(!content_matches(2, 2, 0, bytes, sizeof(bytes)));
	ck_assert(!content_matches(1, 3, 0, bytes, sizeof(bytes)));
	ck_assert(!content_matches(1, 2, 8, bytes, sizeof(bytes)));
	one = bytes[4095]++;
	ck_assert(!content_matches(1, 2, 0, bytes, sizeof(bytes)));
	ck_assert(content_matches(1, 2, 0, bytes, sizeof(bytes) - 1));
	bytes[4095] = one;
}
END_TEST

/* Written down, so that the same seed gives the same bytes in each version. */
START_TEST(the_bytes_stay_what_they_are)
{
	static const uint8_t expected[] = {
		0xa9, 0xf1, 0xb7, 0xc8, 0x94, 0xd7, 0x65, 0x8a, 0x48, 0x37, 0x3e, 0x91, 0xf6, 0x7b, 0x7b, 0xcd,
	};
	uint8_t bytes[sizeof(expected)];

	content_fill(0, 1, 3, bytes, sizeof(bytes));
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

enum { BITS = 300 };

static void compare(const struct ranges *r, const uint8_t *bits)
{
	for (size_t i = 0; i < r->count; i++) {
		ck_assert_uint_lt(r->list[i].from, r->list[i].to);
		ck_assert(!i || r->list[i - 1].to < r->list[i].from);
	}
	for (uint64_t at = 0; at < BITS;) {
		bool inside;
		uint64_t end = ranges_piece(r, at, BITS, &inside);

		ck_assert_uint_gt(end, at);
		while (at < end && bits[at] == inside)
			at++;
		ck_assert_uint_eq(at, end);
	}
}

START_TEST(ranges_are_what_was_added_less_what_was_removed)
{
	uint64_t state = unit_seed("ranges");
	uint8_t bits[BITS] = { 0 };
	struct ranges r = { 0 };

	for (int round = 0; round < 5000; round++) {
		uint64_t from = unit_random(&state) % BITS;
		uint64_t to = from + unit_random(&state) % (BITS - from + 1);
		bool add = unit_random(&state) % 2;

		ck_assert_int_eq(add ? ranges_add(&r, from, to) : ranges_remove(&r, from, to), 0);
		memset(bits + from, add, to - from);
		compare(&r, bits);
	}
	ck_assert_int_eq(ranges_remove(&r, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(r.count, 0);
	ranges_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay content");
	TCase *tests = tcase_create("content");

	tcase_add_test(tests, bytes_depend_on_their_place_alone);
	tcase_add_test(tests, another_seed_file_or_place_has_other_bytes);
	tcase_add_test(tests, the_bytes_stay_what_they_are);
	tcase_add_test(tests, ranges_are_what_was_added_less_what_was_removed);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
