/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "activity.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "event.h"

#define FINEST_NS 1000u /* what it begins with */
#define KEPT_MAX 6000   /* intervals before they grow: enough for any round step in the end */

static void *need(void *memory)
{
	if (!memory)
		exit(complain("timeline", "out of memory"));
	return memory;
}

void activity_begin(struct activity *a, uint64_t origin_ns, uint64_t step_ns)
{
	*a = (struct activity){
		.origin_ns = origin_ns,
		.step_ns = step_ns ? step_ns : FINEST_NS,
		.fixed = step_ns != 0,
	};
}

void activity_free(struct activity *a)
{
	for (size_t i = 0; i < a->count; i++)
		small_histogram_free(&a->intervals[i].ns);
	for (size_t i = 0; i < a->mark_count; i++)
		free(a->marks[i].text);
	free(a->intervals);
	free(a->marks);
	*a = (struct activity){ 0 };
}

/* What a trace holds need not be true: a call may seem to lie before its beginning. */
static uint64_t since_origin(const struct activity *a, uint64_t ns)
{
	return ns > a->origin_ns ? ns - a->origin_ns : 0;
}

/* --- intervals ---------------------------------------------------------------- */

static void merge(struct interval *to, struct interval *from)
{
	if (to->ns.count == 0) {
		small_histogram_free(&to->ns);
		*to = *from;
	} else {
		small_histogram_merge(&to->ns, &from->ns);
		small_histogram_free(&from->ns);
		to->errors += from->errors;
		to->read += from->read;
		to->written += from->written;
	}
	*from = (struct interval){ 0 };
}

static void make_longer(struct activity *a, uint64_t times)
{
	for (size_t i = 1; i < a->count; i++)
		if (i / times != i)
			merge(&a->intervals[i / times], &a->intervals[i]);
	a->count = (a->count + times - 1) / times;
	a->step_ns *= times;
}

/* So that there are at least `count`. */
static void reach(struct activity *a, size_t count)
{
	if (count > a->capacity) {
		size_t capacity = a->capacity ? 2 * a->capacity : 256;

		if (capacity < count)
			capacity = count;
		a->intervals = need(realloc(a->intervals, capacity * sizeof(*a->intervals)));
		a->capacity = capacity;
	}
	if (count <= a->count)
		return;
	memset(&a->intervals[a->count], 0, (count - a->count) * sizeof(*a->intervals));
	a->count = count;
}

/* The interval of a moment; NULL = it is too far away. */
static struct interval *interval_at(struct activity *a, uint64_t ns)
{
	while (!a->fixed && ns / a->step_ns >= KEPT_MAX)
		make_longer(a, 10);
	if (ns / a->step_ns >= ACTIVITY_INTERVALS_MAX)
		return NULL;
	reach(a, (size_t)(ns / a->step_ns) + 1);
	return &a->intervals[ns / a->step_ns];
}

/* --- events --------------------------------------------------------------------- */

void activity_extend(struct activity *a, uint64_t ns)
{
	if (since_origin(a, ns) > a->length_ns)
		a->length_ns = since_origin(a, ns);
}

bool activity_add(struct activity *a, const struct trace_event *e)
{
	struct interval *i = interval_at(a, since_origin(a, e->start_ns));

	if (!i)
		return false;
	activity_extend(a, e->start_ns);
	small_histogram_add(&i->ns, e->duration_ns);
	i->errors += e->error != 0;
	if (e->op == TRACE_OP_READ)
		i->read += e->done;
	else if (e->op == TRACE_OP_WRITE)
		i->written += e->done;
	return true;
}

void activity_mark(struct activity *a, const struct trace_event *e)
{
	const char *text = event_mark(e);

	if (!text)
		return;
	if ((a->mark_count & (a->mark_count - 1)) == 0)
		a->marks = need(realloc(a->marks, (2 * a->mark_count + 1) * sizeof(*a->marks)));
	a->marks[a->mark_count++] = (struct mark){
		.ns = since_origin(a, e->start_ns),
		.text = need(strdup(text)),
	};
}

/* --- the end -------------------------------------------------------------------- */

/* The shortest of 1, 2 or 5 times a power of ten that needs no more than ACTIVITY_COLUMNS intervals. */
static uint64_t choose_step(uint64_t length_ns)
{
	static const uint64_t factors[] = { 1, 2, 5 };
	uint64_t power = 1;

	for (;; power *= 10)
		for (size_t i = 0; i < 3; i++)
			if (length_ns / ACTIVITY_COLUMNS < power * factors[i])
				return power * factors[i];
}

bool activity_finish(struct activity *a)
{
	uint64_t step = choose_step(a->length_ns);

	if (!interval_at(a, a->length_ns))
		return false;
	/* A step that long is a multiple of what is there: see KEPT_MAX. */
	if (!a->fixed && step > a->step_ns)
		make_longer(a, step / a->step_ns);
	return true;
}

double activity_rate(const struct activity *a, uint64_t amount)
{
	return (double)amount * 1e9 / (double)a->step_ns;
}
