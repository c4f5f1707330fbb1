/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_call.c - one step as system calls.
 *
 * A node without an open is reached by the descriptor of the directory it is in and its
 * name, never through a symbolic link; calls that take a path only, get
 * /proc/self/fd/N of a descriptor that was had so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "replay.h"

#define PROC_PATH 32
#define FLAGS_KEPT (O_TRUNC | O_SYNC | O_DSYNC) /* of an open's: offsets are in the trace, buffers not aligned */
#define FLAGS_ADDED (O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* Of struct fuse_setattr_in's valid, in the kernel's include/uapi/linux/fuse.h. */
enum {
	SET_MODE = 1 << 0,
	SET_UID = 1 << 1,
	SET_GID = 1 << 2,
	SET_SIZE = 1 << 3,
	SET_ATIME = 1 << 4,
	SET_MTIME = 1 << 5,
	SET_ATIME_NOW = 1 << 7,
	SET_MTIME_NOW = 1 << 8,
};

static int result(long returned)
{
	return returned < 0 ? errno : 0;
}

/* --- reaching a node ---------------------------------------------------------------- */

/* A descriptor for calls that need no more than that: maybe O_PATH. -errno; *mine: is to be closed. */
static int handle(const struct replay_step *s, bool *mine)
{
	int fd;

	*mine = false;
	if (s->any && s->any->fd >= 0)
		return s->any->fd;
	if (S_ISDIR(s->node->type))
		return s->node->fd >= 0 ? s->node->fd : -ENOENT;
	if (!s->at || s->at->fd < 0)
		return -ENOENT;
	fd = openat(s->at->fd, s->at_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	*mine = fd >= 0;
	return fd < 0 ? -errno : fd;
}

static const char *proc_path(int fd, char path[PROC_PATH])
{
	snprintf(path, PROC_PATH, "/proc/self/fd/%d", fd);
	return path;
}

/* Calls what is to be done with the path of the step's node. */
static int with_path(struct replay_step *s, void *buf,
		     int (*call)(struct replay_step *s, const char *path, int fd, void *buf))
{
	char path[PROC_PATH];
	int fd, err;
	bool mine;

	fd = handle(s, &mine);
	if (fd < 0)
		return -fd;
	err = call(s, proc_path(fd, path), fd, buf);
	if (mine)
		close(fd);
	return err;
}

static int call_getattr(struct replay_step *s)
{
	struct stat st;

	if (s->any && s->any->fd >= 0)
		return result(fstat(s->any->fd, &st));
	if (S_ISDIR(s->node->type))
		return result(fstatat(s->node->fd, "", &st, AT_EMPTY_PATH));
	if (!s->at)
		return ENOENT;
	return result(fstatat(s->at->fd, s->at_name, &st, AT_SYMLINK_NOFOLLOW));
}

/* --- attributes ----------------------------------------------------------------------- */

static int set_times(uint32_t flags, const char *path)
{
	/* The times themselves are not in the trace. */
	struct timespec times[2] = {
		{ .tv_nsec = flags & (SET_ATIME | SET_ATIME_NOW) ? UTIME_NOW : UTIME_OMIT },
		{ .tv_nsec = flags & (SET_MTIME | SET_MTIME_NOW) ? UTIME_NOW : UTIME_OMIT },
	};

	if (!(flags & (SET_ATIME | SET_ATIME_NOW | SET_MTIME | SET_MTIME_NOW)))
		return 0;
	return result(utimensat(AT_FDCWD, path, times, 0));
}

static int set_size(struct replay_step *s, const char *path)
{
	if (s->open && s->open->fd >= 0 && ftruncate(s->open->fd, (off_t)s->event.size) == 0)
		return 0;
	return result(truncate(path, (off_t)s->event.size));
}

static int set_owner(const struct trace_event *e, int fd)
{
	if (geteuid() != 0 || !(e->flags & (SET_UID | SET_GID)))
		return 0;
	return result(fchownat(fd, "", e->flags & SET_UID ? e->new_uid : (uid_t)-1,
			       e->flags & SET_GID ? e->new_gid : (gid_t)-1, AT_EMPTY_PATH));
}

static int setattr_at(struct replay_step *s, const char *path, int fd, void *buf)
{
	const struct trace_event *e = &s->event;
	int err = 0;

	(void)buf;
	if (e->flags & SET_SIZE)
		err = set_size(s, path);
	/* The owner first: it takes set-id bits away. */
	if (!err)
		err = set_owner(e, fd);
	if (!err && e->flags & SET_MODE)
		err = result(chmod(path, e->mode & 07777));
	return err ? err : set_times(e->flags, path);
}

static int getxattr_at(struct replay_step *s, const char *path, int fd, void *buf)
{
	size_t size = s->event.size < REPLAY_BUFFER ? s->event.size : REPLAY_BUFFER;
	ssize_t n = getxattr(path, s->event.name, buf, size);

	(void)fd;
	s->got_bytes = n > 0 && size ? (uint64_t)n : 0;
	return result(n);
}

static int listxattr_at(struct replay_step *s, const char *path, int fd, void *buf)
{
	size_t size = s->event.size < REPLAY_BUFFER ? s->event.size : REPLAY_BUFFER;

	(void)fd;
	return result(listxattr(path, buf, size));
}

static int setxattr_at(struct replay_step *s, const char *path, int fd, void *buf)
{
	(void)fd;
	memset(buf, 'x', s->event.size);
	return result(setxattr(path, s->event.name, buf, s->event.size, (int)s->event.flags));
}

static int removexattr_at(struct replay_step *s, const char *path, int fd, void *buf)
{
	(void)fd;
	(void)buf;
	return result(removexattr(path, s->event.name));
}

/* buf has room for whatever may be answered. */
static int call_ioctl(struct replay_step *s, void *buf)
{
	memcpy(buf, &s->event.mode, sizeof(s->event.mode));
	return result(ioctl(s->open->fd, s->event.flags, buf));
}

static int call_readlink(struct replay_step *s, void *buf)
{
	ssize_t n;

	if (!s->at)
		return ENOENT;
	n = readlinkat(s->at->fd, s->at_name, buf, REPLAY_BUFFER);
	s->got_bytes = n > 0 ? (uint64_t)n : 0;
	return result(n);
}

/* --- names ------------------------------------------------------------------------------ */

static int call_lookup(struct replay_step *s)
{
	struct stat st;

	return result(fstatat(s->node->fd, s->event.name, &st, AT_SYMLINK_NOFOLLOW));
}

/* What the trace says was refused, but went well here, is taken back: later calls rely on it. */
static void take_back(const struct replay_step *s, int directory, const char *name, int flags)
{
	if (s->event.error)
		unlinkat(directory, name, flags);
}

/* For calls on the handle that this one gave, if the trace has any. */
static void keep(const struct replay_step *s, int fd)
{
	if (s->open)
		s->open->fd = fd;
	else
		close(fd);
}

static int call_create(struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	int fd = openat(s->node->fd, e->name,
			O_CREAT | O_EXCL | O_RDWR | FLAGS_ADDED | (int)(e->flags & FLAGS_KEPT),
			e->mode & 07777);

	if (fd < 0)
		return errno;
	keep(s, fd);
	take_back(s, s->node->fd, e->name, 0);
	return 0;
}

static int call_tmpfile(struct replay_step *s)
{
	int fd = openat(s->node->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, s->event.mode & 07777);

	if (fd < 0)
		return errno;
	keep(s, fd);
	return 0;
}

static int call_mkdir(struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	int fd;

	if (mkdirat(s->node->fd, e->name, e->mode & 07777) < 0)
		return errno;
	take_back(s, s->node->fd, e->name, AT_REMOVEDIR);
	if (!s->result)
		return 0;
	fd = openat(s->node->fd, e->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	s->result->fd = fd;
	if (fd < 0)
		return errno;
	/* mkdir(2) itself leaves these out. */
	if (e->mode & (S_ISUID | S_ISGID)) {
		char path[PROC_PATH];

		return result(chmod(proc_path(fd, path), e->mode & 07777));
	}
	return 0;
}

static int call_mknod(struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	int err = result(mknodat(s->node->fd, e->name, e->mode & (S_IFMT | 07777), (dev_t)e->rdev));

	if (!err)
		take_back(s, s->node->fd, e->name, 0);
	return err;
}

static int call_symlink(struct replay_step *s)
{
	int err = result(symlinkat(s->event.name2, s->node->fd, s->event.name));

	if (!err)
		take_back(s, s->node->fd, s->event.name, 0);
	return err;
}

static int call_link(struct replay_step *s)
{
	const char *name = s->event.name;
	char path[PROC_PATH];
	int err = ENOENT;

	if (s->at)
		err = result(linkat(s->at->fd, s->at_name, s->node2->fd, name, 0));
	else if (s->any && s->any->fd >= 0)
		err = result(linkat(AT_FDCWD, proc_path(s->any->fd, path), s->node2->fd, name,
				    AT_SYMLINK_FOLLOW));
	if (!err)
		take_back(s, s->node2->fd, name, 0);
	return err;
}

static int call_rename(const struct replay *r, struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	unsigned flags = e->flags;

	/* What has the new name, is not ours. */
	if (r->force && !s->replaces)
		flags |= RENAME_NOREPLACE;
	return result(renameat2(s->node->fd, e->name, s->node2->fd, e->name2, flags));
}

/* --- opens --------------------------------------------------------------------------------- */

static int open_node(const struct replay_step *s, int flags)
{
	char path[PROC_PATH];

	if (s->at)
		return openat(s->at->fd, s->at_name, flags);
	/* One without a name, but open. */
	if (s->any && s->any->fd >= 0)
		return open(proc_path(s->any->fd, path), flags & ~O_NOFOLLOW);
	errno = ENOENT;
	return -1;
}

static int call_open(struct replay *r, struct replay_step *s)
{
	uint32_t flags = s->event.flags;
	int more = FLAGS_ADDED | (int)(flags & FLAGS_KEPT), fd = -1;

	/* The kernel reads through an open for writing, too, to fill its pages. */
	if ((flags & O_ACCMODE) == O_WRONLY)
		fd = open_node(s, O_RDWR | more);
	if (fd < 0)
		fd = open_node(s, (int)(flags & O_ACCMODE) | more);
	if (fd < 0)
		return errno;
	keep(s, fd);
	return flags & O_TRUNC ? replay_forget_bytes(r, s->node, 0, UINT64_MAX) : 0;
}

static int call_opendir(struct replay_step *s)
{
	int fd = openat(s->node->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	keep(s, fd);
	return 0;
}

/* close(2) of a copy is what makes the kernel send a FLUSH. */
static int call_flush(struct replay_step *s)
{
	int copy = fcntl(s->open->fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? errno : result(close(copy));
}

static int call_release(struct replay_step *s)
{
	int err = s->open->fd < 0 ? 0 : result(close(s->open->fd));

	s->open->fd = -1;
	return err;
}

static int call_readdir(struct replay_step *s, void *buf)
{
	size_t size = s->event.size < REPLAY_BUFFER ? s->event.size : REPLAY_BUFFER;

	/* Cookies are each filesystem's own: only the first one means something here. */
	if (!s->event.offset && lseek(s->open->fd, 0, SEEK_SET) < 0)
		return errno;
	return result(getdents64(s->open->fd, buf, size));
}

static int call_setattr(struct replay *r, struct replay_step *s, void *buf)
{
	int err = with_path(s, buf, setattr_at);

	if (!err && s->event.flags & SET_SIZE)
		err = replay_forget_bytes(r, s->node, s->event.size, UINT64_MAX);
	return err;
}

/* --- all ---------------------------------------------------------------------------------------- */

static int call_sync(struct replay *r)
{
	int fd = openat(r->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = result(syncfs(fd));
	close(fd);
	return err;
}

static int call_other(struct replay *r, struct replay_step *s, void *buf)
{
	const struct trace_event *e = &s->event;
	struct statvfs vfs;

	switch (e->op) {
	case TRACE_OP_READLINK: return call_readlink(s, buf);
	case TRACE_OP_GETXATTR: return with_path(s, buf, getxattr_at);
	case TRACE_OP_SETXATTR: return with_path(s, buf, setxattr_at);
	case TRACE_OP_LISTXATTR: return with_path(s, buf, listxattr_at);
	case TRACE_OP_REMOVEXATTR: return with_path(s, buf, removexattr_at);
	case TRACE_OP_OPENDIR: return call_opendir(s);
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS: return call_readdir(s, buf);
	case TRACE_OP_FLUSH: return call_flush(s);
	case TRACE_OP_RELEASE:
	case TRACE_OP_RELEASEDIR: return call_release(s);
	case TRACE_OP_FSYNC:
	case TRACE_OP_FSYNCDIR: return result((e->flags & 1 ? fdatasync : fsync)(s->open->fd));
	case TRACE_OP_SYNCFS: return call_sync(r);
	case TRACE_OP_STATFS: return result(fstatvfs(r->root, &vfs));
	case TRACE_OP_FALLOCATE: return replay_fallocate(r, s);
	case TRACE_OP_LSEEK: return result(lseek(s->open->fd, (off_t)e->offset, (int)e->flags));
	case TRACE_OP_COPY_FILE_RANGE: return replay_copy(r, s);
	case TRACE_OP_IOCTL: return call_ioctl(s, buf);
	default: return ENOSYS;
	}
}

static int call(struct replay *r, struct replay_step *s, void *buf)
{
	const struct trace_event *e = &s->event;

	switch (e->op) {
	case TRACE_OP_LOOKUP: return call_lookup(s);
	case TRACE_OP_GETATTR:
	case TRACE_OP_STATX: return call_getattr(s);
	case TRACE_OP_SETATTR: return call_setattr(r, s, buf);
	case TRACE_OP_CREATE: return call_create(s);
	case TRACE_OP_TMPFILE: return call_tmpfile(s);
	case TRACE_OP_MKNOD: return call_mknod(s);
	case TRACE_OP_MKDIR: return call_mkdir(s);
	case TRACE_OP_SYMLINK: return call_symlink(s);
	case TRACE_OP_LINK: return call_link(s);
	case TRACE_OP_UNLINK: return result(unlinkat(s->node->fd, e->name, 0));
	case TRACE_OP_RMDIR: return result(unlinkat(s->node->fd, e->name, AT_REMOVEDIR));
	case TRACE_OP_RENAME: return call_rename(r, s);
	case TRACE_OP_OPEN: return call_open(r, s);
	case TRACE_OP_READ: return replay_read(r, s, buf);
	case TRACE_OP_WRITE: return replay_write(r, s, buf);
	default: return call_other(r, s, buf);
	}
}

/*
 * A call on a file that the kernel had opened without a call gets an open of our own, for as
 * long as it takes.
 */
static int call_opened(struct replay *r, struct replay_step *s, void *buf)
{
	struct replay_open own = { .node = s->node };
	int err;

	if (S_ISDIR(s->node->type))
		own.fd = openat(s->node->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else
		own.fd = open_node(s, O_RDWR | FLAGS_ADDED);
	if (own.fd < 0)
		own.fd = open_node(s, O_RDONLY | FLAGS_ADDED);
	if (own.fd < 0)
		return errno;
	s->open = &own;
	err = call(r, s, buf);
	s->open = NULL;
	close(own.fd);
	return err;
}

/* Is it about a file that could not be made, or get its name, so that another may have that? */
static bool is_about_failed(const struct replay_step *s)
{
	return (s->node->failed && !(s->open && s->open->fd >= 0)) || (s->node2 && s->node2->failed) ||
	       (s->result && s->result->failed);
}

static bool makes_result(unsigned op)
{
	return op == TRACE_OP_CREATE || op == TRACE_OP_MKNOD || op == TRACE_OP_MKDIR ||
	       op == TRACE_OP_SYMLINK || op == TRACE_OP_TMPFILE;
}

void replay_call(struct replay *r, struct replay_step *s, void *buf)
{
	if (is_about_failed(s)) {
		s->got = ENOENT;
		return;
	}
	s->got = replay_needs_open(&s->event) && !s->open ? call_opened(r, s, buf) : call(r, s, buf);
	if (!s->got || s->event.error)
		return;
	if (s->result && (makes_result(s->event.op) || (r->force && s->event.op == TRACE_OP_RENAME)))
		s->result->failed = true;
	if (r->force && s->event.op == TRACE_OP_LINK)
		s->node->failed = true;
}
