/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of compile-workload. */
#ifndef COMPILE_WORKLOAD_OPTIONS_H
#define COMPILE_WORKLOAD_OPTIONS_H

#include <stdbool.h>

#include "common/arguments.h"
#include "common/filesystem_arguments.h"
#include "common/text.h"
#include "source.h"

enum action { ACTION_RUN, ACTION_LIST, ACTION_INSTALL, ACTION_HASH };

struct options {
	enum action action;
	char *hash_dir;
	struct text_list projects; /* names, or paths of manifests */
	char *projects_dir;
	struct filesystem_arguments filesystems;
	unsigned jobs, runs;
	char *output;              /* NULL = no CSV file */
	char *json;                /* NULL = no JSON file */
	char *samples;             /* NULL = memory is not sampled */
	char *source, *cache;      /* source may be NULL */
	enum source_choice choice;
	char *log_dir;             /* NULL = below the work directory */
	bool all, keep, resume, verify;
};

/* Reads it; all but OPTIONS_RUN are the exit status. Free it in any case. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
