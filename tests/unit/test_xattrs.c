/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/xattr.h>
#include <string.h>

#include "store/xattrs.h"
#include "unit.h"

static struct account unlimited(void)
{
	return (struct account){ .limit = UINT64_MAX };
}

START_TEST(values_are_kept_and_replaced)
{
	struct account space = unlimited();
	struct xattr *list = NULL;

	ck_assert_ptr_null(xattrs_find(list, "user.a"));
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "one", 3, 0), 0);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.b", NULL, 0, 0), 0);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "three", 5, 0), 0);
	ck_assert_uint_eq(xattrs_find(list, "user.a")->size, 5);
	ck_assert_mem_eq(xattr_value(xattrs_find(list, "user.a")), "three", 5);
	ck_assert_uint_eq(xattrs_find(list, "user.b")->size, 0);
	ck_assert_int_eq(xattrs_remove(&list, &space, "user.a"), 0);
	ck_assert_int_eq(xattrs_remove(&list, &space, "user.a"), -ENODATA);
	ck_assert_ptr_null(xattrs_find(list, "user.a"));
	xattrs_destroy(&list, &space);
	ck_assert_uint_eq(space.used, 0);
}
END_TEST

START_TEST(create_and_replace)
{
	struct account space = unlimited();
	struct xattr *list = NULL;

	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "x", 1, XATTR_REPLACE), -ENODATA);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "x", 1, XATTR_CREATE), 0);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "y", 1, XATTR_CREATE), -EEXIST);
	ck_assert_mem_eq(xattr_value(xattrs_find(list, "user.a")), "x", 1);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", "y", 1, XATTR_REPLACE), 0);
	xattrs_destroy(&list, &space);
}
END_TEST

START_TEST(the_account_bounds_them_and_gets_all_back)
{
	struct account space = { .limit = 1000 };
	static char big[2000];
	struct xattr *list = NULL;
	uint64_t used;

	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", big, 500, 0), 0);
	used = space.used;
	ck_assert_uint_ge(used, 500);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.b", big, 500, 0), -ENOSPC);
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", big, 2000, 0), -ENOSPC);
	ck_assert_uint_eq(space.used, used);
	ck_assert_uint_eq(xattrs_find(list, "user.a")->size, 500);
	/* Smaller always fits, whatever the limit has become. */
	space.limit = 10;
	ck_assert_int_eq(xattrs_set(&list, &space, "user.a", big, 100, 0), 0);
	ck_assert_uint_eq(space.used, used - 400);
	xattrs_destroy(&list, &space);
	ck_assert_uint_eq(space.used, 0);
}
END_TEST

START_TEST(lists_names)
{
	struct account space = unlimited();
	struct xattr *list = NULL;
	char buf[64];

	ck_assert_int_eq(xattrs_list(list, buf, sizeof(buf), true), 0);
	xattrs_set(&list, &space, "user.a", "x", 1, 0);
	xattrs_set(&list, &space, "trusted.b", "x", 1, 0);
	ck_assert_int_eq(xattrs_list(list, NULL, 0, true), 17);
	ck_assert_int_eq(xattrs_list(list, buf, 17, true), 17);
	ck_assert_mem_eq(buf, "user.a\0trusted.b", 17);
	ck_assert_int_eq(xattrs_list(list, buf, 16, true), -ERANGE);
	ck_assert_int_eq(xattrs_list(list, buf, 7, false), 7);
	ck_assert_int_eq(xattrs_list(list, buf, 1, false), -ERANGE);
	xattrs_destroy(&list, &space);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xattrs");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, values_are_kept_and_replaced);
	tcase_add_test(tc, create_and_replace);
	tcase_add_test(tc, the_account_bounds_them_and_gets_all_back);
	tcase_add_test(tc, lists_names);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
