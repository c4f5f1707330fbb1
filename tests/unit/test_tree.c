/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree that a reader rebuilds: what each event does to names, also of a trace that lies. */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "trace/tree.h"
#include "unit.h"

static struct tree tree;

static void setup(void)
{
	tree = (struct tree){ 0 };
}

static void teardown(void)
{
	tree_destroy(&tree);
}

static void apply(struct trace_event event)
{
	ck_assert_int_eq(tree_apply(&tree, &event), 0);
}

static void expect(uint64_t node, const char *wanted)
{
	char buf[200];

	ck_assert_str_eq(tree_path(&tree, node, NULL, buf, sizeof(buf)), wanted);
}

#define EVENT(...) apply((struct trace_event){ __VA_ARGS__ })
#define MAKE(made, parent, text) \
	EVENT(.op = TRACE_OP_CREATE, .node = (parent), .name = (text), .result = (made))
#define MAKE_DIR(made, parent, text) \
	EVENT(.op = TRACE_OP_MKDIR, .node = (parent), .name = (text), .result = (made))

START_TEST(types_are_those_of_the_operations)
{
	MAKE_DIR(2, 1, "dir");
	EVENT(.op = TRACE_OP_SYMLINK, .node = 1, .name = "link", .result = 3);
	EVENT(.op = TRACE_OP_MKNOD, .node = 1, .name = "fifo", .mode = S_IFIFO | 0600, .result = 4);
	EVENT(.op = TRACE_OP_MKNOD, .node = 1, .name = "plain", .mode = 0600, .result = 5);
	EVENT(.op = TRACE_OP_LOOKUP, .node = 1, .name = "seen", .result = 6);
	ck_assert_uint_eq(tree_type(&tree, 1), S_IFDIR);
	ck_assert_uint_eq(tree_type(&tree, 2), S_IFDIR);
	ck_assert_uint_eq(tree_type(&tree, 3), S_IFLNK);
	ck_assert_uint_eq(tree_type(&tree, 4), S_IFIFO);
	ck_assert_uint_eq(tree_type(&tree, 5), S_IFREG);
	ck_assert_uint_eq(tree_type(&tree, 6), 0);
	ck_assert_uint_eq(tree_type(&tree, 7), 0);
	expect(6, "/seen");
}
END_TEST

START_TEST(what_failed_changes_nothing)
{
	MAKE(2, 1, "a");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "a", .result = 2, .error = EPERM);
	EVENT(.op = TRACE_OP_CREATE, .node = 1, .name = "b", .result = 3, .error = ENOSPC);
	EVENT(.op = TRACE_OP_GETATTR, .node = 2);
	expect(2, "/a");
	expect(3, "#3");
}
END_TEST

/* "." and ".." lead to nodes that have other names, or none yet. */
START_TEST(dots_are_no_names)
{
	MAKE_DIR(2, 1, "d");
	EVENT(.op = TRACE_OP_LOOKUP, .node = 5, .name = ".", .result = 5);
	EVENT(.op = TRACE_OP_LOOKUP, .node = 2, .name = "..", .result = 9);
	EVENT(.op = TRACE_OP_LOOKUP, .node = 2, .name = "..hidden", .result = 10);
	expect(5, "#5");
	expect(9, "#9");
	expect(10, "/d/..hidden");
}
END_TEST

START_TEST(a_node_may_have_several_names)
{
	MAKE(2, 1, "a");
	EVENT(.op = TRACE_OP_LINK, .node = 2, .node2 = 1, .name = "b", .result = 2);
	EVENT(.op = TRACE_OP_LINK, .node = 2, .node2 = 1, .name = "b", .result = 2); /* told twice: still one */
	expect(2, "/b");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "none", .result = 2);
	expect(2, "/b");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "b", .result = 2);
	expect(2, "/a");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "a", .result = 2);
	expect(2, "/a (deleted)");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "a", .result = 2);
	expect(2, "/a (deleted)");
	/* linkat(2) gives a name to what has none. */
	EVENT(.op = TRACE_OP_LINK, .node = 2, .node2 = 1, .name = "c", .result = 2);
	expect(2, "/c");
}
END_TEST

START_TEST(renames_move_replace_and_exchange)
{
	MAKE_DIR(2, 1, "d");
	MAKE(3, 2, "f");
	MAKE(4, 1, "g");
	EVENT(.op = TRACE_OP_RENAME, .node = 2, .name = "f", .node2 = 1, .name2 = "g", .result = 3, .replaced = 4);
	expect(3, "/g");
	expect(4, "/g (deleted)");
	EVENT(.op = TRACE_OP_RENAME, .node = 1, .name = "d", .node2 = 1, .name2 = "g", .result = 2, .replaced = 3,
	      .flags = RENAME_EXCHANGE);
	expect(2, "/g");
	expect(3, "/d");
	EVENT(.op = TRACE_OP_RENAME, .node = 1, .name = "d", .node2 = 2, .name2 = "x", .result = 3, .whiteout = 5,
	      .flags = RENAME_WHITEOUT);
	expect(3, "/g/x");
	expect(5, "/d");
	ck_assert_uint_eq(tree_type(&tree, 5), S_IFCHR);
}
END_TEST

/* Of a damaged trace: an event without the names or the node that it ought to have. */
START_TEST(renames_that_say_too_little)
{
	MAKE(2, 1, "a");
	EVENT(.op = TRACE_OP_RENAME, .node = 1, .name = "a", .node2 = 1, .name2 = "b");
	EVENT(.op = TRACE_OP_RENAME, .node = 1, .name2 = "b", .node2 = 1, .result = 2);
	EVENT(.op = TRACE_OP_RENAME, .node = 1, .name = "a", .node2 = 1, .result = 2);
	expect(2, "/a");
	EVENT(.op = TRACE_OP_CREATE, .node = 1, .result = 3);
	expect(3, "#3");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .result = 2);
	expect(2, "/a");
	EVENT(.op = TRACE_OP_CREATE, .node = 1, .name = "zero", .result = 0);
	EVENT(.op = TRACE_OP_CREATE, .node = 1, .name = "slot zero", .result = 1ull << 32);
	expect(1ull << 32, "#4294967296");
	expect(0, "#0");
}
END_TEST

/* Only what has no name any more is forgotten; whoever looks it up again knows it anew. */
START_TEST(forgetting)
{
	MAKE(2, 1, "a");
	EVENT(.op = TRACE_OP_FORGET, .node = 2);
	EVENT(.op = TRACE_OP_FORGET, .node = 3);
	expect(2, "/a");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "a", .result = 2);
	EVENT(.op = TRACE_OP_FORGET, .node = 2 | 1ull << 32); /* another of its slot */
	expect(2, "/a (deleted)");
	EVENT(.op = TRACE_OP_FORGET, .node = 2);
	expect(2, "#2");
}
END_TEST

/* Of three nodes in one slot the oldest is forgotten, in whatever order they come. */
START_TEST(three_nodes_of_one_slot)
{
	const uint64_t first = 2, second = 1ull << 32 | 2, third = 2ull << 32 | 2;

	MAKE(second, 1, "second");
	MAKE(first, 1, "first");
	expect(first, "/first");
	expect(second, "/second");
	EVENT(.op = TRACE_OP_FORGET, .node = first); /* has its name still */
	expect(first, "/first");
	MAKE(third, 1, "third");
	expect(first, "#2");
	expect(second, "/second");
	expect(third, "/third");
	MAKE(first, 1, "again");
	expect(first, "/again");
	expect(second, "#4294967298");
	EVENT(.op = TRACE_OP_UNLINK, .node = 1, .name = "again", .result = first);
	EVENT(.op = TRACE_OP_FORGET, .node = first);
	expect(first, "#2");
	expect(third, "/third");
}
END_TEST

START_TEST(what_was_told)
{
	ck_assert_int_eq(tree_define(&tree, 5, 1, S_IFDIR, "d"), 0);
	ck_assert_int_eq(tree_define(&tree, 6, 5, S_IFREG, "f"), 0);
	ck_assert_int_eq(tree_define(&tree, 6, 5, 0, "g"), 0); /* a second name, of a type that is known */
	expect(6, "/d/g");
	ck_assert_uint_eq(tree_type(&tree, 6), S_IFREG);
}
END_TEST

/* --- paths that do not fit ------------------------------------------------------ */

static void expect_in(size_t size, uint64_t node, const char *name, const char *wanted)
{
	char buf[200];

	memset(buf, 'x', sizeof(buf));
	ck_assert_str_eq(tree_path(&tree, node, name, buf, size), wanted);
	ck_assert_int_eq(buf[size], 'x');
}

START_TEST(paths_are_cut_off_at_the_start)
{
	MAKE_DIR(2, 1, "directory");
	MAKE(3, 2, "file");
	EVENT(.op = TRACE_OP_UNLINK, .node = 2, .name = "file", .result = 3);
	expect_in(100, 3, NULL, "/directory/file (deleted)");
	expect_in(26, 3, NULL, "/directory/file (deleted)");
	expect_in(25, 3, NULL, "/directory/file");
	expect_in(16, 3, NULL, "/directory/file");
	expect_in(15, 3, NULL, ".../file");
	expect_in(9, 3, NULL, ".../file");
	expect_in(8, 3, NULL, "...file");
	expect_in(6, 3, NULL, "...le");
	expect_in(5, 3, NULL, "...");
	expect_in(4, 3, NULL, "...");
	expect_in(2, 3, NULL, "/");
	expect_in(2, 1, NULL, "/");
	expect_in(100, 2, "new", "/directory/new");
	expect_in(100, 1, "new", "/new");
	expect_in(100, 77, "new", "#77/new");
	expect_in(9, 77, "new", "#77/new");
	expect_in(7, 77, "new", "...new");
	expect_in(100, 1, "", "/");
}
END_TEST

/* A directory in itself, as only a trace can tell of. */
START_TEST(loops_end)
{
	static char buf[100000];
	const char *path;

	MAKE_DIR(2, 3, "a");
	MAKE_DIR(3, 2, "b");
	path = tree_path(&tree, 2, NULL, buf, sizeof(buf));
	ck_assert_uint_lt(strlen(path), 2 * 2048 + 10);
	ck_assert_str_eq(path + strlen(path) - 4, "/b/a");
	ck_assert_msg(strncmp(path, "#2/", 3) == 0, "%.10s", path);
	path = tree_path(&tree, 2, NULL, buf, 20);
	ck_assert_str_eq(path, ".../b/a/b/a/b/a/b/a");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, types_are_those_of_the_operations);
	tcase_add_test(tc, what_failed_changes_nothing);
	tcase_add_test(tc, dots_are_no_names);
	tcase_add_test(tc, a_node_may_have_several_names);
	tcase_add_test(tc, renames_move_replace_and_exchange);
	tcase_add_test(tc, renames_that_say_too_little);
	tcase_add_test(tc, forgetting);
	tcase_add_test(tc, three_nodes_of_one_slot);
	tcase_add_test(tc, what_was_told);
	tcase_add_test(tc, paths_are_cut_off_at_the_start);
	tcase_add_test(tc, loops_end);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
