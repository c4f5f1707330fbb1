/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_data.c - what is read and written: with --verify, also which bytes should be where. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "replay.h"

/* --- which bytes are in a file --------------------------------------------------------- */

static int out_of(int err)
{
	return err < 0 ? -err : 0;
}

/* What is now in a file, where the trace says that something was put there. */
static int note_bytes(const struct replay *r, struct replay_node *n, uint64_t from, uint64_t size,
		      bool own)
{
	uint64_t to = from + size;
	int err;

	if (!r->verify || !size)
		return 0;
	err = ranges_remove(own ? &n->foreign : &n->own, from, to);
	return out_of(err ? err : ranges_add(own ? &n->own : &n->foreign, from, to));
}

int replay_forget_bytes(const struct replay *r, struct replay_node *n, uint64_t from, uint64_t to)
{
	int err = r->verify ? ranges_remove(&n->own, from, to) : 0;

	return out_of(err || !r->verify ? err : ranges_remove(&n->foreign, from, to));
}

/* --- data ------------------------------------------------------------------------------------ */

static bool is_zero(const uint8_t *p, size_t size)
{
	return !size || (!*p && memcmp(p, p + 1, size - 1) == 0);
}

/* Is what was read what was written, and nothing where nothing was? */
static void check_bytes(struct replay *r, struct replay_step *s, const uint8_t *buf, uint64_t from,
			size_t size)
{
	const struct replay_node *n = s->node;
	uint64_t at = from, to = from + size, unchecked = 0;

	while (r->verify && at < to) {
		bool own, foreign;
		uint64_t end = ranges_piece(&n->own, at, to, &own);
		const uint8_t *p = buf + (at - from);

		if (own) {
			s->content_differs |= !content_matches(r->seed, n->entry.key, at, p, end - at);
		} else {
			end = ranges_piece(&n->foreign, at, end, &foreign);
			s->content_differs |= !foreign && !is_zero(p, end - at);
			unchecked += foreign ? end - at : 0;
		}
		at = end;
	}
	pthread_mutex_lock(&r->lock);
	r->read += size;
	r->unchecked += unchecked;
	pthread_mutex_unlock(&r->lock);
}

int replay_read(struct replay *r, struct replay_step *s, void *buf)
{
	const struct trace_event *e = &s->event;

	while (s->got_bytes < e->size) {
		uint64_t left = e->size - s->got_bytes, at = e->offset + s->got_bytes;
		ssize_t n = pread(s->open->fd, buf, left < REPLAY_BUFFER ? left : REPLAY_BUFFER,
				  (off_t)at);

		if (n < 0)
			return errno;
		if (n == 0)
			break;
		check_bytes(r, s, buf, at, (size_t)n);
		s->got_bytes += (uint64_t)n;
	}
	return 0;
}

int replay_write(struct replay *r, struct replay_step *s, void *buf)
{
	const struct trace_event *e = &s->event;
	/* What the filesystem took less of, is less here too. */
	uint64_t size = e->error ? e->size : e->done < e->size ? e->done : e->size;

	while (s->got_bytes < size) {
		uint64_t left = size - s->got_bytes, at = e->offset + s->got_bytes;
		size_t length = left < REPLAY_BUFFER ? left : REPLAY_BUFFER;
		ssize_t n;

		content_fill(r->seed, s->node->entry.key, at, buf, length);
		n = pwrite(s->open->fd, buf, length, (off_t)at);
		if (n < 0)
			return errno;
		s->got_bytes += (uint64_t)n;
		if (n == 0)
			break;
	}
	pthread_mutex_lock(&r->lock);
	r->written += s->got_bytes;
	pthread_mutex_unlock(&r->lock);
	return note_bytes(r, s->node, e->offset, s->got_bytes, true);
}

int replay_copy(struct replay *r, struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	off_t from = (off_t)e->offset, to = (off_t)e->offset2;
	/* It takes no more than there is; what was recorded as one call may take several here. */
	uint64_t size = e->error || e->done > e->size ? e->size : e->done;

	while (s->got_bytes < size) {
		uint64_t left = size - s->got_bytes;
		ssize_t n = copy_file_range(s->open->fd, &from, s->any2->fd, &to,
					    left < 1u << 30 ? left : 1u << 30, 0);

		if (n < 0)
			return errno;
		if (n == 0)
			break;
		s->got_bytes += (uint64_t)n;
	}
	return note_bytes(r, s->node2, e->offset2, s->got_bytes, false);
}

int replay_fallocate(struct replay *r, struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	uint64_t end = e->offset + e->size;

	if (fallocate(s->open->fd, (int)e->flags, (off_t)e->offset, (off_t)e->size) < 0)
		return errno;
	if (e->flags & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return replay_forget_bytes(r, s->node, e->offset, end);
	/* What moves bytes, moves them beyond what is kept track of. */
	if (e->flags & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		return note_bytes(r, s->node, 0, UINT64_MAX, false);
	return 0;
}
