/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model_node.c - one node: bytes, attributes, extended attributes. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

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
	n->pages = model_grow(n->pages, n->page_count, sizeof(*n->pages));
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
	if (size <= n->size)
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
	bool privileges_only = mask == 0 || mask == STORE_KILL_PRIV;
	uint64_t old = n->size;
	int err;

	if (!n->alive)
		return -ESTALE;
	if (n->flags & MODEL_FIXED && !times_only && !privileges_only)
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
	if (n->flags & MODEL_FIXED)
		return -EPERM;
	if (is_acl(name))
		return set_acl(m, cred, n, name, value, size);
	x = find_xattr(n, name);
	if (x && flags & XATTR_CREATE)
		return -EEXIST;
	if (!x && flags & XATTR_REPLACE)
		return -ENODATA;
	space = MODEL_XATTR_SPACE + strlen(name) + 1 + size;
	if (x && model_xattr_space(x) >= space)
		m->space -= model_xattr_space(x) - space;
	else if (!model_take_space(m, space - (x ? model_xattr_space(x) : 0)))
		return -ENOSPC;
	if (!x) {
		added.name = strdup(name);
		n->xattrs = model_grow(n->xattrs, n->xattr_count, sizeof(*n->xattrs));
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
	if (n->flags & MODEL_FIXED && strcmp(name, "security.capability") != 0)
		return -EPERM;
	x = find_xattr(n, name);
	if (!x)
		return is_acl(name) ? 0 : -ENODATA;
	m->space -= model_xattr_space(x);
	free(x->name);
	free(x->value);
	*x = n->xattrs[--n->xattr_count];
	model_stamp(m, &n->ctime);
	return 0;
}

void model_drop_capabilities(struct model *m, int node)
{
	model_removexattr(m, node, "security.capability");
}
