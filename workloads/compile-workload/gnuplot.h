/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gnuplot as a child that reads its script from us. */
#ifndef WORKLOADS_GNUPLOT_H
#define WORKLOADS_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct gnuplot {
	FILE *script; /* to write to */
	pid_t pid;
};

/* Starts it with `dir` as its working directory; false after a complaint. */
bool gnuplot_start(struct gnuplot *gnuplot, const char *dir);

/* Ends the script, and waits. False after a complaint: it has failed. */
bool gnuplot_finish(struct gnuplot *gnuplot);

/* The text in quotes, as one word of a script; nothing in it is a command. To be freed. */
char *gnuplot_quote(const char *text);

#endif
