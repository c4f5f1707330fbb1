/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <string.h>

#include "trace/ring.h"
#include "unit.h"

START_TEST(a_full_ring_drops_and_counts)
{
	const uint8_t *bytes;
	struct ring r;
	int taken = 0;

	ck_assert_int_eq(ring_init(&r, 4096), 0);
	while (ring_reserve(&r, 100)) {
		ring_commit(&r, 100);
		taken++;
	}
	ck_assert_int_eq(taken, 4096 / 104);
	ck_assert_uint_eq(r.lost, 1);
	ck_assert_uint_eq(ring_peek(&r, &bytes), (size_t)taken * 104);
	ring_consume(&r, 104);
	ck_assert_ptr_nonnull(ring_reserve(&r, 100));
	ring_destroy(&r);
}
END_TEST

START_TEST(an_entry_lies_in_one_piece)
{
	const uint8_t *bytes;
	struct ring r;

	ck_assert_int_eq(ring_init(&r, 4096), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(ring_reserve(&r, 1200), r.bytes + i * 1200);
		ring_commit(&r, 1200);
	}
	ck_assert_ptr_null(ring_reserve(&r, 600)); /* 496 are left until the end, and none before */
	ck_assert_uint_eq(ring_peek(&r, &bytes), 3600);
	ring_consume(&r, 1200);
	ck_assert_ptr_eq(ring_reserve(&r, 600), r.bytes);
	ring_commit(&r, 600);
	ck_assert_uint_eq(ring_peek(&r, &bytes), 2400);
	ck_assert_ptr_eq(bytes, r.bytes + 1200);
	ring_consume(&r, 2400);
	ck_assert_uint_eq(ring_peek(&r, &bytes), 600);
	ck_assert_ptr_eq(bytes, r.bytes);
	ring_consume(&r, 600);
	ck_assert_uint_eq(ring_peek(&r, &bytes), 0);
	ck_assert(ring_has_room(&r, 2048));
	ck_assert(!ring_has_room(&r, 2056)); /* not with any gap before it */
	ring_destroy(&r);
}
END_TEST

START_TEST(an_empty_ring_keeps_to_its_first_pages)
{
	const uint8_t *bytes;
	struct ring r;
	int taken = 0;

	ck_assert_int_eq(ring_init(&r, 1 << 20), 0);
	for (int i = 0; i < 100000; i++) {
		const uint8_t *entry = ring_reserve(&r, 100);

		ck_assert_ptr_nonnull(entry);
		ck_assert_uint_lt((size_t)(entry - r.bytes), (64 << 10) + 104);
		ck_assert(!ring_commit(&r, 100));
		ck_assert_uint_eq(ring_peek(&r, &bytes), 104);
		ck_assert_ptr_eq(bytes, entry);
		ring_consume(&r, 104);
	}
	ring_destroy(&r);

	/* Wherever it is, and before the consumer has noticed: there is room for as much as ever. */
	for (int begin = 0; begin < 80; begin++) {
		ck_assert_int_eq(ring_init(&r, 4096), 0);
		for (int i = 0; i < begin; i++) {
			ck_assert_ptr_nonnull(ring_reserve(&r, 100));
			ring_commit(&r, 100);
			ring_consume(&r, ring_peek(&r, &bytes));
		}
		for (taken = 0; ring_has_room(&r, 100); taken++) {
			ck_assert_ptr_nonnull(ring_reserve(&r, 100));
			ck_assert_int_eq(ring_commit(&r, 100), (taken + 1) * 104 > 2048);
		}
		ck_assert_int_ge(taken, begin ? 4096 / 104 - 1 : 4096 / 104);
		for (size_t n; (n = ring_peek(&r, &bytes)) > 0; taken -= (int)(n / 104))
			ring_consume(&r, n);
		ck_assert_int_eq(taken, 0);
		ring_destroy(&r);
	}
}
END_TEST

enum { MESSAGES = 200000 };

static void *produce(void *ring)
{
	uint64_t state = 12345;

	for (uint32_t i = 0; i < MESSAGES;) {
		uint32_t length = 8 + (uint32_t)(unit_random(&state) % 200), *entry;

		while (!(entry = ring_reserve(ring, length)))
			;
		entry[0] = length;
		entry[1] = i++;
		memset(entry + 2, (int)(i & 0xff), length - 8);
		ring_commit(ring, length);
	}
	return NULL;
}

START_TEST(what_goes_in_comes_out_in_order_and_whole)
{
	uint32_t expected = 0;
	pthread_t thread;
	struct ring r;

	ck_assert_int_eq(ring_init(&r, 8192), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, &r), 0);
	while (expected < MESSAGES) {
		const uint8_t *bytes;
		size_t size = ring_peek(&r, &bytes), at = 0;

		while (at < size) {
			uint32_t length, number;

			memcpy(&length, bytes + at, 4);
			memcpy(&number, bytes + at + 4, 4);
			ck_assert_uint_eq(number, expected);
			expected++;
			for (uint32_t i = 8; i < length; i++)
				if (bytes[at + i] != (uint8_t)(expected & 0xff))
					ck_abort_msg("torn entry %u", number);
			at += (length + 7u) & ~7u;
		}
		ring_consume(&r, size);
	}
	pthread_join(thread, NULL);
	ring_destroy(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tc = tcase_create("ring");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_full_ring_drops_and_counts);
	tcase_add_test(tc, an_entry_lies_in_one_piece);
	tcase_add_test(tc, an_empty_ring_keeps_to_its_first_pages);
	tcase_add_test(tc, what_goes_in_comes_out_in_order_and_whole);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
