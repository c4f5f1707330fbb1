/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glob.h - patterns of paths.
 *
 * Between slashes as in sh(1): * ? [...]; none of them matches a slash. ** as a whole component
 * matches any number of them, also none. A pattern without a slash is one for names at any
 * depth; any other begins at the root. What lies below a match, matches too.
 */
#ifndef MEMFS_TRACE_GLOB_H
#define MEMFS_TRACE_GLOB_H

#include <stdbool.h>

struct glob;

/* NULL without memory. */
struct glob *glob_compile(const char *pattern);
void glob_free(struct glob *g);

/* `path` begins with a slash. */
bool glob_matches(const struct glob *g, const char *path);

#endif
