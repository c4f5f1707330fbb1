/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static int to_marker = -1;

/* Says that it is ready, then sets a mark whenever it is asked to, until nobody is there to ask. */
__attribute__((noreturn))
static void serve(const char *root, int asked)
{
	int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char byte = 0;

	while (dir >= 0 && send(asked, &byte, 1, MSG_NOSIGNAL) == 1 &&
	       recv(asked, &byte, 1, 0) == 1 && fsync(dir) == 0)
		;
	_exit(0);
}

/* False when the marker has gone: then the trace lacks the mark, and who reads it sees that. */
static bool wait_for_marker(void)
{
	ssize_t got;
	char byte;

	do {
		got = recv(to_marker, &byte, 1, 0);
	} while (got < 0 && errno == EINTR);
	return got == 1;
}

pid_t marker_start(const char *root)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		serve(root, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	to_marker = ends[0];
	if (wait_for_marker())
		return pid;
	errno = EIO;
	return -1;
}

void marker_set(void)
{
	char byte = 0;

	if (to_marker >= 0 && send(to_marker, &byte, 1, MSG_NOSIGNAL) == 1)
		wait_for_marker();
}
