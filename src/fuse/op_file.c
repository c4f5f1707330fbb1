/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_file.c - operations on open files. */
#include <errno.h>
#include <fcntl.h>

#include "fuse/opens.h"
#include "fuse/operations.h"
#include "fuse/passthrough.h"

int opens_file(struct fs *fs, node_id id, struct fuse_file_info *fi)
{
	fi->fh = atomic_fetch_add_explicit(&fs->next_fh, 1, memory_order_relaxed);
	if (fs->passthrough) /* and nothing else, or the kernel refuses the answer */
		return passthrough_open(fs, id, fi);
	if (fs->cache == CACHE_NEVER) {
		fi->direct_io = 1;
		fi->parallel_direct_writes = 1;
	} else {
		fi->keep_cache = 1;
	}
	return 0;
}

/*
 * What the kernel has learned of a file's times may not be true any more from now on; what it learns from now on, it may
 * not keep.
 */
static void expect_changes(const struct fs *fs, node_id id)
{
	if (fs->passthrough && passthrough_may_change(fs, id))
		fuse_lowlevel_notify_inval_inode(fs->session, id, -1, 0);
}

/* Is it a write of its own that moves the file's times, or one that the kernel put off? */
static bool write_moves_times(const struct fs *fs, const struct fuse_file_info *fi)
{
	/* In writeback mode the kernel has stamped the file when the program wrote. */
	return !(fi->writepage && fs_writes_back(fs));
}

int op_open(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int err;

	call->trace.node = ino;
	call->trace.flags = (uint32_t)fi->flags;
	if (call->fs->no_open)
		return -ENOSYS; /* and is never asked again */
	err = opens_file(call->fs, ino, fi);
	if (err)
		return err;
	err = store_open(call->fs->store, ino, fi->flags, fi->kill_suidgid);
	if (err) {
		if (call->fs->passthrough)
			passthrough_release(call->fs, ino, fi);
		return err;
	}
	expect_changes(call->fs, ino);
	call_reply_open(call, fi);
	return 0;
}

int op_read(struct call *call, fuse_ino_t ino, size_t size, off_t offset,
	    struct fuse_file_info *fi)
{
	int err;

	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.offset = (uint64_t)offset;
	call->trace.size = size;
	err = store_read_begin(call->fs->store, ino, (uint64_t)offset, size, &call->view);
	if (!err)
		call_reply_view(call);
	return err;
}

/*
 * Fewer bytes than asked for are an answer for a program that waits for it. Of what it writes back from its
 * cache the kernel takes all for written unless there is an error: so there the rest is tried, and
 * what it lacks is told.
 */
static ssize_t write_bytes(struct fs *fs, fuse_ino_t ino, const char *buf, size_t size,
			   uint64_t offset, const struct fuse_file_info *fi)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = store_write(fs->store, ino, offset + done, buf + done, size - done,
				write_moves_times(fs, fi), fi->kill_suidgid);
		if (n < 0)
			return n;
		done += (size_t)n;
	} while (fi->writepage && n > 0 && done < size);
	return (ssize_t)done;
}

int op_write(struct call *call, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
	     struct fuse_file_info *fi)
{
	ssize_t done;

	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.offset = (uint64_t)offset;
	call->trace.size = size;
	call->trace.flags = fi->writepage;
	/* Past its cache the kernel leaves that to us (HANDLE_KILLPRIV_V2); else it has done it when the program wrote. */
	if (!fi->writepage)
		store_drop_capabilities(call->fs->store, ino);
	done = write_bytes(call->fs, ino, buf, size, (uint64_t)offset, fi);
	if (done < 0)
		return (int)done;
	call_reply_written(call, (size_t)done);
	return 0;
}

/*
 * One for each close(2). There is nothing to bring to safety: the kernel has
 * written its dirty pages before it asks, and told their errors. So it is
 * declined where round trips are to be saved, and then never asked for again;
 * where every call is wanted for the trace, it is taken.
 */
int op_flush(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	return call->fs->cache == CACHE_ALWAYS ? -ENOSYS : 0;
}

int op_release(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.flags = (uint32_t)fi->flags;
	if (call->fs->passthrough)
		passthrough_release(call->fs, ino, fi);
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		store_trim(call->fs->store, ino);
	return 0;
}

int op_fsync(struct call *call, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.flags = (uint32_t)datasync;
	return 0;
}

int op_fallocate(struct call *call, fuse_ino_t ino, int mode, off_t offset, off_t length,
		 struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.flags = (uint32_t)mode;
	call->trace.offset = (uint64_t)offset;
	call->trace.size = (uint64_t)length;
	return store_fallocate(call->fs->store, ino, mode, (uint64_t)offset, (uint64_t)length);
}

/*
 * In writeback mode the kernel asks without writing its dirty pages back
 * before: what was just written would be called a hole, and a copy lose it.
 * Declined, it takes all of a file for data, which is always right.
 */
int op_lseek(struct call *call, fuse_ino_t ino, off_t offset, int whence,
	     struct fuse_file_info *fi)
{
	int64_t result;

	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.offset = (uint64_t)offset;
	call->trace.flags = (uint32_t)whence;
	if (fs_writes_back(call->fs))
		return -ENOSYS;
	result = store_seek(call->fs->store, ino, (uint64_t)offset, whence);
	if (result < 0)
		return (int)result;
	call_reply_seek(call, result);
	return 0;
}

int op_copy_file_range(struct call *call, fuse_ino_t from, off_t from_offset,
		       struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_offset,
		       struct fuse_file_info *to_fi, size_t size, int flags)
{
	ssize_t done;

	(void)to_fi;
	call->trace.node = from;
	call->trace.fh = from_fi->fh;
	call->trace.offset = (uint64_t)from_offset;
	call->trace.node2 = to;
	call->trace.offset2 = (uint64_t)to_offset;
	call->trace.size = size;
	call->trace.flags = (uint32_t)flags;
	/* The reply carries 32 bits: a longer copy goes in pieces, as copy_file_range(2) allows. */
	if (size > 1u << 30)
		size = 1u << 30;
	done = store_copy(call->fs->store, from, (uint64_t)from_offset, to, (uint64_t)to_offset,
			  size);
	if (done < 0)
		return (int)done;
	call_reply_written(call, (size_t)done);
	return 0;
}
