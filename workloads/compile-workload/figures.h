/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a file of results, each as NAME.svg and NAME.png: clone, stat, build, stat2,
 * remove, with a panel for each project and a bar for each filesystem; memory, with a panel for each
 * project, if there are samples.
 */
#ifndef COMPILE_WORKLOAD_FIGURES_H
#define COMPILE_WORKLOAD_FIGURES_H

#include <stdbool.h>

#include "common/text.h"
#include "results.h"
#include "samples.h"

struct figures {
	const struct results *results;
	const struct samples *samples; /* NULL = none */
	struct text_list projects, filesystems;
	struct text_list names;        /* of the figures drawn */
	struct text_list captions;     /* as many */
};

/* Draws all into the directory; false after a complaint. */
bool figures_draw(struct figures *figures, const char *dir);

/* What a phase is called in titles. */
const char *figures_phase_title(enum phase phase);

#endif
