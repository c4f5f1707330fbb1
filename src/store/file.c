/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - reading and writing regular files. */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#define COPY_STEP (1u << 20) /* bytes copied before the locks are let go for others */
#define DAY 86400

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

static void touch_written(struct node *n)
{
	n->mtime = n->ctime = node_now();
}

/* --- reading ----------------------------------------------------------- */

static bool before(struct node_time a, struct node_time b)
{
	return a.sec < b.sec || (a.sec == b.sec && a.nsec < b.nsec);
}

/* The rule of mount(8)'s relatime: not after the last change, or older than a day. */
static bool atime_is_due(const struct node *n)
{
	struct node_time now = node_now();

	return !before(n->mtime, n->atime) || !before(n->ctime, n->atime) ||
	       now.sec - n->atime.sec >= DAY;
}

int store_read_begin(struct store *s, node_id id, uint64_t offset, size_t size,
		     struct store_view *view)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	struct node *n;
	int err;

	*view = (struct store_view){ .lock = lock, .store = s, .id = id };
	lock_read(lock);
	err = get_file(s, id, &n);
	if (err) {
		unlock(lock);
		return err;
	}
	if (size > STORE_READ_MAX)
		size = STORE_READ_MAX;
	if (offset >= n->size)
		size = 0;
	else if (size > n->size - offset)
		size = n->size - offset;
	view->count = data_view(&n->data, offset, size, view->iov,
				sizeof(view->iov) / sizeof(view->iov[0]));
	view->size = size;
	view->touch_atime = atime_is_due(n);
	return 0;
}

void store_read_end(struct store_view *view)
{
	struct node *n;

	unlock(view->lock);
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
		done = data_write(&n->data, &s->budget, offset, buf, size);
	if (done > 0 && offset + (uint64_t)done > n->size)
		n->size = offset + (uint64_t)done;
	if (done >= 0 && kill_priv)
		file_drop_setid(n);
	if (done >= 0 && touch)
		touch_written(n);
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
		touch_written(n);
	}
	unlock_file(s, id);
	return err;
}

static int fallocate_locked(struct store *s, struct node *n, int mode, uint64_t offset,
			    uint64_t size)
{
	uint64_t inside = 0;
	int err = 0;

	/* What a hole or zeros behind the end would be, is there already. */
	if (offset < n->size)
		inside = size < n->size - offset ? size : n->size - offset;
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case FALLOC_FL_PUNCH_HOLE:
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EOPNOTSUPP;
		if (offset + size >= n->size)
			inside = size; /* pages reserved behind the end go too */
		data_punch(&n->data, &s->budget, offset, inside);
		return 0;
	case FALLOC_FL_ZERO_RANGE:
	case 0:
		break;
	default:
		return -EOPNOTSUPP;
	}
	err = data_allocate(&n->data, &s->budget, offset, size);
	/* Only now: without space nothing shall have changed. */
	if (!err && mode & FALLOC_FL_ZERO_RANGE)
		data_zero(&n->data, offset, inside);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && offset + size > n->size)
		n->size = offset + size;
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
		err = fallocate_locked(s, n, mode, offset, size);
	if (!err) {
		file_drop_setid(n);
		touch_written(n);
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
	else if (result == 0 && offset >= n->size)
		result = -ENXIO;
	else if (result == 0 && whence == SEEK_HOLE)
		result = (int64_t)data_seek_hole(&n->data, n->size, offset);
	else if (result == 0) {
		uint64_t at = data_seek_data(&n->data, n->size, offset);

		result = at < n->size ? (int64_t)at : -ENXIO;
	}
	unlock(lock);
	return result;
}

/* Copies up to COPY_STEP bytes. Both nodes are locked for writing. */
static ssize_t copy_step(struct store *s, node_id from, uint64_t from_offset, node_id to,
			 uint64_t to_offset, size_t size)
{
	struct node *source, *target;
	char bounce[DATA_PAGE];
	size_t done = 0;
	struct iovec iov[2];
	int err = get_file(s, from, &source);

	if (!err)
		err = get_file(s, to, &target);
	if (err)
		return err;
	if (from_offset >= source->size)
		return 0;
	if (size > source->size - from_offset)
		size = source->size - from_offset;
	while (done < size) {
		ssize_t n;

		data_view(&source->data, from_offset + done,
			  size - done < DATA_PAGE ? size - done : DATA_PAGE, iov, 2);
		if (source == target) {
			/* Writing may move the very bytes that it reads. */
			memcpy(bounce, iov[0].iov_base, iov[0].iov_len);
			iov[0].iov_base = bounce;
		}
		n = data_write(&target->data, &s->budget, to_offset + done, iov[0].iov_base,
			       iov[0].iov_len);
		if (n < 0 && !done)
			return n;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (to_offset + done > target->size)
		target->size = to_offset + done;
	file_drop_setid(target);
	touch_written(target);
	return (ssize_t)done;
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

void store_trim(struct store *s, node_id id)
{
	struct node *n;

	if (lock_file(s, id, &n) < 0)
		return;
	data_trim(&n->data, &s->budget, n->size);
	unlock_file(s, id);
}
