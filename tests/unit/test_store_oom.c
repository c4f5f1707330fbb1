/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without memory a call of the store gives an errno, and the tree is as it was before. A session
 * that uses every function is played as often as it allocates: each time another allocation
 * fails. The call that it hits may fail; then nothing may have changed, and tried once more it must do
 * what it does with memory enough. And random operations, on the store and its model, of which
 * each is tried again until it has memory. The same session with a budget that ends in each of its calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../fuzz/play.h"
#include "../fuzz/sound.h"
#include "failing.h"
#include "store/node.h"
#include "unit.h"

#define MANY 40
#define BIG 300000

static const struct store_cred cred = { .uid = 1000, .gid = 1000, .umask = 022 };
static struct store *s;
static uint8_t bytes[BIG];

/* --- the whole tree as a text --------------------------------------------- */

static void dump_bytes(FILE *out, node_id id, const struct stat *st)
{
	uint64_t sum = 0, end = 0;
	struct store_view view;

	for (int64_t at = 0; (at = store_seek(s, id, (uint64_t)at, SEEK_DATA)) >= 0; at = (int64_t)end) {
		end = (uint64_t)store_seek(s, id, (uint64_t)at, SEEK_HOLE);
		fprintf(out, " data %" PRId64 "..%" PRIu64, at, end);
		for (uint64_t done = (uint64_t)at; done < end; done += view.size) {
			ck_assert_int_eq(store_read_begin(s, id, done, end - done, &view), 0);
			for (int i = 0; i < view.count; i++)
				for (size_t j = 0; j < view.iov[i].iov_len; j++)
					sum = sum * 31 + ((uint8_t *)view.iov[i].iov_base)[j];
			store_read_end(&view);
		}
		if (end >= (uint64_t)st->st_size)
			break;
	}
	fprintf(out, " sum %" PRIx64, sum);
}

static void dump_xattrs(FILE *out, node_id id)
{
	char names[2000], value[2000];
	ssize_t size = store_listxattr(s, id, names, sizeof(names), true);

	ck_assert_int_ge(size, 0);
	for (char *at = names; at < names + size; at += strlen(at) + 1) {
		ssize_t length = store_getxattr(s, id, at, value, sizeof(value));

		fprintf(out, " %s=%zd:", at, length);
		for (ssize_t i = 0; i < length; i++)
			fprintf(out, "%02x", (uint8_t)value[i]);
	}
}

static void dump_node(FILE *out, node_id id)
{
	struct stat st;
	char target[5000];

	ck_assert_int_eq(store_getattr(s, id, &st), 0);
	fprintf(out, " %" PRIu64 " mode %o links %ju owner %u:%u size %jd blocks %jd ctime %jd.%09ld", id,
		st.st_mode, (uintmax_t)st.st_nlink, st.st_uid, st.st_gid, (intmax_t)st.st_size,
		(intmax_t)st.st_blocks, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	if (S_ISREG(st.st_mode))
		dump_bytes(out, id, &st);
	if (S_ISLNK(st.st_mode) && store_readlink(s, id, target, sizeof(target)) > 0)
		fprintf(out, " -> %s", target);
	dump_xattrs(out, id);
	fputc('\n', out);
}

static void dump_name(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	fprintf(context, "%" PRIu64 "/%s (%o)", parent, name, type);
	dump_node(context, id);
}

static node_id orphan; /* the tmpfile, while it has no name */

/* To be freed. */
static char *dump(void)
{
	struct store_usage usage;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	dump_node(out, STORE_ROOT);
	ck_assert_int_eq(store_walk(s, dump_name, out), 0);
	if (orphan)
		dump_node(out, orphan);
	store_usage(s, &usage);
	fprintf(out, "%" PRIu64 " nodes, %" PRIu64 " of space\n", usage.nodes, s->budget.space.used);
	fclose(out);
	return text;
}

/* Two sessions pass at different times. */
static void strip_times(char *text)
{
	for (char *at = text; (at = strstr(at, "ctime ")); at++)
		memset(at, ' ', strcspn(at + 6, " \n") + 6);
}

/* --- the session ------------------------------------------------------------ */

static node_id d, sub, f, g, t, many[MANY];

static int64_t entered(int err, const struct store_entry *e, node_id *id)
{
	if (!err)
		*id = e->id;
	return err;
}

static int64_t make(node_id parent, const char *name, mode_t mode, node_id *id)
{
	struct store_entry e;
	int err;

	if (S_ISDIR(mode))
		err = store_mkdir(s, cred, parent, name, mode, &e);
	else if (S_ISLNK(mode))
		err = store_symlink(s, cred, parent, name, "a/target/somewhere", &e);
	else
		err = store_mknod(s, cred, parent, name, mode, makedev(1, 3), &e);
	return entered(err, &e, id);
}

static int64_t put_link(node_id id, node_id parent, const char *name)
{
	struct store_entry e;

	return store_link(s, id, parent, name, &e);
}

static int64_t set_size(node_id id, off_t size)
{
	struct stat st = { .st_size = size };

	return store_setattr(s, id, STORE_SET_SIZE, &st, &st);
}

static int64_t put(node_id id, uint64_t offset, size_t size)
{
	return store_write(s, id, offset, bytes, size, true, true);
}

static int64_t ren(node_id from, const char *name, node_id to, const char *new_name, unsigned flags)
{
	return store_rename(s, cred, from, name, to, new_name, flags, NULL);
}

static int64_t set_x(node_id id, const char *name, size_t size, int flags)
{
	return store_setxattr(s, cred, id, name, bytes, size, flags);
}

/* An access control list with a user of its own and a mask. */
static int64_t set_acl(node_id id, const char *name)
{
	static const uint8_t acl[] = {
		2, 0, 0, 0,
		1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,  2, 0, 6, 0, 0xe9, 3, 0, 0,
		4, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,  16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		32, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
	};

	return store_setxattr(s, cred, id, name, acl, sizeof(acl), 0);
}

static int64_t set_mode(node_id id, mode_t mode)
{
	struct stat st = { .st_mode = mode };

	return store_setattr(s, id, STORE_SET_MODE, &st, &st);
}

static int64_t make_tmpfile(void)
{
	struct store_entry e;
	int64_t err = entered(store_tmpfile(s, cred, d, 0600, &e), &e, &t);

	orphan = err ? 0 : t;
	return err;
}

static bool count_entry(void *context, const char *name, uint64_t cookie,
			const struct store_entry *entry)
{
	(void)name;
	(void)cookie;
	(void)entry;
	++*(int64_t *)context;
	return true;
}

static int64_t list(node_id dir)
{
	int64_t count = 0;
	int err = store_readdir(s, dir, 0, false, count_entry, &count);

	return err ? err : count;
}

static void count_name(void *context, node_id parent, const char *name, node_id id, mode_t type)
{
	(void)parent;
	(void)name;
	(void)id;
	(void)type;
	++*(int64_t *)context;
}

static int64_t walk(void)
{
	int64_t count = 0;
	int err = store_walk(s, count_name, &count);

	return err ? err : count;
}

static int64_t forget(node_id *id)
{
	store_forget(s, *id, UINT64_MAX);
	return 0;
}

static int64_t look_up(node_id parent, const char *name)
{
	struct store_entry e;

	return store_lookup(s, parent, name, &e);
}

static int64_t trim(node_id id)
{
	store_trim(s, id);
	return 0;
}

static const char *numbered(int n)
{
	static char name[32];

	snprintf(name, sizeof(name), "many-%d", n);
	return name;
}

/* Those of which there are many: a directory that grows and shrinks, and its hash table with it. */
static int64_t make_one(int n)
{
	return make(sub, numbered(n), S_IFREG, &many[n]);
}

static int64_t remove_one(int n)
{
	return store_unlink(s, sub, numbered(n), NULL);
}

#define KEEP FALLOC_FL_KEEP_SIZE
#define SESSION(X) \
	X(make(STORE_ROOT, "d", S_IFDIR | 0755, &d)) \
	X(set_acl(d, "system.posix_acl_default")) \
	X(make(d, "sub", S_IFDIR | 0777, &sub)) \
	X(make(d, "f", S_IFREG | 0666, &f)) \
	X(make(STORE_ROOT, "g", S_IFREG | 04755, &g)) \
	X(make(d, "device", S_IFCHR | 0600, &t)) \
	X(make(d, "fifo", S_IFIFO | 0600, &t)) \
	X(make(d, "symlink", S_IFLNK, &t)) \
	X(make(d, "f", S_IFREG | 0666, &t)) \
	X(put(f, 0, 100)) \
	X(put(f, 100, 5000)) \
	X(put(f, 3000, BIG)) \
	X(put(f, 5ull << 30, 3 * 65536)) \
	X(put(f, 1ull << 45, 10)) \
	X(set_size(f, 1 << 20)) \
	X(put(f, 2000, 100)) \
	X(set_size(f, 5000)) \
	X(set_size(f, 70000)) \
	X(store_fallocate(s, f, 0, 1000, 400000)) \
	X(store_fallocate(s, f, KEEP, 100000, BIG)) \
	X(store_fallocate(s, f, FALLOC_FL_ZERO_RANGE, 3000, 500000)) \
	X(store_fallocate(s, f, FALLOC_FL_PUNCH_HOLE | KEEP, 5000, 200000)) \
	X(store_fallocate(s, f, FALLOC_FL_ZERO_RANGE | KEEP, 10ull << 30, 70000)) \
	X(put(g, 10, 3)) \
	X(store_fallocate(s, g, 0, 0, 3 * 65536)) \
	X(set_size(g, 13)) \
	X(store_copy(s, f, 0, g, 70000, 250000)) \
	X(store_copy(s, g, 70000, g, 500000, 100000)) \
	X(store_copy(s, f, 0, g, 0, 1 << 20)) \
	X(trim(g)) \
	X(put_link(f, STORE_ROOT, "f2")) \
	X(put_link(f, STORE_ROOT, "f2")) \
	X(make_tmpfile()) \
	X(put(t, 0, 70000)) \
	X(put_link(t, d, "was-tmp")) \
	X((orphan = 0)) \
	X(set_x(f, "user.a", 100, XATTR_CREATE)) \
	X(set_x(f, "user.b", 0, 0)) \
	X(set_x(f, "user.a", 1000, XATTR_REPLACE)) \
	X(set_x(f, "user.a", 1, 0)) \
	X(set_x(f, "user.a", 1, XATTR_CREATE)) \
	X(store_removexattr(s, f, "user.b")) \
	X(set_x(f, "security.capability", 20, 0)) \
	X((store_drop_capabilities(s, f), 0)) \
	X(set_acl(f, "system.posix_acl_access")) \
	X(set_mode(f, 0640)) \
	X(ren(d, "f", d, "f3", 0)) \
	X(ren(d, "f3", STORE_ROOT, "g", RENAME_NOREPLACE)) \
	X(ren(d, "f3", STORE_ROOT, "g2", 0)) \
	X(ren(STORE_ROOT, "g2", d, "f", RENAME_WHITEOUT)) \
	X(ren(STORE_ROOT, "g2", STORE_ROOT, "g2", RENAME_WHITEOUT)) \
	X(ren(d, "f", STORE_ROOT, "g", RENAME_EXCHANGE)) \
	X(ren(d, "sub", STORE_ROOT, "g", RENAME_EXCHANGE)) \
	X(ren(STORE_ROOT, "g", d, "f", RENAME_EXCHANGE)) \
	X(ren(STORE_ROOT, "f2", d, "fifo", 0)) \
	X(ren(d, "symlink", d, "device", RENAME_WHITEOUT)) \
	X(ren(d, "absent", d, "device", RENAME_WHITEOUT)) \
	X(store_set_flags(s, t, STORE_NODUMP)) \
	X(list(sub)) \
	X(list(d)) \
	X(walk()) \
	X(look_up(d, "..")) \
	X(store_open(s, t, O_RDWR | O_TRUNC, true)) \
	X(store_resize(s, 1ull << 40)) \
	X(store_set_nr_inodes(s, 1000))
#define AFTERWARDS(X) \
	X(ren(STORE_ROOT, "g", sub, "h", 0)) \
	X(ren(sub, "h", sub, "many-3", 0)) \
	X(ren(sub, "many-3", d, "h", RENAME_WHITEOUT)) \
	X(walk()) \
	X(store_unlink(s, d, "h", NULL)) \
	X(forget(&f)) \
	X(forget(&g)) \
	X(store_rmdir(s, STORE_ROOT, "d", NULL)) \
	X(make(STORE_ROOT, "again", S_IFDIR | 0700, &t)) \
	X(store_rmdir(s, STORE_ROOT, "again", NULL))

enum {
#define X(call) + 1
	SESSION_STEPS = 0 SESSION(X), AFTERWARDS_STEPS = 0 AFTERWARDS(X),
#undef X
	/* Twice each that many are made, and removed, in the second round from the other end. */
	STEPS = SESSION_STEPS + 4 * MANY + AFTERWARDS_STEPS,
};

static int64_t step(int number)
{
	int at = 0;

#define X(call) if (number == at++) return call;
	SESSION(X)
#undef X
	number -= SESSION_STEPS;
	if (number < 4 * MANY) {
		int n = number % MANY;

		return number / MANY % 2 == 0 ? make_one(n) : remove_one(number < 2 * MANY ? n : MANY - 1 - n);
	}
	number -= 4 * MANY;
	at = 0;
#define X(call) if (number == at++) return call;
	AFTERWARDS(X)
#undef X
	return 0;
}

static void begin(void)
{
	struct store_options options = { .mode = 0755, .size = 1ull << 40, .nr_inodes = 100000 };

	orphan = 0;
	ck_assert_int_eq(store_create(&options, &s), 0);
}

static bool ended_short(int64_t got, int64_t expected)
{
	return got > 0 && got < expected;
}

/* A call that wanted memory or budget in vain; once it has enough, it is made once more. */
static void check_hit(int number, uint64_t n, const char *before, int64_t got, int64_t expected, int error)
{
	if (got != expected && !ended_short(got, expected)) {
		char *after = dump();

		ck_assert_msg(got == error, "%" PRIu64 " of step %d: %" PRId64 ", with enough %" PRId64,
			      n, number, got, expected);
		ck_assert_msg(strcmp(before, after) == 0, "%" PRIu64 " of step %d: before:\n%s\nafter:\n%s",
			      n, number, before, after);
		free(after);
	}
	must_be_sound(s);
}

/* What the steps give with memory enough, and how much of it they take. */
struct results {
	int64_t value[STEPS];
	uint64_t allocations[STEPS];
	uint64_t bytes[STEPS], space[STEPS]; /* of the budget, at most at a time */
};

/* The session with the n-th allocation of one step failing; what is there in the end. */
static char *play_without(int hit, uint64_t n, bool all_behind, const struct results *with)
{
	char *end;

	begin();
	for (int i = 0; i < STEPS; i++) {
		char *before;
		uint64_t used;
		int64_t got;

		if (i != hit) {
			ck_assert_int_eq(step(i), with->value[i]);
			continue;
		}
		before = dump();
		used = s->budget.bytes.used;
		failing_at(n, all_behind);
		got = step(i);
		ck_assert(failing_stop());
		check_hit(i, n, before, got, with->value[i], -ENOMEM);
		/* A chunk that was short may keep the rest of its last page. Without any memory it cannot shrink. */
		if (got < 0 && !all_behind)
			ck_assert_uint_lt(s->budget.bytes.used, used + 4096);
		if (got != with->value[i])
			ck_assert_int_eq(step(i), with->value[i]);
		free(before);
	}
	must_be_sound(s);
	end = dump();
	strip_times(end);
	store_destroy(s);
	return end;
}

static uint64_t more(uint64_t after, uint64_t before)
{
	return after > before ? after - before : 0;
}

static void play_with_all(struct results *results)
{
	begin();
	for (int i = 0; i < STEPS; i++) {
		uint64_t bytes_before = s->budget.bytes.used, space_before = s->budget.space.used;

		failing_at(0, false);
		s->budget.bytes.peak = s->budget.space.peak = 0;
		results->value[i] = step(i);
		results->allocations[i] = failing_calls();
		results->bytes[i] = more(s->budget.bytes.peak, bytes_before);
		results->space[i] = more(s->budget.space.peak, space_before);
	}
	store_destroy(s);
}

static void each_allocation_fails(bool all_behind)
{
	static struct results results;
	uint64_t tried = 0;
	int failures = 0;
	char *end;

	play_with_all(&results);
	end = play_without(-1, 0, false, &results);
	for (int i = 0; i < STEPS; i++) {
		failures += results.value[i] < 0;
		for (uint64_t n = 1; n <= results.allocations[i]; n++, tried++) {
			char *other = play_without(i, n, all_behind, &results);

			ck_assert_str_eq(other, end);
			free(other);
		}
	}
	ck_assert_int_eq(failures, 6); /* that are meant: names that are there already, and the like */
	ck_assert_uint_gt(tried, 200);
	free(end);
}

START_TEST(each_allocation_fails_once)
{
	each_allocation_fails(false);
}
END_TEST

/* No more memory until the call is over. */
START_TEST(each_allocation_is_the_last)
{
	each_allocation_fails(true);
}
END_TEST

/* --- a budget that ends ------------------------------------------------------ */

struct found {
	node_id id;
	mode_t type;
	char name[256];
};

static bool keep_first(void *context, const char *name, uint64_t cookie,
		       const struct store_entry *entry)
{
	struct found *found = context;

	(void)cookie;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	found->id = entry->id;
	found->type = entry->attr.st_mode;
	strcpy(found->name, name);
	return false;
}

static void remove_all_below(node_id dir)
{
	struct found found = { .id = 1 };

	while (found.id) {
		found.id = 0;
		ck_assert_int_eq(store_readdir(s, dir, 0, false, keep_first, &found), 0);
		if (!found.id)
			break;
		if (S_ISDIR(found.type)) {
			remove_all_below(found.id);
			ck_assert_int_eq(store_rmdir(s, dir, found.name, NULL), 0);
		} else {
			ck_assert_int_eq(store_unlink(s, dir, found.name, NULL), 0);
		}
	}
}

static void all_is_given_back(void)
{
	for (uint32_t i = 2; i < node_table_end(s->table); i++)
		if (node_table_at(s->table, i))
			store_forget(s, node_table_at(s->table, i)->id, UINT64_MAX);
	remove_all_below(STORE_ROOT);
	must_be_sound(s);
	ck_assert_uint_eq(s->budget.bytes.used, 0);
	ck_assert_uint_eq(s->budget.space.used, BUDGET_NODE);
	ck_assert_uint_eq(s->budget.nodes, 1);
}

/* The session; one step has only so much left of an account. Was it too little? */
static bool play_short(int hit, bool of_bytes, uint64_t left, const struct results *with)
{
	bool too_little = false;

	begin();
	for (int i = 0; i < STEPS; i++) {
		struct account *a = of_bytes ? &s->budget.bytes : &s->budget.space;
		uint64_t limit = a->limit, limit_now, used = s->budget.bytes.used;
		char *before;
		int64_t got;

		if (i != hit) {
			ck_assert_int_eq(step(i), with->value[i]);
			continue;
		}
		before = dump();
		a->limit = limit_now = a->used + left;
		got = step(i);
		ck_assert_uint_le(a->used, limit_now);
		check_hit(i, left, before, got, with->value[i], -ENOSPC);
		if (got == -ENOSPC)
			ck_assert_uint_eq(s->budget.bytes.used, used);
		free(before);
		a->limit = limit;
		too_little = got != with->value[i];
		if (too_little)
			ck_assert_int_eq(step(i), with->value[i]);
	}
	must_be_sound(s);
	all_is_given_back();
	store_destroy(s);
	return too_little;
}

/* Each step with all but one of what it takes, with nothing, and with some amounts in between. */
static void each_budget_ends(bool of_bytes, int parts)
{
	static struct results results;
	int short_of = 0, steps = 0;

	play_with_all(&results);
	for (int i = 0; i < STEPS; i++) {
		uint64_t wants = of_bytes ? results.bytes[i] : results.space[i], last = UINT64_MAX;
		int before = short_of;

		for (int part = 0; wants && part <= parts; part++) {
			uint64_t left = (wants - 1) * (uint64_t)part / (uint64_t)parts;

			if (left != last)
				short_of += play_short(i, of_bytes, left, &results);
			last = left;
		}
		steps += short_of > before;
	}
	ck_assert_int_gt(short_of, steps);
	ck_assert_int_gt(steps, of_bytes ? 10 : 90);
}

START_TEST(size_ends_in_each_call)
{
	each_budget_ends(true, 100);
}
END_TEST

START_TEST(nr_inodes_ends_in_each_call)
{
	each_budget_ends(false, 7);
}
END_TEST

START_TEST(a_store_that_cannot_be_made)
{
	struct store_options options = { .mode = 0755 };
	uint64_t n;
	int err;

	for (n = 1; ; n++) {
		s = NULL;
		failing_at(n, false);
		err = store_create(&options, &s);
		if (!failing_stop())
			break;
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_ptr_null(s);
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_gt(n, 5);
	must_be_sound(s);
	store_destroy(s);
}
END_TEST

/* A look that has no memory says so. */
START_TEST(a_check_without_memory)
{
	begin();
	failing_at(1, false);
	ck_assert_int_eq(store_check(s, true, print_violation, NULL), -ENOMEM);
	failing_stop();
	must_be_sound(s);
	store_destroy(s);
}
END_TEST

/* --- by chance -------------------------------------------------------------- */

static uint32_t one_in;
static uint64_t seed, injected;

/* Calls it, and again while it had no memory. One that ended short, as write(2) may, is repeated as well. */
#define AGAIN(type, name, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		type result; \
		if (!one_in) \
			return __real_##name arguments; \
		do { \
			failing_randomly(one_in, seed++); \
			result = __real_##name arguments; \
			injected += failing_has(); \
		} while (failing_stop() && (result == -ENOMEM || result > 0)); \
		return result; \
	}

#define PARENT struct store *st, struct store_cred c, node_id parent
AGAIN(int, store_mknod, (PARENT, const char *name, mode_t mode, dev_t rdev, struct store_entry *e),
      (st, c, parent, name, mode, rdev, e))
AGAIN(int, store_mkdir, (PARENT, const char *name, mode_t mode, struct store_entry *e),
      (st, c, parent, name, mode, e))
AGAIN(int, store_symlink, (PARENT, const char *name, const char *target, struct store_entry *e),
      (st, c, parent, name, target, e))
AGAIN(int, store_tmpfile, (PARENT, mode_t mode, struct store_entry *e), (st, c, parent, mode, e))
AGAIN(int, store_link, (struct store *st, node_id id, node_id parent, const char *name,
			struct store_entry *e), (st, id, parent, name, e))
AGAIN(int, store_unlink, (struct store *st, node_id parent, const char *name, node_id *gone),
      (st, parent, name, gone))
AGAIN(int, store_rmdir, (struct store *st, node_id parent, const char *name, node_id *gone),
      (st, parent, name, gone))
AGAIN(int, store_rename, (PARENT, const char *name, node_id to, const char *new_name, unsigned flags,
			  struct store_renamed *who), (st, c, parent, name, to, new_name, flags, who))
AGAIN(int, store_setattr, (struct store *st, node_id id, unsigned mask, const struct stat *want,
			   struct stat *got), (st, id, mask, want, got))
AGAIN(int, store_setxattr, (struct store *st, struct store_cred c, node_id id, const char *name,
			    const void *value, size_t size, int flags),
      (st, c, id, name, value, size, flags))
AGAIN(int, store_removexattr, (struct store *st, node_id id, const char *name), (st, id, name))
AGAIN(ssize_t, store_write, (struct store *st, node_id id, uint64_t offset, const void *buf, size_t size,
			     bool touch, bool kill), (st, id, offset, buf, size, touch, kill))
AGAIN(int, store_open, (struct store *st, node_id id, int flags, bool kill), (st, id, flags, kill))
AGAIN(int, store_fallocate, (struct store *st, node_id id, int mode, uint64_t offset, uint64_t size),
      (st, id, mode, offset, size))

START_TEST(random_operations)
{
	uint64_t state = unit_seed("store without memory"), done = 0;
	static uint8_t input[20000];
	const char *given = getenv("MEMFS_STEPS");
	uint64_t steps = given ? strtoull(given, NULL, 10) : 200000;

	seed = state;
	while (done < steps) {
		one_in = 2u << unit_random(&state) % 7;
		for (size_t i = 0; i < sizeof(input); i++)
			input[i] = (uint8_t)(unit_random(&state) >> 32);
		done += play(input, sizeof(input));
	}
	printf("%" PRIu64 " operations, of which memory failed %" PRIu64 " times\n", done, injected);
	ck_assert_uint_gt(injected, done / 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_oom");
	TCase *tc = tcase_create("store_oom");

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251 + 1);
	one_in = 0;
	tcase_set_timeout(tc, 250);
	tcase_add_test(tc, a_store_that_cannot_be_made);
	tcase_add_test(tc, a_check_without_memory);
	tcase_add_test(tc, each_allocation_fails_once);
	tcase_add_test(tc, each_allocation_is_the_last);
	tcase_add_test(tc, size_ends_in_each_call);
	tcase_add_test(tc, nr_inodes_ends_in_each_call);
	tcase_add_test(tc, random_operations);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
