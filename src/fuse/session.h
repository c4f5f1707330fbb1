/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - the connection to the kernel: mount, negotiate, serve. */
#ifndef MEMFS_FUSE_SESSION_H
#define MEMFS_FUSE_SESSION_H

#include "fuse/fs.h"

struct session_options {
	const char *mountpoint;     /* absolute */
	const char *kernel_options; /* for mount(2) and libfuse, separated by commas */
	unsigned threads;           /* at most, that serve /dev/fuse */
};

/*
 * Mounts and serves until it is unmounted or told to end by a signal. It does not unmount, which takes a privilege that
 * may be gone by then: *left tells whether the caller has to. By then all calls to the mount fail.
 * fs->mounted() and fs->ready() are called in between, the latter from a thread of the loop.
 * Returns 0, or 1 when something failed; that has then been said on stderr. From then on SIGHUP, SIGINT and SIGTERM are ignored.
 */
int session_run(struct fs *fs, const struct session_options *options, bool *left);

/* The INIT handler, for the table of operations (call.c). */
void session_init(void *userdata, struct fuse_conn_info *conn);

/* Does the kernel offer FUSE-over-io_uring? */
bool session_io_uring_offered(void);

#endif
