/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/quantiles.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void values_sort(double *values, size_t count)
{
	if (count)
		qsort(values, count, sizeof(*values), by_size);
}

double values_median(const double *sorted, size_t count)
{
	size_t half = count / 2;

	return count % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double values_quantile(const double *sorted, size_t count, double share)
{
	double position = share * (double)count;
	size_t rank = (size_t)position;

	/* The nearest rank, counted from 1, rounded up. */
	if ((double)rank < position)
		rank++;
	if (rank < 1)
		rank = 1;
	return sorted[rank > count ? count - 1 : rank - 1];
}
