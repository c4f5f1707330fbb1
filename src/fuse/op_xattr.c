/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op_xattr.c - extended attributes.
 *
 * Those of nodes are the store's. The root has some of memfs's own besides, by
 * which it tells what it is doing, and is told what to do:
 *
 *   memfs.version    the version
 *   memfs.trace      the path of the trace; all that happened before is in it
 *   memfs.stats      counts, a line each
 *   memfs.check      "ok", or what store_check() has found, a line each
 *   memfs.trace.mark     a text to be found again in the trace: may be set, not read
 *   memfs.trace.enabled  0 or 1: is it recorded? may be set
 *   memfs.trace.rotate   may be set, to anything: puts the file of the trace aside
 *   memfs.size       the limit of file data, as the mount option; may be set
 *   memfs.nr_inodes  likewise
 *
 * Who may reach the root may read them, but for the check, for which all
 * others wait; who has mounted, and root, may do that as well, and set
 * them. They are not listed, as CephFS's and GlusterFS's own are not: a copy
 * of the tree must not try to copy them.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "fuse/operations.h"

#define TEXT_MAX 1024 /* of a value that is set */

struct control {
	const char *name;
	char *(*get)(struct fs *fs); /* malloc()ed, NULL = out of memory; NULL = cannot be read */
	int (*set)(struct fs *fs, const char *text); /* NULL = cannot be set */
};

static char *get_version(struct fs *fs)
{
	(void)fs;
	return strdup(MEMFS_VERSION);
}

static char *get_trace(struct fs *fs)
{
	recorder_flush(fs->recorder);
	return strdup(recorder_path(fs->recorder));
}

static char *get_stats(struct fs *fs)
{
	struct recorder_stats trace = { 0 };
	struct store_usage usage;
	char *text;

	store_usage(fs->store, &usage);
	if (fs->recorder)
		recorder_get_stats(fs->recorder, &trace);
	if (asprintf(&text,
		     "bytes %" PRIu64 "\nnodes %" PRIu64 "\nsize %" PRIu64 "\nnr_inodes %" PRIu64
		     "\ntrace_recorded %" PRIu64 "\ntrace_lost %" PRIu64 "\ntrace_written %" PRIu64
		     "\ntrace_skipped %" PRIu64 "\ntrace_error %d\n",
		     usage.bytes, usage.nodes, usage.size, usage.nr_inodes, trace.recorded,
		     trace.lost, trace.written, trace.skipped, trace.error) < 0)
		return NULL;
	return text;
}

/* Lines as far as they fit into an attribute. */
struct lines {
	char *text;
	size_t length;
};

static void add_line(void *context, const char *line)
{
	struct lines *l = context;
	size_t length = strlen(line);

	if (l->length + length + 2 > XATTR_SIZE_MAX)
		return;
	memcpy(l->text + l->length, line, length);
	l->length += length;
	l->text[l->length++] = '\n';
}

static char *get_check(struct fs *fs)
{
	struct lines lines = { .text = malloc(XATTR_SIZE_MAX) };
	int found;

	if (!lines.text)
		return NULL;
	found = store_check(fs->store, false, add_line, &lines);
	if (found < 0) {
		free(lines.text);
		return NULL;
	}
	if (found == 0)
		add_line(&lines, "ok");
	lines.text[lines.length] = '\0';
	return lines.text;
}

static char *number_text(uint64_t n)
{
	char *text;

	return asprintf(&text, "%" PRIu64, n) < 0 ? NULL : text;
}

static char *get_size(struct fs *fs)
{
	struct store_usage usage;

	store_usage(fs->store, &usage);
	return number_text(usage.size);
}

static char *get_nr_inodes(struct fs *fs)
{
	struct store_usage usage;

	store_usage(fs->store, &usage);
	return number_text(usage.nr_inodes);
}

static int set_size(struct fs *fs, const char *text)
{
	uint64_t size;

	return size_parse(text, size_of_memory(), &size) ? -EINVAL : store_resize(fs->store, size);
}

static int set_nr_inodes(struct fs *fs, const char *text)
{
	uint64_t n;

	return size_parse(text, 0, &n) ? -EINVAL : store_set_nr_inodes(fs->store, n);
}

static char *get_enabled(struct fs *fs)
{
	return strdup(recorder_is_enabled(fs->recorder) ? "1" : "0");
}

static int set_enabled(struct fs *fs, const char *text)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return -EINVAL;
	recorder_set_enabled(fs->recorder, *text == '1');
	return 0;
}

/* The value says nothing: it is the setting that counts. */
static int set_rotate(struct fs *fs, const char *text)
{
	(void)text;
	return recorder_rotate(fs->recorder);
}

/* The call that sets it is in the trace, with its text: that is the mark. */
static int set_mark(struct fs *fs, const char *text)
{
	(void)fs;
	return *text ? 0 : -EINVAL;
}

static const struct control controls[] = {
	{ "memfs.version", get_version, NULL },
	{ "memfs.trace", get_trace, NULL },
	{ "memfs.trace.enabled", get_enabled, set_enabled },
	{ "memfs.trace.mark", NULL, set_mark },
	{ "memfs.trace.rotate", NULL, set_rotate },
	{ "memfs.stats", get_stats, NULL },
	{ "memfs.check", get_check, NULL },
	{ "memfs.size", get_size, set_size },
	{ "memfs.nr_inodes", get_nr_inodes, set_nr_inodes },
};

static bool is_control(const char *name)
{
	return strncmp(name, "memfs.", 6) == 0;
}

static bool is_of_trace(const char *name)
{
	return strncmp(name, "memfs.trace", 11) == 0;
}

/* NULL: there is none of that name here. */
static const struct control *find_control(struct fs *fs, fuse_ino_t ino, const char *name)
{
	for (size_t i = 0; ino == STORE_ROOT && i < sizeof(controls) / sizeof(controls[0]); i++)
		if (strcmp(controls[i].name, name) == 0)
			return is_of_trace(name) && !fs->recorder ? NULL : &controls[i];
	return NULL;
}

/* Answers with a value that is there as a whole; takes it over. */
static int reply_value(struct call *call, char *value, size_t length, size_t size)
{
	if (size && size < length) {
		free(value);
		return -ERANGE;
	}
	if (size) {
		call_reply_buffer(call, value, length);
	} else {
		free(value);
		call_reply_xattr_size(call, length);
	}
	return 0;
}

static bool may_control(const struct call *call)
{
	return call->trace.uid == 0 || call->trace.uid == geteuid();
}

static int get_control(struct call *call, fuse_ino_t ino, const char *name, size_t size)
{
	const struct control *c = find_control(call->fs, ino, name);
	char *value;

	if (!c || !c->get)
		return -ENODATA;
	if (c->get == get_check && !may_control(call))
		return -EPERM;
	value = c->get(call->fs);
	if (!value)
		return -ENOMEM;
	return reply_value(call, value, strlen(value), size);
}

static int set_control(struct call *call, fuse_ino_t ino, const char *name, const char *value,
		       size_t size)
{
	const struct control *c = find_control(call->fs, ino, name);
	char *text;

	if (!c || !c->set)
		return -EOPNOTSUPP;
	if (!may_control(call))
		return -EPERM;
	if (size > TEXT_MAX || memchr(value, '\0', size))
		return -EINVAL;
	text = strndup(value, size);
	if (!text)
		return -ENOMEM;
	/* What is said to memfs is in the trace, word for word; freed when it is recorded. */
	call->buffer = text;
	call->trace.name2 = text;
	return c->set(call->fs, text);
}

int op_getxattr(struct call *call, fuse_ino_t ino, const char *name, size_t size)
{
	char *value = NULL;
	ssize_t length;

	call->trace.node = ino;
	call->trace.name = name;
	call->trace.size = size;
	if (is_control(name))
		return get_control(call, ino, name, size);
	if (size) {
		value = malloc(size);
		if (!value)
			return -ENOMEM;
	}
	length = store_getxattr(call->fs->store, ino, name, value, size);
	if (length < 0) {
		free(value);
		return (int)length;
	}
	return reply_value(call, value, (size_t)length, size);
}

int op_setxattr(struct call *call, fuse_ino_t ino, const char *name, const char *value,
		size_t size, int flags)
{
	call->trace.node = ino;
	call->trace.name = name;
	call->trace.size = size;
	call->trace.flags = (uint32_t)flags;
	if (is_control(name))
		return set_control(call, ino, name, value, size);
	/*
	 * Who is not of the file's group, takes setgid off it with an access list.
	 * Other groups of the caller than its first are not known here, and are
	 * taken for foreign ones: rather too strict than too lax.
	 */
	return store_setxattr(call->fs->store, call_cred(call), ino, name, value, size, flags);
}

int op_listxattr(struct call *call, fuse_ino_t ino, size_t size)
{
	/* Those in trusted. are for CAP_SYS_ADMIN, which is not known here: for root. */
	bool trusted = call->trace.uid == 0;
	char *names = NULL;
	ssize_t length;

	call->trace.node = ino;
	call->trace.size = size;
	if (size) {
		names = malloc(size);
		if (!names)
			return -ENOMEM;
	}
	length = store_listxattr(call->fs->store, ino, names, size, trusted);
	if (length < 0) {
		free(names);
		return (int)length;
	}
	return reply_value(call, names, (size_t)length, size);
}

int op_removexattr(struct call *call, fuse_ino_t ino, const char *name)
{
	call->trace.node = ino;
	call->trace.name = name;
	if (is_control(name))
		return -EOPNOTSUPP;
	return store_removexattr(call->fs->store, ino, name);
}
