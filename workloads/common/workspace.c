/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/workspace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/directories.h"
#include "common/text.h"

/* What the exit handler removes, the last one first. */
static struct text_list to_remove;

static void remove_at_exit(void)
{
	while (to_remove.count) {
		char *path = to_remove.items[--to_remove.count];

		remove_tree(path);
		free(path);
	}
	text_list_free(&to_remove);
}

char *workspace_make(const char *dir)
{
	static bool registered;
	char *path, *shown;

	if (!registered && atexit(remove_at_exit) != 0)
		out_of_memory();
	registered = true;
	if (!make_directories(dir))
		return NULL;
	path = text_format("%s/%s-XXXXXX", dir, program_name);
	if (mkdtemp(path)) {
		text_list_add(&to_remove, path);
		return path;
	}
	shown = text_visible(dir);
	complain("%s: %s", shown, strerror(errno));
	free(shown);
	free(path);
	return NULL;
}

void workspace_keep(const char *path)
{
	for (size_t i = 0; i < to_remove.count; i++) {
		if (strcmp(to_remove.items[i], path) != 0)
			continue;
		free(to_remove.items[i]);
		to_remove.count--;
		memmove(&to_remove.items[i], &to_remove.items[i + 1],
			(to_remove.count - i) * sizeof(*to_remove.items));
		return;
	}
}
