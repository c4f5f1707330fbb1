/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h - tells the service manager, if one has started us, how far we are; see sd_notify(3). */
#ifndef MEMFS_NOTIFY_H
#define MEMFS_NOTIFY_H

/*
 * Tells that the service is ready. Does nothing where nobody has asked to be told (NOTIFY_SOCKET in the
 * environment). Returns 0 or a negative errno.
 */
int notify_ready(void);

#endif
