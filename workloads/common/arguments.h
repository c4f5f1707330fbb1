/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options that several workloads have, and what they find by themselves. */
#ifndef WORKLOADS_ARGUMENTS_H
#define WORKLOADS_ARGUMENTS_H

#include <stdbool.h>

#include "common/filesystem.h"
#include "common/text.h"

/* Takes `value` for a string option, in the place of what was there. */
void argument_set(char **option, char *value);

/* A number from 1 to `most`; false after a complaint that names the option. */
bool argument_count(const char *option, const char *text, unsigned most, unsigned *count);

/* The filesystems of --on, with their names in the same order. */
struct filesystem_list {
	struct filesystem *items;
	unsigned count;
	struct text_list names;
};

/* Adds those of a list with commas; false after a complaint. None of them may be open then. */
bool argument_filesystems(struct filesystem_list *list, const char *text);
void filesystem_list_free(struct filesystem_list *list);

/* A path that stays right in another working directory; it need not be there yet. */
char *argument_path(const char *path);

/* A file that lies so from the directory of this program, if it is there; else NULL. */
char *beside_program(const char *where);

/* The memfs daemon that was built or installed with this program, else the one in PATH. */
char *find_memfs(void);

#endif
