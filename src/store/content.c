/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400

int content_create(struct store *s, struct node *n)
{
	if (s->backing)
		return backing_make(s->backing, &n->backing);
	data_init(&n->data);
	return 0;
}

void content_destroy(struct store *s, struct node *n)
{
	if (s->backing)
		backing_remove(s->backing, n->backing);
	else
		data_destroy(&n->data, &s->budget);
}

static bool before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

int content_stat(const struct store *s, const struct node *n, struct stat *attr)
{
	struct stat st;
	int err;

	if (!s->backing) {
		attr->st_blocks = (blkcnt_t)(n->data.pages * (DATA_PAGE / 512));
		return 0;
	}
	err = backing_stat(s->backing, n->backing, &st);
	if (err)
		return err;
	attr->st_size = st.st_size;
	attr->st_blocks = st.st_blocks;
	attr->st_atim = st.st_atim;
	attr->st_mtim = st.st_mtim;
	if (before(attr->st_ctim, st.st_ctim))
		attr->st_ctim = st.st_ctim;
	return 0;
}

/* --- reading ----------------------------------------------------------- */

/* The rule of mount(8)'s relatime: not after the last change, or older than a day. */
static bool atime_is_due(const struct node *n)
{
	struct timespec atime = node_timespec(n->atime);

	return !before(node_timespec(n->mtime), atime) || !before(node_timespec(n->ctime), atime) ||
	       node_now().sec - n->atime.sec >= DAY;
}

/* The kernel keeps the time of access. */
static int view_copy(struct store *s, struct node *n, uint64_t offset, size_t size,
		     struct store_view *view)
{
	ssize_t done;

	if (offset > INT64_MAX)
		return 0;
	if (size > INT64_MAX - offset)
		size = INT64_MAX - offset;
	view->buffer = malloc(size ? size : 1);
	if (!view->buffer)
		return -ENOMEM;
	done = backing_read(s->backing, n->backing, offset, view->buffer, size);
	if (done < 0)
		return (int)done;
	view->size = (size_t)done;
	view->iov[0] = (struct iovec){ .iov_base = view->buffer, .iov_len = view->size };
	view->count = done > 0;
	return 0;
}

int content_view(struct store *s, struct node *n, uint64_t offset, size_t size,
		 struct store_view *view)
{
	if (s->backing)
		return view_copy(s, n, offset, size, view);
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

/* --- writing ----------------------------------------------------------- */

ssize_t content_write(struct store *s, struct node *n, uint64_t offset, const void *buf,
		      size_t size)
{
	ssize_t done;

	if (s->backing)
		return backing_write(s->backing, n->backing, offset, buf, size);
	done = data_write(&n->data, &s->budget, offset, buf, size);
	if (done > 0 && offset + (uint64_t)done > n->size)
		n->size = offset + (uint64_t)done;
	return done;
}

void content_touch(const struct store *s, struct node *n)
{
	if (!s->backing)
		n->mtime = n->ctime = node_now();
}

static struct node_time new_time(struct timespec given, struct node_time old)
{
	if (given.tv_nsec == UTIME_OMIT)
		return old;
	if (given.tv_nsec == UTIME_NOW)
		return node_now();
	return (struct node_time){ .sec = given.tv_sec, .nsec = (uint32_t)given.tv_nsec };
}

int content_set_times(struct store *s, struct node *n, const struct timespec times[2])
{
	if (S_ISREG(n->type) && s->backing)
		return backing_set_times(s->backing, n->backing, times);
	n->atime = new_time(times[0], n->atime);
	n->mtime = new_time(times[1], n->mtime);
	return 0;
}

int content_set_size(struct store *s, struct node *n, uint64_t size)
{
	if (s->backing)
		return backing_truncate(s->backing, n->backing, size);
	if (size <= n->size) {
		/* Also what fallocate() reserved behind the end goes, as in tmpfs. */
		data_punch(&n->data, &s->budget, size, (uint64_t)INT64_MAX + 1 - size);
		data_trim(&n->data, &s->budget, size);
	}
	n->size = size;
	return 0;
}

/* --- holes --------------------------------------------------------------- */

static int allocate_chunks(struct store *s, struct node *n, int mode, uint64_t offset,
			   uint64_t size)
{
	uint64_t inside = 0;
	int err;

	/* What a hole or zeros behind the end would be, is there already. */
	if (offset < n->size)
		inside = size < n->size - offset ? size : n->size - offset;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (offset + size >= n->size)
			inside = size; /* pages reserved behind the end go too */
		data_punch(&n->data, &s->budget, offset, inside);
		return 0;
	}
	err = data_allocate(&n->data, &s->budget, offset, size);
	/* Only now: without space nothing shall have changed. */
	if (!err && mode & FALLOC_FL_ZERO_RANGE)
		data_zero(&n->data, offset, inside);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && offset + size > n->size)
		n->size = offset + size;
	return err;
}

int content_allocate(struct store *s, struct node *n, int mode, uint64_t offset, uint64_t size)
{
	switch (mode) {
	case 0:
	case FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_ZERO_RANGE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
		break;
	default:
		return -EOPNOTSUPP;
	}
	return s->backing ? backing_allocate(s->backing, n->backing, mode, offset, size) :
	       allocate_chunks(s, n, mode, offset, size);
}

int64_t content_seek(const struct store *s, const struct node *n, uint64_t offset, int whence)
{
	uint64_t at;

	if (s->backing)
		return backing_seek(s->backing, n->backing, offset, whence);
	if (offset >= n->size)
		return -ENXIO;
	if (whence == SEEK_HOLE)
		return (int64_t)data_seek_hole(&n->data, n->size, offset);
	at = data_seek_data(&n->data, n->size, offset);
	return at < n->size ? (int64_t)at : -ENXIO;
}

/* --- copies ---------------------------------------------------------------- */

static ssize_t copy_chunks(struct store *s, struct node *from, uint64_t from_offset,
			   struct node *to, uint64_t to_offset, size_t size)
{
	char bounce[DATA_PAGE];
	struct iovec iov[2];
	size_t done = 0;

	if (from_offset >= from->size)
		return 0;
	if (size > from->size - from_offset)
		size = from->size - from_offset;
	while (done < size) {
		ssize_t n;

		data_view(&from->data, from_offset + done,
			  size - done < DATA_PAGE ? size - done : DATA_PAGE, iov, 2);
		if (from == to) {
			/* Writing may move the very bytes that it reads. */
			memcpy(bounce, iov[0].iov_base, iov[0].iov_len);
			iov[0].iov_base = bounce;
		}
		n = data_write(&to->data, &s->budget, to_offset + done, iov[0].iov_base,
			       iov[0].iov_len);
		if (n < 0 && !done)
			return n;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (to_offset + done > to->size)
		to->size = to_offset + done;
	return (ssize_t)done;
}

ssize_t content_copy(struct store *s, struct node *from, uint64_t from_offset, struct node *to,
		     uint64_t to_offset, size_t size)
{
	return s->backing ? backing_copy(s->backing, from->backing, from_offset, to->backing,
					 to_offset, size) :
	       copy_chunks(s, from, from_offset, to, to_offset, size);
}

/* --- keeping order ----------------------------------------------------------- */

void content_trim(struct store *s, struct node *n)
{
	if (!s->backing)
		data_trim(&n->data, &s->budget, n->size);
}

const char *content_check(const struct store *s, const struct node *n)
{
	struct stat st;

	if (!s->backing)
		return data_check(&n->data, n->size);
	if (backing_stat(s->backing, n->backing, &st) < 0)
		return "its backing file cannot be looked at";
	if (st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1)
		return "its backing file is of another kind";
	return NULL;
}
