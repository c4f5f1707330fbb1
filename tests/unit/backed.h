/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backed.h - can a store have backing files here? */
#ifndef MEMFS_TESTS_BACKED_H
#define MEMFS_TESTS_BACKED_H

#include <stdio.h>
#include <string.h>

#include "store/store.h"

/* It takes root, and a kernel with fsopen(2). If not, says so: what would be tested over them is left out. */
static inline bool can_back(void)
{
	struct store_options options = { .mode = 0755, .backing = true };
	struct store *s;
	int err = store_create(&options, &s);

	if (err)
		printf("not over backing files: %s\n", strerror(-err));
	else
		store_destroy(s);
	return err == 0;
}

#endif
