/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call.h - one request of the kernel's, from its arrival to its reply.
 *
 * Handlers (operations.h) fill in what is worth recording (call->trace) and
 * say what to answer by one of the call_reply_...() functions. Those only
 * note it; call.c sends exactly one reply when the handler has returned,
 * and records the call after that, so that nobody waits for the recording.
 */
#ifndef MEMFS_FUSE_CALL_H
#define MEMFS_FUSE_CALL_H

#include "fuse/fs.h"

enum reply_kind {
	REPLY_ERROR,    /* the errno in call->trace.error, 0 = done */
	REPLY_NONE,     /* FORGET is never answered */
	REPLY_ENTRY,
	REPLY_ABSENT,   /* a name that the kernel may remember as absent */
	REPLY_CREATE,
	REPLY_ATTR,
	REPLY_OPEN,
	REPLY_VIEW,
	REPLY_BUFFER,
	REPLY_TEXT,     /* the target of a symbolic link */
	REPLY_WRITTEN,
	REPLY_SEEK,
	REPLY_STATFS,
	REPLY_XATTR_SIZE,
	REPLY_IOCTL,
	REPLY_STATX,
};

struct call {
	fuse_req_t req;
	struct fs *fs;
	struct trace_call trace;
	enum reply_kind kind;
	struct fuse_file_info *fi; /* REPLY_OPEN, REPLY_CREATE */
	char *buffer;              /* REPLY_BUFFER, _TEXT, _IOCTL; malloc()ed, freed when all is done */
	size_t size;               /* of buffer; REPLY_WRITTEN, REPLY_XATTR_SIZE: the number */
	off_t offset;              /* REPLY_SEEK */
	char names[2][TRACE_NAME_LIMIT + 1]; /* see keep_names() */
	union {
		struct fuse_entry_param entry;
		struct stat attr;
		struct statx statx;
		struct statvfs statfs;
		struct store_view view; /* ended after the reply */
	};
};

/* The caller, as owner of what it makes. */
struct store_cred call_cred(const struct call *call);

/* A node with the lookup that comes with it; sets call->trace.result. */
void call_reply_entry(struct call *call, const struct store_entry *entry);
void call_reply_absent(struct call *call);
void call_reply_create(struct call *call, const struct store_entry *entry,
		       struct fuse_file_info *fi);
void call_reply_attr(struct call *call, const struct stat *attr);
void call_reply_open(struct call *call, struct fuse_file_info *fi);

/* The store's own memory; call->view was filled by store_read_begin(). */
void call_reply_view(struct call *call);
void call_reply_buffer(struct call *call, char *buffer, size_t size);
void call_reply_text(struct call *call, char *text, size_t length);
void call_reply_written(struct call *call, size_t size);
void call_reply_seek(struct call *call, off_t offset);
void call_reply_statfs(struct call *call);
void call_reply_xattr_size(struct call *call, size_t size);
void call_reply_ioctl(struct call *call, char *buffer, size_t size);
void call_reply_statx(struct call *call);

/* Turns the store's answer into what libfuse's entries look like. */
void call_fill_entry(const struct fs *fs, const struct store_entry *from,
		     struct fuse_entry_param *to);

#endif
