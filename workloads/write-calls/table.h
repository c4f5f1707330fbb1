/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results for people. */
#ifndef WRITE_CALLS_TABLE_H
#define WRITE_CALLS_TABLE_H

#include <stdio.h>

#include "results.h"

/* Callbacks by operation, then the patterns, then what failed or was skipped. */
void table_print(FILE *out, const struct results *results);

#endif
