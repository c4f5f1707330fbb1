/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/process.h"
#include "unit.h"

#define START 5000000000u /* of a clock that these tests move themselves */

static struct process_table table;
static bool fresh;

static void setup(void)
{
	memset(&table, 0, sizeof(table));
	prctl(PR_SET_NAME, "first");
}

static struct process find(uint64_t after_ns)
{
	return *process_find(&table, (uint32_t)getpid(), 1, 2, START + after_ns, &fresh);
}

static void expect(uint64_t after_ns, const char *comm, bool is_fresh)
{
	struct process found = find(after_ns);

	ck_assert_msg(strcmp(found.comm, comm) == 0 && fresh == is_fresh, "after %llu ns: %s, %s",
		      (unsigned long long)after_ns, found.comm, fresh ? "fresh" : "known");
}

START_TEST(the_caller_is_found)
{
	struct process found = find(0), again = find(1);

	ck_assert_str_eq(found.comm, "first");
	ck_assert_uint_eq(found.pid, (uint32_t)getpid());
	ck_assert_uint_eq(found.uid, 1);
	ck_assert_uint_eq(found.gid, 2);
	ck_assert_uint_ne(found.id, 0);
	ck_assert(!fresh);
	ck_assert_uint_eq(again.id, found.id);
}
END_TEST

START_TEST(another_name_is_another_process)
{
	struct process first = find(0), second;

	prctl(PR_SET_NAME, "second");
	expect(PROCESS_YOUNG - 1, "first", false);
	expect(PROCESS_YOUNG, "second", true);
	second = find(PROCESS_YOUNG + 1);
	ck_assert_uint_ne(second.id, first.id);
	ck_assert_uint_eq(second.identity, first.identity);
}
END_TEST

/* Has it read at times after which what it read is good for longer and longer. Returns the last. */
static uint64_t hold(uint64_t until)
{
	uint64_t at = 0;

	find(0);
	while (at < until) {
		at += at / 4 < PROCESS_YOUNG ? PROCESS_YOUNG : at / 4 < PROCESS_FRESH ? at / 4 : PROCESS_FRESH;
		expect(at, "first", false);
	}
	return at;
}

START_TEST(what_has_held_is_good_for_a_quarter_of_that)
{
	uint64_t held = hold(16 * PROCESS_YOUNG);

	prctl(PR_SET_NAME, "second");
	expect(held + held / 4 - 1, "first", false);
	expect(held + held / 4, "second", true);
	/* It is new again. */
	prctl(PR_SET_NAME, "third");
	expect(held + held / 4 + PROCESS_YOUNG, "third", true);
}
END_TEST

START_TEST(nothing_is_good_for_longer_than_the_limit)
{
	uint64_t held = hold(20 * PROCESS_FRESH);

	prctl(PR_SET_NAME, "second");
	expect(held + PROCESS_FRESH - 1, "first", false);
	expect(held + PROCESS_FRESH, "second", true);
}
END_TEST

START_TEST(few_reads_are_enough_for_many_calls)
{
	unsigned reads = 0;
	uint64_t last = 0;

	for (uint64_t at = 0; at < 1000; at++) {
		struct process found = find(at * 10000); /* 10 ms in all */

		reads += found.checked_ns != last;
		last = found.checked_ns;
	}
	ck_assert_uint_ge(reads, 10);
	ck_assert_uint_le(reads, 20);
}
END_TEST

START_TEST(another_user_is_another_process)
{
	struct process first = find(0);
	struct process second = *process_find(&table, (uint32_t)getpid(), 3, 2, START + 1, &fresh);

	ck_assert(fresh);
	ck_assert_uint_ne(second.id, first.id);
	ck_assert_uint_eq(second.uid, 3);
}
END_TEST

START_TEST(who_is_gone_has_no_name)
{
	pid_t pid = fork();
	struct process found;

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	found = *process_find(&table, (uint32_t)pid, 1, 2, START, &fresh);
	ck_assert_str_eq(found.comm, "?");
	ck_assert_uint_eq(found.identity, 0);
	process_complete(&found);
	ck_assert_uint_eq(found.ppid, 0);
	ck_assert_uint_eq(found.start, 0);
}
END_TEST

START_TEST(two_of_one_slot)
{
	uint32_t other = (uint32_t)getpid() + 1000 * PROCESS_SLOTS, id = find(0).id;

	ck_assert_uint_ne(process_find(&table, other, 1, 2, START + 1, &fresh)->id, id);
	ck_assert(fresh);
	ck_assert_uint_ne(find(2).id, id); /* its number was given away meanwhile */
	ck_assert(fresh);
}
END_TEST

/* The 22nd field, where the name is plain. */
static uint64_t own_start(void)
{
	unsigned long long start = 0;
	FILE *f = fopen("/proc/self/stat", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
				"%*d %*d %llu", &start), 1);
	fclose(f);
	return start;
}

/* /proc/PID/stat has the name in parentheses, and the name may have them, too. */
START_TEST(parent_and_start_whatever_the_name)
{
	static const char *const names[] = { "plain", ") R 1 2 (", "a b) c", "", "))))" };
	uint64_t start = own_start();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct process p = { .pid = (uint32_t)getpid() };

		ck_assert_int_eq(prctl(PR_SET_NAME, names[i]), 0);
		process_complete(&p);
		ck_assert_uint_eq(p.ppid, (uint32_t)getppid());
		ck_assert_uint_eq(p.start, start);
	}
}
END_TEST

/* The line in /proc has its end alone. */
START_TEST(one_without_a_name)
{
	ck_assert_int_eq(prctl(PR_SET_NAME, ""), 0);
	ck_assert_str_eq(find(0).comm, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tcase = tcase_create("process");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_caller_is_found);
	tcase_add_test(tcase, another_name_is_another_process);
	tcase_add_test(tcase, what_has_held_is_good_for_a_quarter_of_that);
	tcase_add_test(tcase, nothing_is_good_for_longer_than_the_limit);
	tcase_add_test(tcase, few_reads_are_enough_for_many_calls);
	tcase_add_test(tcase, another_user_is_another_process);
	tcase_add_test(tcase, who_is_gone_has_no_name);
	tcase_add_test(tcase, two_of_one_slot);
	tcase_add_test(tcase, parent_and_start_whatever_the_name);
	tcase_add_test(tcase, one_without_a_name);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
