/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debian packages: which are missing, and installing them. */
#ifndef WORKLOADS_PACKAGES_H
#define WORKLOADS_PACKAGES_H

#include <stdbool.h>

#include "common/text.h"

/*
 * Adds to `missing` those of `wanted` (names between blanks; NULL = none) that are not
 * installed. On a system without dpkg none is: the build will tell.
 */
void packages_missing(const char *wanted, struct text_list *missing);

/* Installs them with apt-get, its output on ours; false after a complaint. */
bool packages_install(const struct text_list *packages);

#endif
