/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl.h - access control lists in the form in which they stand in extended
 * attributes (linux/posix_acl_xattr.h), see acl(5).
 *
 * The kernel checks permissions against them, but leaves to the filesystem
 * what keeps them and the mode in step: chmod, setting a list, inheritance.
 * An "extended" list says more than a mode can: it has named users, named
 * groups or a mask.
 */
#ifndef MEMFS_STORE_ACL_H
#define MEMFS_STORE_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* Is it well-formed: version, whole entries, one each of owner, group and others? */
bool acl_is_valid(const void *acl, size_t size);

/* Is it extended? Its owner, group (the mask, if there is one) and others go into *perm's 0777. */
bool acl_to_mode(const void *acl, size_t size, mode_t *perm);

/* chmod: the entries that the mode shows become those of perm. */
void acl_chmod(void *acl, size_t size, mode_t perm);

/*
 * Inheritance (acl(5), OBJECT CREATION): acl is a copy of the directory's
 * default list, *perm what the caller of create asked for; both lose what
 * the other does not allow. Is what remains extended?
 */
bool acl_create(void *acl, size_t size, mode_t *perm);

#endif
