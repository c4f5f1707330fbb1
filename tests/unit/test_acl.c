/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "store/acl.h"
#include "unit.h"

#define MAX 8

struct list {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[MAX];
	size_t size;
};

static void add(struct list *l, unsigned tag, unsigned perm)
{
	size_t count = (l->size - sizeof(l->header)) / sizeof(l->entries[0]);

	l->entries[count] = (struct posix_acl_xattr_entry){
		.e_tag = htole16((uint16_t)tag),
		.e_perm = htole16((uint16_t)perm),
		.e_id = htole32(tag == ACL_USER || tag == ACL_GROUP ? 1000 : ACL_UNDEFINED_ID),
	};
	l->size += sizeof(l->entries[0]);
}

static struct list empty(void)
{
	struct list l = { .size = sizeof(l.header) };

	l.header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	return l;
}

static struct list minimal(unsigned owner, unsigned group, unsigned other)
{
	struct list l = empty();

	add(&l, ACL_USER_OBJ, owner);
	add(&l, ACL_GROUP_OBJ, group);
	add(&l, ACL_OTHER, other);
	return l;
}

static struct list extended(unsigned owner, unsigned user, unsigned group, unsigned mask,
			    unsigned other)
{
	struct list l = empty();

	add(&l, ACL_USER_OBJ, owner);
	add(&l, ACL_USER, user);
	add(&l, ACL_GROUP_OBJ, group);
	add(&l, ACL_MASK, mask);
	add(&l, ACL_OTHER, other);
	return l;
}

static unsigned perm_of(const struct list *l, int entry)
{
	return le16toh(l->entries[entry].e_perm);
}

START_TEST(knows_good_lists_from_bad_ones)
{
	struct list l = minimal(7, 5, 1);

	ck_assert(acl_is_valid(&l, l.size));
	ck_assert(!acl_is_valid(&l, l.size - 1));
	ck_assert(!acl_is_valid(&l, 0));
	ck_assert(!acl_is_valid(&l, sizeof(l.header)));
	add(&l, ACL_USER, 7);
	ck_assert_msg(!acl_is_valid(&l, l.size), "a named user needs a mask");
	add(&l, ACL_MASK, 7);
	ck_assert(acl_is_valid(&l, l.size));
	add(&l, ACL_OTHER, 0);
	ck_assert_msg(!acl_is_valid(&l, l.size), "others twice");
	l = minimal(8, 5, 1);
	ck_assert_msg(!acl_is_valid(&l, l.size), "a permission that there is none");
	l = minimal(7, 5, 1);
	l.header.a_version = htole32(3);
	ck_assert(!acl_is_valid(&l, l.size));
	l = empty();
	add(&l, 0x40, 7);
	ck_assert(!acl_is_valid(&l, l.size));
}
END_TEST

START_TEST(shows_in_the_mode)
{
	struct list l = minimal(7, 5, 1);
	mode_t perm = 07000;

	ck_assert(!acl_to_mode(&l, l.size, &perm));
	ck_assert_uint_eq(perm, 07751);
	l = extended(6, 7, 4, 2, 1);
	ck_assert(acl_to_mode(&l, l.size, &perm));
	ck_assert_uint_eq(perm, 07621);
}
END_TEST

START_TEST(follows_chmod)
{
	struct list l = extended(6, 7, 4, 2, 1);

	acl_chmod(&l, l.size, 0751);
	ck_assert_uint_eq(perm_of(&l, 0), 7);
	ck_assert_uint_eq(perm_of(&l, 1), 7);
	ck_assert_msg(perm_of(&l, 2) == 4, "the group bits are the mask's, not the group's");
	ck_assert_uint_eq(perm_of(&l, 3), 5);
	ck_assert_uint_eq(perm_of(&l, 4), 1);
	l = minimal(0, 0, 0);
	acl_chmod(&l, l.size, 0751);
	ck_assert_uint_eq(perm_of(&l, 1), 5);
}
END_TEST

START_TEST(meets_the_mode_of_what_is_made)
{
	struct list l = extended(7, 7, 5, 6, 4);
	mode_t perm = 01640;

	ck_assert(acl_create(&l, l.size, &perm));
	ck_assert_uint_eq(perm, 01640);
	ck_assert_uint_eq(perm_of(&l, 0), 6);
	ck_assert_uint_eq(perm_of(&l, 1), 7);
	ck_assert_uint_eq(perm_of(&l, 2), 5);
	ck_assert_uint_eq(perm_of(&l, 3), 4);
	ck_assert_uint_eq(perm_of(&l, 4), 0);
	l = minimal(7, 5, 0);
	perm = 0666;
	ck_assert(!acl_create(&l, l.size, &perm));
	ck_assert_uint_eq(perm, 0640);
}
END_TEST

/* What no check has let in: whoever asks for an entry that is not there gets none. */
START_TEST(lists_that_lack_an_entry)
{
	const unsigned tags[] = { ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_OTHER };

	for (int absent = 0; absent < 3; absent++) {
		struct list l = empty();
		mode_t perm = 0754;

		for (int i = 0; i < 3; i++)
			if (i != absent)
				add(&l, tags[i], 7);
		ck_assert(!acl_is_valid(&l, l.size));
		acl_chmod((char *)&l, l.size, 0210);
		ck_assert_uint_eq(perm_of(&l, 0), absent == 0 ? 1 : 2);
		ck_assert_uint_eq(perm_of(&l, 1), absent == 2 ? 1 : 0);
		ck_assert(!acl_create((char *)&l, l.size, &perm));
		ck_assert_uint_eq(perm, absent == 0 ? 0710 : absent == 1 ? 0250 : 0214);
	}
}
END_TEST

START_TEST(an_entry_too_many)
{
	const unsigned tags[] = { ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_OTHER, ACL_MASK };

	for (int twice = 0; twice < 4; twice++) {
		struct list l = extended(7, 7, 5, 5, 1);

		ck_assert(acl_is_valid(&l, l.size));
		add(&l, tags[twice], 0);
		ck_assert(!acl_is_valid(&l, l.size));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acl");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, knows_good_lists_from_bad_ones);
	tcase_add_test(tc, shows_in_the_mode);
	tcase_add_test(tc, follows_chmod);
	tcase_add_test(tc, meets_the_mode_of_what_is_made);
	tcase_add_test(tc, lists_that_lack_an_entry);
	tcase_add_test(tc, an_entry_too_many);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
