/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What measured values say when there are several. */
#ifndef WORKLOADS_SAMPLE_H
#define WORKLOADS_SAMPLE_H

#include <stddef.h>

/* Sorts, the least first: what the functions below expect. */
void sample_sort(double *values, size_t count);

/* The middle one, or the mean of the two in the middle; count is not 0. */
double sample_median(const double *sorted, size_t count);

/* The least value that `share` (0 to 1) of all do not exceed; count is not 0. */
double sample_quantile(const double *sorted, size_t count, double share);

#endif
