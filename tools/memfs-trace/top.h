/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top.h - the parts of memfs-trace top: frames (top_frame.c), the screen (top_screen.c), and the
 * command, which fills one with the other (top.c).
 */
#ifndef MEMFS_TRACE_TOP_H
#define MEMFS_TRACE_TOP_H

#include "query.h"
#include "tally.h"

enum top_view { TOP_PROCESS, TOP_FILE, TOP_OP, TOP_VIEWS };

extern const char *const top_view_names[TOP_VIEWS];

/* What happened in one interval. All zero is an empty one. */
struct top_frame {
	uint64_t start_ns, end_ns; /* of the trace's clock */
	struct tally views[TOP_VIEWS];
	struct tally_sums all;
	uint64_t read, written;    /* bytes */
};

/* Counts a call; clearing makes the frame empty. */
void top_frame_add(struct top_frame *f, const struct trace_reader *r, const struct trace_event *e);
void top_frame_clear(struct top_frame *f);

/* What is to be seen of it. */
struct top_style {
	enum top_view view;
	const char *state;         /* "live", "complete", ... */
	uint64_t rows;             /* at most; 0 = as --top says */
};

/* Do the user's options fit the table? False: told. */
bool top_frame_check(const struct query *q);

/* Writes it as text: two lines of header, and the table; q->table tells how that is sorted. */
void top_frame_print(const struct top_frame *f, const struct query *q,
		     const struct top_style *style, FILE *out);

/* --- the screen --------------------------------------------------------------- */

#define TOP_HEADER 2 /* lines of text above the table */

/* Takes the terminal. False: it cannot be used, said. */
bool top_screen_open(void);
void top_screen_close(void);

/* How many rows of a table fit. */
uint64_t top_screen_rows(void);

/* Shows a text; the lines of the header stand out. help: with the keys over it. */
void top_screen_show(const char *text, bool help);

/* The next key, within so many ms; -1 = none. KEY_RESIZE of ncurses is given as 'r'. */
int top_screen_key(int wait_ms);

#endif
