/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who calls: looked up in /proc when it is new, or may have become another. */
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "trace/process.h"
#include "unit.h"

static struct process_table *table;
static bool fresh;

static void setup(void)
{
	table = calloc(1, sizeof(*table));
	ck_assert_ptr_nonnull(table);
}

static void teardown(void)
{
	free(table);
}

static struct process *find(uint32_t pid, uint32_t uid, uint32_t gid, uint64_t now)
{
	return process_find(table, pid, uid, gid, now, &fresh);
}

static uint32_t own(void)
{
	return (uint32_t)getpid();
}

START_TEST(one_is_new_once)
{
	const struct process *p = find(own(), 1, 2, 1000);
	uint32_t id = p->id;

	ck_assert(fresh);
	ck_assert_uint_gt(id, 0);
	ck_assert_uint_eq(p->pid, own());
	ck_assert_uint_eq(p->uid, 1);
	ck_assert_uint_eq(p->gid, 2);
	ck_assert_str_eq(p->comm, "test-process");
	ck_assert_uint_eq(find(own(), 1, 2, 1000 + PROCESS_FRESH - 1)->id, id);
	ck_assert(!fresh);
	/* Looked at again, and still the same. */
	ck_assert_uint_eq(find(own(), 1, 2, 1000 + PROCESS_FRESH)->id, id);
	ck_assert(!fresh);
}
END_TEST

START_TEST(with_other_rights_it_is_another)
{
	uint32_t id = find(own(), 1, 2, 1000)->id, other = find(own(), 3, 2, 1001)->id;

	ck_assert(fresh);
	ck_assert_uint_ne(other, id);
	ck_assert_uint_ne(find(own(), 3, 4, 1002)->id, other);
	ck_assert(fresh);
	ck_assert_uint_eq(table->slots[own() % PROCESS_SLOTS].gid, 4);
}
END_TEST

/* After execve(2): the same pid, another program. It is seen a moment later. */
START_TEST(with_another_name_it_is_another)
{
	uint32_t id = find(own(), 0, 0, 1000)->id;

	ck_assert_int_eq(prctl(PR_SET_NAME, "renamed\n"), 0);
	ck_assert_uint_eq(find(own(), 0, 0, 1001)->id, id);
	ck_assert(!fresh);
	ck_assert_uint_ne(find(own(), 0, 0, 1000 + PROCESS_FRESH)->id, id);
	ck_assert(fresh);
	ck_assert_str_eq(table->slots[own() % PROCESS_SLOTS].comm, "renamed\n");
}
END_TEST

START_TEST(two_of_one_slot)
{
	uint32_t pid = own() + 1000 * PROCESS_SLOTS, id = find(own(), 0, 0, 1000)->id;

	ck_assert_uint_ne(find(pid, 0, 0, 1001)->id, id);
	ck_assert(fresh);
	ck_assert_uint_ne(find(own(), 0, 0, 1002)->id, id); /* its number was given away meanwhile */
	ck_assert(fresh);
}
END_TEST

START_TEST(one_that_is_gone_has_no_name)
{
	const struct process *p = find(1u << 30, 0, 0, 1000);
	struct process copy = *p;

	ck_assert(fresh);
	ck_assert_str_eq(p->comm, "?");
	ck_assert_uint_eq(p->identity, 0);
	process_complete(&copy);
	ck_assert_uint_eq(copy.ppid, 0);
	ck_assert_uint_eq(copy.start, 0);
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
		struct process p = { .pid = own() };

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
	ck_assert_str_eq(find(own(), 0, 0, 1000)->comm, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, one_is_new_once);
	tcase_add_test(tc, with_other_rights_it_is_another);
	tcase_add_test(tc, with_another_name_it_is_another);
	tcase_add_test(tc, two_of_one_slot);
	tcase_add_test(tc, one_that_is_gone_has_no_name);
	tcase_add_test(tc, parent_and_start_whatever_the_name);
	tcase_add_test(tc, one_without_a_name);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
