/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store over backing files, of which each system call fails once (faulty.h): the call of the store says so, the tree is
 * sound, nothing is left open, and the same call works when it is made again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fuzz/sound.h"
#include "backed.h"
#include "faulty.h"
#include "store/node.h"
#include "unit.h"

#define SIZE 100000

static const struct store_cred cred = { .uid = 1000, .gid = 1000, .umask = 022 };
static struct store *s;
static node_id f, g, d;
static uint8_t bytes[SIZE];
static struct store_entry entry;

static void setup(void)
{
	struct store_options options = {
		.mode = 0755, .size = 1 << 24, .nr_inodes = 1000, .backing = true,
	};

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i % 251 + 1);
	ck_assert_int_eq(store_create(&options, &s), 0);
	ck_assert_int_eq(store_mkdir(s, cred, STORE_ROOT, "d", 0755, &entry), 0);
	d = entry.id;
	ck_assert_int_eq(store_mknod(s, cred, d, "f", S_IFREG | 0644, 0, &entry), 0);
	f = entry.id;
	ck_assert_int_eq(store_mknod(s, cred, d, "g", S_IFREG | 0644, 0, &entry), 0);
	g = entry.id;
	ck_assert_int_eq(store_write(s, f, 0, bytes, SIZE, true, true), SIZE);
}

static void teardown(void)
{
	must_be_sound(s);
	store_destroy(s);
}

typedef int64_t call_fn(void);

/* The n-th call of the function within one of the store's fails. What comes of it; false: there were not so many. */
static bool hit(call_fn *call, const char *function, uint64_t n, int error, int64_t *result)
{
	uint64_t descriptors = count_descriptors();
	const char *failed;

	faulty_at(function, n, error);
	*result = call();
	failed = faulty_stop();
	ck_assert_uint_eq(count_descriptors(), descriptors);
	must_be_sound(s);
	return failed;
}

/* Each time that the function is called in it, `times` of them, it fails the whole; and without, it does not. */
static void fails_with(call_fn *call, const char *function, int error, int expected, unsigned times)
{
	int64_t result;

	for (unsigned n = 1; n <= times; n++) {
		ck_assert_msg(hit(call, function, n, error, &result), "%s is not called %u times", function, n);
		ck_assert_msg(result == expected, "%s, time %u: %lld, not %d", function, n, (long long)result,
			      expected);
	}
	ck_assert_msg(!hit(call, function, times + 1, error, &result), "%s is called more than %u times", function,
		      times);
	ck_assert_msg(result >= 0, "without a fault in %s: %lld", function, (long long)result);
}

static void fails(call_fn *call, const char *function)
{
	fails_with(call, function, EIO, -EIO, 1);
}

/* For who uses a filesystem, the daemon's limit is the system's. */
static void fails_open(call_fn *call, unsigned times)
{
	fails_with(call, "openat", EMFILE, -ENFILE, times);
	fails_with(call, "openat", ENOENT, -ENOENT, times);
}

/* --- names -------------------------------------------------------------------- */

static struct stat stat_of(node_id id)
{
	struct stat st;

	ck_assert_int_eq(store_getattr(s, id, &st), 0);
	return st;
}

static uint64_t nodes(void)
{
	struct store_usage usage;

	store_usage(s, &usage);
	return usage.nodes;
}

/* Makes and removes it, so that it can be made again. */
static int64_t make(void)
{
	int err = store_mknod(s, cred, d, "new", S_IFREG | 0644, 0, &entry);

	if (!err) {
		store_unlink(s, d, "new", NULL);
		store_forget(s, entry.id, 1);
	}
	return err;
}

static int64_t make_tmpfile(void)
{
	int err = store_tmpfile(s, cred, d, 0600, &entry);

	if (!err)
		store_forget(s, entry.id, 1);
	return err;
}

static int64_t put_link(void)
{
	int err = store_link(s, f, d, "link", &entry);

	if (!err) {
		store_unlink(s, d, "link", NULL);
		store_forget(s, f, 1);
	}
	return err;
}

static int64_t look_up(void)
{
	int err = store_lookup(s, d, "f", &entry);

	if (!err)
		store_forget(s, f, 1);
	return err;
}

static bool count_entry(void *context, const char *name, uint64_t cookie, const struct store_entry *e)
{
	(void)name;
	(void)cookie;
	(void)e;
	++*(int64_t *)context;
	return true;
}

static int64_t list_plus(void)
{
	int64_t count = 0;
	int err = store_readdir(s, d, 0, true, count_entry, &count);

	if (!err && count == 4) {
		store_forget(s, f, 1);
		store_forget(s, g, 1);
	}
	return err ? err : count;
}

START_TEST(a_node_that_gets_no_file_is_none)
{
	uint64_t before = nodes();

	fails_with(make, "mknodat", ENOSPC, -ENOSPC, 1);
	fails(make, "fstatat");
	fails_with(make_tmpfile, "mknodat", ENOSPC, -ENOSPC, 1);
	fails(make_tmpfile, "fstatat");
	ck_assert_uint_eq(nodes(), before);
	ck_assert_int_eq(store_lookup(s, d, "new", &entry), -ENOENT);
}
END_TEST

START_TEST(a_link_that_fails_is_none)
{
	struct stat before = stat_of(f), after;

	fails(put_link, "fstatat");
	after = stat_of(f);
	ck_assert_uint_eq(after.st_nlink, before.st_nlink);
	ck_assert_int_eq(store_lookup(s, d, "link", &entry), -ENOENT);
}
END_TEST

START_TEST(lookups_that_fail_give_nothing)
{
	int64_t result;

	fails(look_up, "fstatat");
	/* Of a listing it is left out, and the others come. */
	ck_assert_int_eq(list_plus(), 4);
	ck_assert(hit(list_plus, "fstatat", 1, EIO, &result));
	ck_assert_int_eq(result, 3);
	store_forget(s, g, 1);
}
END_TEST

/* --- attributes and bytes --------------------------------------------------------- */

static int64_t get_attributes(void)
{
	struct stat st;

	return store_getattr(s, f, &st);
}

static int64_t set_attributes(unsigned mask)
{
	struct stat st = { .st_size = SIZE, .st_atim = { 1, 2 }, .st_mtim = { 3, 4 } };

	return store_setattr(s, f, mask, &st, &st);
}

static int64_t set_size(void)
{
	return set_attributes(STORE_SET_SIZE);
}

static int64_t set_times(void)
{
	return set_attributes(STORE_SET_ATIME | STORE_SET_MTIME);
}

static int64_t read_all(void)
{
	struct store_view view;
	int err = store_read_begin(s, f, 0, SIZE, &view);
	int64_t size;

	if (err)
		return err;
	size = (int64_t)view.size;
	if (view.count != 1 || memcmp(view.iov[0].iov_base, bytes, view.size) != 0)
		size = -ENOTRECOVERABLE; /* what no call of the store gives */
	store_read_end(&view);
	return size;
}

static int64_t write_all(void)
{
	return store_write(s, f, 0, bytes, SIZE, true, true);
}

static int64_t truncate_open(void)
{
	return store_open(s, g, O_RDWR | O_TRUNC, true);
}

START_TEST(attributes)
{
	fails(get_attributes, "fstatat");
	fails(set_size, "fstatat");
	fails(set_size, "ftruncate");
	fails_open(set_size, 1);
	fails(set_times, "utimensat");
	fails_open(truncate_open, 1);
	ck_assert_int_eq(stat_of(f).st_atim.tv_sec, 1);
	ck_assert_int_eq(stat_of(f).st_mtim.tv_nsec, 4);
}
END_TEST

START_TEST(reads_and_writes)
{
	fails(read_all, "pread");
	fails_open(read_all, 1);
	fails_with(write_all, "pwrite", ENOSPC, -ENOSPC, 1);
	fails_open(write_all, 1);
	ck_assert_int_eq(read_all(), SIZE);
}
END_TEST

/* In pieces they are made whole; and of what was done before an error, that is told. */
START_TEST(short_reads_and_writes)
{
	int64_t done;

	faulty_in_pieces(false);
	done = write_all();
	faulty_stop();
	ck_assert_int_eq(done, SIZE);
	faulty_in_pieces(false);
	done = read_all();
	faulty_stop();
	ck_assert_int_eq(done, SIZE);
}
END_TEST

/* --- holes and copies ------------------------------------------------------------------ */

static int64_t allocate(void)
{
	return store_fallocate(s, f, FALLOC_FL_KEEP_SIZE, 0, SIZE);
}

/* Over several pieces of zeros, then the bytes of before. */
static int64_t zero(void)
{
	int err = store_fallocate(s, f, FALLOC_FL_ZERO_RANGE, 0, SIZE);

	if (!err && write_all() != SIZE)
		err = -ENOTRECOVERABLE;
	return err;
}

static int64_t seek(void)
{
	return store_seek(s, f, 0, SEEK_HOLE);
}

static int64_t copy(void)
{
	return store_copy(s, f, 0, g, 0, SIZE);
}

START_TEST(allocations)
{
	fails_with(allocate, "fallocate", ENOSPC, -ENOSPC, 1);
	fails_with(allocate, "fallocate", EINTR, 0, 1); /* is tried again */
	fails(allocate, "futimens");
	fails_open(allocate, 1);
	fails(zero, "fstat");
	fails(zero, "fallocate");
}
END_TEST

START_TEST(zeros_that_cannot_be_written)
{
	int64_t result;

	for (unsigned n = 1; n <= 2; n++) {
		ck_assert(hit(zero, "pwrite", n, EIO, &result));
		ck_assert_int_eq(result, -EIO);
		ck_assert_int_eq(write_all(), SIZE);
	}
	ck_assert_int_eq(zero(), 0);
	ck_assert_int_eq(read_all(), SIZE);
}
END_TEST

START_TEST(seeks)
{
	fails(seek, "lseek");
	fails_open(seek, 1);
	ck_assert_int_eq(seek(), SIZE);
	ck_assert_int_eq(store_seek(s, f, (uint64_t)INT64_MAX + 1, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(store_seek(s, f, SIZE, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(store_seek(s, f, 0, SEEK_SET), -EINVAL);
}
END_TEST

START_TEST(copies)
{
	struct store_view view;
	int64_t result;

	fails_open(copy, 2);
	fails(copy, "fstat");
	fails(copy, "copy_file_range");
	/* Interrupted it goes on. */
	ck_assert(hit(copy, "copy_file_range", 1, EINTR, &result));
	ck_assert_int_eq(result, SIZE);
	ck_assert_int_eq(store_read_begin(s, g, 0, SIZE, &view), 0);
	ck_assert_uint_eq(view.size, SIZE);
	ck_assert_mem_eq(view.iov[0].iov_base, bytes, SIZE);
	store_read_end(&view);
	faulty_in_pieces(true);
	result = copy();
	faulty_stop();
	ck_assert_int_eq(result, SIZE);
	ck_assert_int_eq(store_copy(s, f, SIZE, g, 0, 1), 0);
	ck_assert_int_eq(store_copy(s, f, SIZE - 10, g, 0, 100), 10);
}
END_TEST

/* What was copied before, is told. */
START_TEST(a_copy_that_fails_in_its_middle)
{
	/* The store copies 1 MiB at a time. */
	ck_assert_int_eq(store_write(s, f, 3 << 20, bytes, 1, true, true), 1);
	faulty_at("copy_file_range", 2, EIO);
	ck_assert_int_eq(store_copy(s, f, 0, g, 0, 2 << 20), 1 << 20);
	ck_assert_str_eq(faulty_stop(), "copy_file_range");
}
END_TEST

/* --- the whole ----------------------------------------------------------------------------- */

static int64_t get_backing(void)
{
	int fd = store_backing(s, f);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

START_TEST(descriptors_for_others)
{
	fails_open(get_backing, 1);
	ck_assert_int_ge(store_backing_root(s), 0);
	ck_assert_int_eq(store_backing(s, d), -EISDIR);
	ck_assert_int_eq(store_backing(s, 1000), -ESTALE);
}
END_TEST

static int64_t resize(void)
{
	return store_resize(s, 1 << 23);
}

START_TEST(limits)
{
	struct store_usage usage;

	fails_with(resize, "fspick", EMFILE, -ENFILE, 1);
	fails_with(resize, "fsconfig", EIO, -EIO, 2);
	ck_assert_int_eq(store_resize(s, 4096), -EINVAL); /* the kernel's own answer: more is used */
	ck_assert_int_eq(store_resize(s, 0), 0);
	store_usage(s, &usage);
	ck_assert_uint_eq(usage.size, 0);
	ck_assert_uint_ge(usage.bytes, SIZE);
	faulty_at("fstatfs", 1, EIO);
	store_usage(s, &usage);
	ck_assert_str_eq(faulty_stop(), "fstatfs");
	ck_assert_uint_eq(usage.bytes, 0);
}
END_TEST

/* The parent process has the mount: it is asked to resize. */
static int resized;

static int resize_for(void *context, uint64_t size)
{
	ck_assert_ptr_eq(context, &resized);
	resized++;
	return size == 4096 ? -EINVAL : 0;
}

START_TEST(somebody_else_may_resize)
{
	struct store_options options = {
		.mode = 0755, .size = 1 << 24, .backing = true, .resize_backing = resize_for, .context = &resized,
	};
	struct store_usage usage;
	struct store *other;

	ck_assert_int_eq(store_create(&options, &other), 0);
	ck_assert_int_eq(store_resize(other, 1 << 23), 0);
	ck_assert_int_eq(store_resize(other, 4096), -EINVAL);
	ck_assert_int_eq(resized, 2);
	store_usage(other, &usage);
	ck_assert_uint_eq(usage.size, 1 << 23);
	store_destroy(other);
}
END_TEST

static int64_t make_store(void)
{
	struct store_options options = { .mode = 0755, .size = 1 << 20, .backing = true };
	struct store *other;
	int err = store_create(&options, &other);

	if (!err)
		store_destroy(other);
	return err;
}

START_TEST(a_store_that_cannot_be_made)
{
	fails_with(make_store, "fsopen", EPERM, -EPERM, 1);
	fails_with(make_store, "fsopen", EMFILE, -ENFILE, 1);
	fails_with(make_store, "fsconfig", EINVAL, -EINVAL, 4); /* size, nr_inodes, mode, and to make it */
	fails_with(make_store, "fsmount", EPERM, -EPERM, 1);
}
END_TEST

static void keep_line(void *context, const char *line)
{
	snprintf(context, 200, "%s", line);
}

static void check_says(const char *function, int error, const char *words)
{
	char line[200] = "";
	int violations;

	faulty_at(function, 1, error);
	violations = store_check(s, true, keep_line, line);
	faulty_stop();
	ck_assert_int_eq(violations, 1);
	ck_assert_msg(strstr(line, words), "%s", line);
	must_be_sound(s);
}

/* A check that could not look does not call it good. */
START_TEST(a_check_that_cannot_look)
{
	uint64_t descriptors = count_descriptors();

	check_says("openat", EMFILE, "cannot be listed: Too many open files in system");
	check_says("fdopendir", ENOMEM, "cannot be listed: Cannot allocate memory");
	check_says("readdir", EIO, "cannot be listed: Input/output error");
	check_says("fstatat", EIO, "its backing file cannot be looked at");
	ck_assert_uint_eq(count_descriptors(), descriptors);
}
END_TEST

static uint64_t stray;

/* What node_create() does before the node is in the table: it is counted, and has its file. */
static void begin_node(void)
{
	s->budget.nodes++;
	backing_make(s->backing, &stray);
}

/* It is not mistaken for one file too many, at whatever moment it comes. */
START_TEST(a_file_that_is_made_while_files_are_counted)
{
	static const char *const moments[] = { "openat", "fdopendir", "readdir" };

	for (int i = 0; i < 3; i++) {
		char line[200] = "";
		int violations;

		faulty_before(moments[i], begin_node);
		violations = store_check(s, false, keep_line, line);
		backing_remove(s->backing, stray);
		s->budget.nodes--;
		ck_assert_msg(violations == 0, "%s: %s", moments[i], line);
	}
}
END_TEST

static TCase *make_case(void)
{
	TCase *tc = tcase_create("store_io");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_node_that_gets_no_file_is_none);
	tcase_add_test(tc, a_link_that_fails_is_none);
	tcase_add_test(tc, lookups_that_fail_give_nothing);
	tcase_add_test(tc, attributes);
	tcase_add_test(tc, reads_and_writes);
	tcase_add_test(tc, short_reads_and_writes);
	tcase_add_test(tc, allocations);
	tcase_add_test(tc, zeros_that_cannot_be_written);
	tcase_add_test(tc, seeks);
	tcase_add_test(tc, copies);
	tcase_add_test(tc, a_copy_that_fails_in_its_middle);
	tcase_add_test(tc, descriptors_for_others);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, somebody_else_may_resize);
	tcase_add_test(tc, a_store_that_cannot_be_made);
	tcase_add_test(tc, a_check_that_cannot_look);
	tcase_add_test(tc, a_file_that_is_made_while_files_are_counted);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("store_io");

	if (can_back())
		suite_add_tcase(suite, make_case());
	return unit_run(suite);
}
