/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of git-ops. */
#ifndef GIT_OPS_OPTIONS_H
#define GIT_OPS_OPTIONS_H

#include <stdbool.h>

#include "common/arguments.h"
#include "common/filesystem_arguments.h"

struct options {
	struct filesystem_arguments filesystems;
	unsigned runs, files;
	char *output; /* NULL = no CSV file */
};

/* Reads it; all but OPTIONS_RUN are the exit status. Free it in any case. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
