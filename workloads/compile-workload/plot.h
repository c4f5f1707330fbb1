/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile-workload plot: figures and a page of one file of results. */
#ifndef COMPILE_WORKLOAD_PLOT_H
#define COMPILE_WORKLOAD_PLOT_H

/* The subcommand; argv[0] is its name. Returns the exit status. */
int plot_command(int argc, char **argv);

#endif
