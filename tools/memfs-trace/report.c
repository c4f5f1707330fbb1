/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report - one page with all that is worth a look, and its pictures alone. */
#include "report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "output.h"

enum { OPTION_OUTPUT = 'o', OPTION_SVG = 1, OPTION_PNG };

static const struct option options[] = {
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "png", required_argument, NULL, OPTION_PNG },
	{ 0 },
};

static const struct query_spec spec = {
	.help = "Usage: memfs-trace report [-o FILE] [OPTION...] FILE|MOUNTPOINT\n"
		"Write a page of HTML: sums, pictures, what took longest, what failed, marks. It needs\n"
		"no network and no script.\n"
		"\n"
		"  -o, --output=FILE    not to standard output; FILE is there when it is whole\n"
		"      --svg=DIR        only the pictures, into this directory, which is made\n"
		"      --png=DIR        the same as PNG\n",
	.short_options = "o:",
	.options = options,
	.shared = QUERY_FILTER,
	.operands = 1,
};

struct choices {
	const char *output, *svg, *png;
};

static void take(struct choices *choices, int c)
{
	if (c == OPTION_OUTPUT)
		choices->output = optarg;
	else if (c == OPTION_SVG)
		choices->svg = optarg;
	else
		choices->png = optarg;
}

static bool check(const struct choices *choices)
{
	/* A page is of no use to who looks at a terminal. */
	if (choices->output || choices->svg || choices->png || !isatty(STDOUT_FILENO))
		return true;
	complain("report", "would write HTML to a terminal; give -o FILE");
	return false;
}

static bool write_pictures(const struct report *r, const char *directory, enum plot_kind kind)
{
	char path[PATH_MAX];

	if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
		complain(directory, strerror(errno));
		return false;
	}
	for (const struct report_figure *f = report_figures; f->name; f++) {
		struct plot *p;

		if (!f->height(r))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s.%s", directory, f->name,
			     kind == PLOT_SVG ? "svg" : "png") >= (int)sizeof(path)) {
			complain(directory, strerror(ENAMETOOLONG));
			return false;
		}
		p = report_draw(r, f, kind, true);
		if (!p || !plot_end_file(p, path))
			return false;
	}
	return true;
}

static bool write_page(struct report *r, const char *path)
{
	struct output out;

	if (!output_open(&out, path, true))
		return false;
	/* Who has closed the pipe has seen enough. */
	return output_close(&out, report_write_html(r, out.file)) || out.error == EPIPE;
}

static bool write_all(struct report *r, const struct choices *choices)
{
	bool page = choices->output || (!choices->svg && !choices->png);

	return (!choices->svg || write_pictures(r, choices->svg, PLOT_SVG)) &&
	       (!choices->png || write_pictures(r, choices->png, PLOT_PNG)) &&
	       (!page || write_page(r, choices->output));
}

int command_report(int argc, char **argv)
{
	static struct report report;
	struct choices choices = { 0 };
	bool good;
	int c;

	while ((c = query_option(&report.query, &spec, argc, argv)) >= 0)
		take(&choices, c);
	if (c == QUERY_READY && !check(&choices))
		c = QUERY_MISUSE;
	report_watch(&report);
	if (c != QUERY_READY || !query_open(&report.query, argv[optind]))
		return query_end(&report.query, c == QUERY_READY ? QUERY_MISUSE : c);
	actors_init(&report.actors);
	report_read(&report);
	good = filter_end(&report.query.filter);
	if (good)
		good = write_all(&report, &choices);
	else
		report.query.filter.first = NULL; /* said already */
	report_free(&report);
	return query_end(&report.query, good ? 0 : 2);
}
