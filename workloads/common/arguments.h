/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: what all workloads do with theirs, and values that several have.
 *
 * Complaints about a value name its option: `program: --runs 0: needs a number ...`.
 */
#ifndef WORKLOADS_ARGUMENTS_H
#define WORKLOADS_ARGUMENTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/* What comes of a command line. All but OPTIONS_RUN are the exit status. */
enum options_verdict {
	OPTIONS_RUN = -1,
	OPTIONS_DONE = 0,   /* --help or --version has been served */
	OPTIONS_FAILED = 1, /* ... but standard output did not take it */
	OPTIONS_WRONG = 2,  /* misuse; said */
};

/* One option that was given. */
struct argument {
	int option;       /* as of struct option */
	const char *name; /* "--runs"; "-e" if it has no long one */
	const char *value;
};

struct command_line {
	const char *usage;            /* for --help */
	const char *letters;          /* of the options, as getopt_long(3) wants them; with hV */
	const struct option *options; /* likewise; --help as 'h' and --version as 'V' */
	/* Takes an option that is not one of these two; false after a complaint. */
	bool (*take)(void *context, const struct argument *argument);
	/* Takes what is no option; NULL = there must be none. */
	bool (*take_operand)(void *context, const char *operand);
};

/* Reads all of it. */
enum options_verdict command_line_read(const struct command_line *line, int argc, char **argv,
				       void *context);

/* Takes `value` for a string option, in the place of what was there. */
void argument_set(char **option, char *value);

/* A number from 1 to `most`; false after a complaint. */
bool argument_count(const struct argument *argument, unsigned most, unsigned *count);

/* A number from 0 to `most`; false after a complaint. */
bool argument_number(const struct argument *argument, uint64_t most, uint64_t *number);

/* A file or directory, as argument_path(); false after a complaint: it has no name. */
bool argument_file(const struct argument *argument, char **option);

/* A path that stays right in another working directory; it need not be there yet. */
char *argument_path(const char *path);

/* A file that lies so from the directory of this program, if it is there; else NULL. */
char *beside_program(const char *where);

#endif
