/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h - what all unit tests share: running a suite, random numbers that can be had again, what a process has. */
#ifndef MEMFS_TESTS_UNIT_H
#define MEMFS_TESTS_UNIT_H

#include <check.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* xorshift64*: small, and the same everywhere. */
static inline uint64_t unit_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

/* MEMFS_SEED from the environment, or a new one; printed, so that a failure can be repeated. */
static inline uint64_t unit_seed(const char *test)
{
	const char *given = getenv("MEMFS_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	printf("%s: MEMFS_SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	return seed * 2 + 1;
}

/* How many this process has, and some more that are the same each time. */
static inline uint64_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
