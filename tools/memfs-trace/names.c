/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

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

uint32_t names_number(struct names *n, const char *name)
{
	bool is_new;
	uint32_t id = ids_get(&n->ids, name, strlen(name), &is_new);

	n->count = n->ids.count;
	return id - 1;
}

const char *names_text(const struct names *n, uint32_t number)
{
	return ids_entry(&n->ids, number + 1)->bytes;
}

void names_free(struct names *n)
{
	ids_free(&n->ids);
	n->count = 0;
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
