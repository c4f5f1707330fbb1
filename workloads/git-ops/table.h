/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results for people: times of each command on each filesystem side by side, CPU time, and
 * callbacks of memfs. A ratio is the median of the ratios within each run.
 */
#ifndef GIT_OPS_TABLE_H
#define GIT_OPS_TABLE_H

#include <stdio.h>

#include "common/text.h"
#include "results.h"

void table_print(FILE *out, const struct results *results, const struct text_list *filesystems,
		 unsigned runs);

#endif
