/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "trace/intern.h"
#include "unit.h"

static struct intern t;

static uint32_t intern(const char *name, bool fresh)
{
	uint32_t id = UINT32_MAX;

	if (!intern_reserve(&t, 1) || intern_name(&t, name, strlen(name), &id) != fresh)
		ck_abort_msg("%s: %s", name, fresh ? "known" : "new");
	return id;
}

START_TEST(names_keep_their_numbers_while_the_table_grows)
{
	char name[32];

	ck_assert_int_eq(intern_init(&t), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "name%u", (unsigned)i);
		if (intern(name, true) != i)
			ck_abort_msg("%s has another number", name);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "name%u", (unsigned)i);
		if (intern(name, false) != i)
			ck_abort_msg("%s has changed its number", name);
	}
	ck_assert_uint_eq(intern("", true), 20000);
	ck_assert_uint_eq(intern("", false), 20000);
	intern_destroy(&t);
}
END_TEST

START_TEST(a_full_table_says_so_and_begins_anew)
{
	char name[32];
	uint32_t id;

	ck_assert_int_eq(intern_init(&t), 0);
	for (uint32_t i = 0; i < INTERN_MAX; i++) {
		snprintf(name, sizeof(name), "%u", (unsigned)i);
		if (!intern_reserve(&t, 1) || !intern_name(&t, name, strlen(name), &id))
			ck_abort_msg("no room for %s", name);
	}
	ck_assert(!intern_reserve(&t, 1));
	intern_reset(&t);
	ck_assert(intern_reserve(&t, 2));
	ck_assert_uint_eq(intern("77", true), 0);
	intern_destroy(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intern");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, names_keep_their_numbers_while_the_table_grows);
	tcase_add_test(tc, a_full_table_says_so_and_begins_anew);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
