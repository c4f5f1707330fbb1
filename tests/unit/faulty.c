/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "faulty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

static const char *_Atomic wanted; /* NULL = any */
static _Atomic uint64_t calls, nth;
static _Atomic int error_wanted;
static atomic_bool in_pieces, interrupts;
static _Atomic uint64_t pieces;
static const char *_Atomic failed;
static const char *_Atomic interlude_at;
static void (*_Atomic interlude)(void);

void faulty_at(const char *function, uint64_t n, int error)
{
	atomic_store(&in_pieces, false);
	atomic_store(&nth, 0);
	atomic_store(&failed, NULL);
	atomic_store(&wanted, function);
	atomic_store(&error_wanted, error);
	atomic_store(&calls, 0);
	atomic_store(&nth, n);
}

void faulty_in_pieces(bool interrupted)
{
	faulty_at(NULL, 0, 0);
	atomic_store(&interrupts, interrupted);
	atomic_store(&in_pieces, true);
}

void faulty_before(const char *function, void (*fn)(void))
{
	atomic_store(&interlude_at, function);
	atomic_store(&interlude, fn);
}

const char *faulty_stop(void)
{
	const char *result = atomic_load(&failed);

	faulty_at(NULL, 0, 0);
	return result;
}

uint64_t faulty_calls(void)
{
	return atomic_load(&calls);
}

static void run_interlude(const char *function)
{
	void (*fn)(void) = atomic_load(&interlude);

	if (fn && strcmp(atomic_load(&interlude_at), function) == 0 && atomic_exchange(&interlude, NULL))
		fn();
}

static bool fails_now(const char *function)
{
	const char *only = atomic_load(&wanted);

	run_interlude(function);
	if (only && strcmp(only, function) != 0)
		return false;
	if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&nth))
		return false;
	atomic_store(&failed, function);
	errno = atomic_load(&error_wanted);
	return true;
}

/* Of a read or a write of bytes: does it fail, or come short? */
static bool is_hindered(const char *function, size_t *size)
{
	if (fails_now(function))
		return true;
	if (!atomic_load(&in_pieces))
		return false;
	if (atomic_load(&interrupts) && atomic_fetch_add(&pieces, 1) % 2 == 0) {
		errno = EINTR;
		return true;
	}
	*size -= *size / 2;
	return false;
}

#define REAL(type, symbol, parameters) \
	type __real_##symbol parameters; \
	type __wrap_##symbol parameters; \
	type __wrap_##symbol parameters
/* What fails gives `failure`. */
#define WRAP(type, symbol, name, parameters, arguments, failure) \
	REAL(type, symbol, parameters) \
	{ \
		return fails_now(name) ? failure : __real_##symbol arguments; \
	}
/* One of those that move `size` bytes. */
#define WRAP_BYTES(symbol, name, parameters, arguments) \
	REAL(ssize_t, symbol, parameters) \
	{ \
		return is_hindered(name, &size) ? -1 : __real_##symbol arguments; \
	}

WRAP_BYTES(read, "read", (int fd, void *buf, size_t size), (fd, buf, size))
WRAP_BYTES(write, "write", (int fd, const void *buf, size_t size), (fd, buf, size))
WRAP_BYTES(pread64, "pread", (int fd, void *buf, size_t size, off_t offset), (fd, buf, size, offset))
WRAP_BYTES(pwrite64, "pwrite", (int fd, const void *buf, size_t size, off_t offset),
	   (fd, buf, size, offset))
WRAP_BYTES(copy_file_range, "copy_file_range",
	   (int in, off_t *from, int out, off_t *to, size_t size, unsigned flags),
	   (in, from, out, to, size, flags))
/* What they are called in a build with _FORTIFY_SOURCE. */
WRAP_BYTES(__read_chk, "read", (int fd, void *buf, size_t size, size_t room), (fd, buf, size, room))
WRAP_BYTES(__pread64_chk, "pread", (int fd, void *buf, size_t size, off_t offset, size_t room),
	   (fd, buf, size, offset, room))
WRAP(int, __openat64_2, "openat", (int dir, const char *path, int flags), (dir, path, flags), -1)

WRAP(int, fstat64, "fstat", (int fd, struct stat *st), (fd, st), -1)
WRAP(int, fstatat64, "fstatat", (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags), -1)
WRAP(int, ftruncate64, "ftruncate", (int fd, off_t size), (fd, size), -1)
WRAP(int, fchmod, "fchmod", (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, flock, "flock", (int fd, int operation), (fd, operation), -1)
WRAP(int, rename, "rename", (const char *from, const char *to), (from, to), -1)
WRAP(off_t, lseek64, "lseek", (int fd, off_t offset, int whence), (fd, offset, whence), -1)
WRAP(int, fallocate64, "fallocate", (int fd, int mode, off_t offset, off_t size),
     (fd, mode, offset, size), -1)
WRAP(int, futimens, "futimens", (int fd, const struct timespec times[2]), (fd, times), -1)
WRAP(int, utimensat, "utimensat", (int dir, const char *path, const struct timespec times[2], int flags),
     (dir, path, times, flags), -1)
WRAP(int, mknodat, "mknodat", (int dir, const char *path, mode_t mode, dev_t rdev),
     (dir, path, mode, rdev), -1)
WRAP(int, fstatfs64, "fstatfs", (int fd, struct statfs *st), (fd, st), -1)
WRAP(DIR *, fdopendir, "fdopendir", (int fd), (fd), NULL)
WRAP(struct dirent *, readdir64, "readdir", (DIR *dir), (dir), NULL)
WRAP(int, fsopen, "fsopen", (const char *name, unsigned flags), (name, flags), -1)
WRAP(int, fsconfig, "fsconfig", (int fd, unsigned command, const char *key, const void *value, int aux),
     (fd, command, key, value, aux), -1)
WRAP(int, fsmount, "fsmount", (int fd, unsigned flags, unsigned attributes), (fd, flags, attributes), -1)
WRAP(int, fspick, "fspick", (int dir, const char *path, unsigned flags), (dir, path, flags), -1)

/* The descriptor is gone all the same. */
REAL(int, close, (int fd))
{
	bool fails = fails_now("close");
	int error = errno, result = __real_close(fd);

	if (!fails)
		return result;
	errno = error;
	return -1;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

REAL(int, open64, (const char *path, int flags, ...))
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return fails_now("open") ? -1 : __real_open64(path, flags, mode);
}

REAL(int, openat64, (int dir, const char *path, int flags, ...))
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return fails_now("openat") ? -1 : __real_openat64(dir, path, flags, mode);
}
