/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/callback_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

/* The least and the most of all samples. */
struct range {
	double least, most;
};

static struct range range_of(const struct callback_sample *samples, size_t count, unsigned op,
			     bool later)
{
	struct range range = { INFINITY, -INFINITY };

	for (size_t i = 0; i < count; i++) {
		const struct callback_counts *counts = samples[i].counts;
		double each = (double)(later ? counts->later : counts->during)[op] /
			      (double)samples[i].operations;

		range.least = fmin(range.least, each);
		range.most = fmax(range.most, each);
	}
	return range;
}

/* A whole number as one, another with digits that mean something. */
static void print_number(FILE *out, double n)
{
	if (n == floor(n))
		fprintf(out, "%.0f", n);
	else
		fprintf(out, "%.*f", n < 1 ? 3 : 2, n);
}

/* True when it has printed something. */
static bool print_part(FILE *out, const struct callback_sample *samples, size_t count, bool later)
{
	const char *before = later ? "; later " : "";
	bool any = false;

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		struct range range = range_of(samples, count, op, later);

		if (!(range.most > 0))
			continue;
		fprintf(out, "%s%s ", before, callback_name(op));
		print_number(out, range.least);
		if (range.most > range.least) {
			putc('-', out);
			print_number(out, range.most);
		}
		before = ", ";
		any = true;
	}
	return any;
}

void callback_print(FILE *out, const struct callback_sample *samples, size_t count)
{
	if (!print_part(out, samples, count, false))
		fputs("none", out);
	print_part(out, samples, count, true);
}

static void put_detail(FILE *file, const uint64_t *counts)
{
	const char *separator = "";

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++) {
		if (!counts[op])
			continue;
		fprintf(file, "%s%s=%" PRIu64, separator, callback_name(op), counts[op]);
		separator = " ";
	}
}

void callback_put(FILE *file, const struct callback_counts *counts)
{
	if (!counts) {
		fputs(",,,", file);
		return;
	}
	fprintf(file, "%" PRIu64 ",%" PRIu64 ",", callbacks_sum(counts->during),
		callbacks_sum(counts->later));
	put_detail(file, counts->during);
	putc(',', file);
	put_detail(file, counts->later);
}

json_t *callback_json(const uint64_t *counts)
{
	json_t *object = json_object();

	for (unsigned op = 0; op < TRACE_OP_LIMIT; op++)
		if (counts[op])
			json_object_set_new(object, callback_name(op),
					    json_integer((json_int_t)counts[op]));
	return object;
}
