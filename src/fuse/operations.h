/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operations.h - every operation that the kernel may ask for, one row each.
 *
 * call.c expands the table into the functions that libfuse calls: each
 * begins a call, runs the handler op_NAME() of op_*.c, sends the reply and
 * records it. So an operation is added here, with its handler, and is traced
 * without further ado.
 *
 * OP(TRACE_OP_ constant, name in fuse_lowlevel_ops and of the handler,
 *    (parameters behind fuse_req_t), (the same as arguments))
 *
 * A handler returns 0 after telling call.h's call_reply_...() what to answer,
 * or a negative errno, which is then the answer. It never replies by itself.
 *
 * Not here, because the kernel does better alone: getlk, setlk, flock (its
 * own locks are right for a filesystem of one kernel, and never block a
 * worker), bmap (there is no device), access (default_permissions).
 */
#ifndef MEMFS_FUSE_OPERATIONS_H
#define MEMFS_FUSE_OPERATIONS_H

#include "fuse/call.h"

#define OPERATIONS(OP) \
	OP(LOOKUP, lookup, (fuse_ino_t parent, const char *name), (parent, name)) \
	OP(FORGET, forget, (fuse_ino_t ino, uint64_t nlookup), (ino, nlookup)) \
	OP(BATCH_FORGET, forget_multi, (size_t count, struct fuse_forget_data *forgets), \
	   (count, forgets)) \
	OP(GETATTR, getattr, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(SETATTR, setattr, \
	   (fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi), \
	   (ino, attr, to_set, fi)) \
	OP(READLINK, readlink, (fuse_ino_t ino), (ino)) \
	OP(SYMLINK, symlink, (const char *target, fuse_ino_t parent, const char *name), \
	   (target, parent, name)) \
	OP(MKNOD, mknod, (fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev), \
	   (parent, name, mode, rdev)) \
	OP(MKDIR, mkdir, (fuse_ino_t parent, const char *name, mode_t mode), \
	   (parent, name, mode)) \
	OP(UNLINK, unlink, (fuse_ino_t parent, const char *name), (parent, name)) \
	OP(RMDIR, rmdir, (fuse_ino_t parent, const char *name), (parent, name)) \
	OP(RENAME, rename, \
	   (fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name, \
	    unsigned int flags), \
	   (parent, name, new_parent, new_name, flags)) \
	OP(LINK, link, (fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name), \
	   (ino, new_parent, new_name)) \
	OP(CREATE, create, \
	   (fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi), \
	   (parent, name, mode, fi)) \
	OP(TMPFILE, tmpfile, (fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi), \
	   (parent, mode, fi)) \
	OP(OPEN, open, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(READ, read, (fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi), \
	   (ino, size, offset, fi)) \
	OP(WRITE, write, \
	   (fuse_ino_t ino, const char *buf, size_t size, off_t offset, \
	    struct fuse_file_info *fi), \
	   (ino, buf, size, offset, fi)) \
	OP(FLUSH, flush, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(RELEASE, release, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(FSYNC, fsync, (fuse_ino_t ino, int datasync, struct fuse_file_info *fi), \
	   (ino, datasync, fi)) \
	OP(FALLOCATE, fallocate, \
	   (fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *fi), \
	   (ino, mode, offset, length, fi)) \
	OP(LSEEK, lseek, (fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi), \
	   (ino, offset, whence, fi)) \
	OP(COPY_FILE_RANGE, copy_file_range, \
	   (fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_fi, fuse_ino_t to, \
	    off_t to_offset, struct fuse_file_info *to_fi, size_t size, int flags), \
	   (from, from_offset, from_fi, to, to_offset, to_fi, size, flags)) \
	OP(OPENDIR, opendir, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(READDIR, readdir, \
	   (fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi), \
	   (ino, size, offset, fi)) \
	OP(READDIRPLUS, readdirplus, \
	   (fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi), \
	   (ino, size, offset, fi)) \
	OP(RELEASEDIR, releasedir, (fuse_ino_t ino, struct fuse_file_info *fi), (ino, fi)) \
	OP(FSYNCDIR, fsyncdir, (fuse_ino_t ino, int datasync, struct fuse_file_info *fi), \
	   (ino, datasync, fi)) \
	OP(STATFS, statfs, (fuse_ino_t ino), (ino)) \
	OP(GETXATTR, getxattr, (fuse_ino_t ino, const char *name, size_t size), \
	   (ino, name, size)) \
	OP(SETXATTR, setxattr, \
	   (fuse_ino_t ino, const char *name, const char *value, size_t size, int flags), \
	   (ino, name, value, size, flags)) \
	OP(LISTXATTR, listxattr, (fuse_ino_t ino, size_t size), (ino, size)) \
	OP(REMOVEXATTR, removexattr, (fuse_ino_t ino, const char *name), (ino, name)) \
	OP(IOCTL, ioctl, \
	   (fuse_ino_t ino, unsigned int cmd, void *arg, struct fuse_file_info *fi, \
	    unsigned flags, const void *in, size_t in_size, size_t out_size), \
	   (ino, cmd, arg, fi, flags, in, in_size, out_size)) \
	OP(STATX, statx, \
	   (fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi), \
	   (ino, flags, mask, fi))

#define UNPACK(...) __VA_ARGS__

/* The handlers: int op_lookup(struct call *call, fuse_ino_t parent, const char *name); ... */
#define OP(constant, name, parameters, arguments) \
	int op_##name(struct call *call, UNPACK parameters);
OPERATIONS(OP)
#undef OP

/* What libfuse is given: all rows, and init. */
extern const struct fuse_lowlevel_ops operations_table;

#endif
