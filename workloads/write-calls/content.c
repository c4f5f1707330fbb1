/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "content.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define BLOCK ((size_t)1 << 20) /* of making, reading and hashing */
#define ALIGNMENT 4096          /* for O_DIRECT */

/*
 * The word at an index: splitmix64, whose state after n steps is known without taking them. The
 * loops below have no step that waits for another, so that compilers can put several at once
 * through the processor.
 */
static inline uint64_t word(uint64_t seed, uint64_t index)
{
	uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The same as eight of the characters '0' to 'o'; the last of each line is its end. */
static inline uint64_t text_word(uint64_t seed, uint64_t index)
{
	const uint64_t newline = (uint64_t)'\n' << 56;
	uint64_t z = (word(seed, index) & UINT64_C(0x3f3f3f3f3f3f3f3f)) +
		     UINT64_C(0x3030303030303030);

	return index % (CONTENT_LINE / 8) == CONTENT_LINE / 8 - 1 ?
	       (z & ~(UINT64_C(0xff) << 56)) | newline : z;
}

static void fill_words(const struct content *c, unsigned char *to, size_t count, uint64_t index)
{
	uint64_t seed = c->seed, value;

	if (c->text) {
		for (size_t i = 0; i < count; i++) {
			value = htole64(text_word(seed, index + i));
			memcpy(to + 8 * i, &value, 8);
		}
		return;
	}
	for (size_t i = 0; i < count; i++) {
		value = htole64(word(seed, index + i));
		memcpy(to + 8 * i, &value, 8);
	}
}

void content_fill(const struct content *c, void *buffer, size_t length, uint64_t offset)
{
	unsigned char *to = buffer, one[8];

	while (length) {
		size_t skip = offset % 8, part;

		if (!skip && length >= 8) {
			part = length & ~(size_t)7;
			fill_words(c, to, part / 8, offset / 8);
		} else {
			/* Begins or ends within a word. */
			part = length < 8 - skip ? length : 8 - skip;
			fill_words(c, one, 1, offset / 8);
			memcpy(to, one + skip, part);
		}
		to += part;
		offset += part;
		length -= part;
	}
}

static void *block_alloc(void)
{
	return aligned_alloc(ALIGNMENT, BLOCK);
}

static XXH3_state_t *hash_start(void)
{
	XXH3_state_t *state = XXH3_createState();

	if (state)
		XXH3_128bits_reset(state);
	else
		errno = ENOMEM;
	return state;
}

static void hash_end(XXH3_state_t *state, char hash[static CONTENT_HASH])
{
	XXH128_hash_t value = XXH3_128bits_digest(state);

	snprintf(hash, CONTENT_HASH, "%016" PRIx64 "%016" PRIx64, (uint64_t)value.high64,
		 (uint64_t)value.low64);
	XXH3_freeState(state);
}

void content_hash(const struct content *c, char hash[static CONTENT_HASH])
{
	XXH3_state_t *state = hash_start();
	unsigned char *block = block_alloc();

	*hash = '\0';
	if (state && block) {
		XXH3_128bits_update(state, c->first, strlen(c->first));
		for (uint64_t at = 0; at < c->size; at += BLOCK) {
			size_t part = c->size - at < BLOCK ? (size_t)(c->size - at) : BLOCK;

			content_fill(c, block, part, at);
			XXH3_128bits_update(state, block, part);
		}
		hash_end(state, hash);
	} else if (state) {
		XXH3_freeState(state);
	}
	free(block);
}

static bool write_all(int fd, const unsigned char *from, size_t length)
{
	while (length) {
		ssize_t done = write(fd, from, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		from += done;
		length -= (size_t)done;
	}
	return true;
}

bool content_write(const struct content *c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	unsigned char *block = block_alloc();
	bool ok = fd >= 0 && block &&
		  write_all(fd, (const unsigned char *)c->first, strlen(c->first));

	for (uint64_t at = 0; ok && at < c->size; at += BLOCK) {
		size_t part = c->size - at < BLOCK ? (size_t)(c->size - at) : BLOCK;

		content_fill(c, block, part, at);
		ok = write_all(fd, block, part);
	}
	free(block);
	return (fd < 0 || close(fd) == 0) && ok;
}

bool content_hash_fd(int fd, char hash[static CONTENT_HASH], uint64_t *size)
{
	XXH3_state_t *state = hash_start();
	unsigned char *block = block_alloc();
	ssize_t got = -1;

	*size = 0;
	while (state && block) {
		got = read(fd, block, BLOCK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		XXH3_128bits_update(state, block, (size_t)got);
		*size += (uint64_t)got;
	}
	free(block);
	if (state)
		hash_end(state, hash);
	return got == 0;
}

bool content_hash_file(const char *path, char hash[static CONTENT_HASH], uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC), saved;
	bool ok;

	if (fd < 0 && errno == EINVAL)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = content_hash_fd(fd, hash, size);
	saved = errno;
	close(fd);
	errno = saved;
	return ok;
}
