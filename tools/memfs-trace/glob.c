/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "glob.h"

#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *text; /* NULL = any number of components */
	bool literal;
	size_t length;
};

struct glob {
	size_t count;
	char *copy;
	struct part parts[];
};

struct glob *glob_compile(const char *pattern)
{
	struct glob *g = malloc(sizeof(*g) + (strlen(pattern) + 2) * sizeof(g->parts[0]));
	char *rest, *word;

	if (!g)
		return NULL;
	g->count = 0;
	g->copy = rest = strdup(pattern);
	if (!rest) {
		free(g);
		return NULL;
	}
	if (!strchr(pattern, '/'))
		g->parts[g->count++] = (struct part){ 0 };
	while ((word = strsep(&rest, "/"))) {
		bool any = strcmp(word, "**") == 0;

		if (!*word || (any && g->count && !g->parts[g->count - 1].text))
			continue;
		g->parts[g->count++] = (struct part){
			.text = any ? NULL : word,
			.literal = !strpbrk(word, "*?[\\"),
			.length = strlen(word),
		};
	}
	return g;
}

void glob_free(struct glob *g)
{
	if (g)
		free(g->copy);
	free(g);
}

static bool part_matches(const struct part *p, const char *name, size_t length)
{
	char copy[NAME_MAX + 64]; /* a last component may carry " (deleted)" */

	if (p->literal)
		return p->length == length && memcmp(p->text, name, length) == 0;
	if (length >= sizeof(copy))
		length = sizeof(copy) - 1;
	memcpy(copy, name, length);
	copy[length] = '\0';
	return fnmatch(p->text, copy, 0) == 0;
}

/* `path` stands behind a slash. */
static bool matches(const struct part *p, size_t count, const char *path)
{
	while (count) {
		size_t length = strcspn(path, "/");

		if (!p->text) {
			/* Here, or behind one component more. */
			for (;;) {
				if (matches(p + 1, count - 1, path))
					return true;
				path += strcspn(path, "/");
				if (!*path)
					return false;
				path++;
			}
		}
		if (!length || !part_matches(p, path, length))
			return false;
		path += length;
		path += *path == '/';
		p++;
		count--;
	}
	return true;
}

bool glob_matches(const struct glob *g, const char *path)
{
	return matches(g->parts, g->count, path + (*path == '/'));
}
