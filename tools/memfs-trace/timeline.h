/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline.h - an activity as a picture. */
#ifndef MEMFS_TRACE_TIMELINE_H
#define MEMFS_TRACE_TIMELINE_H

#include <stdint.h>
#include <stdio.h>

#include "activity.h"

#define TIMELINE_WIDTH 1200 /* pixels: what the picture is made for */
#define TIMELINE_HEIGHT 840

/*
 * Writes the script that draws it, for plot_script(): calls and errors, bytes, latencies, and the marks
 * as lines across. offset_ns is the origin since the beginning of the trace; the title is raw bytes.
 */
void timeline_plot(FILE *script, const struct activity *a, uint64_t offset_ns, const char *title);

#endif
