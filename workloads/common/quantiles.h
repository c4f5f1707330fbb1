/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Median and quantiles of measured values. */
#ifndef WORKLOADS_QUANTILES_H
#define WORKLOADS_QUANTILES_H

#include <stddef.h>

/* Sorts, the least first: what the functions below expect. */
void values_sort(double *values, size_t count);

/* The middle one, or the mean of the two in the middle; count is not 0. */
double values_median(const double *sorted, size_t count);

/* The least value that `share` (0 to 1) of all do not exceed; count is not 0. */
double values_quantile(const double *sorted, size_t count, double share);

#endif
