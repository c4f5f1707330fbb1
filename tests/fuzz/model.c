/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - nodes and names; what is in a node is in model_node.c. */
#include "model.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *model_grow(void *array, size_t count, size_t size)
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

bool model_take_space(struct model *m, uint64_t n)
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

	if (!model_take_space(m, MODEL_NODE_SPACE))
		return 0;
	m->nodes = model_grow(m->nodes, (size_t)m->node_count, sizeof(*m->nodes));
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

uint64_t model_xattr_space(const struct model_xattr *x)
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
		m->space -= model_xattr_space(&n->xattrs[i]);
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
	m->nodes = model_grow(m->nodes, 0, sizeof(*m->nodes));
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

	m->names = model_grow(m->names, (size_t)m->name_count, sizeof(*m->names));
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
	return (m->nodes[dir].flags | m->nodes[node].flags) & MODEL_FIXED ? -EPERM : 0;
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
	if (!model_take_space(m, length)) {
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
	if (!err && (S_ISDIR(n->type) || n->flags & MODEL_FIXED))
		err = -EPERM;
	if (!err && n->nlink > 0 && !model_take_space(m, MODEL_NODE_SPACE))
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
