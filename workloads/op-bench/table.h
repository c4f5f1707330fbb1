/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results for people: an operation a line, directories side by side; and callbacks of memfs. */
#ifndef OP_BENCH_TABLE_H
#define OP_BENCH_TABLE_H

#include <stdio.h>

#include "results.h"

void table_print(FILE *out, const struct results *results);

#endif
