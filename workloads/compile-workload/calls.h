/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of the kernel to memfs in each phase, by the trace: what stands in it between the
 * mark "PHASE" and the mark "PHASE end", the marks themselves not counted.
 */
#ifndef COMPILE_WORKLOAD_CALLS_H
#define COMPILE_WORKLOAD_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "results.h"

/* What the trace says of the mount. Each NULL = it does not. */
struct mount_facts {
	char *version, *mount_options, *cache, *transport, *protocol;
};

struct calls {
	struct operations phases[PHASE_COUNT];
	bool known[PHASE_COUNT]; /* both marks were there */
};

/* Where the memfs that is mounted there records to; all so far is in the file then. NULL = nowhere. */
char *calls_trace_of(const char *root);

/*
 * Counts, and fills the facts if there are none yet. False after a complaint: the trace cannot be
 * read, or something is missing in it.
 */
bool calls_count(const char *trace, struct calls *calls, struct mount_facts *facts);

void mount_facts_free(struct mount_facts *facts);

#endif
