/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/size.h"
#include "unit.h"

START_TEST(sizes_that_people_write)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "4096", 4096 }, { "1k", 1024 }, { "1K", 1024 }, { "3m", 3 << 20 },
		{ "2G", 2ull << 30 }, { "1t", 1ull << 40 }, { "15e", 15ull << 60 },
		{ "50%", 500 }, { "100%", 1000 }, { "0%", 0 },
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(!size_parse(good[i].text, 1000, &bytes), "%s", good[i].text);
		ck_assert_uint_eq(bytes, good[i].bytes);
	}
}
END_TEST

START_TEST(what_is_no_size)
{
	static const char *const bad[] = {
		"", "k", "-1", "+1", " 1", "1 ", "1kk", "1q", "1.5g", "0x10", "101%", "5%%", "16e",
		"18446744073709551616", "99999999999999999999k",
	};
	uint64_t bytes = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(size_parse(bad[i], 1000, &bytes), "%s", bad[i]);
	ck_assert(size_parse(NULL, 1000, &bytes));
	ck_assert(size_parse("5%", 0, &bytes));
	ck_assert_uint_eq(bytes, 77);
	ck_assert_uint_gt(size_of_memory(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("size");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, sizes_that_people_write);
	tcase_add_test(tc, what_is_no_size);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
