/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of git-ops. */
#ifndef GIT_OPS_OPTIONS_H
#define GIT_OPS_OPTIONS_H

#include <stdbool.h>

#include "common/arguments.h"

struct options {
	struct filesystem_list filesystems;
	unsigned runs, files;
	char *output;    /* NULL = no CSV file */
	char *trace_dir; /* NULL = traces are not kept */
	char *work, *memfs, *memfs_options;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Reads it; OPTIONS_DONE: --help and the like have been served, OPTIONS_WRONG: complained. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
