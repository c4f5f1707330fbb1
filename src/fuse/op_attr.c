/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_attr.c - operations on a node as such: attributes, symlink targets, the filesystem's sizes. */
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "fuse/operations.h"

int op_getattr(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int err;

	call->trace.node = ino;
	if (fi)
		call->trace.fh = fi->fh;
	err = store_getattr(call->fs->store, ino, &call->attr);
	if (!err)
		call_reply_attr(call, &call->attr);
	return err;
}

/* From libfuse's names for the kernel's FATTR_ bits to the store's. */
static unsigned setattr_mask(int to_set)
{
	static const struct {
		int fuse;
		unsigned store;
	} map[] = {
		{ FUSE_SET_ATTR_MODE, STORE_SET_MODE },
		{ FUSE_SET_ATTR_UID, STORE_SET_UID },
		{ FUSE_SET_ATTR_GID, STORE_SET_GID },
		{ FUSE_SET_ATTR_SIZE, STORE_SET_SIZE },
		{ FUSE_SET_ATTR_ATIME, STORE_SET_ATIME },
		{ FUSE_SET_ATTR_MTIME, STORE_SET_MTIME },
		{ FUSE_SET_ATTR_ATIME_NOW, STORE_SET_ATIME_NOW },
		{ FUSE_SET_ATTR_MTIME_NOW, STORE_SET_MTIME_NOW },
		{ FUSE_SET_ATTR_CTIME, STORE_SET_CTIME },
		/* The kernel has one bit for both, FATTR_KILL_SUIDGID, with this value. */
		{ FUSE_SET_ATTR_KILL_SUID, STORE_KILL_PRIV },
	};
	unsigned mask = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (to_set & map[i].fuse)
			mask |= map[i].store;
	return mask;
}

int op_setattr(struct call *call, fuse_ino_t ino, struct stat *attr, int to_set,
	       struct fuse_file_info *fi)
{
	unsigned mask = setattr_mask(to_set);
	int err;

	call->trace.node = ino;
	call->trace.flags = (uint32_t)to_set;
	if (fi)
		call->trace.fh = fi->fh;
	if (to_set & FUSE_SET_ATTR_SIZE)
		call->trace.size = (uint64_t)attr->st_size;
	if (to_set & FUSE_SET_ATTR_MODE)
		call->trace.mode = attr->st_mode;
	if (to_set & FUSE_SET_ATTR_UID)
		call->trace.new_uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		call->trace.new_gid = attr->st_gid;
	/*
	 * A truncate(2) to the size that the file has, moves its times too. In
	 * writeback mode they are the kernel's affair: it says when, and forgets
	 * this case.
	 */
	if ((to_set & FUSE_SET_ATTR_SIZE) && !fs_writes_back(call->fs) &&
	    !(mask & (STORE_SET_MTIME | STORE_SET_MTIME_NOW)))
		mask |= STORE_SET_MTIME_NOW;
	/*
	 * Where the kernel writes by itself to a file that is setuid or setgid, it asks for a change of
	 * nothing: what is to go, goes with every write(2) as it knows it.
	 */
	if (call->fs->passthrough && !mask)
		mask = STORE_KILL_PRIV;
	err = store_setattr(call->fs->store, ino, mask, attr, &call->attr);
	if (!err)
		call_reply_attr(call, &call->attr);
	return err;
}

int op_readlink(struct call *call, fuse_ino_t ino)
{
	char *target = malloc(PATH_MAX);
	ssize_t length;

	call->trace.node = ino;
	if (!target)
		return -ENOMEM;
	length = store_readlink(call->fs->store, ino, target, PATH_MAX);
	if (length < 0) {
		free(target);
		return (int)length;
	}
	call_reply_text(call, target, (size_t)length);
	return 0;
}

int op_statfs(struct call *call, fuse_ino_t ino)
{
	call->trace.node = ino;
	store_statfs(call->fs->store, &call->statfs);
	call_reply_statfs(call);
	return 0;
}

static struct statx_timestamp to_statx_time(struct timespec ts)
{
	return (struct statx_timestamp){ .tv_sec = ts.tv_sec, .tv_nsec = (uint32_t)ts.tv_nsec };
}

/* GETATTR with the time of birth; the kernel asks it when somebody wants to know that. */
int op_statx(struct call *call, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi)
{
	struct timespec btime;
	struct stat attr;
	int err;

	call->trace.node = ino;
	call->trace.flags = (uint32_t)flags;
	call->trace.mode = (uint32_t)mask;
	if (fi)
		call->trace.fh = fi->fh;
	err = store_statx(call->fs->store, ino, &attr, &btime);
	if (err)
		return err;
	call->statx = (struct statx){
		.stx_mask = STATX_BASIC_STATS | STATX_BTIME,
		.stx_blksize = (uint32_t)attr.st_blksize,
		.stx_nlink = (uint32_t)attr.st_nlink,
		.stx_uid = attr.st_uid,
		.stx_gid = attr.st_gid,
		.stx_mode = (uint16_t)attr.st_mode,
		.stx_ino = attr.st_ino,
		.stx_size = (uint64_t)attr.st_size,
		.stx_blocks = (uint64_t)attr.st_blocks,
		.stx_atime = to_statx_time(attr.st_atim),
		.stx_btime = to_statx_time(btime),
		.stx_ctime = to_statx_time(attr.st_ctim),
		.stx_mtime = to_statx_time(attr.st_mtim),
		.stx_rdev_major = major(attr.st_rdev),
		.stx_rdev_minor = minor(attr.st_rdev),
	};
	call_reply_statx(call);
	return 0;
}
