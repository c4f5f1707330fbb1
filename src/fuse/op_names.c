/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_names.c - operations on names: look up, make, link, rename, remove, forget. */
#include <errno.h>

#include "fuse/opens.h"
#include "fuse/operations.h"

/*
 * A new node. The umask and a default access list had their say: the trace gets the mode
 * that came of it, from which the node can be made again.
 */
static void note_made(struct call *call, const struct store_entry *entry)
{
	call->trace.mode = entry->attr.st_mode;
}

/* A new file, open. If it cannot be opened, its lookup is given back. */
static int reply_made(struct call *call, const struct store_entry *entry,
		      struct fuse_file_info *fi)
{
	int err = opens_file(call->fs, entry->id, fi);

	if (err) {
		store_forget(call->fs->store, entry->id, 1);
		return err;
	}
	note_made(call, entry);
	call_reply_create(call, entry, fi);
	return 0;
}

int op_lookup(struct call *call, fuse_ino_t parent, const char *name)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	err = store_lookup(call->fs->store, parent, name, &entry);
	/* Remembering absent names spares a round trip for each later look at them. */
	if (err == -ENOENT && call->fs->cache != CACHE_NEVER) {
		call_reply_absent(call);
		return 0;
	}
	if (!err)
		call_reply_entry(call, &entry);
	return err;
}

int op_forget(struct call *call, fuse_ino_t ino, uint64_t nlookup)
{
	call->trace.node = ino;
	call->trace.size = nlookup;
	store_forget(call->fs->store, ino, nlookup);
	call->kind = REPLY_NONE;
	return 0;
}

int op_forget_multi(struct call *call, size_t count, struct fuse_forget_data *forgets)
{
	call->trace.size = count;
	for (size_t i = 0; i < count; i++)
		store_forget(call->fs->store, forgets[i].ino, forgets[i].nlookup);
	call->kind = REPLY_NONE;
	return 0;
}

int op_mknod(struct call *call, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	call->trace.mode = mode;
	call->trace.rdev = rdev;
	err = store_mknod(call->fs->store, call_cred(call), parent, name, mode, rdev, &entry);
	if (err)
		return err;
	note_made(call, &entry);
	call_reply_entry(call, &entry);
	return 0;
}

int op_mkdir(struct call *call, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	call->trace.mode = mode;
	err = store_mkdir(call->fs->store, call_cred(call), parent, name, mode, &entry);
	if (err)
		return err;
	note_made(call, &entry);
	call_reply_entry(call, &entry);
	return 0;
}

int op_symlink(struct call *call, const char *target, fuse_ino_t parent, const char *name)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	call->trace.name2 = target;
	err = store_symlink(call->fs->store, call_cred(call), parent, name, target, &entry);
	if (!err)
		call_reply_entry(call, &entry);
	return err;
}

int op_link(struct call *call, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	struct store_entry entry;
	int err;

	call->trace.node = ino;
	call->trace.node2 = new_parent;
	call->trace.name = new_name;
	err = store_link(call->fs->store, ino, new_parent, new_name, &entry);
	if (!err)
		call_reply_entry(call, &entry);
	return err;
}

int op_create(struct call *call, fuse_ino_t parent, const char *name, mode_t mode,
	      struct fuse_file_info *fi)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	call->trace.mode = mode;
	call->trace.flags = (uint32_t)fi->flags;
	err = store_mknod(call->fs->store, call_cred(call), parent, name,
			  S_IFREG | (mode & 07777), 0, &entry);
	if (err)
		return err;
	err = reply_made(call, &entry, fi);
	if (err)
		store_unlink(call->fs->store, parent, name, NULL);
	return err;
}

int op_tmpfile(struct call *call, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct store_entry entry;
	int err;

	call->trace.node = parent;
	call->trace.mode = mode;
	call->trace.flags = (uint32_t)fi->flags;
	err = store_tmpfile(call->fs->store, call_cred(call), parent, mode, &entry);
	if (err)
		return err;
	return reply_made(call, &entry, fi);
}

int op_unlink(struct call *call, fuse_ino_t parent, const char *name)
{
	call->trace.node = parent;
	call->trace.name = name;
	return store_unlink(call->fs->store, parent, name, &call->trace.result);
}

int op_rmdir(struct call *call, fuse_ino_t parent, const char *name)
{
	call->trace.node = parent;
	call->trace.name = name;
	return store_rmdir(call->fs->store, parent, name, &call->trace.result);
}

int op_rename(struct call *call, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	      const char *new_name, unsigned int flags)
{
	struct store_renamed who;
	int err;

	call->trace.node = parent;
	call->trace.name = name;
	call->trace.node2 = new_parent;
	call->trace.name2 = new_name;
	call->trace.flags = flags;
	err = store_rename(call->fs->store, call_cred(call), parent, name, new_parent, new_name,
			   flags, &who);
	call->trace.result = who.moved;
	call->trace.replaced = who.replaced;
	call->trace.whiteout = who.whiteout;
	return err;
}
