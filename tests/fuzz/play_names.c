/* SPDX-License-Identifier: GPL-2.0-or-later */
/* play_names.c - operations on names, and listings. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

/* --- names --------------------------------------------------------------- */

void play_lookup(struct player *p)
{
	int dir = take_dir(p), node = 0, expected;
	const char *name = take_name(p, 0);
	struct store_entry entry;

	expected = model_lookup(&p->model, dir, name, &node);
	same(p, "result", store_lookup(p->store, id_of(p, dir), name, &entry), expected);
	if (expected)
		return;
	check_stat(p, node, &entry.attr);
	same(p, "generation", (int64_t)entry.generation, (int64_t)(entry.id >> 32));
	for (unsigned i = 0; i < HAND; i++)
		if (p->hand[i] == node)
			return;
	hold(p, node);
}

static void make(struct player *p, mode_t type)
{
	static const mode_t types[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, 0, S_IFLNK,
					S_IFDIR };
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected, err;
	const char *name = take_name(p, 0);
	mode_t mode = (mode_t)take(p, 2) & 07777;
	struct store_entry entry;
	dev_t rdev = mode % 1000;

	if (type == S_IFDIR) {
		expected = model_mkdir(&p->model, cred, dir, name, mode, &node);
		err = store_mkdir(p->store, cred, id_of(p, dir), name, mode, &entry);
	} else {
		mode |= type ? type : types[take(p, 1) % 8];
		expected = model_mknod(&p->model, cred, dir, name, mode, rdev, &node);
		err = store_mknod(p->store, cred, id_of(p, dir), name, mode, rdev, &entry);
	}
	same(p, "result", err, expected);
	if (!err)
		made(p, node, &entry);
	check_node(p, dir);
}

void play_mknod(struct player *p)
{
	make(p, 0);
}

void play_create(struct player *p)
{
	make(p, S_IFREG);
}

void play_mkdir(struct player *p)
{
	make(p, S_IFDIR);
}

/* Many names at once: directories of more than a handful are kept in another way. */
void play_make_many(struct player *p)
{
	const struct store_cred cred = { 0 };
	int dir = take_dir(p), first = (int)take(p, 1), count = (int)take(p, 1) % 40;
	struct store_entry entry;
	char name[32];
	int node, err;

	for (int i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		err = model_mknod(&p->model, cred, dir, name, S_IFREG, 0, &node);
		same(p, "result", store_mknod(p->store, cred, id_of(p, dir), name, S_IFREG, 0, &entry), err);
		if (err)
			continue;
		p->model.nodes[node].id = entry.id;
		store_forget(p->store, entry.id, 1);
		model_forget(&p->model, node, 1);
	}
	check_node(p, dir);
}

void play_remove_many(struct player *p)
{
	int dir = take_dir(p), first = (int)take(p, 1), count = (int)take(p, 1) % 40, gone;
	char name[32];

	for (int i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		same(p, "result", store_unlink(p->store, id_of(p, dir), name, NULL),
		     model_unlink(&p->model, dir, name, &gone));
	}
	check_node(p, dir);
}

void play_symlink(struct player *p)
{
	static char target[5000];
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected;
	const char *name = take_name(p, 0);
	size_t kind = take(p, 1), length = kind < 200 ? kind % 20 : kind * 19;
	struct store_entry entry;

	memset(target, 't', length);
	target[length] = '\0';
	expected = model_symlink(&p->model, cred, dir, name, target, &node);
	same(p, "result", store_symlink(p->store, cred, id_of(p, dir), name, target, &entry), expected);
	if (!expected)
		made(p, node, &entry);
	check_node(p, dir);
}

void check_target(struct player *p, int node, size_t size)
{
	struct model_node *n = &p->model.nodes[node];
	char target[5000];
	ssize_t got = store_readlink(p->store, id_of(p, node), target, size);

	if (!n->alive || !S_ISLNK(n->type)) {
		same(p, "readlink", got, n->alive ? -EINVAL : -ESTALE);
		return;
	}
	same(p, "readlink", got, (int64_t)(n->size < size - 1 ? n->size : size - 1));
	if (strncmp(target, n->target, (size_t)got) != 0 || target[got])
		differ(p, "another target");
}

void play_readlink(struct player *p)
{
	int node = take_kind(p, S_IFLNK);

	check_target(p, node, take(p, 1) + 1);
}

void play_tmpfile(struct player *p)
{
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected;
	mode_t mode = (mode_t)take(p, 2) & 07777;
	struct store_entry entry;

	expected = model_tmpfile(&p->model, cred, dir, mode, &node);
	same(p, "result", store_tmpfile(p->store, cred, id_of(p, dir), mode, &entry), expected);
	if (!expected)
		made(p, node, &entry);
}

void play_link(struct player *p)
{
	int node = take_node(p), dir = take_dir(p), expected;
	const char *name = take_name(p, 0);
	struct store_entry entry;

	expected = model_link(&p->model, node, dir, name);
	same(p, "result", store_link(p->store, id_of(p, node), id_of(p, dir), name, &entry), expected);
	if (!expected)
		check_stat(p, node, &entry.attr);
	check_node(p, dir);
}

static void removed(struct player *p, int dir, int gone, node_id gone_id)
{
	same(p, "whose name it was", (int64_t)gone_id, gone ? (int64_t)id_of(p, gone) : 0);
	check_node(p, dir);
	if (gone)
		check_node(p, gone);
}

void play_unlink(struct player *p)
{
	int dir = take_dir(p), gone = 0, expected;
	const char *name = take_name(p, 0);
	node_id gone_id = 0;

	expected = model_unlink(&p->model, dir, name, &gone);
	same(p, "result", store_unlink(p->store, id_of(p, dir), name, &gone_id), expected);
	removed(p, dir, gone, gone_id);
}

void play_rmdir(struct player *p)
{
	int dir = take_dir(p), gone = 0, expected;
	const char *name = take_name(p, 0);
	node_id gone_id = 0;

	expected = model_rmdir(&p->model, dir, name, &gone);
	same(p, "result", store_rmdir(p->store, id_of(p, dir), name, &gone_id), expected);
	removed(p, dir, gone, gone_id);
}

void play_rename(struct player *p)
{
	static const unsigned flags[] = { 0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE,
					  RENAME_WHITEOUT, RENAME_WHITEOUT | RENAME_NOREPLACE };
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), to = take_dir(p), expected;
	const char *name = take_name(p, 0), *new_name = take_name(p, 1);
	unsigned kind = (unsigned)take(p, 1), how = kind < 250 ? flags[kind % 8] : kind;
	struct store_renamed who;
	struct model_renamed whom;

	if (kind & 0x40)
		to = dir;
	expected = model_rename(&p->model, cred, dir, name, to, new_name, how, &whom);
	same(p, "result", store_rename(p->store, cred, id_of(p, dir), name, id_of(p, to), new_name, how,
				       &who), expected);
	same(p, "moved", (int64_t)who.moved, whom.moved ? (int64_t)id_of(p, whom.moved) : 0);
	same(p, "replaced", (int64_t)who.replaced, whom.replaced ? (int64_t)id_of(p, whom.replaced) : 0);
	same(p, "whiteout", who.whiteout != 0, whom.whiteout != 0);
	if (whom.whiteout) {
		p->model.nodes[whom.whiteout].id = who.whiteout;
		check_node(p, whom.whiteout);
	}
	check_node(p, dir);
	check_node(p, to);
	if (whom.moved)
		check_node(p, whom.moved);
	if (whom.replaced)
		check_node(p, whom.replaced);
}

void play_forget(struct player *p)
{
	int node = take_node(p);
	uint64_t n = take(p, 1);

	if (n > 8)
		n = n < 128 ? 1 : p->model.nodes[node].lookups;
	store_forget(p->store, id_of(p, node), n);
	model_forget(&p->model, node, n);
	check_node(p, node);
}

/* --- listings ------------------------------------------------------------ */

struct fill {
	struct player *p;
	int dir, room;
	bool plus;
	bool ended;         /* there was no room */
	unsigned dots;
};

static bool was_seen(const struct listing *l, uint64_t serial)
{
	for (size_t i = 0; i < l->seen_count; i++)
		if (l->seen[i] == serial)
			return true;
	return false;
}

/* "." and ".." */
static void check_dots(struct fill *f, const char *name, const struct store_entry *entry)
{
	struct model *m = &f->p->model;
	bool parent = name[1];

	same(f->p, "order of . and ..", f->dots++, parent);
	same(f->p, name, (int64_t)entry->id,
	     (int64_t)m->nodes[parent ? m->nodes[f->dir].parent : f->dir].id);
}

static bool fill(void *context, const char *name, uint64_t cookie, const struct store_entry *entry)
{
	struct fill *f = context;
	struct player *p = f->p;
	struct listing *l = &p->listing;
	struct model_name *found;

	if (f->room-- <= 0) {
		f->ended = true;
		return false;
	}
	if (cookie <= l->cookie)
		differ(p, "cookies that do not grow");
	l->cookie = cookie;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		check_dots(f, name, entry);
		return true;
	}
	found = model_find(&p->model, f->dir, name);
	if (!found)
		differ(p, "%s is listed, and not there", name);
	same(p, "id of a listed name", (int64_t)entry->id, (int64_t)id_of(p, found->node));
	if (was_seen(l, found->serial))
		differ(p, "%s is listed twice", name);
	if (l->seen_count < SEEN_MAX)
		l->seen[l->seen_count++] = found->serial;
	else
		l->overflow = true;
	if (f->plus) {
		p->model.nodes[found->node].lookups++;
		check_stat(p, found->node, &entry->attr);
	} else {
		same(p, "type of a listed name", entry->attr.st_mode & S_IFMT,
		     p->model.nodes[found->node].type);
	}
	return true;
}

/* Whatever was there from the start of the listing to its end, was listed. */
static void check_listed(struct player *p)
{
	struct listing *l = &p->listing;

	for (int i = 0; i < p->model.name_count; i++) {
		const struct model_name *n = &p->model.names[i];

		if (n->dir == l->dir && n->serial <= l->started && !was_seen(l, n->serial))
			differ(p, "%s was there all the time, and not listed", n->text);
	}
}

/* Goes on with the listing under way, so many entries. */
void list_on(struct player *p, int room, bool plus)
{
	struct listing *l = &p->listing;
	struct model_node *dir = &p->model.nodes[l->dir];
	struct fill f = { .p = p, .dir = l->dir, .room = room, .plus = plus,
			  .dots = l->cookie == 0 ? 0 : 1 };
	int err = store_readdir(p->store, dir->id, l->cookie, plus, fill, &f);
	int expected = !dir->alive ? -ESTALE : !S_ISDIR(dir->type) ? -ENOTDIR : dir->removed ? -ENOENT : 0;

	same(p, "readdir", err, expected);
	if (err || !f.ended) {
		if (!err && !l->overflow)
			check_listed(p);
		l->dir = 0;
	}
}

void start_listing(struct player *p, int dir)
{
	struct listing *l = &p->listing;

	l->dir = dir;
	l->cookie = 0;
	l->seen_count = 0;
	l->overflow = false;
	l->started = p->model.serial;
}

void play_list(struct player *p)
{
	start_listing(p, take_dir(p));
	list_on(p, INT32_MAX, take(p, 1) & 1);
}

void play_list_some(struct player *p)
{
	unsigned n = (unsigned)take(p, 1);

	if (!p->listing.dir)
		start_listing(p, take_dir(p));
	list_on(p, (int)(n % 16), n & 0x80);
}

/* --- the walk ------------------------------------------------------------- */

struct walk {
	struct player *p;
	bool *told;         /* by node: directories whose own name was told */
	int count;
};

static void walk_on(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	struct walk *w = context;
	struct player *p = w->p;
	struct model_name *found = NULL;

	for (int i = 0; !found && i < p->model.name_count; i++)
		if (id_of(p, p->model.names[i].dir) == parent && strcmp(p->model.names[i].text, name) == 0)
			found = &p->model.names[i];
	if (!found)
		differ(p, "%s is told, and not there", name);
	if (found->dir != MODEL_ROOT && !w->told[found->dir])
		differ(p, "%s is told before its directory", name);
	same(p, "id of a name told", (int64_t)id, (int64_t)id_of(p, found->node));
	same(p, "type of a name told", type & S_IFMT, p->model.nodes[found->node].type);
	if (S_ISDIR(type) && w->told[found->node])
		differ(p, "%s is told twice", name);
	w->told[found->node] |= S_ISDIR(type);
	w->count++;
}

void check_walk(struct player *p)
{
	struct walk w = { .p = p, .told = calloc((size_t)p->model.node_count, sizeof(bool)) };

	if (!w.told)
		abort();
	same(p, "walk", store_walk(p->store, walk_on, &w), 0);
	same(p, "names told", w.count, p->model.name_count);
	free(w.told);
}
