/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the command line: memfs [-f] [-o option,...] [SOURCE] MOUNTPOINT */
#ifndef MEMFS_OPTIONS_H
#define MEMFS_OPTIONS_H

#include <stdbool.h>

#include "fuse/fs.h"
#include "store/store.h"

enum io_uring_choice {
	IO_URING_IF_OFFERED,
	IO_URING_INSIST,
	IO_URING_REFUSE,
};

struct options {
	char *mountpoint;       /* as given */
	bool foreground;
	struct store_options store;
	enum cache_mode cache;
	enum io_uring_choice io_uring;
	bool notrace;
	bool no_open;           /* files are opened without a call */
	bool passthrough;       /* the kernel reads and writes by itself; also in store.backing */
	bool no_sandbox;        /* keeps all privileges */
	char *trace;            /* NULL = the default path */
	bool trace_block;       /* trace_policy=block */
	uint64_t trace_max;     /* bytes, 0 = no limit */
	uint64_t trace_rotate;  /* bytes, 0 = never */
	unsigned trace_files;   /* 0 = all */
	uint64_t trace_ring;    /* bytes for each worker, 0 = the default */
	char *kernel_options;   /* for libfuse and mount(2), comma-separated */
	char *given;            /* all -o as the user wrote them, for the trace's header */
};

enum options_verdict {
	OPTIONS_RUN,
	OPTIONS_DONE,  /* --help or --version was answered */
	OPTIONS_WRONG, /* said on stderr */
};

/* Fills *o with defaults and what the command line says. options_free() ends it in any case. */
enum options_verdict options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);

#endif
