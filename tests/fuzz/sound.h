/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sound.h - ends a test when the invariants of its store do not hold. */
#ifndef MEMFS_TESTS_SOUND_H
#define MEMFS_TESTS_SOUND_H

#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

static inline void print_violation(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "store_check: %s\n", line);
}

/* Nobody else may be in the store. */
static inline void must_be_sound(struct store *s)
{
	if (store_check(s, true, print_violation, NULL) != 0)
		abort();
}

#endif
