/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - a filesystem in memory: the tree, its attributes and the bytes.
 *
 * Knows nothing of FUSE or of tracing. All functions may be called from any
 * number of threads at once, and take all locks they need themselves (lock.h
 * states the order). They return 0 or a negative errno unless stated
 * otherwise, print nothing, and leave the tree as it was when they fail.
 *
 * Nodes are named by id. An id is never used for a second node, so one that
 * outlived its node (a stale NFS handle) is answered -ESTALE.
 *
 * Lifetime: a node lives while it has a name (nlink) or while the caller
 * holds lookups of it. Every function that fills a struct store_entry gives
 * the caller one lookup; store_forget() gives them back. That is the rule of
 * the FUSE protocol (LOOKUP and FORGET), and an open file of the kernel's
 * holds lookups too: so an unlinked file keeps its bytes while it is open.
 */
#ifndef MEMFS_STORE_H
#define MEMFS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

#define STORE_ROOT 1        /* id of the root directory */
#define STORE_NAME_MAX 255  /* bytes in a name, as everywhere in Linux */
#define STORE_READ_MAX (1u << 20) /* bytes that one read view can hold */

typedef uint64_t node_id;

struct store;

/* Whoever makes a node: its owner, unless the directory is setgid. */
struct store_cred {
	uid_t uid;
	gid_t gid;
	mode_t umask;
};

struct store_options {
	uint64_t size;      /* bytes of file data, as tmpfs's size=; 0 = no limit */
	uint64_t nr_inodes; /* nodes and extra hard links, as tmpfs's nr_inodes=; 0 = no limit */
	mode_t mode;        /* of the root: permission bits */
	uid_t uid;          /* of the root */
	gid_t gid;
	/*
	 * The bytes of files are in files of the kernel's (backing.h): store_backing() opens them for
	 * who hands them to the kernel. Takes CAP_SYS_ADMIN.
	 */
	bool backing;
	/*
	 * Called to have them take no more than that: store_resize() then does not do it by itself, for which the right may
	 * be gone by then. Answers as backing_resize(). NULL = it does.
	 */
	int (*resize_backing)(void *context, uint64_t size);
	/*
	 * Called, with locks held, when what is stored has become much less: a hint that memory
	 * could be given back. NULL = nobody cares.
	 */
	void (*shrunk)(void *context);
	void *context;
};

/* A node as the answer to an operation on a name. */
struct store_entry {
	node_id id;
	uint64_t generation;
	struct stat attr;
};

/* What store_setattr() shall change; the masks are of the kernel's FATTR_ kind. */
enum store_setattr_mask {
	STORE_SET_MODE = 1 << 0,
	STORE_SET_UID = 1 << 1,
	STORE_SET_GID = 1 << 2,
	STORE_SET_SIZE = 1 << 3,
	STORE_SET_ATIME = 1 << 4,
	STORE_SET_MTIME = 1 << 5,
	STORE_SET_ATIME_NOW = 1 << 6,
	STORE_SET_MTIME_NOW = 1 << 7,
	STORE_SET_CTIME = 1 << 8,   /* the kernel keeps time (writeback) and tells it */
	STORE_KILL_PRIV = 1 << 9,   /* drop setuid and setgid with the change */
};

struct store_usage {
	uint64_t bytes;       /* file data held, as counted against size= */
	uint64_t nodes;       /* nodes alive, the root among them */
	uint64_t size;        /* the limits in force, 0 = none */
	uint64_t nr_inodes;
};

/* Makes an empty tree. The caller owns *out and ends it with store_destroy(). -ENOMEM; with backing, what backing_create() says. */
int store_create(const struct store_options *options, struct store **out);

/* Other limits. -EINVAL below what is used, as tmpfs's remount. 0 = no limit. */
int store_resize(struct store *s, uint64_t size);
int store_set_nr_inodes(struct store *s, uint64_t nr_inodes);

/*
 * Gives memory back that is kept for nodes to come: much of it, after shrunk(). Takes some milliseconds for a million
 * of nodes that were, and no lock for long.
 */
void store_reclaim(struct store *s);

/* Frees the tree with all that is in it. Nobody may be inside any other function. */
void store_destroy(struct store *s);

/* What is used, and the limits, each at its own moment: others go on meanwhile. */
void store_usage(struct store *s, struct store_usage *usage);

/* Sizes as statfs(2) of tmpfs gives them: blocks of 4096, inodes, namemax 255. */
void store_statfs(struct store *s, struct statvfs *st);

/* --- names (namespace.c, rename.c) ----------------------------------- */

/*
 * Finds a name in a directory; "." and ".." work too (exporting a filesystem
 * over handles asks for them). -ENOENT, -ENOTDIR, -ENAMETOOLONG, -ESTALE.
 */
int store_lookup(struct store *s, node_id parent, const char *name, struct store_entry *entry);

/* Gives back n lookups; frees the node when they were the last and it has no name. */
void store_forget(struct store *s, node_id id, uint64_t n);

/*
 * Makes a regular file, device, FIFO or socket, as S_IFMT of mode says. The
 * mode loses what the umask of cred says or, where the directory has a default
 * access control list, what that does not allow.
 * -EEXIST, -ENOENT (directory was removed), -ENOSPC, -ENOMEM, -ENAMETOOLONG.
 */
int store_mknod(struct store *s, struct store_cred cred, node_id parent, const char *name,
		mode_t mode, dev_t rdev, struct store_entry *entry);
int store_mkdir(struct store *s, struct store_cred cred, node_id parent, const char *name,
		mode_t mode, struct store_entry *entry);
int store_symlink(struct store *s, struct store_cred cred, node_id parent, const char *name,
		  const char *target, struct store_entry *entry);

/* A regular file without a name, for O_TMPFILE: as if made in that directory. */
int store_tmpfile(struct store *s, struct store_cred cred, node_id parent, mode_t mode,
		  struct store_entry *entry);

/* A further name for a node that is no directory (-EPERM). */
int store_link(struct store *s, node_id id, node_id parent, const char *name,
	       struct store_entry *entry);

/* Removes a name; *gone (may be NULL) tells whose it was. -EISDIR, -ENOTDIR, -ENOTEMPTY. */
int store_unlink(struct store *s, node_id parent, const char *name, node_id *gone);
int store_rmdir(struct store *s, node_id parent, const char *name, node_id *gone);

/* Whom a rename concerned. */
struct store_renamed {
	node_id moved;
	node_id replaced; /* lost its name to moved, or took moved's (exchange); 0 = none */
	node_id whiteout; /* has taken the old name; 0 = none */
};

/*
 * rename(2) and renameat2(2), with all its flags. RENAME_WHITEOUT leaves a
 * character device 0,0 of cred under the old name. Two names of one node:
 * nothing is done, and *who is zeros. who may be NULL.
 */
int store_rename(struct store *s, struct store_cred cred, node_id parent, const char *name, node_id new_parent,
		 const char *new_name, unsigned flags, struct store_renamed *who);

/* The target of a symbolic link into buf, NUL-terminated; its length, or a negative errno. */
ssize_t store_readlink(struct store *s, node_id id, char *buf, size_t size);

/*
 * One directory entry. With plus, entry is filled as a lookup would;
 * without, only id and the type bits of attr.st_mode. Returns false when it
 * has no room: the entry is then not counted as given, and the listing ends.
 */
typedef bool (*store_fill_fn)(void *context, const char *name, uint64_t cookie,
			      const struct store_entry *entry);

/*
 * Lists a directory from behind the entry with that cookie (0 = from the
 * start), "." and ".." first. An entry that is there for the whole of a
 * listing is listed exactly once, whatever else is added or removed meanwhile.
 * With plus, each entry given except "." and ".." is a lookup to forget.
 */
int store_readdir(struct store *s, node_id dir, uint64_t cookie, bool plus, store_fill_fn fill,
		  void *context);

/* One name in a directory, "." and ".." left out; no lock is held. */
typedef void (*store_walk_fn)(void *context, node_id parent, const char *name, node_id id,
			      mode_t type);

/*
 * Calls fn for every name in the tree, each directory's before those of the directories in it (walk.c). Others
 * go on meanwhile: what stays where it is for all the time is told exactly once; what
 * is made, moved or removed meanwhile may be told or not. 0 or -ENOMEM.
 */
int store_walk(struct store *s, store_walk_fn fn, void *context);

/* --- all of it (check.c) ---------------------------------------------- */

typedef void (*store_tell_fn)(void *context, const char *line);

/*
 * Looks at the whole tree for what cannot be: link counts that are not those of the names, parents, sums of the
 * budget, tables, bytes where there are none. Calls tell for each violation, with a line of text
 * without a newline. Returns how many, 0 = all is well, or -ENOMEM.
 *
 * May be called at any time; all others wait while it looks, for as long as it takes to go through all
 * nodes. With quiet the caller says that nobody is inside any other function: then the sums of
 * the budget must be exact, else they may hold more for nodes that others are about to make
 * or to free. tell is called with all locks held: it must not call the store.
 */
int store_check(struct store *s, bool quiet, store_tell_fn tell, void *context);

/* --- attributes (attr.c) --------------------------------------------- */

/* Fills *attr, but for st_dev. */
int store_getattr(struct store *s, node_id id, struct stat *attr);

/* The same, and when the node was made (btime may be NULL). */
int store_statx(struct store *s, node_id id, struct stat *attr, struct timespec *btime);

/*
 * Sets what mask says to the values in *want, and fills *attr (may be the same).
 * -EPERM (store_set_flags(); not for what goes with a write, as times with STORE_SET_CTIME and
 * set-id bits do); of a size -EISDIR, -EINVAL, -EFBIG. A size may shrink, or grow by a hole, whatever the budget.
 */
int store_setattr(struct store *s, node_id id, unsigned mask, const struct stat *want,
		  struct stat *attr);

/*
 * What chattr(1) sets, with the values of FS_..._FL of linux/fs.h. Immutable:
 * no change of any kind, -EPERM. Append-only: no change but appending; in a
 * directory, but making names. The others are kept for who asks.
 */
enum store_flags {
	STORE_IMMUTABLE = 0x10,
	STORE_APPEND = 0x20,
	STORE_NODUMP = 0x40,
	STORE_NOATIME = 0x80,
	STORE_FLAGS = 0xf0,
};

/* 0 for a node that never had any. */
int store_get_flags(struct store *s, node_id id, uint32_t *flags);

/* -EOPNOTSUPP for others than the above. */
int store_set_flags(struct store *s, node_id id, uint32_t flags);

/* --- extended attributes (xattr.c) ------------------------------------ */

/*
 * The value into buf; its length. With size 0 the length alone. -ENODATA,
 * -ERANGE, -EOPNOTSUPP for names in no namespace of xattr(7).
 */
ssize_t store_getxattr(struct store *s, node_id id, const char *name, void *buf, size_t size);

/*
 * Sets a value, flags as in setxattr(2). An access control list also sets the
 * mode, and takes setgid away unless cred is root or of the node's group; one
 * that says no more than a mode is not kept. -ENOSPC, -EEXIST, -ENODATA, -EACCES (a default list for
 * what is no directory), -EINVAL (a list that is none), -EOPNOTSUPP, -EPERM.
 */
int store_setxattr(struct store *s, struct store_cred cred, node_id id, const char *name,
		   const void *value, size_t size, int flags);

/*
 * -ENODATA if there is none, -EOPNOTSUPP, -EPERM; not for the capabilities of a program, though, that a write to
 * what is append-only takes away: the kernel asks for that as others do.
 */
int store_removexattr(struct store *s, node_id id, const char *name);

/* Takes a program's capabilities away, if it has any, as a write must. */
void store_drop_capabilities(struct store *s, node_id id);

/* The names, each with its NUL; those in trusted. only on demand. Sizes as above. */
ssize_t store_listxattr(struct store *s, node_id id, char *buf, size_t size, bool trusted);

/* --- bytes (file.c) --------------------------------------------------- */

/* A look at the bytes of a file, held in place by its lock until store_read_end(). */
struct store_view {
	struct iovec iov[2 * (STORE_READ_MAX / 65536 + 1)]; /* of each chunk bytes, and zeros */
	int count;      /* of iov used */
	size_t size;    /* bytes in all: less than asked for only at the end of the file */
	void *buffer;   /* where they had to be copied to; NULL = they are looked at in place */
	void *lock;
	struct store *store;
	node_id id;
	bool touch_atime;
};

/*
 * Reads without copying: the view points at the store's own memory (holes at
 * a page of zeros), and writers of that file wait until store_read_end(),
 * which the same thread calls, soon. At most STORE_READ_MAX bytes.
 */
int store_read_begin(struct store *s, node_id id, uint64_t offset, size_t size,
		     struct store_view *view);
void store_read_end(struct store_view *view);

/*
 * Writes; returns the bytes taken, fewer than size only when the budget ends
 * in between (then -ENOSPC next time). -EFBIG past 2^63-1. With touch (and in
 * backing files always), mtime and ctime move; setuid/setgid are dropped if kill_priv.
 */
ssize_t store_write(struct store *s, node_id id, uint64_t offset, const void *buf, size_t size,
		    bool touch, bool kill_priv);

/*
 * For open(2) with these flags: is it allowed by store_set_flags()? Makes the
 * file empty if they say O_TRUNC. -EPERM, -EISDIR.
 */
int store_open(struct store *s, node_id id, int flags, bool kill_priv);

/* fallocate(2): mode 0, KEEP_SIZE, and with KEEP_SIZE PUNCH_HOLE; ZERO_RANGE. -EOPNOTSUPP otherwise. */
int store_fallocate(struct store *s, node_id id, int mode, uint64_t offset, uint64_t size);

/* lseek(2) with SEEK_DATA or SEEK_HOLE: the offset, or -ENXIO. */
int64_t store_seek(struct store *s, node_id id, uint64_t offset, int whence);

/* copy_file_range(2): the bytes copied, fewer at the end of the source. */
ssize_t store_copy(struct store *s, node_id from, uint64_t from_offset, node_id to,
		   uint64_t to_offset, size_t size);

/*
 * Where the store has backing files: a descriptor of that of a regular file, for reading, which the caller closes. Bytes that
 * change by way of it, change the file, with its size and times. -ESTALE, -EISDIR, -EINVAL; -ENFILE.
 */
int store_backing(struct store *s, node_id id);

/* The directory (O_PATH) in which they all are, to be left open; -1 where there are none. */
int store_backing_root(const struct store *s);

/* Gives back what memory a finished writer left unused at the file's end. */
void store_trim(struct store *s, node_id id);

#endif
