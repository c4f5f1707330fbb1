/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIGINT, SIGTERM and SIGHUP as something to ask for, not something that happens.
 *
 * The signals stay blocked and are read from a descriptor at the points where the program can
 * stop: between steps and while it waits for a child. So no mount can be half made when one
 * comes, and the way out is the ordinary way out of each function.
 */
#ifndef WORKLOADS_INTERRUPT_H
#define WORKLOADS_INTERRUPT_H

#include <stdbool.h>

/* Blocks the signals; once, before the first child. Exits when the kernel refuses. */
void interrupt_init(void);

/* Has one of the signals come? Stays true. */
bool interrupted(void);

/* Becomes readable when one comes; to poll() with what else one waits for. Negative = none yet. */
int interrupt_fd(void);

/* In a child, before exec: signals as they were before interrupt_init(). */
void interrupt_restore(void);

#endif
