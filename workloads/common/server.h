/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memfs daemon as a child of ours: started, watched, stopped. For filesystem.h, which mounts. */
#ifndef WORKLOADS_SERVER_H
#define WORKLOADS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct server {
	pid_t pid; /* 0 = none */
	int pidfd;
};

/*
 * Starts `argv`, its output to the end of `log`. `outlives` says that it is to go on when we
 * end; else it is told to unmount and end even if we are killed outright. False after a complaint.
 */
bool server_start(struct server *server, const char *const *argv, const char *log, bool outlives);

/* Waits that many seconds at most; true when it has ended (it may be asked again). */
bool server_has_ended(const struct server *server, double seconds);

/*
 * Waits for its end, insists on it after `patience` seconds, and forgets it. True when it
 * ended by itself with status 0; else a complaint says how.
 */
bool server_finish(struct server *server, double patience);

/* Leaves it running and forgets it. */
void server_leave(struct server *server);

/* CPU seconds that it has used; negative = cannot be told. */
double server_cpu(const struct server *server);

/* The most memory that it has had, in KiB; negative = cannot be told. */
long server_peak_kib(const struct server *server);

#endif
