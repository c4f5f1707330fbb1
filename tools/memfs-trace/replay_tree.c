/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

#define DEPTH_MAX 2048  /* a damaged trace could tell of a loop */
#define DEAD_MAX 4096   /* nodes without name and open that are kept: somebody may still ask for one */

static void *need(void *memory)
{
	if (!memory)
		exit(complain("replay", "out of memory"));
	return memory;
}

/* --- the index -------------------------------------------------------------------- */

static struct entry **find(const struct index *i, uint64_t key)
{
	struct entry **at = &i->buckets[(key * 0x9e3779b97f4a7c15u >> 20) & (i->capacity - 1)];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void index_grow(struct index *i)
{
	struct index bigger = { .capacity = i->capacity ? 2 * i->capacity : 1024 };

	bigger.buckets = need(calloc(bigger.capacity, sizeof(*bigger.buckets)));
	for (size_t b = 0; b < i->capacity; b++) {
		struct entry *e = i->buckets[b], *next;

		for (; e; e = next) {
			next = e->next;
			e->next = NULL;
			*find(&bigger, e->key) = e;
		}
	}
	bigger.count = i->count;
	free(i->buckets);
	*i = bigger;
}

static void *index_get(const struct index *i, uint64_t key)
{
	return i->count ? *find(i, key) : NULL;
}

static void index_add(struct index *i, struct entry *e)
{
	if (i->count >= i->capacity)
		index_grow(i);
	e->next = NULL;
	*find(i, e->key) = e;
	i->count++;
}

static void index_remove(struct index *i, struct entry *e)
{
	struct entry **at = find(i, e->key);

	if (*at != e)
		return;
	*at = e->next;
	i->count--;
}

/* --- nodes and opens ---------------------------------------------------------------- */

/* Of the descriptors that there may be, half are for directories. */
static size_t directories_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 256;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 100000 ? 50000 : (size_t)limit.rlim_cur / 2;
}

void replay_tree_init(struct replay_tree *t, int fd)
{
	t->directories_max = directories_max();
	t->root = replay_tree_add(t, 1, S_IFDIR);
	t->root->fd = fd;
}

struct replay_node *replay_tree_node(const struct replay_tree *t, uint64_t id)
{
	return id ? index_get(&t->nodes, id) : NULL;
}

struct replay_open *replay_tree_open(const struct replay_tree *t, uint64_t fh)
{
	return fh ? index_get(&t->opens, fh) : NULL;
}

struct replay_node *replay_tree_add(struct replay_tree *t, uint64_t id, mode_t type)
{
	struct replay_node *n = replay_tree_node(t, id);

	/* Only a damaged trace makes a node twice. */
	if (n)
		return n;
	n = need(calloc(1, sizeof(*n)));
	n->entry.key = id;
	n->type = type & S_IFMT;
	n->fd = -1;
	index_add(&t->nodes, &n->entry);
	t->directories += S_ISDIR(type);
	return n;
}

/* A node that has neither name nor open any more can be let go, some time. */
static void check_dead(struct replay_tree *t, struct replay_node *n)
{
	if (n->links || n->opens || n->children || n == t->root || n->dead)
		return;
	n->dead = true;
	n->next_dead = t->dead;
	t->dead = n;
	t->dead_count++;
}

struct replay_open *replay_tree_add_open(struct replay_tree *t, uint64_t fh, struct replay_node *n)
{
	struct replay_open *o = replay_tree_open(t, fh);

	if (o || !fh)
		return NULL;
	o = need(calloc(1, sizeof(*o)));
	o->entry.key = fh;
	o->fd = -1;
	o->node = n;
	o->next = n->opens;
	n->opens = o;
	index_add(&t->opens, &o->entry);
	return o;
}

void replay_tree_remove_open(struct replay_tree *t, struct replay_open *o)
{
	struct replay_open **at = &o->node->opens;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	index_remove(&t->opens, &o->entry);
	check_dead(t, o->node);
}

void replay_tree_link(struct replay_tree *t, struct replay_node *n, struct replay_node *parent,
		      const char *name)
{
	struct replay_link *l = need(malloc(sizeof(*l) + strlen(name) + 1));

	(void)t;
	l->parent = parent;
	strcpy(l->name, name);
	l->next = n->links;
	n->links = l;
	parent->children++;
}

bool replay_tree_has(const struct replay_node *n, const struct replay_node *parent, const char *name)
{
	const struct replay_link *l = n ? n->links : NULL;

	while (l && (l->parent != parent || strcmp(l->name, name) != 0))
		l = l->next;
	return l != NULL;
}

static void drop_link(struct replay_tree *t, struct replay_link **at)
{
	struct replay_link *l = *at;

	*at = l->next;
	l->parent->children--;
	check_dead(t, l->parent);
	free(l);
}

void replay_tree_unlink(struct replay_tree *t, struct replay_node *n, struct replay_node *parent,
			const char *name)
{
	struct replay_link **at = &n->links;

	while (*at && ((*at)->parent != parent || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	if (*at)
		drop_link(t, at);
	check_dead(t, n);
}

static void free_node(struct replay_tree *t, struct replay_node *n)
{
	if (n->fd >= 0 && n != t->root)
		close(n->fd);
	t->directories -= S_ISDIR(n->type) && !n->closed && n != t->root;
	ranges_free(&n->own);
	ranges_free(&n->foreign);
	while (n->links) {
		struct replay_link *l = n->links;

		n->links = l->next;
		free(l);
	}
	free(n);
}

void replay_tree_sweep(struct replay_tree *t, pthread_mutex_t *lock)
{
	struct replay_node **at = &t->dead, *n;

	if (t->dead_count < DEAD_MAX)
		return;
	/* The newest are the ones that somebody may still ask for. */
	for (size_t i = 0; i < DEAD_MAX / 4; i++)
		at = &(*at)->next_dead;
	pthread_mutex_lock(lock);
	while ((n = *at)) {
		bool alive = n->links || n->opens || n->children;

		if (!alive && n->planned != n->done) {
			at = &n->next_dead;
			continue;
		}
		*at = n->next_dead;
		t->dead_count--;
		n->dead = false;
		if (!alive) {
			index_remove(&t->nodes, &n->entry);
			free_node(t, n);
		}
	}
	pthread_mutex_unlock(lock);
}

void replay_tree_free(struct replay_tree *t)
{
	struct entry *e, *next;

	for (size_t b = 0; b < t->opens.capacity; b++) {
		for (e = t->opens.buckets[b]; e; e = next) {
			struct replay_open *o = (struct replay_open *)e;

			next = e->next;
			if (o->fd >= 0)
				close(o->fd);
			free(o);
		}
	}
	for (size_t b = 0; b < t->nodes.capacity; b++) {
		for (e = t->nodes.buckets[b]; e; e = next) {
			next = e->next;
			free_node(t, (struct replay_node *)e);
		}
	}
	free(t->opens.buckets);
	free(t->nodes.buckets);
}

/* --- paths ---------------------------------------------------------------------------- */

/* Writes from the end of buf forward: the start of what is there now is *at. */
static bool prepend(char *buf, size_t *at, const char *name)
{
	size_t length = strlen(name);

	if (length + 1 > *at)
		return false;
	*at -= length;
	memcpy(buf + *at, name, length);
	buf[--*at] = '/';
	return true;
}

const char *replay_tree_path(const struct replay_tree *t, const struct replay_node *n,
			     const char *name, char *buf, size_t size)
{
	size_t at = size - 1;
	char unknown[32];
	bool room;

	buf[at] = '\0';
	room = !name || prepend(buf, &at, name);
	for (int depth = 0; room && n && n != t->root; depth++) {
		if (!n->links || depth == DEPTH_MAX) {
			snprintf(unknown, sizeof(unknown), "#%" PRIu64, n->entry.key);
			prepend(buf, &at, unknown);
			break;
		}
		room = prepend(buf, &at, n->links->name);
		n = n->links->parent;
	}
	return buf[at] ? buf + at : "/";
}

/* --- descriptors of directories --------------------------------------------------------- */

bool replay_tree_is_full(const struct replay_tree *t)
{
	return t->directories >= t->directories_max;
}

void replay_tree_close_directories(struct replay_tree *t)
{
	for (size_t b = 0; b < t->nodes.capacity; b++) {
		for (struct entry *e = t->nodes.buckets[b]; e; e = e->next) {
			struct replay_node *n = (struct replay_node *)e;

			if (!S_ISDIR(n->type) || n == t->root || n->fd < 0 || !n->links)
				continue;
			close(n->fd);
			n->fd = -1;
			n->closed = true;
			t->directories--;
		}
	}
}

static int open_directory(int parent, const char *name)
{
	return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* From the top: first those above it, each by the one name that it has. */
void replay_tree_reopen(struct replay_tree *t, struct replay_node *directory)
{
	struct replay_node *chain[DEPTH_MAX];
	int count = 0;

	for (struct replay_node *n = directory; n && n->closed && n->links && count < DEPTH_MAX;
	     n = n->links->parent)
		chain[count++] = n;
	while (count--) {
		struct replay_node *n = chain[count];

		n->fd = open_directory(n->links->parent->fd, n->links->name);
		n->closed = n->fd < 0;
		t->directories += n->fd >= 0;
	}
}
