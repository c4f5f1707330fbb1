/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fs.h - one mounted filesystem: the store, the recorder, and how it is served.
 *
 * src/fuse/ turns what the kernel asks into calls of the store:
 *
 *   operations.h  the table of operations: one row each
 *   call.c        what every operation passes through: begin, reply, record
 *   op_*.c        one function an operation: unpack, one call of the store
 *   passthrough.c which files the kernel reads and writes by itself
 *   device.h      ioctls of /dev/fuse
 *   receive.c     reading requests, and giving back the memory of big ones
 *   session.c     mounting, what is negotiated with the kernel, the loop
 */
#ifndef MEMFS_FUSE_FS_H
#define MEMFS_FUSE_FS_H

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 18)

#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "store/store.h"
#include "trace/recorder.h"

/* What the kernel may keep; the names are those of virtiofsd. */
enum cache_mode {
	CACHE_ALWAYS, /* names, attributes and pages for ever; small writes gathered: fs_writes_back() */
	CACHE_AUTO,   /* the same, but every write(2) comes at once */
	CACHE_NEVER,  /* nothing: every system call is seen */
};

/* The name as in -o cache=NAME; static text. */
const char *cache_mode_name(enum cache_mode mode);

struct passthrough;

struct fs {
	struct store *store;       /* owned by main() */
	struct recorder *recorder; /* likewise; NULL = no trace */
	enum cache_mode cache;
	double timeout;            /* s that the kernel may keep entries and attributes */
	bool no_open;              /* the kernel opens without asking */
	bool io_uring;             /* ask for it */
	bool insists_on_io_uring;  /* nothing is served without it */
	struct passthrough *passthrough; /* owned by main(); NULL = reads and writes come to us */

	/*
	 * Called once after mounting, before anything is served and any thread of the loop is there. 0,
	 * or else nothing is served.
	 */
	int (*mounted)(struct fs *fs);
	/* Told once, when the kernel's INIT is answered: from then on the mount works. */
	void (*ready)(struct fs *fs);
	bool uses_io_uring;        /* what became of io_uring; set before ready() */
	void *context;             /* for mounted() and ready() */
	struct fuse_session *session; /* from before mounted() on */
	bool failed;               /* the kernel lacks what was asked for, which has been said */

	_Atomic uint64_t next_fh;  /* numbers the opens, for the trace */
};

/* Does the kernel gather small writes, and keep the times of files that it writes? */
static inline bool fs_writes_back(const struct fs *fs)
{
	return fs->cache == CACHE_ALWAYS && !fs->passthrough;
}

#endif
