/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manifest.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define SUFFIX ".manifest"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789.+-"

static const struct {
	const char *name;
	bool required;
	bool varies;   /* may be given for one kind of tree alone */
	bool of_parts; /* may be given for a part */
} keys[KEY_COUNT] = {
	[KEY_NAME] = { "name", true, false, false },
	[KEY_TITLE] = { "title", false, false, false },
	[KEY_URL] = { "url", false, false, true },
	[KEY_TAG] = { "tag", false, false, true },
	[KEY_DEBIAN] = { "debian", false, false, true },
	[KEY_WEIGHT] = { "weight", false, false, false },
	[KEY_PACKAGES] = { "packages", false, true, false },
	[KEY_CONFIGURE] = { "configure", false, true, false },
	[KEY_BUILD] = { "build", true, true, false },
	[KEY_CHECK] = { "check", true, false, false },
	[KEY_EXPECT] = { "expect", true, false, false },
};

static const char *const prefixes[ORIGIN_COUNT] = {
	[ORIGIN_GIT] = "git.", [ORIGIN_TARBALL] = "tarball.",
};

/* Where a complaint points to. */
struct place {
	const char *path;
	unsigned line;
};

static bool wrong(const struct place *at, const char *what, const char *which)
{
	return complain("%s:%u: %s%s%s%s", at->path, at->line, what, *which ? " '" : "", which,
			*which ? "'" : "");
}

static enum origin take_prefix(const char **key)
{
	for (int origin = ORIGIN_GIT; origin < ORIGIN_COUNT; origin++) {
		size_t length = strlen(prefixes[origin]);

		if (strncmp(*key, prefixes[origin], length) == 0) {
			*key += length;
			return (enum origin)origin;
		}
	}
	return ORIGIN_ANY;
}

static bool is_weight(const char *value)
{
	unsigned long n = strtoul(value, NULL, 10);

	return strspn(value, "0123456789") == strlen(value) && n >= 1 && n <= 100000;
}

static bool read_pair(struct manifest *m, const struct place *at, const char *key,
		      const char *value)
{
	const char *bare = key;
	enum origin origin = take_prefix(&bare);
	int which = 0;

	while (which < KEY_COUNT && strcmp(keys[which].name, bare) != 0)
		which++;
	if (which == KEY_COUNT || (origin != ORIGIN_ANY && !keys[which].varies))
		return wrong(at, "unknown key", key);
	if (m->dir && !keys[which].of_parts)
		return wrong(at, "not a key of a part:", key);
	if (!*value)
		return wrong(at, "no value for", key);
	if (m->values[origin][which])
		return wrong(at, "a second", key);
	if (which == KEY_WEIGHT && !is_weight(value))
		return wrong(at, "no number of seconds from 1 to 100000:", value);
	m->values[origin][which] = text_copy(value);
	return true;
}

/* Is it a directory in the tree, and not of git? It becomes part of paths in the cache too. */
static bool is_inside(const char *dir)
{
	struct text_list names = { 0 };
	bool ok = *dir && *dir != '/' && dir[strlen(dir) - 1] != '/' && !strstr(dir, "//");

	text_list_split(&names, dir, "/");
	for (size_t i = 0; ok && i < names.count; i++)
		ok = strcmp(names.items[i], ".") != 0 && strcmp(names.items[i], "..") != 0 &&
		     strcmp(names.items[i], ".git") != 0;
	text_list_free(&names);
	return ok;
}

/* `[DIR]`: what follows is of that part. */
static bool read_heading(struct manifest *m, const struct place *at, char *line)
{
	char *end = line + strlen(line) - 1, *dir;
	struct manifest **link = &m->next_part;

	if (*end != ']')
		return wrong(at, "not of the form '[DIR]':", line);
	*end = '\0';
	dir = text_trim(line + 1);
	if (!is_inside(dir))
		return wrong(at, "not a directory in the tree:", dir);
	for (; *link; link = &(*link)->next_part)
		if (strcmp((*link)->dir, dir) == 0)
			return wrong(at, "a second part", dir);
	*link = zalloc(1, sizeof(**link));
	(*link)->dir = text_copy(dir);
	return true;
}

static bool read_line(struct manifest *m, const struct place *at, char *line)
{
	char *equals;

	line = text_trim(line);
	if (!*line || *line == '#')
		return true;
	if (*line == '[')
		return read_heading(m, at, line);
	equals = strchr(line, '=');
	if (!equals)
		return wrong(at, "not of the form 'key = value':", line);
	*equals = '\0';
	while (m->next_part)
		m = m->next_part;
	return read_pair(m, at, text_trim(line), text_trim(equals + 1));
}

/* The name becomes part of paths, and is how users ask for the file. */
static bool check_name(const struct manifest *m, const struct place *at)
{
	const char *name = manifest_name(m), *slash = strrchr(at->path, '/');
	const char *file = slash ? slash + 1 : at->path;
	size_t length = strlen(name);

	if (strspn(name, NAME_CHARACTERS) != length || strchr(".+-", name[0]))
		return wrong(at, "only a-z 0-9 . + - in a name, the first a letter or digit:",
			     name);
	if (strncmp(file, name, length) != 0 || strcmp(file + length, SUFFIX) != 0)
		return wrong(at, "the file must be called NAME.manifest after its name", name);
	return true;
}

static bool check_expect(const struct manifest *m, const struct place *at)
{
	char why[128];
	regex_t regex;
	int error = regcomp(&regex, m->values[ORIGIN_ANY][KEY_EXPECT], REG_EXTENDED | REG_NOSUB);

	if (!error) {
		regfree(&regex);
		return true;
	}
	regerror(error, &regex, why, sizeof(why));
	return complain("%s:%u: expect: %s", at->path, at->line, why);
}

/* Is it said where the project or the part comes from? */
static bool check_source(const struct manifest *m, const struct place *at)
{
	char *const *any = m->values[ORIGIN_ANY];
	const char *what = NULL;

	if (any[KEY_URL] && !any[KEY_TAG])
		what = "url and tag go together; missing key 'tag'";
	else if (any[KEY_TAG] && !any[KEY_URL])
		what = "url and tag go together; missing key 'url'";
	else if (!any[KEY_URL] && !any[KEY_DEBIAN])
		what = "says not where from: needs url and tag, or debian";
	return !what || complain("%s:%u: %s%s%s%s", at->path, at->line, m->dir ? "[" : "",
				 m->dir ? m->dir : "", m->dir ? "]: " : "", what);
}

/* What only the whole file can show; pointed to its last line. */
static bool check_whole(const struct manifest *m, const struct place *at)
{
	char *const *any = m->values[ORIGIN_ANY];

	for (int key = 0; key < KEY_COUNT; key++) {
		bool everywhere = m->values[ORIGIN_GIT][key] && m->values[ORIGIN_TARBALL][key];

		if (keys[key].required && !any[key] && !everywhere)
			return wrong(at, "missing key", keys[key].name);
	}
	for (const struct manifest *part = m; part; part = part->next_part)
		if (!check_source(part, at))
			return false;
	return check_name(m, at) && check_expect(m, at);
}

static void name_parts(const struct manifest *m)
{
	for (struct manifest *part = m->next_part; part; part = part->next_part)
		part->values[ORIGIN_ANY][KEY_NAME] =
			text_format("%s/%s", manifest_name(m), part->dir);
}

struct manifest *manifest_read(const char *path)
{
	struct manifest *m = zalloc(1, sizeof(*m));
	struct place at = { .path = path };
	char *text = text_from_file(path), *rest = text, *line;
	bool ok = text != NULL;

	if (!ok)
		complain("%s: %s", path, strerror(errno));
	while (ok && rest && *rest) {
		line = strsep(&rest, "\n");
		at.line++;
		ok = read_line(m, &at, line);
	}
	ok = ok && check_whole(m, &at);
	free(text);
	if (!ok) {
		manifest_free(m);
		return NULL;
	}
	name_parts(m);
	return m;
}

void manifest_free(struct manifest *m)
{
	struct manifest *next;

	for (; m; m = next) {
		next = m->next_part;
		for (int origin = 0; origin < ORIGIN_COUNT; origin++)
			for (int key = 0; key < KEY_COUNT; key++)
				free(m->values[origin][key]);
		free(m->dir);
		free(m);
	}
}

const char *manifest_value(const struct manifest *m, enum manifest_key key, enum origin origin)
{
	const char *value = m->values[origin][key];

	return value ? value : m->values[ORIGIN_ANY][key];
}

char *manifest_command(const struct manifest *m, enum manifest_key key, enum origin origin,
		       unsigned jobs)
{
	static const char mark[] = "{jobs}";
	const char *value = manifest_value(m, key, origin), *found;
	char *command, *longer;

	if (!value)
		return NULL;
	command = text_copy("");
	for (; (found = strstr(value, mark)); value = found + strlen(mark)) {
		longer = text_format("%s%.*s%u", command, (int)(found - value), value, jobs);
		free(command);
		command = longer;
	}
	longer = text_format("%s%s", command, value);
	free(command);
	return longer;
}

bool manifest_expects(const struct manifest *m, const char *output)
{
	regex_t regex;
	bool matches;

	if (regcomp(&regex, m->values[ORIGIN_ANY][KEY_EXPECT],
		    REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		return false;
	matches = regexec(&regex, output, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}
