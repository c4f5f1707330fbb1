/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdlib.h>

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

enum { OPT_RUNS = 256, OPT_FILES };

static const struct option long_options[] = {
	{ "on", required_argument, NULL, ARGUMENT_ON },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "files", required_argument, NULL, OPT_FILES },
	{ "output", required_argument, NULL, 'o' },
	{ "trace-dir", required_argument, NULL, ARGUMENT_TRACE_DIR },
	{ "work", required_argument, NULL, ARGUMENT_WORK },
	{ "memfs", required_argument, NULL, ARGUMENT_MEMFS },
	{ "memfs-options", required_argument, NULL, ARGUMENT_MEMFS_OPTIONS },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static bool take_option(void *options, const struct argument *a)
{
	struct options *o = options;

	switch (a->option) {
	case OPT_RUNS:
		return argument_count(a, 10000, &o->runs);
	case OPT_FILES:
		return argument_count(a, TREE_FILES_MAX, &o->files);
	case 'o':
		return argument_file(a, &o->output);
	default:
		return filesystem_arguments_take(&o->filesystems, a);
	}
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	static const struct command_line line = {
		.usage = usage_text, .letters = "o:hV", .options = long_options,
		.take = take_option,
	};
	enum options_verdict verdict;

	*o = (struct options){ .runs = 10, .files = 100 };
	verdict = command_line_read(&line, argc, argv, o);
	if (verdict == OPTIONS_RUN &&
	    !filesystem_arguments_fill_in(&o->filesystems, "memfs,tmpfs,native"))
		verdict = OPTIONS_WRONG;
	return verdict;
}

void options_free(struct options *o)
{
	filesystem_arguments_free(&o->filesystems);
	free(o->output);
}
