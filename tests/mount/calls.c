/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls DIR - makes calls of known numbers in a directory: see cases_faults.py, which counts them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 404, RENAMED = 100, REMOVED = 57, DIRS = 13 };

static void must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static const char *dir;

/* Two at a time can be in use. */
static const char *name_of(const char *kind, int number)
{
	static char name[2][PATH_MAX];
	static int which;

	which = !which;
	snprintf(name[which], sizeof(name[which]), "%s/%s%d", dir, kind, number);
	return name[which];
}

int main(int argc, char **argv)
{
	static char bytes[70000];
	int fd;

	if (argc != 2)
		return 2;
	dir = argv[1];
	for (int i = 0; i < DIRS; i++)
		must(mkdir(name_of("d", i), 0755), "mkdir");
	for (int i = 0; i < FILES; i++) {
		fd = open(name_of("f", i), O_WRONLY | O_CREAT | O_EXCL, 0644);
		must(fd, "create");
		/* 0 to 4 writes, of up to 60 KB. */
		for (int j = 0; j < i % 5; j++)
			must((int)write(fd, bytes, (size_t)(1 + i * 37 * (j + 1) % 70000)), "write");
		must(close(fd), "close");
	}
	for (int i = 0; i < FILES; i++) {
		fd = open(name_of("f", i), O_RDONLY);
		must(fd, "open");
		must(close(fd), "close");
	}
	for (int i = 0; i < RENAMED; i++)
		must(rename(name_of("f", i), name_of("g", i)), "rename");
	for (int i = 200; i < 200 + REMOVED; i++)
		must(unlink(name_of("f", i)), "unlink");
	return 0;
}
