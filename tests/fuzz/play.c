/* SPDX-License-Identifier: GPL-2.0-or-later */
/* play.c - from the first operation to the last, and the whole afterwards. */
#include "play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"
#include "sound.h"

#define SOUND_EVERY 512 /* steps between two looks at the store's invariants */

/* --- limits -------------------------------------------------------------- */

static const uint64_t sizes[] = { 0, 0, 0, 50000, 500000, 3000000, 32u << 20, 200000 };
static const uint64_t counts[] = { 0, 0, 0, 12, 40, 200, UINT64_MAX, 1000 };

/* tmpfs rounds up to whole pages. */
static uint64_t round_limit(const struct player *p, uint64_t size)
{
	return p->backed ? (size + MODEL_PAGE - 1) / MODEL_PAGE * MODEL_PAGE : size;
}

void play_limits(struct player *p)
{
	uint64_t kind = take(p, 1), size = round_limit(p, sizes[kind % 8]), nr = counts[kind / 8 % 8];
	struct store_usage usage;
	int expected;

	store_usage(p->store, &usage);
	if (kind & 0x80) {
		expected = model_set_nr_inodes(&p->model, nr);
		same(p, "set_nr_inodes", store_set_nr_inodes(p->store, nr), expected);
	} else {
		expected = size && size < usage.bytes ? -EINVAL : 0;
		same(p, "resize", store_resize(p->store, size), expected);
		if (!expected)
			p->limit = size;
	}
	check_usage(p);
}

void play_usage(struct player *p)
{
	check_usage(p);
}

/* --- the whole ----------------------------------------------------------- */

static const struct action {
	void (*run)(struct player *p);
	const char *name;
	unsigned weight;
} actions[] = {
#define X(name, weight) { play_##name, #name, weight },
	ACTIONS(X)
#undef X
};

static const struct action *take_action(struct player *p)
{
	unsigned n = (unsigned)take(p, 1);

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (n < actions[i].weight)
			return &actions[i];
		n -= actions[i].weight;
	}
	return &actions[0];
}

/* All that is alive: attributes, bytes, names. */
static void check_all(struct player *p)
{
	p->what = "the whole tree";
	for (int i = 1; i < p->model.node_count; i++) {
		struct model_node *n = &p->model.nodes[i];

		check_node(p, i);
		if (!n->alive)
			continue;
		check_xattr_names(p, i, true);
		for (size_t x = 0; x < n->xattr_count; x++)
			check_xattr(p, i, n->xattrs[x].name, 65536);
		if (S_ISLNK(n->type))
			check_target(p, i, 5000);
		if (S_ISDIR(n->type)) {
			start_listing(p, i);
			list_on(p, INT32_MAX, false);
		}
		if (!S_ISREG(n->type))
			continue;
		check_read(p, i, 0, STORE_READ_MAX);
		for (size_t page = 0; page < n->page_count; page++)
			if (n->pages[page].number >= STORE_READ_MAX / MODEL_PAGE)
				check_read(p, i, n->pages[page].number * MODEL_PAGE, MODEL_PAGE);
	}
	check_walk(p);
	check_usage(p);
}

static void remove_all_names(struct player *p)
{
	struct model *m = &p->model;
	int gone;

	for (int i = 1; i < m->node_count; i++)
		same(p, "set_flags", store_set_flags(p->store, m->nodes[i].id, 0), model_set_flags(m, i, 0));
	while (m->name_count) {
		/* From the end: what is in a directory may well be behind it, but goes in some round. */
		for (int i = m->name_count - 1; i >= 0; i--) {
			struct model_name n = m->names[i];

			if (S_ISDIR(m->nodes[n.node].type))
				same(p, "rmdir", store_rmdir(p->store, id_of(p, n.dir), n.text, NULL),
				     model_rmdir(m, n.dir, n.text, &gone));
			else
				same(p, "unlink", store_unlink(p->store, id_of(p, n.dir), n.text, NULL),
				     model_unlink(m, n.dir, n.text, &gone));
			if (i > m->name_count)
				i = m->name_count;
		}
	}
}

/* Nothing is left, and nothing is held for what was. */
static void empty(struct player *p)
{
	struct store_usage usage;

	p->what = "emptying";
	remove_all_names(p);
	for (int i = 2; i < p->model.node_count; i++) {
		store_forget(p->store, id_of(p, i), UINT64_MAX);
		model_forget(&p->model, i, UINT64_MAX);
		check_node(p, i);
	}
	check_usage(p);
	store_usage(p->store, &usage);
	same(p, "nodes left", (int64_t)usage.nodes, 1);
	same(p, "bytes left", (int64_t)usage.bytes, 0);
}

static uint64_t play_on(const uint8_t *bytes, size_t size, bool backed)
{
	static struct player players; /* large */
	struct player *p = &players;
	struct store_options options = { .mode = 0755, .uid = 1, .gid = 2, .backing = backed };
	uint64_t kind;

	*p = (struct player){ .at = bytes, .end = bytes + size, .what = "making", .backed = backed };
	kind = take(p, 1);
	options.size = p->limit = round_limit(p, sizes[kind % 8]);
	options.nr_inodes = counts[kind / 8 % 6];
	model_init(&p->model, &options);
	same(p, "result", store_create(&options, &p->store), 0);
	for (unsigned i = 0; i < HAND; i++)
		p->hand[i] = MODEL_ROOT;
	while (p->at < p->end) {
		const struct action *action = take_action(p);

		p->steps++;
		p->what = action->name;
		clock_gettime(CLOCK_REALTIME_COARSE, &p->model.now);
		action->run(p);
		if (p->steps % SOUND_EVERY == 0)
			must_be_sound(p->store);
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &p->model.now);
	check_all(p);
	must_be_sound(p->store);
	empty(p);
	must_be_sound(p->store);
	store_destroy(p->store);
	model_destroy(&p->model);
	return p->steps;
}

uint64_t play(const uint8_t *bytes, size_t size)
{
	return play_on(bytes, size, false);
}

uint64_t play_backed(const uint8_t *bytes, size_t size)
{
	return play_on(bytes, size, true);
}
