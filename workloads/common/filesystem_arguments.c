/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/filesystem_arguments.h"

#include <stdlib.h>
#include <string.h>

static bool add_filesystem(struct filesystem_arguments *a, const char *text)
{
	struct filesystem fs;
	bool ok = filesystem_parse(&fs, text);

	if (ok && text_list_has(&a->names, fs.name))
		ok = complain("--on: %s is there twice", fs.name);
	if (!ok) {
		filesystem_free(&fs);
		return false;
	}
	a->items = enlarge(a->items, a->count + 1, sizeof(fs));
	a->items[a->count++] = fs;
	text_list_add(&a->names, fs.name);
	return true;
}

/* Those of a list with commas. */
static bool add_filesystems(struct filesystem_arguments *a, const char *text)
{
	struct text_list names = { 0 };
	bool ok = true;

	text_list_split(&names, text, ",");
	if (!names.count)
		ok = complain("--on: names no filesystem");
	for (size_t i = 0; ok && i < names.count; i++)
		ok = add_filesystem(a, names.items[i]);
	text_list_free(&names);
	return ok;
}

bool filesystem_arguments_take(struct filesystem_arguments *a, const struct argument *argument)
{
	switch (argument->option) {
	case ARGUMENT_ON:
		return add_filesystems(a, argument->value);
	case ARGUMENT_WORK:
		return argument_file(argument, &a->work);
	case ARGUMENT_TRACE_DIR:
		return argument_file(argument, &a->trace_dir);
	case ARGUMENT_MEMFS_OPTIONS:
		argument_set(&a->memfs_options, text_copy(argument->value));
		return true;
	default:
		if (!*argument->value || strchr(argument->value, '/'))
			return argument_file(argument, &a->memfs);
		argument_set(&a->memfs, text_copy(argument->value)); /* in PATH */
		return true;
	}
}

/* The daemon that was built or installed with this program, else the one in PATH. */
static char *find_memfs(void)
{
	/* Installed in the same place, installed as it is by default, built. */
	static const char *const places[] = { "memfs", "../sbin/memfs", "../src/memfs" };
	char *memfs = NULL;

	for (size_t i = 0; !memfs && i < sizeof(places) / sizeof(places[0]); i++)
		memfs = beside_program(places[i]);
	return memfs ? memfs : text_copy("memfs");
}

bool filesystem_arguments_fill_in(struct filesystem_arguments *a, const char *on)
{
	if (!a->work)
		a->work = text_copy("/var/tmp");
	if (!a->memfs)
		a->memfs = find_memfs();
	return a->count || !on || add_filesystems(a, on);
}

struct filesystem_options filesystem_arguments_in(const struct filesystem_arguments *a,
						  const char *work)
{
	return (struct filesystem_options){
		.work = work, .memfs = a->memfs, .memfs_options = a->memfs_options,
		.trace_dir = a->trace_dir ? a->trace_dir : work,
	};
}

bool filesystem_arguments_check(const struct filesystem_arguments *a)
{
	struct filesystem_options options = filesystem_arguments_in(a, a->work);

	for (unsigned i = 0; i < a->count; i++)
		if (!filesystem_check(&a->items[i], &options))
			return false;
	return true;
}

void filesystem_arguments_free(struct filesystem_arguments *a)
{
	for (unsigned i = 0; i < a->count; i++)
		filesystem_free(&a->items[i]);
	free(a->items);
	text_list_free(&a->names);
	free(a->work);
	free(a->memfs);
	free(a->memfs_options);
	free(a->trace_dir);
	*a = (struct filesystem_arguments){ 0 };
}
