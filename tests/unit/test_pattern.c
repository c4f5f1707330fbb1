/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pattern.h"

#include <string.h>

#include "unit.h"

static void add(struct pattern *pattern, const char *call)
{
	pattern_add(pattern, call, PATTERN_NO_BYTES, "");
}

/* The text of what is in there must be this one. */
static void check(struct pattern *pattern, const char *wanted)
{
	char *text = pattern_text(pattern);

	ck_assert_str_eq(text, wanted);
	free(text);
	pattern_free(pattern);
}

START_TEST(nothing_is_nothing)
{
	check(pattern_new(), "");
}
END_TEST

START_TEST(what_does_not_repeat_stays)
{
	struct pattern *pattern = pattern_new();

	add(pattern, "CREATE");
	pattern_add(pattern, "WRITE", 4107, "");
	pattern_add(pattern, "WRITE", 0, "other");
	add(pattern, "RELEASE");
	check(pattern, "CREATE WRITE 4107 B WRITE 0 B other RELEASE");
}
END_TEST

START_TEST(sizes_are_exact)
{
	char text[32];

	ck_assert_str_eq(pattern_bytes(0, text), "0 B");
	ck_assert_str_eq(pattern_bytes(1023, text), "1023 B");
	ck_assert_str_eq(pattern_bytes(4096, text), "4 KiB");
	ck_assert_str_eq(pattern_bytes(1 << 20, text), "1 MiB");
	ck_assert_str_eq(pattern_bytes((1 << 20) + 1024, text), "1025 KiB");
	ck_assert_str_eq(pattern_bytes(100ull << 30, text), "102400 MiB");
}
END_TEST

START_TEST(runs_are_counted)
{
	struct pattern *pattern = pattern_new();

	add(pattern, "CREATE");
	for (int i = 0; i < 100000; i++)
		pattern_add(pattern, "WRITE", 65536, "");
	pattern_add(pattern, "WRITE", 7, "");
	add(pattern, "RELEASE");
	check(pattern, "CREATE (WRITE 64 KiB)x100000 WRITE 7 B RELEASE");
}
END_TEST

START_TEST(groups_are_counted)
{
	struct pattern *pattern = pattern_new();

	for (int i = 0; i < 64; i++) {
		pattern_add(pattern, "WRITE", 65536, "");
		add(pattern, "FSYNC");
	}
	add(pattern, "RELEASE");
	check(pattern, "(WRITE 64 KiB FSYNC)x64 RELEASE");
}
END_TEST

START_TEST(groups_have_runs_and_groups_in_them)
{
	struct pattern *pattern = pattern_new();

	for (int i = 0; i < 3; i++) {
		add(pattern, "OPEN");
		for (int j = 0; j < 20; j++) {
			add(pattern, "READ");
			add(pattern, "READ");
			add(pattern, "WRITE");
		}
		add(pattern, "RELEASE");
	}
	check(pattern, "(OPEN ((READ)x2 WRITE)x20 RELEASE)x3");
}
END_TEST

START_TEST(other_subjects_are_other_calls)
{
	struct pattern *pattern = pattern_new();

	pattern_add(pattern, "WRITE", 1024, "a");
	pattern_add(pattern, "WRITE", 1024, "a");
	pattern_add(pattern, "WRITE", 1024, "b");
	pattern_add(pattern, "WRITE", 1024, "");
	check(pattern, "(WRITE 1 KiB a)x2 WRITE 1 KiB b WRITE 1 KiB");
}
END_TEST

START_TEST(sizes_are_put_together_when_it_gets_long)
{
	struct pattern *pattern = pattern_new();

	add(pattern, "CREATE");
	for (unsigned i = 0; i < 300; i++)
		pattern_add(pattern, "WRITE", 4096 * (1 + i), "");
	pattern_add(pattern, "WRITE", 5, "other");
	check(pattern, "CREATE (WRITE 4 KiB-1200 KiB)x300 WRITE 5 B other");
}
END_TEST

START_TEST(then_wherever_they_are)
{
	struct pattern *pattern = pattern_new();

	for (unsigned i = 0; i < 300; i++) {
		pattern_add(pattern, "WRITE", 1 + i, "");
		add(pattern, "FSYNC");
	}
	check(pattern, "(WRITE 1 B-300 B FSYNC)x300");
}
END_TEST

/* Long without sizes: nothing would be won, and exact is better. */
START_TEST(long_ones_without_sizes_stay_exact)
{
	struct pattern *pattern = pattern_new();
	char name[8], *text;

	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		pattern_add(pattern, "LOOKUP", PATTERN_NO_BYTES, name);
	}
	pattern_add(pattern, "WRITE", 77, "");
	text = pattern_text(pattern);
	ck_assert_int_eq(strncmp(text, "LOOKUP f0 LOOKUP f1 ", 20), 0);
	ck_assert_ptr_nonnull(strstr(text, " LOOKUP f199 WRITE 77 B"));
	free(text);
	pattern_free(pattern);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tc = tcase_create("pattern");

	tcase_add_test(tc, nothing_is_nothing);
	tcase_add_test(tc, what_does_not_repeat_stays);
	tcase_add_test(tc, sizes_are_exact);
	tcase_add_test(tc, runs_are_counted);
	tcase_add_test(tc, groups_are_counted);
	tcase_add_test(tc, groups_have_runs_and_groups_in_them);
	tcase_add_test(tc, other_subjects_are_other_calls);
	tcase_add_test(tc, sizes_are_put_together_when_it_gets_long);
	tcase_add_test(tc, then_wherever_they_are);
	tcase_add_test(tc, long_ones_without_sizes_stay_exact);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
