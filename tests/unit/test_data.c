/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "store/data.h"
#include "unit.h"

static struct data data;
static struct budget budget;

static void setup(void)
{
	data_init(&data);
	memset(&budget, 0, sizeof(budget));
	budget.bytes.limit = UINT64_MAX;
}

static void teardown(void)
{
	data_destroy(&data, &budget);
	ck_assert_uint_eq(budget.bytes.used, 0);
}

static void read_back(uint64_t offset, size_t size, uint8_t *out)
{
	while (size > 0) {
		struct iovec iov[4];
		int count = data_view(&data, offset, size, iov, 4);

		if (count <= 0)
			ck_abort_msg("nothing to see at %llu", (unsigned long long)offset);
		for (int i = 0; i < count; i++) {
			memcpy(out, iov[i].iov_base, iov[i].iov_len);
			out += iov[i].iov_len;
			offset += iov[i].iov_len;
			size -= iov[i].iov_len;
		}
	}
}

START_TEST(a_small_file_takes_what_it_holds)
{
	char text[3000] = { 1 };

	ck_assert_int_eq(data_write(&data, &budget, 0, text, sizeof(text)), 3000);
	ck_assert_uint_eq(budget.bytes.used, 3000);
	ck_assert_uint_eq(data.bytes, 3000);
	ck_assert_uint_eq(data.pages, 1);
}
END_TEST

START_TEST(a_write_far_out_takes_no_more_than_a_chunk)
{
	const uint64_t far = ((uint64_t)1 << 62) + 12345;
	uint8_t byte = 7, back[3];

	ck_assert_int_eq(data_write(&data, &budget, far, &byte, 1), 1);
	ck_assert_uint_le(budget.bytes.used, DATA_CHUNK);
	read_back(far - 1, 3, back);
	ck_assert_mem_eq(back, ((uint8_t[]){ 0, 7, 0 }), 3);
	ck_assert_uint_eq(data_seek_data(&data, far + 1, 0), far / DATA_PAGE * DATA_PAGE);
	ck_assert_uint_eq(data_seek_hole(&data, far + 1, 0), 0);
}
END_TEST

START_TEST(appending_in_small_pieces_wastes_little)
{
	char piece[100] = { 1 };

	for (unsigned i = 0; i < 10000; i++)
		ck_assert_int_eq(data_write(&data, &budget, i * 100u, piece, 100), 100);
	ck_assert_uint_le(budget.bytes.used, 1000000 + DATA_CHUNK / 2);
	data_trim(&data, &budget, 1000000);
	ck_assert_uint_eq(budget.bytes.used, 1000000);
}
END_TEST

START_TEST(the_budget_is_used_to_the_last_byte_and_not_passed)
{
	static char text[200000];

	budget.bytes.limit = 100000;
	ck_assert_int_eq(data_write(&data, &budget, 0, text, sizeof(text)), 100000);
	ck_assert_int_eq(data_write(&data, &budget, 100000, text, 1), -ENOSPC);
	ck_assert_uint_eq(budget.bytes.used, 100000);
	data_punch(&data, &budget, 0, DATA_CHUNK);
	ck_assert_int_eq(data_write(&data, &budget, 0, text, DATA_CHUNK), DATA_CHUNK);
}
END_TEST

START_TEST(allocation_is_all_or_nothing)
{
	budget.bytes.limit = 1000000;
	ck_assert_int_eq(data_allocate(&data, &budget, 0, 2000000), -ENOSPC);
	ck_assert_uint_eq(budget.bytes.used, 0);
	budget.bytes.limit = 150000;
	ck_assert_int_eq(data_allocate(&data, &budget, 0, 140000), 0);
	ck_assert_int_eq(data_allocate(&data, &budget, 1u << 20, 20000), -ENOSPC);
	ck_assert_uint_eq(budget.bytes.used, 140000);
	ck_assert_uint_eq(data_seek_hole(&data, 140000, 0), 140000);
}
END_TEST

START_TEST(a_limit_below_what_is_used)
{
	char text[5000] = { 1 };

	budget.bytes.limit = 10000;
	ck_assert_int_eq(data_write(&data, &budget, 0, text, 5000), 5000);
	budget.bytes.limit = 3000;
	ck_assert_int_eq(data_allocate(&data, &budget, 0, 5000), -ENOSPC); /* although all is there */
	ck_assert_int_eq(data_write(&data, &budget, 5000, text, 1), -ENOSPC);
	ck_assert_int_eq(data_write(&data, &budget, 10, text, 100), 100);
	ck_assert_uint_eq(budget.bytes.used, 5000);
}
END_TEST

START_TEST(to_punch_nothing_does_nothing)
{
	char text[5000];

	memset(text, 1, sizeof(text));
	ck_assert_int_eq(data_write(&data, &budget, 0, text, 5000), 5000);
	data_punch(&data, &budget, 0, 0);
	data_punch(&data, &budget, 4096, 0);
	ck_assert_uint_eq(data.pages, 2);
	ck_assert_uint_eq(data_seek_hole(&data, 5000, 0), 5000);
	ck_assert_ptr_null(data_check(&data, 5000));
}
END_TEST

/* What a chunk begins with, as in data.c; that of a small file is the root of its tree. */
struct chunk_head {
	uint32_t capacity, pages;
	uint8_t bytes[];
};

#define BROKEN(statement, words, mend) \
	do { \
		statement; \
		ck_assert_ptr_nonnull(data_check(&data, 5000)); \
		ck_assert_str_eq(data_check(&data, 5000), words); \
		mend; \
		ck_assert_ptr_null(data_check(&data, 5000)); \
	} while (0)

START_TEST(what_is_broken_is_found)
{
	struct chunk_head *c;
	char text[5000];

	memset(text, 1, sizeof(text));
	ck_assert_int_eq(data_write(&data, &budget, 0, text, 5000), 5000);
	ck_assert_uint_eq(data.height, 0);
	c = data.root;
	BROKEN(c->capacity = 0, "a chunk's capacity is none, or too large", c->capacity = 5000);
	BROKEN(c->capacity = DATA_CHUNK + 1, "a chunk's capacity is none, or too large", c->capacity = 5000);
	BROKEN(c->pages = 0, "a chunk holds no page, or more than it can", c->pages = 3);
	BROKEN(c->pages |= 1u << 16, "a chunk holds no page, or more than it can", c->pages = 3);
	BROKEN(c->pages |= 4, "a page is data, and there is no room for it", c->pages = 3);
	BROKEN(c->pages = 2, "bytes of a hole are not zero", c->pages = 3);
	BROKEN(c->capacity--, "chunks hold other than what was charged", c->capacity++);
	BROKEN(data.pages--, "the count of pages is wrong", data.pages++);
	ck_assert_str_eq(data_check(&data, 4999), "bytes behind the end are not zero");
}
END_TEST

enum { SIZE = 400000, PAGES = SIZE / DATA_PAGE + 1 };

/* From `at` on, where pages come that are data, or are none. */
static uint64_t next_page(const bool *is_data, uint64_t at, bool wanted)
{
	while (at < SIZE && is_data[at / DATA_PAGE] != wanted)
		at = (at / DATA_PAGE + 1) * DATA_PAGE;
	return at < SIZE ? at : SIZE;
}

/* Each assertion of Check's is a message to its parent: only on failure here. */
static void seek_agrees(const bool *is_data, int step, uint64_t at)
{
	if (at >= SIZE)
		return;
	if (data_seek_data(&data, SIZE, at) != next_page(is_data, at, true))
		ck_abort_msg("data after step %d from %u", step, (unsigned)at);
	if (data_seek_hole(&data, SIZE, at) != next_page(is_data, at, false))
		ck_abort_msg("hole after step %d from %u", step, (unsigned)at);
}

/*
 * Writes, punches, allocations and cuts at random, against a flat array of
 * bytes and one of "this page is data".
 */
START_TEST(random_changes_agree_with_a_flat_file)
{
	static uint8_t model[SIZE], back[SIZE], text[SIZE];
	static bool is_data[PAGES];
	uint64_t state = unit_seed("data");

	memset(model, 0, sizeof(model));
	memset(is_data, 0, sizeof(is_data));
	for (int step = 0; step < 1500; step++) {
		uint64_t offset = unit_random(&state) % SIZE;
		uint64_t size = unit_random(&state) % (step % 3 ? 9000 : SIZE) + 1;

		if (size > SIZE - offset)
			size = SIZE - offset;
		switch (unit_random(&state) % 8) {
		case 0:
			data_punch(&data, &budget, offset, size);
			memset(model + offset, 0, size);
			for (uint64_t p = (offset + DATA_PAGE - 1) / DATA_PAGE;
			     p < (offset + size) / DATA_PAGE; p++)
				is_data[p] = false;
			break;
		case 1:
			ck_assert_int_eq(data_allocate(&data, &budget, offset, size), 0);
			for (uint64_t p = offset / DATA_PAGE; p <= (offset + size - 1) / DATA_PAGE; p++)
				is_data[p] = true;
			break;
		case 2: /* a cut, and growing again */
			data_punch(&data, &budget, offset, (uint64_t)INT64_MAX + 1 - offset);
			data_trim(&data, &budget, offset);
			memset(model + offset, 0, SIZE - offset);
			for (uint64_t p = (offset + DATA_PAGE - 1) / DATA_PAGE; p < PAGES; p++)
				is_data[p] = false;
			break;
		default:
			for (uint64_t i = 0; i < size; i++)
				text[i] = (uint8_t)unit_random(&state);
			ck_assert_int_eq(data_write(&data, &budget, offset, text, size), (ssize_t)size);
			memcpy(model + offset, text, size);
			for (uint64_t p = offset / DATA_PAGE; p <= (offset + size - 1) / DATA_PAGE; p++)
				is_data[p] = true;
			break;
		}
		read_back(0, SIZE, back);
		ck_assert_msg(memcmp(model, back, SIZE) == 0, "bytes differ after step %d", step);
		/* Where something may begin or end: at each border of a page, and on both sides of it. */
		for (uint64_t border = 0; border <= SIZE; border += DATA_PAGE) {
			seek_agrees(is_data, step, border);
			seek_agrees(is_data, step, border + 1);
			seek_agrees(is_data, step, border + DATA_PAGE - 1);
		}
		seek_agrees(is_data, step, unit_random(&state) % SIZE);
		ck_assert_uint_eq(data.bytes, budget.bytes.used);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data");
	TCase *tc = tcase_create("data");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_small_file_takes_what_it_holds);
	tcase_add_test(tc, a_write_far_out_takes_no_more_than_a_chunk);
	tcase_add_test(tc, appending_in_small_pieces_wastes_little);
	tcase_add_test(tc, the_budget_is_used_to_the_last_byte_and_not_passed);
	tcase_add_test(tc, allocation_is_all_or_nothing);
	tcase_add_test(tc, a_limit_below_what_is_used);
	tcase_add_test(tc, to_punch_nothing_does_nothing);
	tcase_add_test(tc, what_is_broken_is_found);
	tcase_add_test(tc, random_changes_agree_with_a_flat_file);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
