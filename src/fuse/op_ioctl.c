/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op_ioctl.c - the flags of chattr(1) and lsattr(1), see ioctl_iflags(2).
 *
 * The kernel has checked who may set them (vfs_fileattr_set() in
 * fs/file_attr.c) and asks in one of two dialects.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuse/operations.h"

/* The two dialects' names for the same. */
static const struct {
	uint32_t flag, xflag;
} dialects[] = {
	{ STORE_IMMUTABLE, FS_XFLAG_IMMUTABLE },
	{ STORE_APPEND, FS_XFLAG_APPEND },
	{ STORE_NODUMP, FS_XFLAG_NODUMP },
	{ STORE_NOATIME, FS_XFLAG_NOATIME },
};

#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

static int reply_copy(struct call *call, const void *bytes, size_t size, size_t room)
{
	char *copy;

	if (room < size)
		return -EINVAL;
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	call_reply_ioctl(call, copy, size);
	return 0;
}

static int get_flags(struct call *call, fuse_ino_t ino, size_t room)
{
	uint32_t flags;
	int err = store_get_flags(call->fs->store, ino, &flags);

	return err ? err : reply_copy(call, &flags, sizeof(flags), room);
}

static int change_flags(struct call *call, fuse_ino_t ino, uint32_t flags)
{
	int err;

	/* These two stand or fall with being asked at each open. */
	if (call->fs->no_open && flags & (STORE_IMMUTABLE | STORE_APPEND))
		return -EOPNOTSUPP;
	err = store_set_flags(call->fs->store, ino, flags);
	if (!err)
		call_reply_ioctl(call, NULL, 0);
	return err;
}

static int set_flags(struct call *call, fuse_ino_t ino, const void *in, size_t size)
{
	uint32_t flags;

	if (size < sizeof(flags))
		return -EINVAL;
	memcpy(&flags, in, sizeof(flags));
	call->trace.mode = flags;
	return change_flags(call, ino, flags);
}

static int get_xflags(struct call *call, fuse_ino_t ino, size_t room)
{
	struct fsxattr x = { 0 };
	uint32_t flags;
	int err = store_get_flags(call->fs->store, ino, &flags);

	for (size_t i = 0; i < DIALECTS; i++)
		if (!err && flags & dialects[i].flag)
			x.fsx_xflags |= dialects[i].xflag;
	return err ? err : reply_copy(call, &x, sizeof(x), room);
}

static int set_xflags(struct call *call, fuse_ino_t ino, const void *in, size_t size)
{
	uint32_t flags = 0, known = FS_XFLAG_HASATTR;
	struct fsxattr x;

	if (size < sizeof(x))
		return -EINVAL;
	memcpy(&x, in, sizeof(x));
	call->trace.mode = x.fsx_xflags;
	for (size_t i = 0; i < DIALECTS; i++) {
		known |= dialects[i].xflag;
		if (x.fsx_xflags & dialects[i].xflag)
			flags |= dialects[i].flag;
	}
	/* Quota projects, extent sizes and the like are of no meaning here. */
	if (x.fsx_xflags & ~known || x.fsx_projid || x.fsx_extsize || x.fsx_cowextsize)
		return -EOPNOTSUPP;
	return change_flags(call, ino, flags);
}

int op_ioctl(struct call *call, fuse_ino_t ino, unsigned int cmd, void *arg,
	     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
	     size_t out_size)
{
	(void)arg;
	(void)flags;
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.flags = cmd;
	switch (cmd) {
	case FS_IOC_GETFLAGS: return get_flags(call, ino, out_size);
	case FS_IOC_SETFLAGS: return set_flags(call, ino, in, in_size);
	case FS_IOC_FSGETXATTR: return get_xflags(call, ino, out_size);
	case FS_IOC_FSSETXATTR: return set_xflags(call, ino, in, in_size);
	default: return -ENOTTY;
	}
}
