/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "store/node.h"
#include "unit.h"

#define COUNT 20000u /* several chunks */
#define MANY 100000u /* so many that their slots are seen among all that a sanitizer takes, too */
#define CHUNK 4096u

static struct node_table *t;
static struct node *nodes; /* MANY of them, plus the root */
static node_id *old;   /* their ids before they were unpublished */
static node_id *next;  /* of each slot: the least id that may come, for none comes again */

static void is_sound(void)
{
	const char *wrong = node_table_check(t);

	ck_assert_msg(!wrong, "%s", wrong);
}

static void setup(void)
{
	ck_assert_int_eq(node_table_create(&t), 0);
	nodes = calloc(MANY + 1, sizeof(*nodes));
	old = calloc(MANY + 1, sizeof(*old));
	next = calloc(2 * MANY, sizeof(*next));
	ck_assert_int_eq(node_publish(t, &nodes[0]), 0);
	ck_assert_uint_eq(nodes[0].id, 1);
}

static void teardown(void)
{
	is_sound();
	node_table_destroy(t);
	free(nodes);
	free(old);
	free(next);
}

static void publish(uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		ck_assert_int_eq(node_publish(t, &nodes[i]), 0);
		if (node_get(t, nodes[i].id) != &nodes[i])
			ck_abort_msg("node %u is not found", i);
		if (nodes[i].id < next[(uint32_t)nodes[i].id])
			ck_abort_msg("id %llx has come again", (unsigned long long)nodes[i].id);
		next[(uint32_t)nodes[i].id] = nodes[i].id + (UINT64_C(1) << 32);
	}
}

static void unpublish(uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		old[i] = nodes[i].id;
		node_unpublish(t, &nodes[i]);
		if (node_get(t, old[i]))
			ck_abort_msg("node %u is still found", i);
	}
}

/* In KiB. statm(5) is some pages behind. */
static unsigned long resident(void)
{
	unsigned long size = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	ck_assert(f && fscanf(f, "%*[^\n] Rss: %lu kB", &size) == 1);
	fclose(f);
	return size;
}

START_TEST(ids_are_numbers_in_order_at_first)
{
	publish(1, COUNT + 1);
	for (uint32_t i = 1; i <= COUNT; i++)
		if (nodes[i].id != i + 1)
			ck_abort_msg("node %u has the id %llu", i, (unsigned long long)nodes[i].id);
	is_sound();
	ck_assert_ptr_null(node_get(t, 0));
	ck_assert_ptr_null(node_get(t, COUNT + 2));
	ck_assert_ptr_null(node_get(t, UINT64_MAX));
	ck_assert_ptr_null(node_get(t, UINT64_C(1) << 32 | 5));
	ck_assert_uint_ge(node_table_end(t), COUNT + 2);
	ck_assert_ptr_eq(node_table_at(t, 7), &nodes[6]);
}
END_TEST

START_TEST(a_slot_is_used_again_with_another_id)
{
	publish(1, 11);
	unpublish(5, 6);
	is_sound();
	publish(5, 6);
	ck_assert_uint_eq((uint32_t)nodes[5].id, (uint32_t)old[5]);
	ck_assert_uint_eq(nodes[5].id >> 32, 1);
	ck_assert_ptr_null(node_get(t, old[5]));
}
END_TEST

/* All of a chunk begin anew above the one that was used most often. */
START_TEST(no_id_comes_again_after_memory_was_given_back)
{
	publish(1, COUNT + 1);
	unpublish(1, COUNT + 1);
	publish(CHUNK, CHUNK + 1); /* the slot that was freed last */
	unpublish(CHUNK, CHUNK + 1);
	ck_assert_uint_eq(old[CHUNK] >> 32, 1);
	for (int round = 0; round < 5; round++) {
		node_table_reclaim(t);
		is_sound();
		for (uint32_t i = 1; i <= COUNT; i++)
			if (node_get(t, old[i]))
				ck_abort_msg("node %u has come again", i);
		publish(1, COUNT + 1);
		unpublish(1, COUNT + 1);
	}
	ck_assert_ptr_eq(node_get(t, 1), &nodes[0]);
}
END_TEST

START_TEST(memory_of_empty_chunks_goes_back)
{
	unsigned long full, empty;

	publish(1, MANY + 1);
	memcpy(old, next, MANY * sizeof(*old)); /* so that it is in memory */
	full = resident();
	unpublish(1, MANY + 1);
	node_table_reclaim(t);
	empty = resident();
	/* 23 whole chunks of 64 KiB, and what was used of the last; less what this program has taken meanwhile. */
	ck_assert_msg(empty + 16 * 64 <= full, "%lu KiB with nodes, %lu without", full, empty);
}
END_TEST

START_TEST(a_chunk_with_a_node_stays)
{
	uint32_t kept = 2 * CHUNK + 17;

	publish(1, COUNT + 1);
	unpublish(1, kept);
	unpublish(kept + 1, COUNT + 1);
	node_table_reclaim(t);
	is_sound();
	ck_assert_ptr_eq(node_get(t, nodes[kept].id), &nodes[kept]);
	/* Nothing is taken twice. */
	publish(1, kept);
	publish(kept + 1, COUNT + 1);
	is_sound();
	for (uint32_t i = 1; i <= COUNT; i++)
		if (node_get(t, nodes[i].id) != &nodes[i])
			ck_abort_msg("node %u is not found", i);
	ck_assert_uint_le(node_table_end(t), COUNT + CHUNK);
}
END_TEST

static _Atomic bool stop;

static void *reclaim_again_and_again(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		node_table_reclaim(t);
		usleep(100);
	}
	return NULL;
}

static void *look_again_and_again(void *unused)
{
	size_t *found = unused;

	while (!atomic_load(&stop))
		for (uint32_t i = 2; i < COUNT; i += 97)
			*found += node_table_at(t, i) != NULL;
	return NULL;
}

START_TEST(others_may_look_meanwhile)
{
	pthread_t reclaims, looks;
	size_t found = 0;

	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&reclaims, NULL, reclaim_again_and_again, NULL), 0);
	ck_assert_int_eq(pthread_create(&looks, NULL, look_again_and_again, &found), 0);
	for (int round = 0; round < 10; round++) {
		publish(1, COUNT + 1);
		unpublish(1, COUNT + 1);
	}
	atomic_store(&stop, true);
	pthread_join(reclaims, NULL);
	pthread_join(looks, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node_table");
	TCase *tcase = tcase_create("node_table");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, ids_are_numbers_in_order_at_first);
	tcase_add_test(tcase, a_slot_is_used_again_with_another_id);
	tcase_add_test(tcase, no_id_comes_again_after_memory_was_given_back);
	tcase_add_test(tcase, memory_of_empty_chunks_goes_back);
	tcase_add_test(tcase, a_chunk_with_a_node_stays);
	tcase_add_test(tcase, others_may_look_meanwhile);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
