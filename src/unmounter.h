/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unmounter.h - a process that does one thing: it unmounts, when the daemon asks for it. (With backing files, a second
 * one: it changes how much they may take.)
 *
 * To unmount takes a privilege that to serve does not: CAP_SYS_ADMIN, or for an ordinary user fusermount3, which is
 * set-user-id and so of no use to who has set no_new_privs. A thread that keeps it would keep it for all, since threads
 * share their memory. So this process keeps it: it knows the mount point from the beginning, hears no more than "now", and
 * takes nothing away but a memfs. When the daemon dies without a word, it ends as well, and leaves the mount.
 *
 * To change the limit of a tmpfs takes the same privilege, and Landlock, which the daemon is under, forbids it.
 */
#ifndef MEMFS_UNMOUNTER_H
#define MEMFS_UNMOUNTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct unmounter {
	pid_t pid;
	int fd; /* orders to it, and its answers */
	pthread_mutex_t mutex; /* one order at a time */
};

/*
 * Forks it, and waits until it has given up what it does not need. Before there are threads, and before the device is
 * open, which it would keep open. With backing files it is given their directory (store_backing_root()), else -1. 0 or a
 * negative errno.
 */
int unmounter_start(struct unmounter *u, const char *mountpoint, int backing_root);

/* Has it set the limit of the backing files, see backing_resize(); from any thread. */
int unmounter_resize(struct unmounter *u, uint64_t size);

/* Has it unmount, or not, and waits for its end. 0 or a negative errno: the mount is still there. */
int unmounter_end(struct unmounter *u, bool unmount);

/* Is what is mounted there, on top, a memfs? */
bool unmounter_is_memfs(const char *path);

/* Unmounts at once, as root or through fusermount3, also what is busy. 0 or a negative errno. */
int unmounter_unmount(const char *path);

#endif
