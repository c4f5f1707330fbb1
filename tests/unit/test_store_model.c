/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on the store and on a simple model of it (tests/fuzz), of
 * which all answers must be the same. MEMFS_STEPS: how many (default 1000000).
 */
#include "../fuzz/play.h"
#include "backed.h"
#include "unit.h"

static void run(uint64_t (*play_it)(const uint8_t *bytes, size_t size), uint64_t steps, size_t size)
{
	uint64_t state = unit_seed("store and model"), done = 0;
	uint8_t *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	while (done < steps) {
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(unit_random(&state) >> 32);
		done += play_it(bytes, size);
	}
	free(bytes);
}

static uint64_t steps(void)
{
	const char *given = getenv("MEMFS_STEPS");

	return given ? strtoull(given, NULL, 10) : 1000000;
}

/* Many trees, each from its beginning. */
START_TEST(short_lives)
{
	run(play, steps() / 2, 4000);
}
END_TEST

/* Few trees that grow old: ids are used again, directories have had many names. */
START_TEST(long_lives)
{
	run(play, steps() / 2, 200000);
}
END_TEST

/* Each step is some system calls there: fewer of them. */
START_TEST(backed_lives)
{
	if (!can_back())
		return;
	run(play_backed, steps() / 10, 4000);
	run(play_backed, steps() / 10, 100000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_model");
	TCase *tc = tcase_create("store_model");

	tcase_set_timeout(tc, 500);
	tcase_add_test(tc, short_lives);
	tcase_add_test(tc, long_lives);
	tcase_add_test(tc, backed_lives);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
