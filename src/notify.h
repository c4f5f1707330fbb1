/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h - tells the service manager, if one has started us, how far we are; see sd_notify(3). */
#ifndef MEMFS_NOTIFY_H
#define MEMFS_NOTIFY_H

/*
 * Opens the way to the service manager, while sockets may still be made; does nothing where nobody has asked to be
 * told (NOTIFY_SOCKET in the environment). What fails, notify_ready() says.
 */
void notify_open(void);

/* Tells that the service is ready, once. Returns 0 or a negative errno. */
int notify_ready(void);

#endif
