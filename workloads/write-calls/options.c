/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"

#define LEAST_SIZE 4096
#define MOST_SIZE (UINT64_C(1) << 40)

static const char usage_text[] =
	"Usage: write-calls [OPTION...]\n"
	"       write-calls --list\n"
	"Write a file in many ways and show which calls reach the filesystem.\n"
	"\n"
	"What to run:\n"
	"  -m, --method NAME[,NAME...]\n"
	"                          methods of --list; also all (default), syscalls, programs\n"
	"      --cache MODE[,MODE...]\n"
	"                          of always, auto, never: cache modes of memfs (default: all)\n"
	"      --on FS[,FS...]     of memfs, tmpfs, native, NAME=DIR (default: memfs); calls\n"
	"                          are seen on memfs only\n"
	"      --size SIZE         of the file, with k, m, g (default 100m)\n"
	"      --seed N            of the content (default 1)\n"
	"What to write:\n"
	"  -o, --output FILE       results as CSV\n"
	"      --json FILE         results as JSON\n"
	"      --plot DIR          a figure of the calls: write-calls.svg, .png, and what gnuplot\n"
	"                          made them from\n"
	"      --trace-dir DIR     keep the traces: METHOD-MODE.trace\n"
	"Where:\n"
	"      --work DIR          mount points, native files, sources (default: /var/tmp)\n"
	"      --memfs PATH        the daemon (default: the one built with this, else in PATH)\n"
	"Other:\n"
	"      --list              list the methods\n"
	"  -h, --help              show this text\n"
	"  -V, --version           show the version\n"
	"\n"
	"Exit status: 0 all went well, 1 something failed, 2 misuse, 130 interrupted.\n";

enum {
	OPT_CACHE = 256, OPT_ON, OPT_SIZE, OPT_SEED, OPT_JSON, OPT_PLOT, OPT_TRACE_DIR, OPT_WORK,
	OPT_MEMFS, OPT_LIST,
};

static const struct option long_options[] = {
	{ "method", required_argument, NULL, 'm' },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "on", required_argument, NULL, OPT_ON },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "output", required_argument, NULL, 'o' },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "plot", required_argument, NULL, OPT_PLOT },
	{ "trace-dir", required_argument, NULL, OPT_TRACE_DIR },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "memfs", required_argument, NULL, OPT_MEMFS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* What is being read; the lists are put in order when all is known. */
struct parser {
	struct options *options;
	bool *chosen;         /* methods by their place in the table */
	bool any_method;
	bool caches[CACHE_MODES];
	bool any_cache;
};

static const char *const cache_modes[CACHE_MODES] = { "always", "auto", "never" };

/* --- values ------------------------------------------------------------- */

static bool choose_method(struct parser *p, const char *name)
{
	const struct method *found = method_find(name, strlen(name));
	bool all = strcmp(name, "all") == 0, programs = strcmp(name, "programs") == 0;

	if (!found && !all && !programs && strcmp(name, "syscalls") != 0)
		return complain("-m %s: no such method; see --list", name);
	for (size_t i = 0; i < method_count; i++)
		if (found ? &methods[i] == found :
			    all || method_is_program(&methods[i]) == programs)
			p->chosen[i] = true;
	p->any_method = true;
	return true;
}

static bool choose_cache(struct parser *p, const char *name)
{
	for (int i = 0; i < CACHE_MODES; i++) {
		if (strcmp(name, cache_modes[i]) == 0) {
			p->caches[i] = p->any_cache = true;
			return true;
		}
	}
	return complain("--cache %s: is one of always, auto, never", name);
}

/* Each name of a list with commas. */
static bool each_name(struct parser *p, const char *option, const char *text,
		      bool (*take)(struct parser *p, const char *name))
{
	struct text_list names = { 0 };
	bool ok = true;

	text_list_split(&names, text, ",");
	if (!names.count)
		ok = complain("%s: the list is empty", option);
	for (size_t i = 0; ok && i < names.count; i++)
		ok = take(p, names.items[i]);
	text_list_free(&names);
	return ok;
}

static bool parse_size(struct options *o, const char *text)
{
	const char *why = size_parse(text, 0, &o->size);

	if (why)
		return complain("--size %s: %s", text, why);
	return (o->size >= LEAST_SIZE && o->size <= MOST_SIZE) ||
	       complain("--size %s: is from 4k to 1t", text);
}

static bool parse_seed(struct options *o, const char *text)
{
	char *end;

	errno = 0;
	o->seed = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : (errno = EINVAL);
	return (!errno && !*end) ||
	       complain("--seed %s: needs a number from 0 to 18446744073709551615", text);
}

static bool set_path(char **option, const char *name, const char *value)
{
	if (!*value)
		return complain("--%s: the name is empty", name);
	argument_set(option, argument_path(value));
	return true;
}

/* --- parsing ------------------------------------------------------------ */

static bool parse_path(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'o':
		return set_path(&o->output, "output", value);
	case OPT_JSON:
		return set_path(&o->json, "json", value);
	case OPT_PLOT:
		return set_path(&o->plot, "plot", value);
	case OPT_TRACE_DIR:
		return set_path(&o->trace_dir, "trace-dir", value);
	case OPT_WORK:
		return set_path(&o->work, "work", value);
	default:
		if (strchr(value, '/') || !*value)
			return set_path(&o->memfs, "memfs", value);
		argument_set(&o->memfs, text_copy(value)); /* in PATH */
		return true;
	}
}

static bool parse_option(struct parser *p, int c, const char *value)
{
	switch (c) {
	case 'm':
		return each_name(p, "--method", value, choose_method);
	case OPT_CACHE:
		return each_name(p, "--cache", value, choose_cache);
	case OPT_ON:
		return argument_filesystems(&p->options->filesystems, value);
	case OPT_SIZE:
		return parse_size(p->options, value);
	case OPT_SEED:
		return parse_seed(p->options, value);
	case OPT_LIST:
		p->options->action = ACTION_LIST;
		return true;
	default:
		return parse_path(p->options, c, value);
	}
}

/* Puts the chosen ones into order, and fills in what was not given. */
static bool finish(struct parser *p)
{
	struct options *o = p->options;

	o->methods = zalloc(method_count, sizeof(struct method *));
	for (size_t i = 0; i < method_count; i++)
		if (p->chosen[i] || !p->any_method)
			o->methods[o->method_count++] = &methods[i];
	for (int i = 0; i < CACHE_MODES; i++)
		if (p->caches[i] || !p->any_cache)
			o->caches[o->cache_count++] = cache_modes[i];
	if (!o->work)
		o->work = text_copy("/var/tmp");
	if (!o->memfs)
		o->memfs = find_memfs();
	return o->filesystems.count || argument_filesystems(&o->filesystems, "memfs");
}

static enum options_verdict parse(struct parser *p, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "m:o:hV", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return OPTIONS_DONE;
		}
		if (c == 'V') {
			printf("write-calls (memfs) %s\n", MEMFS_VERSION);
			return OPTIONS_DONE;
		}
		if (c == '?' || !parse_option(p, c, optarg))
			return OPTIONS_WRONG; /* the reason has been said */
	}
	if (optind < argc) {
		complain("%s: is not an option; see --help", argv[optind]);
		return OPTIONS_WRONG;
	}
	return finish(p) ? OPTIONS_RUN : OPTIONS_WRONG;
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
	struct parser p = { .options = o, .chosen = zalloc(method_count, sizeof(bool)) };
	enum options_verdict verdict;

	*o = (struct options){ .size = 100 << 20, .seed = 1 };
	verdict = parse(&p, argc, argv);
	free(p.chosen);
	return verdict;
}

void options_free(struct options *o)
{
	filesystem_list_free(&o->filesystems);
	free(o->methods);
	free(o->output);
	free(o->json);
	free(o->plot);
	free(o->work);
	free(o->memfs);
	free(o->trace_dir);
}
