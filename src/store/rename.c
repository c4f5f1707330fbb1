/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rename.c - rename with replace and exchange.
 *
 * A rename changes up to four directories: both parents, the source if it is
 * a directory (its parent changes), and a directory that is replaced. Which
 * ones is only known after a look at the names; so: look, lock them all in
 * order, look again, and start over if the names mean something else by now.
 *
 * Renames between two directories also hold store.rename_mutex. While it is
 * held no directory gets another parent, so the way from the new parent up to
 * the root can be walked, to refuse a directory moving below itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/names.h"

struct rename {
	struct store *s;
	node_id parent, new_parent;
	struct dir_name name, new_name;
	unsigned flags;
	node_id source, target;      /* as seen by look(); target 0 = none */
	uint8_t source_type, target_type;
	node_id whiteout_id;
	struct dirent_node *entry;   /* prepared for the new name */
	struct dirent_node *entry2;  /* exchange, whiteout: for the old one */
	struct node *whiteout;       /* what shall take the old name; ours until it does */
	struct node *dead;
	bool done;
};

static bool is_dir(uint8_t type)
{
	return type == dirent_type(S_IFDIR);
}

/* What a name means now; *id = 0 when there is none. */
static int look_at(struct store *s, node_id parent, const struct dir_name *name, node_id *id,
		   uint8_t *type)
{
	struct dirent_node *e;
	struct node *dir;
	int err = names_get_dir(s, parent, &dir);

	*id = 0;
	*type = 0;
	if (err)
		return err;
	e = dir_find(&dir->dir.entries, name);
	if (e) {
		*id = e->node;
		*type = e->type;
	}
	return 0;
}

static int look(struct rename *r)
{
	pthread_rwlock_t *lock = lock_of_dir(r->s->locks, r->parent);
	int err;

	lock_read(lock);
	err = look_at(r->s, r->parent, &r->name, &r->source, &r->source_type);
	unlock(lock);
	if (err)
		return err;
	lock = lock_of_dir(r->s->locks, r->new_parent);
	lock_read(lock);
	err = look_at(r->s, r->new_parent, &r->new_name, &r->target, &r->target_type);
	unlock(lock);
	return err;
}

static int look_again(struct rename *r)
{
	node_id source, target;
	uint8_t type;
	int err = look_at(r->s, r->parent, &r->name, &source, &type);

	if (!err)
		err = look_at(r->s, r->new_parent, &r->new_name, &target, &type);
	if (!err && (source != r->source || target != r->target))
		err = -EAGAIN;
	return err;
}

/* Is `dir` the node `id` or somewhere below it? Only with rename_mutex and dirs[] of dir. */
static bool is_below(struct store *s, node_id dir, node_id id)
{
	while (dir != id) {
		if (dir == STORE_ROOT)
			return false;
		dir = node_get(s->table, dir)->dir.parent;
	}
	return true;
}

static int check(struct rename *r, struct node *new_dir)
{
	struct store *s = r->s;
	bool exchange = r->flags & RENAME_EXCHANGE;

	int err;

	if (!r->source || (exchange && !r->target))
		return -ENOENT;
	if (new_dir->removed)
		return -ENOENT;
	if (r->target && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	err = names_may_remove(s, r->parent, r->source);
	if (!err)
		err = r->target ? names_may_remove(s, r->new_parent, r->target) :
		      names_may_add(s, r->new_parent);
	if (err)
		return err;
	if (is_dir(r->source_type) && r->parent != r->new_parent &&
	    is_below(s, r->new_parent, r->source))
		return -EINVAL;
	if (is_dir(r->target_type) && r->parent != r->new_parent &&
	    is_below(s, r->parent, r->target))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (!r->target || exchange || r->source == r->target)
		return 0;
	if (is_dir(r->source_type) && !is_dir(r->target_type))
		return -ENOTDIR;
	if (!is_dir(r->source_type) && is_dir(r->target_type))
		return -EISDIR;
	if (is_dir(r->target_type) &&
	    node_get(s->table, r->target)->dir.entries.live > 0)
		return -ENOTEMPTY;
	return 0;
}

/* Only rename_mutex makes a change of parents safe against is_below(), and only then there is one. */
static void set_parent(struct rename *r, node_id id, uint8_t type, node_id parent)
{
	if (is_dir(type) && r->parent != r->new_parent)
		node_get(r->s->table, id)->dir.parent = parent;
}

/* Takes the node away that loses its name to the source. */
static void replace(struct rename *r, struct node *new_dir)
{
	bool dir = is_dir(r->target_type);

	if (dir)
		node_get(r->s->table, r->target)->removed = true;
	r->dead = names_unlinked(r->s, r->target, dir ? 2 : 1);
	dir_remove(&new_dir->dir.entries, dir_find(&new_dir->dir.entries, &r->new_name));
	names_changed(r->s, new_dir, -1, dir ? -1 : 0);
}

static void move(struct rename *r, struct node *old_dir, struct node *new_dir)
{
	int links = is_dir(r->source_type) ? 1 : 0;

	dir_remove(&old_dir->dir.entries, dir_find(&old_dir->dir.entries, &r->name));
	dir_insert(&new_dir->dir.entries, r->entry, r->source, r->source_type);
	r->entry = NULL;
	if (old_dir == new_dir) {
		names_changed(r->s, old_dir, 0, 0);
	} else {
		names_changed(r->s, old_dir, -1, -links);
		names_changed(r->s, new_dir, 1, links);
	}
	set_parent(r, r->source, r->source_type, r->new_parent);
	names_touch(r->s, r->source);
}

/* The whiteout takes the name that the source has left. */
static void white_out(struct rename *r, struct node *old_dir)
{
	dir_insert(&old_dir->dir.entries, r->entry2, r->whiteout->id,
		   dirent_type(r->whiteout->type));
	r->whiteout_id = r->whiteout->id;
	r->entry2 = NULL;
	r->whiteout = NULL;
	names_changed(r->s, old_dir, 1, 0);
}

static void exchange(struct rename *r, struct node *old_dir, struct node *new_dir)
{
	int links = is_dir(r->target_type) - is_dir(r->source_type);

	dir_remove(&old_dir->dir.entries, dir_find(&old_dir->dir.entries, &r->name));
	dir_remove(&new_dir->dir.entries, dir_find(&new_dir->dir.entries, &r->new_name));
	dir_insert(&new_dir->dir.entries, r->entry, r->source, r->source_type);
	dir_insert(&old_dir->dir.entries, r->entry2, r->target, r->target_type);
	r->entry = r->entry2 = NULL;
	names_changed(r->s, old_dir, 0, old_dir == new_dir ? 0 : links);
	if (old_dir != new_dir)
		names_changed(r->s, new_dir, 0, -links);
	set_parent(r, r->source, r->source_type, r->new_parent);
	set_parent(r, r->target, r->target_type, r->parent);
	names_touch(r->s, r->source);
	names_touch(r->s, r->target);
}

/* All directories concerned are locked. */
static int rename_locked(struct rename *r)
{
	struct node *old_dir, *new_dir;
	int err = look_again(r);

	if (err)
		return err;
	names_get_dir(r->s, r->parent, &old_dir);
	names_get_dir(r->s, r->new_parent, &new_dir);
	err = check(r, new_dir);
	/* Two names of one node: rename(2) does nothing, and succeeds. */
	if (err || r->source == r->target)
		return err;
	err = dir_reserve(&new_dir->dir.entries, 1);
	if (!err && (r->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT)))
		err = dir_reserve(&old_dir->dir.entries, old_dir == new_dir ? 2 : 1);
	/* The last thing that can fail; nobody knows the id yet. */
	if (!err && r->whiteout)
		err = node_publish(r->s->table, r->whiteout);
	if (err)
		return err;
	if (r->flags & RENAME_EXCHANGE) {
		exchange(r, old_dir, new_dir);
		r->done = true;
		return 0;
	}
	if (r->target)
		replace(r, new_dir);
	move(r, old_dir, new_dir);
	if (r->whiteout)
		white_out(r, old_dir);
	r->done = true;
	return 0;
}

static int rename_retry(struct rename *r)
{
	struct locked_dirs held;
	int err;

	do {
		err = look(r);
		if (err)
			return err;
		lock_dirs(r->s->locks,
			  (node_id[]){ r->parent, r->new_parent,
				       is_dir(r->source_type) ? r->source : 0,
				       is_dir(r->target_type) ? r->target : 0 },
			  4, &held);
		err = rename_locked(r);
		unlock_dirs(&held);
	} while (err == -EAGAIN);
	return err;
}

/* All that could run short, before anything is changed. */
static int prepare(struct rename *r, struct store_cred cred)
{
	bool two = r->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT);

	r->entry = dir_entry_create(&r->new_name);
	if (two)
		r->entry2 = dir_entry_create(&r->name);
	if (!r->entry || (two && !r->entry2))
		return -ENOMEM;
	/* As overlayfs knows it: a character device 0,0, of no permissions. */
	return r->flags & RENAME_WHITEOUT ?
	       node_create(r->s, S_IFCHR, cred.uid, cred.gid, &r->whiteout) : 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool flags_are_valid(unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return false;
	return !(flags & RENAME_EXCHANGE) || flags == RENAME_EXCHANGE;
}

int store_rename(struct store *s, struct store_cred cred, node_id parent, const char *name,
		 node_id new_parent, const char *new_name, unsigned flags,
		 struct store_renamed *who)
{
	struct rename r = { .s = s, .parent = parent, .new_parent = new_parent, .flags = flags };
	int err;

	if (who)
		*who = (struct store_renamed){ 0 };
	if (!flags_are_valid(flags))
		return -EINVAL;
	if (is_dots(name) || is_dots(new_name))
		return -EBUSY;
	err = dir_name_init(&r.name, name);
	if (!err)
		err = dir_name_init(&r.new_name, new_name);
	if (!err)
		err = prepare(&r, cred);
	if (!err) {
		if (parent != new_parent)
			pthread_mutex_lock(&s->rename_mutex);
		err = rename_retry(&r);
		if (parent != new_parent)
			pthread_mutex_unlock(&s->rename_mutex);
	}
	free(r.entry);
	free(r.entry2);
	if (r.whiteout)
		node_destroy(s, r.whiteout);
	if (r.dead)
		node_destroy(s, r.dead);
	if (r.done && who)
		*who = (struct store_renamed){ r.source, r.target, r.whiteout_id };
	return err;
}
