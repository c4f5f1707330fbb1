/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - which process is behind a pid.
 *
 * A compiler lives for a tenth of a second: when the writer thread comes to
 * look, it is gone. So the worker itself reads its name, at the beginning of
 * a callback, while the process waits in its call. It does so when it sees a
 * pid for the first time, and again after a while: exec gives a process
 * another name, and pids are used again. A child that was just forked bears
 * its parent's name until it calls exec, which mostly comes within a
 * millisecond; so the while is PROCESS_YOUNG at first, a quarter of the time
 * that the name has held later, and PROCESS_FRESH at most. Never for each
 * event: a process that makes 1,000 calls in 10 ms is read some 15 times.
 *
 * What a worker may read is a matter of life and death. The caller may be in
 * execve(2), holding locks (exec_update_lock, mmap_lock) while it waits for
 * this very worker; /proc/PID/stat and status want them, or the last
 * reference to its memory, and both would wait for ever. /proc/PID/comm and
 * pidfd_open(2) want neither. The rest is read by the writer thread, for
 * which nobody waits: process_complete().
 *
 * Each worker keeps a table of its own, so there is no lock.
 */
#ifndef MEMFS_TRACE_PROCESS_H
#define MEMFS_TRACE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROCESS_SLOTS 512
#define PROCESS_YOUNG 200000u   /* ns */
#define PROCESS_FRESH 10000000u /* ns */
#define PROCESS_COMM 32

struct process {
	uint32_t id;          /* in the trace: unique over all workers; 0 = the kernel */
	uint32_t pid, ppid, uid, gid;
	uint64_t start;       /* clock ticks after boot; 0 = not known (yet) */
	uint64_t identity;    /* inode of the pidfd: unique since boot (Linux 6.9); 0 = not known */
	uint64_t named_ns;    /* when this name was read first */
	uint64_t checked_ns;  /* and last */
	char comm[PROCESS_COMM];
};

struct process_table {
	struct process slots[PROCESS_SLOTS];
};

/*
 * The process of a pid. *fresh tells that it got a new id: define it in the
 * trace. now_ns is CLOCK_MONOTONIC.
 */
struct process *process_find(struct process_table *t, uint32_t pid, uint32_t uid, uint32_t gid,
			     uint64_t now_ns, bool *fresh);

/* Fills in ppid and start, if the process still lives. May block: for the writer only. */
void process_complete(struct process *p);

#endif
