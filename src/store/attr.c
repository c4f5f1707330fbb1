/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attr.c - reading and setting attributes, the size of a file among them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "store/content.h"
#include "store/file.h"

int store_get_flags(struct store *s, node_id id, uint32_t *flags)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;

	lock_read(lock);
	n = node_get(s->table, id);
	if (n)
		*flags = n->flags;
	unlock(lock);
	return n ? 0 : -ESTALE;
}

int store_set_flags(struct store *s, node_id id, uint32_t flags)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;

	if (flags & ~(uint32_t)STORE_FLAGS)
		return -EOPNOTSUPP;
	lock_write(lock);
	n = node_get(s->table, id);
	if (n) {
		atomic_store(&s->has_flags, true);
		n->flags = flags;
		n->ctime = node_now();
	}
	unlock(lock);
	return n ? 0 : -ESTALE;
}

int store_statx(struct store *s, node_id id, struct stat *attr, struct timespec *btime)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	lock_read(lock);
	n = node_get(s->table, id);
	err = n ? node_stat(s, n, attr) : -ESTALE;
	if (!err && btime)
		*btime = node_timespec(n->btime);
	unlock(lock);
	return err;
}

int store_getattr(struct store *s, node_id id, struct stat *attr)
{
	return store_statx(s, id, attr, NULL);
}

/*
 * What a write or a change of owner takes away from a program: setuid, and
 * setgid where it means a group change (group execution allowed) and not
 * mandatory locking. See chown(2), and setattr_should_drop_sgid() in Linux.
 */
void file_drop_setid(struct node *n)
{
	if (S_ISDIR(n->type))
		return;
	n->perm &= ~(mode_t)S_ISUID;
	if (n->perm & S_IXGRP)
		n->perm &= ~(mode_t)S_ISGID;
}

int file_set_size(struct store *s, struct node *n, uint64_t size)
{
	if (S_ISDIR(n->type))
		return -EISDIR;
	if (!S_ISREG(n->type))
		return -EINVAL;
	return size > INT64_MAX ? -EFBIG : content_set_size(s, n, size);
}

static struct node_time from_timespec(struct timespec ts)
{
	return (struct node_time){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

static struct timespec choose_time(bool now, bool given, struct timespec time)
{
	if (now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return given ? time : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int set_times(struct store *s, struct node *n, unsigned mask, const struct stat *want)
{
	const unsigned times = STORE_SET_ATIME | STORE_SET_ATIME_NOW | STORE_SET_MTIME |
			       STORE_SET_MTIME_NOW;

	if (!(mask & times))
		return 0;
	return content_set_times(s, n, (struct timespec[]){
		choose_time(mask & STORE_SET_ATIME_NOW, mask & STORE_SET_ATIME, want->st_atim),
		choose_time(mask & STORE_SET_MTIME_NOW, mask & STORE_SET_MTIME, want->st_mtim) });
}

/*
 * Does it come with a write? That was allowed, when the file was opened. In
 * writeback mode the kernel tells the times of its own writes. (A utimensat(2)
 * that sets mtime alone looks the same.) And before it writes it asks for set-id
 * bits to go, or, where it leaves them to the write, for nothing.
 */
static bool goes_with_write(unsigned mask)
{
	if (mask & STORE_SET_CTIME)
		return !(mask & ~(STORE_SET_CTIME | STORE_SET_MTIME));
	return !(mask & ~STORE_KILL_PRIV);
}

static int setattr_locked(struct store *s, struct node *n, unsigned mask,
			  const struct stat *want)
{
	int err;

	if (node_is_fixed(n) && !goes_with_write(mask))
		return -EPERM;
	/* What can fail comes first. */
	if (mask & STORE_SET_SIZE) {
		bool changes = (uint64_t)want->st_size != n->size;

		err = file_set_size(s, n, (uint64_t)want->st_size);
		if (err)
			return err;
		if (changes)
			content_touch(s, n);
	}
	err = set_times(s, n, mask, want);
	if (err)
		return err;
	/* Before the mode: chmod in the same request has the last word. */
	if (mask & (STORE_SET_UID | STORE_SET_GID | STORE_KILL_PRIV))
		file_drop_setid(n);
	if (mask & STORE_SET_UID)
		n->uid = want->st_uid;
	if (mask & STORE_SET_GID)
		n->gid = want->st_gid;
	if (mask & STORE_SET_MODE) {
		n->perm = want->st_mode & 07777;
		xattr_chmod(n);
	}
	if (mask)
		n->ctime = mask & STORE_SET_CTIME ? from_timespec(want->st_ctim) : node_now();
	return 0;
}

int store_setattr(struct store *s, node_id id, unsigned mask, const struct stat *want,
		  struct stat *attr)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	lock_write(lock);
	n = node_get(s->table, id);
	err = n ? setattr_locked(s, n, mask, want) : -ESTALE;
	if (!err)
		err = node_stat(s, n, attr);
	unlock(lock);
	return err;
}
