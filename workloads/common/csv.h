/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV as of RFC 4180. */
#ifndef WORKLOADS_CSV_H
#define WORKLOADS_CSV_H

#include <stdio.h>

/* A field of text: in quotes only where a reader would stumble. */
void csv_put_text(FILE *file, const char *text);

#endif
