/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void argument_set(char **option, char *value)
{
	free(*option);
	*option = value;
}

bool argument_count(const char *option, const char *text, unsigned most, unsigned *count)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (errno || !n || *end || n > most)
		return complain("%s %s: needs a number from 1 to %u", option, text, most);
	*count = (unsigned)n;
	return true;
}

static bool add_filesystem(struct filesystem_list *list, const char *text)
{
	struct filesystem fs;
	bool ok = filesystem_parse(&fs, text);

	if (ok && text_list_has(&list->names, fs.name))
		ok = complain("--on: %s is there twice", fs.name);
	if (!ok) {
		filesystem_free(&fs);
		return false;
	}
	list->items = enlarge(list->items, list->count + 1, sizeof(fs));
	list->items[list->count++] = fs;
	text_list_add(&list->names, fs.name);
	return true;
}

bool argument_filesystems(struct filesystem_list *list, const char *text)
{
	struct text_list names = { 0 };
	bool ok = true;

	text_list_split(&names, text, ",");
	if (!names.count)
		ok = complain("--on: names no filesystem");
	for (size_t i = 0; ok && i < names.count; i++)
		ok = add_filesystem(list, names.items[i]);
	text_list_free(&names);
	return ok;
}

void filesystem_list_free(struct filesystem_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		filesystem_free(&list->items[i]);
	free(list->items);
	text_list_free(&list->names);
	*list = (struct filesystem_list){ 0 };
}

char *argument_path(const char *path)
{
	char *here, *joined;

	if (*path == '/')
		return text_copy(path);
	here = getcwd(NULL, 0);
	if (!here)
		return text_copy(path);
	joined = text_format("%s/%s", here, path);
	free(here);
	return joined;
}

char *beside_program(const char *where)
{
	char self[PATH_MAX], *path;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return NULL;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	path = text_format("%s/%s", self, where);
	if (access(path, X_OK) == 0) /* of a directory: may be searched */
		return path;
	free(path);
	return NULL;
}

char *find_memfs(void)
{
	/* Installed in the same place, installed as it is by default, built. */
	static const char *const places[] = { "memfs", "../sbin/memfs", "../src/memfs" };
	char *memfs = NULL;

	for (size_t i = 0; !memfs && i < sizeof(places) / sizeof(places[0]); i++)
		memfs = beside_program(places[i]);
	return memfs ? memfs : text_copy("memfs");
}
