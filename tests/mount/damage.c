/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damage-trace FILE SEED TIMES - reads a trace that is cut off at random places,
 * and one with a byte changed at random places, TIMES each: the reader must give no
 * more than there was, and never call what is damaged whole.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <memfs/trace_format.h>
#include <memfs/trace_reader.h>

struct trace {
	uint8_t *bytes;
	size_t size;
	uint64_t events; /* when it is whole */
};

static char path[32];
static int fd;

__attribute__((noreturn))
static void fail(const char *what, size_t at)
{
	printf("damage-trace: %s, with damage at %zu\n", what, at);
	exit(1);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 20;
}

static void put(const uint8_t *bytes, size_t size, size_t offset)
{
	if (pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size)
		fail("cannot write", offset);
}

/* All events; false if it is not even opened. */
static bool read_all(uint64_t *events, struct trace_info *info)
{
	struct trace_reader *r;
	struct trace_event e;
	const char *why;
	char buf[256];
	int more;

	*events = 0;
	if (trace_open(path, &r, &why) < 0)
		return false;
	for (; (more = trace_next(r, &e)) == 1; ++*events)
		trace_path(r, e.node, e.name, buf, sizeof(buf));
	trace_get_info(r, info);
	trace_close(r);
	return more == 0;
}

static void check(const struct trace *t, size_t at, uint64_t *least)
{
	struct trace_info info;
	uint64_t events;

	if (!read_all(&events, &info)) {
		if (at >= sizeof(struct trace_file_header))
			fail("not opened", at);
		return;
	}
	if (events > t->events)
		fail("more events than there were", at);
	if (info.complete && info.gaps == 0)
		fail("called whole", at);
	if (events < *least)
		*least = events;
}

static void cut(const struct trace *t, uint64_t *state, unsigned times)
{
	uint64_t least = t->events;

	for (unsigned i = 0; i < times; i++) {
		size_t size = next_random(state) % t->size;

		put(t->bytes, t->size, 0);
		if (ftruncate(fd, (off_t)size) < 0)
			fail("cannot cut", size);
		check(t, size, &least);
	}
	printf("%u cuts: from %" PRIu64 " of %" PRIu64 " events on\n", times, least, t->events);
}

static void change(const struct trace *t, uint64_t *state, unsigned times)
{
	uint64_t least = t->events;

	put(t->bytes, t->size, 0);
	for (unsigned i = 0; i < times; i++) {
		size_t at = next_random(state) % t->size;
		uint8_t byte = t->bytes[at] ^ (uint8_t)(1 + next_random(state) % 255);

		/* A minor version is any number; and no checksum is on the header of the file. */
		if (at >= offsetof(struct trace_file_header, minor) &&
		    at < offsetof(struct trace_file_header, header_size))
			continue;
		put(&byte, 1, at);
		check(t, at, &least);
		put(&t->bytes[at], 1, at);
	}
	printf("%u changes: from %" PRIu64 " of %" PRIu64 " events on\n", times, least, t->events);
}

int main(int argc, char **argv)
{
	struct trace_info info;
	struct trace t = { 0 };
	struct stat st;
	uint64_t state;
	int file;

	file = argc == 4 ? open(argv[1], O_RDONLY) : -1;
	if (file < 0 || fstat(file, &st) < 0 || !(t.bytes = malloc((size_t)st.st_size + 1)) ||
	    read(file, t.bytes, (size_t)st.st_size) != st.st_size) {
		fprintf(stderr, "usage: damage-trace FILE SEED TIMES\n");
		return 2;
	}
	close(file);
	t.size = (size_t)st.st_size;
	state = strtoull(argv[2], NULL, 10);
	fd = memfd_create("damage", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	put(t.bytes, t.size, 0);
	if (!read_all(&t.events, &info) || !info.complete || info.gaps)
		fail("not whole to begin with", 0);
	cut(&t, &state, (unsigned)atoi(argv[3]));
	change(&t, &state, (unsigned)atoi(argv[3]));
	free(t.bytes);
	return 0;
}
