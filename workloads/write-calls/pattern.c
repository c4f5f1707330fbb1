/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each different call has a number; the sequence is one of numbers. Folding replaces what repeats by
 * one new number, whose text is "(...)xN", pass after pass until nothing repeats any more: first
 * single calls, then groups. So runs are found inside of groups, and groups inside of groups.
 */
#include "pattern.h"

#include <inttypes.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define LONG_TEXT 240   /* characters; from here on sizes are put together */
#define LONGEST_GROUP 16 /* calls */

/* One call as it was added. */
struct step {
	uint32_t call, subject; /* words */
	uint64_t bytes;
};

/* Texts and their numbers, found by either. */
struct words {
	void *tree; /* tsearch(3), of struct word */
	struct word **words;
	uint32_t count;
};

struct word {
	char *text;
	uint32_t number;
};

struct pattern {
	struct words words;
	struct step *steps;
	size_t count, room;
};

struct sequence {
	uint32_t *items;
	size_t count;
};

/* --- words -------------------------------------------------------------- */

static int compare_words(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

/* The number of a text, which it takes over. */
static uint32_t number_of(struct words *w, char *text)
{
	struct word key = { .text = text }, *word, **found = tfind(&key, &w->tree, compare_words);

	if (found) {
		free(text);
		return (*found)->number;
	}
	word = zalloc(1, sizeof(*word));
	*word = (struct word){ .text = text, .number = w->count };
	if (!tsearch(word, &w->tree, compare_words))
		out_of_memory();
	w->words = enlarge(w->words, w->count + 1, sizeof(struct word *));
	w->words[w->count] = word;
	return w->count++;
}

static void keep(void *word)
{
	(void)word; /* the array frees it */
}

static void words_free(struct words *w)
{
	tdestroy(w->tree, keep);
	for (uint32_t i = 0; i < w->count; i++) {
		free(w->words[i]->text);
		free(w->words[i]);
	}
	free(w->words);
}

/* --- adding ------------------------------------------------------------- */

struct pattern *pattern_new(void)
{
	return zalloc(1, sizeof(struct pattern));
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	words_free(&p->words);
	free(p->steps);
	free(p);
}

void pattern_add(struct pattern *p, const char *call, uint64_t bytes, const char *subject)
{
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->steps = enlarge(p->steps, p->room, sizeof(*p->steps));
	}
	p->steps[p->count++] = (struct step){
		.call = number_of(&p->words, text_copy(call)), .bytes = bytes,
		.subject = number_of(&p->words, text_copy(subject)),
	};
}

/* --- folding ------------------------------------------------------------ */

/* How often the group of `length` at `at` stands there one after the other. */
static size_t repeats(const struct sequence *s, size_t at, size_t length)
{
	size_t times = 1;

	while (at + (times + 1) * length <= s->count &&
	       memcmp(s->items + at, s->items + at + times * length,
		      length * sizeof(*s->items)) == 0)
		times++;
	return times;
}

/* "(A B)x3" */
static char *group_text(const struct words *w, const uint32_t *items, size_t length, size_t times)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		out_of_memory();
	for (size_t i = 0; i < length; i++)
		fprintf(out, "%s%s", i ? " " : times > 1 ? "(" : "", w->words[items[i]]->text);
	if (times > 1)
		fprintf(out, ")x%zu", times);
	if (fclose(out) != 0)
		out_of_memory();
	return text;
}

/* One pass, for groups of up to `longest`; true when something was folded. */
static bool fold(struct words *w, struct sequence *s, size_t longest)
{
	size_t out = 0, at = 0;
	bool folded = false;

	while (at < s->count) {
		size_t best = 1, best_times = 1;

		for (size_t length = 1; length <= longest; length++) {
			size_t times = repeats(s, at, length);

			if (times > 1 && (best_times == 1 || times * length > best_times * best)) {
				best = length;
				best_times = times;
			}
		}
		if (best_times > 1) {
			char *text = group_text(w, s->items + at, best, best_times);

			s->items[out++] = number_of(w, text);
			folded = true;
		} else {
			s->items[out++] = s->items[at];
		}
		at += best * best_times;
	}
	s->count = out;
	return folded;
}

/* --- the text ----------------------------------------------------------- */

const char *pattern_bytes(uint64_t bytes, char text[static 32])
{
	if (bytes && bytes % (1 << 20) == 0)
		snprintf(text, 32, "%" PRIu64 " MiB", bytes >> 20);
	else if (bytes && bytes % (1 << 10) == 0)
		snprintf(text, 32, "%" PRIu64 " KiB", bytes >> 10);
	else
		snprintf(text, 32, "%" PRIu64 " B", bytes);
	return text;
}

/* The sizes that a step stands for: its own, or those of others that it is put together with. */
struct range {
	uint64_t least, most;
};

static void widen(struct range *range, uint64_t bytes)
{
	range->least = bytes < range->least ? bytes : range->least;
	range->most = bytes > range->most ? bytes : range->most;
}

static bool differ_in_bytes_only(const struct step *a, const struct step *b)
{
	return a->call == b->call && a->subject == b->subject && a->bytes != PATTERN_NO_BYTES &&
	       b->bytes != PATTERN_NO_BYTES;
}

/* Neighbours that differ in their bytes only get one range. */
static void join_neighbours(const struct pattern *p, struct range *ranges)
{
	size_t end;

	for (size_t at = 0; at < p->count; at = end) {
		for (end = at + 1; end < p->count &&
				   differ_in_bytes_only(&p->steps[at], &p->steps[end]); end++)
			widen(&ranges[at], p->steps[end].bytes);
		for (size_t i = at + 1; i < end; i++)
			ranges[i] = ranges[at];
	}
}

/* All steps that differ in their bytes only get one range, wherever they are. */
static void join_all(const struct pattern *p, struct range *ranges)
{
	struct { const struct step *step; struct range range; } *kinds;
	uint32_t *kind_of = zalloc(p->count + 1, sizeof(*kind_of));
	size_t count = 0;

	kinds = zalloc(p->count + 1, sizeof(*kinds));
	for (size_t i = 0; i < p->count; i++) {
		size_t kind = 0;

		while (kind < count && !differ_in_bytes_only(kinds[kind].step, &p->steps[i]))
			kind++;
		if (kind == count && p->steps[i].bytes == PATTERN_NO_BYTES)
			continue;
		if (kind == count) {
			kinds[count].step = &p->steps[i];
			kinds[count++].range = ranges[i];
		}
		widen(&kinds[kind].range, p->steps[i].bytes);
		kind_of[i] = (uint32_t)kind;
	}
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].bytes != PATTERN_NO_BYTES)
			ranges[i] = kinds[kind_of[i]].range;
	free(kinds);
	free(kind_of);
}

/* "WRITE 4 KiB-1 MiB name", "WRITE 4 KiB", "CREATE name" */
static char *step_text(const struct pattern *p, const struct step *step, const struct range *range)
{
	const char *call = p->words.words[step->call]->text;
	const char *subject = p->words.words[step->subject]->text;
	const char *space = *subject ? " " : "";
	char from[32], to[32];

	if (step->bytes == PATTERN_NO_BYTES)
		return text_format("%s%s%s", call, space, subject);
	pattern_bytes(range->least, from);
	if (range->least == range->most)
		return text_format("%s %s%s%s", call, from, space, subject);
	return text_format("%s %s-%s%s%s", call, from, pattern_bytes(range->most, to), space,
			   subject);
}

/* With the sizes as `join` puts them together; NULL = each its own. */
static char *render(const struct pattern *p,
		    void (*join)(const struct pattern *p, struct range *ranges))
{
	struct range *ranges = zalloc(p->count + 1, sizeof(*ranges));
	struct sequence s = { .items = zalloc(p->count + 1, sizeof(uint32_t)) };
	struct words words = { 0 };
	char *text;

	for (size_t i = 0; i < p->count; i++)
		ranges[i] = (struct range){ p->steps[i].bytes, p->steps[i].bytes };
	if (join)
		join(p, ranges);
	for (; s.count < p->count; s.count++)
		s.items[s.count] = number_of(&words, step_text(p, &p->steps[s.count],
							       &ranges[s.count]));
	fold(&words, &s, 1);
	while (fold(&words, &s, LONGEST_GROUP))
		;
	text = group_text(&words, s.items, s.count, 1);
	words_free(&words);
	free(s.items);
	free(ranges);
	return text;
}

char *pattern_text(const struct pattern *p)
{
	void (*const joins[])(const struct pattern *, struct range *) = {
		join_neighbours, join_all,
	};
	char *text = render(p, NULL);

	/* Only as much is put together as makes it shorter. */
	for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		char *shorter;

		if (strlen(text) <= LONG_TEXT)
			break;
		shorter = render(p, joins[i]);
		if (strlen(shorter) < strlen(text)) {
			free(text);
			text = shorter;
		} else {
			free(shorter);
		}
	}
	return text;
}
