/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "store/backing.h"

enum order_kind {
	ORDER_UNMOUNT, /* and end */
	ORDER_RESIZE,  /* answered by an int: 0 or a negative errno */
};

struct order {
	enum order_kind kind;
	uint64_t size;
};

/* Where its two descriptors are, in the process. */
enum { ORDERS = 3, BACKING };

/* Is what is mounted there, on top, a memfs? *any: one is there, perhaps below. */
static bool is_on_top(const char *path, bool *any)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	*any = false;
	while (mounts && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_dir, path) == 0) {
			found = strcmp(m->mnt_type, "fuse.memfs") == 0;
			*any |= found;
		}
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

bool unmounter_is_memfs(const char *path)
{
	bool any;

	return is_on_top(path, &any);
}

static bool unmount_as_user(const char *path)
{
	char *const argv[] = { (char[]){ "fusermount3" }, (char[]){ "-uzq" }, (char[]){ "--" },
			       (char *)(uintptr_t)path, NULL };
	int status;
	pid_t pid;

	return posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
}

int unmounter_unmount(const char *path)
{
	int err;

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	err = -errno;
	return unmount_as_user(path) ? 0 : err;
}

/* Puts a descriptor at its place, whatever else is there. */
static bool put(int fd, int place)
{
	return fd == place ? fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 : dup3(fd, place, O_CLOEXEC) == place;
}

/*
 * Of what the daemon has, it keeps nothing else: no file, no terminal, no directory. Its name tells the two
 * apart.
 */
static bool detach(int orders, int backing)
{
	int above = fcntl(orders, F_DUPFD_CLOEXEC, BACKING + 1); /* out of the other's way */
	sigset_t all;
	int null;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL); /* a signal is for the daemon, and then it is needed */
	prctl(PR_SET_NAME, "memfs-unmount");
	setsid();
	if (above < 0 || (backing >= 0 && !put(backing, BACKING)) || !put(above, ORDERS) ||
	    close_range(backing >= 0 ? BACKING + 1 : BACKING, ~0U, 0) < 0)
		return false;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(null, STDERR_FILENO) >= 0 && close(null) == 0 && chdir("/") == 0;
}

/* Somebody may have unmounted it lazily, or mounted something else above it. 0 or an errno. */
static int take_away(const char *mountpoint)
{
	bool any;

	if (is_on_top(mountpoint, &any))
		return -unmounter_unmount(mountpoint);
	return any ? EBUSY : 0;
}

/* One message: true if it has that size. */
static bool receive(int fd, void *message, size_t size)
{
	ssize_t n;

	do
		n = read(fd, message, size);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

static bool answer(int result)
{
	return write(ORDERS, &result, sizeof(result)) == sizeof(result);
}

/* The process. Its exit status is an errno. */
__attribute__((noreturn))
static void run(int orders, const char *mountpoint, int backing)
{
	struct order order;

	if (!detach(orders, backing) || sandbox_keep_unmounting() < 0 || !answer(0))
		_exit(EIO);
	while (receive(ORDERS, &order, sizeof(order))) {
		if (order.kind == ORDER_UNMOUNT)
			_exit(take_away(mountpoint));
		if (!answer(backing >= 0 ? backing_resize(BACKING, order.size) : -EINVAL))
			break;
	}
	_exit(0);
}

int unmounter_start(struct unmounter *u, const char *mountpoint, int backing_root)
{
	int fds[2], ready;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	u->fd = fds[1];
	u->pid = fork();
	if (u->pid == 0) {
		close(fds[1]);
		run(fds[0], mountpoint, backing_root);
	}
	close(fds[0]);
	if (u->pid < 0) {
		close(fds[1]);
		return -errno;
	}
	pthread_mutex_init(&u->mutex, NULL);
	return receive(u->fd, &ready, sizeof(ready)) ? 0 : unmounter_end(u, true);
}

static bool tell(struct unmounter *u, const struct order *order)
{
	return write(u->fd, order, sizeof(*order)) == sizeof(*order);
}

int unmounter_resize(struct unmounter *u, uint64_t size)
{
	const struct order order = { .kind = ORDER_RESIZE, .size = size };
	int result;

	pthread_mutex_lock(&u->mutex);
	if (!tell(u, &order) || !receive(u->fd, &result, sizeof(result)))
		result = -EIO; /* somebody has killed it */
	pthread_mutex_unlock(&u->mutex);
	return result;
}

int unmounter_end(struct unmounter *u, bool unmount)
{
	const struct order order = { .kind = ORDER_UNMOUNT };
	int status = 0;
	bool told;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN); /* somebody may have killed it */
	told = !unmount || tell(u, &order);
	close(u->fd);
	pthread_mutex_destroy(&u->mutex);
	do
		pid = waitpid(u->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (!unmount)
		return 0;
	if (pid == u->pid && WIFEXITED(status) && WEXITSTATUS(status))
		return -WEXITSTATUS(status);
	return told && pid == u->pid && WIFEXITED(status) ? 0 : -ESRCH;
}
