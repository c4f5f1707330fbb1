/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results for people: project by phase, seconds on each filesystem side by side, and ratios.
 * Over several runs the median, with the least and the most behind it; a ratio is the median of
 * the ratios within each run, since two runs may meet the machine in different moods.
 */
#ifndef COMPILE_WORKLOAD_TABLE_H
#define COMPILE_WORKLOAD_TABLE_H

#include <stdio.h>

#include "common/text.h"
#include "results.h"

void table_print(FILE *out, const struct results *results, const struct text_list *projects,
		 const struct text_list *filesystems);

#endif
