/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written: bytes that follow from a seed and their place in the file, so that any part of
 * them can be made at any time, by whoever writes and by whoever checks. Faster than any
 * filesystem takes them.
 *
 * As text they are lines of 63 printable characters and a newline, for programs that want lines.
 */
#ifndef WRITE_CALLS_CONTENT_H
#define WRITE_CALLS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_LINE 64  /* bytes */
#define CONTENT_HASH 33  /* XXH3-128: 32 hexadecimal digits and the end */

struct content {
	uint64_t seed;
	uint64_t size; /* of text: a multiple of CONTENT_LINE */
	bool text;
	char first[16]; /* stands before all that; not counted in size */
};

/* The bytes from `offset`; `first` is not among them. */
void content_fill(const struct content *content, void *buffer, size_t length, uint64_t offset);

/* The hash of all, with `first`. */
void content_hash(const struct content *content, char hash[static CONTENT_HASH]);

/* Creates or replaces a file that holds all, with `first`; false with errno. */
bool content_write(const struct content *content, const char *path);

/*
 * Hashes a file and counts its bytes; false with errno. Past the page cache where the filesystem
 * lets us: what is hashed then is what the filesystem holds.
 */
bool content_hash_file(const char *path, char hash[static CONTENT_HASH], uint64_t *size);

/* The same of what a descriptor gives until its end. */
bool content_hash_fd(int fd, char hash[static CONTENT_HASH], uint64_t *size);

#endif
