/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of write-calls. */
#ifndef WRITE_CALLS_OPTIONS_H
#define WRITE_CALLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arguments.h"
#include "common/filesystem_arguments.h"
#include "methods.h"

#define CACHE_MODES 3

enum action { ACTION_RUN, ACTION_LIST };

struct options {
	enum action action;
	const struct method **methods; /* each once, in the order of the table */
	size_t method_count;
	const char *caches[CACHE_MODES]; /* modes for memfs */
	unsigned cache_count;
	struct filesystem_arguments filesystems;
	uint64_t size, seed;
	char *output, *json, *plot;    /* NULL = none */
};

/* Reads it; all but OPTIONS_RUN are the exit status. Free it in any case. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
