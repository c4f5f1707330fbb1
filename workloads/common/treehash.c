/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/treehash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/text.h"
#include "common/walk.h"

#define BUFFER_SIZE (256 * 1024)

struct hasher {
	XXH3_state_t *state;
	char *buffer;
	const char *root;
};

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	default:
		return 'b';
	}
}

static bool hash_bytes(struct hasher *h, const struct walk_entry *entry)
{
	int fd = openat(entry->dirfd, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t total = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while ((got = read(fd, h->buffer, BUFFER_SIZE)) > 0) {
		XXH3_128bits_update(h->state, h->buffer, (size_t)got);
		total += (uint64_t)got;
	}
	/* The size was hashed already; a file of other length than its size is a broken one. */
	if (got == 0 && total != (uint64_t)entry->st->st_size) {
		errno = EIO;
		got = -1;
	}
	close(fd);
	return got == 0;
}

static bool hash_target(struct hasher *h, const struct walk_entry *entry)
{
	ssize_t length = readlinkat(entry->dirfd, entry->name, h->buffer, BUFFER_SIZE);

	if (length < 0)
		return false;
	XXH3_128bits_update(h->state, h->buffer, (size_t)length);
	return true;
}

static enum walk_next hash_visitor(void *context, const struct walk_entry *entry)
{
	struct hasher *h = context;
	const struct stat *st = entry->st;
	bool sized = S_ISREG(st->st_mode) || S_ISLNK(st->st_mode);
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
	char head[80];
	bool ok = true;
	int length;

	if (walk_is_git(entry))
		return WALK_PAST;
	/* The root's own permissions belong to whoever made the directory. */
	if (!*entry->path)
		return WALK_ON;
	length = snprintf(head, sizeof(head), "%c %04o %" PRIu64, type_letter(st->st_mode),
			  (unsigned)st->st_mode & 07777,
			  sized ? (uint64_t)st->st_size : device ? (uint64_t)st->st_rdev : 0);
	XXH3_128bits_update(h->state, entry->path, strlen(entry->path) + 1);
	XXH3_128bits_update(h->state, head, (size_t)length + 1);
	if (S_ISREG(st->st_mode))
		ok = hash_bytes(h, entry);
	else if (S_ISLNK(st->st_mode))
		ok = hash_target(h, entry);
	if (!ok)
		complain("%s/%s: %s", h->root, entry->path, strerror(errno));
	return ok ? WALK_ON : WALK_STOP;
}

bool treehash(struct treehash *hash)
{
	struct hasher h = { .root = hash->root };
	XXH128_hash_t sum;
	bool ok;

	h.state = XXH3_createState();
	h.buffer = malloc(BUFFER_SIZE);
	if (!h.state || !h.buffer)
		out_of_memory();
	XXH3_128bits_reset(h.state);
	ok = walk(hash->root, true, hash_visitor, &h);
	sum = XXH3_128bits_digest(h.state);
	snprintf(hash->text, sizeof(hash->text), "%016" PRIx64 "%016" PRIx64,
		 (uint64_t)sum.high64, (uint64_t)sum.low64);
	free(h.buffer);
	XXH3_freeState(h.state);
	return ok;
}

int treehash_task(void *hash)
{
	return treehash(hash) ? 0 : 1;
}
