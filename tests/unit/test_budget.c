/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken and given back; and that somebody is told when much was given back. */
#include "store/budget.h"
#include "unit.h"

static struct account account;
static unsigned told;

static void shrunk(void *context)
{
	ck_assert_ptr_eq(context, &account);
	told++;
}

static void setup(void)
{
	account = (struct account){ .limit = UINT64_MAX, .shrunk = shrunk, .context = &account };
	told = 0;
}

START_TEST(the_limit_is_reached_and_not_passed)
{
	account.limit = 100;
	ck_assert(!account_take(&account, 101));
	ck_assert(account_take(&account, 60));
	ck_assert(!account_take(&account, 41));
	ck_assert_uint_eq(account.used, 60);
	ck_assert(account_take(&account, 40));
	ck_assert(!account_take(&account, 1));
	ck_assert(account_take(&account, 0));
	account.limit = 50; /* below what is used, as after a change */
	ck_assert(!account_take(&account, 0));
	account_give(&account, 60);
	ck_assert(account_take(&account, 10));
	ck_assert_uint_eq(account.used, 50);
	ck_assert_uint_eq(account.peak, 100);
}
END_TEST

START_TEST(sums_do_not_wrap)
{
	ck_assert(account_take(&account, UINT64_MAX - 1));
	ck_assert(!account_take(&account, 2));
	ck_assert(account_take(&account, 1));
	ck_assert_uint_eq(account.used, UINT64_MAX);
}
END_TEST

/* At half of what it was at most, and not again before it has grown anew. */
START_TEST(who_wants_to_know_is_told_of_much)
{
	const uint64_t much = 8 * BUDGET_SHRUNK_MIN;

	ck_assert(account_take(&account, much));
	account_give(&account, much / 2 - 1);
	ck_assert_uint_eq(told, 0);
	account_give(&account, 1);
	ck_assert_uint_eq(told, 1);
	account_give(&account, much / 8);
	ck_assert_uint_eq(told, 1);
	account_give(&account, much / 8);
	ck_assert_uint_eq(told, 2);
	ck_assert(account_take(&account, much / 2));
	account_give(&account, much / 2);
	ck_assert_uint_eq(told, 3);
}
END_TEST

START_TEST(little_is_not_worth_it)
{
	ck_assert(account_take(&account, BUDGET_SHRUNK_MIN - 1));
	account_give(&account, BUDGET_SHRUNK_MIN - 1);
	ck_assert_uint_eq(told, 0);
	ck_assert(account_take(&account, BUDGET_SHRUNK_MIN));
	account_give(&account, BUDGET_SHRUNK_MIN);
	ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(nobody_need_be_told)
{
	account.shrunk = NULL;
	ck_assert(account_take(&account, 8 * BUDGET_SHRUNK_MIN));
	account_give(&account, 8 * BUDGET_SHRUNK_MIN);
	ck_assert_uint_eq(account.used, 0);
	ck_assert_uint_eq(told, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("budget");
	TCase *tc = tcase_create("budget");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_limit_is_reached_and_not_passed);
	tcase_add_test(tc, sums_do_not_wrap);
	tcase_add_test(tc, who_wants_to_know_is_told_of_much);
	tcase_add_test(tc, little_is_not_worth_it);
	tcase_add_test(tc, nobody_need_be_told);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
