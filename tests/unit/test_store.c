/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../fuzz/sound.h"
#include "backed.h"
#include "store/store.h"
#include "unit.h"

static struct store *s;
static bool backed; /* its bytes are in backing files, in whole pages */
static const struct store_cred cred = { .uid = 1000, .gid = 1000 };

static void make_store(bool backing)
{
	struct store_options options = {
		.mode = 0755, .size = 1 << 30, .nr_inodes = 100000, .backing = backing,
	};

	ck_assert_int_eq(store_create(&options, &s), 0);
	backed = backing;
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

static node_id make(node_id parent, const char *name, mode_t mode)
{
	struct store_entry e;

	if (S_ISDIR(mode))
		ck_assert_int_eq(store_mkdir(s, cred, parent, name, mode, &e), 0);
	else
		ck_assert_int_eq(store_mknod(s, cred, parent, name, mode, 0, &e), 0);
	return e.id;
}

static struct stat stat_of(node_id id)
{
	struct stat st;

	ck_assert_int_eq(store_getattr(s, id, &st), 0);
	return st;
}

struct walked {
	unsigned count, directories;
	uint64_t ids; /* a bit for each below 64 */
};

static void count_walked(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	struct walked *w = context;
	struct store_entry e;

	ck_assert_int_eq(store_lookup(s, parent, name, &e), 0);
	ck_assert_uint_eq(e.id, id);
	ck_assert_uint_eq(e.attr.st_mode & S_IFMT, type);
	w->count++;
	w->directories += S_ISDIR(type);
	if (id < 64)
		w->ids |= UINT64_C(1) << id;
}

START_TEST(a_walk_tells_every_name_once)
{
	node_id a = make(STORE_ROOT, "a", S_IFDIR | 0755), b = make(a, "b", S_IFDIR | 0755);
	struct walked w = { 0 };
	struct store_entry e;
	node_id file = make(b, "file", S_IFREG | 0644);
	char name[16];

	ck_assert_int_eq(store_link(s, file, STORE_ROOT, "again", &e), 0);
	ck_assert_int_eq(store_walk(s, count_walked, &w), 0);
	ck_assert_uint_eq(w.count, 4);
	ck_assert_uint_eq(w.directories, 2);
	ck_assert_uint_eq(w.ids, UINT64_C(1) << a | UINT64_C(1) << b | UINT64_C(1) << file);
	/* More than are taken in one go, and exactly as many. */
	for (unsigned i = 0; i < 256 + 512; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		make(i < 256 ? a : b, name, S_IFREG | 0644);
	}
	w = (struct walked){ 0 };
	ck_assert_int_eq(store_walk(s, count_walked, &w), 0);
	ck_assert_uint_eq(w.count, 4 + 256 + 512);
}
END_TEST

START_TEST(ids_count_up_from_the_root)
{
	ck_assert_uint_eq(stat_of(STORE_ROOT).st_ino, 1);
	ck_assert_uint_eq(make(STORE_ROOT, "a", S_IFREG | 0644), 2);
	ck_assert_uint_eq(make(STORE_ROOT, "b", S_IFDIR | 0755), 3);
}
END_TEST

START_TEST(an_id_is_never_used_twice)
{
	node_id id = make(STORE_ROOT, "a", S_IFREG), again;
	struct stat st;

	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "a", NULL), 0);
	ck_assert_int_eq(store_getattr(s, id, &st), 0); /* looked up still */
	store_forget(s, id, 1);
	ck_assert_int_eq(store_getattr(s, id, &st), -ESTALE);
	again = make(STORE_ROOT, "a", S_IFREG);
	ck_assert_uint_ne(again, id);
	ck_assert_int_eq(store_getattr(s, id, &st), -ESTALE);
	ck_assert_int_eq(store_getattr(s, (node_id)77 << 40, &st), -ESTALE);
}
END_TEST

START_TEST(forgetting_more_than_was_looked_up_does_no_harm)
{
	node_id id = make(STORE_ROOT, "a", S_IFREG);
	struct store_entry e;

	store_forget(s, id, 1000000);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "a", &e), 0);
	ck_assert_uint_eq(e.id, id);
}
END_TEST

START_TEST(unlinked_and_forgotten_gives_everything_back)
{
	struct store_usage before, after;
	node_id id;

	store_usage(s, &before);
	id = make(STORE_ROOT, "a", S_IFREG);
	ck_assert_int_eq(store_write(s, id, 0, "hello", 5, true, false), 5);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "a", NULL), 0);
	store_usage(s, &after);
	ck_assert_uint_eq(after.bytes, before.bytes + (backed ? 4096 : 5));
	store_forget(s, id, 1);
	store_usage(s, &after);
	ck_assert_uint_eq(after.bytes, before.bytes);
	ck_assert_uint_eq(after.nodes, before.nodes);
}
END_TEST

START_TEST(rename_keeps_links_of_parents)
{
	node_id a = make(STORE_ROOT, "a", S_IFDIR), b = make(STORE_ROOT, "b", S_IFDIR);
	node_id d = make(a, "d", S_IFDIR);
	struct store_renamed who;
	struct store_entry e;

	ck_assert_uint_eq(stat_of(a).st_nlink, 3);
	ck_assert_int_eq(store_rename(s, cred, a, "d", b, "e", 0, &who), 0);
	ck_assert_uint_eq(who.moved, d);
	ck_assert_uint_eq(who.replaced, 0);
	ck_assert_uint_eq(stat_of(a).st_nlink, 2);
	ck_assert_uint_eq(stat_of(b).st_nlink, 3);
	ck_assert_int_eq(store_lookup(s, d, "..", &e), 0);
	ck_assert_uint_eq(e.id, b);
}
END_TEST

START_TEST(rename_refuses_what_it_must)
{
	node_id a = make(STORE_ROOT, "a", S_IFDIR), b = make(a, "b", S_IFDIR);

	make(STORE_ROOT, "f", S_IFREG);
	make(STORE_ROOT, "full", S_IFDIR);
	make(b, "x", S_IFREG);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "a", b, "c", 0, NULL), -EINVAL);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", STORE_ROOT, "a", 0, NULL), -EISDIR);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "a", STORE_ROOT, "f", 0, NULL), -ENOTDIR);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "full", STORE_ROOT, "a", 0, NULL), -ENOTEMPTY);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "no", STORE_ROOT, "f", 0, NULL), -ENOENT);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", STORE_ROOT, "a", RENAME_NOREPLACE, NULL),
			 -EEXIST);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", STORE_ROOT, "g", 1u << 20, NULL), -EINVAL);
}
END_TEST

START_TEST(exchange_swaps_a_directory_and_a_file)
{
	node_id a = make(STORE_ROOT, "a", S_IFDIR), d = make(a, "d", S_IFDIR);
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct store_entry e;

	ck_assert_int_eq(store_rename(s, cred, a, "d", STORE_ROOT, "f", RENAME_EXCHANGE, NULL), 0);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "f", &e), 0);
	ck_assert_uint_eq(e.id, d);
	ck_assert_int_eq(store_lookup(s, a, "d", &e), 0);
	ck_assert_uint_eq(e.id, f);
	ck_assert_uint_eq(stat_of(a).st_nlink, 2);
	ck_assert_uint_eq(stat_of(STORE_ROOT).st_nlink, 4);
}
END_TEST

START_TEST(two_names_of_one_node_rename_to_nothing)
{
	node_id a = make(STORE_ROOT, "a", S_IFREG);
	struct store_renamed who;
	struct store_entry e;

	ck_assert_int_eq(store_link(s, a, STORE_ROOT, "b", &e), 0);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "a", STORE_ROOT, "b", 0, &who), 0);
	ck_assert_uint_eq(who.moved, 0);
	ck_assert_uint_eq(stat_of(a).st_nlink, 2);
}
END_TEST

START_TEST(nr_inodes_counts_nodes_and_further_links)
{
	struct store_options options = { .mode = 0755, .nr_inodes = 4 };
	struct store_entry e;

	store_destroy(s);
	ck_assert_int_eq(store_create(&options, &s), 0);
	make(STORE_ROOT, "a", S_IFREG); /* with the root, two */
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "a", &e), 0);
	ck_assert_int_eq(store_link(s, e.id, STORE_ROOT, "b", &e), 0);
	make(STORE_ROOT, "c", S_IFDIR);
	ck_assert_int_eq(store_mkdir(s, cred, STORE_ROOT, "d", 0755, &e), -ENOSPC);
	ck_assert_int_eq(store_link(s, e.id, STORE_ROOT, "d", &e), -ENOSPC);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "b", NULL), 0);
	make(STORE_ROOT, "d", S_IFREG);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "e", &e), -ENOENT);
}
END_TEST

START_TEST(a_removed_directory_takes_nothing_new)
{
	node_id d = make(STORE_ROOT, "d", S_IFDIR);
	struct store_entry e;

	ck_assert_int_eq(store_rmdir(s, STORE_ROOT, "d", NULL), 0);
	ck_assert_int_eq(store_mknod(s, cred, d, "f", S_IFREG, 0, &e), -ENOENT);
	ck_assert_uint_eq(stat_of(d).st_nlink, 0);
}
END_TEST

START_TEST(a_file_without_a_name_lives_by_its_lookup)
{
	struct store_entry e, linked;
	struct store_usage usage;

	ck_assert_int_eq(store_tmpfile(s, cred, STORE_ROOT, 0600, &e), 0);
	ck_assert_uint_eq(stat_of(e.id).st_nlink, 0);
	ck_assert_int_eq(store_link(s, e.id, STORE_ROOT, "f", &linked), 0);
	ck_assert_uint_eq(linked.id, e.id);
	store_forget(s, e.id, 2);
	ck_assert_uint_eq(stat_of(e.id).st_nlink, 1);
	ck_assert_int_eq(store_tmpfile(s, cred, STORE_ROOT, 0600, &e), 0);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.nodes, 3);
	store_forget(s, e.id, 1);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.nodes, 2);
	ck_assert_int_eq(store_getattr(s, e.id, &e.attr), -ESTALE);
}
END_TEST

START_TEST(a_rename_leaves_a_whiteout)
{
	node_id d = make(STORE_ROOT, "d", S_IFDIR), f = make(STORE_ROOT, "f", S_IFREG);
	struct store_renamed who;
	struct store_entry e;

	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", d, "g", RENAME_WHITEOUT, &who), 0);
	ck_assert_uint_eq(who.moved, f);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "f", &e), 0);
	ck_assert_uint_eq(e.id, who.whiteout);
	ck_assert_uint_eq(e.attr.st_mode, S_IFCHR);
	ck_assert_uint_eq(e.attr.st_rdev, 0);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", STORE_ROOT, "absent",
				      RENAME_WHITEOUT | RENAME_EXCHANGE, NULL), -EINVAL);
	ck_assert_int_eq(store_rename(s, cred, d, "g", STORE_ROOT, "f",
				      RENAME_WHITEOUT | RENAME_NOREPLACE, NULL), -EEXIST);
}
END_TEST

START_TEST(a_rename_without_room_for_its_whiteout_changes_nothing)
{
	struct store_options options = { .mode = 0755, .nr_inodes = 2 };
	struct store_entry e;

	store_destroy(s);
	ck_assert_int_eq(store_create(&options, &s), 0);
	make(STORE_ROOT, "f", S_IFREG);
	ck_assert_int_eq(store_rename(s, cred, STORE_ROOT, "f", STORE_ROOT, "g", RENAME_WHITEOUT,
				      NULL), -ENOSPC);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "f", &e), 0);
	ck_assert_int_eq(store_lookup(s, STORE_ROOT, "g", &e), -ENOENT);
}
END_TEST

START_TEST(limits_move_but_not_below_what_is_used)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	static char bytes[100000];
	struct store_usage usage;

	ck_assert_int_eq(store_write(s, f, 0, bytes, sizeof(bytes), true, false), sizeof(bytes));
	ck_assert_int_eq(store_resize(s, 1000), -EINVAL);
	ck_assert_int_eq(store_resize(s, 200000), 0);
	ck_assert_int_eq(store_set_nr_inodes(s, 1), -EINVAL);
	ck_assert_int_eq(store_set_nr_inodes(s, 2), 0);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.size, 200000);
	ck_assert_uint_eq(usage.nr_inodes, 2);
	ck_assert_int_eq(store_resize(s, 0), 0);
	ck_assert_int_eq(store_write(s, f, 0, bytes, sizeof(bytes), true, false), sizeof(bytes));
}
END_TEST

START_TEST(immutable_and_append_only)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct stat attr = { .st_mode = 0600 };

	ck_assert_int_eq(store_set_flags(s, f, 0x1), -EOPNOTSUPP);
	ck_assert_int_eq(store_set_flags(s, f, STORE_APPEND), 0);
	ck_assert_int_eq(store_open(s, f, O_WRONLY | O_APPEND, false), 0);
	ck_assert_int_eq(store_open(s, f, O_WRONLY, false), -EPERM);
	ck_assert_int_eq(store_set_flags(s, f, STORE_IMMUTABLE), 0);
	ck_assert_int_eq(store_open(s, f, O_WRONLY | O_APPEND, false), -EPERM);
	ck_assert_int_eq(store_open(s, f, O_RDONLY, false), 0);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "f", NULL), -EPERM);
	ck_assert_int_eq(store_setattr(s, f, STORE_SET_MODE, &attr, &attr), -EPERM);
	ck_assert_int_eq(store_setattr(s, f, STORE_SET_MODE | STORE_KILL_PRIV, &attr, &attr), -EPERM);
	ck_assert_int_eq(store_setattr(s, f, STORE_KILL_PRIV, &attr, &attr), 0);
	ck_assert_int_eq(store_setattr(s, f, 0, &attr, &attr), 0);
	ck_assert_int_eq(store_setxattr(s, cred, f, "user.a", "x", 1, 0), -EPERM);
	ck_assert_int_eq(store_set_flags(s, f, 0), 0);
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "f", NULL), 0);
}
END_TEST

START_TEST(capabilities_go_with_a_write_to_what_is_append_only)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);

	store_drop_capabilities(s, f);
	ck_assert_int_eq(store_setxattr(s, cred, f, "user.a", "x", 1, 0), 0);
	ck_assert_int_eq(store_setxattr(s, cred, f, "security.capability", "x", 1, 0), 0);
	store_drop_capabilities(s, f);
	ck_assert_int_eq(store_getxattr(s, f, "security.capability", NULL, 0), -ENODATA);
	ck_assert_int_eq(store_setxattr(s, cred, f, "security.capability", "x", 1, 0), 0);
	ck_assert_int_eq(store_set_flags(s, f, STORE_APPEND), 0);
	ck_assert_int_eq(store_setxattr(s, cred, f, "security.capability", "x", 1, 0), -EPERM);
	ck_assert_int_eq(store_removexattr(s, f, "user.a"), -EPERM);
	store_drop_capabilities(s, f);
	ck_assert_int_eq(store_getxattr(s, f, "security.capability", NULL, 0), -ENODATA);
	ck_assert_int_eq(store_removexattr(s, f, "security.capability"), -ENODATA);
	ck_assert_int_eq(store_getxattr(s, f, "user.a", NULL, 0), 1);
	ck_assert_int_eq(store_set_flags(s, f, 0), 0);
}
END_TEST

START_TEST(copy_within_one_file_reads_before_it_moves)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct store_view view;
	char text[3000];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	ck_assert_int_eq(store_write(s, f, 0, text, sizeof(text), true, false), sizeof(text));
	/* Behind the end: the chunk that is read from must grow, and moves. */
	ck_assert_int_eq(store_copy(s, f, 0, f, 50000, sizeof(text)), sizeof(text));
	ck_assert_int_eq(store_read_begin(s, f, 50000, 3000, &view), 0);
	ck_assert_uint_eq(view.size, 3000);
	ck_assert_mem_eq(view.iov[0].iov_base, text, view.iov[0].iov_len);
	store_read_end(&view);
	ck_assert_int_eq(store_copy(s, f, 0, f, 1, 100), -EINVAL);
}
END_TEST

START_TEST(copy_within_one_file_ends_where_the_file_ended)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);

	ck_assert_int_eq(store_write(s, f, 0, "hello", 5, true, false), 5);
	ck_assert_int_eq(store_copy(s, f, 1, f, 200, 100), 4);
	ck_assert_int_eq(stat_of(f).st_size, 204);
}
END_TEST

START_TEST(fallocate_tells_stale_from_wrong)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG), fifo = make(STORE_ROOT, "p", S_IFIFO);

	ck_assert_int_eq(store_fallocate(s, fifo, 0, 0, 1), -ENODEV);
	ck_assert_int_eq(store_fallocate(s, STORE_ROOT, 0, 0, 1), -EISDIR);
	store_unlink(s, STORE_ROOT, "f", NULL);
	store_forget(s, f, 1);
	ck_assert_int_eq(store_fallocate(s, f, 0, 0, 1), -ESTALE);
}
END_TEST

START_TEST(zeroing_without_space_changes_nothing)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct store_view view;

	ck_assert_int_eq(store_write(s, f, 0, "hello", 5, true, false), 5);
	ck_assert_int_eq(store_fallocate(s, f, FALLOC_FL_ZERO_RANGE, 0, 2u << 30), -ENOSPC);
	ck_assert_int_eq(store_read_begin(s, f, 0, 5, &view), 0);
	ck_assert_mem_eq(view.iov[0].iov_base, "hello", 5);
	store_read_end(&view);
	ck_assert_int_eq(store_fallocate(s, f, FALLOC_FL_ZERO_RANGE, 1, 3), 0);
	ck_assert_int_eq(store_read_begin(s, f, 0, 5, &view), 0);
	ck_assert_mem_eq(view.iov[0].iov_base, "h\0\0\0o", 5);
	store_read_end(&view);
}
END_TEST

START_TEST(a_read_of_many_short_chunks_is_whole)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct store_view view;
	size_t seen = 0;

	for (uint64_t i = 0; i < 18; i++)
		ck_assert_int_eq(store_write(s, f, i << 16, "x", 1, true, false), 1);
	ck_assert_int_eq(store_read_begin(s, f, 1, STORE_READ_MAX, &view), 0);
	ck_assert_uint_eq(view.size, STORE_READ_MAX);
	for (int i = 0; i < view.count; i++)
		seen += view.iov[i].iov_len;
	store_read_end(&view);
	ck_assert_uint_eq(seen, STORE_READ_MAX);
}
END_TEST

/* --- only over backing files --------------------------------------------------- */

static int open_backing(node_id id, int flags)
{
	int fd = store_backing(s, id), other;
	char path[64];

	ck_assert_int_ge(fd, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, flags);
	ck_assert_int_ge(other, 0);
	close(fd);
	return other;
}

START_TEST(a_backing_file_is_the_file)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG), d = make(STORE_ROOT, "d", S_IFDIR);
	char buffer[8] = "";
	int fd;

	ck_assert_int_eq(store_write(s, f, 2, "hello", 5, true, false), 5);
	fd = open_backing(f, O_RDONLY);
	ck_assert_int_eq(pread(fd, buffer, sizeof(buffer), 0), 7);
	ck_assert_mem_eq(buffer, "\0\0hello", 7);
	/* It is nobody else's, and keeps its bytes for who has it. */
	ck_assert_int_eq(store_unlink(s, STORE_ROOT, "f", NULL), 0);
	store_forget(s, f, 1);
	ck_assert_int_eq(store_backing(s, f), -ESTALE);
	ck_assert_int_eq(pread(fd, buffer, 1, 3), 1);
	close(fd);
	ck_assert_int_eq(store_backing(s, d), -EISDIR);
	ck_assert_int_eq(store_backing(s, make(STORE_ROOT, "p", S_IFIFO)), -EINVAL);
	ck_assert_int_ge(store_backing_root(s), 0);
}
END_TEST

START_TEST(what_is_written_behind_its_back_counts)
{
	node_id f = make(STORE_ROOT, "f", S_IFREG);
	struct stat old = { .st_atim.tv_sec = 1, .st_mtim.tv_sec = 2 };
	struct store_usage before, after;
	struct stat st;
	int fd = open_backing(f, O_RDWR);

	store_usage(s, &before);
	ck_assert_int_eq(store_setattr(s, f, STORE_SET_ATIME | STORE_SET_MTIME, &old, &old), 0);
	ck_assert_int_eq(stat_of(f).st_mtim.tv_sec, 2);
	ck_assert_int_eq(pwrite(fd, "hello", 5, 4095), 5);
	st = stat_of(f);
	ck_assert_int_eq(st.st_size, 4100);
	ck_assert_int_eq(st.st_blocks, 16);
	ck_assert_int_eq(st.st_atim.tv_sec, 1);
	ck_assert_int_gt(st.st_mtim.tv_sec, 2);
	store_usage(s, &after);
	ck_assert_uint_eq(after.bytes - before.bytes, 8192);
	ck_assert_int_eq(store_resize(s, 4096), -EINVAL);
	ck_assert_int_eq(store_resize(s, 8192), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 8192), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(store_resize(s, 0), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 8192), 1);
	close(fd);
}
END_TEST

/* --- threads -------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 20000, DIRS = 4 };

static node_id dirs[DIRS];
static uint64_t thread_seed;

static void *churn(void *context)
{
	uint64_t state = thread_seed + 2 * (uint64_t)(uintptr_t)context;
	char name[8], other[8];

	for (int i = 0; i < STEPS; i++) {
		node_id parent = dirs[unit_random(&state) % DIRS];
		node_id target = dirs[unit_random(&state) % DIRS];
		struct store_entry e = { 0 };

		snprintf(name, sizeof(name), "%u", (unsigned)(unit_random(&state) % 20));
		snprintf(other, sizeof(other), "%u", (unsigned)(unit_random(&state) % 20));
		switch (unit_random(&state) % 8) {
		case 0:
			if (store_mknod(s, cred, parent, name, S_IFREG, 0, &e) == 0)
				store_write(s, e.id, 0, name, sizeof(name), true, false);
			break;
		case 1:
			store_mkdir(s, cred, parent, name, 0755, &e);
			break;
		case 2:
			store_unlink(s, parent, name, NULL);
			break;
		case 3:
			store_rmdir(s, parent, name, NULL);
			break;
		case 4:
			store_rename(s, cred, parent, name, target, other, 0, NULL);
			break;
		case 5:
			store_rename(s, cred, parent, name, target, other, RENAME_EXCHANGE, NULL);
			break;
		case 6:
			if (store_lookup(s, parent, name, &e) == 0 && S_ISREG(e.attr.st_mode)) {
				struct store_entry linked;

				if (store_link(s, e.id, target, other, &linked) == 0)
					store_forget(s, linked.id, 1);
			}
			break;
		default:
			store_lookup(s, parent, name, &e);
			break;
		}
		if (e.id)
			store_forget(s, e.id, 1);
	}
	return NULL;
}

static bool remove_one(void *context, const char *name, uint64_t cookie,
		       const struct store_entry *entry)
{
	(void)entry;
	strcpy(context, name);
	return cookie <= 2;
}

/* Removes all below a directory; the counts of links must have been right for that. */
static void remove_below(node_id dir)
{
	for (;;) {
		char name[256] = "";
		struct store_entry e;

		store_readdir(s, dir, 2, false, remove_one, name);
		if (!*name)
			return;
		ck_assert_int_eq(store_lookup(s, dir, name, &e), 0);
		if (S_ISDIR(e.attr.st_mode)) {
			remove_below(e.id);
			ck_assert_int_eq(store_rmdir(s, dir, name, NULL), 0);
		} else {
			ck_assert_int_eq(store_unlink(s, dir, name, NULL), 0);
		}
		store_forget(s, e.id, 1);
	}
}

START_TEST(threads_leave_a_tree_that_adds_up)
{
	struct store_usage before, after;
	pthread_t threads[THREADS];
	char name[8];

	thread_seed = unit_seed("store threads");
	store_usage(s, &before);
	for (int i = 0; i < DIRS; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		dirs[i] = make(i % 2 ? dirs[i - 1] : STORE_ROOT, name, S_IFDIR | 0755);
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	remove_below(STORE_ROOT);
	for (int i = 0; i < DIRS; i++)
		store_forget(s, dirs[i], 1);
	store_usage(s, &after);
	ck_assert_uint_eq(after.nodes, before.nodes);
	ck_assert_uint_eq(after.bytes, before.bytes);
	ck_assert_uint_eq(stat_of(STORE_ROOT).st_nlink, 2);
	ck_assert_int_eq(stat_of(STORE_ROOT).st_size, 40);
}
END_TEST

/* The same tests, wherever the bytes of files are. */
static TCase *make_case(const char *name, SFun begin)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_walk_tells_every_name_once);
	tcase_add_test(tc, ids_count_up_from_the_root);
	tcase_add_test(tc, an_id_is_never_used_twice);
	tcase_add_test(tc, forgetting_more_than_was_looked_up_does_no_harm);
	tcase_add_test(tc, unlinked_and_forgotten_gives_everything_back);
	tcase_add_test(tc, rename_keeps_links_of_parents);
	tcase_add_test(tc, rename_refuses_what_it_must);
	tcase_add_test(tc, exchange_swaps_a_directory_and_a_file);
	tcase_add_test(tc, two_names_of_one_node_rename_to_nothing);
	tcase_add_test(tc, nr_inodes_counts_nodes_and_further_links);
	tcase_add_test(tc, a_removed_directory_takes_nothing_new);
	tcase_add_test(tc, a_file_without_a_name_lives_by_its_lookup);
	tcase_add_test(tc, a_rename_leaves_a_whiteout);
	tcase_add_test(tc, a_rename_without_room_for_its_whiteout_changes_nothing);
	tcase_add_test(tc, limits_move_but_not_below_what_is_used);
	tcase_add_test(tc, immutable_and_append_only);
	tcase_add_test(tc, capabilities_go_with_a_write_to_what_is_append_only);
	tcase_add_test(tc, copy_within_one_file_reads_before_it_moves);
	tcase_add_test(tc, copy_within_one_file_ends_where_the_file_ended);
	tcase_add_test(tc, fallocate_tells_stale_from_wrong);
	tcase_add_test(tc, zeroing_without_space_changes_nothing);
	tcase_add_test(tc, a_read_of_many_short_chunks_is_whole);
	tcase_add_test(tc, threads_leave_a_tree_that_adds_up);
	return tc;
}

static TCase *make_backed_case(void)
{
	TCase *tc = make_case("store over backing files", setup_backed);

	tcase_add_test(tc, a_backing_file_is_the_file);
	tcase_add_test(tc, what_is_written_behind_its_back_counts);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("store");

	suite_add_tcase(suite, make_case("store", setup));
	if (can_back())
		suite_add_tcase(suite, make_backed_case());
	return unit_run(suite);
}
