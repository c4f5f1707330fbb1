/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plot.h - pictures, drawn by gnuplot(1).
 *
 *	struct plot *p = plot_begin(&(struct plot_options){ .kind = PLOT_SVG, ... });
 *	FILE *out = p ? plot_script(p) : NULL;
 *
 *	if (!p)
 *		return 2;
 *	fputs("$data << EOD\n", out);
 *	... rows ...
 *	fputs("EOD\nset title ", out);
 *	plot_quote(out, title);
 *	fputs("\nplot $data using 1:2 with steps ls 1 title 'calls'\n", out);
 *	return plot_end_file(p, path) ? 0 : 2;
 *
 * The script gets its data inline and its terminal, output and style from here; it sets
 * neither. gnuplot reads no settings of the user's, and its picture comes back through a
 * file without a name: nobody sees half a picture.
 */
#ifndef MEMFS_TRACE_PLOT_H
#define MEMFS_TRACE_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum plot_kind { PLOT_SVG, PLOT_PNG };

struct plot_options {
	enum plot_kind kind;
	unsigned width, height; /* pixels */
	const char *name;       /* SVG: begins the ids in it, for several in one page; letters
				   and digits. NULL = none */
};

struct plot;

/* Colours of the line styles 1 to PLOT_STYLES, told apart also by those who are colour-blind. */
#define PLOT_STYLES 7

/* Starts gnuplot. NULL: said. */
struct plot *plot_begin(const struct plot_options *options);

/* Where the script is to be written. Errors are found at the end. */
FILE *plot_script(struct plot *p);

/*
 * Writes a text as a string of gnuplot's that means nothing but itself, whatever is in it; what
 * is not plain ASCII as format_escaped() does, cut off after some 100 characters.
 */
void plot_quote(FILE *script, const char *text);

/* Ends the script and frees p. The picture, to be freed, of *size bytes; NULL: said. */
char *plot_end(struct plot *p, size_t *size);

/* The same, into a file. False: said; then the file is not touched, unless it cannot be written. */
bool plot_end_file(struct plot *p, const char *path);

/*
 * Where upright labels of lines stand, so that each can be read: at their lines, and where those are closer together
 * than `gap`, or at the end of the axis, beside them. `places` has the lines' places from 0 to `width`, in
 * order, and gets the labels'.
 */
void plot_place_labels(double *places, size_t count, double width, double gap);

#endif
