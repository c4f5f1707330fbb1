/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/xattrs.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

static uint64_t cost(const struct xattr *x)
{
	return sizeof(*x) + x->name_size + x->size;
}

/* The link that leads to it, or the one at the end. */
static struct xattr **find_link(struct xattr **list, const char *name)
{
	while (*list && strcmp((*list)->bytes, name) != 0)
		list = &(*list)->next;
	return list;
}

struct xattr *xattrs_find(struct xattr *list, const char *name)
{
	return *find_link(&list, name);
}

static struct xattr *make(const char *name, const void *value, size_t size)
{
	size_t name_size = strlen(name) + 1;
	struct xattr *x = malloc(sizeof(*x) + name_size + size);

	if (!x)
		return NULL;
	x->next = NULL;
	x->name_size = (uint32_t)name_size;
	x->size = (uint32_t)size;
	memcpy(x->bytes, name, name_size);
	if (size)
		memcpy(xattr_value(x), value, size);
	return x;
}

int xattrs_set(struct xattr **list, struct account *space, const char *name, const void *value,
	       size_t size, int flags)
{
	struct xattr **link = find_link(list, name), *old = *link, *x;

	if (old && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE))
		return -ENODATA;
	x = make(name, value, size);
	if (!x)
		return -ENOMEM;
	/* A smaller value always fits, also when the limit has been passed by a resize. */
	if (!old || cost(x) > cost(old)) {
		if (!account_take(space, cost(x) - (old ? cost(old) : 0))) {
			free(x);
			return -ENOSPC;
		}
	} else {
		account_give(space, cost(old) - cost(x));
	}
	x->next = old ? old->next : NULL;
	*link = x;
	free(old);
	return 0;
}

int xattrs_remove(struct xattr **list, struct account *space, const char *name)
{
	struct xattr **link = find_link(list, name), *x = *link;

	if (!x)
		return -ENODATA;
	*link = x->next;
	account_give(space, cost(x));
	free(x);
	return 0;
}

ssize_t xattrs_list(const struct xattr *list, char *buf, size_t size, bool trusted)
{
	size_t length = 0;

	for (; list; list = list->next) {
		if (!trusted && strncmp(list->bytes, XATTR_TRUSTED_PREFIX,
					XATTR_TRUSTED_PREFIX_LEN) == 0)
			continue;
		if (size && list->name_size > size - length)
			return -ERANGE;
		if (size)
			memcpy(buf + length, list->bytes, list->name_size);
		length += list->name_size;
	}
	return (ssize_t)length;
}

uint64_t xattrs_cost(const struct xattr *list)
{
	uint64_t sum = 0;

	for (; list; list = list->next)
		sum += cost(list);
	return sum;
}

void xattrs_destroy(struct xattr **list, struct account *space)
{
	while (*list) {
		struct xattr *x = *list;

		*list = x->next;
		account_give(space, cost(x));
		free(x);
	}
}
