/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_ops.h - the one table of the operations that can stand in a trace.
 *
 * Recorder, reader and tools all expand this list, so an operation is added
 * here, in one row, and nowhere else in the trace code.
 *
 * Numbers are the kernel's own FUSE opcodes (include/uapi/linux/fuse.h): they
 * are stable, and known to whoever reads kernel sources. Never renumber a row.
 *
 * X(CONSTANT, opcode, "name")
 */
#ifndef MEMFS_TRACE_OPS_H
#define MEMFS_TRACE_OPS_H

#define TRACE_OPS(X) \
	X(LOOKUP, 1, "lookup") \
	X(FORGET, 2, "forget") \
	X(GETATTR, 3, "getattr") \
	X(SETATTR, 4, "setattr") \
	X(READLINK, 5, "readlink") \
	X(SYMLINK, 6, "symlink") \
	X(MKNOD, 8, "mknod") \
	X(MKDIR, 9, "mkdir") \
	X(UNLINK, 10, "unlink") \
	X(RMDIR, 11, "rmdir") \
	X(RENAME, 12, "rename") \
	X(LINK, 13, "link") \
	X(OPEN, 14, "open") \
	X(READ, 15, "read") \
	X(WRITE, 16, "write") \
	X(STATFS, 17, "statfs") \
	X(RELEASE, 18, "release") \
	X(FSYNC, 20, "fsync") \
	X(SETXATTR, 21, "setxattr") \
	X(GETXATTR, 22, "getxattr") \
	X(LISTXATTR, 23, "listxattr") \
	X(REMOVEXATTR, 24, "removexattr") \
	X(FLUSH, 25, "flush") \
	X(INIT, 26, "init") \
	X(OPENDIR, 27, "opendir") \
	X(READDIR, 28, "readdir") \
	X(RELEASEDIR, 29, "releasedir") \
	X(FSYNCDIR, 30, "fsyncdir") \
	X(GETLK, 31, "getlk") \
	X(SETLK, 32, "setlk") \
	X(ACCESS, 34, "access") \
	X(CREATE, 35, "create") \
	X(BMAP, 37, "bmap") \
	X(DESTROY, 38, "destroy") \
	X(IOCTL, 39, "ioctl") \
	X(POLL, 40, "poll") \
	X(BATCH_FORGET, 42, "batch_forget") \
	X(FALLOCATE, 43, "fallocate") \
	X(READDIRPLUS, 44, "readdirplus") \
	X(LSEEK, 46, "lseek") \
	X(COPY_FILE_RANGE, 47, "copy_file_range") \
	X(SYNCFS, 50, "syncfs") \
	X(TMPFILE, 51, "tmpfile") \
	X(STATX, 52, "statx")

enum trace_op {
#define X(constant, opcode, name) TRACE_OP_##constant = (opcode),
	TRACE_OPS(X)
#undef X
	TRACE_OP_LIMIT = 64 /* all opcodes are below this */
};

#endif
