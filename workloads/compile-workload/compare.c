/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "results.h"
#include "statistics.h"

#define WIDTH 23 /* of a column of seconds */

static const char usage_text[] =
	"Usage: compile-workload compare A.csv B.csv\n"
	"Compare two files of results: for each project, filesystem and phase the median seconds\n"
	"of A and of B, with the least and the most of several runs, and the ratio B/A.\n"
	"\n"
	"  faster, slower  all runs of B are faster (slower) than all of A: outside the spread\n"
	"  ?               the same, but of a single run on a side: its spread is not known\n"
	"  (nothing)       within the spread\n"
	"\n"
	"  -h, --help      show this text\n"
	"\n"
	"Exit status: 0 compared, 1 a file cannot be used, 2 misuse.\n";

struct comparison {
	struct results a, b;
	bool has_calls;
	unsigned lines, faster, slower;
};

static const char *verdict(struct comparison *c, const struct statistics *a,
			   const struct statistics *b)
{
	bool faster = b->max < a->min, slower = b->min > a->max;

	if (a->failed || b->failed || !(faster || slower))
		return "";
	if (a->count < 2 || b->count < 2)
		return "?";
	c->faster += faster;
	c->slower += slower;
	return faster ? "faster" : "slower";
}

static void print_seconds(const struct statistics *s)
{
	char text[STATISTICS_TEXT];

	statistics_text(s, text);
	printf(" %*s", WIDTH, text);
}

static void print_calls(const struct comparison *c, const char *project, const char *filesystem,
			enum phase phase)
{
	struct statistics a = statistics_calls(&c->a, project, filesystem, phase);
	struct statistics b = statistics_calls(&c->b, project, filesystem, phase);

	if (!a.count && !b.count)
		return;
	if (a.count)
		printf("  %10.0f", a.median);
	else
		printf("  %10s", "-");
	if (b.count)
		printf("  %10.0f", b.median);
	else
		printf("  %10s", "-");
	if (a.count && b.count && a.median > 0)
		printf("  %6.2fx", b.median / a.median);
}

/* One line, if either file has anything of it. */
static void compare(struct comparison *c, const char *project, const char *filesystem,
		    enum phase phase)
{
	struct statistics a = statistics_seconds(&c->a, project, filesystem, phase);
	struct statistics b = statistics_seconds(&c->b, project, filesystem, phase);
	bool comparable = a.count && b.count && a.median > 0 && !a.failed && !b.failed;

	if (!a.count && !b.count && !a.failed && !b.failed)
		return;
	printf("%-12s %-10s %-8s", project, filesystem, phase_name(phase));
	print_seconds(&a);
	print_seconds(&b);
	if (comparable)
		printf("  %6.2fx  %-6s", b.median / a.median, verdict(c, &a, &b));
	else
		printf("  %7s  %-6s", "-", "");
	if (c->has_calls)
		print_calls(c, project, filesystem, phase);
	putchar('\n');
	c->lines += comparable;
}

static bool have_calls(const struct results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->rows[i].calls >= 0)
			return true;
	return false;
}

static void print_head(const struct comparison *c)
{
	printf("%-12s %-10s %-8s %*s %*s  %7s  %-6s", "project", "filesystem", "phase", WIDTH,
	       "A seconds", WIDTH, "B seconds", "B/A", "");
	if (c->has_calls)
		printf("  %10s  %10s  %7s", "A calls", "B calls", "B/A");
	putchar('\n');
}

static int print(struct comparison *c)
{
	struct text_list projects = { 0 }, filesystems = { 0 };

	statistics_projects(&c->a, &projects);
	statistics_projects(&c->b, &projects);
	statistics_filesystems(&c->a, &filesystems);
	statistics_filesystems(&c->b, &filesystems);
	c->has_calls = have_calls(&c->a) || have_calls(&c->b);
	print_head(c);
	for (size_t p = 0; p < projects.count; p++)
		for (size_t f = 0; f < filesystems.count; f++)
			for (int phase = 0; phase < PHASE_COUNT; phase++)
				compare(c, projects.items[p], filesystems.items[f],
					(enum phase)phase);
	text_list_free(&projects);
	text_list_free(&filesystems);
	printf("\n%u compared: %u faster, %u slower, outside the spread\n", c->lines, c->faster,
	       c->slower);
	if (!flush_output())
		return 1;
	return c->lines ? 0 : (complain("nothing is in both files"), 1);
}

int compare_command(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	struct comparison c = { 0 };
	int option, status = 1;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'h')
			return 2; /* the reason has been said */
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc - optind != 2)
		return complain("compare: needs two files of results; see compare --help"), 2;
	if (results_read(&c.a, argv[optind], false) && results_read(&c.b, argv[optind + 1], false)) {
		printf("A: %s\nB: %s\n\n", argv[optind], argv[optind + 1]);
		status = print(&c);
	}
	results_close(&c.a);
	results_close(&c.b);
	return status;
}
