/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuse/passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuse/device.h"

#define SHARDS 64   /* a lock each */
#define BUCKETS 256 /* in each shard */

/* A file that is open. */
struct opened {
	struct opened *next;
	node_id node;
	int32_t backing_id;
	uint32_t opens;
	uint32_t mappable; /* of these, that can map it and change what is mapped */
};

struct shard {
	_Alignas(64) pthread_mutex_t mutex;
	struct opened *buckets[BUCKETS];
};

struct passthrough {
	struct shard shards[SHARDS];
};

int passthrough_create(struct passthrough **out)
{
	struct passthrough *p = aligned_alloc(64, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (int i = 0; i < SHARDS; i++) {
		p->shards[i] = (struct shard){ 0 };
		pthread_mutex_init(&p->shards[i].mutex, NULL);
	}
	*out = p;
	return 0;
}

void passthrough_destroy(struct passthrough *p)
{
	if (!p)
		return;
	for (int i = 0; i < SHARDS; i++) {
		for (int b = 0; b < BUCKETS; b++) {
			struct opened *o = p->shards[i].buckets[b], *next;

			for (; o; o = next) {
				next = o->next;
				free(o);
			}
		}
		pthread_mutex_destroy(&p->shards[i].mutex);
	}
	free(p);
}

/* The low half of an id counts up: neighbours are in different shards. */
static struct shard *shard_of(struct passthrough *p, node_id id)
{
	return &p->shards[id % SHARDS];
}

/* Where the pointer to a file stands, or would. Wants the mutex. */
static struct opened **place_of(struct shard *shard, node_id id)
{
	struct opened **at = &shard->buckets[id / SHARDS % BUCKETS];

	while (*at && (*at)->node != id)
		at = &(*at)->next;
	return at;
}

/* Gives the kernel a file of the store's. The backing id, or a negative errno. */
static int give(struct fs *fs, node_id id)
{
	struct fuse_backing_map map = { .fd = store_backing(fs->store, id) };
	int result;

	if (map.fd < 0)
		return map.fd;
	result = ioctl(fuse_session_fd(fs->session), FUSE_DEV_IOC_BACKING_OPEN, &map);
	if (result < 0)
		result = -errno;
	else if (result == 0)
		result = -EIO; /* what libfuse takes for none */
	close(map.fd);
	return result;
}

static void take_back(struct fs *fs, int32_t backing_id)
{
	uint32_t id = (uint32_t)backing_id;

	/* It fails when the mount is gone, and the id with it. */
	(void)ioctl(fuse_session_fd(fs->session), FUSE_DEV_IOC_BACKING_CLOSE, &id);
}

static int add(struct fs *fs, node_id id, struct opened **place)
{
	struct opened *o = calloc(1, sizeof(*o));
	int result;

	if (!o)
		return -ENOMEM;
	result = give(fs, id);
	if (result < 0) {
		free(o);
		return result;
	}
	o->node = id;
	o->backing_id = result;
	*place = o;
	return 0;
}

static bool is_mappable(const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) == O_RDWR;
}

int passthrough_open(struct fs *fs, node_id id, struct fuse_file_info *fi)
{
	struct shard *shard = shard_of(fs->passthrough, id);
	struct opened **place;
	int err = 0;

	pthread_mutex_lock(&shard->mutex);
	place = place_of(shard, id);
	if (!*place)
		err = add(fs, id, place);
	if (!err) {
		(*place)->opens++;
		(*place)->mappable += is_mappable(fi);
		fi->backing_id = (*place)->backing_id;
	}
	pthread_mutex_unlock(&shard->mutex);
	return err;
}

void passthrough_release(struct fs *fs, node_id id, const struct fuse_file_info *fi)
{
	struct shard *shard = shard_of(fs->passthrough, id);
	struct opened **place, *o;

	pthread_mutex_lock(&shard->mutex);
	place = place_of(shard, id);
	o = *place;
	if (o) {
		o->mappable -= is_mappable(fi);
		if (--o->opens == 0) {
			*place = o->next;
			take_back(fs, o->backing_id);
			free(o);
		}
	}
	pthread_mutex_unlock(&shard->mutex);
}

bool passthrough_may_change(const struct fs *fs, node_id id)
{
	struct shard *shard = shard_of(fs->passthrough, id);
	const struct opened *o;
	bool mappable;

	pthread_mutex_lock(&shard->mutex);
	o = *place_of(shard, id);
	mappable = o && o->mappable;
	pthread_mutex_unlock(&shard->mutex);
	return mappable;
}
