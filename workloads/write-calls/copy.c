/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy.c - methods in which the kernel moves the bytes from another file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "methods.h"

/* Moves up to that many bytes, the next ones, from file to file; as copy_file_range(2). */
typedef ssize_t mover(struct job *job, int from, int to, size_t size);

static int copy_by(struct job *job, const char *source, mover *move, const char *what)
{
	uint64_t left = job->content.size;
	int from = open(source, O_RDONLY | O_CLOEXEC), to, status = METHOD_OK;

	if (from < 0)
		return method_error(job, source);
	to = method_open(job);
	if (to < 0) {
		close(from);
		return -to;
	}
	while (status == METHOD_OK && left) {
		ssize_t done = move(job, from, to, left > 1u << 30 ? 1u << 30 : (size_t)left);

		if (done == 0)
			errno = EIO; /* the source is shorter than it was made */
		if (done > 0)
			left -= (uint64_t)done;
		else if (done == 0 || errno != EINTR)
			status = method_error(job, what);
	}
	close(from);
	return method_close(job, to, status);
}

static ssize_t move_range(struct job *job, int from, int to, size_t size)
{
	(void)job;
	return copy_file_range(from, NULL, to, NULL, size, 0);
}

int copy_range(struct job *job)
{
	return copy_by(job, job->inside, move_range, "copy_file_range");
}

static ssize_t move_sendfile(struct job *job, int from, int to, size_t size)
{
	(void)job;
	return sendfile(to, from, NULL, size);
}

int copy_sendfile(struct job *job)
{
	return copy_by(job, job->source, move_sendfile, "sendfile");
}

/* One pipe for the whole copy. */
static int pipe_ends[2];

static ssize_t move_splice(struct job *job, int from, int to, size_t size)
{
	ssize_t got = splice(from, NULL, pipe_ends[1], NULL,
			     size < job->method->chunk ? size : job->method->chunk, SPLICE_F_MOVE);

	for (ssize_t left = got, done; left > 0; left -= done) {
		done = splice(pipe_ends[0], NULL, to, NULL, (size_t)left, SPLICE_F_MOVE);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done < 0)
			return -1;
	}
	return got;
}

int copy_splice(struct job *job)
{
	int status;

	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return method_error(job, "pipe");
	status = copy_by(job, job->source, move_splice, "splice");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return status;
}
