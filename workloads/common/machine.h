/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What figures were measured on: the machine and the programs, as JSON. */
#ifndef WORKLOADS_MACHINE_H
#define WORKLOADS_MACHINE_H

#include <jansson.h>

/*
 * An object of strings and numbers: cpu, cpus, memory_bytes, kernel, architecture, distribution,
 * and of each program in `programs` (NULL at the end) what it says to --version.
 * What cannot be found out is left out. To be released by the caller.
 */
json_t *machine_describe(const char *const *programs);

/* The first line that a program prints for --version, to be freed; NULL = it does not. */
char *machine_version_of(const char *program);

/* The type of the filesystem that a path is on, such as "ext2/ext3", to be freed; NULL = not known. */
char *machine_filesystem_type(const char *path);

#endif
