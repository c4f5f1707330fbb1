/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xattr.c - extended attributes, and what access control lists among them mean for the mode. */
#include <errno.h>
#include <linux/xattr.h>
#include <string.h>

#include "store/acl.h"
#include "store/file.h"

static bool has_prefix(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 && name[length] != '\0';
}

static bool is_access_acl(const char *name)
{
	return strcmp(name, ACL_ACCESS) == 0;
}

static bool is_acl(const char *name)
{
	return is_access_acl(name) || strcmp(name, ACL_DEFAULT) == 0;
}

static bool is_capabilities(const char *name)
{
	return strcmp(name, XATTR_NAME_CAPS) == 0;
}

/* The namespaces of xattr(7). Who may use which is the kernel's business. */
static bool is_supported(const char *name)
{
	return has_prefix(name, XATTR_USER_PREFIX) || has_prefix(name, XATTR_TRUSTED_PREFIX) ||
	       has_prefix(name, XATTR_SECURITY_PREFIX) || is_acl(name);
}

ssize_t store_getxattr(struct store *s, node_id id, const char *name, void *buf, size_t size)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	ssize_t result = -ESTALE;
	struct xattr *x;
	struct node *n;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	lock_read(lock);
	n = node_get(s->table, id);
	if (n) {
		x = xattrs_find(n->xattrs, name);
		if (!x) {
			result = -ENODATA;
		} else if (size && size < x->size) {
			result = -ERANGE;
		} else {
			if (size && x->size)
				memcpy(buf, xattr_value(x), x->size);
			result = (ssize_t)x->size;
		}
	}
	unlock(lock);
	return result;
}

/* An access list and the mode show the same rights: those of the list now hold. */
static int set_access_acl(struct store *s, struct store_cred cred, struct node *n,
			  const void *value, size_t size, int flags)
{
	mode_t perm = n->perm;
	int err = 0;

	if (acl_to_mode(value, size, &perm))
		err = xattrs_set(&n->xattrs, &s->budget.space, ACL_ACCESS, value, size, flags);
	else
		xattrs_remove(&n->xattrs, &s->budget.space, ACL_ACCESS);
	if (err)
		return err;
	/* As chmod(2). */
	if (cred.uid != 0 && cred.gid != n->gid)
		perm &= ~(mode_t)S_ISGID;
	n->perm = perm;
	return 0;
}

static int set_locked(struct store *s, struct store_cred cred, struct node *n, const char *name,
		      const void *value, size_t size, int flags)
{
	int err;

	if (node_is_fixed(n))
		return -EPERM;
	if (is_acl(name) && S_ISLNK(n->type))
		return -EOPNOTSUPP;
	if (is_acl(name) && !acl_is_valid(value, size))
		return -EINVAL;
	if (strcmp(name, ACL_DEFAULT) == 0 && !S_ISDIR(n->type))
		return -EACCES;
	if (is_access_acl(name))
		err = set_access_acl(s, cred, n, value, size, flags);
	else
		err = xattrs_set(&n->xattrs, &s->budget.space, name, value, size, flags);
	if (!err && is_capabilities(name))
		atomic_store(&s->has_capabilities, true);
	if (!err)
		n->ctime = node_now();
	return err;
}

int store_setxattr(struct store *s, struct store_cred cred, node_id id, const char *name,
		   const void *value, size_t size, int flags)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	lock_write(lock);
	n = node_get(s->table, id);
	err = n ? set_locked(s, cred, n, name, value, size, flags) : -ESTALE;
	unlock(lock);
	return err;
}

static int remove_locked(struct store *s, struct node *n, const char *name)
{
	int err;

	/*
	 * Capabilities go with a write, which was allowed; a program that removes them looks the same, and
	 * takes CAP_SETFCAP.
	 */
	if (node_is_fixed(n) && !is_capabilities(name))
		return -EPERM;
	err = xattrs_remove(&n->xattrs, &s->budget.space, name);
	/* A list that says no more than the mode is not kept: to remove it is no error. */
	if (err == -ENODATA && is_acl(name))
		return 0;
	if (!err)
		n->ctime = node_now();
	return err;
}

int store_removexattr(struct store *s, node_id id, const char *name)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	lock_write(lock);
	n = node_get(s->table, id);
	err = n ? remove_locked(s, n, name) : -ESTALE;
	unlock(lock);
	return err;
}

void store_drop_capabilities(struct store *s, node_id id)
{
	/* Nothing to do: the usual case takes no lock. */
	if (atomic_load_explicit(&s->has_capabilities, memory_order_relaxed))
		store_removexattr(s, id, XATTR_NAME_CAPS);
}

ssize_t store_listxattr(struct store *s, node_id id, char *buf, size_t size, bool trusted)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	ssize_t result = -ESTALE;
	struct node *n;

	lock_read(lock);
	n = node_get(s->table, id);
	if (n)
		result = xattrs_list(n->xattrs, buf, size, trusted);
	unlock(lock);
	return result;
}

/* --- for the other files --------------------------------------------------- */

void xattr_chmod(struct node *n)
{
	struct xattr *x = xattrs_find(n->xattrs, ACL_ACCESS);

	if (x)
		acl_chmod(xattr_value(x), x->size, n->perm);
}

int xattr_inherit(struct store *s, struct node *dir, struct node *n, mode_t umask)
{
	struct xattr *from = S_ISLNK(n->type) ? NULL : xattrs_find(dir->xattrs, ACL_DEFAULT), *x;
	int err;

	if (!from) {
		if (!S_ISLNK(n->type))
			n->perm &= ~umask;
		return 0;
	}
	err = xattrs_set(&n->xattrs, &s->budget.space, ACL_ACCESS, xattr_value(from), from->size,
			 0);
	if (err)
		return err;
	x = xattrs_find(n->xattrs, ACL_ACCESS);
	if (!acl_create(xattr_value(x), x->size, &n->perm))
		xattrs_remove(&n->xattrs, &s->budget.space, ACL_ACCESS);
	if (S_ISDIR(n->type))
		err = xattrs_set(&n->xattrs, &s->budget.space, ACL_DEFAULT, xattr_value(from),
				 from->size, 0);
	return err;
}
