/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static const char usage_text[] =
	"Usage: git-ops [OPTION...]\n"
	"Time git commands on a small tree on several filesystems, side by side; and count\n"
	"what each asks of memfs.\n"
	"\n"
	"      --on FS[,FS...]     of memfs, tmpfs, native, NAME=DIR (default: the first three)\n"
	"      --runs N            how often; the order of the filesystems alternates\n"
	"                          (default 10)\n"
	"      --files N           files in the tree (default 100)\n"
	"  -o, --output FILE       results as CSV\n"
	"      --trace-dir DIR     keep the traces of memfs: run-N.trace\n"
	"      --work DIR          mount points and native trees (default: /var/tmp)\n"
	"      --memfs PATH        the daemon (default: the one built with this, else in PATH)\n"
	"      --memfs-options OPTS\n"
	"                          mount options for it, e.g. cache=never\n"
	"  -h, --help              show this text\n"
	"  -V, --version           show the version\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed, 2 misuse, 130 interrupted.\n";

enum {
	OPT_ON = 256, OPT_RUNS, OPT_FILES, OPT_TRACE_DIR, OPT_WORK, OPT_MEMFS, OPT_MEMFS_OPTIONS,
};

static const struct option long_options[] = {
	{ "on", required_argument, NULL, OPT_ON },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "files", required_argument, NULL, OPT_FILES },
	{ "output", required_argument, NULL, 'o' },
	{ "trace-dir", required_argument, NULL, OPT_TRACE_DIR },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "memfs", required_argument, NULL, OPT_MEMFS },
	{ "memfs-options", required_argument, NULL, OPT_MEMFS_OPTIONS },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static bool set_path(char **option, const char *value)
{
	if (!*value)
		return complain("a path is empty; see --help");
	argument_set(option, argument_path(value));
	return true;
}

static bool parse_option(struct options *o, int c, const char *value)
{
	switch (c) {
	case OPT_ON:
		return argument_filesystems(&o->filesystems, value);
	case OPT_RUNS:
		return argument_count("--runs", value, 10000, &o->runs);
	case OPT_FILES:
		return argument_count("--files", value, TREE_FILES_MAX, &o->files);
	case 'o':
		return set_path(&o->output, value);
	case OPT_TRACE_DIR:
		return set_path(&o->trace_dir, value);
	case OPT_WORK:
		return set_path(&o->work, value);
	case OPT_MEMFS:
		argument_set(&o->memfs, strchr(value, '/') ? argument_path(value) : text_copy(value));
		return true;
	default:
		argument_set(&o->memfs_options, text_copy(value));
		return true;
	}
}

static bool fill_in(struct options *o)
{
	if (!o->memfs)
		o->memfs = find_memfs();
	if (!o->work)
		o->work = text_copy("/var/tmp");
	return o->filesystems.count || argument_filesystems(&o->filesystems, "memfs,tmpfs,native");
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ .runs = 10, .files = 100 };
	while ((c = getopt_long(argc, argv, "o:hV", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return OPTIONS_DONE;
		}
		if (c == 'V') {
			printf("git-ops (memfs) %s\n", MEMFS_VERSION);
			return OPTIONS_DONE;
		}
		if (c == '?' || !parse_option(o, c, optarg))
			return OPTIONS_WRONG; /* the reason has been said */
	}
	if (optind < argc) {
		complain("%s: is not an option; see --help", argv[optind]);
		return OPTIONS_WRONG;
	}
	return fill_in(o) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
	filesystem_list_free(&o->filesystems);
	free(o->output);
	free(o->trace_dir);
	free(o->work);
	free(o->memfs);
	free(o->memfs_options);
}
