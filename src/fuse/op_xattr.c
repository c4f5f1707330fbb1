/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op_xattr.c - extended attributes.
 *
 * The root has some of memfs's own, by which it tells what it is doing:
 *
 *   memfs.version   the version
 *   memfs.trace     the path of the trace; all that happened before is in it
 *   memfs.stats     counts, a line each
 *
 * Who may reach the root may read them. They are not listed, as CephFS's and
 * GlusterFS's own are not: a copy of the tree must not try to copy them.
 * Nodes have no other extended attributes: EOPNOTSUPP, as in ramfs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/operations.h"

static char *make_version(struct fs *fs)
{
	(void)fs;
	return strdup(MEMFS_VERSION);
}

static char *make_trace(struct fs *fs)
{
	recorder_flush(fs->recorder);
	return strdup(recorder_path(fs->recorder));
}

static char *make_stats(struct fs *fs)
{
	struct recorder_stats trace = { 0 };
	struct store_usage usage;
	char *text;

	store_usage(fs->store, &usage);
	if (fs->recorder)
		recorder_get_stats(fs->recorder, &trace);
	if (asprintf(&text,
		     "bytes %" PRIu64 "\nnodes %" PRIu64 "\nsize %" PRIu64 "\nnr_inodes %" PRIu64
		     "\ntrace_recorded %" PRIu64 "\ntrace_lost %" PRIu64 "\ntrace_written %" PRIu64
		     "\ntrace_error %d\n",
		     usage.bytes, usage.nodes, usage.size, usage.nr_inodes, trace.recorded,
		     trace.lost, trace.written, trace.error) < 0)
		return NULL;
	return text;
}

static int make_value(struct fs *fs, fuse_ino_t ino, const char *name, char **value)
{
	char *(*make)(struct fs *) = NULL;

	if (strncmp(name, "memfs.", 6) != 0)
		return -EOPNOTSUPP;
	if (ino == STORE_ROOT && strcmp(name, "memfs.version") == 0)
		make = make_version;
	else if (ino == STORE_ROOT && strcmp(name, "memfs.stats") == 0)
		make = make_stats;
	else if (ino == STORE_ROOT && strcmp(name, "memfs.trace") == 0 && fs->recorder)
		make = make_trace;
	if (!make)
		return -ENODATA;
	*value = make(fs);
	return *value ? 0 : -ENOMEM;
}

int op_getxattr(struct call *call, fuse_ino_t ino, const char *name, size_t size)
{
	char *value = NULL;
	size_t length;
	int err;

	call->trace.node = ino;
	call->trace.name = name;
	call->trace.size = size;
	err = make_value(call->fs, ino, name, &value);
	if (err)
		return err;
	length = strlen(value);
	if (size == 0) {
		free(value);
		call_reply_xattr_size(call, length);
		return 0;
	}
	if (size < length) {
		free(value);
		return -ERANGE;
	}
	call_reply_buffer(call, value, length);
	return 0;
}

int op_setxattr(struct call *call, fuse_ino_t ino, const char *name, const char *value,
		size_t size, int flags)
{
	(void)value;
	call->trace.node = ino;
	call->trace.name = name;
	call->trace.size = size;
	call->trace.flags = (uint32_t)flags;
	return -EOPNOTSUPP;
}

int op_listxattr(struct call *call, fuse_ino_t ino, size_t size)
{
	call->trace.node = ino;
	call->trace.size = size;
	if (size == 0)
		call_reply_xattr_size(call, 0);
	else
		call_reply_buffer(call, NULL, 0);
	return 0;
}

int op_removexattr(struct call *call, fuse_ino_t ino, const char *name)
{
	call->trace.node = ino;
	call->trace.name = name;
	return -EOPNOTSUPP;
}
