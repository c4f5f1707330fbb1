/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1; /* connected to it; -1 = there is none */
static int failed;       /* a negative errno */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	int fd, err;

	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	if (*path == '@') /* so it writes the names of sockets that are not in the filesystem */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || !*path)
		return;
	manager = connect_to(path);
	if (manager < 0) {
		failed = manager;
		manager = -1;
	}
}

int notify_ready(void)
{
	static const char text[] = "READY=1";

	if (manager < 0)
		return failed;
	/* write(2), which serving may always do; a datagram is not written in part. */
	if (write(manager, text, sizeof(text) - 1) < 0)
		failed = -errno;
	close(manager);
	manager = -1;
	return failed;
}
