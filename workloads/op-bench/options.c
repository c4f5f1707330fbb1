/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static const char usage_text[] =
	"Usage: op-bench [OPTION...] DIR...\n"
	"       op-bench --mount [OPTION...] [DIR...]\n"
	"Time single filesystem operations in several directories, side by side; and count\n"
	"what each asks of a memfs.\n"
	"\n"
	"  -e OP[,OP...]           only these operations, or with ! before the first, all but\n"
	"                          these; --list names them\n"
	"      --threads N[,N...]  so many threads at once, each in a directory of its own\n"
	"                          (default: 1)\n"
	"      --shared            all threads in the same directory\n"
	"      --time SECONDS      for each measurement (default: 0.2)\n"
	"      --count N           operations of each thread instead\n"
	"      --runs N            how often; directories alternate within each (default: 5)\n"
	"      --seed N            of the random order (default: another one each time)\n"
	"  -o, --output FILE       results as CSV\n"
	"      --json              results as JSON on standard output, instead of the table\n"
	"      --mount             mount a memfs and a tmpfs, and take a directory on the disk\n"
	"      --work DIR          where these are made (default: /var/tmp)\n"
	"      --memfs PATH        the daemon (default: the one built with this, else in PATH)\n"
	"      --memfs-options OPTS\n"
	"                          mount options for it, e.g. cache=never\n"
	"      --list              list the operations\n"
	"  -h, --help              show this text\n"
	"  -V, --version           show the version\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed, 2 misuse, 130 interrupted.\n";

enum {
	OPT_THREADS = 256, OPT_SHARED, OPT_TIME, OPT_COUNT, OPT_RUNS, OPT_SEED, OPT_JSON,
	OPT_MOUNT, OPT_WORK, OPT_MEMFS, OPT_MEMFS_OPTIONS, OPT_LIST,
};

static const struct option long_options[] = {
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "shared", no_argument, NULL, OPT_SHARED },
	{ "time", required_argument, NULL, OPT_TIME },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "output", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "mount", no_argument, NULL, OPT_MOUNT },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "memfs", required_argument, NULL, OPT_MEMFS },
	{ "memfs-options", required_argument, NULL, OPT_MEMFS_OPTIONS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static void list_ops(void)
{
	for (unsigned i = 0; i < op_count; i++)
		printf("%-18s %s\n", ops[i].name, ops[i].what);
}

/* --- values ------------------------------------------------------------- */

static bool parse_ops(struct options *o, const char *text)
{
	struct text_list names = { 0 };
	bool except = *text == '!', ok = true;

	text_list_split(&names, text + except, ",");
	if (!names.count)
		ok = complain("-e: names no operation; see --list");
	for (size_t i = 0; ok && i < names.count; i++)
		if (!op_find(names.items[i]))
			ok = complain("-e %s: no such operation; see --list", names.items[i]);
	o->op_count = 0;
	for (unsigned i = 0; ok && i < op_count; i++)
		if (text_list_has(&names, ops[i].name) != except)
			o->ops[o->op_count++] = &ops[i];
	if (ok && !o->op_count)
		ok = complain("-e: leaves no operation");
	text_list_free(&names);
	return ok;
}

static bool parse_threads(struct options *o, const char *text)
{
	struct text_list numbers = { 0 };
	bool ok = true;

	text_list_split(&numbers, text, ",");
	if (!numbers.count)
		ok = complain("--threads: needs numbers from 1 to %u", THREADS_MAX);
	o->threads = enlarge(o->threads, numbers.count + 1, sizeof(*o->threads));
	o->thread_counts = o->most_threads = 0;
	for (size_t i = 0; ok && i < numbers.count; i++) {
		unsigned n = 0;

		ok = argument_count("--threads", numbers.items[i], THREADS_MAX, &n);
		for (unsigned j = 0; ok && j < o->thread_counts; j++)
			if (o->threads[j] == n)
				ok = complain("--threads: %u is there twice", n);
		o->threads[o->thread_counts++] = n;
		if (n > o->most_threads)
			o->most_threads = n;
	}
	text_list_free(&numbers);
	return ok;
}

static bool parse_seconds(struct options *o, const char *text)
{
	char *end;
	double seconds = isdigit((unsigned char)*text) || *text == '.' ? strtod(text, &end) : 0;

	if (!(seconds > 0) || *end || !isfinite(seconds) || seconds > 3600)
		return complain("--time %s: needs seconds, more than 0 and at most 3600", text);
	o->seconds = seconds;
	o->count = 0;
	return true;
}

static bool parse_seed(struct options *o, const char *text)
{
	char *end;

	errno = 0;
	o->seed = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
	if (!isdigit((unsigned char)*text) || errno || *end)
		return complain("--seed %s: needs a number", text);
	return true;
}

static bool parse_option(struct options *o, int c, char *value)
{
	switch (c) {
	case 'e':
		return parse_ops(o, value);
	case 'o':
		argument_set(&o->output, argument_path(value));
		return true;
	case OPT_THREADS:
		return parse_threads(o, value);
	case OPT_TIME:
		return parse_seconds(o, value);
	case OPT_COUNT:
		o->seconds = 0;
		return argument_count("--count", value, 1u << 20, &o->count);
	case OPT_RUNS:
		return argument_count("--runs", value, 10000, &o->runs);
	case OPT_SEED:
		return parse_seed(o, value);
	case OPT_SHARED:
		o->shared = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_MOUNT:
		o->mount = true;
		return true;
	case OPT_WORK:
		argument_set(&o->work, argument_path(value));
		return true;
	case OPT_MEMFS:
		argument_set(&o->memfs, strchr(value, '/') ? argument_path(value) : text_copy(value));
		return true;
	default:
		argument_set(&o->memfs_options, text_copy(value));
		return true;
	}
}

/* --- all of it ---------------------------------------------------------- */

static bool add_directory(struct options *o, const char *path)
{
	struct stat st;
	bool ok = true;

	if (stat(path, &st) < 0)
		ok = complain("%s: %s", path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		ok = complain("%s: is not a directory", path);
	text_list_add(&o->directories, path);
	return ok;
}

static bool fill_in(struct options *o)
{
	if (!o->mount && !o->directories.count)
		return complain("no directory given; see --help");
	if (!o->mount && (o->memfs || o->memfs_options || o->work))
		return complain("--work, --memfs and --memfs-options go with --mount");
	if (!o->memfs)
		o->memfs = find_memfs();
	if (!o->work)
		o->work = text_copy("/var/tmp");
	return !o->mount || argument_filesystems(&o->mounts, "memfs,tmpfs,native");
}

static void set_defaults(struct options *o)
{
	*o = (struct options){ .seconds = 0.2, .runs = 5 };
	o->ops = zalloc(op_count, sizeof(const struct op *));
	for (unsigned i = 0; i < op_count; i++)
		o->ops[o->op_count++] = &ops[i];
	parse_threads(o, "1");
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed %= 1000000000; /* for people to type */
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	int c;

	set_defaults(o);
	while ((c = getopt_long(argc, argv, "e:o:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage_text, stdout);
			return OPTIONS_DONE;
		case 'V':
			printf("op-bench (memfs) %s\n", MEMFS_VERSION);
			return OPTIONS_DONE;
		case OPT_LIST:
			list_ops();
			return OPTIONS_DONE;
		case '?':
			return OPTIONS_WRONG; /* the reason has been said */
		default:
			if (!parse_option(o, c, optarg))
				return OPTIONS_WRONG;
		}
	}
	for (; optind < argc; optind++)
		if (!add_directory(o, argv[optind]))
			return OPTIONS_WRONG;
	return fill_in(o) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
	text_list_free(&o->directories);
	filesystem_list_free(&o->mounts);
	free(o->ops);
	free(o->threads);
	free(o->output);
	free(o->work);
	free(o->memfs);
	free(o->memfs_options);
}
