/* SPDX-License-Identifier: GPL-2.0-or-later */
/* player.c - from bytes to choices, and the comparisons that all operations share. */
#include "player.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void differ(const struct player *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "store and model differ: step %" PRIu64 ", %s: ", p->steps, p->what);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

void same(const struct player *p, const char *what, int64_t store, int64_t model)
{
	if (store != model)
		differ(p, "%s is %" PRId64 " in the store, %" PRId64 " in the model", what, store, model);
}

/* --- what the bytes say -------------------------------------------------- */

uint64_t take(struct player *p, unsigned bytes)
{
	uint64_t n = 0;

	for (; bytes > 0; bytes--)
		n = n << 8 | (p->at < p->end ? *p->at++ : 0);
	return n;
}

struct store_cred take_cred(struct player *p)
{
	uint64_t bits = take(p, 1);
	static const mode_t umasks[] = { 0, 022, 077, 0777 };

	return (struct store_cred){
		.uid = (uid_t)(bits & 3), .gid = (gid_t)(bits >> 2 & 3), .umask = umasks[bits >> 4 & 3],
	};
}

/* Names of which few are used often; and all that can be wrong with one. */
const char *take_name(struct player *p, unsigned which)
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

int take_node(struct player *p)
{
	return p->hand[take(p, 1) % HAND];
}

bool is_dir(struct player *p, int node)
{
	return p->model.nodes[node].alive && S_ISDIR(p->model.nodes[node].type);
}

/* Nearly always one of that kind, if there is any; else what comes. */
int take_kind(struct player *p, mode_t type)
{
	unsigned n = (unsigned)take(p, 1), first = n % HAND;

	for (unsigned i = 0; n < 240 && i < HAND; i++) {
		int node = p->hand[(first + i) % HAND];

		if (p->model.nodes[node].alive && p->model.nodes[node].type == type)
			return node;
	}
	return p->hand[first];
}

int take_dir(struct player *p)
{
	return take_kind(p, S_IFDIR);
}

int take_file(struct player *p)
{
	return take_kind(p, S_IFREG);
}

/* Mostly within a few chunks, at times about a page's end, seldom far out. */
uint64_t take_offset(struct player *p)
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

uint32_t take_size(struct player *p)
{
	uint32_t kind = (uint32_t)take(p, 1), n = (uint32_t)take(p, 3);

	return kind < 160 ? n % 300 : kind < 220 ? n % 9000 : n % WRITE_MAX;
}

/* Bytes that tell where they come from. */
const uint8_t *take_bytes(struct player *p)
{
	static uint8_t pattern[WRITE_MAX + 256];
	uint64_t seed = take(p, 1);

	if (!pattern[1])
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i % 251 + 1);
	return pattern + seed;
}

node_id id_of(struct player *p, int node)
{
	return p->model.nodes[node].id;
}

void hold(struct player *p, int node)
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

	/* The kernel's times of a file that was looked at meanwhile are finer ones. */
	clock_gettime(p->backed ? CLOCK_REALTIME : CLOCK_REALTIME_COARSE, &now);
	if (!expected->since) {
		same(p, what, got.tv_sec, expected->at.tv_sec);
		same(p, what, got.tv_nsec, expected->at.tv_nsec);
	} else if (later(expected->at, got) || later(got, now)) {
		differ(p, "%s is %jd.%09ld, should have moved", what, (intmax_t)got.tv_sec, got.tv_nsec);
	}
	*expected = (struct model_time){ .at = got };
}

void check_stat(struct player *p, int node, const struct stat *st)
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

void check_node(struct player *p, int node)
{
	struct stat st;
	int err = store_getattr(p->store, id_of(p, node), &st);

	same(p, "getattr", err, p->model.nodes[node].alive ? 0 : -ESTALE);
	if (!err)
		check_stat(p, node, &st);
}

void believe_atime(struct player *p, int node)
{
	struct stat st;

	if (store_getattr(p->store, id_of(p, node), &st) == 0)
		p->model.nodes[node].atime = (struct model_time){ .at = st.st_atim };
}

void check_usage(struct player *p)
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
void check_read(struct player *p, int node, uint64_t offset, size_t size)
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
	if (p->backed) {
		believe_atime(p, node);
	} else if (model_atime_is_due(n, now.tv_sec)) {
		p->model.now = now;
		model_stamp(&p->model, &n->atime);
	}
	check_node(p, node);
}

void check_xattr(struct player *p, int node, const char *name, size_t size)
{
	static uint8_t value[70000];
	const struct model_xattr *x;
	ssize_t expected = model_getxattr(&p->model, node, name, size, &x);
	ssize_t got = store_getxattr(p->store, id_of(p, node), name, value, size);

	same(p, "getxattr", got, expected);
	if (got > 0 && size && memcmp(value, x->value, (size_t)got) != 0)
		differ(p, "another value of %s", name);
}

void check_xattr_names(struct player *p, int node, bool trusted)
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
void made(struct player *p, int node, const struct store_entry *entry)
{
	for (int i = 1; i < node; i++)
		if (p->model.nodes[i].id == entry->id)
			differ(p, "the id %" PRIu64 " is used again", entry->id);
	p->model.nodes[node].id = entry->id;
	check_stat(p, node, &entry->attr);
	hold(p, node);
}
