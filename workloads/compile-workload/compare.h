/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile-workload compare: what has changed from one file of results to another? */
#ifndef COMPILE_WORKLOAD_COMPARE_H
#define COMPILE_WORKLOAD_COMPARE_H

/* The subcommand; argv[0] is its name. Returns the exit status. */
int compare_command(int argc, char **argv);

#endif
