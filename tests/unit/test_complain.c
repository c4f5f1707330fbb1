/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "unit.h"

static int packets[2];
static int saved;

/* Of such a pipe each read gives what one write has brought. */
static void setup(void)
{
	ck_assert_int_eq(pipe2(packets, O_DIRECT), 0);
	saved = dup(2);
	ck_assert_int_eq(dup2(packets[1], 2), 2);
}

static void teardown(void)
{
	dup2(saved, 2);
	close(saved);
	close(packets[0]);
	close(packets[1]);
}

static void expect(const char *line)
{
	char got[4096];
	ssize_t n = read(packets[0], got, sizeof(got));

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(n, strlen(line));
	ck_assert_mem_eq(got, line, (size_t)n);
}

START_TEST(a_line_is_written_at_once)
{
	complain("%s: %d", "a name", 7);
	expect("memfs: a name: 7\n");
	complain("%s", "");
	expect("memfs: \n");
}
END_TEST

START_TEST(control_characters_make_no_lines)
{
	complain("%s: \x7f", "a\nb\tc\x1b[31m");
	expect("memfs: a\\012b\\011c\\033[31m: \\177\n");
	complain("n\xc3\xa4me"); /* what is no control character stays */
	expect("memfs: n\xc3\xa4me\n");
}
END_TEST

START_TEST(a_long_line_is_one_too)
{
	char name[700], line[sizeof(name) * 4 + 16] = "memfs: ";

	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		strcat(line, "\\012");
	strcat(line, "\n");
	complain("%s", name);
	expect(line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("complain");
	TCase *tcase = tcase_create("complain");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_line_is_written_at_once);
	tcase_add_test(tcase, control_characters_make_no_lines);
	tcase_add_test(tcase, a_long_line_is_one_too);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
