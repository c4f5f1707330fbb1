/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_check() finds what is broken by hand, and says nothing of a tree that is sound. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../fuzz/sound.h"
#include "backed.h"
#include "store/node.h"
#include "unit.h"

static const struct store_cred cred = { 0 };
static struct store *s;
static node_id file, dir, sub, link_id;

static node_id make(node_id parent, const char *name, mode_t mode)
{
	struct store_entry e;

	if (S_ISDIR(mode))
		ck_assert_int_eq(store_mkdir(s, cred, parent, name, 0755, &e), 0);
	else
		ck_assert_int_eq(store_mknod(s, cred, parent, name, mode, 0, &e), 0);
	return e.id;
}

static void make_store(bool backing)
{
	struct store_options options = {
		.mode = 0755, .size = 1 << 20, .nr_inodes = 1000, .backing = backing,
	};
	struct store_entry e;
	char name[16];

	ck_assert_int_eq(store_create(&options, &s), 0);
	dir = make(STORE_ROOT, "dir", S_IFDIR);
	sub = make(dir, "sub", S_IFDIR);
	file = make(sub, "file", S_IFREG);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(dir, name, S_IFREG);
	}
	ck_assert_int_eq(store_write(s, file, 70000, "x", 1, true, true), 1);
	ck_assert_int_eq(store_link(s, file, STORE_ROOT, "other", &e), 0);
	ck_assert_int_eq(store_symlink(s, cred, STORE_ROOT, "symlink", "target", &e), 0);
	link_id = e.id;
	ck_assert_int_eq(store_setxattr(s, cred, file, "user.x", "1", 1, 0), 0);
	must_be_sound(s);
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

static struct node *node(node_id id)
{
	return node_get(s->table, id);
}

static void keep_line(void *context, const char *line)
{
	char *text = context;

	strncat(text, line, 900 - strlen(text));
	strcat(text, "\n");
}

/* Something is broken just now: it is found, and told in these words. */
static void finds(const char *words)
{
	char text[1000] = "";

	ck_assert_int_gt(store_check(s, true, keep_line, text), 0);
	ck_assert_msg(strstr(text, words), "'%s' is not told, but: %s", words, text);
}

/* Breaks something by a statement, looks, and mends it by another. */
#define BROKEN(statement, words, mend) \
	do { \
		statement; \
		finds(words); \
		mend; \
		must_be_sound(s); \
	} while (0)

START_TEST(link_counts_and_parents)
{
	BROKEN(node(file)->nlink++, "names, should be", node(file)->nlink--);
	BROKEN(node(dir)->nlink++, "subdirectories", node(dir)->nlink--);
	BROKEN(node(sub)->dir.parent = STORE_ROOT, "its parent is", node(sub)->dir.parent = dir);
	BROKEN(node(sub)->removed = true, "was removed", node(sub)->removed = false);
	BROKEN(node(dir)->size += 20, "the size is not that of the entries", node(dir)->size -= 20);
	BROKEN(node(link_id)->size--, "that of the target", node(link_id)->size++);
	BROKEN(node(file)->perm |= 0100000, "mode or flags", node(file)->perm &= 07777);
	BROKEN(node(file)->nlookup -= 100, "more lookups", node(file)->nlookup += 100);
}
END_TEST

/* A directory below itself: each count is right, and yet nothing leads there. */
START_TEST(a_circle)
{
	struct dir_name name;
	struct dirent_node *e;

	ck_assert_int_eq(dir_name_init(&name, "dir"), 0);
	ck_assert_int_eq(store_rmdir(s, dir, "sub", NULL), -ENOTEMPTY);
	e = dir_find(&node(STORE_ROOT)->dir.entries, &name);
	dir_remove(&node(STORE_ROOT)->dir.entries, e);
	node(STORE_ROOT)->nlink--;
	node(STORE_ROOT)->size -= 20;
	e = dir_entry_create(&name);
	ck_assert_int_eq(dir_reserve(&node(sub)->dir.entries, 1), 0);
	dir_insert(&node(sub)->dir.entries, e, dir, S_IFDIR >> 12);
	node(sub)->nlink++;
	node(sub)->size += 20;
	node(dir)->dir.parent = sub;
	finds("does not lead to the root");
	dir_remove(&node(sub)->dir.entries, e);
	node(sub)->nlink--;
	node(sub)->size -= 20;
	e = dir_entry_create(&name);
	dir_insert(&node(STORE_ROOT)->dir.entries, e, dir, S_IFDIR >> 12);
	node(STORE_ROOT)->nlink++;
	node(STORE_ROOT)->size += 20;
	node(dir)->dir.parent = STORE_ROOT;
}
END_TEST

START_TEST(sums)
{
	BROKEN(s->budget.bytes.used++, "bytes:", s->budget.bytes.used--);
	BROKEN(s->budget.space.used--, "space:", s->budget.space.used++);
	BROKEN(s->budget.nodes++, "nodes:", s->budget.nodes--);
	BROKEN(node(file)->data.bytes++, "what was charged", node(file)->data.bytes--);
	BROKEN(node(file)->data.pages++, "the count of pages", node(file)->data.pages--);
}
END_TEST

START_TEST(bytes_of_a_hole)
{
	struct store_view view;
	uint8_t *bytes;

	ck_assert_int_eq(store_read_begin(s, file, 65536, 4464, &view), 0);
	bytes = view.iov[0].iov_base;
	store_read_end(&view);
	BROKEN(bytes[10] = 1, "of a hole", bytes[10] = 0);
	BROKEN(node(file)->size = 66000; bytes[4464] = 'x', "behind the end", node(file)->size = 70001);
}
END_TEST

START_TEST(entries_and_slots)
{
	struct dir *d = &node(dir)->dir.entries;
	uint64_t next = d->next_cookie;
	struct dirent_node *e = dir_next(d, 5);
	uint32_t first = 0;

	ck_assert_ptr_nonnull(d->slots);
	while (!d->slots[first])
		first++;
	BROKEN(d->next_cookie = 4, "next cookie", d->next_cookie = next);
	BROKEN(e->cookie = 4, "cookies do not grow", e->cookie = 6);
	BROKEN(e->hash++, "hash", e->hash--);
	BROKEN(e->index++, "where it stands", e->index--);
	BROKEN(e->node += 1000, "which is gone", e->node -= 1000);
	BROKEN(e->type = S_IFIFO >> 12, "of another type", e->type = S_IFREG >> 12);
	next = d->slots[first];
	BROKEN(d->slots[first] = 0, "slots", d->slots[first] = (uint32_t)next);
	BROKEN(d->live--, "", d->live++);
}
END_TEST

START_TEST(a_node_that_was_forgotten)
{
	struct store_entry e;

	ck_assert_int_eq(store_tmpfile(s, cred, dir, 0600, &e), 0);
	BROKEN(atomic_store(&node(e.id)->nlookup, 0), "not freed", atomic_store(&node(e.id)->nlookup, 1));
	node(e.id)->id += 1ull << 32;
	finds("table of nodes");
	node_table_at(s->table, (uint32_t)e.id)->id = e.id;
	store_forget(s, e.id, 1);
}
END_TEST

START_TEST(names_of_attributes)
{
	struct xattr *x;

	ck_assert_int_eq(store_setxattr(s, cred, file, "user.y", "2", 1, 0), 0);
	x = xattrs_find(node(file)->xattrs, "user.y");
	BROKEN(x->bytes[5] = 'x', "there twice, or its name ends too soon", x->bytes[5] = 'y');
	BROKEN(x->bytes[3] = '\0', "there twice, or its name ends too soon", x->bytes[3] = 'r');
	BROKEN(x->bytes[6] = 'z', "there twice, or its name ends too soon", x->bytes[6] = '\0');
	BROKEN(node(file)->flags |= 1u << 31, "mode or flags", node(file)->flags = 0);
}
END_TEST

START_TEST(ways_that_do_not_lead_up)
{
	const char *words = "the way up does not lead to the root";

	BROKEN(node(sub)->dir.parent = file, words, node(sub)->dir.parent = dir);
	BROKEN(node(sub)->dir.parent = 100000, words, node(sub)->dir.parent = dir);
	BROKEN(node(sub)->dir.parent = dir | 1ull << 32, words, node(sub)->dir.parent = dir);
	BROKEN(node(sub)->dir.parent = sub, words, node(sub)->dir.parent = dir);
	BROKEN(node(STORE_ROOT)->dir.parent = dir, "there is no root", node(STORE_ROOT)->dir.parent = STORE_ROOT);
	BROKEN(node(STORE_ROOT)->removed = true, "there is no root", node(STORE_ROOT)->removed = false);
}
END_TEST

START_TEST(a_symlink_without_a_target)
{
	char *target = node(link_id)->target;

	BROKEN(node(link_id)->target = NULL, "that of the target", node(link_id)->target = target);
}
END_TEST

static void count_line(void *context, const char *line)
{
	if (strstr(line, "neither name nor lookup"))
		++*(int *)context;
}

/* Of very many that are dead, some are told. */
START_TEST(many_that_were_forgotten)
{
	enum { MANY = 100 };
	struct store_entry e[MANY];
	int lines = 0;

	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(store_tmpfile(s, cred, dir, 0600, &e[i]), 0);
		atomic_store(&node(e[i].id)->nlookup, 0);
	}
	ck_assert_int_eq(store_check(s, true, count_line, &lines), 64);
	ck_assert_int_eq(lines, 64);
	for (int i = 0; i < MANY; i++) {
		atomic_store(&node(e[i].id)->nlookup, 1);
		store_forget(s, e[i].id, 1);
	}
}
END_TEST

/* --- while others work ---------------------------------------------------- */

static atomic_bool stop;

static void *make_and_remove(void *context)
{
	node_id own = *(const node_id *)context;
	static const char bytes[9000];
	struct store_entry e, t;

	while (!atomic_load(&stop)) {
		ck_assert_int_eq(store_mknod(s, cred, own, "a", S_IFREG, 0, &e), 0);
		store_write(s, e.id, 0, bytes, sizeof(bytes), true, true);
		store_setxattr(s, cred, e.id, "user.x", bytes, 100, 0);
		store_rename(s, cred, own, "a", dir, own == dir ? "c" : "d", RENAME_WHITEOUT, NULL);
		store_forget(s, e.id, 1);
		store_tmpfile(s, cred, own, 0600, &t);
		store_unlink(s, dir, own == dir ? "c" : "d", NULL);
		store_unlink(s, own, "a", NULL);
		store_forget(s, t.id, 1);
	}
	return NULL;
}

static void *free_the_dead(void *context)
{
	const node_id *ids = context;

	usleep(20000);
	atomic_store(&node(ids[0])->nlookup, 1);
	store_forget(s, ids[0], 1);
	return NULL;
}

/* Whoever gave back the last lookup is about to free the node: that is waited for. */
START_TEST(a_node_that_is_about_to_be_freed)
{
	struct store_entry e;
	char text[1000] = "";
	pthread_t thread;

	ck_assert_int_eq(store_tmpfile(s, cred, dir, 0600, &e), 0);
	atomic_store(&node(e.id)->nlookup, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_the_dead, &e.id), 0);
	ck_assert_msg(store_check(s, false, keep_line, text) == 0, "%s", text);
	pthread_join(thread, NULL);
	ck_assert_ptr_null(node(e.id));
}
END_TEST

/* Not for ever: when nobody frees it, that is told, with others about as well. */
START_TEST(a_node_that_nobody_frees)
{
	struct store_entry e;
	char text[1000] = "";

	ck_assert_int_eq(store_tmpfile(s, cred, dir, 0600, &e), 0);
	atomic_store(&node(e.id)->nlookup, 0);
	ck_assert_int_eq(store_check(s, false, keep_line, text), 1);
	ck_assert_ptr_nonnull(strstr(text, "not freed"));
	atomic_store(&node(e.id)->nlookup, 1);
	store_forget(s, e.id, 1);
}
END_TEST

/* Charged, and not in the table: another is just making it, who is waited for a while. */
START_TEST(nodes_on_their_way)
{
	char text[1000] = "";

	s->budget.nodes++;
	s->budget.space.used += BUDGET_NODE;
	ck_assert_int_eq(store_check(s, false, keep_line, text), 0);
	ck_assert_int_eq(store_check(s, true, keep_line, text), 2);
	s->budget.nodes--;
	s->budget.space.used -= BUDGET_NODE;
	/* But less is charged than there is at no time. */
	s->budget.nodes--;
	ck_assert_int_eq(store_check(s, false, keep_line, text), 1);
	s->budget.nodes++;
}
END_TEST

START_TEST(others_may_be_at_work)
{
	node_id own[] = { dir, sub };
	char text[1000] = "";
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, make_and_remove, &own[i]), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_msg(store_check(s, false, keep_line, text) == 0, "%s", text);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

/* A file that is made between a look at the tree and one at the backing files: it has such a one, and no place yet. */
static bool one_comes_in_between;
static pthread_t maker;

static void *make_late(void *unused)
{
	(void)unused;
	make(dir, "late", S_IFREG);
	return NULL;
}

int __real_backing_count(const struct backing *b, uint64_t *files);
int __wrap_backing_count(const struct backing *b, uint64_t *files);

int __wrap_backing_count(const struct backing *b, uint64_t *files)
{
	int err = __real_backing_count(b, files);
	uint64_t before = *files;

	if (!one_comes_in_between)
		return err;
	one_comes_in_between = false;
	pthread_create(&maker, NULL, make_late, NULL);
	while (!err && *files == before) {
		usleep(1000);
		err = __real_backing_count(b, files);
	}
	return err;
}

START_TEST(a_backing_file_comes_before_its_place)
{
	char text[1000] = "";

	one_comes_in_between = true;
	ck_assert_msg(store_check(s, false, keep_line, text) == 0, "%s", text);
	pthread_join(maker, NULL);
	must_be_sound(s);
}
END_TEST

START_TEST(backing_files)
{
	uint64_t stray, *name = &node(file)->backing;

	BROKEN(ck_assert_int_eq(backing_make(s->backing, &stray), 0), "22 backing files for 21 files",
	       backing_remove(s->backing, stray));
	BROKEN((*name)--, "backing file", (*name)++); /* names begin at 0, with this one */
	ck_assert_int_eq(fchmodat(backing_root(s->backing), "0", 0644, 0), 0);
	finds("of another kind");
	ck_assert_int_eq(fchmodat(backing_root(s->backing), "0", 0600, 0), 0);
	ck_assert_int_eq(linkat(backing_root(s->backing), "0", backing_root(s->backing), "x", 0), 0);
	finds("of another kind");
	ck_assert_int_eq(unlinkat(backing_root(s->backing), "x", 0), 0);
}
END_TEST

static TCase *make_backed_case(void)
{
	TCase *tc = tcase_create("store_check over backing files");

	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, setup_backed, teardown);
	tcase_add_test(tc, link_counts_and_parents);
	tcase_add_test(tc, a_circle);
	tcase_add_test(tc, backing_files);
	tcase_add_test(tc, a_backing_file_comes_before_its_place);
	tcase_add_test(tc, others_may_be_at_work);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("store_check");
	TCase *tc = tcase_create("store_check");

	if (can_back())
		suite_add_tcase(suite, make_backed_case());
	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, link_counts_and_parents);
	tcase_add_test(tc, a_circle);
	tcase_add_test(tc, sums);
	tcase_add_test(tc, bytes_of_a_hole);
	tcase_add_test(tc, entries_and_slots);
	tcase_add_test(tc, a_node_that_was_forgotten);
	tcase_add_test(tc, names_of_attributes);
	tcase_add_test(tc, ways_that_do_not_lead_up);
	tcase_add_test(tc, a_symlink_without_a_target);
	tcase_add_test(tc, many_that_were_forgotten);
	tcase_add_test(tc, a_node_that_is_about_to_be_freed);
	tcase_add_test(tc, a_node_that_nobody_frees);
	tcase_add_test(tc, nodes_on_their_way);
	tcase_add_test(tc, others_may_be_at_work);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
