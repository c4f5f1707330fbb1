/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call.c - the one place that every request passes through: begin, reply, record. */
#include "fuse/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/operations.h"
#include "fuse/passthrough.h"
#include "fuse/session.h"

struct store_cred call_cred(const struct call *call)
{
	return (struct store_cred){
		.uid = call->trace.uid,
		.gid = call->trace.gid,
		.umask = fuse_req_ctx(call->req)->umask,
	};
}

/* How long the kernel may keep the attributes of a node, in seconds. */
static double attr_timeout(const struct fs *fs, node_id id)
{
	return fs->passthrough && passthrough_may_change(fs, id) ? 0 : fs->timeout;
}

void call_fill_entry(const struct fs *fs, const struct store_entry *from,
		     struct fuse_entry_param *to)
{
	*to = (struct fuse_entry_param){
		.ino = from->id,
		.generation = from->generation,
		.attr = from->attr,
		.attr_timeout = attr_timeout(fs, from->id),
		.entry_timeout = fs->timeout,
	};
}

void call_reply_entry(struct call *call, const struct store_entry *entry)
{
	call_fill_entry(call->fs, entry, &call->entry);
	call->trace.result = entry->id;
	call->kind = REPLY_ENTRY;
}

void call_reply_absent(struct call *call)
{
	call->entry = (struct fuse_entry_param){ .entry_timeout = call->fs->timeout };
	call->trace.error = ENOENT;
	call->kind = REPLY_ABSENT;
}

void call_reply_create(struct call *call, const struct store_entry *entry,
		       struct fuse_file_info *fi)
{
	call_reply_entry(call, entry);
	call->trace.fh = fi->fh;
	call->fi = fi;
	call->kind = REPLY_CREATE;
}

void call_reply_attr(struct call *call, const struct stat *attr)
{
	if (attr != &call->attr)
		call->attr = *attr;
	call->kind = REPLY_ATTR;
}

void call_reply_open(struct call *call, struct fuse_file_info *fi)
{
	call->trace.fh = fi->fh;
	call->fi = fi;
	call->kind = REPLY_OPEN;
}

void call_reply_view(struct call *call)
{
	call->trace.done = call->view.size;
	call->kind = REPLY_VIEW;
}

void call_reply_buffer(struct call *call, char *buffer, size_t size)
{
	call->buffer = buffer;
	call->size = size;
	call->trace.done = size;
	call->kind = REPLY_BUFFER;
}

void call_reply_text(struct call *call, char *text, size_t length)
{
	call_reply_buffer(call, text, length);
	call->kind = REPLY_TEXT;
}

void call_reply_written(struct call *call, size_t size)
{
	call->size = size;
	call->trace.done = size;
	call->kind = REPLY_WRITTEN;
}

void call_reply_seek(struct call *call, off_t offset)
{
	call->offset = offset;
	call->trace.offset2 = (uint64_t)offset;
	call->kind = REPLY_SEEK;
}

void call_reply_statfs(struct call *call)
{
	call->kind = REPLY_STATFS;
}

void call_reply_xattr_size(struct call *call, size_t size)
{
	call->size = size;
	call->kind = REPLY_XATTR_SIZE;
}

void call_reply_ioctl(struct call *call, char *buffer, size_t size)
{
	call_reply_buffer(call, buffer, size);
	call->kind = REPLY_IOCTL;
}

void call_reply_statx(struct call *call)
{
	call->kind = REPLY_STATX;
}

static void begin(struct call *call, fuse_req_t req, enum trace_op op)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	call->req = req;
	call->fs = fuse_req_userdata(req);
	call->kind = REPLY_ERROR;
	call->fi = NULL;
	call->buffer = NULL;
	call->trace = (struct trace_call){
		.op = (uint8_t)op,
		.pid = (uint32_t)ctx->pid,
		.uid = ctx->uid,
		.gid = ctx->gid,
	};
	call->trace.start_ns = recorder_enter(call->fs->recorder, call->trace.pid,
					      call->trace.uid, call->trace.gid);
}

/*
 * The kernel did not take a reply that gave it a lookup: the caller was
 * interrupted meanwhile. Then it will not forget the node either.
 */
static void undo_lookup(struct call *call)
{
	if (call->entry.ino)
		store_forget(call->fs->store, call->entry.ino, 1);
}

/* Likewise one that opened a file: no RELEASE will come. */
static void undo_open(struct call *call, node_id id)
{
	if (call->fs->passthrough && call->fi->backing_id)
		passthrough_release(call->fs, id, call->fi);
}

static void reply(struct call *call)
{
	fuse_req_t req = call->req;

	switch (call->kind) {
	case REPLY_ERROR:
		fuse_reply_err(req, call->trace.error);
		break;
	case REPLY_NONE:
		fuse_reply_none(req);
		break;
	case REPLY_ENTRY:
	case REPLY_ABSENT:
		if (fuse_reply_entry(req, &call->entry) < 0)
			undo_lookup(call);
		break;
	case REPLY_CREATE:
		if (fuse_reply_create(req, &call->entry, call->fi) < 0) {
			undo_open(call, call->entry.ino);
			undo_lookup(call);
		}
		break;
	case REPLY_ATTR:
		fuse_reply_attr(req, &call->attr, attr_timeout(call->fs, call->attr.st_ino));
		break;
	case REPLY_OPEN:
		if (fuse_reply_open(req, call->fi) < 0)
			undo_open(call, call->trace.node);
		break;
	case REPLY_VIEW:
		fuse_reply_iov(req, call->view.iov, call->view.count);
		store_read_end(&call->view);
		break;
	case REPLY_BUFFER:
		fuse_reply_buf(req, call->buffer, call->size);
		break;
	case REPLY_TEXT:
		fuse_reply_readlink(req, call->buffer);
		break;
	case REPLY_WRITTEN:
		fuse_reply_write(req, call->size);
		break;
	case REPLY_SEEK:
		fuse_reply_lseek(req, call->offset);
		break;
	case REPLY_STATFS:
		fuse_reply_statfs(req, &call->statfs);
		break;
	case REPLY_XATTR_SIZE:
		fuse_reply_xattr(req, call->size);
		break;
	case REPLY_IOCTL:
		fuse_reply_ioctl(req, 0, call->buffer, call->size);
		break;
	case REPLY_STATX:
		fuse_reply_statx(req, 0, &call->statx, attr_timeout(call->fs, call->statx.stx_ino));
		break;
	}
}

static const char *keep_name(const char *name, char *to)
{
	size_t length;

	if (!name)
		return NULL;
	length = strnlen(name, TRACE_NAME_LIMIT);
	memcpy(to, name, length);
	to[length] = '\0';
	return to;
}

/*
 * Names lie in the request, and what has happened is recorded when it has been answered. Over io_uring the answer
 * is written where the request was (one payload buffer for both), so they are put aside before.
 */
static void keep_names(struct call *call)
{
	call->trace.name = keep_name(call->trace.name, call->names[0]);
	call->trace.name2 = keep_name(call->trace.name2, call->names[1]);
}

static void finish(struct call *call, int err)
{
	if (err < 0) {
		call->trace.error = -err;
		call->kind = REPLY_ERROR;
	}
	if (call->fs->recorder && call->fs->uses_io_uring)
		keep_names(call);
	reply(call);
	if (call->fs->recorder) {
		call->trace.end_ns = recorder_clock();
		recorder_record(call->fs->recorder, &call->trace);
	}
	free(call->buffer);
}

/*
 * Fields that no reply needs stay as they are: a struct call is large, and
 * begin() sets all that matter.
 */
#define OP(constant, name, parameters, arguments) \
	static void on_##name(fuse_req_t req, UNPACK parameters) \
	{ \
		struct call call; \
\
		begin(&call, req, TRACE_OP_##constant); \
		finish(&call, op_##name(&call, UNPACK arguments)); \
	}
OPERATIONS(OP)
#undef OP

const struct fuse_lowlevel_ops operations_table = {
	.init = session_init,
#define OP(constant, name, parameters, arguments) .name = on_##name,
	OPERATIONS(OP)
#undef OP
};
