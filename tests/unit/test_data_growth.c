/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often the bytes of a file that grows are copied: realloc(3) is asked instead of a clock. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/data.h"
#include "unit.h"

static uint64_t copied, copied_at_most, growths;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* As if it never could grow in place. */
void *__wrap_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	size_t moves = old < size ? old : size;

	copied += moves;
	growths += p && size > old;
	if (moves > copied_at_most)
		copied_at_most = moves;
	return __real_realloc(p, size);
}

static void append(uint64_t size, size_t step)
{
	struct budget b = { .bytes.limit = UINT64_MAX, .space.limit = UINT64_MAX };
	char *bytes = calloc(1, step);
	struct data d;

	ck_assert_ptr_nonnull(bytes);
	copied = copied_at_most = growths = 0;
	data_init(&d);
	for (uint64_t at = 0; at < size; at += step)
		ck_assert_int_eq(data_write(&d, &b, at, bytes, step), (ssize_t)step);
	ck_assert_uint_ge(d.bytes, size);
	data_destroy(&d, &b);
	ck_assert_uint_eq(b.bytes.used, 0);
	free(bytes);
}

START_TEST(a_large_file_is_never_copied_whole)
{
	/* Only the chunk at its end is, and that is as large as ever. */
	for (uint64_t size = 1 << 20; size <= 64 << 20; size *= 8) {
		append(size, 4096);
		ck_assert_uint_le(copied_at_most, DATA_CHUNK + 64);
		ck_assert_uint_lt(copied, 3 * size);
	}
}
END_TEST

START_TEST(a_small_file_is_copied_whole_but_a_few_times)
{
	/* Each time there is room for half as much again: 1.5^28 > 65536. */
	append(DATA_CHUNK, 1);
	ck_assert_uint_le(growths, 28);
	ck_assert_uint_lt(copied, 3 * (DATA_CHUNK + 24 * growths));
}
END_TEST

START_TEST(large_pieces_are_not_copied_at_all)
{
	append(64 << 20, 1 << 20);
	ck_assert_uint_eq(copied, 0);
	append(64 << 20, DATA_CHUNK);
	ck_assert_uint_eq(copied, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data growth");
	TCase *tc = tcase_create("growth");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_large_file_is_never_copied_whole);
	tcase_add_test(tc, a_small_file_is_copied_whole_but_a_few_times);
	tcase_add_test(tc, large_pieces_are_not_copied_at_all);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
