/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what store.h promises, once more, as simply as can be.
 *
 * One thread, flat arrays that are searched from the start, a malloc() for
 * each page of a file, nothing shared with src/store. A node is an index into
 * nodes[], never used again; 1 is the root. Functions are those of store.h
 * under the name model_, and answer as those must; the order of checks, where
 * several errors would be right, is the store's.
 *
 * What the model does not know is how many bytes files may take (size=): that
 * depends on how they are kept. So it takes the store's word for -ENOSPC, and
 * the caller (play.c) judges whether that was so.
 */
#ifndef MEMFS_TESTS_MODEL_H
#define MEMFS_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "store/store.h"

#define MODEL_ROOT 1
#define MODEL_PAGE 4096u
#define MODEL_NODE_SPACE 1024u /* of nr_inodes=, for a node and for a further link */
#define MODEL_FIXED (STORE_IMMUTABLE | STORE_APPEND)
#define MODEL_XATTR_SPACE 16u  /* and for an attribute, with its name, NUL and value */

/* A time: known, or between `at` and now. */
struct model_time {
	struct timespec at;
	bool since; /* it moved then or later: the player makes it known when it has looked */
};

struct model_page {
	uint64_t number;
	uint8_t *bytes;
};

struct model_xattr {
	char *name;
	uint8_t *value;
	size_t size;
};

struct model_node {
	bool alive;
	bool removed;         /* a directory without a name */
	node_id id;           /* of the store's node */
	uint64_t lookups;
	mode_t type, perm;
	uid_t uid;
	gid_t gid;
	uint32_t nlink, flags;
	dev_t rdev;
	uint64_t size;
	int parent;           /* of a directory */
	char *target;
	struct model_page *pages; /* those that are data: what is not here is hole */
	size_t page_count;
	struct model_xattr *xattrs;
	size_t xattr_count;
	struct model_time atime, mtime, ctime;
};

struct model_name {
	int dir, node;
	uint64_t serial; /* of when it was made: a name made again is another one */
	char text[STORE_NAME_MAX + 1];
};

struct model {
	struct model_node *nodes; /* [0] is not used */
	int node_count;
	struct model_name *names;
	int name_count;
	uint64_t serial;
	uint64_t space, space_limit; /* as nr_inodes= counts, in bytes; UINT64_MAX = none */
	bool has_flags;
	struct timespec now;         /* set by the player before each operation */
};

void model_init(struct model *m, const struct store_options *options);
void model_destroy(struct model *m);

struct model_name *model_find(struct model *m, int dir, const char *name);

int model_lookup(struct model *m, int parent, const char *name, int *node);
void model_forget(struct model *m, int node, uint64_t n);

int model_mknod(struct model *m, struct store_cred cred, int parent, const char *name, mode_t mode,
		dev_t rdev, int *node);
int model_mkdir(struct model *m, struct store_cred cred, int parent, const char *name, mode_t mode,
		int *node);
int model_symlink(struct model *m, struct store_cred cred, int parent, const char *name,
		  const char *target, int *node);
int model_tmpfile(struct model *m, struct store_cred cred, int parent, mode_t mode, int *node);
int model_link(struct model *m, int node, int parent, const char *name);
int model_unlink(struct model *m, int parent, const char *name, int *gone);
int model_rmdir(struct model *m, int parent, const char *name, int *gone);

struct model_renamed {
	int moved, replaced, whiteout;
};

int model_rename(struct model *m, struct store_cred cred, int parent, const char *name,
		 int new_parent, const char *new_name, unsigned flags, struct model_renamed *who);

int model_setattr(struct model *m, int node, unsigned mask, const struct stat *want);
int model_set_flags(struct model *m, int node, uint32_t flags);

ssize_t model_getxattr(struct model *m, int node, const char *name, size_t size,
		       const struct model_xattr **found);
int model_setxattr(struct model *m, struct store_cred cred, int node, const char *name,
		   const void *value, size_t size, int flags);
int model_removexattr(struct model *m, int node, const char *name);
void model_drop_capabilities(struct model *m, int node);

/* The bytes into buf; how many. */
ssize_t model_read(struct model *m, int node, uint64_t offset, void *buf, size_t size);

/* With `granted` less than size: as many bytes as the store said it took. */
ssize_t model_write(struct model *m, int node, uint64_t offset, const void *buf, size_t size,
		    size_t granted, bool touch, bool kill_priv);
int model_open(struct model *m, int node, int flags, bool kill_priv);

/* With refused the budget is at its end: whatever it would have done, it does not. */
int model_fallocate(struct model *m, int node, int mode, uint64_t offset, uint64_t size,
		    bool refused);
int64_t model_seek(struct model *m, int node, uint64_t offset, int whence);
ssize_t model_copy(struct model *m, int from, uint64_t from_offset, int to, uint64_t to_offset,
		   size_t size, size_t granted);
int model_set_nr_inodes(struct model *m, uint64_t nr_inodes);

/* Will a read move the time of access? Wants all times known. */
bool model_atime_is_due(const struct model_node *n, time_t now);
void model_stamp(struct model *m, struct model_time *t);

/* What model.c and model_node.c share: an array with room for one more, and the account. */
void *model_grow(void *array, size_t count, size_t size);
bool model_take_space(struct model *m, uint64_t n);
uint64_t model_xattr_space(const struct model_xattr *x);

#endif
