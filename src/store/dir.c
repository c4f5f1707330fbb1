/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <pthread.h>

#include <xxhash.h>

#define SMALL 8         /* up to here a scan is as fast as a hash table */
#define MAX_ENTRIES (1u << 31)

/* A seed of this process's own: nobody can choose names that all collide. */
static uint64_t hash_seed;
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void make_hash_seed(void)
{
	if (getrandom(&hash_seed, sizeof(hash_seed), GRND_NONBLOCK) < 0)
		hash_seed = (uint64_t)(uintptr_t)&hash_seed;
}

int dir_name_init(struct dir_name *n, const char *name)
{
	size_t length = strnlen(name, STORE_NAME_MAX + 1);

	if (length == 0)
		return -ENOENT;
	if (length > STORE_NAME_MAX)
		return -ENAMETOOLONG;
	pthread_once(&hash_once, make_hash_seed);
	n->name = name;
	n->length = (uint8_t)length;
	n->hash = (uint32_t)XXH3_64bits_withSeed(name, length, hash_seed);
	return 0;
}

void dir_init(struct dir *d)
{
	*d = (struct dir){ .next_cookie = DIR_COOKIE_FIRST };
}

static bool is_gap(dir_cell cell)
{
	return cell & 1;
}

static struct dirent_node *entry_at(const struct dir *d, uint32_t index)
{
	return (struct dirent_node *)d->entries[index];
}

static uint64_t cookie_at(const struct dir *d, uint32_t index)
{
	return is_gap(d->entries[index]) ? d->entries[index] >> 1 : entry_at(d, index)->cookie;
}

void dir_destroy(struct dir *d)
{
	for (uint32_t i = 0; i < d->used; i++)
		if (!is_gap(d->entries[i]))
			free(entry_at(d, i));
	free(d->entries);
	free(d->slots);
	dir_init(d);
}

static bool same_name(const struct dirent_node *e, const struct dir_name *n)
{
	return e->hash == n->hash && e->length == n->length &&
	       memcmp(e->name, n->name, n->length) == 0;
}

struct dirent_node *dir_find(const struct dir *d, const struct dir_name *name)
{
	if (!d->slots) {
		for (uint32_t i = 0; i < d->used; i++)
			if (!is_gap(d->entries[i]) && same_name(entry_at(d, i), name))
				return entry_at(d, i);
		return NULL;
	}
	for (uint32_t i = name->hash & (d->slot_count - 1); d->slots[i];
	     i = (i + 1) & (d->slot_count - 1)) {
		struct dirent_node *e = entry_at(d, d->slots[i] - 1);

		if (same_name(e, name))
			return e;
	}
	return NULL;
}

struct dirent_node *dir_entry_create(const struct dir_name *name)
{
	struct dirent_node *e = malloc(sizeof(*e) + name->length + 1);

	if (!e)
		return NULL;
	e->node = 0;
	e->cookie = 0;
	e->hash = name->hash;
	e->type = 0;
	e->length = name->length;
	memcpy(e->name, name->name, name->length);
	e->name[name->length] = '\0';
	return e;
}

static void slot_put(struct dir *d, uint32_t index)
{
	uint32_t i = entry_at(d, index)->hash & (d->slot_count - 1);

	while (d->slots[i])
		i = (i + 1) & (d->slot_count - 1);
	d->slots[i] = index + 1;
}

static void fill_slots(struct dir *d)
{
	memset(d->slots, 0, d->slot_count * sizeof(*d->slots));
	for (uint32_t i = 0; i < d->used; i++)
		if (!is_gap(d->entries[i]))
			slot_put(d, i);
}

/* Closes the gaps; cookies stay, so listings under way go on where they were. */
static void compact(struct dir *d)
{
	uint32_t to = 0;

	if (d->used == d->live)
		return;
	for (uint32_t i = 0; i < d->used; i++) {
		if (is_gap(d->entries[i]))
			continue;
		d->entries[to] = d->entries[i];
		entry_at(d, to)->index = to;
		to++;
	}
	d->used = to;
	if (d->slots)
		fill_slots(d);
}

/* Gives memory back after many removals. That it may fail does no harm. */
static void shrink(struct dir *d)
{
	uint32_t capacity = d->live + d->live / 2 + 4;
	dir_cell *entries;

	compact(d);
	if (d->live <= SMALL && d->slots) {
		free(d->slots);
		d->slots = NULL;
		d->slot_count = 0;
	} else if (d->slots && d->slot_count > 8 * d->live) {
		uint32_t count = d->slot_count;
		uint32_t *slots;

		while (count > 4 * d->live)
			count /= 2;
		slots = malloc(count * sizeof(*slots));
		if (slots) {
			free(d->slots);
			d->slots = slots;
			d->slot_count = count;
			fill_slots(d);
		}
	}
	entries = realloc(d->entries, capacity * sizeof(*entries));
	if (entries) {
		d->entries = entries;
		d->capacity = capacity;
	}
}

static int grow_slots(struct dir *d, uint32_t wanted)
{
	uint32_t count = d->slot_count ? d->slot_count : 4 * SMALL;
	uint32_t *slots;

	while (count < wanted + wanted / 3)
		count *= 2;
	if (count == d->slot_count)
		return 0;
	slots = malloc(count * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(d->slots);
	d->slots = slots;
	d->slot_count = count;
	fill_slots(d);
	return 0;
}

int dir_reserve(struct dir *d, unsigned n)
{
	if (d->live + n > MAX_ENTRIES)
		return -ENOSPC;
	if (d->used + n > d->capacity && d->live < d->used - d->used / 4)
		compact(d);
	if (d->used + n > d->capacity) {
		uint32_t capacity = d->used + n + d->used / 2;
		dir_cell *entries = realloc(d->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		d->entries = entries;
		d->capacity = capacity;
	}
	if (d->slots || d->used + n > SMALL)
		return grow_slots(d, d->live + n);
	return 0;
}

void dir_insert(struct dir *d, struct dirent_node *entry, node_id node, uint8_t type)
{
	entry->node = node;
	entry->type = type;
	entry->cookie = d->next_cookie++;
	entry->index = d->used;
	d->entries[d->used++] = (dir_cell)entry;
	d->live++;
	if (d->slots)
		slot_put(d, d->used - 1);
}

/* Frees a slot and moves later ones of the same run up, so that no marks of deletion are needed. */
static void slot_remove(struct dir *d, uint32_t index)
{
	uint32_t mask = d->slot_count - 1;
	uint32_t hole = entry_at(d, index)->hash & mask;

	while (d->slots[hole] != index + 1)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; d->slots[i]; i = (i + 1) & mask) {
		uint32_t home = entry_at(d, d->slots[i] - 1)->hash & mask;

		/* May the one at i stand at hole? Only if its home is not in (hole, i]. */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			d->slots[hole] = d->slots[i];
			hole = i;
		}
	}
	d->slots[hole] = 0;
}

void dir_remove(struct dir *d, struct dirent_node *entry)
{
	if (d->slots)
		slot_remove(d, entry->index);
	d->entries[entry->index] = (dir_cell)(entry->cookie << 1 | 1);
	d->live--;
	free(entry);
	while (d->used > 0 && is_gap(d->entries[d->used - 1]))
		d->used--;
	if (d->used - d->live > d->live + 2 * SMALL ||
	    (d->capacity > 64 && d->live < d->capacity / 4))
		shrink(d);
}

struct dirent_node *dir_next(const struct dir *d, uint64_t cookie)
{
	uint32_t low = 0, high = d->used;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (cookie_at(d, middle) > cookie)
			high = middle;
		else
			low = middle + 1;
	}
	while (low < d->used && is_gap(d->entries[low]))
		low++;
	return low < d->used ? entry_at(d, low) : NULL;
}

/* --- looking whether all is as it must be ------------------------------------ */

static const char *check_entry(const struct dir *d, const struct dirent_node *e, uint32_t index)
{
	struct dir_name name;

	if (e->index != index)
		return "an entry does not know where it stands";
	if (dir_name_init(&name, e->name) < 0 || name.length != e->length || name.hash != e->hash)
		return "an entry's length or hash is not that of its name";
	if (dir_find(d, &name) != e)
		return "an entry is not found by its name, or is there twice";
	return NULL;
}

static const char *check_slots(const struct dir *d)
{
	uint32_t taken = 0;

	if (!d->slots)
		return d->slot_count ? "a count of slots, but no slots" : NULL;
	if (!d->slot_count || d->slot_count & (d->slot_count - 1) || d->slot_count <= d->live)
		return "slots are too few, or no power of two";
	for (uint32_t i = 0; i < d->slot_count; i++) {
		if (!d->slots[i])
			continue;
		if (d->slots[i] > d->used || is_gap(d->entries[d->slots[i] - 1]))
			return "a slot leads to no entry";
		taken++;
	}
	return taken == d->live ? NULL : "other slots are taken than there are entries";
}

const char *dir_check(const struct dir *d)
{
	uint64_t cookie = DIR_COOKIE_FIRST - 1;
	const char *wrong = NULL;
	uint32_t live = 0;

	if (d->used > d->capacity || d->live > d->used)
		return "more entries than there is room for";
	wrong = check_slots(d);
	for (uint32_t i = 0; !wrong && i < d->used; i++) {
		if (cookie_at(d, i) <= cookie)
			wrong = "cookies do not grow";
		cookie = cookie_at(d, i);
		if (is_gap(d->entries[i]))
			continue;
		live++;
		if (!wrong)
			wrong = check_entry(d, entry_at(d, i), i);
	}
	if (!wrong && cookie >= d->next_cookie)
		wrong = "the next cookie is one that was given already";
	if (!wrong && live != d->live)
		wrong = "the count of entries is wrong";
	return wrong;
}
