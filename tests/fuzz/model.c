/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FIXED (STORE_IMMUTABLE | STORE_APPEND)

static void *grown(void *array, size_t count, size_t size)
{
	/* Room for as many again, each time the number is a power of two. */
	if (count == 0 || (count & (count - 1)) == 0)
		array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array)
		abort();
	return array;
}

void model_stamp(struct model *m, struct model_time *t)
{
	*t = (struct model_time){ .at = m->now, .since = true };
}

/* --- nodes --------------------------------------------------------------- */

static bool take_space(struct model *m, uint64_t n)
{
	if (n > m->space_limit || m->space > m->space_limit - n)
		return false;
	m->space += n;
	return true;
}

/* The index of a new node, 0 when there is no space. */
static int new_node(struct model *m, mode_t mode, struct store_cred cred)
{
	struct model_node *n;

	if (!take_space(m, MODEL_NODE_SPACE))
		return 0;
	m->nodes = grown(m->nodes, (size_t)m->node_count, sizeof(*m->nodes));
	n = &m->nodes[m->node_count];
	*n = (struct model_node){
		.alive = true,
		.type = mode & S_IFMT,
		.perm = mode & 07777,
		.uid = cred.uid,
		.gid = cred.gid,
		.nlink = S_ISDIR(mode) ? 2 : 1,
		.size = S_ISDIR(mode) ? 40 : 0,
	};
	model_stamp(m, &n->atime);
	model_stamp(m, &n->mtime);
	model_stamp(m, &n->ctime);
	return m->node_count++;
}

static uint64_t xattr_space(const struct model_xattr *x)
{
	return MODEL_XATTR_SPACE + strlen(x->name) + 1 + x->size;
}

static void free_content(struct model_node *n)
{
	for (size_t i = 0; i < n->page_count; i++)
		free(n->pages[i].bytes);
	for (size_t i = 0; i < n->xattr_count; i++) {
		free(n->xattrs[i].name);
		free(n->xattrs[i].value);
	}
	free(n->pages);
	free(n->xattrs);
	free(n->target);
	n->pages = NULL;
	n->xattrs = NULL;
	n->target = NULL;
	n->page_count = n->xattr_count = 0;
}

static void die(struct model *m, struct model_node *n)
{
	m->space -= MODEL_NODE_SPACE;
	if (S_ISLNK(n->type))
		m->space -= n->size;
	for (size_t i = 0; i < n->xattr_count; i++)
		m->space -= xattr_space(&n->xattrs[i]);
	free_content(n);
	n->alive = false;
}

static void die_if_dead(struct model *m, int node)
{
	struct model_node *n = &m->nodes[node];

	if (n->alive && n->nlink == 0 && n->lookups == 0)
		die(m, n);
}

void model_init(struct model *m, const struct store_options *o)
{
	struct store_cred cred = { .uid = o->uid, .gid = o->gid };

	*m = (struct model){ .space_limit = UINT64_MAX };
	m->nodes = grown(m->nodes, 0, sizeof(*m->nodes));
	m->node_count = 1;
	clock_gettime(CLOCK_REALTIME_COARSE, &m->now);
	if (o->nr_inodes)
		m->space_limit = o->nr_inodes * MODEL_NODE_SPACE;
	new_node(m, S_IFDIR | (o->mode & 07777), cred);
	m->nodes[MODEL_ROOT].lookups = 1;
	m->nodes[MODEL_ROOT].parent = MODEL_ROOT;
	m->nodes[MODEL_ROOT].id = STORE_ROOT;
}

void model_destroy(struct model *m)
{
	for (int i = 1; i < m->node_count; i++)
		free_content(&m->nodes[i]);
	free(m->nodes);
	free(m->names);
}

void model_forget(struct model *m, int node, uint64_t n)
{
	struct model_node *at = &m->nodes[node];

	if (node == MODEL_ROOT || !at->alive)
		return;
	at->lookups -= n < at->lookups ? n : at->lookups;
	die_if_dead(m, node);
}

/* --- names --------------------------------------------------------------- */

static int check_name(const char *name)
{
	size_t length = strlen(name);

	return length == 0 ? -ENOENT : length > STORE_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int check_dir(struct model *m, int dir)
{
	if (!m->nodes[dir].alive)
		return -ESTALE;
	return S_ISDIR(m->nodes[dir].type) ? 0 : -ENOTDIR;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct model_name *model_find(struct model *m, int dir, const char *name)
{
	for (int i = 0; i < m->name_count; i++)
		if (m->names[i].dir == dir && strcmp(m->names[i].text, name) == 0)
			return &m->names[i];
	return NULL;
}

static int count_names(struct model *m, int dir)
{
	int count = 0;

	for (int i = 0; i < m->name_count; i++)
		count += m->names[i].dir == dir;
	return count;
}

/* Size, links and times of a directory in which names come and go. */
static void dir_changed(struct model *m, int dir, int entries, int links)
{
	struct model_node *d = &m->nodes[dir];

	d->size += (uint64_t)(20 * (int64_t)entries);
	d->nlink += (uint32_t)links;
	model_stamp(m, &d->mtime);
	model_stamp(m, &d->ctime);
}

static void add_name(struct model *m, int dir, const char *name, int node)
{
	struct model_name *n;

	m->names = grown(m->names, (size_t)m->name_count, sizeof(*m->names));
	n = &m->names[m->name_count++];
	n->dir = dir;
	n->node = node;
	n->serial = ++m->serial;
	strcpy(n->text, name);
}

static void remove_name(struct model *m, int dir, const char *name)
{
	struct model_name *n = model_find(m, dir, name);

	if (!n)
		abort();
	*n = m->names[--m->name_count];
}

static int may_add(struct model *m, int dir, const char *name)
{
	if (m->nodes[dir].removed)
		return -ENOENT;
	if (is_dots(name) || model_find(m, dir, name))
		return -EEXIST;
	return m->nodes[dir].flags & STORE_IMMUTABLE ? -EPERM : 0;
}

static int may_remove(struct model *m, int dir, int node)
{
	return (m->nodes[dir].flags | m->nodes[node].flags) & FIXED ? -EPERM : 0;
}

int model_lookup(struct model *m, int parent, const char *name, int *node)
{
	struct model_name *found;
	int err = check_name(name);

	if (err)
		return err;
	if (strcmp(name, ".") == 0) {
		*node = parent;
		err = m->nodes[parent].alive ? 0 : -ESTALE;
	} else {
		err = check_dir(m, parent);
		if (!err && strcmp(name, "..") == 0) {
			*node = m->nodes[parent].parent;
			err = m->nodes[*node].alive ? 0 : -ESTALE;
		} else if (!err) {
			found = model_find(m, parent, name);
			*node = found ? found->node : 0;
			err = found ? 0 : -ENOENT;
		}
	}
	if (!err)
		m->nodes[*node].lookups++;
	return err;
}

/* A node takes the place for which it was made, or goes. */
static int place(struct model *m, struct store_cred cred, int parent, const char *name, int node)
{
	struct model_node *n = &m->nodes[node], *dir = &m->nodes[parent];
	int err = check_name(name);

	if (!err)
		err = check_dir(m, parent);
	if (!err)
		err = may_add(m, parent, name);
	if (err) {
		die(m, n);
		m->node_count--;
		return err;
	}
	if (dir->perm & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(n->type))
			n->perm |= S_ISGID;
	}
	if (!S_ISLNK(n->type))
		n->perm &= ~cred.umask;
	n->lookups = 1;
	n->parent = parent;
	add_name(m, parent, name, node);
	dir_changed(m, parent, 1, S_ISDIR(n->type) ? 1 : 0);
	return 0;
}

int model_mknod(struct model *m, struct store_cred cred, int parent, const char *name, mode_t mode,
		dev_t rdev, int *node)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	*node = new_node(m, mode, cred);
	if (!*node)
		return -ENOSPC;
	if (S_ISCHR(mode) || S_ISBLK(mode))
		m->nodes[*node].rdev = rdev;
	return place(m, cred, parent, name, *node);
}

int model_mkdir(struct model *m, struct store_cred cred, int parent, const char *name, mode_t mode,
		int *node)
{
	*node = new_node(m, S_IFDIR | (mode & 07777), cred);
	return *node ? place(m, cred, parent, name, *node) : -ENOSPC;
}

int model_symlink(struct model *m, struct store_cred cred, int parent, const char *name,
		  const char *target, int *node)
{
	size_t length = strlen(target);

	if (length == 0)
		return -ENOENT;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	*node = new_node(m, S_IFLNK | 0777, cred);
	if (!*node)
		return -ENOSPC;
	if (!take_space(m, length)) {
		die(m, &m->nodes[*node]);
		m->node_count--;
		return -ENOSPC;
	}
	m->nodes[*node].size = length;
	m->nodes[*node].target = strdup(target);
	return place(m, cred, parent, name, *node);
}

int model_tmpfile(struct model *m, struct store_cred cred, int parent, mode_t mode, int *node)
{
	struct model_node *n;
	int err;

	*node = new_node(m, S_IFREG | (mode & 07777), cred);
	if (!*node)
		return -ENOSPC;
	n = &m->nodes[*node];
	err = check_dir(m, parent);
	if (!err && m->nodes[parent].removed)
		err = -ENOENT;
	if (!err && m->nodes[parent].flags & STORE_IMMUTABLE)
		err = -EPERM;
	if (err) {
		die(m, n);
		m->node_count--;
		return err;
	}
	if (m->nodes[parent].perm & S_ISGID)
		n->gid = m->nodes[parent].gid;
	n->perm &= ~cred.umask;
	n->nlink = 0;
	n->lookups = 1;
	return 0;
}

int model_link(struct model *m, int node, int parent, const char *name)
{
	struct model_node *n = &m->nodes[node];
	int err = check_name(name);

	if (!err)
		err = check_dir(m, parent);
	if (!err)
		err = may_add(m, parent, name);
	if (!err && !n->alive)
		err = -ESTALE;
	if (!err && (S_ISDIR(n->type) || n->flags & FIXED))
		err = -EPERM;
	if (!err && n->nlink > 0 && !take_space(m, MODEL_NODE_SPACE))
		err = -ENOSPC;
	if (err)
		return err;
	n->nlink++;
	n->lookups++;
	model_stamp(m, &n->ctime);
	add_name(m, parent, name, node);
	dir_changed(m, parent, 1, 0);
	return 0;
}

/* A node loses a name; its directory is the caller's business. */
static void lose_name(struct model *m, int dir, const char *name, int node)
{
	struct model_node *n = &m->nodes[node];

	remove_name(m, dir, name);
	n->nlink -= S_ISDIR(n->type) ? 2 : 1;
	n->removed = S_ISDIR(n->type);
	model_stamp(m, &n->ctime);
	if (!S_ISDIR(n->type) && n->nlink > 0)
		m->space -= MODEL_NODE_SPACE;
	die_if_dead(m, node);
}

int model_unlink(struct model *m, int parent, const char *name, int *gone)
{
	struct model_name *found;
	int err = check_name(name);

	if (!err)
		err = check_dir(m, parent);
	if (err)
		return err;
	found = model_find(m, parent, name);
	if (!found)
		return -ENOENT;
	if (S_ISDIR(m->nodes[found->node].type))
		return -EISDIR;
	err = may_remove(m, parent, found->node);
	if (err)
		return err;
	*gone = found->node;
	lose_name(m, parent, name, *gone);
	dir_changed(m, parent, -1, 0);
	return 0;
}

int model_rmdir(struct model *m, int parent, const char *name, int *gone)
{
	struct model_name *found;
	int err = check_name(name);

	if (err)
		return err;
	if (is_dots(name))
		return name[1] ? -ENOTEMPTY : -EINVAL;
	err = check_dir(m, parent);
	if (err)
		return err;
	found = model_find(m, parent, name);
	if (!found)
		return -ENOENT;
	if (!S_ISDIR(m->nodes[found->node].type))
		return -ENOTDIR;
	err = may_remove(m, parent, found->node);
	if (err)
		return err;
	if (count_names(m, found->node))
		return -ENOTEMPTY;
	*gone = found->node;
	lose_name(m, parent, name, *gone);
	dir_changed(m, parent, -1, -1);
	return 0;
}

static bool is_below(struct model *m, int dir, int node)
{
	while (dir != node && dir != MODEL_ROOT)
		dir = m->nodes[dir].parent;
	return dir == node;
}

static int check_rename(struct model *m, int parent, int source, int new_parent, int target,
			unsigned flags)
{
	bool source_dir = S_ISDIR(m->nodes[source].type);
	bool target_dir = target && S_ISDIR(m->nodes[target].type);
	int err;

	if (m->nodes[new_parent].removed)
		return -ENOENT;
	if (target && flags & RENAME_NOREPLACE)
		return -EEXIST;
	err = may_remove(m, parent, source);
	if (!err && target)
		err = may_remove(m, new_parent, target);
	else if (!err && m->nodes[new_parent].flags & STORE_IMMUTABLE)
		err = -EPERM;
	if (err)
		return err;
	if (source_dir && parent != new_parent && is_below(m, new_parent, source))
		return -EINVAL;
	if (target_dir && parent != new_parent && is_below(m, parent, target))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (!target || flags & RENAME_EXCHANGE || source == target)
		return 0;
	if (source_dir && !target_dir)
		return -ENOTDIR;
	if (!source_dir && target_dir)
		return -EISDIR;
	return target_dir && count_names(m, target) ? -ENOTEMPTY : 0;
}

static void put_under(struct model *m, int parent, const char *name, int node)
{
	add_name(m, parent, name, node);
	if (S_ISDIR(m->nodes[node].type))
		m->nodes[node].parent = parent;
	model_stamp(m, &m->nodes[node].ctime);
}

static void exchange(struct model *m, int parent, const char *name, int source, int new_parent,
		     const char *new_name, int target)
{
	int links = S_ISDIR(m->nodes[target].type) - S_ISDIR(m->nodes[source].type);

	remove_name(m, parent, name);
	remove_name(m, new_parent, new_name);
	put_under(m, new_parent, new_name, source);
	put_under(m, parent, name, target);
	dir_changed(m, parent, 0, parent == new_parent ? 0 : links);
	if (parent != new_parent)
		dir_changed(m, new_parent, 0, -links);
}

static void move(struct model *m, int parent, const char *name, int source, int new_parent,
		 const char *new_name, int target)
{
	int links = S_ISDIR(m->nodes[source].type);

	if (target) {
		int target_links = S_ISDIR(m->nodes[target].type);

		lose_name(m, new_parent, new_name, target);
		dir_changed(m, new_parent, -1, -target_links);
	}
	remove_name(m, parent, name);
	put_under(m, new_parent, new_name, source);
	dir_changed(m, parent, -1, -links);
	dir_changed(m, new_parent, 1, links);
}

int model_rename(struct model *m, struct store_cred cred, int parent, const char *name,
		 int new_parent, const char *new_name, unsigned flags, struct model_renamed *who)
{
	struct model_name *from, *to;
	int err, white = 0;

	*who = (struct model_renamed){ 0 };
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    (flags & RENAME_EXCHANGE && flags != RENAME_EXCHANGE))
		return -EINVAL;
	if (is_dots(name) || is_dots(new_name))
		return -EBUSY;
	err = check_name(name);
	if (!err)
		err = check_name(new_name);
	if (!err && flags & RENAME_WHITEOUT) {
		white = new_node(m, S_IFCHR, cred);
		err = white ? 0 : -ENOSPC;
	}
	if (!err)
		err = check_dir(m, parent);
	if (!err)
		err = check_dir(m, new_parent);
	from = err ? NULL : model_find(m, parent, name);
	to = err ? NULL : model_find(m, new_parent, new_name);
	if (!err && (!from || (flags & RENAME_EXCHANGE && !to)))
		err = -ENOENT;
	if (!err)
		err = check_rename(m, parent, from->node, new_parent, to ? to->node : 0, flags);
	if (err || (to && to->node == from->node)) {
		if (white) {
			die(m, &m->nodes[white]);
			m->node_count--;
		}
		return err;
	}
	*who = (struct model_renamed){ from->node, to ? to->node : 0, white };
	if (flags & RENAME_EXCHANGE)
		exchange(m, parent, name, who->moved, new_parent, new_name, who->replaced);
	else
		move(m, parent, name, who->moved, new_parent, new_name, who->replaced);
	if (white) {
		add_name(m, parent, name, white);
		dir_changed(m, parent, 1, 0);
	}
	return 0;
}

/* --- bytes --------------------------------------------------------------- */

static int check_file(const struct model_node *n)
{
	if (!n->alive)
		return -ESTALE;
	if (S_ISREG(n->type))
		return 0;
	return S_ISDIR(n->type) ? -EISDIR : -EINVAL;
}

static void drop_setid(struct model_node *n)
{
	if (S_ISDIR(n->type))
		return;
	n->perm &= ~(mode_t)S_ISUID;
	if (n->perm & S_IXGRP)
		n->perm &= ~(mode_t)S_ISGID;
}

static void written(struct model *m, struct model_node *n)
{
	model_stamp(m, &n->mtime);
	model_stamp(m, &n->ctime);
}

static struct model_page *find_page(struct model_node *n, uint64_t number)
{
	for (size_t i = 0; i < n->page_count; i++)
		if (n->pages[i].number == number)
			return &n->pages[i];
	return NULL;
}

static struct model_page *make_page(struct model_node *n, uint64_t number)
{
	struct model_page *page = find_page(n, number);

	if (page)
		return page;
	n->pages = grown(n->pages, n->page_count, sizeof(*n->pages));
	page = &n->pages[n->page_count++];
	page->number = number;
	page->bytes = calloc(1, MODEL_PAGE);
	if (!page->bytes)
		abort();
	return page;
}

/* The part of [offset, end) in the page that offset is in. */
static size_t piece(uint64_t offset, uint64_t end)
{
	uint64_t left = MODEL_PAGE - offset % MODEL_PAGE;

	return (size_t)(end - offset < left ? end - offset : left);
}

static void get_bytes(struct model_node *n, uint64_t offset, uint8_t *buf, size_t size)
{
	for (uint64_t at = offset, end = offset + size; at < end;) {
		struct model_page *page = find_page(n, at / MODEL_PAGE);
		size_t part = piece(at, end);

		if (page)
			memcpy(buf + (at - offset), page->bytes + at % MODEL_PAGE, part);
		else
			memset(buf + (at - offset), 0, part);
		at += part;
	}
}

static void put_bytes(struct model_node *n, uint64_t offset, const uint8_t *buf, size_t size)
{
	for (uint64_t at = offset, end = offset + size; at < end;) {
		size_t part = piece(at, end);

		memcpy(make_page(n, at / MODEL_PAGE)->bytes + at % MODEL_PAGE, buf + (at - offset), part);
		at += part;
	}
	if (size && offset + size > n->size)
		n->size = offset + size;
}

/* Zeros in [offset, end); pages that lie in it as a whole become holes. */
static void punch(struct model_node *n, uint64_t offset, uint64_t end)
{
	for (size_t i = 0; i < n->page_count;) {
		struct model_page *page = &n->pages[i];
		uint64_t first = page->number * MODEL_PAGE, last = first + MODEL_PAGE;
		uint64_t from = offset > first ? offset : first, to = end < last ? end : last;

		if (from == first && to == last) {
			free(page->bytes);
			*page = n->pages[--n->page_count];
			continue;
		}
		if (from < to)
			memset(page->bytes + (from - first), 0, to - from);
		i++;
	}
}

static int set_size(struct model_node *n, uint64_t size)
{
	if (S_ISDIR(n->type))
		return -EISDIR;
	if (!S_ISREG(n->type))
		return -EINVAL;
	if (size > INT64_MAX)
		return -EFBIG;
	if (size < n->size)
		punch(n, size, (uint64_t)INT64_MAX + 1);
	n->size = size;
	return 0;
}

ssize_t model_read(struct model *m, int node, uint64_t offset, void *buf, size_t size)
{
	struct model_node *n = &m->nodes[node];
	int err = check_file(n);

	if (err)
		return err;
	if (offset >= n->size)
		return 0;
	if (size > n->size - offset)
		size = n->size - offset;
	get_bytes(n, offset, buf, size);
	return (ssize_t)size;
}

ssize_t model_write(struct model *m, int node, uint64_t offset, const void *buf, size_t size,
		    size_t granted, bool touch, bool kill_priv)
{
	struct model_node *n = &m->nodes[node];
	int err = check_file(n);

	if (!err && (offset > INT64_MAX || size > INT64_MAX - offset))
		err = -EFBIG;
	if (err)
		return err;
	if (granted < size)
		size = granted;
	put_bytes(n, offset, buf, size);
	if (kill_priv)
		drop_setid(n);
	if (touch)
		written(m, n);
	return (ssize_t)size;
}

int model_open(struct model *m, int node, int flags, bool kill_priv)
{
	struct model_node *n = &m->nodes[node];
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	int err;

	if (!(flags & O_TRUNC) && !(writes && m->has_flags))
		return 0;
	err = check_file(n);
	if (err)
		return err;
	if (n->flags & STORE_IMMUTABLE && (writes || flags & O_TRUNC))
		return -EPERM;
	if (n->flags & STORE_APPEND && ((writes && !(flags & O_APPEND)) || flags & O_TRUNC))
		return -EPERM;
	if (flags & O_TRUNC) {
		set_size(n, 0);
		if (kill_priv)
			drop_setid(n);
		written(m, n);
	}
	return 0;
}

int model_fallocate(struct model *m, int node, int mode, uint64_t offset, uint64_t size,
		    bool refused)
{
	struct model_node *n = &m->nodes[node];
	int err = check_file(n), what = mode & ~FALLOC_FL_KEEP_SIZE;
	uint64_t end = offset + size, inside;

	if (err)
		return err == -EINVAL ? -ENODEV : err;
	if (size == 0)
		return -EINVAL;
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return -EFBIG;
	if (n->flags & STORE_IMMUTABLE || (n->flags & STORE_APPEND && what))
		return -EPERM;
	if ((what == FALLOC_FL_PUNCH_HOLE && what == mode) ||
	    (what && what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (refused)
		return -ENOSPC;
	inside = end < n->size ? end : n->size;
	if (what == FALLOC_FL_PUNCH_HOLE)
		punch(n, offset, end);
	else if (what == FALLOC_FL_ZERO_RANGE && offset < inside)
		punch(n, offset, inside);
	for (uint64_t at = offset; !(what & FALLOC_FL_PUNCH_HOLE) && at < end; at += piece(at, end))
		make_page(n, at / MODEL_PAGE);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > n->size)
		n->size = end;
	drop_setid(n);
	written(m, n);
	return 0;
}

int64_t model_seek(struct model *m, int node, uint64_t offset, int whence)
{
	struct model_node *n = &m->nodes[node];
	int err = check_file(n);
	uint64_t at = offset, best = UINT64_MAX;

	if (err)
		return err;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (offset >= n->size)
		return -ENXIO;
	if (whence == SEEK_HOLE) {
		while (at < n->size && find_page(n, at / MODEL_PAGE))
			at = (at / MODEL_PAGE + 1) * MODEL_PAGE;
		return (int64_t)(at < n->size ? at : n->size);
	}
	for (size_t i = 0; i < n->page_count; i++)
		if (n->pages[i].number >= offset / MODEL_PAGE && n->pages[i].number < best)
			best = n->pages[i].number;
	if (best == UINT64_MAX)
		return -ENXIO;
	at = best * MODEL_PAGE > offset ? best * MODEL_PAGE : offset;
	return at < n->size ? (int64_t)at : -ENXIO;
}

ssize_t model_copy(struct model *m, int from, uint64_t from_offset, int to, uint64_t to_offset,
		   size_t size, size_t granted)
{
	struct model_node *source = &m->nodes[from], *target = &m->nodes[to];
	uint8_t *buf;
	int err;

	if (size > INT64_MAX || from_offset > INT64_MAX - size || to_offset > INT64_MAX - size)
		return -EFBIG;
	if (from == to && from_offset < to_offset + size && to_offset < from_offset + size)
		return -EINVAL;
	if (size == 0)
		return 0;
	err = check_file(source);
	if (!err)
		err = check_file(target);
	if (err)
		return err;
	if (from_offset >= source->size)
		return 0;
	if (size > source->size - from_offset)
		size = source->size - from_offset;
	if (granted < size)
		size = granted;
	buf = malloc(size + 1);
	if (!buf)
		abort();
	get_bytes(source, from_offset, buf, size);
	put_bytes(target, to_offset, buf, size);
	free(buf);
	drop_setid(target);
	written(m, target);
	return (ssize_t)size;
}

bool model_atime_is_due(const struct model_node *n, time_t now)
{
	const struct timespec a = n->atime.at, c = n->ctime.at, w = n->mtime.at;

	if (w.tv_sec > a.tv_sec || (w.tv_sec == a.tv_sec && w.tv_nsec >= a.tv_nsec))
		return true;
	if (c.tv_sec > a.tv_sec || (c.tv_sec == a.tv_sec && c.tv_nsec >= a.tv_nsec))
		return true;
	return a.tv_sec <= now - 86400;
}

/* --- attributes ---------------------------------------------------------- */

int model_setattr(struct model *m, int node, unsigned mask, const struct stat *want)
{
	struct model_node *n = &m->nodes[node];
	bool times_only = mask == STORE_SET_CTIME || mask == (STORE_SET_CTIME | STORE_SET_MTIME);
	uint64_t old = n->size;
	int err;

	if (!n->alive)
		return -ESTALE;
	if (n->flags & FIXED && !times_only)
		return -EPERM;
	if (mask & STORE_SET_SIZE) {
		err = set_size(n, (uint64_t)want->st_size);
		if (err)
			return err;
		if (n->size != old)
			model_stamp(m, &n->mtime);
	}
	if (mask & (STORE_SET_UID | STORE_SET_GID | STORE_KILL_PRIV))
		drop_setid(n);
	if (mask & STORE_SET_UID)
		n->uid = want->st_uid;
	if (mask & STORE_SET_GID)
		n->gid = want->st_gid;
	if (mask & STORE_SET_MODE)
		n->perm = want->st_mode & 07777;
	if (mask & STORE_SET_ATIME_NOW)
		model_stamp(m, &n->atime);
	else if (mask & STORE_SET_ATIME)
		n->atime = (struct model_time){ .at = want->st_atim };
	if (mask & STORE_SET_MTIME_NOW)
		model_stamp(m, &n->mtime);
	else if (mask & STORE_SET_MTIME)
		n->mtime = (struct model_time){ .at = want->st_mtim };
	if (mask & STORE_SET_CTIME)
		n->ctime = (struct model_time){ .at = want->st_ctim };
	else if (mask)
		model_stamp(m, &n->ctime);
	return 0;
}

int model_set_flags(struct model *m, int node, uint32_t flags)
{
	struct model_node *n = &m->nodes[node];

	if (flags & ~(uint32_t)STORE_FLAGS)
		return -EOPNOTSUPP;
	if (!n->alive)
		return -ESTALE;
	m->has_flags = true;
	n->flags = flags;
	model_stamp(m, &n->ctime);
	return 0;
}

int model_set_nr_inodes(struct model *m, uint64_t nr_inodes)
{
	uint64_t limit = nr_inodes > UINT64_MAX / MODEL_NODE_SPACE ? 0 : nr_inodes * MODEL_NODE_SPACE;

	if (limit && limit < m->space)
		return -EINVAL;
	m->space_limit = limit ? limit : UINT64_MAX;
	return 0;
}

/* --- extended attributes ------------------------------------------------- */

static bool is_acl(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

static bool is_supported(const char *name)
{
	static const char *const prefixes[] = { "user.", "trusted.", "security." };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 && name[strlen(prefixes[i])])
			return true;
	return is_acl(name);
}

static struct model_xattr *find_xattr(struct model_node *n, const char *name)
{
	for (size_t i = 0; i < n->xattr_count; i++)
		if (strcmp(n->xattrs[i].name, name) == 0)
			return &n->xattrs[i];
	return NULL;
}

ssize_t model_getxattr(struct model *m, int node, const char *name, size_t size,
		       const struct model_xattr **found)
{
	struct model_node *n = &m->nodes[node];

	if (!is_supported(name))
		return -EOPNOTSUPP;
	if (!n->alive)
		return -ESTALE;
	*found = find_xattr(n, name);
	if (!*found)
		return -ENODATA;
	return size && size < (*found)->size ? -ERANGE : (ssize_t)(*found)->size;
}

static void fill_xattr(struct model_xattr *x, const void *value, size_t size)
{
	free(x->value);
	x->value = malloc(size + 1);
	if (!x->value)
		abort();
	if (size)
		memcpy(x->value, value, size);
	x->size = size;
}

/* Three entries: owner, group and others. It says no more than a mode, and becomes one. */
static bool is_plain_acl(const uint8_t *value, size_t size)
{
	return size == 28 && memcmp(value, "\2\0\0\0", 4) == 0 && value[4] == 0x01 &&
	       value[12] == 0x04 && value[20] == 0x20;
}

static int set_acl(struct model *m, struct store_cred cred, struct model_node *n,
		   const char *name, const uint8_t *value, size_t size)
{
	if (S_ISLNK(n->type))
		return -EOPNOTSUPP;
	/* The player makes plain ones and broken ones only: the rest has its own test. */
	if (!is_plain_acl(value, size))
		return -EINVAL;
	if (strcmp(name, "system.posix_acl_default") == 0)
		return -EACCES;
	n->perm = (n->perm & 07000) | (mode_t)(value[6] << 6 | value[14] << 3 | value[22]);
	if (cred.uid != 0 && cred.gid != n->gid)
		n->perm &= ~(mode_t)S_ISGID;
	model_stamp(m, &n->ctime);
	return 0;
}

int model_setxattr(struct model *m, struct store_cred cred, int node, const char *name,
		   const void *value, size_t size, int flags)
{
	struct model_node *n = &m->nodes[node];
	struct model_xattr *x, added = { 0 };
	uint64_t space;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	if (!n->alive)
		return -ESTALE;
	if (n->flags & FIXED)
		return -EPERM;
	if (is_acl(name))
		return set_acl(m, cred, n, name, value, size);
	x = find_xattr(n, name);
	if (x && flags & XATTR_CREATE)
		return -EEXIST;
	if (!x && flags & XATTR_REPLACE)
		return -ENODATA;
	space = MODEL_XATTR_SPACE + strlen(name) + 1 + size;
	if (x && xattr_space(x) >= space)
		m->space -= xattr_space(x) - space;
	else if (!take_space(m, space - (x ? xattr_space(x) : 0)))
		return -ENOSPC;
	if (!x) {
		added.name = strdup(name);
		n->xattrs = grown(n->xattrs, n->xattr_count, sizeof(*n->xattrs));
		x = &n->xattrs[n->xattr_count++];
		*x = added;
	}
	fill_xattr(x, value, size);
	model_stamp(m, &n->ctime);
	return 0;
}

int model_removexattr(struct model *m, int node, const char *name)
{
	struct model_node *n = &m->nodes[node];
	struct model_xattr *x;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	if (!n->alive)
		return -ESTALE;
	if (n->flags & FIXED)
		return -EPERM;
	x = find_xattr(n, name);
	if (!x)
		return is_acl(name) ? 0 : -ENODATA;
	m->space -= xattr_space(x);
	free(x->name);
	free(x->value);
	*x = n->xattrs[--n->xattr_count];
	model_stamp(m, &n->ctime);
	return 0;
}
