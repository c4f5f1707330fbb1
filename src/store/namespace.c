/* SPDX-License-Identifier: GPL-2.0-or-later */
/* namespace.c - operations on names, but for rename: look up, make, link, remove, list. */
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "store/file.h"
#include "store/names.h"

/* --- shared with rename.c ---------------------------------------------- */

int names_get_dir(struct store *s, node_id id, struct node **out)
{
	struct node *dir = node_get(s->table, id);

	if (!dir)
		return -ESTALE;
	if (!S_ISDIR(dir->type))
		return -ENOTDIR;
	*out = dir;
	return 0;
}

void names_changed(struct store *s, struct node *dir, int entries, int links)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, dir->id);

	lock_write(lock);
	dir->size += (uint64_t)((int64_t)entries * DIR_SIZE_ENTRY);
	dir->nlink += (uint32_t)links;
	dir->mtime = dir->ctime = node_now();
	unlock(lock);
}

struct node *names_unlinked(struct store *s, node_id id, uint32_t links)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n, *dead = NULL;

	lock_write(lock);
	n = node_get(s->table, id);
	n->nlink -= links;
	n->ctime = node_now();
	if (!S_ISDIR(n->type) && n->nlink > 0)
		account_give(&s->budget.space, BUDGET_NODE); /* that of a further link */
	if (node_is_dead(n)) {
		node_unpublish(s->table, n);
		dead = n;
	}
	unlock(lock);
	return dead;
}

uint32_t names_flags(struct store *s, node_id id)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	uint32_t flags = 0;
	struct node *n;

	if (!atomic_load_explicit(&s->has_flags, memory_order_relaxed))
		return 0;
	lock_read(lock);
	n = node_get(s->table, id);
	if (n)
		flags = n->flags;
	unlock(lock);
	return flags;
}

int names_may_add(struct store *s, node_id dir)
{
	return names_flags(s, dir) & STORE_IMMUTABLE ? -EPERM : 0;
}

int names_may_remove(struct store *s, node_id dir, node_id id)
{
	return (names_flags(s, dir) | names_flags(s, id)) & (STORE_IMMUTABLE | STORE_APPEND) ?
	       -EPERM : 0;
}

void names_touch(struct store *s, node_id id)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);

	lock_write(lock);
	node_get(s->table, id)->ctime = node_now();
	unlock(lock);
}

/* --- lookups ----------------------------------------------------------- */

/* Makes an entry that has the attributes of a node a lookup of it. Wants nodes[]. */
static void give_lookup(struct node *n, struct store_entry *entry)
{
	atomic_fetch_add(&n->nlookup, 1);
	entry->id = n->id;
	entry->generation = n->id >> 32;
	entry->attr.st_ino = n->id;
}

/* An entry with a lookup, by id. -ESTALE when the node is gone. */
static int take_entry(struct store *s, node_id id, struct store_entry *entry)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	lock_read(lock);
	n = node_get(s->table, id);
	err = n ? node_stat(s, n, &entry->attr) : -ESTALE;
	if (!err)
		give_lookup(n, entry);
	unlock(lock);
	return err;
}

static int lookup_locked(struct store *s, node_id parent, const struct dir_name *name,
			 struct store_entry *entry)
{
	struct dirent_node *e;
	struct node *dir;
	int err = names_get_dir(s, parent, &dir);

	if (err)
		return err;
	if (strcmp(name->name, "..") == 0)
		return take_entry(s, dir->dir.parent, entry);
	e = dir_find(&dir->dir.entries, name);
	return e ? take_entry(s, e->node, entry) : -ENOENT;
}

int store_lookup(struct store *s, node_id parent, const char *name, struct store_entry *entry)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct dir_name key;
	int err = dir_name_init(&key, name);

	if (err)
		return err;
	/* A handle may name any node, also one that is no directory. */
	if (strcmp(name, ".") == 0)
		return take_entry(s, parent, entry);
	lock_read(lock);
	err = lookup_locked(s, parent, &key, entry);
	unlock(lock);
	return err;
}

/* Frees a node that seemed to have neither name nor lookup, if that is still so. */
static void reap(struct store *s, node_id id)
{
	pthread_rwlock_t *dir_lock = lock_of_dir(s->locks, id);
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;

	lock_write(dir_lock);
	lock_write(lock);
	n = node_get(s->table, id);
	if (n && node_is_dead(n))
		node_unpublish(s->table, n);
	else
		n = NULL;
	unlock(lock);
	unlock(dir_lock);
	if (n)
		node_destroy(s, n);
}

void store_forget(struct store *s, node_id id, uint64_t n)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	bool dead = false;
	struct node *node;

	if (id == STORE_ROOT)
		return;
	lock_read(lock);
	node = node_get(s->table, id);
	if (node) {
		uint64_t held = atomic_load(&node->nlookup);

		/* Never below zero, whatever the other side says. */
		while (!atomic_compare_exchange_weak(&node->nlookup, &held,
						     held > n ? held - n : 0))
			;
		dead = node_is_dead(node);
	}
	unlock(lock);
	if (dead)
		reap(s, id);
}

/* --- new nodes --------------------------------------------------------- */

/* May this directory take a new entry of that name? Makes room for it. Wants dirs[] for writing. */
static int prepare_insert(struct store *s, struct node *dir, const struct dir_name *name)
{
	int err;

	if (dir->removed)
		return -ENOENT;
	if (strcmp(name->name, ".") == 0 || strcmp(name->name, "..") == 0 ||
	    dir_find(&dir->dir.entries, name))
		return -EEXIST;
	err = names_may_add(s, dir->id);
	return err ? err : dir_reserve(&dir->dir.entries, 1);
}

/*
 * In a setgid directory the new node gets its group, and a directory the bit
 * as well. A default access control list has its say about the mode.
 */
static int inherit(struct store *s, struct node *dir, struct node *n, mode_t umask)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, dir->id);
	int err;

	lock_read(lock);
	if (dir->perm & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(n->type))
			n->perm |= S_ISGID;
	}
	err = xattr_inherit(s, dir, n, umask);
	unlock(lock);
	return err;
}

int names_insert_new(struct store *s, struct node *dir, struct dirent_node *e, struct node *n,
		     struct store_entry *entry)
{
	int err = 0;

	if (S_ISDIR(n->type)) {
		n->dir.parent = dir->id;
		n->nlink = 2;
		n->size = DIR_SIZE_EMPTY;
	}
	if (entry)
		err = node_stat(s, n, &entry->attr);
	if (!err)
		err = node_publish(s->table, n);
	if (err)
		return err;
	/* Nobody can know the id before the directory's lock is free. */
	if (entry)
		give_lookup(n, entry);
	dir_insert(&dir->dir.entries, e, n->id, dirent_type(n->type));
	names_changed(s, dir, 1, S_ISDIR(n->type) ? 1 : 0);
	return 0;
}

/* Puts a new node under a name. On failure the node is still the caller's. */
static int insert_new(struct store *s, struct store_cred cred, node_id parent,
		      const struct dir_name *name, struct dirent_node *e, struct node *n,
		      struct store_entry *entry)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct node *dir;
	int err;

	lock_write(lock);
	err = names_get_dir(s, parent, &dir);
	if (!err)
		err = prepare_insert(s, dir, name);
	if (!err)
		err = inherit(s, dir, n, cred.umask);
	if (!err)
		err = names_insert_new(s, dir, e, n, entry);
	unlock(lock);
	return err;
}

static int add_node(struct store *s, struct store_cred cred, node_id parent, const char *name,
		    struct node *n, struct store_entry *entry)
{
	struct dirent_node *e = NULL;
	struct dir_name key;
	int err = dir_name_init(&key, name);

	if (!err) {
		e = dir_entry_create(&key);
		err = e ? insert_new(s, cred, parent, &key, e, n, entry) : -ENOMEM;
	}
	if (err) {
		free(e);
		node_destroy(s, n);
	}
	return err;
}

int store_mknod(struct store *s, struct store_cred cred, node_id parent, const char *name,
		mode_t mode, dev_t rdev, struct store_entry *entry)
{
	struct node *n;
	int err;

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	err = node_create(s, mode, cred.uid, cred.gid, &n);
	if (err)
		return err;
	if (S_ISCHR(mode) || S_ISBLK(mode))
		n->rdev = rdev;
	return add_node(s, cred, parent, name, n, entry);
}

int store_tmpfile(struct store *s, struct store_cred cred, node_id parent, mode_t mode,
		  struct store_entry *entry)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct node *dir, *n;
	int err = node_create(s, S_IFREG | (mode & 07777), cred.uid, cred.gid, &n);

	if (err)
		return err;
	n->nlink = 0;
	lock_read(lock);
	err = names_get_dir(s, parent, &dir);
	if (!err && dir->removed)
		err = -ENOENT;
	if (!err)
		err = names_may_add(s, parent);
	if (!err)
		err = inherit(s, dir, n, cred.umask);
	if (!err)
		err = node_stat(s, n, &entry->attr);
	if (!err)
		err = node_publish(s->table, n);
	/* Without a name it lives by this lookup alone, and nobody else knows its id yet. */
	if (!err)
		give_lookup(n, entry);
	unlock(lock);
	if (err)
		node_destroy(s, n);
	return err;
}

int store_mkdir(struct store *s, struct store_cred cred, node_id parent, const char *name,
		mode_t mode, struct store_entry *entry)
{
	struct node *n;
	int err = node_create(s, S_IFDIR | (mode & 07777), cred.uid, cred.gid, &n);

	return err ? err : add_node(s, cred, parent, name, n, entry);
}

int store_symlink(struct store *s, struct store_cred cred, node_id parent, const char *name,
		  const char *target, struct store_entry *entry)
{
	size_t length = strnlen(target, PATH_MAX);
	struct node *n;
	int err;

	if (length == 0)
		return -ENOENT;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	err = node_create(s, S_IFLNK | 0777, cred.uid, cred.gid, &n);
	if (err)
		return err;
	if (!account_take(&s->budget.space, length))
		err = -ENOSPC;
	else
		n->size = length; /* from here on node_destroy() credits it */
	if (!err) {
		n->target = strdup(target);
		err = n->target ? 0 : -ENOMEM;
	}
	if (err) {
		node_destroy(s, n);
		return err;
	}
	return add_node(s, cred, parent, name, n, entry);
}

ssize_t store_readlink(struct store *s, node_id id, char *buf, size_t size)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	ssize_t length = -ESTALE;
	struct node *n;

	lock_read(lock);
	n = node_get(s->table, id);
	if (n && !S_ISLNK(n->type)) {
		length = -EINVAL;
	} else if (n && size > 0) {
		length = (ssize_t)(n->size < size - 1 ? n->size : size - 1);
		memcpy(buf, n->target, (size_t)length);
		buf[length] = '\0';
	}
	unlock(lock);
	return length;
}

/* Could it have one more name? Charges it. */
static int may_link(struct store *s, const struct node *n)
{
	if (S_ISDIR(n->type) || node_is_fixed(n))
		return -EPERM;
	if (n->nlink == UINT32_MAX)
		return -EMLINK;
	return n->nlink > 0 && !account_take(&s->budget.space, BUDGET_NODE) ? -ENOSPC : 0;
}

static int link_node(struct store *s, struct node *n, struct store_entry *entry)
{
	struct node_time ctime = n->ctime;
	int err = may_link(s, n);

	if (err)
		return err;
	n->nlink++;
	n->ctime = node_now();
	err = node_stat(s, n, &entry->attr);
	if (!err) {
		give_lookup(n, entry);
		return 0;
	}
	n->ctime = ctime;
	if (--n->nlink > 0)
		account_give(&s->budget.space, BUDGET_NODE);
	return err;
}

/* One more name for a node that exists. Takes nodes[]. */
static int add_link(struct store *s, node_id id, struct store_entry *entry, mode_t *type)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	lock_write(lock);
	n = node_get(s->table, id);
	err = n ? link_node(s, n, entry) : -ESTALE;
	if (!err)
		*type = n->type;
	unlock(lock);
	return err;
}

static int link_locked(struct store *s, node_id id, node_id parent, const struct dir_name *name,
		       struct dirent_node *e, struct store_entry *entry)
{
	struct node *dir;
	mode_t type = 0;
	int err = names_get_dir(s, parent, &dir);

	if (!err)
		err = prepare_insert(s, dir, name);
	if (!err)
		err = add_link(s, id, entry, &type);
	if (!err) {
		dir_insert(&dir->dir.entries, e, id, dirent_type(type));
		names_changed(s, dir, 1, 0);
	}
	return err;
}

int store_link(struct store *s, node_id id, node_id parent, const char *name,
	       struct store_entry *entry)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct dirent_node *e;
	struct dir_name key;
	int err = dir_name_init(&key, name);

	if (err)
		return err;
	e = dir_entry_create(&key);
	if (!e)
		return -ENOMEM;
	lock_write(lock);
	err = link_locked(s, id, parent, &key, e, entry);
	unlock(lock);
	if (err)
		free(e);
	return err;
}

/* --- removal ----------------------------------------------------------- */

static int unlink_locked(struct store *s, node_id parent, const struct dir_name *name,
			 node_id *gone, struct node **dead)
{
	struct dirent_node *e;
	struct node *dir;
	int err = names_get_dir(s, parent, &dir);

	if (err)
		return err;
	e = dir_find(&dir->dir.entries, name);
	if (!e)
		return -ENOENT;
	if (e->type == dirent_type(S_IFDIR))
		return -EISDIR;
	err = names_may_remove(s, parent, e->node);
	if (err)
		return err;
	*gone = e->node;
	*dead = names_unlinked(s, e->node, 1);
	dir_remove(&dir->dir.entries, e);
	names_changed(s, dir, -1, 0);
	return 0;
}

int store_unlink(struct store *s, node_id parent, const char *name, node_id *gone)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct node *dead = NULL;
	struct dir_name key;
	node_id id = 0;
	int err = dir_name_init(&key, name);

	if (err)
		return err;
	lock_write(lock);
	err = unlink_locked(s, parent, &key, &id, &dead);
	unlock(lock);
	if (dead)
		node_destroy(s, dead); /* a big file takes its time: not under the lock */
	if (gone)
		*gone = id;
	return err;
}

/* The id and type behind a name, for a look before the locks are known. */
static int peek(struct store *s, node_id parent, const struct dir_name *name, node_id *id,
		uint8_t *type)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, parent);
	struct dirent_node *e;
	struct node *dir;
	int err;

	lock_read(lock);
	err = names_get_dir(s, parent, &dir);
	e = err ? NULL : dir_find(&dir->dir.entries, name);
	if (e) {
		*id = e->node;
		*type = e->type;
	} else if (!err) {
		err = -ENOENT;
	}
	unlock(lock);
	return err;
}

/* Both directories are locked. -EAGAIN when the name is another node's by now. */
static int rmdir_locked(struct store *s, node_id parent, const struct dir_name *name, node_id id,
			struct node **dead)
{
	struct node *dir, *child;
	struct dirent_node *e;
	int err = names_get_dir(s, parent, &dir);

	if (err)
		return err;
	e = dir_find(&dir->dir.entries, name);
	if (!e || e->node != id)
		return -EAGAIN;
	child = node_get(s->table, id);
	err = names_may_remove(s, parent, id);
	if (err)
		return err;
	if (child->dir.entries.live > 0)
		return -ENOTEMPTY;
	child->removed = true;
	*dead = names_unlinked(s, id, 2);
	dir_remove(&dir->dir.entries, e);
	names_changed(s, dir, -1, -1);
	return 0;
}

int store_rmdir(struct store *s, node_id parent, const char *name, node_id *gone)
{
	struct node *dead = NULL;
	struct locked_dirs held;
	struct dir_name key;
	node_id id = 0;
	uint8_t type;
	int err = dir_name_init(&key, name);

	if (err)
		return err;
	if (strcmp(name, ".") == 0)
		return -EINVAL;
	if (strcmp(name, "..") == 0)
		return -ENOTEMPTY;
	do {
		err = peek(s, parent, &key, &id, &type);
		if (err)
			return err;
		if (type != dirent_type(S_IFDIR))
			return -ENOTDIR;
		lock_dirs(s->locks, (node_id[]){ parent, id }, 2, &held);
		err = rmdir_locked(s, parent, &key, id, &dead);
		unlock_dirs(&held);
	} while (err == -EAGAIN);
	if (dead)
		node_destroy(s, dead);
	if (gone)
		*gone = err ? 0 : id;
	return err;
}

/* --- listing ----------------------------------------------------------- */

/* An entry with its attributes (plus, a lookup) or with what the directory knows of it. */
static int make_listed(struct store *s, node_id id, uint8_t type, bool plus,
		       struct store_entry *entry)
{
	if (plus)
		return take_entry(s, id, entry);
	*entry = (struct store_entry){
		.id = id,
		.attr = { .st_ino = id, .st_mode = (mode_t)type << 12 },
	};
	return 0;
}

static void list_locked(struct store *s, struct node *dir, uint64_t cookie, bool plus,
			store_fill_fn fill, void *context)
{
	const uint8_t type = dirent_type(S_IFDIR);
	const struct dirent_node *e;
	struct store_entry entry;

	if (cookie < DIR_COOKIE_SELF) {
		make_listed(s, dir->id, type, false, &entry);
		if (!fill(context, ".", DIR_COOKIE_SELF, &entry))
			return;
	}
	if (cookie < DIR_COOKIE_PARENT) {
		make_listed(s, dir->dir.parent, type, false, &entry);
		if (!fill(context, "..", DIR_COOKIE_PARENT, &entry))
			return;
		cookie = DIR_COOKIE_PARENT;
	}
	while ((e = dir_next(&dir->dir.entries, cookie))) {
		cookie = e->cookie;
		if (make_listed(s, e->node, e->type, plus, &entry) < 0)
			continue;
		if (!fill(context, e->name, cookie, &entry)) {
			if (plus)
				store_forget(s, e->node, 1);
			return;
		}
	}
}

int store_readdir(struct store *s, node_id dir, uint64_t cookie, bool plus, store_fill_fn fill,
		  void *context)
{
	pthread_rwlock_t *lock = lock_of_dir(s->locks, dir);
	struct node *n;
	int err;

	lock_read(lock);
	err = names_get_dir(s, dir, &n);
	/* A removed directory lists nothing at all, as on every Linux filesystem. */
	if (!err && !n->removed)
		list_locked(s, n, cookie, plus, fill, context);
	else if (!err)
		err = -ENOENT;
	unlock(lock);
	return err;
}
