/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/acl.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>

/* As in linux/posix_acl_xattr.h, but anywhere in memory: behind a name of any length. */
typedef struct {
	uint32_t a_version;
} __attribute__((packed)) header;

typedef struct {
	uint16_t e_tag;
	uint16_t e_perm;
	uint32_t e_id;
} __attribute__((packed)) entry;

_Static_assert(sizeof(header) == sizeof(struct posix_acl_xattr_header), "the kernel's layout");
_Static_assert(sizeof(entry) == sizeof(struct posix_acl_xattr_entry), "the kernel's layout");

static size_t count_of(size_t size)
{
	return (size - sizeof(header)) / sizeof(entry);
}

static entry *entries_of(void *acl)
{
	return (entry *)((char *)acl + sizeof(header));
}

static const entry *const_entries_of(const void *acl)
{
	return (const entry *)((const char *)acl + sizeof(header));
}

bool acl_is_valid(const void *acl, size_t size)
{
	const header *h = acl;
	unsigned owners = 0, groups = 0, others = 0, masks = 0, named = 0;

	if (size < sizeof(*h) || (size - sizeof(*h)) % sizeof(entry) != 0 ||
	    le32toh(h->a_version) != POSIX_ACL_XATTR_VERSION)
		return false;
	for (size_t i = 0; i < count_of(size); i++) {
		const entry *e = const_entries_of(acl) + i;

		if (le16toh(e->e_perm) & ~7u)
			return false;
		switch (le16toh(e->e_tag)) {
		case ACL_USER_OBJ: owners++; break;
		case ACL_GROUP_OBJ: groups++; break;
		case ACL_OTHER: others++; break;
		case ACL_MASK: masks++; break;
		case ACL_USER:
		case ACL_GROUP: named++; break;
		default: return false;
		}
	}
	return owners == 1 && groups == 1 && others == 1 && masks <= 1 && (masks || !named);
}

/* The entry of a tag of which there is at most one. */
static entry *find(void *acl, size_t size, uint16_t tag)
{
	for (size_t i = 0; i < count_of(size); i++)
		if (le16toh(entries_of(acl)[i].e_tag) == tag)
			return entries_of(acl) + i;
	return NULL;
}

/* The entry that the group bits of the mode stand for: the mask, if there is one. */
static entry *group_class(void *acl, size_t size)
{
	entry *mask = find(acl, size, ACL_MASK);

	return mask ? mask : find(acl, size, ACL_GROUP_OBJ);
}

bool acl_to_mode(const void *acl, size_t size, mode_t *perm)
{
	unsigned owner = 0, group = 0, other = 0, mask = 0;
	bool masked = false;

	for (size_t i = 0; i < count_of(size); i++) {
		const entry *e = const_entries_of(acl) + i;
		unsigned bits = le16toh(e->e_perm) & 7u;

		switch (le16toh(e->e_tag)) {
		case ACL_USER_OBJ: owner = bits; break;
		case ACL_GROUP_OBJ: group = bits; break;
		case ACL_OTHER: other = bits; break;
		case ACL_MASK: mask = bits; masked = true; break;
		default: break;
		}
	}
	*perm = (*perm & ~(mode_t)0777) | owner << 6 | (masked ? mask : group) << 3 | other;
	return masked;
}

static void set(entry *e, unsigned bits)
{
	if (e)
		e->e_perm = htole16((uint16_t)(bits & 7));
}

void acl_chmod(void *acl, size_t size, mode_t perm)
{
	set(find(acl, size, ACL_USER_OBJ), perm >> 6);
	set(group_class(acl, size), perm >> 3);
	set(find(acl, size, ACL_OTHER), perm);
}

/* Both lose what the other does not allow; returns what is left. */
static unsigned meet(entry *e, unsigned bits)
{
	bits &= 7;
	if (e) {
		bits &= le16toh(e->e_perm);
		set(e, bits);
	}
	return bits;
}

bool acl_create(void *acl, size_t size, mode_t *perm)
{
	unsigned owner = meet(find(acl, size, ACL_USER_OBJ), *perm >> 6);
	unsigned group = meet(group_class(acl, size), *perm >> 3);
	unsigned other = meet(find(acl, size, ACL_OTHER), *perm);

	*perm = (*perm & ~(mode_t)0777) | owner << 6 | group << 3 | other;
	return find(acl, size, ACL_MASK) != NULL;
}
