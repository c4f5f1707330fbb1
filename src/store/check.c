/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.c - what must hold of a tree, looked at as a whole.
 *
 * All locks are held meanwhile, so everything that they guard stands still.
 * Two things move without them. A new node is charged before it is put into
 * the table, and an old one is credited after it was taken out: what the
 * accounts hold beyond the tree may be theirs. budget.nodes counts them all
 * the time, so it tells whether there is any; if so the sums are taken again,
 * and only what they can never fall below is asked for in the end. And a node
 * whose last lookup was given back stays in the table until reap() has the
 * locks: such are looked at again a little later.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/content.h"
#include "store/names.h"

#define TRIES 5            /* to meet a moment in which no node is on its way */
#define DEAD_MAX 64        /* nodes that are to be looked at again */
#define DEAD_WAIT_MS 2000

struct seen {
	uint32_t names;      /* that lead to the node */
	bool reaches_root;
};

struct check {
	struct store *s;
	store_tell_fn tell;
	void *context;
	int violations;
	struct seen *seen;   /* by index in the table */
	uint32_t used;       /* of the table */
	uint64_t nodes, files, bytes, space; /* what there is */
	node_id dead[DEAD_MAX];
	int dead_count;
	bool quiet;          /* nobody else is in the store */
	bool settled;        /* no node is on its way */
};

__attribute__((format(printf, 2, 3)))
static void say(struct check *c, const char *format, ...)
{
	va_list arguments;
	char line[256];

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	c->violations++;
	c->tell(c->context, line);
}

static void say_if(struct check *c, const struct node *n, const char *wrong)
{
	if (wrong)
		say(c, "node %" PRIu64 ": %s", n->id, wrong);
}

/* --- one node ------------------------------------------------------------ */

static void check_entry(struct check *c, const struct node *dir, const struct dirent_node *e,
			uint32_t *subdirs)
{
	const struct node *n = (uint32_t)e->node < c->used ? node_get(c->s->table, e->node) : NULL;

	if (!n) {
		say(c, "directory %" PRIu64 ": an entry names %" PRIu64 ", which is gone", dir->id,
		    e->node);
		return;
	}
	c->seen[(uint32_t)n->id].names++;
	if (e->type != dirent_type(n->type))
		say(c, "directory %" PRIu64 ": the entry of %" PRIu64 " is of another type", dir->id,
		    n->id);
	if (!S_ISDIR(n->type))
		return;
	++*subdirs;
	if (n->dir.parent != dir->id)
		say(c, "directory %" PRIu64 ": its parent is %" PRIu64 ", its name in %" PRIu64, n->id,
		    n->dir.parent, dir->id);
	if (n->removed)
		say(c, "directory %" PRIu64 ": was removed, and has a name", n->id);
}

static void check_dir(struct check *c, const struct node *n)
{
	const struct dir *d = &n->dir.entries;
	const char *wrong = dir_check(d);
	const struct dirent_node *e;
	uint32_t subdirs = 0;
	uint64_t cookie = 0;

	say_if(c, n, wrong);
	if (wrong)
		return;
	for (; (e = dir_next(d, cookie)); cookie = e->cookie)
		check_entry(c, n, e, &subdirs);
	if (n->removed && d->live)
		say_if(c, n, "was removed, and has entries");
	if (n->nlink != (n->removed ? 0 : 2 + subdirs))
		say(c, "directory %" PRIu64 ": %" PRIu32 " links, %" PRIu32 " subdirectories%s", n->id,
		    n->nlink, subdirs, n->removed ? ", and was removed" : "");
	if (n->size != DIR_SIZE_EMPTY + (uint64_t)d->live * DIR_SIZE_ENTRY)
		say_if(c, n, "the size is not that of the entries");
}

static void check_xattrs(struct check *c, const struct node *n)
{
	for (const struct xattr *x = n->xattrs; x; x = x->next)
		if (strnlen(x->bytes, x->name_size) + 1 != x->name_size ||
		    xattrs_find(n->xattrs, x->bytes) != x)
			say_if(c, n, "an extended attribute is there twice, or its name ends too soon");
	c->space += xattrs_cost(n->xattrs);
}

static void check_node(struct check *c, const struct node *n)
{
	c->nodes++;
	c->space += BUDGET_NODE;
	check_xattrs(c, n);
	if (n->perm & ~07777u || n->flags & ~(uint32_t)STORE_FLAGS)
		say_if(c, n, "mode or flags that there are none");
	if (atomic_load(&n->nlookup) > INT64_MAX)
		say_if(c, n, "more lookups were given back than taken");
	if (S_ISDIR(n->type)) {
		check_dir(c, n);
	} else if (S_ISREG(n->type)) {
		say_if(c, n, content_check(c->s, n));
		c->files++;
		c->bytes += c->s->backing ? 0 : n->data.bytes;
	} else if (S_ISLNK(n->type)) {
		c->space += n->size;
		if (!n->target || strlen(n->target) != n->size)
			say_if(c, n, "the size is not that of the target");
	}
	if (!S_ISDIR(n->type) && n->nlink > 1)
		c->space += (uint64_t)(n->nlink - 1) * BUDGET_NODE;
}

/* --- how they hang together ---------------------------------------------- */

static void check_names(struct check *c, const struct node *n)
{
	uint32_t names = c->seen[(uint32_t)n->id].names;
	uint32_t expected = n->nlink;

	if (S_ISDIR(n->type))
		expected = n->id != STORE_ROOT && !n->removed;
	if (names != expected)
		say(c, "node %" PRIu64 ": %" PRIu32 " names, should be %" PRIu32, n->id, names, expected);
	if (node_is_dead(n) && c->dead_count < DEAD_MAX)
		c->dead[c->dead_count++] = n->id;
}

/* The way up from a directory ends at the root; whatever it passes does so, too. */
static void check_way_up(struct check *c, const struct node *n)
{
	const struct node *at = n;
	uint32_t steps = 0;

	while (at && S_ISDIR(at->type) && at->id != STORE_ROOT && steps++ < c->used &&
	       !c->seen[(uint32_t)at->id].reaches_root)
		at = (uint32_t)at->dir.parent < c->used ? node_get(c->s->table, at->dir.parent) : NULL;
	if (!at || !S_ISDIR(at->type) || steps > c->used) {
		say_if(c, n, "the way up does not lead to the root");
		return;
	}
	for (at = n; at->id != STORE_ROOT && !c->seen[(uint32_t)at->id].reaches_root;
	     at = node_get(c->s->table, at->dir.parent))
		c->seen[(uint32_t)at->id].reaches_root = true;
}

static void check_root(struct check *c)
{
	const struct node *root = node_get(c->s->table, STORE_ROOT);

	if (!root || !S_ISDIR(root->type) || root->removed || root->dir.parent != STORE_ROOT)
		say(c, "there is no root");
}

/* --- the whole ------------------------------------------------------------ */

/* What is charged never falls below what there is; and is the same, when no node is on its way. */
static void check_sum(struct check *c, const char *what, uint64_t charged, uint64_t there)
{
	if (charged < there || (c->settled && charged != there))
		say(c, "%s: %" PRIu64 " charged, %" PRIu64 " there", what, charged, there);
}

/* Each file has one of the backing files (content_check()); has each of those a file? */
static void check_backing(struct check *c, int err, uint64_t files)
{
	if (err)
		say(c, "backing files: cannot be listed: %s", strerror(-err));
	else if (c->s->backing && (files < c->files || (c->settled && files != c->files)))
		say(c, "%" PRIu64 " backing files for %" PRIu64 " files", files, c->files);
}

/* Whatever may be on its way is counted between the two looks at budget.nodes: a node is charged before all else. */
static void take_sums(struct check *c)
{
	uint64_t bytes, space, nodes, files = 0;
	int err;

	nodes = atomic_load(&c->s->budget.nodes);
	bytes = atomic_load(&c->s->budget.bytes.used);
	space = atomic_load(&c->s->budget.space.used);
	err = c->s->backing ? backing_count(c->s->backing, &files) : 0;
	c->settled = c->quiet || (nodes == c->nodes && nodes == atomic_load(&c->s->budget.nodes));
	check_sum(c, "nodes", nodes, c->nodes);
	check_sum(c, "bytes", bytes, c->bytes);
	check_sum(c, "space", space, c->space);
	check_backing(c, err, files);
}

static int check_all(struct check *c)
{
	c->used = node_table_end(c->s->table);
	c->seen = calloc(c->used, sizeof(*c->seen));
	c->violations = c->dead_count = 0;
	c->nodes = c->files = c->bytes = c->space = 0;
	if (!c->seen)
		return -ENOMEM;
	for (uint32_t i = 1; i < c->used; i++) {
		const struct node *n = node_table_at(c->s->table, i);

		if (n)
			check_node(c, n);
	}
	for (uint32_t i = 1; i < c->used; i++) {
		const struct node *n = node_table_at(c->s->table, i);

		if (n)
			check_names(c, n);
		if (n && S_ISDIR(n->type) && !n->removed)
			check_way_up(c, n);
	}
	check_root(c);
	free(c->seen);
	return 0;
}

static void check_table(struct check *c)
{
	const char *wrong = node_table_check(c->s->table);

	if (wrong)
		say(c, "table of nodes: %s", wrong);
}

/* One look with all locks held. */
static int look(struct check *c)
{
	int err;

	pthread_mutex_lock(&c->s->rename_mutex);
	lock_all(c->s->locks);
	err = check_all(c);
	if (!err) {
		check_table(c);
		take_sums(c);
	}
	unlock_all(c->s->locks);
	pthread_mutex_unlock(&c->s->rename_mutex);
	return err;
}

static bool is_dead(struct store *s, node_id id)
{
	pthread_rwlock_t *lock = lock_of_node(s->locks, id);
	const struct node *n;
	bool dead;

	lock_read(lock);
	n = node_get(s->table, id);
	dead = n && node_is_dead(n);
	unlock(lock);
	return dead;
}

/* Somebody is about to free them; ids do not come again. */
static void check_dead(struct check *c)
{
	int waited = 0;

	for (int i = 0; i < c->dead_count; i++) {
		for (; !c->quiet && is_dead(c->s, c->dead[i]) && waited < DEAD_WAIT_MS; waited++)
			usleep(1000);
		if (is_dead(c->s, c->dead[i]))
			say(c, "node %" PRIu64 ": neither name nor lookup, and not freed", c->dead[i]);
	}
}

int store_check(struct store *s, bool quiet, store_tell_fn tell, void *context)
{
	struct check c = { .s = s, .quiet = quiet, .tell = tell, .context = context };
	int err = look(&c);

	for (int i = 1; !err && !c.settled && !c.violations && i < TRIES; i++) {
		usleep(1000);
		err = look(&c);
	}
	if (err)
		return err;
	check_dead(&c);
	return c.violations;
}
