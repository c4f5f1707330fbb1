/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map.c - methods that store into a shared mapping. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "methods.h"

#define PIECE ((size_t)1 << 20)

/* Makes the file as long as it will be, and maps all of it. */
static void *map_target(struct job *job, int fd)
{
	void *map;

	if (ftruncate(fd, (off_t)job->content.size) < 0) {
		method_error(job, "ftruncate");
		return NULL;
	}
	map = mmap(NULL, job->content.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		method_error(job, "mmap");
		return NULL;
	}
	return map;
}

static void fill(const struct job *job, char *map)
{
	for (uint64_t at = 0; at < job->content.size; at += PIECE) {
		uint64_t left = job->content.size - at;

		content_fill(&job->content, map + at, left < PIECE ? (size_t)left : PIECE, at);
	}
}

static int unmap(struct job *job, void *map)
{
	return munmap(map, job->content.size) < 0 ? method_error(job, "munmap") : METHOD_OK;
}

static int map_and_write(struct job *job, bool synced)
{
	int fd = method_open(job), status;
	char *map;

	if (fd < 0)
		return -fd;
	map = map_target(job, fd);
	if (!map)
		return method_close(job, fd, METHOD_FAILED);
	fill(job, map);
	status = synced && msync(map, job->content.size, MS_SYNC) < 0 ?
		 method_error(job, "msync") : METHOD_OK;
	if (unmap(job, map) != METHOD_OK)
		status = METHOD_FAILED;
	return method_close(job, fd, status);
}

int map_closed_last(struct job *job)
{
	return map_and_write(job, false);
}

int map_synced(struct job *job)
{
	return map_and_write(job, true);
}

int map_closed_first(struct job *job)
{
	int fd = method_open(job), status;
	char *map;

	if (fd < 0)
		return -fd;
	map = map_target(job, fd);
	status = method_close(job, fd, map ? METHOD_OK : METHOD_FAILED);
	if (!map)
		return status;
	if (status == METHOD_OK)
		fill(job, map);
	return unmap(job, map) == METHOD_OK ? status : METHOD_FAILED;
}
