/* SPDX-License-Identifier: GPL-2.0-or-later */
/* play_node.c - operations on one node: attributes and bytes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "player.h"

/* --- attributes ---------------------------------------------------------- */

/*
 * What the kernel does by itself with the times of backing files: it tells no ctime and takes none, moves mtime with every
 * truncation, and at the ends of time has no nanoseconds.
 */
static void as_the_kernel_does(unsigned *mask, struct stat *want)
{
	struct timespec *times[] = { &want->st_atim, &want->st_mtim };

	*mask &= ~(unsigned)STORE_SET_CTIME;
	if (*mask & STORE_SET_SIZE && !(*mask & STORE_SET_MTIME))
		*mask |= STORE_SET_MTIME_NOW;
	for (int i = 0; i < 2; i++)
		if (times[i]->tv_sec == INT64_MIN || times[i]->tv_sec == INT64_MAX)
			times[i]->tv_nsec = 0;
}

static struct timespec take_time(struct player *p)
{
	uint64_t kind = take(p, 1), n = take(p, 4);
	int64_t second = kind < 200 ? (int64_t)n : kind < 250 ? -(int64_t)n :
			 kind == 250 ? INT64_MIN : kind == 251 ? INT64_MAX : (int64_t)(n << 28);

	return (struct timespec){ .tv_sec = second, .tv_nsec = (long)(n % 1000000000) };
}

void play_setattr(struct player *p)
{
	unsigned kind = (unsigned)take(p, 1), mask = (unsigned)take(p, 2) & 0x3ff;
	int node = kind & 1 ? take_file(p) : take_node(p), expected;
	struct stat want = {
		.st_mode = (mode_t)take(p, 2), .st_uid = (uid_t)take(p, 1) & 3,
		.st_gid = (gid_t)take(p, 1) & 3,
	}, got;

	/* One thing at a time is the usual request. */
	if (kind < 200)
		mask &= 1u << (kind >> 1) % 10;
	if (mask & STORE_SET_SIZE)
		want.st_size = (off_t)take_offset(p);
	if (mask & (STORE_SET_ATIME | STORE_SET_MTIME | STORE_SET_CTIME)) {
		want.st_atim = take_time(p);
		want.st_mtim = take_time(p);
		want.st_ctim = take_time(p);
	}
	if (p->backed)
		as_the_kernel_does(&mask, &want);
	expected = model_setattr(&p->model, node, mask, &want);
	same(p, "result", store_setattr(p->store, id_of(p, node), mask, &want, &got), expected);
	if (!expected)
		check_stat(p, node, &got);
	check_node(p, node);
}

void play_getattr(struct player *p)
{
	check_node(p, take_node(p));
}

void play_flags(struct player *p)
{
	static const uint32_t all[] = { 0, 0, 0, STORE_IMMUTABLE, STORE_APPEND, STORE_NODUMP,
					STORE_FLAGS, 0x100 };
	int node = take_node(p), expected;
	uint32_t flags = all[take(p, 1) % 8], got = 0;

	expected = model_set_flags(&p->model, node, flags);
	same(p, "result", store_set_flags(p->store, id_of(p, node), flags), expected);
	same(p, "get_flags", store_get_flags(p->store, id_of(p, node), &got),
	     p->model.nodes[node].alive ? 0 : -ESTALE);
	if (p->model.nodes[node].alive)
		same(p, "flags", got, p->model.nodes[node].flags);
	check_node(p, node);
}

static const char *take_xattr_name(struct player *p)
{
	static const char *const names[] = {
		"user.a", "user.b", "user.a", "user.b", "user.long-name-of-an-attribute", "trusted.t",
		"security.s", "security.capability", "user.", "nonsense", "system.posix_acl_access", "system.posix_acl_default", "",
	};

	return names[take(p, 1) % (sizeof(names) / sizeof(names[0]))];
}

static size_t make_plain_acl(struct player *p, uint8_t acl[28])
{
	uint64_t bits = take(p, 2);

	memset(acl, 0, 28);
	acl[0] = 2;
	for (int i = 0; i < 3; i++) {
		acl[4 + 8 * i] = (uint8_t[]){ 0x01, 0x04, 0x20 }[i];
		acl[6 + 8 * i] = bits >> (3 * i) & 7;
		memset(acl + 8 + 8 * i, 0xff, 4);
	}
	return 28;
}

void play_setxattr(struct player *p)
{
	static const int flags[] = { 0, 0, XATTR_CREATE, XATTR_REPLACE };
	struct store_cred cred = take_cred(p);
	int node = take_node(p), expected, how = flags[take(p, 1) % 4];
	const char *name = take_xattr_name(p);
	uint64_t kind = take(p, 1);
	size_t size = kind < 200 ? kind % 40 : take(p, 2);
	const uint8_t *value = take_bytes(p);
	uint8_t acl[28];

	if (strncmp(name, "system.", 7) == 0) {
		value = acl;
		size = make_plain_acl(p, acl);
		/* A whole default list would be inherited, of which the model knows nothing. */
		if (kind & 1 || (name[17] == 'd' && is_dir(p, node)))
			acl[kind % 4] ^= 0x40;
	}
	expected = model_setxattr(&p->model, cred, node, name, value, size, how);
	same(p, "result", store_setxattr(p->store, cred, id_of(p, node), name, value, size, how),
	     expected);
	check_xattr(p, node, name, 65536);
	check_node(p, node);
}

void play_getxattr(struct player *p)
{
	int node = take_node(p);
	const char *name = take_xattr_name(p);
	uint64_t size = take(p, 1);

	check_xattr(p, node, name, size < 200 ? size : 65536);
}

void play_removexattr(struct player *p)
{
	int node = take_node(p), expected;
	const char *name = take_xattr_name(p);

	expected = model_removexattr(&p->model, node, name);
	same(p, "result", store_removexattr(p->store, id_of(p, node), name), expected);
	check_node(p, node);
}

void play_drop_capabilities(struct player *p)
{
	int node = take_node(p);

	model_drop_capabilities(&p->model, node);
	store_drop_capabilities(p->store, id_of(p, node));
	check_node(p, node);
	check_xattr_names(p, node, true);
}

void play_listxattr(struct player *p)
{
	int node = take_node(p);

	check_xattr_names(p, node, take(p, 1) & 1);
}

/* --- bytes --------------------------------------------------------------- */

/*
 * May the budget have ended in an operation that makes this range of a file
 * data? Files take their bytes in chunks of 64 KiB at most.
 */
static void check_shortage(struct player *p, uint64_t offset, uint64_t size)
{
	uint64_t chunks = (offset + size - 1) / 65536 - offset / 65536 + 1;
	struct store_usage usage;

	store_usage(p->store, &usage);
	if (!p->limit || (chunks < p->limit && usage.bytes + chunks * 65536 <= p->limit))
		differ(p, "no space, with %" PRIu64 " of %" PRIu64 " bytes used", usage.bytes, p->limit);
}

/* Without space; but the kernel moves the times of a file that it is about to write. */
static void check_not_written(struct player *p, int node, uint64_t offset, uint64_t size)
{
	check_shortage(p, offset, size);
	if (p->backed) {
		model_stamp(&p->model, &p->model.nodes[node].mtime);
		model_stamp(&p->model, &p->model.nodes[node].ctime);
	}
	check_node(p, node);
}

void play_write(struct player *p)
{
	int node = take_file(p);
	uint64_t offset = take_offset(p), how = take(p, 1);
	size_t size = take_size(p);
	const uint8_t *bytes = take_bytes(p);
	bool touch = how & 3, kill = how & 4;
	ssize_t got, expected;

	if (p->backed) /* there it does so in any case, and not for nothing */
		touch = size > 0;
	if (how > 200)
		offset = p->model.nodes[node].size; /* as programs append */
	got = store_write(p->store, id_of(p, node), offset, bytes, size, touch, kill);
	if (got == -ENOSPC && size) {
		check_not_written(p, node, offset, size);
		return;
	}
	if (got >= 0 && (size_t)got < size)
		check_shortage(p, offset, size);
	expected = model_write(&p->model, node, offset, bytes, size, got < 0 ? size : (size_t)got, touch,
			       kill);
	same(p, "result", got, expected);
	check_node(p, node);
}

void play_read(struct player *p)
{
	int node = take_file(p);
	uint64_t offset = take_offset(p);
	size_t size = take_size(p);

	check_read(p, node, offset, size % 7 == 0 ? STORE_READ_MAX + size : size);
}

void play_open(struct player *p)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_APPEND,
				     O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC, O_RDWR | O_TRUNC,
				     O_RDWR | O_APPEND | O_TRUNC };
	int node = take_file(p), expected;
	unsigned kind = (unsigned)take(p, 1);

	expected = model_open(&p->model, node, flags[kind % 8], kind & 8);
	same(p, "result", store_open(p->store, id_of(p, node), flags[kind % 8], kind & 8), expected);
	check_node(p, node);
}

void play_fallocate(struct player *p)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE,
				     FALLOC_FL_COLLAPSE_RANGE };
	int node = take_file(p), mode = modes[take(p, 1) % 8], got;
	uint64_t offset = take_offset(p), size = take_size(p), kind = take(p, 1);

	/* Without a limit this would be all of the machine's memory. */
	if (kind > 220 && (p->limit || mode & FALLOC_FL_PUNCH_HOLE))
		size <<= 30;
	got = store_fallocate(p->store, id_of(p, node), mode, offset, size);
	if (got == -ENOSPC)
		check_shortage(p, offset, size);
	p->allocated |= !(mode & FALLOC_FL_PUNCH_HOLE);
	same(p, "result", got, model_fallocate(&p->model, node, mode, offset, size, got == -ENOSPC));
	check_node(p, node);
}

void play_seek(struct player *p)
{
	static const int whences[] = { SEEK_DATA, SEEK_HOLE, SEEK_DATA, SEEK_HOLE, SEEK_DATA, SEEK_HOLE,
				       SEEK_DATA, SEEK_END };
	int node = take_file(p), whence = whences[take(p, 1) % 8];
	uint64_t offset = take_offset(p);

	int64_t got = store_seek(p->store, id_of(p, node), offset, whence);
	int64_t expected = model_seek(&p->model, node, offset, whence);

	if (p->backed && p->allocated && got != expected && whence == SEEK_HOLE && got < expected)
		return;
	if (p->backed && p->allocated && whence == SEEK_DATA && expected >= 0 &&
	    (got > expected || got == -ENXIO))
		return;
	same(p, "result", got, expected);
}

void play_copy(struct player *p)
{
	int from = take_file(p), to = take_file(p);
	uint64_t from_offset = take_offset(p), to_offset = take_offset(p);
	size_t size = take_size(p);
	uint64_t end = p->model.nodes[from].size; /* before: the target may be the same file */
	ssize_t got = store_copy(p->store, id_of(p, from), from_offset, id_of(p, to), to_offset, size);
	ssize_t expected;

	if (p->backed)
		believe_atime(p, from);
	if (got == -ENOSPC) {
		check_not_written(p, to, to_offset, size);
		return;
	}
	expected = model_copy(&p->model, from, from_offset, to, to_offset, size,
			      got > 0 ? (size_t)got : size);
	/* Fewer than asked for: at the end of the source, or of the budget. */
	same(p, "result", got, expected);
	if (got > 0 && (size_t)got < size && from_offset + (uint64_t)got < end)
		check_shortage(p, to_offset, size);
	check_node(p, to);
	check_node(p, from);
}

void play_trim(struct player *p)
{
	int node = take_file(p);

	store_trim(p->store, id_of(p, node));
	check_node(p, node);
}
