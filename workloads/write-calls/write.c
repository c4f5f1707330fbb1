/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - methods that hand over a buffer: write(2) and its kin. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "methods.h"

#define RECORD 4107  /* bytes of a record for stdio: never a multiple of anything */
#define VECTORS 16   /* of one pwritev(2) */
#define URING_DEPTH 8

/* --- write(2) ----------------------------------------------------------- */

/* O_DIRECT takes whole blocks only: the last piece goes without. */
static int leave_direct(struct job *job, int fd, size_t length)
{
	if (!(job->method->flags & O_DIRECT) || length % 4096 == 0)
		return METHOD_OK;
	if (fcntl(fd, F_SETFL, job->method->flags & ~O_DIRECT) < 0)
		return method_error(job, "fcntl");
	return METHOD_OK;
}

static int write_all(struct job *job, int fd, const char *from, size_t length)
{
	while (length) {
		ssize_t done = write(fd, from, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return method_error(job, "write");
		from += done;
		length -= (size_t)done;
	}
	return METHOD_OK;
}

/* Called after each chunk, and with `end` after the last. */
static int sync_now(struct job *job, int fd, bool end)
{
	enum method_sync sync = job->method->sync;

	if (sync == (end ? SYNC_END : SYNC_EACH) && fsync(fd) < 0)
		return method_error(job, "fsync");
	if (sync == SYNC_DATA && end && fdatasync(fd) < 0)
		return method_error(job, "fdatasync");
	return METHOD_OK;
}

/* The content, chunk by chunk, into an open file. */
static int write_content(struct job *job, int fd)
{
	size_t size = method_part(job, 0);
	char *buffer = method_buffer(size);
	int status = buffer ? METHOD_OK : method_error(job, "memory");

	for (uint64_t at = 0; status == METHOD_OK && at < job->content.size;) {
		size_t part = method_part(job, at);

		content_fill(&job->content, buffer, part, at);
		status = leave_direct(job, fd, part);
		if (status == METHOD_OK)
			status = write_all(job, fd, buffer, part);
		if (status == METHOD_OK)
			status = sync_now(job, fd, false);
		at += part;
	}
	free(buffer);
	return status == METHOD_OK ? sync_now(job, fd, true) : status;
}

int write_chunks(struct job *job)
{
	int fd = method_open(job);

	if (fd < 0)
		return -fd;
	return method_close(job, fd, write_content(job, fd));
}

int write_allocated(struct job *job)
{
	int fd = method_open(job), status = METHOD_OK;

	if (fd < 0)
		return -fd;
	if (fallocate(fd, 0, 0, (off_t)job->content.size) < 0)
		status = method_error(job, "fallocate");
	if (status == METHOD_OK)
		status = write_content(job, fd);
	return method_close(job, fd, status);
}

/* --- rename(2) ---------------------------------------------------------- */

static int replace_target(struct job *job)
{
	char temporary[PATH_MAX + 8];
	int fd, status;

	snprintf(temporary, sizeof(temporary), "%s.tmp", job->target);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return method_error(job, "open");
	status = method_close(job, fd, write_content(job, fd));
	if (status == METHOD_OK && rename(temporary, job->target) < 0)
		status = method_error(job, "rename");
	return status;
}

int write_renamed(struct job *job)
{
	return replace_target(job);
}

int write_renamed_synced(struct job *job)
{
	int status = replace_target(job), fd;
	char dir[PATH_MAX];

	if (status != METHOD_OK)
		return status;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(job->target, '/') - job->target),
		 job->target);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return method_error(job, "open of the directory");
	if (fsync(fd) < 0)
		status = method_error(job, "fsync of the directory");
	close(fd);
	return status;
}

/* --- stdio -------------------------------------------------------------- */

int write_stdio(struct job *job)
{
	FILE *file = fopen(job->target, "we");
	char record[RECORD];
	int status = METHOD_OK;

	if (!file)
		return method_error(job, "fopen");
	for (uint64_t at = 0; status == METHOD_OK && at < job->content.size; at += RECORD) {
		uint64_t left = job->content.size - at;
		size_t part = left < RECORD ? (size_t)left : RECORD;

		content_fill(&job->content, record, part, at);
		if (fwrite(record, 1, part, file) != part)
			status = method_error(job, "fwrite");
	}
	method_will_close();
	if (fclose(file) != 0 && status == METHOD_OK)
		status = method_error(job, "fclose");
	return status;
}

/* --- pwritev(2) --------------------------------------------------------- */

/* Gathers one chunk from VECTORS places; what is left of a short write goes by pwrite(2). */
static int write_vector(struct job *job, int fd, char *buffer, size_t length, off_t at)
{
	struct iovec vectors[VECTORS];
	size_t share = (length + VECTORS - 1) / VECTORS, used = 0;
	int count = 0;
	ssize_t done;

	for (; used < length; count++) {
		size_t part = length - used < share ? length - used : share;

		vectors[count] = (struct iovec){ .iov_base = buffer + used, .iov_len = part };
		used += part;
	}
	done = pwritev(fd, vectors, count, at);
	for (; done >= 0 && (size_t)done < length; at += done, buffer += done, length -= (size_t)done)
		done = pwrite(fd, buffer + done, length - (size_t)done, at + done);
	return done < 0 ? method_error(job, "pwritev") : METHOD_OK;
}

int write_vectors(struct job *job)
{
	int fd = method_open(job), status = METHOD_OK;
	char *buffer;

	if (fd < 0)
		return -fd;
	buffer = method_buffer(method_part(job, 0));
	if (!buffer)
		status = method_error(job, "memory");
	for (uint64_t at = 0; status == METHOD_OK && at < job->content.size;) {
		size_t part = method_part(job, at);

		content_fill(&job->content, buffer, part, at);
		status = write_vector(job, fd, buffer, part, (off_t)at);
		at += part;
	}
	free(buffer);
	return method_close(job, fd, status);
}

/* --- io_uring ----------------------------------------------------------- */

struct uring {
	struct job *job;
	struct io_uring ring;
	int fd;
	char *buffers; /* URING_DEPTH chunks */
	struct { uint64_t at; size_t length; } slots[URING_DEPTH];
};

/* Queues the write of the next chunk from this slot's buffer. */
static int uring_queue(struct uring *u, unsigned slot, uint64_t at)
{
	char *buffer = u->buffers + slot * u->job->method->chunk;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	size_t part = method_part(u->job, at);

	if (!sqe) {
		errno = EBUSY; /* cannot be: there is one for each slot */
		return method_error(u->job, "io_uring");
	}
	content_fill(&u->job->content, buffer, part, at);
	u->slots[slot].at = at;
	u->slots[slot].length = part;
	io_uring_prep_write(sqe, u->fd, buffer, (unsigned)part, at);
	io_uring_sqe_set_data64(sqe, slot);
	return METHOD_OK;
}

/* Waits for one to end; returns its slot, or a negative number after noting the reason. */
static int uring_wait(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned slot;
	int result = io_uring_submit_and_wait(&u->ring, 1);

	if (result >= 0)
		result = io_uring_wait_cqe(&u->ring, &cqe);
	if (result < 0) {
		errno = -result;
		return -method_error(u->job, "io_uring");
	}
	slot = (unsigned)io_uring_cqe_get_data64(cqe);
	result = cqe->res;
	io_uring_cqe_seen(&u->ring, cqe);
	if (result == (int)u->slots[slot].length)
		return (int)slot;
	errno = result < 0 ? -result : EIO; /* a file's write is short only when it fails */
	return -method_error(u->job, "write by io_uring");
}

static int uring_write(struct uring *u)
{
	uint64_t at = 0, size = u->job->content.size;
	unsigned busy = 0;
	int slot = 0;

	while (at < size || busy) {
		/* First each slot once, then whichever has become free. */
		if (busy == URING_DEPTH || at >= size) {
			slot = uring_wait(u);
			if (slot < 0)
				return -slot;
			busy--;
		}
		if (at >= size)
			continue;
		if (uring_queue(u, (unsigned)slot, at) != METHOD_OK)
			return METHOD_FAILED;
		at += u->slots[slot].length;
		if (++busy < URING_DEPTH)
			slot++;
	}
	return METHOD_OK;
}

int write_uring(struct job *job)
{
	struct uring u = { .job = job, .fd = method_open(job) };
	int status;

	if (u.fd < 0)
		return -u.fd;
	status = io_uring_queue_init(URING_DEPTH, &u.ring, 0);
	if (status < 0) {
		snprintf(job->why, sizeof(job->why), "io_uring: %s", strerror(-status));
		return method_close(job, u.fd, METHOD_ABSENT);
	}
	u.buffers = method_buffer(URING_DEPTH * job->method->chunk);
	status = u.buffers ? uring_write(&u) : method_error(job, "memory");
	io_uring_queue_exit(&u.ring); /* waits for writes that are still under way */
	free(u.buffers);
	return method_close(job, u.fd, status);
}
