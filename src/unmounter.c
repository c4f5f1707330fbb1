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

/* Of what the daemon has, it keeps nothing: no file, no terminal, no directory. Its name tells the two apart. */
static bool detach(int fd)
{
	sigset_t all;
	int null;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL); /* a signal is for the daemon, and then it is needed */
	prctl(PR_SET_NAME, "memfs-unmount");
	setsid();
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) < 0)
		return false;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(null, STDERR_FILENO) >= 0 && close(null) == 0 &&
	       fcntl(3, F_SETFD, FD_CLOEXEC) == 0 && chdir("/") == 0;
}

/* Somebody may have unmounted it lazily, or mounted something else above it. 0 or an errno. */
static int take_away(const char *mountpoint)
{
	bool any;

	if (is_on_top(mountpoint, &any))
		return -unmounter_unmount(mountpoint);
	return any ? EBUSY : 0;
}

/* The process. Its exit status is an errno. */
__attribute__((noreturn))
static void run(int fd, const char *mountpoint)
{
	char word;
	ssize_t n;

	if (!detach(fd) || sandbox_keep_unmounting() < 0 || write(3, "r", 1) != 1)
		_exit(EIO);
	do
		n = read(3, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0);
	_exit(take_away(mountpoint));
}

int unmounter_start(struct unmounter *u, const char *mountpoint)
{
	char word;
	int fds[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	u->fd = fds[1];
	u->pid = fork();
	if (u->pid == 0) {
		close(fds[1]);
		run(fds[0], mountpoint);
	}
	close(fds[0]);
	if (u->pid < 0) {
		close(fds[1]);
		return -errno;
	}
	do
		n = read(u->fd, &word, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : unmounter_end(u, true);
}

int unmounter_end(struct unmounter *u, bool unmount)
{
	int status = 0;
	bool told;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN); /* somebody may have killed it */
	told = !unmount || write(u->fd, "u", 1) == 1;
	close(u->fd);
	do
		pid = waitpid(u->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (!unmount)
		return 0;
	if (pid == u->pid && WIFEXITED(status) && WEXITSTATUS(status))
		return -WEXITSTATUS(status);
	return told && pid == u->pid && WIFEXITED(status) ? 0 : -ESRCH;
}
