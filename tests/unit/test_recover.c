/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a damaged file what is good is saved: all of it, nothing else, and with what is missing written down. */
#include <errno.h>

#include <memfs/trace_blocks.h>
#include <memfs/trace_reader.h>

#include "made.h"

#define BLOCKS 8
#define LOOKUPS 20

static char path[64], saved[80];
static struct made m;
static size_t at[BLOCKS + 1];
static struct trace_recovery result;
static const char *why;

static void setup(void)
{
	char name[16];

	snprintf(path, sizeof(path), "/tmp/memfs-test-recover-%d", (int)getpid());
	snprintf(saved, sizeof(saved), "%s.saved", path);
	made_file(&m);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		snprintf(name, sizeof(name), "name-%u", (unsigned)i);
		at[i] = made_simple_block(&m, i, name, LOOKUPS);
	}
	at[BLOCKS] = m.size;
}

static void teardown(void)
{
	unlink(path);
	unlink(saved);
}

static int recover(void)
{
	int out = open(saved, O_WRONLY | O_CREAT | O_TRUNC, 0600), err;

	ck_assert_int_ge(out, 0);
	made_write(path, m.bytes, m.size);
	err = trace_recover(path, out, &result, &why);
	ck_assert_int_eq(close(out), 0);
	ck_assert(!result.out_failed);
	return err;
}

static void expect(uint64_t blocks, uint64_t gaps, uint64_t gap_bytes, uint64_t missing)
{
	ck_assert_int_eq(recover(), 0);
	ck_assert_uint_eq(result.blocks, blocks);
	ck_assert_uint_eq(result.gaps, gaps);
	ck_assert_uint_eq(result.gap_bytes, gap_bytes);
	ck_assert_uint_eq(result.missing, missing);
}

static struct trace_reader *open_trace(const char *file)
{
	struct trace_reader *r;

	ck_assert_msg(trace_open(file, &r, &why) == 0, "%s: %s", file, why);
	return r;
}

static void is_good(void *context, const struct trace_block *block)
{
	ck_assert_int_eq(block->fault, TRACE_FAULT_NONE);
	++*(uint64_t *)context;
}

static uint64_t number(const struct trace_reader *r, const char *key)
{
	const char *value = trace_meta(r, key);

	ck_assert_msg(value, "no %s", key);
	return strtoull(value, NULL, 10);
}

/* What was saved has no fault, and says what is missing just as the result does. */
static void saved_is_sound(void)
{
	struct trace_info info;
	struct trace_event e;
	struct trace_reader *r;
	uint64_t blocks = 0;

	ck_assert_int_eq(trace_scan(saved, is_good, &blocks, &why), 0);
	ck_assert_uint_ge(blocks, result.blocks);
	r = open_trace(saved);
	while (trace_next(r, &e) == 1)
		;
	trace_get_info(r, &info);
	ck_assert(info.recovered == (result.gaps > 0));
	ck_assert_uint_eq(info.gaps, 0);
	if (result.gaps) {
		ck_assert(!info.complete);
		ck_assert_uint_eq(number(r, "recovered.blocks"), result.blocks);
		ck_assert_uint_eq(number(r, "recovered.gaps"), result.gaps);
		ck_assert_uint_eq(number(r, "recovered.gap_bytes"), result.gap_bytes);
		ck_assert_uint_eq(number(r, "recovered.missing"), result.missing);
	}
	trace_close(r);
}

/* Both have the same events, whatever they are called. Returns how many. */
static uint64_t same_events(void)
{
	struct trace_reader *a = open_trace(path), *b = open_trace(saved);
	struct trace_event x, y;
	uint64_t n = 0;

	for (; trace_next(a, &x) == 1; n++) {
		ck_assert_int_eq(trace_next(b, &y), 1);
		ck_assert_uint_eq(x.start_ns, y.start_ns);
		ck_assert_uint_eq(x.op, y.op);
	}
	ck_assert_int_eq(trace_next(b, &y), 0);
	trace_close(a);
	trace_close(b);
	return n;
}

START_TEST(a_file_without_damage_comes_out_as_it_is)
{
	static uint8_t copy[sizeof(m.bytes)];
	int fd;

	m.bytes[10] = 7; /* a newer minor version stays one */
	expect(BLOCKS, 0, 0, 0);
	ck_assert(!result.header_damaged);
	fd = open(saved, O_RDONLY);
	ck_assert_int_eq(read(fd, copy, sizeof(copy)), (ssize_t)m.size);
	close(fd);
	ck_assert_mem_eq(copy, m.bytes, m.size);
	saved_is_sound();
}
END_TEST

START_TEST(a_damaged_block_is_left_out)
{
	m.bytes[at[2] + MADE_HEADER + 1] ^= 1;
	expect(BLOCKS - 1, 1, at[3] - at[2], 1);
	saved_is_sound();
	ck_assert_uint_eq(same_events(), (BLOCKS - 1) * LOOKUPS);
}
END_TEST

START_TEST(each_gap_is_counted)
{
	size_t moved = m.size - at[5];

	m.bytes[at[1]] ^= 1;
	m.bytes[at[3]] ^= 1;
	memmove(m.bytes + at[4], m.bytes + at[5], moved); /* number 4 is gone without a trace, behind the second */
	m.size = at[4] + moved - 1; /* and the last one is torn */
	expect(BLOCKS - 4, 3, at[2] - at[1] + at[4] - at[3] + at[8] - at[7] - 1, 3);
	saved_is_sound();
	ck_assert_uint_eq(same_events(), (BLOCKS - 4) * LOOKUPS);
}
END_TEST

/* The torn end follows on damage: one gap, not two. */
START_TEST(damage_to_the_end)
{
	memset(m.bytes + at[6], 'x', m.size - at[6]);
	expect(6, 1, m.size - at[6], 0);
	saved_is_sound();
	ck_assert_uint_eq(same_events(), 6 * LOOKUPS);
}
END_TEST

START_TEST(a_damaged_header_of_the_file)
{
	struct trace_reader *r;

	memset(m.bytes, 0, 16);
	expect(BLOCKS, 1, 0, 0);
	ck_assert(result.header_damaged);
	ck_assert_int_eq(trace_open(path, &r, &why), -EPROTO);
	saved_is_sound();
}
END_TEST

/* It cannot be told apart from what is behind it. */
START_TEST(a_record_that_does_not_fit_ends_its_block)
{
	static const uint8_t too_long[] = { TRACE_RECORD_NAME, 100, 0, 'n' };
	struct trace_info info;
	struct trace_reader *r;
	struct trace_event e;

	made_file(&m);
	made_block(&m);
	made_name(&m, 0, "n");
	made_lookup(&m, 0);
	made_bytes(&m, too_long, sizeof(too_long));
	m.events = 9;
	made_block_end(&m);
	made_simple_block(&m, 1, "m", 1);
	expect(2, 1, sizeof(too_long), 0);
	saved_is_sound();
	r = open_trace(saved);
	ck_assert_int_eq(trace_next(r, &e), 1);
	ck_assert_str_eq(e.name, "n");
	ck_assert_int_eq(trace_next(r, &e), 1);
	ck_assert_str_eq(e.name, "m");
	ck_assert_int_eq(trace_next(r, &e), 0);
	trace_get_info(r, &info);
	ck_assert(info.recovered);
	trace_close(r);
}
END_TEST

/* --- names --------------------------------------------------------------------- */

/* The names of all events of the file that was saved, one behind the other. */
static void expect_names(const char *wanted)
{
	struct trace_reader *r = open_trace(saved);
	struct trace_event e;
	char names[4000] = "";

	while (trace_next(r, &e) == 1)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", e.name);
	trace_close(r);
	ck_assert_str_eq(names, wanted);
}

/* Two names, then a block that resets them and is lost, and what was numbered anew. */
static size_t make_lost_reset(void)
{
	size_t lost;

	made_block(&m);
	made_name(&m, 0, "a");
	made_name(&m, 1, "b");
	made_lookup(&m, 1);
	made_block_end(&m);
	made_block(&m);
	made_record(&m, TRACE_RECORD_NAMES_RESET, "", 0);
	made_name(&m, 0, "c");
	made_name(&m, 1, "d");
	lost = made_block_end(&m);
	made_block(&m);
	made_lookup(&m, 1); /* of "d", which nobody knows any more: not of "b" */
	made_block_end(&m);
	made_block(&m);
	made_name(&m, 1, "e"); /* as if "d" had not been; so numbers were given anew */
	made_lookup(&m, 1);
	made_block_end(&m);
	return lost;
}

START_TEST(names_of_before_a_lost_reset_are_not_mistaken)
{
	size_t lost;

	made_file(&m);
	lost = make_lost_reset();
	expect(4, 0, 0, 0);
	expect_names(" b d e");
	m.bytes[lost] ^= 1;
	ck_assert_int_eq(recover(), 0);
	ck_assert_uint_eq(result.blocks, 3);
	saved_is_sound();
	expect_names(" b ? e");
}
END_TEST

START_TEST(a_gap_without_a_reset_keeps_names)
{
	made_file(&m);
	made_simple_block(&m, 0, "a", 1);
	at[1] = made_simple_block(&m, 1, "b", 1);
	made_block(&m);
	made_lookup(&m, 0);
	made_name(&m, 2, "c");
	made_lookup(&m, 2);
	made_block_end(&m);
	/* What begins anew behind the gap, and says so, needs no more. */
	made_block(&m);
	made_record(&m, TRACE_RECORD_NAMES_RESET, "", 0);
	made_name(&m, 0, "d");
	made_lookup(&m, 0);
	made_block_end(&m);
	m.bytes[at[1]] ^= 1;
	ck_assert_int_eq(recover(), 0);
	saved_is_sound();
	expect_names(" a a c d");
}
END_TEST

START_TEST(a_reset_that_is_whole_behind_a_gap)
{
	made_file(&m);
	made_simple_block(&m, 0, "a", 1);
	at[1] = made_simple_block(&m, 1, "b", 1);
	made_block(&m);
	made_record(&m, TRACE_RECORD_NAMES_RESET, "", 0);
	made_name(&m, 0, "c");
	made_lookup(&m, 0);
	made_block_end(&m);
	m.bytes[at[1]] ^= 1;
	expect(2, 1, m.block - at[1], 1);
	saved_is_sound();
	expect_names(" a c");
}
END_TEST

/* More than are kept in one go, and each with its own reset lost. */
START_TEST(many_lost_resets)
{
	char wanted[4000] = "";

	made_file(&m);
	for (int i = 0; i < 100; i++) {
		m.bytes[make_lost_reset()] ^= 1;
		/* From the second on nothing says that numbers began anew before: the gap was behind "b". */
		strcat(wanted, " b ? e");
		made_block(&m);
		made_record(&m, TRACE_RECORD_NAMES_RESET, "", 0);
		made_block_end(&m);
	}
	ck_assert_int_eq(recover(), 0);
	ck_assert_uint_eq(result.gaps, 100);
	ck_assert_uint_eq(result.missing, 100);
	saved_is_sound();
	expect_names(wanted);
}
END_TEST

/* --- what cannot be ------------------------------------------------------------ */

START_TEST(what_has_nothing_good_is_refused)
{
	int out = open("/dev/null", O_WRONLY);

	ck_assert_int_eq(trace_recover("/no/such", out, &result, &why), -ENOENT);
	ck_assert_str_eq(why, "cannot be opened");
	ck_assert_int_eq(trace_recover("/tmp", out, &result, &why), -EISDIR);
	ck_assert_str_eq(why, "cannot be read");
	close(out);
	m.size = 16;
	ck_assert_int_eq(recover(), -EPROTO);
	ck_assert_str_eq(why, "has no good block");
	m.bytes[0] ^= 1;
	ck_assert_int_eq(recover(), -EPROTO);
	ck_assert_str_eq(why, "is no memfs trace");
	m.bytes[0] ^= 1;
	m.bytes[8] = 9;
	ck_assert_int_eq(recover(), -ENOTSUP);
	ck_assert_str_eq(why, "is a trace of another major version");
}
END_TEST

START_TEST(where_nothing_can_be_written)
{
	int out = open("/dev/full", O_WRONLY);

	made_write(path, m.bytes, m.size);
	ck_assert_int_eq(trace_recover(path, out, &result, &why), -ENOSPC);
	ck_assert_str_eq(why, "cannot be written");
	ck_assert(result.out_failed);
	close(out);
}
END_TEST

/* However it is damaged: events of the good blocks are there, as many as the reader finds that passes over damage. */
START_TEST(nothing_good_is_lost)
{
	uint64_t state = unit_seed("recover damage");
	static struct made whole;

	whole = m;
	for (int round = 0; round < 300; round++) {
		m = whole;
		for (uint64_t flips = unit_random(&state) % 6; flips; flips--)
			m.bytes[16 + unit_random(&state) % (m.size - 16)] ^=
				(uint8_t)(1 + unit_random(&state) % 255);
		if (unit_random(&state) % 2)
			m.size -= unit_random(&state) % (m.size - at[1]);
		if (recover() < 0) {
			ck_assert_str_eq(why, "has no good block");
			continue;
		}
		saved_is_sound();
		ck_assert_uint_eq(same_events(), result.blocks * LOOKUPS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recover");
	TCase *tc = tcase_create("recover");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_file_without_damage_comes_out_as_it_is);
	tcase_add_test(tc, a_damaged_block_is_left_out);
	tcase_add_test(tc, each_gap_is_counted);
	tcase_add_test(tc, damage_to_the_end);
	tcase_add_test(tc, a_damaged_header_of_the_file);
	tcase_add_test(tc, a_record_that_does_not_fit_ends_its_block);
	tcase_add_test(tc, names_of_before_a_lost_reset_are_not_mistaken);
	tcase_add_test(tc, a_gap_without_a_reset_keeps_names);
	tcase_add_test(tc, a_reset_that_is_whole_behind_a_gap);
	tcase_add_test(tc, many_lost_resets);
	tcase_add_test(tc, what_has_nothing_good_is_refused);
	tcase_add_test(tc, where_nothing_can_be_written);
	tcase_add_test(tc, nothing_good_is_lost);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
