/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page of HTML with tables, figures and what they were measured on, that needs nothing else. */
#ifndef COMPILE_WORKLOAD_PAGE_H
#define COMPILE_WORKLOAD_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "figures.h"

/* Writes `dir`/index.html; `record` is the run's JSON or NULL. False after a complaint. */
bool page_write(const struct figures *figures, const json_t *record, const char *dir);

#endif
