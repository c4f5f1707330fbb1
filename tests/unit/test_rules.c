/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <memfs/trace_ops.h>
#include <string.h>

#include "memfs-trace/rules.h"
#include "unit.h"

static int parse(struct rules *rules, const char *text, struct rules_error *error)
{
	return rules_parse(rules, "test", text, strlen(text), error);
}

START_TEST(a_rule_is_taken_apart)
{
	struct rules rules = { 0 };
	struct rules_error error;
	const struct rule *r;

	ck_assert_int_eq(parse(&rules, "\n p99(read | write,path!=\"a\\\"\\x41\",pid=7)>=1.5ms # x\n",
			       &error), 0);
	ck_assert_uint_eq(rules.count, 1);
	r = &rules.list[0];
	ck_assert_int_eq(r->function, RULE_P99);
	ck_assert_uint_eq(r->ops, (1u << TRACE_OP_READ) | (1u << TRACE_OP_WRITE));
	ck_assert_int_eq(r->operator, RULE_GE);
	ck_assert_uint_eq(r->value, 1500000);
	ck_assert_uint_eq(r->line, 2);
	ck_assert_str_eq(r->text, "p99(read | write,path!=\"a\\\"\\x41\",pid=7)>=1.5ms");
	ck_assert_uint_eq(r->filter_count, 2);
	ck_assert_int_eq(r->filters[0].key, RULE_PATH);
	ck_assert(r->filters[0].negated);
	ck_assert_str_eq(r->filters[0].text, "a\"A");
	ck_assert_int_eq(r->filters[1].key, RULE_PID);
	ck_assert_uint_eq(r->filters[1].number, 7);
	rules_free(&rules);
}
END_TEST

START_TEST(values_have_the_unit_of_their_kind)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{ "count(*) == 18446744073709551615", UINT64_MAX },
		{ "bytes(read) < 10", 10 }, { "bytes(read) < 1.5K", 1536 },
		{ "bytes(read) < 2T", (uint64_t)2 << 40 }, { "max(read) < 0", 0 },
		{ "max(read) < 3ns", 3 }, { "total(*) < 2h", 7200000000000 },
		{ "complete == true", 1 }, { "complete != false", 0 }, { "complete == 1", 1 },
	};
	static const char *const bad[] = {
		"count(*) == 18446744073709551616", "count(*) == 1K", "count(*) == 1.0",
		"bytes(read) < 16777216T", "bytes(read) < 1ms", "max(read) < 3", "max(read) < 0.5",
		"max(read) < 3.ms", "lost == true", "complete == 2", "complete == ",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct rules rules = { 0 };
		struct rules_error error;

		ck_assert_msg(parse(&rules, good[i].text, &error) == 0, "%s", good[i].text);
		ck_assert_uint_eq(rules.list[0].value, good[i].value);
		rules_free(&rules);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rules rules = { 0 };
		struct rules_error error;

		ck_assert_msg(parse(&rules, bad[i], &error) == -EINVAL, "%s", bad[i]);
		ck_assert_uint_eq(rules.count, 0);
		rules_free(&rules);
	}
}
END_TEST

START_TEST(an_error_tells_its_place_and_adds_nothing)
{
	struct rules rules = { 0 };
	struct rules_error error;

	ck_assert_int_eq(parse(&rules, "lost == 0; gaps == 0", &error), 0);
	ck_assert_int_eq(parse(&rules, "lost == 0\n count(read) == 1; count(nonsense) == 1", &error),
			 -EINVAL);
	ck_assert_uint_eq(rules.count, 2);
	ck_assert_uint_eq(error.line, 2);
	ck_assert_uint_eq(error.column, 26);
	ck_assert_str_eq(error.what, "nonsense: no such operation");
	rules_free(&rules);
}
END_TEST

/* Texts that are nearly rules, each in memory of just its length. */
START_TEST(no_text_breaks_the_parser)
{
	static const char *const pieces[] = {
		"count", "errors", "p99", "lost", "complete", "(", ")", "|", ",", "*", "read", "write",
		"path", "pid", "errno", "=", "==", "!=", "<", ">=", "\"", "\\", "\\x4", "\\x41", "\n",
		";", "#", " ", "12", ".", "5", "ms", "K", "99999999999999999999", "true", "ENOENT", "\xff",
	};
	uint64_t state = unit_seed("rules");
	unsigned taken = 0;

	for (int round = 0; round < 200000; round++) {
		struct rules rules = { 0 };
		struct rules_error error = { 0 };
		char text[512], *exact;
		size_t length = 0;
		int err;

		/* Hardly one of words by chance is a rule: some begin as one. */
		if (round % 8 == 0) {
			strcpy(text, "count(*)<1\n");
			length = strlen(text);
		}
		for (int words = (int)(unit_random(&state) % 14); words >= 0; words--) {
			const char *piece = pieces[unit_random(&state) %
						   (sizeof(pieces) / sizeof(pieces[0]))];

			memcpy(text + length, piece, strlen(piece));
			length += strlen(piece);
		}
		if (unit_random(&state) % 4 == 0)
			text[unit_random(&state) % length] = '\0';
		exact = malloc(length);
		memcpy(exact, text, length);
		err = rules_parse(&rules, "test", exact, length, &error);
		ck_assert(err == 0 || (err == -EINVAL && error.line && error.column &&
				       error.what[0] && !strchr(error.what, '\n')));
		ck_assert(err == 0 || rules.count == 0);
		taken += rules.count > 0;
		rules_free(&rules);
		free(exact);
	}
	ck_assert_uint_gt(taken, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules");
	TCase *tests = tcase_create("rules");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_rule_is_taken_apart);
	tcase_add_test(tests, values_have_the_unit_of_their_kind);
	tcase_add_test(tests, an_error_tells_its_place_and_adds_nothing);
	tcase_add_test(tests, no_text_breaks_the_parser);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
