/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
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
	OPT_MOUNT, OPT_LIST,
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
	{ "work", required_argument, NULL, ARGUMENT_WORK },
	{ "memfs", required_argument, NULL, ARGUMENT_MEMFS },
	{ "memfs-options", required_argument, NULL, ARGUMENT_MEMFS_OPTIONS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* --- values ------------------------------------------------------------- */

static bool take_ops(struct options *o, const char *text)
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

static bool add_threads(struct options *o, const struct argument *a)
{
	unsigned n;

	if (!argument_count(a, THREADS_MAX, &n))
		return false;
	for (unsigned i = 0; i < o->thread_counts; i++)
		if (o->threads[i] == n)
			return complain("%s: %u is there twice", a->name, n);
	o->threads = enlarge(o->threads, o->thread_counts + 1, sizeof(*o->threads));
	o->threads[o->thread_counts++] = n;
	if (n > o->most_threads)
		o->most_threads = n;
	return true;
}

static bool take_threads(struct options *o, const struct argument *a)
{
	struct text_list numbers = { 0 };
	bool ok = true;

	text_list_split(&numbers, a->value, ",");
	if (!numbers.count)
		ok = complain("%s: needs numbers from 1 to %u", a->name, THREADS_MAX);
	o->thread_counts = o->most_threads = 0;
	for (size_t i = 0; ok && i < numbers.count; i++)
		ok = add_threads(o, &(struct argument){ a->option, a->name, numbers.items[i] });
	text_list_free(&numbers);
	return ok;
}

static bool take_seconds(struct options *o, const char *text)
{
	char *end;
	double seconds = isdigit((unsigned char)*text) || *text == '.' ? strtod(text, &end) : 0;

	if (!(seconds > 0) || *end || !isfinite(seconds) || seconds > 3600)
		return complain("--time %s: needs seconds, more than 0 and at most 3600", text);
	o->seconds = seconds;
	o->count = 0;
	return true;
}

static bool take_option(void *options, const struct argument *a)
{
	struct options *o = options;

	switch (a->option) {
	case 'e':
		return take_ops(o, a->value);
	case 'o':
		return argument_file(a, &o->output);
	case OPT_THREADS:
		return take_threads(o, a);
	case OPT_TIME:
		return take_seconds(o, a->value);
	case OPT_COUNT:
		o->seconds = 0;
		return argument_count(a, 1u << 20, &o->count);
	case OPT_RUNS:
		return argument_count(a, 10000, &o->runs);
	case OPT_SEED: /* JSON has no greater numbers */
		return argument_number(a, INT64_MAX, &o->seed);
	case OPT_SHARED:
		return o->shared = true;
	case OPT_JSON:
		return o->json = true;
	case OPT_MOUNT:
		return o->mount = true;
	case OPT_LIST:
		return o->list = true;
	default:
		return filesystem_arguments_take(&o->mounts, a);
	}
}

/* --- all of it ---------------------------------------------------------- */

static bool add_directory(void *options, const char *path)
{
	struct options *o = options;
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
	const struct filesystem_arguments *m = &o->mounts;

	if (o->list)
		return true;
	if (!o->mount && !o->directories.count)
		return complain("no directory given; see --help");
	if (!o->mount && (m->memfs || m->memfs_options || m->work))
		return complain("--work, --memfs and --memfs-options go with --mount");
	return filesystem_arguments_fill_in(&o->mounts, o->mount ? "memfs,tmpfs,native" : NULL);
}

static void set_defaults(struct options *o)
{
	*o = (struct options){ .seconds = 0.2, .runs = 5 };
	o->ops = zalloc(op_count, sizeof(const struct op *));
	for (unsigned i = 0; i < op_count; i++)
		o->ops[o->op_count++] = &ops[i];
	add_threads(o, &(struct argument){ OPT_THREADS, "--threads", "1" });
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed %= 1000000000; /* for people to type */
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	static const struct command_line line = {
		.usage = usage_text, .letters = "e:o:hV", .options = long_options,
		.take = take_option, .take_operand = add_directory,
	};
	enum options_verdict verdict;

	set_defaults(o);
	verdict = command_line_read(&line, argc, argv, o);
	if (verdict == OPTIONS_RUN && !fill_in(o))
		verdict = OPTIONS_WRONG;
	return verdict;
}

void options_free(struct options *o)
{
	text_list_free(&o->directories);
	filesystem_arguments_free(&o->mounts);
	free(o->ops);
	free(o->threads);
	free(o->output);
}
