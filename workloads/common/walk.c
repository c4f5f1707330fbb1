/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

/* State of one walk; the path grows and shrinks in place. */
struct walker {
	walk_visitor *visitor;
	void *context;
	bool sorted;
	const char *root;
	char path[PATH_MAX];
	size_t length;
};

static bool walk_entry(struct walker *w, int dirfd, const char *name);

static bool failed(const struct walker *w, const char *name)
{
	return complain("%s%s%s%s%s: %s", w->root, w->length ? "/" : "", w->path,
			*name ? "/" : "", name, strerror(errno));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_names(struct walker *w, DIR *dir, struct text_list *names)
{
	struct dirent *entry;

	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			text_list_add(names, entry->d_name);
	if (errno)
		return failed(w, "");
	if (w->sorted && names->count)
		qsort(names->items, names->count, sizeof(*names->items), by_name);
	return true;
}

/* The entries of the directory that w->path has just reached. */
static bool walk_directory(struct walker *w, int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct text_list names = { 0 };
	bool ok;

	if (!dir) {
		failed(w, "");
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = read_names(w, dir, &names);
	for (size_t i = 0; ok && i < names.count; i++)
		ok = walk_entry(w, fd, names.items[i]);
	text_list_free(&names);
	closedir(dir);
	return ok;
}

/* One entry: sees it, and all below it. */
static bool walk_entry(struct walker *w, int dirfd, const char *name)
{
	size_t length = w->length, added = strlen(name);
	bool is_root = dirfd == AT_FDCWD, ok = true;
	struct walk_entry entry = { .dirfd = dirfd, .name = name, .path = w->path };
	struct stat st;
	enum walk_next next;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(w, is_root ? "" : name);
	if (!is_root) {
		if (length + added + 2 > sizeof(w->path)) {
			errno = ENAMETOOLONG;
			return failed(w, name);
		}
		if (length)
			w->path[w->length++] = '/';
		memcpy(w->path + w->length, name, added + 1);
		w->length += added;
	}
	entry.st = &st;
	next = w->visitor(w->context, &entry);
	if (next == WALK_STOP)
		ok = false;
	else if (next == WALK_ON && S_ISDIR(st.st_mode))
		ok = walk_directory(w, dirfd, name);
	w->length = length;
	w->path[length] = '\0';
	return ok;
}

bool walk(const char *root, bool sorted, walk_visitor *visitor, void *context)
{
	struct walker *w = zalloc(1, sizeof(*w));
	bool ok;

	*w = (struct walker){
		.visitor = visitor, .context = context, .sorted = sorted, .root = root,
	};
	ok = walk_entry(w, AT_FDCWD, root);
	free(w);
	return ok;
}

bool walk_is_git(const struct walk_entry *entry)
{
	return *entry->path && strcmp(entry->name, ".git") == 0;
}

/* --- stat -------------------------------------------------------------- */

static enum walk_next count_visitor(void *context, const struct walk_entry *entry)
{
	struct walk_count *count = context;

	if (S_ISDIR(entry->st->st_mode)) {
		count->dirs++;
	} else {
		count->files++;
		if (S_ISREG(entry->st->st_mode))
			count->bytes += (uint64_t)entry->st->st_size;
	}
	return WALK_ON;
}

int walk_count_task(void *argument)
{
	struct walk_count *count = argument;

	count->files = count->dirs = count->bytes = 0;
	return walk(count->root, false, count_visitor, count) ? 0 : 1;
}

/* --- stamp ------------------------------------------------------------- */

static enum walk_next stamp_visitor(void *context, const struct walk_entry *entry)
{
	const struct walk_stamp *stamp = context;
	struct timespec time = { .tv_sec = (time_t)stamp->seconds };

	if (walk_is_git(entry))
		return WALK_PAST;
	if (utimensat(entry->dirfd, entry->name, (struct timespec[]){ time, time },
		      AT_SYMLINK_NOFOLLOW) < 0) {
		complain("%s/%s: %s", stamp->root, entry->path, strerror(errno));
		return WALK_STOP;
	}
	return WALK_ON;
}

int walk_stamp_task(void *argument)
{
	struct walk_stamp *stamp = argument;

	return walk(stamp->root, false, stamp_visitor, stamp) ? 0 : 1;
}
