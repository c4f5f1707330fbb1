/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - the daemon gives up what it needs no more once it has mounted.
 *
 *   capabilities    none is left; CAP_DAC_OVERRIDE where root writes a trace into somebody else's directory;
 *                   CAP_SYS_ADMIN where the kernel is handed files (passthrough)
 *   no_new_privs    nothing that it might run could have more
 *   dumpable        off: no core file and no debugger of the same user has what is in the files
 *   files           by Landlock, where the kernel has it: the device, /proc and /sys, the directory of the trace, the backing files
 *   system calls    those of serving; all else fails with ENOSYS
 *
 * ENOSYS, and not the end of the daemon: all files would be gone with it, and a new version of the C library may well
 * try a call that is not known here. It takes ENOSYS for an older kernel and does without (for EPERM it does
 * not). Each refusal is in the kernel's log, with the number of the call.
 */
#ifndef MEMFS_SANDBOX_H
#define MEMFS_SANDBOX_H

#include <stdbool.h>

struct sandbox_needs {
	const char *trace; /* path of the trace, which may be renamed and made anew; NULL = none */
	bool io_uring;     /* what goes through a ring, no filter of system calls sees */
	bool passthrough;  /* files are handed to the kernel... */
	int backing_root;  /* ... from this directory, see store_backing_root() */
};

/*
 * For the whole process, for good; call it before there are other threads. What cannot be done is said in one line on
 * stderr each, and gone without (that there is no Landlock is not said).
 * Returns 0, or -1 when a capability could not be given up, which has been said as well.
 */
int sandbox_enter(const struct sandbox_needs *needs);

/* For the process that unmounts: it keeps what umount2(2) needs, as far as it has it. 0 or -1. */
int sandbox_keep_unmounting(void);

/* Are system calls and files restricted at all? Sanitizers need their own: builds with them do not. */
bool sandbox_has_filter(void);

#endif
