/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html.h - text in HTML, whatever it holds. */
#ifndef MEMFS_TRACE_HTML_H
#define MEMFS_TRACE_HTML_H

#include <stdio.h>

#include "table.h"

/*
 * Writes text so that it is nothing but text, between tags and in quoted attributes alike: UTF-8 as it is; control
 * characters, those that turn the direction of writing, and bytes that are no UTF-8, as \xNN.
 */
void html_text(FILE *out, const char *text);

/* Writes a table (see table.h) as one of HTML: text columns at the left, numbers at the right. */
void table_html(struct table *t, FILE *out);

#endif
