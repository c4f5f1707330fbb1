/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of one project: a file NAME.manifest of lines `key = value`, `#` comments and
 * empty lines. A new project is a new file.
 *
 *   name        as the file is called; a-z 0-9 . + -
 *   title       for people; optional
 *   url, tag    upstream's git repository, and the tag to build; optional, together
 *   debian      the Debian source package; optional, but one of url and debian must be there
 *   weight      about how many seconds the build takes on two CPUs; optional
 *   packages    Debian packages that building needs, besides gcc, make and libc6-dev; optional
 *   configure   a shell command to run first; optional
 *   build       a shell command; {jobs} in either is the number of jobs
 *   check       a shell command that runs what was built
 *   expect      an extended regular expression that the check's output must match
 *
 * `packages`, `configure` and `build` may differ between upstream's git tree and a release
 * tarball: `git.configure` and `tarball.configure` then win over `configure`.
 *
 * A project of several repositories has parts: a line `[DIR]`, and then the url, tag and
 * debian of what belongs into that directory of the tree. They come last in the file.
 */
#ifndef COMPILE_WORKLOAD_MANIFEST_H
#define COMPILE_WORKLOAD_MANIFEST_H

#include <stdbool.h>

enum manifest_key {
	KEY_NAME, KEY_TITLE, KEY_URL, KEY_TAG, KEY_DEBIAN,
	KEY_WEIGHT, KEY_PACKAGES, KEY_CONFIGURE, KEY_BUILD, KEY_CHECK, KEY_EXPECT,
	KEY_COUNT,
};

/* What kind of tree a value is meant for. */
enum origin { ORIGIN_ANY, ORIGIN_GIT, ORIGIN_TARBALL, ORIGIN_COUNT };

struct manifest {
	char *values[ORIGIN_COUNT][KEY_COUNT]; /* NULL = not given */
	/*
	 * A part is a manifest of its own, with no other values than where it comes from, and the
	 * name PROJECT/DIR.
	 */
	char *dir;                  /* of a part: where in the tree; NULL = the project itself */
	struct manifest *next_part; /* in the order of the file; NULL = no more */
};

/* Reads and checks a file; NULL after a complaint of the form `FILE:LINE: what`. */
struct manifest *manifest_read(const char *path);
void manifest_free(struct manifest *manifest);

/* The value for that kind of tree, else the one for any; NULL when there is none. */
const char *manifest_value(const struct manifest *manifest, enum manifest_key key,
			   enum origin origin);

static inline const char *manifest_name(const struct manifest *manifest)
{
	return manifest->values[ORIGIN_ANY][KEY_NAME];
}

/* The command with {jobs} filled in, to be freed; NULL when there is none. */
char *manifest_command(const struct manifest *manifest, enum manifest_key key,
		       enum origin origin, unsigned jobs);

/* Does the self-check's output match? */
bool manifest_expects(const struct manifest *manifest, const char *output);

#endif
