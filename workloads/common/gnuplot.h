/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures by gnuplot(1): from a script that is written now, or that is kept as a file.
 *
 * gnuplot reads none of the user's settings: they would give everyone other figures.
 */
#ifndef WORKLOADS_GNUPLOT_H
#define WORKLOADS_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

struct gnuplot {
	FILE *script;    /* to write to */
	const char *dir; /* borrowed */
};

/* Begins a script that will run with `dir` as its working directory; false after a complaint. */
bool gnuplot_start(struct gnuplot *gnuplot, const char *dir);

/* Ends the script, and runs it. False after a complaint. */
bool gnuplot_finish(struct gnuplot *gnuplot);

/* Runs a file, `script` as seen from `dir`, in the same way. */
bool gnuplot_run(const char *dir, const char *script);

/* Can it be run? False after a complaint: to be asked before any work that ends in a figure. */
bool gnuplot_check(void);

/* The text in quotes, as one word of a script; nothing in it is a command. To be freed. */
char *gnuplot_quote(const char *text);

#endif
