/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.h - writes down every callback: the daemon's side of the trace.
 *
 * src/fuse fills one struct trace_call per callback and hands it to
 * recorder_record() after the reply is sent. That call puts it into the
 * calling thread's own ring and returns: no lock, no allocation, no system
 * call, no text. One writer thread (writer.c) drains all rings into the file.
 */
#ifndef MEMFS_TRACE_RECORDER_H
#define MEMFS_TRACE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <memfs/trace_ops.h>

#define TRACE_NAME_LIMIT 4096 /* bytes of one name in the trace: PATH_MAX, for symlink targets */

struct recorder;

/*
 * What one callback was asked and what it answered. Fields that mean nothing
 * for an operation are zero. Ids are FUSE node ids (the root is 1).
 */
struct trace_call {
	uint8_t op;          /* enum trace_op */
	int32_t error;       /* 0, or a positive errno */
	uint64_t start_ns;   /* CLOCK_MONOTONIC when the callback was entered */
	uint64_t end_ns;     /* ... and when its reply had been sent */
	uint32_t pid;        /* caller, as in the request: 0 = the kernel itself */
	uint32_t uid;
	uint32_t gid;
	uint64_t node;       /* the node asked about; for operations on a name, its parent */
	uint64_t node2;      /* RENAME, LINK: parent of the new name; COPY_FILE_RANGE: target */
	uint64_t result;     /* node the reply names (LOOKUP, CREATE, MKNOD, MKDIR, SYMLINK,
	                        LINK, TMPFILE), or whose name changed (UNLINK, RMDIR, RENAME);
	                        0 = none */
	uint64_t replaced;   /* RENAME: the node that lost its name to result, or took result's
	                        old one (RENAME_EXCHANGE) */
	uint64_t whiteout;   /* RENAME with RENAME_WHITEOUT: the node left under the old name */
	uint64_t fh;         /* the open: a number, unique over the mount, given by OPEN, CREATE, OPENDIR */
	uint64_t offset;     /* READ, WRITE, FALLOCATE, LSEEK, READDIR cookie, COPY_FILE_RANGE source */
	uint64_t offset2;    /* COPY_FILE_RANGE: target offset; LSEEK: the offset answered */
	uint64_t size;       /* bytes asked for; SETATTR: the new size; FORGET: lookups forgotten;
	                        BATCH_FORGET: nodes in the batch */
	uint64_t done;       /* bytes given (READ, WRITE, COPY_FILE_RANGE, READDIR, READLINK, xattrs) */
	uint32_t flags;      /* open(2) flags; SETATTR: FUSE_SET_ATTR_* mask; RENAME: renameat2 flags;
	                        FALLOCATE: mode; LSEEK: whence; WRITE: 1 = from the page cache (writeback) */
	uint32_t mode;       /* CREATE, MKNOD, MKDIR, SETATTR: mode bits; ACCESS: mask */
	uint32_t new_uid;    /* SETATTR */
	uint32_t new_gid;
	uint64_t rdev;       /* MKNOD */
	const char *name;    /* the name asked about; NULL = none. NUL-terminated raw bytes, of which
	                        no more than TRACE_NAME_LIMIT are recorded */
	const char *name2;   /* RENAME: the new name; SYMLINK: the target */
};

typedef void (*recorder_tell_fn)(void *context, uint64_t parent, const char *name, uint64_t node,
				 mode_t type);

struct recorder_options {
	const char *path;          /* file to make; an existing one is replaced, mode 0600 */
	const char *mountpoint;    /* absolute */
	const char *command_line;
	const char *mount_options; /* as the user gave them, "" if none */
	const char *cache_mode;    /* "always", "auto", "never" */
	size_t ring_bytes;         /* per worker; 0 = the default */
	uint64_t max_bytes;        /* of the file: then only totals go on; 0 = no limit */
	uint64_t rotate_bytes;     /* a file of that size is put aside, and a new one begun; 0 = never */
	unsigned rotate_files;     /* how many are kept, the current one among them; 0 = all */
	/*
	 * Tells all names of the tree by calling tell for each: where a file begins in the middle, its
	 * reader needs them. Called by the writer thread. NULL = there is nothing to be told.
	 */
	void (*snapshot)(void *context, recorder_tell_fn tell, void *tell_context);
	void *snapshot_context;
	bool block;                /* a full ring makes the worker wait, instead of dropping the call */
	/*
	 * Called by the writer thread, with one line of text, when the file cannot be put aside, and when it cannot
	 * be written any more: once each for a file. NULL = nobody wants to know.
	 */
	void (*report)(const char *text);
	bool start_later;          /* recorder_start() starts the writer thread */
};

/* What the kernel and memfs agreed upon; known only once INIT was answered. */
struct recorder_session {
	const char *transport;     /* "/dev/fuse" or "io_uring" */
	uint32_t proto_major, proto_minor;
	uint64_t capabilities;     /* FUSE_CAP_* in force */
};

/* Counts since the start; read at any time, from any thread. */
struct recorder_stats {
	uint64_t recorded;   /* calls taken over from the rings */
	uint64_t lost;       /* calls dropped because a ring was full */
	uint64_t skipped;    /* of recorded: not in the file, which has reached its limit */
	uint64_t written;    /* bytes in the file */
	int error;           /* first errno of the trace file, 0 = none */
};

/*
 * Makes the file, writes its header and starts the writer thread. Call it
 * after the last fork(): threads do not survive one.
 * Returns 0 and the recorder in *out, or a negative errno: -EBUSY when another memfs writes to the file,
 * and has not ended within 5 s.
 */
int recorder_create(const struct recorder_options *options, struct recorder **out);

/* Starts the writer thread of one that was created with start_later. Before anything is recorded. 0 or a negative errno. */
int recorder_start(struct recorder *rec);

/* Adds what INIT negotiated to the file. Once, from any thread. */
void recorder_set_session(struct recorder *rec, const struct recorder_session *session);

/*
 * At the beginning of a callback: makes sure that the caller's process is
 * known, while it waits in its call and /proc still tells of it, and returns
 * the time (CLOCK_MONOTONIC, ns). Costs a table look-up; reads /proc only for
 * a process not seen of late. recorder_record() of the same thread must
 * follow. With a NULL recorder it does nothing and returns 0.
 */
uint64_t recorder_enter(struct recorder *rec, uint32_t pid, uint32_t uid, uint32_t gid);

/*
 * Records one call, from any thread; the caller keeps *call and its strings.
 * Never fails, and unless that was asked for never blocks: what does not fit is
 * counted as lost. A NULL recorder is allowed and records nothing (-o notrace).
 */
void recorder_record(struct recorder *rec, const struct trace_call *call);

/* CLOCK_MONOTONIC in ns: the clock of start_ns and end_ns. */
uint64_t recorder_clock(void);

/*
 * Makes all visible in the file that was recorded before this call, or was answered and is being recorded by
 * another thread. Waits for the writer, and up to a second for calls under way.
 */
void recorder_flush(struct recorder *rec);

/*
 * Puts the file aside as PATH.1, that one as PATH.2 and so on, and begins a new one. Waits for
 * it. 0 or a negative errno: a file that cannot be put aside goes on; without a new one, nothing is
 * recorded any more.
 */
int recorder_rotate(struct recorder *rec);

/* Fills *stats; each count at its own moment. */
void recorder_get_stats(struct recorder *rec, struct recorder_stats *stats);

/*
 * Switches recording off and on; when it goes on, the names of that moment are recorded
 * first. What counts for a call is the state in which it began; but the call that switches on, made by
 * the calling thread, is recorded as well: so both that switch are in the trace.
 */
void recorder_set_enabled(struct recorder *rec, bool enabled);
bool recorder_is_enabled(const struct recorder *rec);

/* The path of the file, absolute; lives as long as the recorder. */
const char *recorder_path(const struct recorder *rec);

/*
 * Drains the rings, marks the file complete, closes it and frees the recorder.
 * No recorder_record() may be under way. Returns 0 or the first error of the file
 * as a negative errno.
 */
int recorder_close(struct recorder *rec);

#endif
