/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "command.h"

static void *need(void *memory)
{
	if (!memory)
		exit(complain("a table of sums", "out of memory"));
	return memory;
}

static struct tally_row **find_slot(const struct tally *t, uint64_t hash, const char *text,
				    uint64_t number)
{
	size_t i = (size_t)hash & (t->capacity - 1);

	for (; t->slots[i]; i = (i + 1) & (t->capacity - 1))
		if (t->slots[i]->hash == hash && t->slots[i]->number == number &&
		    strcmp(t->slots[i]->text, text) == 0)
			break;
	return &t->slots[i];
}

static void grow(struct tally *t)
{
	t->capacity = t->capacity ? 2 * t->capacity : 64;
	free(t->slots);
	t->slots = need(calloc(t->capacity, sizeof(*t->slots)));
	for (size_t i = 0; i < t->count; i++)
		*find_slot(t, t->rows[i]->hash, t->rows[i]->text, t->rows[i]->number) = t->rows[i];
	t->room = t->capacity / 2;
	t->rows = need(realloc(t->rows, t->room * sizeof(*t->rows)));
}

static uint64_t hash_of(const char *text, uint64_t number)
{
	return XXH3_64bits_withSeed(text, strlen(text), number);
}

struct tally_row *tally_get(struct tally *t, const char *text, uint64_t number)
{
	uint64_t hash = hash_of(text, number);
	struct tally_row **slot;

	if (t->count == t->room)
		grow(t);
	slot = find_slot(t, hash, text, number);
	if (!*slot) {
		*slot = need(calloc(1, sizeof(**slot)));
		(*slot)->hash = hash;
		(*slot)->number = number;
		(*slot)->text = need(strdup(text));
		t->rows[t->count++] = *slot;
	}
	return *slot;
}

const struct tally_row *tally_find(const struct tally *t, const char *text, uint64_t number)
{
	return t->count ? *find_slot(t, hash_of(text, number), text, number) : NULL;
}

void tally_add(struct tally_sums *sums, const struct trace_event *e)
{
	sums->calls++;
	sums->errors += e->error != 0;
	sums->bytes += e->done;
	sums->ns += e->duration_ns;
	if (e->duration_ns > sums->max_ns)
		sums->max_ns = e->duration_ns;
}

void tally_clear(struct tally *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->rows[i]->text);
		free(t->rows[i]);
	}
	free(t->rows);
	free(t->slots);
	*t = (struct tally){ 0 };
}
