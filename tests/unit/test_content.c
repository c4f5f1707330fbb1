/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "content.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define SIZE 20000

/* The first numbers of splitmix64 from this seed, as others have published them. */
START_TEST(it_is_splitmix64)
{
	static const uint64_t published[] = {
		UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	struct content content = { .seed = 1234567 };
	uint64_t words[5];

	content_fill(&content, words, sizeof(words), 0);
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(le64toh(words[i]), published[i]);
}
END_TEST

/* In whatever parts it is made. */
static void check_parts(const struct content *content, uint64_t *state)
{
	static unsigned char whole[SIZE], parts[SIZE];
	size_t part;

	content_fill(content, whole, SIZE, 0);
	for (size_t at = 0; at < SIZE; at += part) {
		part = 1 + (size_t)(unit_random(state) % (unit_random(state) % 2 ? 20 : 5000));
		if (part > SIZE - at)
			part = SIZE - at;
		content_fill(content, parts + at, part, at);
	}
	ck_assert_mem_eq(whole, parts, SIZE);
}

START_TEST(a_byte_depends_on_seed_and_place_only)
{
	uint64_t state = unit_seed("content");
	struct content content = { .seed = state };

	for (int i = 0; i < 50; i++) {
		content.text = i % 2;
		check_parts(&content, &state);
	}
}
END_TEST

START_TEST(text_is_lines)
{
	struct content content = { .seed = 3, .text = true };
	char text[10 * CONTENT_LINE];

	content_fill(&content, text, sizeof(text), 0);
	for (size_t i = 0; i < sizeof(text); i++) {
		if (i % CONTENT_LINE == CONTENT_LINE - 1)
			ck_assert_int_eq(text[i], '\n');
		else
			ck_assert(text[i] >= '0' && text[i] <= 'o');
	}
}
END_TEST

static void check_file(const struct content *content)
{
	char path[] = "/tmp/test-content-XXXXXX", wanted[CONTENT_HASH], found[CONTENT_HASH];
	int fd = mkstemp(path);
	uint64_t size;

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(content_write(content, path));
	ck_assert(content_hash_file(path, found, &size));
	content_hash(content, wanted);
	ck_assert_str_eq(found, wanted);
	ck_assert_uint_eq(size, content->size + strlen(content->first));
	ck_assert_int_eq(truncate(path, (off_t)size - 1), 0);
	ck_assert(content_hash_file(path, found, &size));
	ck_assert_str_ne(found, wanted);
	unlink(path);
}

START_TEST(a_file_has_the_hash_of_its_content)
{
	struct content content = { .seed = 5, .size = 3000001 };

	check_file(&content);
	content = (struct content){ .seed = 5, .size = 1 << 20, .text = true, .first = "edited\n" };
	check_file(&content);
}
END_TEST

START_TEST(another_content_has_another_hash)
{
	struct content contents[] = {
		{ .seed = 1, .size = 4096 }, { .seed = 2, .size = 4096 }, { .seed = 1, .size = 4095 },
		{ .seed = 1, .size = 4096, .text = true },
		{ .seed = 1, .size = 4096, .text = true, .first = "x" },
	};
	const size_t count = sizeof(contents) / sizeof(contents[0]);
	char hashes[5][CONTENT_HASH];

	for (size_t i = 0; i < count; i++) {
		content_hash(&contents[i], hashes[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(hashes[i], hashes[j]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("content");
	TCase *tc = tcase_create("content");

	tcase_add_test(tc, it_is_splitmix64);
	tcase_add_test(tc, a_byte_depends_on_seed_and_place_only);
	tcase_add_test(tc, text_is_lines);
	tcase_add_test(tc, a_file_has_the_hash_of_its_content);
	tcase_add_test(tc, another_content_has_another_hash);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
