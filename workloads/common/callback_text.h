/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts of callbacks in writing: for people, as fields of CSV, as JSON. */
#ifndef WORKLOADS_CALLBACK_TEXT_H
#define WORKLOADS_CALLBACK_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/callbacks.h"

/* What was counted once, for so many operations. */
struct callback_sample {
	const struct callback_counts *counts;
	uint64_t operations; /* not 0 */
};

/*
 * "lookup 1, create 1; later setattr 0-1": how many one operation makes, or the least and the
 * most where the samples differ; "none". Without an end of line.
 */
void callback_print(FILE *out, const struct callback_sample *samples, size_t count);

/* The names of the fields that callback_put() puts, as in a header row. */
#define CALLBACK_COLUMNS "callbacks,callbacks_later,detail,detail_later"

/* Four fields of CSV: sums, and "lookup=64 create=64", by operation. NULL = they are empty. */
void callback_put(FILE *file, const struct callback_counts *counts);

/* An object of JSON with those that are not 0, by operation. */
json_t *callback_json(const uint64_t *counts);

#endif
