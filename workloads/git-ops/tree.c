/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

#define FILES_PER_DIR 10u
#define SIZE_LEAST 200u
#define SIZE_MOST 8000u

/*
 * In the past, and later after an edit: git takes a file for possibly changed, and reads it again,
 * when it is as young as its index. Then counts would depend on the moment.
 */
#define TIME_WRITTEN 946684800 /* 2000-01-01 00:00:00 UTC */
#define TIME_EDITED 946771200  /* a day later */

/* Marsaglia's xorshift: the same words on every machine. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Lines of hexadecimal words: text that compresses about as program text does. */
static size_t fill(char *text, unsigned number, bool edited)
{
	uint64_t state = 0x9e3779b97f4a7c15u * (number + 1) + (edited ? 1 : 0);
	size_t size = SIZE_LEAST + next(&state) % (SIZE_MOST - SIZE_LEAST), at = 0;

	while (at < size) {
		unsigned word = (unsigned)(next(&state) >> 32) & 0xfff;

		at += (size_t)sprintf(text + at, word % 8 ? "word%03x " : "word%03x\n", word);
	}
	text[size - 1] = '\n';
	return size;
}

static int fail(const char *path)
{
	complain("%s: %s", path, strerror(errno));
	return 1;
}

static int write_file(const char *path, unsigned number, bool edited)
{
	time_t when = edited ? TIME_EDITED : TIME_WRITTEN;
	struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	char text[SIZE_MOST + 16];
	size_t size = fill(text, number, edited);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t done;

	if (fd < 0)
		return fail(path);
	done = write(fd, text, size);
	if (done >= 0 && (size_t)done != size)
		errno = ENOSPC;
	if (done != (ssize_t)size || futimens(fd, times) < 0) {
		close(fd);
		return fail(path);
	}
	return close(fd) < 0 ? fail(path) : 0;
}

int tree_task(void *argument)
{
	const struct tree *tree = argument;
	char path[PATH_MAX + 64];
	int status = 0;

	umask(022);
	for (unsigned i = 0; !status && i < tree->files; i += tree->edit ? 10 : 1) {
		snprintf(path, sizeof(path), "%s/dir%05u", tree->root, i / FILES_PER_DIR);
		if (i % FILES_PER_DIR == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
			return fail(path);
		snprintf(path, sizeof(path), "%s/dir%05u/file%u.txt", tree->root,
			 i / FILES_PER_DIR, i);
		status = write_file(path, i, tree->edit);
	}
	return status;
}
