/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store is asked that cannot be: nodes that are gone or of another kind, names, sizes, limits. Nothing comes of it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fuzz/sound.h"
#include "backed.h"
#include "store/node.h"
#include "unit.h"

static const struct store_cred cred = { .uid = 1000, .gid = 1000, .umask = 022 };
static struct store *s;
static node_id f, d, l, gone, gone_dir;
static struct store_entry e;
static struct stat st;
static char buf[100];

static void make_store(bool backing)
{
	struct store_options options = { .mode = 0755, .size = 1 << 24, .nr_inodes = 2000, .backing = backing };

	ck_assert_int_eq(store_create(&options, &s), 0);
	ck_assert_int_eq(store_mkdir(s, cred, STORE_ROOT, "d", 0777, &e), 0);
	d = e.id;
	ck_assert_int_eq(store_mknod(s, cred, STORE_ROOT, "f", 0644, 0, &e), 0); /* no type: a regular file */
	f = e.id;
	ck_assert_int_eq(store_symlink(s, cred, STORE_ROOT, "l", "target", &e), 0);
	l = e.id;
	ck_assert_int_eq(store_mkdir(s, cred, STORE_ROOT, "removed", 0777, &e), 0);
	gone_dir = e.id; /* removed, and still in use */
	ck_assert_int_eq(store_rmdir(s, STORE_ROOT, "removed", NULL), 0);
	ck_assert_int_eq(store_tmpfile(s, cred, STORE_ROOT, 0600, &e), 0);
	gone = e.id;
	store_forget(s, gone, 1);
}

static void setup(void)
{
	make_store(false);
}

static void setup_backed(void)
{
	make_store(true);
}

static void teardown(void)
{
	must_be_sound(s);
	store_destroy(s);
}

static bool take_none(void *context, const char *name, uint64_t cookie, const struct store_entry *entry)
{
	(void)context;
	(void)name;
	(void)cookie;
	(void)entry;
	return false;
}

/* --- nodes --------------------------------------------------------------------- */

START_TEST(a_node_that_is_gone)
{
	struct store_view view;
	struct timespec time;
	uint32_t flags;

	ck_assert_int_eq(store_getattr(s, gone, &st), -ESTALE);
	ck_assert_int_eq(store_statx(s, gone, &st, &time), -ESTALE);
	ck_assert_int_eq(store_setattr(s, gone, STORE_SET_MODE, &st, &st), -ESTALE);
	ck_assert_int_eq(store_get_flags(s, gone, &flags), -ESTALE);
	ck_assert_int_eq(store_set_flags(s, gone, 0), -ESTALE);
	ck_assert_int_eq(store_readlink(s, gone, buf, sizeof(buf)), -ESTALE);
	ck_assert_int_eq(store_read_begin(s, gone, 0, 10, &view), -ESTALE);
	ck_assert_int_eq(store_write(s, gone, 0, buf, 1, true, true), -ESTALE);
	ck_assert_int_eq(store_open(s, gone, O_RDWR | O_TRUNC, true), -ESTALE);
	ck_assert_int_eq(store_fallocate(s, gone, 0, 0, 1), -ESTALE);
	ck_assert_int_eq(store_seek(s, gone, 0, SEEK_DATA), -ESTALE);
	ck_assert_int_eq(store_copy(s, gone, 0, f, 0, 1), -ESTALE);
	ck_assert_int_eq(store_copy(s, f, 0, gone, 0, 1), -ESTALE);
	ck_assert_int_eq(store_backing(s, gone), -ESTALE);
	ck_assert_int_eq(store_lookup(s, gone, "a", &e), -ESTALE);
	ck_assert_int_eq(store_lookup(s, gone, ".", &e), -ESTALE);
	ck_assert_int_eq(store_mknod(s, cred, gone, "a", S_IFREG, 0, &e), -ESTALE);
	ck_assert_int_eq(store_tmpfile(s, cred, gone, 0600, &e), -ESTALE);
	ck_assert_int_eq(store_link(s, gone, d, "a", &e), -ESTALE);
	ck_assert_int_eq(store_link(s, f, gone, "a", &e), -ESTALE);
	ck_assert_int_eq(store_unlink(s, gone, "a", NULL), -ESTALE);
	ck_assert_int_eq(store_rmdir(s, gone, "a", NULL), -ESTALE);
	ck_assert_int_eq(store_rename(s, cred, gone, "a", d, "a", 0, NULL), -ESTALE);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", gone, "a", 0, NULL), -ESTALE);
	ck_assert_int_eq(store_readdir(s, gone, 0, false, take_none, NULL), -ESTALE);
	ck_assert_int_eq(store_setxattr(s, cred, gone, "user.a", "", 0, 0), -ESTALE);
	ck_assert_int_eq(store_getxattr(s, gone, "user.a", buf, sizeof(buf)), -ESTALE);
	ck_assert_int_eq(store_listxattr(s, gone, buf, sizeof(buf), true), -ESTALE);
	ck_assert_int_eq(store_removexattr(s, gone, "user.a"), -ESTALE);
	store_trim(s, gone);
	store_forget(s, gone, 1);
}
END_TEST

START_TEST(a_node_of_another_kind)
{
	struct store_view view;

	ck_assert_int_eq(store_read_begin(s, d, 0, 10, &view), -EISDIR);
	ck_assert_int_eq(store_read_begin(s, l, 0, 10, &view), -EINVAL);
	ck_assert_int_eq(store_write(s, d, 0, buf, 1, true, true), -EISDIR);
	ck_assert_int_eq(store_seek(s, d, 0, SEEK_DATA), -EISDIR);
	ck_assert_int_eq(store_copy(s, l, 0, f, 0, 1), -EINVAL);
	ck_assert_int_eq(store_fallocate(s, d, 0, 0, 1), -EISDIR);
	ck_assert_int_eq(store_fallocate(s, l, 0, 0, 1), -ENODEV);
	ck_assert_int_eq(store_setattr(s, d, STORE_SET_SIZE, &st, &st), -EISDIR);
	ck_assert_int_eq(store_setattr(s, l, STORE_SET_SIZE, &st, &st), -EINVAL);
	ck_assert_int_eq(store_readlink(s, f, buf, sizeof(buf)), -EINVAL);
	ck_assert_int_eq(store_lookup(s, f, "a", &e), -ENOTDIR);
	ck_assert_int_eq(store_lookup(s, f, "..", &e), -ENOTDIR);
	ck_assert_int_eq(store_mkdir(s, cred, f, "a", 0700, &e), -ENOTDIR);
	ck_assert_int_eq(store_tmpfile(s, cred, f, 0600, &e), -ENOTDIR);
	ck_assert_int_eq(store_readdir(s, f, 0, false, take_none, NULL), -ENOTDIR);
	ck_assert_int_eq(store_link(s, d, d, "a", &e), -EPERM);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "d", NULL), -EISDIR);
	ck_assert_int_eq(store_rmdir(s, STORE_ROOT, "f", NULL), -ENOTDIR);
	ck_assert_int_eq(store_mknod(s, cred, d, "a", S_IFDIR | 0700, 0, &e), -EINVAL);
	ck_assert_int_eq(store_mknod(s, cred, d, "a", S_IFLNK | 0700, 0, &e), -EINVAL);
	ck_assert_int_eq(store_getattr(s, f, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
}
END_TEST

START_TEST(a_directory_that_was_removed)
{
	ck_assert_int_eq(store_readdir(s, gone_dir, 0, false, take_none, NULL), -ENOENT);
	ck_assert_int_eq(store_mkdir(s, cred, gone_dir, "a", 0700, &e), -ENOENT);
	ck_assert_int_eq(store_tmpfile(s, cred, gone_dir, 0600, &e), -ENOENT);
	ck_assert_int_eq(store_link(s, f, gone_dir, "a", &e), -ENOENT);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", gone_dir, "a", 0, NULL), -ENOENT);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "d", gone_dir, "a", 0, NULL), -ENOENT);
	ck_assert_int_eq(store_lookup(s, gone_dir, "a", &e), -ENOENT);
	ck_assert_int_eq(store_lookup(s, gone_dir, "..", &e), 0);
	ck_assert_uint_eq(e.id, STORE_ROOT);
	ck_assert_int_eq(store_lookup(s, gone_dir, ".", &e), 0);
	ck_assert_uint_eq(e.id, gone_dir);
	store_forget(s, gone_dir, 2);
	ck_assert_int_eq(store_getattr(s, gone_dir, &st), -ESTALE);
}
END_TEST

/* --- names ---------------------------------------------------------------------- */

static void expect_name(const char *name, int err)
{
	ck_assert_int_eq(store_lookup(s, d, name, &e), err);
	ck_assert_int_eq(store_mkdir(s, cred, d, name, 0700, &e), err);
	ck_assert_int_eq(store_symlink(s, cred, d, name, "x", &e), err);
	ck_assert_int_eq(store_link(s, f, d, name, &e), err);
	ck_assert_int_eq(store_unlink(s, d, name, NULL), err);
	ck_assert_int_eq(store_rmdir(s, d, name, NULL), err);
	ck_assert_int_eq(store_rename(s, cred, d, name, d, "b", 0, NULL), err);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", d, name, 0, NULL), err);
}

START_TEST(names_that_cannot_be)
{
	char long_name[257];

	memset(long_name, 'n', 256);
	long_name[256] = '\0';
	expect_name(long_name, -ENAMETOOLONG);
	expect_name("", -ENOENT);
	ck_assert_int_eq(store_mkdir(s, cred, d, ".", 0700, &e), -EEXIST);
	ck_assert_int_eq(store_mkdir(s, cred, d, "..", 0700, &e), -EEXIST);
	ck_assert_int_eq(store_rmdir(s, d, ".", NULL), -EINVAL);
	ck_assert_int_eq(store_rmdir(s, d, "..", NULL), -ENOTEMPTY);
	ck_assert_int_eq(store_rmdir(s, d, "absent", NULL), -ENOENT);
	ck_assert_int_eq(store_unlink(s, d, "absent", NULL), -ENOENT);
}
END_TEST

START_TEST(targets_of_symlinks)
{
	static char target[PATH_MAX + 1];

	ck_assert_int_eq(store_symlink(s, cred, d, "a", "", &e), -ENOENT);
	memset(target, 't', PATH_MAX);
	ck_assert_int_eq(store_symlink(s, cred, d, "a", target, &e), -ENAMETOOLONG);
	target[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(store_symlink(s, cred, d, "a", target, &e), 0);
	ck_assert_int_eq(store_readlink(s, l, buf, sizeof(buf)), 6);
	ck_assert_str_eq(buf, "target");
	ck_assert_int_eq(store_readlink(s, l, buf, 4), 3); /* what fits, with its NUL */
	ck_assert_str_eq(buf, "tar");
	ck_assert_int_eq(store_readlink(s, l, buf, 1), 0);
	ck_assert_str_eq(buf, "");
}
END_TEST

START_TEST(links_have_a_limit)
{
	struct node *n = node_get(s->table, f);

	n->nlink = UINT32_MAX;
	ck_assert_int_eq(store_link(s, f, d, "a", &e), -EMLINK);
	ck_assert_uint_eq(n->nlink, UINT32_MAX);
	n->nlink = 1;
	ck_assert_int_eq(store_link(s, f, d, "a", &e), 0);
}
END_TEST

/* --- offsets and sizes ------------------------------------------------------------- */

START_TEST(offsets_that_cannot_be)
{
	const uint64_t most = INT64_MAX;
	struct store_view view;

	ck_assert_int_eq(store_write(s, f, most + 1, buf, 1, true, true), -EFBIG);
	ck_assert_int_eq(store_write(s, f, most, buf, 1, true, true), -EFBIG);
	ck_assert_int_eq(store_fallocate(s, f, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(store_fallocate(s, f, 0, most + 1, 1), -EFBIG);
	ck_assert_int_eq(store_fallocate(s, f, 0, most, 1), -EFBIG);
	ck_assert_int_eq(store_fallocate(s, f, FALLOC_FL_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
	ck_assert_int_eq(store_fallocate(s, f, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	st = (struct stat){ .st_size = -1 };
	ck_assert_int_eq(store_setattr(s, f, STORE_SET_SIZE, &st, &st), -EFBIG);
	ck_assert_int_eq(store_copy(s, f, 0, f, 1000, most + 1), -EFBIG);
	ck_assert_int_eq(store_copy(s, f, most, d, 0, 1), -EFBIG);
	ck_assert_int_eq(store_copy(s, f, 0, d, most, 1), -EFBIG);
	ck_assert_int_eq(store_copy(s, f, 0, f, 5, 10), -EINVAL);
	ck_assert_int_eq(store_copy(s, f, 5, f, 0, 10), -EINVAL);
	ck_assert_int_eq(store_copy(s, f, 0, f, 5, 0), 0);
	ck_assert_int_eq(store_seek(s, f, 0, SEEK_END), -EINVAL);
	ck_assert_int_eq(store_seek(s, f, 0, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(store_seek(s, f, UINT64_MAX, SEEK_HOLE), -ENXIO);
	/* Behind all that there can be, there is nothing to read. */
	ck_assert_int_eq(store_read_begin(s, f, UINT64_MAX, 10, &view), 0);
	ck_assert_uint_eq(view.size, 0);
	store_read_end(&view);
	ck_assert_int_eq(store_read_begin(s, f, most - 5, 10, &view), 0);
	ck_assert_uint_eq(view.size, 0);
	store_read_end(&view);
	ck_assert_int_eq(store_read_begin(s, f, 0, 0, &view), 0);
	ck_assert_int_eq(view.count, 0);
	store_read_end(&view);
	ck_assert_int_eq(store_getattr(s, f, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(flags_that_there_are_none)
{
	uint32_t flags = 1;

	ck_assert_int_eq(store_set_flags(s, f, ~(uint32_t)STORE_FLAGS), -EOPNOTSUPP);
	ck_assert_int_eq(store_get_flags(s, f, &flags), 0);
	ck_assert_uint_eq(flags, 0);
}
END_TEST

/* --- what may not be changed --------------------------------------------------------- */

static int open_with(int flags)
{
	return store_open(s, f, flags, true);
}

START_TEST(fixed_files)
{
	ck_assert_int_eq(store_set_flags(s, f, STORE_IMMUTABLE), 0);
	ck_assert_int_eq(open_with(O_RDONLY), 0);
	ck_assert_int_eq(open_with(O_WRONLY), -EPERM);
	ck_assert_int_eq(open_with(O_WRONLY | O_APPEND), -EPERM);
	ck_assert_int_eq(open_with(O_RDONLY | O_TRUNC), -EPERM);
	ck_assert_int_eq(store_fallocate(s, f, 0, 0, 1), -EPERM);
	ck_assert_int_eq(store_link(s, f, d, "a", &e), -EPERM);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "f", NULL), -EPERM);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", d, "f", 0, NULL), -EPERM);
	ck_assert_int_eq(store_set_flags(s, f, STORE_APPEND), 0);
	ck_assert_int_eq(open_with(O_RDONLY), 0);
	ck_assert_int_eq(open_with(O_WRONLY), -EPERM);
	ck_assert_int_eq(open_with(O_WRONLY | O_APPEND), 0);
	ck_assert_int_eq(open_with(O_RDONLY | O_TRUNC), -EPERM);
	ck_assert_int_eq(open_with(O_WRONLY | O_APPEND | O_TRUNC), -EPERM);
	ck_assert_int_eq(store_fallocate(s, f, 0, 0, 1), 0);
	ck_assert_int_eq(store_fallocate(s, f, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 1), -EPERM);
	ck_assert_int_eq(store_set_flags(s, f, 0), 0);
	ck_assert_int_eq(open_with(O_WRONLY | O_TRUNC), 0);
	ck_assert_int_eq(store_set_flags(s, d, STORE_IMMUTABLE), 0);
	ck_assert_int_eq(store_mkdir(s, cred, d, "a", 0700, &e), -EPERM);
	ck_assert_int_eq(store_tmpfile(s, cred, d, 0600, &e), -EPERM);
	ck_assert_int_eq(store_rmdir(s, STORE_ROOT, "d", NULL), -EPERM);
	ck_assert_int_eq(store_set_flags(s, d, 0), 0);
}
END_TEST

/* --- listing, walking ------------------------------------------------------------------ */

struct listing {
	int room, count;
	char last[16];
};

static bool take_some(void *context, const char *name, uint64_t cookie, const struct store_entry *entry)
{
	struct listing *listing = context;

	(void)cookie;
	(void)entry;
	if (listing->count == listing->room)
		return false;
	listing->count++;
	snprintf(listing->last, sizeof(listing->last), "%s", name);
	return true;
}

/* What found no room is not counted as looked up: so all can be freed in the end. */
START_TEST(listings_that_find_no_room)
{
	static const char *const names[] = { "", ".", "..", "x", "y" };
	struct store_usage before, after;
	node_id ids[2];

	store_usage(s, &before);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(store_mkdir(s, cred, d, names[i + 3], 0700, &e), 0);
		ids[i] = e.id;
	}
	for (int room = 0; room < 5; room++) {
		struct listing listing = { .room = room };

		ck_assert_int_eq(store_readdir(s, d, 0, true, take_some, &listing), 0);
		ck_assert_int_eq(listing.count, room);
		ck_assert_str_eq(listing.last, names[room]);
	}
	/* Made, and listed with room for it: "x" in two listings, "y" in one. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(store_rmdir(s, d, names[i + 3], NULL), 0);
		store_forget(s, ids[i], 2 - (uint64_t)i);
		ck_assert_int_eq(store_getattr(s, ids[i], &st), 0);
		store_forget(s, ids[i], 1);
		ck_assert_int_eq(store_getattr(s, ids[i], &st), -ESTALE);
	}
	store_usage(s, &after);
	ck_assert_uint_eq(after.nodes, before.nodes);
}
END_TEST

static void count_names(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	(void)parent;
	(void)id;
	(void)type;
	if (name[0] == 'n')
		++*(unsigned *)context;
}

/* Wide and deep: more directories than the walk begins with room for, both at once. */
START_TEST(a_walk_through_many_directories)
{
	node_id deep = d;
	unsigned count = 0;
	char name[16];

	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(store_mkdir(s, cred, d, name, 0700, &e), 0);
		ck_assert_int_eq(store_mkdir(s, cred, deep, "n-deep", 0700, &e), 0);
		deep = e.id;
	}
	ck_assert_int_eq(store_walk(s, count_names, &count), 0);
	ck_assert_uint_eq(count, 1200);
}
END_TEST

/* The walk has seen "a" and "b" by their names, and "a" removes "b" before it gets there. */
static void remove_other(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	unsigned *told = context;

	(void)id;
	(void)type;
	++*told;
	if (parent == d && strcmp(name, "b") == 0) {
		ck_assert_int_eq(store_rmdir(s, d, "b", NULL), 0);
		ck_assert_int_eq(store_rmdir(s, d, "a", NULL), 0);
	}
}

START_TEST(a_walk_through_what_is_removed_meanwhile)
{
	unsigned told = 0;

	ck_assert_int_eq(store_mkdir(s, cred, d, "a", 0700, &e), 0);
	store_forget(s, e.id, 1);
	ck_assert_int_eq(store_mkdir(s, cred, d, "b", 0700, &e), 0);
	store_forget(s, e.id, 1);
	ck_assert_int_eq(store_walk(s, remove_other, &told), 0);
	ck_assert_uint_eq(told, 3 + 2); /* d, f, l; a, b */
}
END_TEST

/* --- lists of rights, limits --------------------------------------------------------------- */

/* One that says no more than a mode leaves a mode, and no list. */
START_TEST(a_default_list_of_three_entries)
{
	static const uint8_t acl[] = {
		2, 0, 0, 0,
		1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		4, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
		32, 0, 1, 0, 0xff, 0xff, 0xff, 0xff,
	};

	ck_assert_int_eq(store_setxattr(s, cred, d, "system.posix_acl_default", acl, sizeof(acl), 0), 0);
	ck_assert_int_eq(store_mknod(s, cred, d, "a", S_IFREG | 0666, 0, &e), 0);
	ck_assert_uint_eq(e.attr.st_mode, S_IFREG | 0640); /* the umask has no say */
	ck_assert_int_eq(store_getxattr(s, e.id, "system.posix_acl_access", buf, sizeof(buf)), -ENODATA);
	ck_assert_int_eq(store_mkdir(s, cred, d, "b", 0777, &e), 0);
	ck_assert_uint_eq(e.attr.st_mode, S_IFDIR | 0751);
	ck_assert_int_eq(store_getxattr(s, e.id, "system.posix_acl_default", buf, sizeof(buf)), sizeof(acl));
	ck_assert_mem_eq(buf, acl, sizeof(acl));
}
END_TEST

/* More than can be charged is no limit. */
START_TEST(limits_beyond_all_measure)
{
	struct store_options options = { .mode = 0755, .nr_inodes = UINT64_MAX };
	struct store_usage usage;
	struct store *other;

	ck_assert_int_eq(store_create(&options, &other), 0);
	store_usage(other, &usage);
	ck_assert_uint_eq(usage.nr_inodes, 0);
	store_destroy(other);
	ck_assert_int_eq(store_set_nr_inodes(s, UINT64_MAX / BUDGET_NODE + 1), 0);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.nr_inodes, 0);
	ck_assert_int_eq(store_set_nr_inodes(s, UINT64_MAX / BUDGET_NODE), 0);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.nr_inodes, UINT64_MAX / BUDGET_NODE);
	store_destroy(NULL);
}
END_TEST

static TCase *make_case(const char *name, SFun begin)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_node_that_is_gone);
	tcase_add_test(tc, a_node_of_another_kind);
	tcase_add_test(tc, a_directory_that_was_removed);
	tcase_add_test(tc, names_that_cannot_be);
	tcase_add_test(tc, targets_of_symlinks);
	tcase_add_test(tc, links_have_a_limit);
	tcase_add_test(tc, offsets_that_cannot_be);
	tcase_add_test(tc, flags_that_there_are_none);
	tcase_add_test(tc, fixed_files);
	tcase_add_test(tc, listings_that_find_no_room);
	tcase_add_test(tc, a_walk_through_many_directories);
	tcase_add_test(tc, a_walk_through_what_is_removed_meanwhile);
	tcase_add_test(tc, a_default_list_of_three_entries);
	tcase_add_test(tc, limits_beyond_all_measure);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("store_errors");

	suite_add_tcase(suite, make_case("store_errors", setup));
	if (can_back())
		suite_add_tcase(suite, make_case("store_errors over backing files", setup_backed));
	return unit_run(suite);
}
