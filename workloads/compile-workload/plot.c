/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plot.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/directories.h"
#include "figures.h"
#include "page.h"
#include "record.h"
#include "statistics.h"

static const char usage_text[] =
	"Usage: compile-workload plot RESULTS.csv [OPTION...]\n"
	"Draw figures of results, as SVG and PNG, and write a page of HTML with all of them.\n"
	"\n"
	"      --samples FILE  memory along the way, as --samples wrote it\n"
	"      --json FILE     the results' JSON file, for what they were measured on\n"
	"                      (default: RESULTS.json, if it is there)\n"
	"  -o, --output DIR    where to put them (default: RESULTS-plots)\n"
	"  -h, --help          show this text\n"
	"\n"
	"Exit status: 0 drawn, 1 something failed, 2 misuse.\n";

enum { OPT_SAMPLES = 256, OPT_JSON };

struct plot {
	const char *csv;
	char *samples_path, *json_path, *dir;
	struct results results;
	struct samples samples;
	json_t *record;
};

/* -1 = go on; else the exit status. */
static int parse(struct plot *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "samples", required_argument, NULL, OPT_SAMPLES },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (c) {
		case OPT_SAMPLES:
			argument_set(&p->samples_path, text_copy(optarg));
			break;
		case OPT_JSON:
			argument_set(&p->json_path, text_copy(optarg));
			break;
		case 'o':
			argument_set(&p->dir, text_copy(optarg));
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			return 2; /* the reason has been said */
		}
	}
	if (argc - optind != 1)
		return complain("plot: needs one file of results; see plot --help"), 2;
	if (p->dir && !*p->dir)
		return complain("plot: a directory's name is empty; see plot --help"), 2;
	p->csv = argv[optind];
	return -1;
}

/* The JSON that was asked for must be there; the one beside the results need not. */
static bool load_record(struct plot *p)
{
	char *beside = results_beside(p->csv, ".json"), *why = NULL;
	const char *path = p->json_path ? p->json_path : beside;
	bool ok = true;

	if (p->json_path || access(path, F_OK) == 0) {
		p->record = record_load(path, &why);
		ok = p->record || complain("%s: %s", path, why);
	}
	if (p->record)
		record_give_operations(p->record, &p->results);
	free(why);
	free(beside);
	return ok;
}

static void print_files(const struct figures *f, const char *dir)
{
	for (size_t i = 0; i < f->names.count; i++)
		printf("%s/%s.svg, %s.png: %s\n", dir, f->names.items[i], f->names.items[i],
		       f->captions.items[i]);
	printf("%s/index.html: all of them, with tables\n", dir);
}

static bool draw(struct plot *p)
{
	struct figures f = { .results = &p->results,
			     .samples = p->samples_path ? &p->samples : NULL };
	bool ok = p->results.count > 0 || complain("%s: has no rows", p->csv);

	statistics_projects(&p->results, &f.projects);
	statistics_filesystems(&p->results, &f.filesystems);
	ok = ok && make_directories(p->dir) && figures_draw(&f, p->dir) &&
	     page_write(&f, p->record, p->dir);
	if (ok)
		print_files(&f, p->dir);
	text_list_free(&f.projects);
	text_list_free(&f.filesystems);
	text_list_free(&f.names);
	text_list_free(&f.captions);
	return ok;
}

int plot_command(int argc, char **argv)
{
	struct plot p = { 0 };
	int status = parse(&p, argc, argv);

	if (status < 0) {
		if (!p.dir)
			p.dir = results_beside(p.csv, "-plots");
		status = results_read(&p.results, p.csv, false) && load_record(&p) &&
			 (!p.samples_path || samples_read(&p.samples, p.samples_path)) &&
			 draw(&p) ? 0 : 1;
	}
	json_decref(p.record);
	samples_close(&p.samples);
	results_close(&p.results);
	free(p.samples_path);
	free(p.json_path);
	free(p.dir);
	return status;
}
