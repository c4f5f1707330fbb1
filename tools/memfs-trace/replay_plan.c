/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_plan.c - from an event to a step: what it needs, what it waits for, what it does to the tree. */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "event.h"
#include "replay.h"

/* FATTR_ bits: who owns it; and mode, size, times. */
#define SET_OWNER (1u << 1 | 1u << 2)
#define SET_OTHER (1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 8)

#define SIZE_MAX_OF_CALL (1u << 30) /* read(2) and write(2) take no more */

/* --- what cannot be run ------------------------------------------------------------ */

/* Is it a name within a directory, and not a way out of it? */
static bool is_entry(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool has_bad_name(const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_LOOKUP:
	case TRACE_OP_CREATE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
	case TRACE_OP_LINK:
		return !e->name || !is_entry(e->name);
	case TRACE_OP_SYMLINK:
		return !e->name || !is_entry(e->name) || !e->name2;
	case TRACE_OP_RENAME:
		return !e->name || !is_entry(e->name) || !e->name2 || !is_entry(e->name2);
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
		return !e->name;
	default:
		return false;
	}
}

static bool begins_with(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

static enum replay_skip skip_xattr(const struct trace_event *e, bool is_root)
{
	if (begins_with(e->name, "memfs."))
		return SKIP_MEMFS;
	/* Their values mean something; ours would mean nothing. */
	if (begins_with(e->name, "system.") ||
	    (e->op != TRACE_OP_GETXATTR && begins_with(e->name, "security.")))
		return SKIP_VALUE;
	if (!is_root && begins_with(e->name, "trusted."))
		return SKIP_ROOT;
	return e->op == TRACE_OP_SETXATTR && e->size > 65536 ? SKIP_SIZE : SKIP_NOTHING;
}

static enum replay_skip skip_ioctl(const struct trace_event *e, bool is_root)
{
	/* TCGETS is isatty(3)'s, which any program asks of any file. */
	if (e->flags == FS_IOC_GETFLAGS || e->flags == TCGETS)
		return SKIP_NOTHING;
	if (e->flags != FS_IOC_SETFLAGS)
		return SKIP_OTHER;
	return is_root || !(e->mode & (FS_IMMUTABLE_FL | FS_APPEND_FL)) ? SKIP_NOTHING : SKIP_ROOT;
}

/* By what the event alone tells. */
static enum replay_skip skip_event(const struct replay *r, const struct trace_event *e)
{
	if (has_bad_name(e))
		return SKIP_NAME;
	if (e->error == ENOSYS)
		return SKIP_MEMFS;
	switch (e->op) {
	case TRACE_OP_FORGET:
	case TRACE_OP_BATCH_FORGET:
	case TRACE_OP_INIT:
	case TRACE_OP_DESTROY:
		return SKIP_KERNEL;
	case TRACE_OP_MKNOD:
		return !r->is_root && (S_ISCHR(e->mode) || S_ISBLK(e->mode)) ? SKIP_ROOT : SKIP_NOTHING;
	case TRACE_OP_SETATTR:
		return !r->is_root && e->flags & SET_OWNER && !(e->flags & SET_OTHER) ? SKIP_ROOT :
		       SKIP_NOTHING;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		return r->force && e->error ? SKIP_FORCE : SKIP_NOTHING;
	case TRACE_OP_RENAME:
		if (r->force && e->error)
			return SKIP_FORCE;
		return !r->is_root && e->flags & RENAME_WHITEOUT ? SKIP_ROOT : SKIP_NOTHING;
	case TRACE_OP_GETXATTR:
	case TRACE_OP_SETXATTR:
	case TRACE_OP_REMOVEXATTR:
		return skip_xattr(e, r->is_root);
	case TRACE_OP_READ:
	case TRACE_OP_WRITE:
		return e->size > SIZE_MAX_OF_CALL ? SKIP_SIZE : SKIP_NOTHING;
	case TRACE_OP_IOCTL:
		return skip_ioctl(e, r->is_root);
	case TRACE_OP_GETLK:
	case TRACE_OP_SETLK:
	case TRACE_OP_ACCESS:
	case TRACE_OP_BMAP:
	case TRACE_OP_POLL:
		return SKIP_OTHER;
	default:
		return e->op < TRACE_OP_LIMIT ? SKIP_NOTHING : SKIP_OTHER;
	}
}

/* Does the call go through an open? */
bool replay_needs_open(const struct trace_event *e)
{
	switch (e->op) {
	case TRACE_OP_READ:
	case TRACE_OP_WRITE:
	case TRACE_OP_FLUSH:
	case TRACE_OP_RELEASE:
	case TRACE_OP_FSYNC:
	case TRACE_OP_READDIR:
	case TRACE_OP_READDIRPLUS:
	case TRACE_OP_RELEASEDIR:
	case TRACE_OP_FSYNCDIR:
	case TRACE_OP_FALLOCATE:
	case TRACE_OP_LSEEK:
	case TRACE_OP_IOCTL:
	case TRACE_OP_COPY_FILE_RANGE:
		return true;
	default:
		return false;
	}
}

static bool takes_directory(const struct trace_event *e)
{
	return event_first_name(e) || e->op == TRACE_OP_TMPFILE || e->op == TRACE_OP_OPENDIR;
}

/* Is there no way to a file that has been there? */
static bool is_gone(const struct replay_step *s)
{
	return !s->at && !s->any && !S_ISDIR(s->node->type);
}

/* By what the tree knows. */
static bool is_unknown(const struct replay_step *s)
{
	const struct trace_event *e = &s->event;

	/* Without a handle, the kernel opened it without asking (no_open). */
	if (replay_needs_open(e) && !s->open &&
	    (e->fh || e->op == TRACE_OP_RELEASE || e->op == TRACE_OP_RELEASEDIR))
		return true;
	if (!s->node || (takes_directory(e) && !S_ISDIR(s->node->type)))
		return true;
	switch (e->op) {
	case TRACE_OP_RENAME:
		return !s->node2 || !S_ISDIR(s->node2->type) ||
		       (!e->error && (!replay_tree_has(s->result, s->node, e->name) ||
				      (e->flags & RENAME_EXCHANGE && !s->replaces)));
	case TRACE_OP_LINK:
		return !s->node2 || !S_ISDIR(s->node2->type);
	case TRACE_OP_COPY_FILE_RANGE:
		return !s->any2;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		return !e->error && !replay_tree_has(s->result, s->node, e->name);
	default:
		return false;
	}
}

/* --- making a step -------------------------------------------------------------------- */

static char *keep(char **at, const char *name)
{
	char *copy = *at;

	if (!name)
		return NULL;
	strcpy(copy, name);
	*at += strlen(name) + 1;
	return copy;
}

/* Its own copies of all names; the node's first name is where it can be reached. */
static struct replay_step *make(const struct trace_event *e, const struct replay_node *n)
{
	const struct replay_link *l = n ? n->links : NULL;
	size_t size = (e->name ? strlen(e->name) + 1 : 0) + (e->name2 ? strlen(e->name2) + 1 : 0) +
		      (l ? strlen(l->name) + 1 : 0);
	struct replay_step *s = malloc(sizeof(*s) + size);
	char *at;

	if (!s)
		exit(complain("replay", "out of memory"));
	memset(s, 0, sizeof(*s));
	at = s->storage;
	s->event = *e;
	s->event.process = NULL;
	s->event.name = keep(&at, e->name);
	s->event.name2 = keep(&at, e->name2);
	s->at = l ? l->parent : NULL;
	s->at_name = keep(&at, l ? l->name : NULL);
	return s;
}

static void find_nodes(struct replay *r, struct replay_step *s)
{
	struct trace_event *e = &s->event;

	s->node2 = replay_tree_node(&r->tree, e->node2);
	s->open = replay_tree_open(&r->tree, e->fh);
	/* Of another node, whose turn is not waited for: only a damaged trace has that. */
	if (s->open && s->open->node != s->node)
		s->open = NULL;
	/* The reply of these names a node that was there before. */
	if (e->op == TRACE_OP_UNLINK || e->op == TRACE_OP_RMDIR || e->op == TRACE_OP_RENAME)
		s->result = replay_tree_node(&r->tree, e->result);
	if (e->op == TRACE_OP_RENAME)
		s->replaces = replay_tree_has(replay_tree_node(&r->tree, e->replaced), s->node2,
					      e->name2);
	s->any = s->open ? s->open : s->node ? s->node->opens : NULL;
	s->any2 = s->node2 ? s->node2->opens : NULL;
}

/* --- what it does to the tree ----------------------------------------------------------- */

static void note_made(struct replay *r, struct replay_step *s)
{
	const struct trace_event *e = &s->event;
	mode_t type = e->op == TRACE_OP_MKDIR ? S_IFDIR : e->op == TRACE_OP_SYMLINK ? S_IFLNK :
		      e->op == TRACE_OP_MKNOD && e->mode & S_IFMT ? e->mode & S_IFMT : S_IFREG;

	if (!e->result)
		return;
	s->result = replay_tree_add(&r->tree, e->result, type);
	if (e->op != TRACE_OP_TMPFILE)
		replay_tree_link(&r->tree, s->result, s->node, e->name);
	if (e->op == TRACE_OP_CREATE || e->op == TRACE_OP_TMPFILE)
		s->open = replay_tree_add_open(&r->tree, e->fh, s->result);
}

static void note_renamed(struct replay *r, struct replay_step *s, struct replay_node *replaced)
{
	const struct trace_event *e = &s->event;
	struct replay_tree *t = &r->tree;

	/* Two names of one file: rename(2) does nothing. */
	if (replaced == s->result)
		return;
	/* The new name first: a node must not be without one in between. */
	if (replaced && e->flags & RENAME_EXCHANGE)
		replay_tree_link(t, replaced, s->node, e->name);
	replay_tree_link(t, s->result, s->node2, e->name2);
	if (replaced)
		replay_tree_unlink(t, replaced, s->node2, e->name2);
	replay_tree_unlink(t, s->result, s->node, e->name);
	if (e->whiteout)
		replay_tree_link(t, replay_tree_add(t, e->whiteout, S_IFCHR), s->node, e->name);
}

static void note(struct replay *r, struct replay_step *s, struct replay_node *replaced)
{
	const struct trace_event *e = &s->event;

	if (e->error)
		return;
	switch (e->op) {
	case TRACE_OP_CREATE:
	case TRACE_OP_MKNOD:
	case TRACE_OP_MKDIR:
	case TRACE_OP_SYMLINK:
	case TRACE_OP_TMPFILE:
		note_made(r, s);
		break;
	case TRACE_OP_LINK:
		replay_tree_link(&r->tree, s->node, s->node2, e->name);
		break;
	case TRACE_OP_UNLINK:
	case TRACE_OP_RMDIR:
		replay_tree_unlink(&r->tree, s->result, s->node, e->name);
		break;
	case TRACE_OP_RENAME:
		note_renamed(r, s, replaced);
		break;
	case TRACE_OP_OPEN:
	case TRACE_OP_OPENDIR:
		/* NULL where the handle is taken: then this one is closed again. */
		s->open = replay_tree_add_open(&r->tree, e->fh, s->node);
		break;
	case TRACE_OP_RELEASE:
	case TRACE_OP_RELEASEDIR:
		replay_tree_remove_open(&r->tree, s->open);
		break;
	default:
		break;
	}
}

/* --- order ------------------------------------------------------------------------------- */

static void wait_for(struct replay_step *s, struct replay_node *n)
{
	for (unsigned i = 0; i < s->wait_count; i++)
		if (s->waits[i].node == n)
			return;
	if (!n || s->wait_count == REPLAY_WAITS)
		return;
	s->waits[s->wait_count].node = n;
	s->waits[s->wait_count++].turn = n->planned++;
}

/* Directories whose descriptors were given up to spare them, are opened again. */
static void reopen(struct replay *r, struct replay_node *n)
{
	if (!n || !n->closed)
		return;
	replay_drain(r);
	replay_tree_reopen(&r->tree, n);
}

static void prepare_directories(struct replay *r, const struct replay_step *s)
{
	if (replay_tree_is_full(&r->tree)) {
		replay_drain(r);
		replay_tree_close_directories(&r->tree);
	}
	reopen(r, s->node);
	reopen(r, s->node2);
	reopen(r, s->at);
}

/* For the report of a thread, which may not ask the tree. */
static void keep_path(struct replay *r, struct replay_step *s)
{
	char path[EVENT_PATH_SIZE];

	if (r->threads != 1)
		s->path = strdup(replay_tree_path(&r->tree, s->node, event_first_name(&s->event), path,
						  sizeof(path)));
}

struct replay_step *replay_plan(struct replay *r, const struct trace_event *e,
				enum replay_skip *skip)
{
	struct replay_node *n, *replaced;
	struct replay_open *o;
	struct replay_step *s;

	*skip = skip_event(r, e);
	if (*skip)
		return NULL;
	/* A call on an open is about the node that it was an open of. */
	o = replay_needs_open(e) ? replay_tree_open(&r->tree, e->fh) : NULL;
	n = o ? o->node : replay_tree_node(&r->tree, e->node);
	s = make(e, n);
	s->node = e->op == TRACE_OP_SYNCFS || e->op == TRACE_OP_STATFS ? r->tree.root : n;
	find_nodes(r, s);
	*skip = is_unknown(s) ? SKIP_UNKNOWN : is_gone(s) ? SKIP_GONE : SKIP_NOTHING;
	if (*skip) {
		free(s);
		return NULL;
	}
	prepare_directories(r, s);
	keep_path(r, s);
	replaced = e->op == TRACE_OP_RENAME ? replay_tree_node(&r->tree, e->replaced) : NULL;
	note(r, s, replaced);
	wait_for(s, s->node);
	wait_for(s, s->node2);
	wait_for(s, s->result);
	wait_for(s, replaced);
	replay_tree_sweep(&r->tree, &r->lock);
	return s;
}
