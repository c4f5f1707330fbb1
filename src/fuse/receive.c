/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuse/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "fuse/device.h"

#define KEPT (64u << 10)    /* bytes of a buffer that are never given back: most requests need no more */
#define CLOSE_NS 100000000u /* large requests follow each other closely when no more than this lies between two */

/* Of this worker's buffer: each has one, and reads into no other. */
static _Thread_local struct {
	size_t used;    /* the bytes that large requests have used, 0 = none since memory was last given back */
	uint64_t since; /* when the last large one came, ns */
	bool keep;      /* it followed another closely, and may be followed likewise */
} buffer;

/* Good to some milliseconds, without a system call. */
static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note_large(size_t n)
{
	uint64_t t = now();

	buffer.keep = buffer.since && t - buffer.since < CLOSE_NS;
	buffer.since = t;
	if (buffer.used < n)
		buffer.used = n;
}

static void give_back(char *bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)bytes + KEPT + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)bytes + buffer.used) & ~(page - 1); /* who knows what else the last page has */

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
	buffer.used = 0;
}

/* read(2). What was in the buffer is done with. */
static ssize_t receive(int fd, void *bytes, size_t size, void *userdata)
{
	ssize_t n;

	(void)userdata;
	if (buffer.used && (!buffer.keep || now() - buffer.since >= CLOSE_NS))
		give_back(bytes);
	n = read(fd, bytes, size);
	if (n > (ssize_t)KEPT)
		note_large((size_t)n);
	return n;
}

static ssize_t reply(int fd, struct iovec *iov, int count, void *userdata)
{
	(void)userdata;
	return writev(fd, iov, count);
}

/* As libfuse has it for sessions without I/O of their own. */
static int clone_fd(int session_fd)
{
	uint32_t session = (uint32_t)session_fd;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, FUSE_DEV_IOC_CLONE, &session) == 0)
		return fd;
	fuse_log(FUSE_LOG_ERR, "a worker's /dev/fuse: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void receive_sparingly(struct fuse_session *se)
{
	static const struct fuse_custom_io io = { .read = receive, .writev = reply, .clone_fd = clone_fd };

	fuse_session_custom_io(se, &io, sizeof(io), fuse_session_fd(se));
}
