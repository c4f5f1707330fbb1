/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/content.h"

int node_create(struct store *s, mode_t mode, uid_t uid, gid_t gid, struct node **out)
{
	struct node_time now = node_now();
	struct node *n;
	int err;

	atomic_fetch_add(&s->budget.nodes, 1);
	if (!account_take(&s->budget.space, BUDGET_NODE)) {
		atomic_fetch_sub(&s->budget.nodes, 1);
		return -ENOSPC;
	}
	n = calloc(1, sizeof(*n));
	err = n ? 0 : -ENOMEM;
	if (n && S_ISREG(mode))
		err = content_create(s, n);
	if (err) {
		account_give(&s->budget.space, BUDGET_NODE);
		atomic_fetch_sub(&s->budget.nodes, 1);
		free(n);
		return err;
	}
	n->type = mode & S_IFMT;
	n->perm = mode & 07777;
	n->uid = uid;
	n->gid = gid;
	n->nlink = 1;
	n->atime = n->mtime = n->ctime = n->btime = now;
	if (S_ISDIR(mode))
		dir_init(&n->dir.entries);
	*out = n;
	return 0;
}

void node_destroy(struct store *s, struct node *n)
{
	uint64_t space = BUDGET_NODE;

	if (S_ISDIR(n->type)) {
		dir_destroy(&n->dir.entries);
	} else if (S_ISREG(n->type)) {
		content_destroy(s, n);
	} else if (S_ISLNK(n->type)) {
		space += n->size;
		free(n->target);
	}
	xattrs_destroy(&n->xattrs, &s->budget.space);
	account_give(&s->budget.space, space);
	atomic_fetch_sub(&s->budget.nodes, 1);
	free(n);
}

bool node_is_dead(const struct node *n)
{
	return n->nlink == 0 && atomic_load(&n->nlookup) == 0;
}

/*
 * In writeback mode the kernel stamps the files it writes, by its coarse
 * clock, which lags the fine one by up to a tick. With a finer clock here a
 * file could seem older than one made before it, and make(1) would be misled.
 */
struct node_time node_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (struct node_time){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

int node_stat(const struct store *s, const struct node *n, struct stat *attr)
{
	*attr = (struct stat){
		.st_ino = n->id,
		.st_mode = n->type | n->perm,
		.st_nlink = n->nlink,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_size = (off_t)n->size,
		.st_blksize = 4096,
		.st_atim = node_timespec(n->atime),
		.st_mtim = node_timespec(n->mtime),
		.st_ctim = node_timespec(n->ctime),
	};
	if (S_ISREG(n->type))
		return content_stat(s, n, attr);
	if (S_ISCHR(n->type) || S_ISBLK(n->type))
		attr->st_rdev = n->rdev;
	return 0;
}
