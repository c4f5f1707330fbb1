/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making and removing trees. */
#ifndef WORKLOADS_DIRECTORIES_H
#define WORKLOADS_DIRECTORIES_H

#include <stdbool.h>

/* Makes a directory and those above it; false after a complaint. */
bool make_directories(const char *path);

/* Removes a tree by rm -rf, which an interrupt does not end; never into a mount below it. */
void remove_tree(const char *path);

#endif
