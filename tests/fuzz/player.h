/* SPDX-License-Identifier: GPL-2.0-or-later */
/* player.h - what the files of the player share: play.c, play_names.c, play_node.c, player.c. */
#ifndef MEMFS_TESTS_PLAYER_H
#define MEMFS_TESTS_PLAYER_H

#include "model.h"

#define HAND 32             /* nodes that operations are about; the first is the root */
#define WRITE_MAX 200000u
#define SEEN_MAX 4096

struct listing {
	int dir;            /* 0 = none under way */
	uint64_t cookie, started;
	uint64_t seen[SEEN_MAX];
	size_t seen_count;
	bool overflow;
};

struct player {
	const uint8_t *at, *end;
	struct store *store;
	bool backed;        /* over backing files, of which the kernel keeps size and times */
	bool allocated;     /* some file was: there such pages are holes until they are written */
	struct model model;
	int hand[HAND];
	unsigned next;      /* place in hand[] of the next new node */
	uint64_t limit;     /* size=, 0 = none */
	uint64_t steps;
	const char *what;   /* operation under way */
	struct listing listing;
};

/* The operations, each with its share of 256: play_NAME() does it on both, and compares. */
#define ACTIONS(X) \
	X(lookup, 20) \
	X(create, 14) \
	X(mknod, 3) \
	X(mkdir, 10) \
	X(make_many, 2) \
	X(remove_many, 2) \
	X(symlink, 4) \
	X(readlink, 3) \
	X(tmpfile, 3) \
	X(link, 8) \
	X(unlink, 12) \
	X(rmdir, 6) \
	X(rename, 24) \
	X(forget, 8) \
	X(list, 4) \
	X(list_some, 10) \
	X(setattr, 16) \
	X(getattr, 4) \
	X(flags, 3) \
	X(setxattr, 10) \
	X(getxattr, 4) \
	X(removexattr, 4) \
	X(drop_capabilities, 2) \
	X(listxattr, 4) \
	X(write, 26) \
	X(read, 14) \
	X(open, 5) \
	X(fallocate, 8) \
	X(seek, 8) \
	X(copy, 6) \
	X(trim, 4) \
	X(limits, 1) \
	X(usage, 2)

#define X(name, weight) void play_##name(struct player *p);
ACTIONS(X)
#undef X

/* Says what differs, and aborts. */
__attribute__((format(printf, 2, 3), noreturn))
void differ(const struct player *p, const char *format, ...);
void same(const struct player *p, const char *what, int64_t store, int64_t model);

/*
 * From the input, whose end gives zeros: numbers; and choices, of which the
 * usual ones come often. The two names of `which` are good at one time.
 */
uint64_t take(struct player *p, unsigned bytes);
struct store_cred take_cred(struct player *p);
const char *take_name(struct player *p, unsigned which);
uint64_t take_offset(struct player *p);
uint32_t take_size(struct player *p);
const uint8_t *take_bytes(struct player *p);

/* A node of the hand: any, mostly one of a type, a directory, a regular file. */
int take_node(struct player *p);
int take_kind(struct player *p, mode_t type);
int take_dir(struct player *p);
int take_file(struct player *p);

bool is_dir(struct player *p, int node);
node_id id_of(struct player *p, int node);

/* Takes a node into the hand; the one that leaves it is forgotten. */
void hold(struct player *p, int node);

/* A node was made: its id must be new. Takes it into the hand. */
void made(struct player *p, int node, const struct store_entry *entry);

/* Comparisons of both sides; times that have moved are known from then on. */
void check_stat(struct player *p, int node, const struct stat *st);
void check_node(struct player *p, int node);

/*
 * After a read, of what is backed: the kernel has its own rule when to move the time of access, which knows nothing of changes
 * to the node alone; and a copy is a read.
 */
void believe_atime(struct player *p, int node);
void check_usage(struct player *p);
void check_read(struct player *p, int node, uint64_t offset, size_t size);
void check_target(struct player *p, int node, size_t size);
void check_xattr(struct player *p, int node, const char *name, size_t size);
void check_xattr_names(struct player *p, int node, bool trusted);

/* Lists a directory from its start, in so many steps as list_on() is called: see struct listing. */
void start_listing(struct player *p, int dir);
void list_on(struct player *p, int room, bool plus);

/* Every name of the tree, told by store_walk(). */
void check_walk(struct player *p);

#endif
