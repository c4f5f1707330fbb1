/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "model.h"

#define HAND 32             /* nodes that operations are about; the first is the root */
#define WRITE_MAX 200000u
#define SEEN_MAX 4096

struct listing {
	int dir;            /* 0 = none under way */
	uint64_t cookie, started;
	uint64_t seen[SEEN_MAX];
	size_t seen_count;
	bool overflow;
};

struct player {
	const uint8_t *at, *end;
	struct store *store;
	struct model model;
	int hand[HAND];
	unsigned next;      /* place in hand[] of the next new node */
	uint64_t limit;     /* size=, 0 = none */
	uint64_t steps;
	const char *what;   /* operation under way */
	struct listing listing;
};

__attribute__((format(printf, 2, 3), noreturn))
static void differ(const struct player *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "store and model differ: step %" PRIu64 ", %s: ", p->steps, p->what);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

static void same(const struct player *p, const char *what, int64_t store, int64_t model)
{
	if (store != model)
		differ(p, "%s is %" PRId64 " in the store, %" PRId64 " in the model", what, store, model);
}

/* --- what the bytes say -------------------------------------------------- */

static uint64_t take(struct player *p, unsigned bytes)
{
	uint64_t n = 0;

	for (; bytes > 0; bytes--)
		n = n << 8 | (p->at < p->end ? *p->at++ : 0);
	return n;
}

static struct store_cred take_cred(struct player *p)
{
	uint64_t bits = take(p, 1);
	static const mode_t umasks[] = { 0, 022, 077, 0777 };

	return (struct store_cred){
		.uid = (uid_t)(bits & 3), .gid = (gid_t)(bits >> 2 & 3), .umask = umasks[bits >> 4 & 3],
	};
}

/* Names of which few are used often; and all that can be wrong with one. */
static const char *take_name(struct player *p, unsigned which)
{
	static char names[2][STORE_NAME_MAX + 2];
	char *name = names[which];
	unsigned n = (unsigned)take(p, 1);
	size_t long_one = n == 243 ? STORE_NAME_MAX + 1 : STORE_NAME_MAX;

	if (n < 160)
		snprintf(name, STORE_NAME_MAX, "%c", 'a' + (int)(n % 12));
	else if (n < 240)
		snprintf(name, STORE_NAME_MAX, "name-%u", n);
	else if (n < 242)
		strcpy(name, n == 240 ? "." : "..");
	else if (n == 242)
		strcpy(name, "");
	else if (n < 248) {
		memset(name, 'x', long_one);
		name[long_one] = '\0';
	} else
		snprintf(name, STORE_NAME_MAX, "\n\xff%%\x1b%u", n);
	return name;
}

static int take_node(struct player *p)
{
	return p->hand[take(p, 1) % HAND];
}

static bool is_dir(struct player *p, int node)
{
	return p->model.nodes[node].alive && S_ISDIR(p->model.nodes[node].type);
}

/* Nearly always one of that kind, if there is any; else what comes. */
static int take_kind(struct player *p, mode_t type)
{
	unsigned n = (unsigned)take(p, 1), first = n % HAND;

	for (unsigned i = 0; n < 240 && i < HAND; i++) {
		int node = p->hand[(first + i) % HAND];

		if (p->model.nodes[node].alive && p->model.nodes[node].type == type)
			return node;
	}
	return p->hand[first];
}

static int take_dir(struct player *p)
{
	return take_kind(p, S_IFDIR);
}

static int take_file(struct player *p)
{
	return take_kind(p, S_IFREG);
}

/* Mostly within a few chunks, at times about a page's end, seldom far out. */
static uint64_t take_offset(struct player *p)
{
	uint64_t kind = take(p, 1), n = take(p, 3);

	if (kind < 120)
		return n % 70000;
	if (kind < 170)
		return n % 300 * MODEL_PAGE + kind % 3 - 1 + (n % 300 == 0);
	if (kind < 200)
		return n % 24 * 65536 + n / 24 % 16;
	if (kind < 240)
		return n % 2000000;
	if (kind < 250)
		return n << 20;
	return kind < 253 ? (uint64_t)INT64_MAX - n : kind == 253 ? UINT64_MAX - n : n << 44;
}

static uint32_t take_size(struct player *p)
{
	uint32_t kind = (uint32_t)take(p, 1), n = (uint32_t)take(p, 3);

	return kind < 160 ? n % 300 : kind < 220 ? n % 9000 : n % WRITE_MAX;
}

/* Bytes that tell where they come from. */
static const uint8_t *take_bytes(struct player *p)
{
	static uint8_t pattern[WRITE_MAX + 256];
	uint64_t seed = take(p, 1);

	if (!pattern[1])
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i % 251 + 1);
	return pattern + seed;
}

static node_id id_of(struct player *p, int node)
{
	return p->model.nodes[node].id;
}

static void hold(struct player *p, int node)
{
	unsigned at = 1 + p->next++ % (HAND - 1);
	int old = p->hand[at];

	p->hand[at] = node;
	for (unsigned i = 0; i < HAND; i++)
		if (p->hand[i] == old)
			return;
	/* Out of sight: the kernel forgets it. */
	store_forget(p->store, id_of(p, old), p->model.nodes[old].lookups);
	model_forget(&p->model, old, p->model.nodes[old].lookups);
}

/* --- comparing ----------------------------------------------------------- */

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void check_time(struct player *p, const char *what, struct timespec got,
		       struct model_time *expected)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (!expected->since) {
		same(p, what, got.tv_sec, expected->at.tv_sec);
		same(p, what, got.tv_nsec, expected->at.tv_nsec);
	} else if (later(expected->at, got) || later(got, now)) {
		differ(p, "%s is %jd.%09ld, should have moved", what, (intmax_t)got.tv_sec, got.tv_nsec);
	}
	*expected = (struct model_time){ .at = got };
}

static void check_stat(struct player *p, int node, const struct stat *st)
{
	struct model_node *n = &p->model.nodes[node];

	same(p, "ino", (int64_t)st->st_ino, (int64_t)n->id);
	same(p, "mode", st->st_mode, n->type | n->perm);
	same(p, "nlink", (int64_t)st->st_nlink, n->nlink);
	same(p, "uid", st->st_uid, n->uid);
	same(p, "gid", st->st_gid, n->gid);
	same(p, "rdev", (int64_t)st->st_rdev, (int64_t)n->rdev);
	same(p, "size", st->st_size, (int64_t)n->size);
	same(p, "blocks", st->st_blocks, (int64_t)n->page_count * 8);
	check_time(p, "atime", st->st_atim, &n->atime);
	check_time(p, "mtime", st->st_mtim, &n->mtime);
	check_time(p, "ctime", st->st_ctim, &n->ctime);
}

static void check_node(struct player *p, int node)
{
	struct stat st;
	int err = store_getattr(p->store, id_of(p, node), &st);

	same(p, "getattr", err, p->model.nodes[node].alive ? 0 : -ESTALE);
	if (!err)
		check_stat(p, node, &st);
}

static void check_usage(struct player *p)
{
	struct model *m = &p->model;
	struct store_usage usage;
	struct statvfs st;
	int64_t alive = 0;

	for (int i = 1; i < m->node_count; i++)
		alive += m->nodes[i].alive;
	store_usage(p->store, &usage);
	store_statfs(p->store, &st);
	same(p, "nodes", (int64_t)usage.nodes, alive);
	same(p, "size=", (int64_t)usage.size, (int64_t)p->limit);
	if (p->limit && usage.bytes > p->limit)
		differ(p, "%" PRIu64 " bytes used of %" PRIu64, usage.bytes, p->limit);
	if (m->space_limit == UINT64_MAX) {
		same(p, "files", (int64_t)st.f_files, 0);
		return;
	}
	same(p, "files", (int64_t)st.f_files, (int64_t)(m->space_limit / MODEL_NODE_SPACE));
	same(p, "ffree", (int64_t)st.f_ffree,
	     m->space < m->space_limit ? (int64_t)((m->space_limit - m->space) / MODEL_NODE_SPACE) : 0);
}

/* The bytes of a range, put together from the store's view of them. */
static void check_read(struct player *p, int node, uint64_t offset, size_t size)
{
	static uint8_t expected[STORE_READ_MAX];
	ssize_t length = model_read(&p->model, node, offset, expected,
				    size < STORE_READ_MAX ? size : STORE_READ_MAX);
	struct model_node *n = &p->model.nodes[node];
	struct store_view view;
	struct timespec now;
	size_t at = 0;
	int err;

	check_node(p, node); /* then the times are known */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	err = store_read_begin(p->store, id_of(p, node), offset, size, &view);
	same(p, "read", err, length < 0 ? length : 0);
	if (err)
		return;
	same(p, "bytes read", (int64_t)view.size, length);
	for (int i = 0; i < view.count; i++) {
		if (at + view.iov[i].iov_len > view.size)
			differ(p, "a view longer than it says");
		if (memcmp(view.iov[i].iov_base, expected + at, view.iov[i].iov_len) != 0)
			differ(p, "other bytes in the %zu from %" PRIu64, view.iov[i].iov_len, offset + at);
		at += view.iov[i].iov_len;
	}
	same(p, "bytes in view", (int64_t)at, (int64_t)view.size);
	store_read_end(&view);
	if (model_atime_is_due(n, now.tv_sec)) {
		p->model.now = now;
		model_stamp(&p->model, &n->atime);
	}
	check_node(p, node);
}

static void check_xattr(struct player *p, int node, const char *name, size_t size)
{
	static uint8_t value[70000];
	const struct model_xattr *x;
	ssize_t expected = model_getxattr(&p->model, node, name, size, &x);
	ssize_t got = store_getxattr(p->store, id_of(p, node), name, value, size);

	same(p, "getxattr", got, expected);
	if (got > 0 && size && memcmp(value, x->value, (size_t)got) != 0)
		differ(p, "another value of %s", name);
}

static void check_xattr_names(struct player *p, int node, bool trusted)
{
	static char names[100000];
	struct model_node *n = &p->model.nodes[node];
	ssize_t got = store_listxattr(p->store, id_of(p, node), names, sizeof(names), trusted);
	int64_t expected = 0;

	if (!n->alive) {
		same(p, "listxattr", got, -ESTALE);
		return;
	}
	for (size_t i = 0; i < n->xattr_count; i++)
		if (trusted || strncmp(n->xattrs[i].name, "trusted.", 8) != 0)
			expected += (int64_t)strlen(n->xattrs[i].name) + 1;
	same(p, "listxattr", got, expected);
	same(p, "listxattr's size", store_listxattr(p->store, id_of(p, node), NULL, 0, trusted), expected);
	if (expected > 1)
		same(p, "listxattr in little room",
		     store_listxattr(p->store, id_of(p, node), names, (size_t)expected - 1, trusted), -ERANGE);
	for (size_t i = 0; i < n->xattr_count; i++) {
		const char *wanted = n->xattrs[i].name, *at = names;

		if (!trusted && strncmp(wanted, "trusted.", 8) == 0)
			continue;
		while (at < names + got && strcmp(at, wanted) != 0)
			at += strlen(at) + 1;
		if (at >= names + got)
			differ(p, "attribute %s is not listed", wanted);
	}
}

/* A node that was made must have an id that none had before. */
static void made(struct player *p, int node, const struct store_entry *entry)
{
	for (int i = 1; i < node; i++)
		if (p->model.nodes[i].id == entry->id)
			differ(p, "the id %" PRIu64 " is used again", entry->id);
	p->model.nodes[node].id = entry->id;
	check_stat(p, node, &entry->attr);
	hold(p, node);
}

/* --- names --------------------------------------------------------------- */

static void do_lookup(struct player *p)
{
	int dir = take_dir(p), node = 0, expected;
	const char *name = take_name(p, 0);
	struct store_entry entry;

	expected = model_lookup(&p->model, dir, name, &node);
	same(p, "result", store_lookup(p->store, id_of(p, dir), name, &entry), expected);
	if (expected)
		return;
	check_stat(p, node, &entry.attr);
	same(p, "generation", (int64_t)entry.generation, (int64_t)(entry.id >> 32));
	for (unsigned i = 0; i < HAND; i++)
		if (p->hand[i] == node)
			return;
	hold(p, node);
}

static void do_make(struct player *p, mode_t type)
{
	static const mode_t types[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, 0, S_IFLNK,
					S_IFDIR };
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected, err;
	const char *name = take_name(p, 0);
	mode_t mode = (mode_t)take(p, 2) & 07777;
	struct store_entry entry;
	dev_t rdev = mode % 1000;

	if (type == S_IFDIR) {
		expected = model_mkdir(&p->model, cred, dir, name, mode, &node);
		err = store_mkdir(p->store, cred, id_of(p, dir), name, mode, &entry);
	} else {
		mode |= type ? type : types[take(p, 1) % 8];
		expected = model_mknod(&p->model, cred, dir, name, mode, rdev, &node);
		err = store_mknod(p->store, cred, id_of(p, dir), name, mode, rdev, &entry);
	}
	same(p, "result", err, expected);
	if (!err)
		made(p, node, &entry);
	check_node(p, dir);
}

static void do_mknod(struct player *p)
{
	do_make(p, 0);
}

static void do_create(struct player *p)
{
	do_make(p, S_IFREG);
}

static void do_mkdir(struct player *p)
{
	do_make(p, S_IFDIR);
}

/* Many names at once: directories of more than a handful are kept in another way. */
static void do_make_many(struct player *p)
{
	const struct store_cred cred = { 0 };
	int dir = take_dir(p), first = (int)take(p, 1), count = (int)take(p, 1) % 40;
	struct store_entry entry;
	char name[32];
	int node, err;

	for (int i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		err = model_mknod(&p->model, cred, dir, name, S_IFREG, 0, &node);
		same(p, "result", store_mknod(p->store, cred, id_of(p, dir), name, S_IFREG, 0, &entry), err);
		if (err)
			continue;
		p->model.nodes[node].id = entry.id;
		store_forget(p->store, entry.id, 1);
		model_forget(&p->model, node, 1);
	}
	check_node(p, dir);
}

static void do_remove_many(struct player *p)
{
	int dir = take_dir(p), first = (int)take(p, 1), count = (int)take(p, 1) % 40, gone;
	char name[32];

	for (int i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		same(p, "result", store_unlink(p->store, id_of(p, dir), name, NULL),
		     model_unlink(&p->model, dir, name, &gone));
	}
	check_node(p, dir);
}

static void do_symlink(struct player *p)
{
	static char target[5000];
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected;
	const char *name = take_name(p, 0);
	size_t kind = take(p, 1), length = kind < 200 ? kind % 20 : kind * 19;
	struct store_entry entry;

	memset(target, 't', length);
	target[length] = '\0';
	expected = model_symlink(&p->model, cred, dir, name, target, &node);
	same(p, "result", store_symlink(p->store, cred, id_of(p, dir), name, target, &entry), expected);
	if (!expected)
		made(p, node, &entry);
	check_node(p, dir);
}

static void check_target(struct player *p, int node, size_t size)
{
	struct model_node *n = &p->model.nodes[node];
	char target[5000];
	ssize_t got = store_readlink(p->store, id_of(p, node), target, size);

	if (!n->alive || !S_ISLNK(n->type)) {
		same(p, "readlink", got, n->alive ? -EINVAL : -ESTALE);
		return;
	}
	same(p, "readlink", got, (int64_t)(n->size < size - 1 ? n->size : size - 1));
	if (strncmp(target, n->target, (size_t)got) != 0 || target[got])
		differ(p, "another target");
}

static void do_readlink(struct player *p)
{
	int node = take_kind(p, S_IFLNK);

	check_target(p, node, take(p, 1) + 1);
}

static void do_tmpfile(struct player *p)
{
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), node = 0, expected;
	mode_t mode = (mode_t)take(p, 2) & 07777;
	struct store_entry entry;

	expected = model_tmpfile(&p->model, cred, dir, mode, &node);
	same(p, "result", store_tmpfile(p->store, cred, id_of(p, dir), mode, &entry), expected);
	if (!expected)
		made(p, node, &entry);
}

static void do_link(struct player *p)
{
	int node = take_node(p), dir = take_dir(p), expected;
	const char *name = take_name(p, 0);
	struct store_entry entry;

	expected = model_link(&p->model, node, dir, name);
	same(p, "result", store_link(p->store, id_of(p, node), id_of(p, dir), name, &entry), expected);
	if (!expected)
		check_stat(p, node, &entry.attr);
	check_node(p, dir);
}

static void removed(struct player *p, int dir, int gone, node_id gone_id)
{
	same(p, "whose name it was", (int64_t)gone_id, gone ? (int64_t)id_of(p, gone) : 0);
	check_node(p, dir);
	if (gone)
		check_node(p, gone);
}

static void do_unlink(struct player *p)
{
	int dir = take_dir(p), gone = 0, expected;
	const char *name = take_name(p, 0);
	node_id gone_id = 0;

	expected = model_unlink(&p->model, dir, name, &gone);
	same(p, "result", store_unlink(p->store, id_of(p, dir), name, &gone_id), expected);
	removed(p, dir, gone, gone_id);
}

static void do_rmdir(struct player *p)
{
	int dir = take_dir(p), gone = 0, expected;
	const char *name = take_name(p, 0);
	node_id gone_id = 0;

	expected = model_rmdir(&p->model, dir, name, &gone);
	same(p, "result", store_rmdir(p->store, id_of(p, dir), name, &gone_id), expected);
	removed(p, dir, gone, gone_id);
}

static void do_rename(struct player *p)
{
	static const unsigned flags[] = { 0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE,
					  RENAME_WHITEOUT, RENAME_WHITEOUT | RENAME_NOREPLACE };
	struct store_cred cred = take_cred(p);
	int dir = take_dir(p), to = take_dir(p), expected;
	const char *name = take_name(p, 0), *new_name = take_name(p, 1);
	unsigned kind = (unsigned)take(p, 1), how = kind < 250 ? flags[kind % 8] : kind;
	struct store_renamed who;
	struct model_renamed whom;

	if (kind & 0x40)
		to = dir;
	expected = model_rename(&p->model, cred, dir, name, to, new_name, how, &whom);
	same(p, "result", store_rename(p->store, cred, id_of(p, dir), name, id_of(p, to), new_name, how,
				       &who), expected);
	same(p, "moved", (int64_t)who.moved, whom.moved ? (int64_t)id_of(p, whom.moved) : 0);
	same(p, "replaced", (int64_t)who.replaced, whom.replaced ? (int64_t)id_of(p, whom.replaced) : 0);
	same(p, "whiteout", who.whiteout != 0, whom.whiteout != 0);
	if (whom.whiteout) {
		p->model.nodes[whom.whiteout].id = who.whiteout;
		check_node(p, whom.whiteout);
	}
	check_node(p, dir);
	check_node(p, to);
	if (whom.moved)
		check_node(p, whom.moved);
	if (whom.replaced)
		check_node(p, whom.replaced);
}

static void do_forget(struct player *p)
{
	int node = take_node(p);
	uint64_t n = take(p, 1);

	if (n > 8)
		n = n < 128 ? 1 : p->model.nodes[node].lookups;
	store_forget(p->store, id_of(p, node), n);
	model_forget(&p->model, node, n);
	check_node(p, node);
}

/* --- listings ------------------------------------------------------------ */

struct fill {
	struct player *p;
	int dir, room;
	bool plus;
	bool ended;         /* there was no room */
	unsigned dots;
};

static bool was_seen(const struct listing *l, uint64_t serial)
{
	for (size_t i = 0; i < l->seen_count; i++)
		if (l->seen[i] == serial)
			return true;
	return false;
}

/* "." and ".." */
static void check_dots(struct fill *f, const char *name, const struct store_entry *entry)
{
	struct model *m = &f->p->model;
	bool parent = name[1];

	same(f->p, "order of . and ..", f->dots++, parent);
	same(f->p, name, (int64_t)entry->id,
	     (int64_t)m->nodes[parent ? m->nodes[f->dir].parent : f->dir].id);
}

static bool fill(void *context, const char *name, uint64_t cookie, const struct store_entry *entry)
{
	struct fill *f = context;
	struct player *p = f->p;
	struct listing *l = &p->listing;
	struct model_name *found;

	if (f->room-- <= 0) {
		f->ended = true;
		return false;
	}
	if (cookie <= l->cookie)
		differ(p, "cookies that do not grow");
	l->cookie = cookie;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		check_dots(f, name, entry);
		return true;
	}
	found = model_find(&p->model, f->dir, name);
	if (!found)
		differ(p, "%s is listed, and not there", name);
	same(p, "id of a listed name", (int64_t)entry->id, (int64_t)id_of(p, found->node));
	if (was_seen(l, found->serial))
		differ(p, "%s is listed twice", name);
	if (l->seen_count < SEEN_MAX)
		l->seen[l->seen_count++] = found->serial;
	else
		l->overflow = true;
	if (f->plus) {
		p->model.nodes[found->node].lookups++;
		check_stat(p, found->node, &entry->attr);
	} else {
		same(p, "type of a listed name", entry->attr.st_mode & S_IFMT,
		     p->model.nodes[found->node].type);
	}
	return true;
}

/* Whatever was there from the start of the listing to its end, was listed. */
static void check_listed(struct player *p)
{
	struct listing *l = &p->listing;

	for (int i = 0; i < p->model.name_count; i++) {
		const struct model_name *n = &p->model.names[i];

		if (n->dir == l->dir && n->serial <= l->started && !was_seen(l, n->serial))
			differ(p, "%s was there all the time, and not listed", n->text);
	}
}

/* Goes on with the listing under way, so many entries. */
static void list_on(struct player *p, int room, bool plus)
{
	struct listing *l = &p->listing;
	struct model_node *dir = &p->model.nodes[l->dir];
	struct fill f = { .p = p, .dir = l->dir, .room = room, .plus = plus,
			  .dots = l->cookie == 0 ? 0 : 1 };
	int err = store_readdir(p->store, dir->id, l->cookie, plus, fill, &f);
	int expected = !dir->alive ? -ESTALE : !S_ISDIR(dir->type) ? -ENOTDIR : dir->removed ? -ENOENT : 0;

	same(p, "readdir", err, expected);
	if (err || !f.ended) {
		if (!err && !l->overflow)
			check_listed(p);
		l->dir = 0;
	}
}

static void start_listing(struct player *p, int dir)
{
	struct listing *l = &p->listing;

	l->dir = dir;
	l->cookie = 0;
	l->seen_count = 0;
	l->overflow = false;
	l->started = p->model.serial;
}

static void do_list(struct player *p)
{
	start_listing(p, take_dir(p));
	list_on(p, INT32_MAX, take(p, 1) & 1);
}

static void do_list_some(struct player *p)
{
	unsigned n = (unsigned)take(p, 1);

	if (!p->listing.dir)
		start_listing(p, take_dir(p));
	list_on(p, (int)(n % 16), n & 0x80);
}

/* --- attributes ---------------------------------------------------------- */

static struct timespec take_time(struct player *p)
{
	uint64_t kind = take(p, 1), n = take(p, 4);
	int64_t second = kind < 200 ? (int64_t)n : kind < 250 ? -(int64_t)n :
			 kind == 250 ? INT64_MIN : kind == 251 ? INT64_MAX : (int64_t)(n << 28);

	return (struct timespec){ .tv_sec = second, .tv_nsec = (long)(n % 1000000000) };
}

static void do_setattr(struct player *p)
{
	unsigned kind = (unsigned)take(p, 1), mask = (unsigned)take(p, 2) & 0x3ff;
	int node = kind & 1 ? take_file(p) : take_node(p), expected;
	struct stat want = {
		.st_mode = (mode_t)take(p, 2), .st_uid = (uid_t)take(p, 1) & 3,
		.st_gid = (gid_t)take(p, 1) & 3,
	}, got;

	/* One thing at a time is the usual request. */
	if (kind < 200)
		mask &= 1u << (kind >> 1) % 10;
	if (mask & STORE_SET_SIZE)
		want.st_size = (off_t)take_offset(p);
	if (mask & (STORE_SET_ATIME | STORE_SET_MTIME | STORE_SET_CTIME)) {
		want.st_atim = take_time(p);
		want.st_mtim = take_time(p);
		want.st_ctim = take_time(p);
	}
	expected = model_setattr(&p->model, node, mask, &want);
	same(p, "result", store_setattr(p->store, id_of(p, node), mask, &want, &got), expected);
	if (!expected)
		check_stat(p, node, &got);
	check_node(p, node);
}

static void do_getattr(struct player *p)
{
	check_node(p, take_node(p));
}

static void do_flags(struct player *p)
{
	static const uint32_t all[] = { 0, 0, 0, STORE_IMMUTABLE, STORE_APPEND, STORE_NODUMP,
					STORE_FLAGS, 0x100 };
	int node = take_node(p), expected;
	uint32_t flags = all[take(p, 1) % 8], got = 0;

	expected = model_set_flags(&p->model, node, flags);
	same(p, "result", store_set_flags(p->store, id_of(p, node), flags), expected);
	same(p, "get_flags", store_get_flags(p->store, id_of(p, node), &got),
	     p->model.nodes[node].alive ? 0 : -ESTALE);
	if (p->model.nodes[node].alive)
		same(p, "flags", got, p->model.nodes[node].flags);
	check_node(p, node);
}

static const char *take_xattr_name(struct player *p)
{
	static const char *const names[] = {
		"user.a", "user.b", "user.a", "user.b", "user.long-name-of-an-attribute", "trusted.t",
		"security.s", "user.", "nonsense", "system.posix_acl_access", "system.posix_acl_default", "",
	};

	return names[take(p, 1) % (sizeof(names) / sizeof(names[0]))];
}

static size_t make_plain_acl(struct player *p, uint8_t acl[28])
{
	uint64_t bits = take(p, 2);

	memset(acl, 0, 28);
	acl[0] = 2;
	for (int i = 0; i < 3; i++) {
		acl[4 + 8 * i] = (uint8_t[]){ 0x01, 0x04, 0x20 }[i];
		acl[6 + 8 * i] = bits >> (3 * i) & 7;
		memset(acl + 8 + 8 * i, 0xff, 4);
	}
	return 28;
}

static void do_setxattr(struct player *p)
{
	static const int flags[] = { 0, 0, XATTR_CREATE, XATTR_REPLACE };
	struct store_cred cred = take_cred(p);
	int node = take_node(p), expected, how = flags[take(p, 1) % 4];
	const char *name = take_xattr_name(p);
	uint64_t kind = take(p, 1);
	size_t size = kind < 200 ? kind % 40 : take(p, 2);
	const uint8_t *value = take_bytes(p);
	uint8_t acl[28];

	if (strncmp(name, "system.", 7) == 0) {
		value = acl;
		size = make_plain_acl(p, acl);
		/* A whole default list would be inherited, of which the model knows nothing. */
		if (kind & 1 || (name[17] == 'd' && is_dir(p, node)))
			acl[kind % 4] ^= 0x40;
	}
	expected = model_setxattr(&p->model, cred, node, name, value, size, how);
	same(p, "result", store_setxattr(p->store, cred, id_of(p, node), name, value, size, how),
	     expected);
	check_xattr(p, node, name, 65536);
	check_node(p, node);
}

static void do_getxattr(struct player *p)
{
	int node = take_node(p);
	const char *name = take_xattr_name(p);
	uint64_t size = take(p, 1);

	check_xattr(p, node, name, size < 200 ? size : 65536);
}

static void do_removexattr(struct player *p)
{
	int node = take_node(p), expected;
	const char *name = take_xattr_name(p);

	expected = model_removexattr(&p->model, node, name);
	same(p, "result", store_removexattr(p->store, id_of(p, node), name), expected);
	check_node(p, node);
}

static void do_listxattr(struct player *p)
{
	int node = take_node(p);

	check_xattr_names(p, node, take(p, 1) & 1);
}

/* --- bytes --------------------------------------------------------------- */

/*
 * May the budget have ended in an operation that makes this range of a file
 * data? Files take their bytes in chunks of 64 KiB at most.
 */
static void check_shortage(struct player *p, uint64_t offset, uint64_t size)
{
	uint64_t chunks = (offset + size - 1) / 65536 - offset / 65536 + 1;
	struct store_usage usage;

	store_usage(p->store, &usage);
	if (!p->limit || (chunks < p->limit && usage.bytes + chunks * 65536 <= p->limit))
		differ(p, "no space, with %" PRIu64 " of %" PRIu64 " bytes used", usage.bytes, p->limit);
}

static void do_write(struct player *p)
{
	int node = take_file(p);
	uint64_t offset = take_offset(p), how = take(p, 1);
	size_t size = take_size(p);
	const uint8_t *bytes = take_bytes(p);
	bool touch = how & 3, kill = how & 4;
	ssize_t got, expected;

	if (how > 200)
		offset = p->model.nodes[node].size; /* as programs append */
	got = store_write(p->store, id_of(p, node), offset, bytes, size, touch, kill);
	if (got == -ENOSPC && size) {
		check_shortage(p, offset, size);
		check_node(p, node);
		return;
	}
	if (got >= 0 && (size_t)got < size)
		check_shortage(p, offset, size);
	expected = model_write(&p->model, node, offset, bytes, size, got < 0 ? size : (size_t)got, touch,
			       kill);
	same(p, "result", got, expected);
	check_node(p, node);
}

static void do_read(struct player *p)
{
	int node = take_file(p);
	uint64_t offset = take_offset(p);
	size_t size = take_size(p);

	check_read(p, node, offset, size % 7 == 0 ? STORE_READ_MAX + size : size);
}

static void do_open(struct player *p)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_APPEND,
				     O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC, O_RDWR | O_TRUNC,
				     O_RDWR | O_APPEND | O_TRUNC };
	int node = take_file(p), expected;
	unsigned kind = (unsigned)take(p, 1);

	expected = model_open(&p->model, node, flags[kind % 8], kind & 8);
	same(p, "result", store_open(p->store, id_of(p, node), flags[kind % 8], kind & 8), expected);
	check_node(p, node);
}

static void do_fallocate(struct player *p)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE,
				     FALLOC_FL_COLLAPSE_RANGE };
	int node = take_file(p), mode = modes[take(p, 1) % 8], got;
	uint64_t offset = take_offset(p), size = take_size(p), kind = take(p, 1);

	/* Without a limit this would be all of the machine's memory. */
	if (kind > 220 && (p->limit || mode & FALLOC_FL_PUNCH_HOLE))
		size <<= 30;
	got = store_fallocate(p->store, id_of(p, node), mode, offset, size);
	if (got == -ENOSPC)
		check_shortage(p, offset, size);
	same(p, "result", got, model_fallocate(&p->model, node, mode, offset, size, got == -ENOSPC));
	check_node(p, node);
}

static void do_seek(struct player *p)
{
	static const int whences[] = { SEEK_DATA, SEEK_HOLE, SEEK_DATA, SEEK_HOLE, SEEK_DATA, SEEK_HOLE,
				       SEEK_DATA, SEEK_END };
	int node = take_file(p), whence = whences[take(p, 1) % 8];
	uint64_t offset = take_offset(p);

	same(p, "result", store_seek(p->store, id_of(p, node), offset, whence),
	     model_seek(&p->model, node, offset, whence));
}

static void do_copy(struct player *p)
{
	int from = take_file(p), to = take_file(p);
	uint64_t from_offset = take_offset(p), to_offset = take_offset(p);
	size_t size = take_size(p);
	uint64_t end = p->model.nodes[from].size; /* before: the target may be the same file */
	ssize_t got = store_copy(p->store, id_of(p, from), from_offset, id_of(p, to), to_offset, size);
	ssize_t expected;

	if (got == -ENOSPC) {
		check_shortage(p, to_offset, size);
		check_node(p, to);
		return;
	}
	expected = model_copy(&p->model, from, from_offset, to, to_offset, size,
			      got > 0 ? (size_t)got : size);
	/* Fewer than asked for: at the end of the source, or of the budget. */
	same(p, "result", got, expected);
	if (got > 0 && (size_t)got < size && from_offset + (uint64_t)got < end)
		check_shortage(p, to_offset, size);
	check_node(p, to);
	check_node(p, from);
}

static void do_trim(struct player *p)
{
	int node = take_file(p);

	store_trim(p->store, id_of(p, node));
	check_node(p, node);
}

/* --- limits -------------------------------------------------------------- */

static const uint64_t sizes[] = { 0, 0, 0, 50000, 500000, 3000000, 32u << 20, 200000 };
static const uint64_t counts[] = { 0, 0, 0, 12, 40, 200, UINT64_MAX, 1000 };

static void do_limits(struct player *p)
{
	uint64_t kind = take(p, 1), size = sizes[kind % 8], nr = counts[kind / 8 % 8];
	struct store_usage usage;
	int expected;

	store_usage(p->store, &usage);
	if (kind & 0x80) {
		expected = model_set_nr_inodes(&p->model, nr);
		same(p, "set_nr_inodes", store_set_nr_inodes(p->store, nr), expected);
	} else {
		expected = size && size < usage.bytes ? -EINVAL : 0;
		same(p, "resize", store_resize(p->store, size), expected);
		if (!expected)
			p->limit = size;
	}
	check_usage(p);
}

static void do_usage(struct player *p)
{
	check_usage(p);
}

/* --- the whole ----------------------------------------------------------- */

static const struct action {
	void (*run)(struct player *p);
	const char *name;
	unsigned weight;
} actions[] = {
#define ACTION(name, weight) { do_##name, #name, weight }
	ACTION(lookup, 20), ACTION(create, 14), ACTION(mknod, 3), ACTION(mkdir, 10),
	ACTION(make_many, 2), ACTION(remove_many, 2), ACTION(symlink, 4), ACTION(readlink, 3),
	ACTION(tmpfile, 3), ACTION(link, 8), ACTION(unlink, 12), ACTION(rmdir, 6), ACTION(rename, 24),
	ACTION(forget, 8), ACTION(list, 4), ACTION(list_some, 10), ACTION(setattr, 16),
	ACTION(getattr, 4), ACTION(flags, 3), ACTION(setxattr, 10), ACTION(getxattr, 4),
	ACTION(removexattr, 4), ACTION(listxattr, 4), ACTION(write, 26), ACTION(read, 14),
	ACTION(open, 5), ACTION(fallocate, 8), ACTION(seek, 8), ACTION(copy, 6), ACTION(trim, 4),
	ACTION(limits, 1), ACTION(usage, 2),
#undef ACTION
};

static const struct action *take_action(struct player *p)
{
	unsigned n = (unsigned)take(p, 1);

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (n < actions[i].weight)
			return &actions[i];
		n -= actions[i].weight;
	}
	return &actions[0];
}

/* All that is alive: attributes, bytes, names. */
static void check_all(struct player *p)
{
	p->what = "the whole tree";
	for (int i = 1; i < p->model.node_count; i++) {
		struct model_node *n = &p->model.nodes[i];

		check_node(p, i);
		if (!n->alive)
			continue;
		check_xattr_names(p, i, true);
		for (size_t x = 0; x < n->xattr_count; x++)
			check_xattr(p, i, n->xattrs[x].name, 65536);
		if (S_ISLNK(n->type))
			check_target(p, i, 5000);
		if (S_ISDIR(n->type)) {
			start_listing(p, i);
			list_on(p, INT32_MAX, false);
		}
		if (!S_ISREG(n->type))
			continue;
		check_read(p, i, 0, STORE_READ_MAX);
		for (size_t page = 0; page < n->page_count; page++)
			if (n->pages[page].number >= STORE_READ_MAX / MODEL_PAGE)
				check_read(p, i, n->pages[page].number * MODEL_PAGE, MODEL_PAGE);
	}
	check_usage(p);
}

static void remove_all_names(struct player *p)
{
	struct model *m = &p->model;
	int gone;

	for (int i = 1; i < m->node_count; i++)
		same(p, "set_flags", store_set_flags(p->store, m->nodes[i].id, 0), model_set_flags(m, i, 0));
	while (m->name_count) {
		/* From the end: what is in a directory may well be behind it, but goes in some round. */
		for (int i = m->name_count - 1; i >= 0; i--) {
			struct model_name n = m->names[i];

			if (S_ISDIR(m->nodes[n.node].type))
				same(p, "rmdir", store_rmdir(p->store, id_of(p, n.dir), n.text, NULL),
				     model_rmdir(m, n.dir, n.text, &gone));
			else
				same(p, "unlink", store_unlink(p->store, id_of(p, n.dir), n.text, NULL),
				     model_unlink(m, n.dir, n.text, &gone));
			if (i > m->name_count)
				i = m->name_count;
		}
	}
}

/* Nothing is left, and nothing is held for what was. */
static void empty(struct player *p)
{
	struct store_usage usage;

	p->what = "emptying";
	remove_all_names(p);
	for (int i = 2; i < p->model.node_count; i++) {
		store_forget(p->store, id_of(p, i), UINT64_MAX);
		model_forget(&p->model, i, UINT64_MAX);
		check_node(p, i);
	}
	check_usage(p);
	store_usage(p->store, &usage);
	same(p, "nodes left", (int64_t)usage.nodes, 1);
	same(p, "bytes left", (int64_t)usage.bytes, 0);
}

uint64_t play(const uint8_t *bytes, size_t size)
{
	static struct player players; /* large */
	struct player *p = &players;
	struct store_options options = { .mode = 0755, .uid = 1, .gid = 2 };
	uint64_t kind;

	*p = (struct player){ .at = bytes, .end = bytes + size, .what = "making" };
	kind = take(p, 1);
	options.size = p->limit = sizes[kind % 8];
	options.nr_inodes = counts[kind / 8 % 6];
	model_init(&p->model, &options);
	same(p, "result", store_create(&options, &p->store), 0);
	for (unsigned i = 0; i < HAND; i++)
		p->hand[i] = MODEL_ROOT;
	while (p->at < p->end) {
		const struct action *action = take_action(p);

		p->steps++;
		p->what = action->name;
		clock_gettime(CLOCK_REALTIME_COARSE, &p->model.now);
		action->run(p);
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &p->model.now);
	check_all(p);
	empty(p);
	store_destroy(p->store);
	model_destroy(&p->model);
	return p->steps;
}
