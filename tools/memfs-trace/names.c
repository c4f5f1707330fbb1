/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

struct name {
	struct name *next; /* of the same hash */
	uint32_t number;
	char text[];
};

static void *need(void *memory)
{
	if (!memory)
		exit(complain("memfs-trace", "out of memory"));
	return memory;
}

void *make_zeroed(size_t size)
{
	return need(calloc(1, size));
}

void *make_bigger(void *memory, size_t size)
{
	return need(realloc(memory, size));
}

char *make_copy(const char *text)
{
	return need(strdup(text));
}

/* FNV-1a; never 0, which is no key of a map. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h ? h : 1;
}

uint32_t names_number(struct names *n, const char *name)
{
	const uint64_t key = hash(name);
	struct name *first = map_get(&n->by_hash, key), *made;
	void *old;

	for (made = first; made; made = made->next)
		if (strcmp(made->text, name) == 0)
			return made->number;
	made = make_zeroed(sizeof(*made) + strlen(name) + 1);
	strcpy(made->text, name);
	made->next = first;
	made->number = (uint32_t)n->count;
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? 2 * n->capacity : 64;
		n->all = make_bigger(n->all, n->capacity * sizeof(*n->all));
	}
	n->all[n->count++] = made;
	need(map_set(&n->by_hash, key, made, &old) < 0 ? NULL : made);
	return made->number;
}

const char *names_text(const struct names *n, uint32_t number)
{
	return n->all[number]->text;
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->all[i]);
	free(n->all);
	map_destroy(&n->by_hash, NULL);
	*n = (struct names){ 0 };
}

/* --- a few of them ---------------------------------------------------------- */

#define FEW_FIRST (sizeof(((struct few *)NULL)->first) / sizeof(uint32_t))

const uint32_t *few_numbers(const struct few *f)
{
	return f->numbers ? f->numbers : f->first;
}

bool few_add(struct few *f, uint32_t number)
{
	const uint32_t *have = few_numbers(f);

	for (uint32_t i = 0; i < f->count; i++)
		if (have[i] == number)
			return false;
	if (f->count < FEW_FIRST) {
		f->first[f->count++] = number;
		return true;
	}
	/* The room doubles whenever the count is a power of two. */
	if (!f->numbers) {
		f->numbers = make_bigger(NULL, 8 * sizeof(number));
		memcpy(f->numbers, f->first, sizeof(f->first));
	} else if (f->count >= 8 && !(f->count & (f->count - 1))) {
		f->numbers = make_bigger(f->numbers, 2 * f->count * sizeof(number));
	}
	f->numbers[f->count++] = number;
	return true;
}

void few_free(struct few *f)
{
	free(f->numbers);
	*f = (struct few){ 0 };
}

const char *few_text(const struct few *f, const struct names *n, uint32_t most, char *buf, size_t size)
{
	size_t at = 0;

	*buf = '\0';
	for (uint32_t i = 0; i < f->count && i < most && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : "",
				       names_text(n, few_numbers(f)[i]));
	if (f->count > most && at < size)
		snprintf(buf + at, size - at, ", +%u", f->count - most);
	return buf;
}
