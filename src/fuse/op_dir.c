/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_dir.c - operations on open directories. */
#include <errno.h>
#include <stdlib.h>

#include "fuse/opens.h"
#include "fuse/operations.h"

void opens_dir(struct fs *fs, struct fuse_file_info *fi)
{
	fi->fh = atomic_fetch_add_explicit(&fs->next_fh, 1, memory_order_relaxed);
	if (fs->cache != CACHE_NEVER) {
		/* The kernel drops the listing it keeps when it changes the directory. */
		fi->keep_cache = 1;
		fi->cache_readdir = 1;
	}
}

/*
 * There is nothing to prepare for a listing, and the kernel keeps it: where round trips are to be saved, this is
 * declined like op_flush(), and directories are listed without a call.
 */
int op_opendir(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.flags = (uint32_t)fi->flags;
	if (call->fs->no_open || call->fs->cache == CACHE_ALWAYS)
		return -ENOSYS; /* and is never asked again */
	opens_dir(call->fs, fi);
	call_reply_open(call, fi);
	return 0;
}

struct listing {
	struct call *call;
	char *buffer;
	size_t size, used;
};

static bool add_entry(void *context, const char *name, uint64_t cookie,
		      const struct store_entry *entry)
{
	struct listing *l = context;
	size_t size = fuse_add_direntry(l->call->req, l->buffer + l->used, l->size - l->used, name,
					&entry->attr, (off_t)cookie);

	if (size > l->size - l->used)
		return false;
	l->used += size;
	return true;
}

static bool add_entry_plus(void *context, const char *name, uint64_t cookie,
			   const struct store_entry *entry)
{
	struct listing *l = context;
	struct fuse_entry_param param;
	size_t size;

	call_fill_entry(l->call->fs, entry, &param);
	/* "." and ".." come without attributes and without a lookup: the kernel takes 0 as such. */
	if (cookie <= 2)
		param.ino = 0;
	size = fuse_add_direntry_plus(l->call->req, l->buffer + l->used, l->size - l->used, name,
				      &param, (off_t)cookie);
	if (size > l->size - l->used)
		return false;
	l->used += size;
	return true;
}

static int list(struct call *call, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi, bool plus)
{
	struct listing l = { .call = call, .size = size };
	int err;

	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.offset = (uint64_t)offset;
	call->trace.size = size;
	l.buffer = malloc(size);
	if (!l.buffer)
		return -ENOMEM;
	err = store_readdir(call->fs->store, ino, (uint64_t)offset, plus,
			    plus ? add_entry_plus : add_entry, &l);
	if (err) {
		free(l.buffer);
		return err;
	}
	call_reply_buffer(call, l.buffer, l.used);
	return 0;
}

int op_readdir(struct call *call, fuse_ino_t ino, size_t size, off_t offset,
	       struct fuse_file_info *fi)
{
	return list(call, ino, size, offset, fi, false);
}

int op_readdirplus(struct call *call, fuse_ino_t ino, size_t size, off_t offset,
		   struct fuse_file_info *fi)
{
	return list(call, ino, size, offset, fi, true);
}

int op_releasedir(struct call *call, fuse_ino_t ino, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	return 0;
}

int op_fsyncdir(struct call *call, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	call->trace.node = ino;
	call->trace.fh = fi->fh;
	call->trace.flags = (uint32_t)datasync;
	return 0;
}
