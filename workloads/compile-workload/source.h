/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the projects come from: a bare git repository on this machine's disk, which every clone
 * is then made from.
 *
 * In this order: --source DIR/NAME.git; a repository made before, in the cache directory;
 * upstream's git, if it answers within 5 seconds (asked once: after the first silence the web
 * counts as not there); the Debian source package.
 *
 * Both of the latter become repositories of one commit: of git a shallow one of the tag; of the
 * package's upstream tarball, without Debian's changes, one whose commit has a fixed author and
 * dates, so that anyone can make it again to the same hash.
 *
 * A project with parts has one repository for each, all of one kind: what is to be done to build
 * them depends on it.
 */
#ifndef COMPILE_WORKLOAD_SOURCE_H
#define COMPILE_WORKLOAD_SOURCE_H

#include <stdbool.h>

#include "manifest.h"

enum source_choice { SOURCE_ANY, SOURCE_GIT, SOURCE_DEBIAN };

struct source_options {
	const char *source;        /* --source, or NULL */
	const char *cache;         /* directory, made when needed */
	enum source_choice choice; /* what to make repositories from */
	const char *log;           /* for the output of git, apt-get, tar */
};

struct source {
	char *repository;   /* the bare repository */
	char *tag;          /* what to clone of it; NULL = its HEAD */
	char *commit;       /* the hash that this is */
	enum origin origin; /* what kind of tree */
	const char *dir;    /* of a part: where in the tree; the manifest's */
	struct source *next_part;
};

/*
 * Finds or makes it, and those of the parts; false after a complaint. The source lives no longer
 * than the manifest. Either way it is source_free() that ends it.
 */
bool source_get(const struct source_options *options, const struct manifest *manifest,
		struct source *source);
void source_free(struct source *source);

#endif
