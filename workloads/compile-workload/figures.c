/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "common/gnuplot.h"
#include "statistics.h"

#define PANEL_WIDTH 360  /* pixels of the SVG; the PNG has half as many again */
#define PANEL_HEIGHT 250
#define TITLE_HEIGHT 64
#define LEGEND_ROW 23    /* pixels */
#define MOST_COLUMNS 3

/* Colours that all people can tell apart (after Okabe and Ito). */
static const char *const colors[] = {
	"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#f0e442",
};
#define LIGHT_MEMFS "#56b4e9" /* a second line of memfs */

#define GRID "set grid ytics back linetype 1 linewidth 0.6 linecolor '#dddddd'\n"

/* How a figure is divided; all shares of the whole. */
struct layout {
	unsigned columns, rows, width, height; /* the last two in pixels */
	unsigned legend_rows;
	double legend;  /* at the bottom */
	double panels;  /* all rows of panels, above it */
};

const char *figures_phase_title(enum phase phase)
{
	static const char *const titles[PHASE_COUNT] = {
		[PHASE_CLONE] = "git clone", [PHASE_STAT] = "lstat of the whole tree",
		[PHASE_STAMP] = "setting times", [PHASE_VERIFY] = "git fsck and hash",
		[PHASE_BUILD] = "configure and make",
		[PHASE_STAT2] = "lstat of the whole tree after the build",
		[PHASE_REMOVE] = "rm -rf",
	};

	return titles[phase] ? titles[phase] : phase_name(phase);
}

static struct layout lay_out(size_t panels, size_t legend_entries)
{
	struct layout l = { .columns = panels < MOST_COLUMNS ? (unsigned)panels : MOST_COLUMNS };
	unsigned entries = l.columns < 2 ? 2 : 3, pixels;

	/* So many entries of the legend go side by side. */
	l.legend_rows = ((unsigned)legend_entries + entries - 1) / entries;
	pixels = l.legend_rows * LEGEND_ROW;
	l.rows = ((unsigned)panels + l.columns - 1) / l.columns;
	/* One panel alone must hold the title and the legend of all. */
	l.width = l.columns < 2 ? 640 : l.columns * PANEL_WIDTH;
	l.height = l.rows * PANEL_HEIGHT + TITLE_HEIGHT + pixels;
	l.legend = (double)pixels / l.height;
	l.panels = (double)(l.rows * PANEL_HEIGHT) / l.height;
	return l;
}

static void put_terminal(FILE *script, const struct layout *l, const char *name, bool png)
{
	if (png)
		fprintf(script, "set terminal pngcairo size %u,%u fontscale 1.5 linewidth 1.5 "
			"font 'sans,10' background '#ffffff' noenhanced\n", l->width * 3 / 2,
			l->height * 3 / 2);
	else
		fprintf(script, "set terminal svg size %u,%u font 'sans-serif,12' "
			"background '#ffffff' noenhanced name '%s'\n", l->width, l->height, name);
	fprintf(script, "set output '%s.%s'\n", name, png ? "png" : "svg");
}

static void put_title(FILE *script, const struct layout *l, const char *title, const char *below)
{
	fprintf(script, "set multiplot\n");
	fprintf(script, "set label 1 '%s' at screen 0.5,%.4f center font ',15'\n", title,
		1 - 20.0 / l->height);
	fprintf(script, "set label 2 '%s' at screen 0.5,%.4f center textcolor '#555555'\n", below,
		1 - 42.0 / l->height);
}

static void put_panel(FILE *script, const struct layout *l, size_t index, const char *project)
{
	char *title = gnuplot_quote(project);
	double width = 1.0 / l->columns, height = l->panels / l->rows;
	size_t row = index / l->columns, column = index % l->columns;

	fprintf(script, "set origin %.4f,%.4f\nset size %.4f,%.4f\n", (double)column * width,
		l->legend + l->panels - (double)(row + 1) * height, width, height);
	fprintf(script, "set title %s font ',13' offset 0,-0.4\n", title);
	free(title);
}

/* --- bars -------------------------------------------------------------- */

/* The name below a bar, cut off where it would run into the next one: 8 pixels a letter, and 84 beside the bars. */
static char *bar_name(const char *filesystem, const struct layout *l, size_t bars)
{
	size_t most = (l->width / l->columns - 84) / 8 / bars;
	char *cut = text_format("%.*s", (int)most, filesystem), *quoted = gnuplot_quote(cut);

	free(cut);
	return quoted;
}

/* Three digits, or less where the bar shows as much. */
static int digits(double value)
{
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

/* Short phases are drawn in milliseconds: the factor for all panels of the figure. */
static double scale_of(const struct figures *f, enum phase phase)
{
	double most = 0;

	for (size_t i = 0; i < f->results->count; i++) {
		const struct result *row = &f->results->rows[i];

		if (row->phase == phase && row->ok && row->wall > most)
			most = row->wall;
	}
	return most < 1 ? 1000 : 1;
}

/* Returns the highest value; 0 = nothing to draw. */
static double put_bars(FILE *script, const struct figures *f, const struct layout *l,
		       const char *project, enum phase phase, double scale)
{
	double most = 0;

	for (size_t i = 0; i < f->filesystems.count; i++) {
		struct statistics s = statistics_seconds(f->results, project,
							 f->filesystems.items[i], phase);
		char *name = bar_name(f->filesystems.items[i], l, f->filesystems.count);
		double median = s.median * scale;

		fprintf(script, "$bar%zu << EOD\n", i);
		if (s.count && !s.failed)
			fprintf(script, "%zu %.9g %.9g %.9g %.*f %s\n", i + 1, median,
				s.min * scale, s.max * scale, digits(median), median, name);
		else
			fprintf(script, "%zu 0 0 0 %s %s\n", i + 1, s.failed ? "failed" : "-", name);
		fputs("EOD\n", script);
		if (s.count && !s.failed && s.max * scale > most)
			most = s.max * scale;
		free(name);
	}
	return most;
}

static void put_bar_panel(FILE *script, const struct figures *f, const struct layout *l,
			  const char *project, enum phase phase, double scale)
{
	double most = put_bars(script, f, l, project, phase, scale);
	size_t n = f->filesystems.count;

	fprintf(script, "set yrange [0:%.9g]\nplot ", most > 0 ? most * 1.22 : 1);
	for (size_t i = 0; i < n; i++)
		fprintf(script, "%s$bar%zu using 1:2:(0.66):xtic(6) with boxes fill solid 1 "
			"noborder linecolor '%s' notitle", i ? ", " : "", i,
			colors[i % (sizeof(colors) / sizeof(colors[0]))]);
	for (size_t i = 0; i < n; i++)
		/* Error bars proper come with a point, which would hide short ones. */
		fprintf(script, ", $bar%zu using 1:3:(0):($4-$3) with vectors heads "
			"size graph 0.015,90 linewidth 1.3 linecolor '#222222' notitle, "
			"$bar%zu using 1:4:5 with labels offset 0,0.75 notitle", i, i);
	fputc('\n', script);
}

static void put_bar_figure(FILE *script, const struct figures *f, enum phase phase, bool png)
{
	struct layout l = lay_out(f->projects.count, 0);
	unsigned runs = statistics_runs(f->results);
	double scale = scale_of(f, phase);
	char *title = text_format("%s: %s", phase_name(phase), figures_phase_title(phase));
	const char *panels = f->projects.count > 1 ? "; each panel has its own scale" : "";
	char *below = runs > 1 ? text_format("median of %u runs, lines from the least to the most%s",
					     runs, panels) : text_format("one run%s", panels);

	put_terminal(script, &l, phase_name(phase), png);
	fputs("reset\nset border 3\nset xtics nomirror scale 0\nset ytics nomirror\n"
	      GRID "set lmargin 9\nset rmargin 3\n", script);
	fprintf(script, "set ylabel '%s' offset 1,0\n", scale > 1 ? "milliseconds" : "seconds");
	fprintf(script, "set xrange [0.4:%zu.6]\n", f->filesystems.count);
	put_title(script, &l, title, below);
	for (size_t i = 0; i < f->projects.count; i++) {
		put_panel(script, &l, i, f->projects.items[i]);
		put_bar_panel(script, f, &l, f->projects.items[i], phase, scale);
		fputs("unset label 1\nunset label 2\n", script);
	}
	fputs("unset multiplot\nunset output\n", script);
	free(title);
	free(below);
}

/* --- memory ------------------------------------------------------------ */

enum curve { CURVE_DAEMON, CURVE_WITH_CACHE, CURVE_SHARED, CURVE_CACHED, CURVE_STORED };

static bool is_same_turn(const struct memory_row *row, const struct memory_row *other)
{
	return row->run == other->run && strcmp(row->project, other->project) == 0 &&
	       strcmp(row->filesystem, other->filesystem) == 0;
}

/* The first sample of the first run that has some; NULL = there are none. */
static const struct memory_row *find_turn(const struct figures *f, const char *project,
					  const char *filesystem)
{
	const struct memory_row *found = NULL;

	for (size_t i = 0; i < f->samples->count; i++) {
		const struct memory_row *row = &f->samples->rows[i];

		if (strcmp(row->project, project) == 0 &&
		    (!filesystem || strcmp(row->filesystem, filesystem) == 0) &&
		    (!found || row->run < found->run))
			found = row;
	}
	return found;
}

static double value_of(const struct memory_sample *s, enum curve curve)
{
	int64_t bytes[] = {
		[CURVE_DAEMON] = s->pss, [CURVE_WITH_CACHE] = s->pss + s->cached,
		[CURVE_SHARED] = s->shmem, [CURVE_CACHED] = s->cached, [CURVE_STORED] = s->stored,
	};

	return (double)bytes[curve] / 1e6;
}

static void put_curve(FILE *script, const struct figures *f, const struct memory_row *first,
		      const char *block, enum curve curve)
{
	const struct memory_row *end = f->samples->rows + f->samples->count;

	fprintf(script, "$%s << EOD\n", block);
	for (const struct memory_row *row = first; row && row < end; row++)
		if (is_same_turn(row, first))
			fprintf(script, "%.2f %.3f\n", row->percent, value_of(&row->sample, curve));
	if (!first)
		fputs("0 NaN\n", script);
	fputs("EOD\n", script);
}

/* What of a filesystem is drawn: where its bytes are kept. */
static enum curve main_curve(const struct figures *f, const char *filesystem)
{
	for (size_t i = 0; i < f->samples->count; i++)
		if (f->samples->rows[i].sample.has_daemon &&
		    strcmp(f->samples->rows[i].filesystem, filesystem) == 0)
			return CURVE_DAEMON;
	return strcmp(filesystem, "tmpfs") == 0 ? CURVE_SHARED : CURVE_CACHED;
}

/* One curve of the panel, or its entry in the legend. */
static void put_line(FILE *script, const char *block, const char *legend, const char *color,
		     const char *style)
{
	char *title = gnuplot_quote(legend);

	fprintf(script, "%s using 1:2 with lines linecolor '%s' %s title %s", block, color, style,
		title);
	free(title);
}

static void put_lines(FILE *script, const struct figures *f, bool only_legend)
{
	static const char *const what[] = {
		[CURVE_DAEMON] = "daemon", [CURVE_SHARED] = "shared memory",
		[CURVE_CACHED] = "page cache",
	};
	const char *nothing = only_legend ? "$nothing" : NULL;
	char block[32];

	for (size_t i = 0; i < f->filesystems.count; i++) {
		const char *color = colors[i % (sizeof(colors) / sizeof(colors[0]))];
		enum curve curve = main_curve(f, f->filesystems.items[i]);
		char *legend = text_format("%s: %s", f->filesystems.items[i], what[curve]);

		snprintf(block, sizeof(block), "$main%zu", i);
		put_line(script, nothing ? nothing : block, legend, color, "linewidth 1.8");
		fputs(", ", script);
		free(legend);
		if (curve != CURVE_DAEMON)
			continue;
		legend = text_format("%s: with page cache", f->filesystems.items[i]);
		snprintf(block, sizeof(block), "$more%zu", i);
		put_line(script, nothing ? nothing : block, legend, LIGHT_MEMFS, "linewidth 1.2");
		fputs(", ", script);
		free(legend);
	}
	put_line(script, nothing ? nothing : "$stored", "bytes stored", "#222222",
		 "linewidth 1.5 dashtype '-'");
	fputc('\n', script);
}

static size_t count_lines(const struct figures *f)
{
	size_t lines = 1; /* the bytes stored */

	for (size_t i = 0; i < f->filesystems.count; i++)
		lines += main_curve(f, f->filesystems.items[i]) == CURVE_DAEMON ? 2 : 1;
	return lines;
}

static void put_memory_panel(FILE *script, const struct figures *f, const char *project)
{
	const struct memory_row *stored = find_turn(f, project,
						    statistics_numerator(&f->filesystems));
	char block[32];

	for (size_t i = 0; i < f->filesystems.count; i++) {
		const char *filesystem = f->filesystems.items[i];
		const struct memory_row *turn = find_turn(f, project, filesystem);
		enum curve curve = main_curve(f, filesystem);

		snprintf(block, sizeof(block), "main%zu", i);
		put_curve(script, f, turn, block, curve);
		if (curve != CURVE_DAEMON)
			continue;
		snprintf(block, sizeof(block), "more%zu", i);
		put_curve(script, f, turn, block, CURVE_WITH_CACHE);
	}
	put_curve(script, f, stored ? stored : find_turn(f, project, NULL), "stored",
		  CURVE_STORED);
	fputs("plot ", script);
	put_lines(script, f, false);
}

static void put_legend(FILE *script, const struct figures *f, const struct layout *l)
{
	fprintf(script, "reset\nset origin 0,0\nset size 1,%.4f\nunset border\nunset tics\n"
		"set margins 0,0,0,0\nset xrange [0:1]\nset yrange [0:1]\n"
		"set key center center horizontal Left reverse maxrows %u samplen 2 "
		"spacing 1.1\n$nothing << EOD\n2 2\nEOD\nplot ", l->legend, l->legend_rows);
	put_lines(script, f, true);
}

/* The projects of which there are samples. */
static void sampled_projects(const struct figures *f, struct text_list *projects)
{
	for (size_t i = 0; i < f->projects.count; i++)
		if (find_turn(f, f->projects.items[i], NULL))
			text_list_add(projects, f->projects.items[i]);
}

static void put_memory_figure(FILE *script, const struct figures *f, bool png)
{
	struct text_list projects = { 0 };
	struct layout l;

	sampled_projects(f, &projects);
	l = lay_out(projects.count, count_lines(f));
	put_terminal(script, &l, "memory", png);
	fputs("reset\nset border 3\nset xtics nomirror 0,25,100\nset ytics nomirror\n"
	      GRID "set xrange [0:100]\nset yrange [0:*]\n"
	      "set ylabel 'MB' offset 1,0\nset xlabel '% of the turn' offset 0,0.6\n"
	      "set lmargin 9\nset rmargin 3\nunset key\n", script);
	put_title(script, &l, "memory, from the clone to the removal",
		  projects.count > 1 ? "first run; each panel has its own scale" : "first run");
	for (size_t i = 0; i < projects.count; i++) {
		put_panel(script, &l, i, projects.items[i]);
		put_memory_panel(script, f, projects.items[i]);
		fputs("unset label 1\nunset label 2\n", script);
	}
	put_legend(script, f, &l);
	fputs("unset multiplot\nunset output\n", script);
	text_list_free(&projects);
}

/* --- all --------------------------------------------------------------- */

static bool has_phase(const struct figures *f, enum phase phase)
{
	for (size_t i = 0; i < f->results->count; i++)
		if (f->results->rows[i].phase == phase && f->results->rows[i].ok)
			return true;
	return false;
}

static bool has_samples(const struct figures *f)
{
	for (size_t i = 0; f->samples && i < f->projects.count; i++)
		if (find_turn(f, f->projects.items[i], NULL))
			return true;
	return false;
}

bool figures_draw(struct figures *f, const char *dir)
{
	static const enum phase phases[] = {
		PHASE_CLONE, PHASE_BUILD, PHASE_STAT, PHASE_STAT2, PHASE_REMOVE,
	};
	struct gnuplot g;

	if (!gnuplot_start(&g, dir))
		return false;
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (!has_phase(f, phases[i]))
			continue;
		put_bar_figure(g.script, f, phases[i], false);
		put_bar_figure(g.script, f, phases[i], true);
		text_list_add(&f->names, phase_name(phases[i]));
		text_list_add(&f->captions, figures_phase_title(phases[i]));
	}
	if (has_samples(f)) {
		put_memory_figure(g.script, f, false);
		put_memory_figure(g.script, f, true);
		text_list_add(&f->names, "memory");
		text_list_add(&f->captions, "memory along each turn");
	}
	return gnuplot_finish(&g);
}
