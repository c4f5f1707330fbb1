/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figure: how many calls of which kind each method makes in each cache mode. */
#ifndef WRITE_CALLS_PLOT_H
#define WRITE_CALLS_PLOT_H

#include <stdbool.h>

#include "results.h"

/*
 * Leaves write-calls.dat and write-calls.gp in the directory, which is made, and has gnuplot make
 * write-calls.svg and write-calls.png of them. Without a row that has calls there is nothing to
 * draw, and that is all right. `size` is that of the file, for the title. False after a complaint.
 */
bool plot_make(const struct results *results, const char *dir, uint64_t size);

#endif
