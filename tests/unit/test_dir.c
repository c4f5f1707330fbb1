/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "store/dir.h"
#include "unit.h"

static struct dir dir;

static void setup(void)
{
	dir_init(&dir);
}

static void teardown(void)
{
	dir_destroy(&dir);
}

static struct dir_name name_of(const char *text)
{
	struct dir_name n;

	ck_assert_int_eq(dir_name_init(&n, text), 0);
	return n;
}

static void insert(const char *text, node_id id)
{
	struct dir_name n = name_of(text);
	struct dirent_node *e = dir_entry_create(&n);

	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(dir_reserve(&dir, 1), 0);
	dir_insert(&dir, e, id, 8);
}

static struct dirent_node *find(const char *text)
{
	struct dir_name n = name_of(text);

	return dir_find(&dir, &n);
}

START_TEST(names_have_1_to_255_bytes)
{
	char longest[257];
	struct dir_name n;

	memset(longest, 'x', 256);
	longest[256] = '\0';
	ck_assert_int_eq(dir_name_init(&n, longest), -ENAMETOOLONG);
	longest[255] = '\0';
	ck_assert_int_eq(dir_name_init(&n, longest), 0);
	ck_assert_int_eq(dir_name_init(&n, ""), -ENOENT);
}
END_TEST

START_TEST(what_is_inserted_is_found_until_removed)
{
	insert("a", 10);
	insert("b", 11);
	ck_assert_uint_eq(find("a")->node, 10);
	ck_assert_ptr_null(find("c"));
	dir_remove(&dir, find("a"));
	ck_assert_ptr_null(find("a"));
	ck_assert_uint_eq(find("b")->node, 11);
	ck_assert_uint_eq(dir.live, 1);
}
END_TEST

START_TEST(listing_goes_on_behind_an_entry_that_was_removed)
{
	uint64_t cookie;

	insert("a", 10);
	insert("b", 11);
	insert("c", 12);
	cookie = find("b")->cookie;
	dir_remove(&dir, find("b"));
	ck_assert_str_eq(dir_next(&dir, cookie)->name, "c");
	ck_assert_str_eq(dir_next(&dir, 0)->name, "a");
	ck_assert_ptr_null(dir_next(&dir, find("c")->cookie));
}
END_TEST

/* Random insertions and removals against an array of what should be there. */
START_TEST(random_changes_agree_with_a_model)
{
	enum { NAMES = 3000 };
	static bool there[NAMES];
	uint64_t state = unit_seed("dir");
	unsigned live = 0;
	char text[16];

	memset(there, 0, sizeof(there));
	for (int step = 0; step < 200000; step++) {
		/* Phases in which it mostly grows, and mostly shrinks. */
		bool grow = (step / 20000) % 2 == 0;
		unsigned i = (unsigned)(unit_random(&state) % NAMES);

		snprintf(text, sizeof(text), "n%u", i);
		ck_assert_int_eq(find(text) != NULL, there[i]);
		if (there[i] && (!grow || unit_random(&state) % 8 == 0)) {
			dir_remove(&dir, find(text));
			there[i] = false;
			live--;
		} else if (!there[i] && (grow || unit_random(&state) % 8 == 0)) {
			insert(text, i + 1);
			there[i] = true;
			live++;
		}
		ck_assert_uint_eq(dir.live, live);
	}
}
END_TEST

START_TEST(an_entry_there_all_the_time_is_listed_exactly_once)
{
	uint64_t state = unit_seed("dir listing");
	unsigned seen[1000] = { 0 };
	struct dirent_node *e;
	uint64_t cookie = 0;
	char text[24];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "stay%u", i);
		insert(text, i + 1);
		snprintf(text, sizeof(text), "go%u", i);
		insert(text, 5000);
	}
	for (unsigned round = 0; (e = dir_next(&dir, cookie)); round++) {
		unsigned victim = (unsigned)(unit_random(&state) % 1000);

		cookie = e->cookie;
		if (e->node <= 1000)
			seen[e->node - 1]++;
		snprintf(text, sizeof(text), "go%u", victim);
		if (find(text))
			dir_remove(&dir, find(text));
		if (round < 500) {
			snprintf(text, sizeof(text), "new%u", round);
			insert(text, 6000);
		}
	}
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(seen[i], 1);
}
END_TEST

START_TEST(memory_shrinks_with_the_directory)
{
	char text[16];

	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		insert(text, i + 1);
	}
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		dir_remove(&dir, find(text));
	}
	ck_assert_uint_le(dir.capacity, 64);
	ck_assert_uint_eq(dir.slot_count, 0);
}
END_TEST

/* Their hashes are the same: by the bytes they are told apart. */
START_TEST(names_that_collide)
{
	struct dir_name n = name_of("ab");

	insert("cd", 1);
	insert("efg", 2);
	find("cd")->hash = n.hash;
	find("efg")->hash = n.hash;
	ck_assert_ptr_null(find("ab"));
	insert("ab", 3);
	ck_assert_uint_eq(find("ab")->node, 3);
}
END_TEST

START_TEST(there_is_a_limit_to_entries)
{
	insert("a", 1);
	dir.live = 1u << 31;
	ck_assert_int_eq(dir_reserve(&dir, 1), -ENOSPC);
	dir.live = (1u << 31) - 1;
	ck_assert_int_eq(dir_reserve(&dir, 2), -ENOSPC);
	dir.live = 1;
	ck_assert_int_eq(dir_reserve(&dir, 1), 0);
}
END_TEST

/* Broken by a statement, which is found by these words, and mended by another. */
#define BROKEN(statement, words, mend) \
	do { \
		statement; \
		ck_assert_ptr_nonnull(dir_check(&dir)); \
		ck_assert_str_eq(dir_check(&dir), words); \
		mend; \
		ck_assert_ptr_null(dir_check(&dir)); \
	} while (0)

START_TEST(what_is_broken_in_a_small_directory_is_found)
{
	struct dirent_node *a, *b;

	insert("a", 1);
	insert("b", 2);
	a = find("a");
	b = find("b");
	BROKEN(dir.used += 100, "more entries than there is room for", dir.used -= 100);
	BROKEN(dir.live = 3, "more entries than there is room for", dir.live = 2);
	BROKEN(dir.live = 1, "the count of entries is wrong", dir.live = 2);
	BROKEN(dir.slot_count = 32, "a count of slots, but no slots", dir.slot_count = 0);
	BROKEN(a->length = 2, "an entry's length or hash is not that of its name", a->length = 1);
	BROKEN(a->name[0] = '\0', "an entry's length or hash is not that of its name", a->name[0] = 'a');
	BROKEN(b->name[0] = 'a'; b->hash = a->hash, "an entry is not found by its name, or is there twice",
	       b->name[0] = 'b'; b->hash = name_of("b").hash);
	BROKEN(b->index = 0, "an entry does not know where it stands", b->index = 1);
	BROKEN(b->cookie = a->cookie, "cookies do not grow", b->cookie = a->cookie + 1);
	BROKEN(dir.next_cookie = b->cookie, "the next cookie is one that was given already",
	       dir.next_cookie = b->cookie + 1);
}
END_TEST

START_TEST(what_is_broken_in_slots_is_found)
{
	uint32_t count, first = 0, none = 0, kept;
	char text[16];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		insert(text, i + 1);
	}
	dir_remove(&dir, find("n5")); /* a gap among the entries */
	count = dir.slot_count;
	while (!dir.slots[first])
		first++;
	while (dir.slots[none])
		none++;
	kept = dir.slots[first];
	ck_assert_ptr_null(dir_check(&dir));
	BROKEN(dir.slot_count = 0, "slots are too few, or no power of two", dir.slot_count = count);
	BROKEN(dir.slot_count = count - 1, "slots are too few, or no power of two", dir.slot_count = count);
	BROKEN(dir.slot_count = 16, "slots are too few, or no power of two", dir.slot_count = count);
	BROKEN(dir.slots[first] = dir.used + 1, "a slot leads to no entry", dir.slots[first] = kept);
	BROKEN(dir.slots[first] = 6, "a slot leads to no entry", dir.slots[first] = kept);
	BROKEN(dir.slots[none] = kept, "other slots are taken than there are entries", dir.slots[none] = 0);
	BROKEN(dir.slots[first] = 0, "other slots are taken than there are entries", dir.slots[first] = kept);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dir");
	TCase *tc = tcase_create("dir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, names_have_1_to_255_bytes);
	tcase_add_test(tc, what_is_inserted_is_found_until_removed);
	tcase_add_test(tc, listing_goes_on_behind_an_entry_that_was_removed);
	tcase_add_test(tc, names_that_collide);
	tcase_add_test(tc, there_is_a_limit_to_entries);
	tcase_add_test(tc, what_is_broken_in_a_small_directory_is_found);
	tcase_add_test(tc, what_is_broken_in_slots_is_found);
	tcase_add_test(tc, random_changes_agree_with_a_model);
	tcase_add_test(tc, an_entry_there_all_the_time_is_listed_exactly_once);
	tcase_add_test(tc, memory_shrinks_with_the_directory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
