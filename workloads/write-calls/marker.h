/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks the moment in which a method closes its file: by an FSYNCDIR of the root that comes from a
 * process which does nothing else, so that it is known by its caller. It goes through a directory that
 * is open already. A setxattr(2), such as the marks of the driver, would have the kernel ask for the
 * attributes of the root first, and keep them: then it would not have to for the method.
 */
#ifndef WRITE_CALLS_MARKER_H
#define WRITE_CALLS_MARKER_H

#include <sys/types.h>

/* Starts that process for the memfs at `root`; returns its number, or -1 with errno. */
pid_t marker_start(const char *root);

/* Sets the mark and waits until it is there. Without marker_start() it does nothing. */
void marker_set(void);

#endif
