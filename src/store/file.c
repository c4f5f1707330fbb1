/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - reading and writing regular files. */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/content.h"

#define COPY_STEP (1u << 20) /* bytes copied before the locks are let go for others */

/* The regular file of an id: -ESTALE, -EISDIR, -EINVAL. Wants nodes[]. */
static int get_file(struct store *s, node_id id, struct node **out)
{
	struct node *n = node_get(s->table, id);

	if (!n)
		return -ESTALE;
	if (!S_ISREG(n->type))
		return S_ISDIR(n->type) ? -EISDIR : -EINVAL;
	*out = n;
	return 0;
}

/* The same with nodes[] taken for writing; on failure it is not held. */
static int lock_file(struct store *s, node_id id, struct node **out)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	int err;

	lock_write(lock);
	err = get_file(s, id, out);
	if (err)
		unlock(lock);
	return err;
}

static void unlock_file(struct store *s, node_id id)
{
	unlock(lock_of_node(s->locks, id));
}

/* --- reading ----------------------------------------------------------- */

int store_read_begin(struct store *s, node_id id, uint64_t offset, size_t size,
		     struct store_view *view)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	*view = (struct store_view){ .lock = lock, .store = s, .id = id };
	lock_read(lock);
	err = get_file(s, id, &n);
	if (!err)
		err = content_view(s, n, offset, size < STORE_READ_MAX ? size : STORE_READ_MAX,
				   view);
	if (err) {
		unlock(lock);
		free(view->buffer);
	}
	return err;
}

void store_read_end(struct store_view *view)
{
	struct node *n;

	unlock(view->lock);
	free(view->buffer);
	if (!view->touch_atime || lock_file(view->store, view->id, &n) < 0)
		return;
	n->atime = node_now();
	unlock_file(view->store, view->id);
}

/* --- writing ----------------------------------------------------------- */

ssize_t store_write(struct store *s, node_id id, uint64_t offset, const void *buf, size_t size,
		    bool touch, bool kill_priv)
{
	struct node *n;
	ssize_t done = lock_file(s, id, &n);

	if (done < 0)
		return done;
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		done = -EFBIG;
	else
		done = content_write(s, n, offset, buf, size);
	if (done >= 0 && kill_priv)
		file_drop_setid(n);
	if (done >= 0 && touch)
		content_touch(s, n);
	unlock_file(s, id);
	return done;
}

int store_open(struct store *s, node_id id, int flags, bool kill_priv)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct node *n;
	int err;

	/* Nothing to check and nothing to do: the usual case takes no lock. */
	if (!(flags & O_TRUNC) &&
	    !(writes && atomic_load_explicit(&s->has_flags, memory_order_relaxed)))
		return 0;
	err = lock_file(s, id, &n);
	if (err)
		return err;
	if (n->flags & STORE_IMMUTABLE && (writes || flags & O_TRUNC))
		err = -EPERM;
	else if (n->flags & STORE_APPEND && ((writes && !(flags & O_APPEND)) || flags & O_TRUNC))
		err = -EPERM;
	else if (flags & O_TRUNC)
		err = file_set_size(s, n, 0);
	if (!err && flags & O_TRUNC) {
		if (kill_priv)
			file_drop_setid(n);
		content_touch(s, n);
	}
	unlock_file(s, id);
	return err;
}

int store_fallocate(struct store *s, node_id id, int mode, uint64_t offset, uint64_t size)
{
	struct node *n;
	int err = lock_file(s, id, &n);

	if (err)
		return err == -EINVAL ? -ENODEV : err;
	if (size == 0)
		err = -EINVAL;
	else if (offset > INT64_MAX || size > INT64_MAX - offset)
		err = -EFBIG;
	else if (n->flags & STORE_IMMUTABLE ||
		 (n->flags & STORE_APPEND && mode & ~FALLOC_FL_KEEP_SIZE))
		err = -EPERM;
	else
		err = content_allocate(s, n, mode, offset, size);
	if (!err) {
		file_drop_setid(n);
		content_touch(s, n);
	}
	unlock_file(s, id);
	return err;
}

int64_t store_seek(struct store *s, node_id id, uint64_t offset, int whence)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	int64_t result;
	struct node *n;

	lock_read(lock);
	result = get_file(s, id, &n);
	if (result == 0 && whence != SEEK_DATA && whence != SEEK_HOLE)
		result = -EINVAL;
	else if (result == 0)
		result = content_seek(s, n, offset, whence);
	unlock(lock);
	return result;
}

/* Copies up to COPY_STEP bytes. Both nodes are locked for writing. */
static ssize_t copy_step(struct store *s, node_id from, uint64_t from_offset, node_id to,
			 uint64_t to_offset, size_t size)
{
	struct node *source, *target;
	int err = get_file(s, from, &source);
	ssize_t done;

	if (!err)
		err = get_file(s, to, &target);
	if (err)
		return err;
	done = content_copy(s, source, from_offset, target, to_offset, size);
	if (done > 0) {
		file_drop_setid(target);
		content_touch(s, target);
	}
	return done;
}

ssize_t store_copy(struct store *s, node_id from, uint64_t from_offset, node_id to,
		   uint64_t to_offset, size_t size)
{
	size_t done = 0;

	if (size > INT64_MAX || from_offset > INT64_MAX - size || to_offset > INT64_MAX - size)
		return -EFBIG;
	if (from == to && from_offset < to_offset + size && to_offset < from_offset + size)
		return -EINVAL;
	while (done < size) {
		size_t step = size - done < COPY_STEP ? size - done : COPY_STEP;
		struct locked_nodes held;
		ssize_t n;

		lock_two_nodes(s->locks, from, to, &held);
		n = copy_step(s, from, from_offset + done, to, to_offset + done, step);
		unlock_two_nodes(&held);
		if (n < 0 && !done)
			return n;
		if (n > 0)
			done += (size_t)n;
		/* The end as it was: in one file, what was copied may lie behind it by now. */
		if (n < (ssize_t)step)
			break;
	}
	return (ssize_t)done;
}

int store_backing(struct store *s, node_id id)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int result;

	lock_read(lock);
	result = get_file(s, id, &n);
	if (!result)
		result = s->backing ? backing_open(s->backing, n->backing, O_RDONLY) : -EINVAL;
	unlock(lock);
	return result;
}

int store_backing_root(const struct store *s)
{
	return s->backing ? backing_root(s->backing) : -1;
}

void store_trim(struct store *s, node_id id)
{
	struct node *n;

	if (lock_file(s, id, &n) < 0)
		return;
	content_trim(s, n);
	unlock_file(s, id);
}
